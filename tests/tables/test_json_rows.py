"""ConsDB's JSON: the same table however the network slices it, every digit kept, an error for whatever is not one."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skykey.tables import json_rows
from skykey.tables.columns import Column
from skykey.tables.end import End
from skykey.tables.json_rows import JsonBatches, JsonTable
from skykey.tables.table import Table
from skykey.values.errors import Interrupted, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.request import Head

HEAD = Head(200, {"content-type": "application/json"}, Url("https://a.example/consdb/query"))


def document(rows: list[Any], *names: str) -> bytes:
    return json.dumps({"columns": list(names), "data": rows}, ensure_ascii=False).encode()


def read(data: bytes, sizes: list[int] | None = None, types: Any = None, **more: Any) -> Table:
    reader = JsonTable(types, **more)
    reader.head(HEAD)
    at = 0
    for size in sizes or ():
        reader.feed(data[at : at + size])
        at += size
    reader.feed(data[at:])
    return reader.finish()


def one(values: list[Any], kind: Any = None) -> Any:
    """A column of these values."""
    return read(document([[value] for value in values], "x"), types={"x": kind} if kind else None).arrow["x"]


CELLS: dict[str, Any] = {
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "float": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "string": st.none() | st.text() | st.sampled_from(['],["', "[[", "a],[b", '\\"', "]]}", "{", "\\"]),
    "boolean": st.none() | st.booleans(),
}
TYPES = {"integer": pa.int64(), "float": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}


@st.composite
def answers(draw: Any) -> tuple[bytes, list[list[Any]], list[str]]:
    kinds = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*(CELLS[kind] for kind in kinds)).map(list), max_size=8))
    body = {"columns": [f"c{number}" for number in range(len(kinds))], "data": rows}
    if draw(st.booleans()):
        body = dict(reversed(body.items()))
    layout: Any = draw(st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}]))
    return json.dumps(body, ensure_ascii=draw(st.booleans()), **layout).encode(), rows, kinds


@given(answers(), st.lists(st.integers(1, 40), max_size=60))
@settings(deadline=None, max_examples=150)
def test_the_same_table_whatever_the_slicing_and_the_layout(answer: Any, sizes: list[int]) -> None:
    data, rows, kinds = answer
    types = {f"c{number}": TYPES[kind] for number, kind in enumerate(kinds)}
    table = read(data, sizes, types)
    assert table.arrow.schema.types == list(types.values())
    assert [list(row.values()) for row in table.arrow.to_pylist()] == rows
    assert table.end == End(complete=True, rows=len(rows))
    assert table.arrow.equals(read(data, None, types).arrow)


@given(answers())
@settings(deadline=None, max_examples=40)
@example((document([[12, "a],[b\\"], [None, 'é"']], "x", "y"), [], []))
def test_every_truncation_point_is_an_error(answer: Any) -> None:
    """Never a short table."""
    data = answer[0]
    for cut in range(len(data)):
        with pytest.raises(Interrupted):
            read(data[:cut])


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
@example(b"[]")
@example(b"{}")
@example(b"null")
@example(b'{"columns": ["x"]}')
@example(b'{"data": [[1]]}')
@example(b'{"columns": "x", "data": [[1]]}')
@example(b'{"columns": [1], "data": [[1]]}')
@example(b'{"columns": ["x"], "data": {}}')
@example(b'{"columns": ["x"], "data": ["a"]}')
@example(b'{"columns": ["x"], "data": [[1], "a"]}')
@example(b'{"columns": ["x"], "data": [[1, 2]]}')
@example(b'{"columns": ["x"], "data": [[1],]}')
@example(b'{"columns": ["x"], "data": [[1] [2]]}')
@example(b'{"columns": ["x"], "data": [[1]], "data": [[2]]}')
@example(b'{"columns": ["x"], "columns": ["y"], "data": [[2]]}')
@example(b'{"columns": ["x"], "data": [[1]]} {}')
@example(b'{"columns": ["x"], "data": [["\\ud800"]]}')
@example(b'{"columns": ["x"], "data": [["\xff"]]}')
@example(b'{"columns": ["x"], "data": [[{"a": 1}]]}')
@example(b'{"columns": ["x"], "data": [[[[1]]]]}')
@example(b'{"columns": ["x"], "data": [' + b"[" * 100_000)
@example(b'{"columns": ["x"], "data": [[' + b"9" * 5000 + b"]]}")
@example(b'{"columns": ["x"], "data": [[nope, 1, 2, 3, 4, 5, 6, 7]]}')
def test_nonsense_is_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(SkykeyError):
        read(data)


@given(st.lists(st.integers(1, 9), max_size=60))
def test_other_members_are_passed_over(sizes: list[int]) -> None:
    data = b'{"n": 1234, "o": {"data": [[7]]}, "columns": ["x"], "data": [[1], [2]], "z": [-1.5e3], "t": 1}'
    assert read(data, sizes).arrow.to_pydict() == {"x": [1, 2]}


def test_what_is_wrong_shows_before_the_end() -> None:
    reader = JsonBatches()
    with pytest.raises(Unreadable, match=r"no row, at character 24"):
        reader.feed(b'{"columns": [], "data":["a"]')


def test_integers_keep_every_digit_beside_nulls() -> None:
    values = [2**53 + 1, -(2**63), 2**63 - 1, None]
    assert (one(values).type, one(values).to_pylist()) == (pa.int64(), values)


def test_integers_beyond_64_bits_are_decimals() -> None:
    made = one([2**63, None, -1])
    assert (made.type, made.to_pylist()) == (pa.decimal128(38, 0), [Decimal(2**63), None, Decimal(-1)])
    assert one([2**64 - 1], pa.uint64()).to_pylist() == [2**64 - 1]
    with pytest.raises(Unreadable, match="column x"):
        one([10**39])


def test_integers_among_floats_are_floats_if_they_keep_every_digit() -> None:
    assert one([1, 1.5]).to_pylist() == [1.0, 1.5]
    assert one([1.5, 1]).type == pa.float64()
    for mixed in ([2**53 + 1, 1.5], [1.5, 2**53 + 1], [2**63, 1.5]):
        with pytest.raises(Unreadable, match="column x"):
            one(mixed)


@pytest.mark.parametrize("first", [2**53 + 1, "a", True])
def test_pieces_that_have_no_type_in_common_are_an_error(monkeypatch: pytest.MonkeyPatch, first: Any) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", 1)
    with pytest.raises(Unreadable, match="do not fit into one table"):
        one([first, 1.5])


def test_pieces_take_the_type_of_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", 1)
    assert one([None, 1, 2.5]).to_pylist() == [None, 1.0, 2.5]
    assert one([None, 2**62, 2**63]).to_pylist() == [None, Decimal(2**62), Decimal(2**63)]


@pytest.mark.parametrize("mixed", [[True, 1], [1, True], [1.5, True], [True, 1.5], ["a", 1], [1, "a"], [[1.5, True]]])
def test_other_kinds_in_one_column_are_an_error(mixed: list[Any]) -> None:
    """Arrow alone reads True behind 1.5 as 1.0."""
    with pytest.raises(Unreadable, match="column x"):
        one(mixed)


def test_a_column_of_nulls_has_the_schemas_type_or_none() -> None:
    assert one([None, None]).type == pa.null()
    assert one([None, None], pa.int64()).type == pa.int64()


def test_an_empty_answer_has_its_columns() -> None:
    """rubin_nights has lost them."""
    types = {"a": pa.int64(), "t": pa.timestamp("us")}
    table = read(document([], "a", "t", "x"), types=types)
    assert table.arrow.schema.types == [pa.int64(), pa.timestamp("us"), pa.null()]
    assert (len(table), table.columns_known, table.end) == (0, True, End(complete=True, rows=0))
    reader = JsonBatches(types)
    assert [batch.num_rows for batch in reader.feed(document([], "a", "t", "x"))] == [0]


def test_text_becomes_what_the_schema_says() -> None:
    times = one(["2025-06-20T23:00:00.123456", "2025-06-20T23:00:00", None], pa.timestamp("us"))
    assert times.type == pa.timestamp("us")
    assert times.to_pylist()[0] == dt.datetime(2025, 6, 20, 23, 0, 0, 123456)  # noqa: DTZ001 - TAI has no zone
    assert one(["1.50", None], pa.decimal128(10, 2)).to_pylist() == [Decimal("1.50"), None]
    assert one(["1.5", "-2e3"], pa.float64()).to_pylist() == [1.5, -2000.0]
    assert one(["7"], pa.int64()).to_pylist() == [7]
    assert one(["2025-06-20"], pa.date32()).to_pylist() == [dt.date(2025, 6, 20)]
    assert one([1, 2.0], pa.int64()).to_pylist() == [1, 2]
    assert one([1], pa.float64()).to_pylist() == [1.0]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, pa.int64()),
        (2**53 + 1, pa.float64()),
        (2**31, pa.int32()),
        ("a", pa.int64()),
        ("1.555", pa.decimal128(10, 2)),
        (0.1, pa.decimal128(10, 2)),
        (1, pa.bool_()),
        ("true", pa.bool_()),
        (True, pa.int64()),
        (1, pa.string()),
        (5, pa.timestamp("us")),
        ("9007199254740993", pa.float64()),
        ("0.1234567890123456789", pa.float64()),
        ("0.1" + "0" * 40 + "1", pa.float64()),
        ("1e400", pa.float64()),
        ("1e-400", pa.float64()),
        ("16777217", pa.float32()),
        (1e39, pa.float32()),
        (-(2**70) - 1, pa.float64()),
        (10**400, pa.float64()),
        ("0x10", pa.int64()),
        (["0x10"], pa.list_(pa.int64())),
        ([1.5], pa.list_(pa.string())),
        ([True], pa.list_(pa.int64())),
        ([1], pa.list_(pa.bool_())),
        ("2025-06-20T23:00:00Z", pa.timestamp("us")),
        ("2025-06-20T23:00:00.1234567", pa.timestamp("us")),
        ("noon", pa.timestamp("us")),
    ],
)
def test_what_does_not_fit_the_schema_is_an_error(value: Any, kind: Any) -> None:
    with pytest.raises(Unreadable, match="column x"):
        one([value], kind)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([2**70, 0.5, None], pa.float64(), [2.0**70, 0.5, None]),
        (["9007199254740992", "-9007199254740994"], pa.float64(), [2.0**53, -(2.0**53) - 2]),
        (["0.10000000000000001", "0.1", "5e-324", "-0"], pa.float64(), [0.1, 0.1, 5e-324, 0.0]),
        (["Infinity", "-inf", None], pa.float64(), [float("inf"), -float("inf"), None]),
        (["0.5", "0.100000001"], pa.float32(), [0.5, 0.10000000149011612]),
        ([0.1, 1, None], pa.float32(), [0.10000000149011612, 1.0, None]),
        (["+7", "-0"], pa.int64(), [7, 0]),
        ([[1], None, [], [None]], pa.list_(pa.float64()), [[1.0], None, [], [None]]),
    ],
)
def test_what_the_type_holds_exactly_is_there(values: list[Any], kind: Any, expected: list[Any]) -> None:
    assert (one(values, kind).type, one(values, kind).to_pylist()) == (kind, expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_way_to_write_a_float_gives_it_back(value: float) -> None:
    texts = [repr(value), f"{value:.17g}", f"{value:.16e}", str(Decimal(value))]
    assert one(texts, pa.float64()).to_pylist() == [value] * 4


@pytest.mark.parametrize("values", [[2**70 + 1, 0.5], [0.5, 2**70 + 1], [2**63, 0.5, None]])
def test_integers_of_more_than_64_bits_are_not_rounded_by_floats_of_another_piece(
    monkeypatch: pytest.MonkeyPatch, values: list[Any]
) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", 1)
    with pytest.raises(Unreadable, match="column x integers of more than 64 bits"):
        one(values)


def test_arrays_of_the_database_are_lists() -> None:
    assert one([[1, 2], None, []]).to_pylist() == [[1, 2], None, []]
    assert one([["a"]]).type == pa.list_(pa.string())


def test_columns_of_one_name_are_one_if_they_are_equal() -> None:
    table = read(document([[1, "a", 1, 1.5], [2, "b", 2, 2.5]], "visit_id", "band", "visit_id", "x"))
    assert table.arrow.column_names == ["visit_id", "band", "x"]
    assert table.facts == {"repeated_columns": {"visit_id": ["visit_id"]}}
    assert table.to_pandas().attrs["repeated_columns"] == {"visit_id": ["visit_id"]}


def test_columns_of_one_name_are_both_there_if_they_differ() -> None:
    """As in a left join, where the right one may be null; rubin_nights drops it unseen."""
    known = [Column("visit_id", pa.int64(), description="of the visit")]
    rows = [[1, 1, 1], [2, None, 2]]
    table = read(document(rows, "visit_id", "visit_id", "visit_id"), columns=known, types={"visit_id": pa.int64()})
    assert table.arrow.to_pydict() == {"visit_id": [1, 2], "visit_id_1": [1, None]}
    assert table.facts == {"repeated_columns": {"visit_id": ["visit_id", "visit_id_1"]}}
    assert table.to_pandas().attrs["descriptions"] == {"visit_id": "of the visit", "visit_id_1": "of the visit"}


def test_batches_have_all_columns_because_nobody_knows_yet() -> None:
    reader = JsonBatches()
    (batch,) = reader.feed(document([[1, 1]], "x", "x"))
    assert batch.column_names == ["x", "x_1"]
    assert reader.repeated == {"x": ["x", "x_1"]}


def test_exactly_as_many_rows_as_the_server_gives_at_most_may_be_cut() -> None:
    rows = [[number] for number in range(3)]
    assert read(document(rows, "x"), limit=3).end == End(complete=True, rows=3, cut_by="the server's limit of 3 rows")
    assert not read(document(rows, "x"), limit=4).truncated
    assert not read(document(rows, "x"), limit=None).truncated
    assert read(document(rows, "x"), limit=3).truncated
    assert JsonTable()._limit == 1_000_000


def test_batches_go_on_as_soon_as_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", 2)
    reader = JsonBatches()
    data = document([[number] for number in range(5)], "x")
    counts = [batch.num_rows for at in range(len(data)) for batch in reader.feed(data[at : at + 1])]
    assert counts == [2, 2, 1]
    assert reader.finish() == End(complete=True, rows=5)


def test_a_long_row_in_small_pieces_is_there_at_the_end_of_feeding() -> None:
    long = ["x" * 200_000, "]"]
    data = document([long], "a", "b")
    assert read(data, [70_000, 60_000, 60_000, 10_000]).arrow.to_pylist() == [{"a": long[0], "b": "]"}]


def test_the_time_scale_and_descriptions_are_there_in_each_batch() -> None:
    known = [Column("t", pa.timestamp("us"), unit="s", description="begin")]
    table = read(
        document([["2025-06-20T23:00:00"]], "t"), types={"t": pa.timestamp("us")}, columns=known, time_scale="tai"
    )
    assert table.time_scale == "tai"
    assert table.to_pandas().attrs["units"] == {"t": "s"}


def test_a_message_instead_of_rows_is_quoted() -> None:
    with pytest.raises(Unreadable, match="no such table"):
        read(b'{"message": "no such table"}')


@pytest.mark.parametrize("name", ["message", "detail", "error"])
@pytest.mark.parametrize("is_before", [True, False])
def test_rows_beside_words_about_a_failure_are_not_taken_for_all_of_them(name: str, is_before: bool) -> None:
    said, rows = f'"{name}": "stopped after a row"', '"columns": ["a"], "data": [[1]]'
    with pytest.raises(Unreadable, match="beside its rows") as caught:
        read(f"{{{said}, {rows}}}".encode() if is_before else f"{{{rows}, {said}}}".encode())
    assert caught.value.words == ("stopped after a row" if name == "message" else None)
    assert len(read(f'{{{rows}, "{name}": null, "took": 3}}'.encode())) == 1


@pytest.mark.parametrize("kind", ["text/html", "application/xhtml+xml"])
def test_a_login_page_is_refused(kind: str) -> None:
    with pytest.raises(Unreadable, match="login page"):
        JsonTable().head(Head(200, {"content-type": kind}, Url("https://a.example/query?q=secret")))
    with pytest.raises(Unreadable):
        read(b"<html>")


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("application/json", b'{"message": "Invalid instrument", "value": "x"}', "Invalid instrument"),
        ("application/json", b'{"detail": [{"msg": "field required"}]}', "field required"),
        ("text/plain", b"Internal Server Error", "Internal Server Error"),
        ("text/html", b"<html>", ""),
    ],
)
def test_the_servers_words(kind: str, body: bytes, words: str) -> None:
    assert JsonBatches().words(Head(500, {"content-type": kind}, Url("https://a.example")), body) == words
