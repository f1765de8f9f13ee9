"""The scanner of JSON's rows: its work grows with the text, however that is cut; its fast parser changes nothing."""

import json
from importlib import import_module
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skykey.tables import json_scanner
from skykey.tables.json_scanner import JsonScanner, NotJson

START = b'{"columns": ["x"], "data": ['


def fed(*pieces: bytes) -> JsonScanner:
    scanner = JsonScanner("data")
    for piece in pieces:
        scanner.feed(piece)
    return scanner


class Counting:
    """A pattern, or a decoder, that counts the characters it looks at."""

    def __init__(self) -> None:
        self.looked = 0

    def pattern(self, pattern: Any) -> Any:
        counting = self

        class Counted:
            @staticmethod
            def search(text: str, at: int = 0) -> Any:
                found = pattern.search(text, at)
                counting.looked += (found.end() if found else len(text)) - at
                return found

        return Counted

    def decoder(self, decode: Any) -> Any:
        def counted(text: str, at: int) -> Any:
            try:
                found = decode(text, at)
            except ValueError:
                self.looked += len(text) - at
                raise
            self.looked += found[1] - at
            return found

        return counted


LONG = {
    "a name": (b'{"', b"n", b'": 1}'),
    "blanks behind a name": (b'{"n"', b" ", b": 1}"),
    "a value": (b'{"n": "', b"v", b'"}'),
    "escapes": (b'{"n": "', b'\\"', b'"}'),
    "a list": (b'{"n": [', b"1, ", b"1]}"),
    "a number": (b'{"n": 1.', b"0", b"}"),
    "a row": (START + b"[", b"1,", b"1]]}"),
    "a text in a row": (START + b'["', b"],[", b'"]]}'),
    "blanks between rows": (START + b"[1]", b" ", b"]}"),
    "brackets in a row": (START + b'["a", ', b"[],", b"1]]}"),
    "a row that is none": (START + b"[", b"[1},", b""),
    "a literal that is none": (b'{"n": ', b"nope", b""),
}


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize(("size", "length"), [(1, 200_000), (7, 400_000), (65_536, 2_000_000)])
def test_no_piece_is_looked_at_again_and_again(
    monkeypatch: pytest.MonkeyPatch, what: str, size: int, length: int
) -> None:
    """Work is counted, and not timed: each character is looked at a few times, however small the pieces are."""
    begin, middle, end = LONG[what]
    data = begin + middle * (length // len(middle)) + end
    counting = Counting()
    for name in ("_OUTSIDE", "_INSIDE", "_BEHIND", "_CLOSING"):
        if hasattr(json_scanner, name):
            monkeypatch.setattr(json_scanner, name, counting.pattern(getattr(json_scanner, name)))
    scanner = JsonScanner("data")
    scanner._decode = counting.decoder(scanner._decode)
    try:
        for at in range(0, len(data), size):
            before = scanner._text
            scanner.feed(data[at : at + size])
            if scanner._text is not before:
                counting.looked += len(scanner._text)
        assert scanner.is_over or not end
    except NotJson:
        assert not end
    assert counting.looked <= 12 * len(data) + 10_000


def test_a_value_without_end_is_refused_before_it_fills_the_memory() -> None:
    for begin in (b'{"', b'{"n": "', b'{"n": 1', START + b'["', START + b"[" + b"1,"):
        for size in (65_536, 1_000_000):
            with pytest.raises(NotJson, match="too long"):
                fed(begin, *[b"1" * size] * (10 * 2**20 // size))


@pytest.mark.parametrize(
    "text", ["1e5", "-1.5E-3", "true", "null", '"a\\u00e4\\n"', '"\\ud83d\\ude00"', "[1, {}]", "0"]
)
def test_a_member_is_the_same_wherever_it_is_cut(text: str) -> None:
    data = f'{{"n": {text}, "m" : {text} , "data": [[1]]}}'.encode()
    for cut in range(len(data)):
        scanner = JsonScanner("data")
        assert scanner.feed(data[:cut]) + scanner.feed(data[cut:]) == [[1]]
        assert scanner.members == {"n": json.loads(text), "m": json.loads(text)}
        assert scanner.is_over


def test_what_is_no_value_shows_where_it_ends() -> None:
    """Also if only its last letters are wrong, and it comes letter by letter."""
    for text in ('{"n": nul}', '{"n": "\\x"}', '{"n": [1}}', '{"n": -}', START.decode() + "[1}]"):
        for size in (1, 3, 100):
            with pytest.raises(NotJson):
                fed(*(text[at : at + size].encode() for at in range(0, len(text), size)))


# -- the fast parser


def fast(text: str) -> Any:
    """orjson, or somebody with the same faults."""
    try:
        return import_module("orjson").loads(text)
    except ImportError:
        pass

    def refused(_: str) -> Any:
        raise ValueError

    def number(digits: str) -> Any:
        return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)

    return json.loads(text, parse_constant=refused, parse_int=number)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**63 - 3, 2**64 + 3),
    st.integers(-(2**63) - 3, -(2**63) + 3),
    st.floats(),
    st.text(),
    st.sampled_from(["],[", "], [", '"', '\\"],["', "\\", "[[", "0" * 30, "]]}"]),
    st.lists(st.integers(), max_size=2),
)


@given(
    st.lists(st.lists(VALUES, max_size=4), min_size=1, max_size=12),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(1, 80), max_size=20),
)
@settings(deadline=None, max_examples=300)
@example([[2**64], [1]], True, False, [])
@example([[-(2**63) - 1], [1]], True, False, [])
@example([[10**25], [1]], True, True, [])
@example([[1e-5 / 3], [10**25], [1]], True, True, [])
@example([['a],[b\\"],["'], ["],["], [1]], True, False, [])
@example([[[1], [2]], [[3]]], True, False, [])
@example([[float("nan")], [1]], True, False, [])
def test_the_fast_parser_gives_the_same_rows(
    rows: list[list[Any]], is_tight: bool, is_ascii: bool, sizes: list[int]
) -> None:
    """It makes floats of large integers without a word; such rows are not given to it."""
    layout: Any = {"separators": (",", ":")} if is_tight else {}
    data = json.dumps({"data": rows}, ensure_ascii=is_ascii, **layout).encode("utf-8", "surrogatepass")
    found: list[str] = []
    for loads in (None, fast):
        scanner = JsonScanner("data")
        scanner._loads = loads
        at, got = 0, []
        try:
            for size in [*sizes, len(data)]:
                got += scanner.feed(data[at : at + size])
                at += size
        except NotJson:
            got = ["not JSON"]  # a surrogate alone
        found.append(repr(got))
    assert found[0] == found[1]
    assert found[0] in {repr(rows), repr(["not JSON"])}


@pytest.mark.parametrize("separator", [",", ", "])
def test_rows_are_given_to_the_fast_parser_in_one_go(separator: str) -> None:
    given: list[str] = []
    scanner = JsonScanner("data")
    scanner._loads = lambda text: (given.append(text), fast(text))[1]
    rows = [[number, "a],[b", number / 7, 0.00012345678901234567] for number in range(500)]
    data = json.dumps({"data": rows}, separators=(separator, ":")).encode()
    found = [row for at in range(0, len(data), 5_000) for row in scanner.feed(data[at : at + 5_000])]
    assert found == rows
    assert sum(map(len, given)) > 0.9 * len(data)


def test_what_is_no_row_among_rows_is_refused_by_the_fast_parser_too() -> None:
    for data in (b'{"data": [[1],{},[2],[3]]}', b'{"data": [[1],2,[2],[3]]}', b'{"data": [[01],[2],[3]]}'):
        scanner = JsonScanner("data")
        scanner._loads = fast
        with pytest.raises(NotJson):
            scanner.feed(data)
