"""Compressed answers: whole, in any pieces, or an error."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.values.errors import Interrupted, SkykeyError, Unreadable
from skykey.values.url import Url
from skykey.wire.decoding import Decoder
from skykey.wire.request import Head
from tests.wire.askers import Asker, AsyncAsker, get
from tests.wire.server import reply, serving


def decoded(data: bytes, encoding: str = "gzip", *, size: int = 7, cap: int | None = None) -> bytes:
    decoder = Decoder(Head(200, {"content-encoding": encoding}, Url("https://a.example/")), cap)
    pieces: list[bytes] = []
    for start in range(0, len(data), size):
        pieces += decoder.pieces(data[start : start + size])
    decoder.finish()
    return b"".join(pieces)


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=3), st.integers(1, 300))
@settings(deadline=None)
def test_every_member_of_a_gzip_answer_is_read(members: list[bytes], size: int) -> None:
    """A decoder that stops after the first member gives a short answer without a word."""
    assert decoded(b"".join(map(gzip.compress, members)), size=size) == b"".join(members)


@given(st.binary(max_size=2000), st.integers(1, 300))
@settings(deadline=None)
def test_deflate_in_any_pieces(data: bytes, size: int) -> None:
    assert decoded(zlib.compress(data), "deflate", size=size) == data


def test_every_truncation_of_a_gzip_answer_is_an_error() -> None:
    data = gzip.compress(b"some answer" * 50)
    for cut in range(len(data)):
        with pytest.raises(Interrupted):
            decoded(data[:cut])
    assert decoded(data) == b"some answer" * 50


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_an_encoding_that_nobody_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(Unreadable, match="encoded as"):
        decoded(b"data", encoding)


@pytest.mark.parametrize("data", [b"not gzip at all", gzip.compress(b"a", mtime=0) + b"garbage"], ids=["all", "end"])
def test_damage_is_an_error(data: bytes) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        decoded(data)


def test_the_cap_counts_decoded_bytes_exactly() -> None:
    data = gzip.compress(b"x" * 10_000)
    assert len(decoded(data, cap=10_000)) == 10_000
    with pytest.raises(Unreadable, match="9,999 bytes"):
        decoded(data, cap=9_999)


def test_the_default_cap_holds_for_plain_answers() -> None:
    def flood(_: object) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 65536

    with serving(flood) as server:
        for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
            with pytest.raises(Unreadable, match="larger than"):
                run(get(server.url, cap=2**20))


@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
def test_a_cut_answer_is_an_error_in_both_faces(how: str) -> None:
    whole = {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + b"x" * 50 + b"\r\n",
        "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 50)[:-9],
    }[how]
    with serving(lambda _: iter([whole])) as server:
        for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
            with pytest.raises(Interrupted):
                run(get(server.url))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad header\r\n\r\n",
        b"\x00" * 100_000,
    ],
)
def test_what_is_not_http_is_an_error_of_ours(answer: bytes) -> None:
    with serving(lambda _: iter([answer])) as server:
        for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
            with pytest.raises(SkykeyError, match="127"):
                run(get(server.url))


def test_a_head_without_end_is_refused() -> None:
    def flood(_: object) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-Filler: " + b"x" * 1000 + b"\r\n"

    with serving(flood) as server, pytest.raises(SkykeyError):
        Asker().ask(get(server.url))


def test_informational_answers_are_passed_over() -> None:
    with serving(lambda _: reply(103, Link="</x>") + reply(200, "ok")) as server:
        assert Asker().ask(get(server.url)) == b"ok"
