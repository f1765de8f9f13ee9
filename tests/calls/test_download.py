"""A file that is read while it comes: whole and the same, or an error; never a part that looks like the whole."""

import asyncio
import gzip
import io
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from skykey.calls.call import Patience
from skykey.calls.download import AsyncDownload, Download, download
from skykey.calls.faces import Async, Sync
from skykey.calls.flow import Flow, pause
from skykey.testing.faults import Drip
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import Interrupted, NotFound, Overloaded, SkykeyError, TimedOut, Unreadable, UsageError
from skykey.values.progress import Progress, watched
from tests.calls.archive import NEVER, Archive, Face, Shelf
from tests.wire.askers import renewable
from tests.wire.server import Answer, Seen, reply, serving

CONTENT = os.urandom(300_000)
LINES = b"one\ntwo\r\nold mac\rstill the third\n\nlast without an end"


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Face:
    return Face(request.param)


# -- as it is read


def copied(found: Download) -> bytes:
    file = io.BytesIO()
    shutil.copyfileobj(found, file)
    return file.getvalue()


def filled(found: Download) -> bytes:
    buffer = bytearray(400_000)
    size = 0
    while count := found.readinto(memoryview(buffer)[size : size + 30_000]):
        size += count
    return bytes(buffer[:size])


WAYS: dict[str, Callable[[Download], bytes]] = {
    "read": lambda found: found.read(),
    "read(-1)": lambda found: found.read(-1),
    "read(n)": lambda found: b"".join(iter(lambda: found.read(70_001), b"")),
    "lines": b"".join,
    "stream": lambda found: b"".join(found.stream(1000)),
    "as it comes": lambda found: b"".join(found.stream(None)),
    "iter_content": lambda found: b"".join(found.iter_content(4096)),
    "content": lambda found: found.content,
    "data": lambda found: found.data,
    "readinto": filled,
    "copyfileobj": copied,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_reading_gives_the_same_bytes(way: str) -> None:
    with serving(Shelf(CONTENT)) as server:
        found = Archive(server.url).file()
        assert not found.closed
        assert (found.status_code, found.ok, found.size) == (200, True, len(CONTENT))
        assert WAYS[way](found) == CONTENT
        assert found.read() == b""
        assert not found.closed  # a wrapper that reads to the end would take it for an error
        found.close()
        assert found.closed


def test_a_read_gives_as_many_bytes_as_were_asked_for() -> None:
    with serving(Shelf(CONTENT)) as server, Archive(server.url).file() as found:
        assert [len(found.read(size)) for size in (0, 1, 100_000, 199_999, 1)] == [0, 1, 100_000, 199_999, 0]


def test_pieces_have_the_size_that_was_asked_for(face: Face) -> None:
    with serving(Shelf(CONTENT)) as server:
        pieces = face.pieces(server.url, 70_000)
        assert [len(piece) for piece in pieces] == [70_000] * 4 + [20_000]
        assert b"".join(pieces) == b"".join(face.pieces(server.url, None)) == CONTENT


@pytest.mark.parametrize("content", [LINES, LINES + b"\n", b"", b"\n", b"x" * 200_000 + b"\ny"])
def test_lines_are_those_of_a_file(content: bytes) -> None:
    with serving(Shelf(content, framing="chunked")) as server:
        assert list(Archive(server.url).file()) == list(io.BytesIO(content))
        loaded = Archive(server.url).file()
        assert loaded.content == content
        assert list(loaded) == list(io.BytesIO(content))


def test_lines_that_come_in_two_pieces_are_one() -> None:
    def answer(_: Seen) -> Answer:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for piece in (b"a", b"b\r", b"\nc", b"\n", b"d"):
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"

    with serving(answer) as server:
        assert list(Archive(server.url).file()) == [b"ab\r\n", b"c\n", b"d"]
        assert list(Archive(server.url).file().iter_lines()) == [b"ab", b"c", b"d"]


def test_it_is_a_file_to_those_who_want_one() -> None:
    packed = gzip.compress(LINES * 5000)
    with serving(Shelf(packed)) as server, gzip.open(Archive(server.url).file()) as unpacked:  # type: ignore[call-overload]
        assert unpacked.read() == LINES * 5000
    with serving(Shelf(LINES)) as server:
        found = Archive(server.url).file()
        assert (found.readable(), found.writable(), found.seekable()) == (True, False, False)
        with io.TextIOWrapper(io.BufferedReader(found), newline="\n") as text:  # type: ignore[type-var]
            assert text.read() == LINES.decode()


def test_documents_are_parsed_and_text_is_decoded(face: Face) -> None:
    document = {"name": "héliographe", "values": [1, 2]}

    async def soon(found: AsyncDownload) -> Any:
        with pytest.raises(UsageError, match="not been read yet"):
            found.content  # noqa: B018
        await found.load()
        assert await found.load() is found
        return found.json(), found.text, found.data

    with serving(Shelf(json.dumps(document).encode())) as server:
        parsed, text, data = face.use(server.url, lambda found: (found.json(), found.text, found.data), soon)
    assert parsed == json.loads(text) == json.loads(data) == document


def test_what_was_loaded_can_be_read_in_pieces_again(face: Face) -> None:
    async def soon(found: AsyncDownload) -> Any:
        await found.load()
        return [piece async for piece in found.stream(100_000)], [piece async for piece in found]

    def now(found: Download) -> Any:
        assert found.content
        return list(found.stream(100_000)), list(found.stream(None))

    with serving(Shelf(CONTENT)) as server:
        pieces, whole = face.use(server.url, now, soon)
    assert [len(piece) for piece in pieces] == [100_000] * 3
    assert b"".join(whole) == CONTENT


def test_a_piece_has_at_least_one_byte() -> None:
    with serving(Shelf(CONTENT)) as server, Archive(server.url).file() as found, pytest.raises(ValueError, match="0"):
        found.iter_content(0)


def test_a_rest_does_not_pass_for_the_whole(face: Face) -> None:
    async def soon(found: AsyncDownload) -> None:
        await found.read(10)
        with pytest.raises(UsageError, match="the rest would look like the whole"):
            await found.load()
        with pytest.raises(UsageError, match="the rest would look like the whole"):
            await found.save("never")

    def now(found: Download) -> None:
        found.read(10)
        with pytest.raises(UsageError, match="the rest would look like the whole"):
            found.content  # noqa: B018
        with pytest.raises(UsageError, match="the rest would look like the whole"):
            found.save("never")

    with serving(Shelf(CONTENT)) as server:
        face.use(server.url, now, soon)


def test_a_closed_download_does_not_end_as_if_it_were_whole(face: Face) -> None:
    async def soon(found: AsyncDownload) -> None:
        async with found:
            await found.read(10)
        assert found.closed
        for reading in (found.read(), found.load(), anext(found.stream()), found.save("never")):
            with pytest.raises(UsageError, match="closed before its end"):
                await reading

    def now(found: Download) -> None:
        with found:
            found.read(10)
        assert found.closed
        for reading in (found.read, lambda: found.content, lambda: list(found), lambda: found.save("never")):
            with pytest.raises(UsageError, match="closed before its end"):
                reading()

    with serving(Shelf(CONTENT)) as server:
        face.use(server.url, now, soon)


def test_an_empty_file_is_one(face: Face) -> None:
    with serving(Shelf(b"")) as server:
        assert face.content(server.url) == b""
        assert face.pieces(server.url, None) == face.pieces(server.url, 5) == []


def test_a_refusal_is_raised_where_the_file_is_asked_for(face: Face) -> None:
    with serving(lambda _: reply(404, "no such file")) as server, pytest.raises(NotFound) as caught:
        face.use(server.url, lambda found: None, lambda found: None)
    assert caught.value.words == "no such file"


def test_a_login_page_is_no_file(face: Face) -> None:
    with serving(lambda _: reply(200, "<html>", Content_Type="text/html")) as server:
        with pytest.raises(Unreadable, match="web page"):
            face.content(server.url, is_page=False)
        assert face.content(server.url) == b"<html>"


def test_what_has_come_is_told(face: Face) -> None:
    told: list[Progress] = []
    with serving(Shelf(CONTENT, cuts=(100_000,))) as server, watched(told.append):
        assert face.content(server.url) == CONTENT
    assert (told[-1].moved, told[-1].size) == (len(CONTENT), len(CONTENT))
    assert len(told) >= 3


class Confused:
    @download
    def file(self) -> Flow[None]:
        yield from pause(0)


class ConfusedClient(Confused, Sync):
    pass


class AsyncConfusedClient(Confused, Async):
    pass


def test_a_flow_that_is_no_download_says_so() -> None:
    with pytest.raises(UsageError, match="no download"):
        ConfusedClient().file()
    with pytest.raises(UsageError, match="no download"):
        asyncio.run(AsyncConfusedClient().file())


# -- where it breaks off

PLACES = (0, 1, 65_535, 65_536, 150_000, len(CONTENT) - 1)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("place", PLACES)
def test_it_goes_on_where_it_broke_off(face: Face, place: int, framing: str) -> None:
    shelf = Shelf(CONTENT, cuts=(place, 1, 0, 2), framing=framing)
    with serving(shelf) as server:
        assert face.content(server.url) == CONTENT
    at = place
    expected: list[str | None] = [None]
    for came in (1, 0, 2) if place < len(CONTENT) - 1 else ():
        expected.append(f"bytes={at}-" if at else None)
        at += came
    assert shelf.ranges[: len(expected)] == expected
    assert shelf.ranges[-1] == f"bytes={len(CONTENT) - 1 if place == len(CONTENT) - 1 else at}-"


def test_it_goes_on_at_the_place_where_the_head_broke_off(face: Face) -> None:
    shelf = Shelf(CONTENT)
    first = [b"HTTP/1.1 200 OK\r\nContent-Le"]

    with serving(lambda seen: (first.pop(),) if first else shelf(seen)) as server:
        assert face.content(server.url) == CONTENT


@pytest.mark.parametrize("etag", ['W/"v1"', None, "unquoted"])
def test_without_a_strong_tag_it_does_not_go_on(face: Face, etag: str | None) -> None:
    """A weak one means much the same, and not the same bytes."""
    shelf = Shelf(CONTENT, etag, cuts=(150_000,))
    with serving(shelf) as server:
        with pytest.raises(Interrupted):
            face.content(server.url)
        assert shelf.ranges == [None]
        shelf.cuts = [0]  # nothing had come, so that nothing is lost
        assert face.content(server.url) == CONTENT


def test_a_file_that_changed_meanwhile_is_not_two_halves(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))

    def answer(seen: Seen) -> Answer:
        if shelf.ranges:
            shelf.content, shelf.etag = CONTENT[::-1], '"v2"'
        return shelf(seen)

    with serving(answer) as server, pytest.raises(Unreadable, match="changed while it was being read"):
        face.content(server.url)
    assert shelf.ranges == [None, "bytes=150000-"]


def changed(**changes: str | None) -> Callable[[dict[str, str]], None]:
    def change(headers: dict[str, str]) -> None:
        for name, value in changes.items():
            if value is None:
                del headers[name.replace("_", "-")]
            else:
                headers[name.replace("_", "-")] = value

    return change


END = len(CONTENT) - 1
WRONG: dict[str, Callable[[dict[str, str]], Answer]] = {
    "range that begins too early": changed(Content_Range=f"bytes 149999-{END}/{END + 1}"),
    "range that begins too late": changed(Content_Range=f"bytes 150001-{END}/{END + 1}"),
    "no range": changed(Content_Range=None),
    "range of something else": changed(Content_Range=f"rows 150000-{END}/{END + 1}"),
    "another total": changed(Content_Range=f"bytes 150000-{END}/{END + 2}"),
    "another tag": changed(ETag='"v2"'),
    "a weak tag": changed(ETag='W/"v1"'),
    "no tag": changed(ETag=None),
    "several ranges": changed(Content_Range=None, Content_Type="multipart/byteranges; boundary=x"),
    "a coding": changed(Content_Encoding="gzip"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_part_that_is_not_the_one_asked_for_is_not_put_behind_the_first(face: Face, wrong: str) -> None:
    with serving(Shelf(CONTENT, cuts=(150_000,), part=WRONG[wrong])) as server, pytest.raises(Unreadable):
        face.content(server.url)


@pytest.mark.parametrize("total", ["300000", "*"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_part_may_end_before_the_file_does(face: Face, framing: str, total: str) -> None:
    """A service may give less than it was asked for; that is not the end of the file."""
    shelf = Shelf(CONTENT, cuts=(150_000,), framing=framing)

    def short(headers: dict[str, str]) -> Answer:
        begin = int(headers["Content-Range"].split()[1].split("-")[0])
        end = min(begin + 60_000, len(CONTENT))
        return reply(206, CONTENT[begin:end], ETag='"v1"', Content_Range=f"bytes {begin}-{end - 1}/{total}")

    shelf.part = short
    with serving(shelf) as server:
        if framing == "chunked" and total == "*":
            with pytest.raises(Unreadable, match="where its file ends"):
                face.content(server.url)
        else:
            assert face.content(server.url) == CONTENT
            assert shelf.ranges == [None, "bytes=150000-", "bytes=210000-", "bytes=270000-"]


def test_a_part_that_nobody_asked_for_is_not_the_whole(face: Face) -> None:
    with serving(lambda _: reply(206, b"12345", ETag='"v1"', Content_Range="bytes 0-4/1000")) as server:
        with pytest.raises(Unreadable, match="a part where the whole was asked for"):
            face.content(server.url)
        assert len(server.seen) == 1


def test_a_file_that_became_shorter_is_an_error(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))

    def answer(seen: Seen) -> Answer:
        return shelf(seen) if not shelf.ranges else reply(416, Content_Range="bytes */10")

    with serving(answer) as server, pytest.raises(SkykeyError, match="416"):
        face.content(server.url)


@pytest.mark.parametrize("etag", ['"v1"', None])
def test_a_file_whose_end_nobody_knows_is_refused(face: Face, etag: str | None) -> None:
    """It ends with its connection, whether it was whole then or not."""
    with (
        serving(Shelf(CONTENT, etag, framing="close")) as server,
        pytest.raises(Unreadable, match="where its file ends"),
    ):
        face.content(server.url)


def test_a_packed_file_is_unpacked_or_an_error(face: Face) -> None:
    packed = gzip.compress(CONTENT)
    with serving(Shelf(packed)) as server:
        shelf: Any = server.answer
        shelf.headers["Content-Encoding"] = "gzip"
        assert face.content(server.url) == CONTENT
        shelf.cuts = [len(packed) // 2]
        with pytest.raises(Interrupted):
            face.content(server.url, patience=NEVER)
        shelf.framing = "close"  # then its own coding says where it ends
        assert face.content(server.url) == CONTENT
        shelf.cuts = [len(packed) // 2]
        with pytest.raises(SkykeyError):
            face.content(server.url, patience=NEVER)
        assert set(shelf.ranges) == {None}


def test_bytes_behind_the_coding_are_not_lost_quietly(face: Face) -> None:
    packed = zlib.compress(CONTENT)
    with serving(Shelf(packed, framing="chunked")) as server:
        shelf: Any = server.answer
        shelf.headers["Content-Encoding"] = "deflate"
        assert face.content(server.url) == CONTENT


# -- how often, and how long


def test_a_service_that_gives_nothing_is_asked_as_often_as_patience_allows(face: Face) -> None:
    with serving(lambda _: None) as server:
        with pytest.raises(Interrupted):
            face.content(server.url, patience=Patience(3))
        assert len(server.seen) == 4
        with pytest.raises(Interrupted):
            face.content(server.url, patience=NEVER)
        assert len(server.seen) == 5


def test_repeats_are_counted_from_the_last_piece_that_came(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(10,) * 20)
    with serving(shelf) as server:
        assert face.content(server.url, patience=Patience(1)) == CONTENT
    assert len(shelf.ranges) == 21
    assert max(face.waits) <= 0.5


def test_a_service_that_breaks_off_at_one_place_for_ever_is_given_up(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(10, *[0] * 50))
    with serving(shelf) as server, pytest.raises(Interrupted):
        face.content(server.url, patience=Patience(2))
    assert len(shelf.ranges) == 1 + 3


def test_no_wait_is_longer_than_patience_says(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(10, 20, 30))
    with serving(shelf) as server:
        face.content(server.url, patience=Patience(3, first=50.0, longest=2.0))
    assert len(face.waits) == 3
    assert max(face.waits) <= 2.0


def test_a_service_that_is_away_in_the_middle_is_waited_for(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))
    away = [reply(503, Retry_After="7")] * 2

    def answer(seen: Seen) -> Answer:
        return away.pop() if shelf.ranges and away else shelf(seen)

    with serving(answer) as server:
        assert face.content(server.url) == CONTENT
    assert face.waits[1:] == [7.0, 7.0]


def test_a_service_that_stays_away_is_an_error_and_not_an_end(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))
    with serving(lambda seen: reply(503) if shelf.ranges else shelf(seen)) as server, pytest.raises(Overloaded):
        face.content(server.url)


def test_a_token_that_ends_in_the_middle_is_renewed(face: Face) -> None:
    shelf = Shelf(CONTENT, cuts=(150_000,))

    def answer(seen: Seen) -> Answer:
        good = "Bearer token-2" if shelf.ranges else "Bearer token-1"
        return shelf(seen) if seen.headers["authorization"] == good else reply(401)

    with serving(answer) as server:
        keeper, provider = renewable(server.url)
        assert face.content(server.url, auth=(keeper,)) == CONTENT
    assert provider.made == 2
    assert shelf.ranges == [None, "bytes=150000-"]


def test_the_time_limit_is_for_all_of_it(face: Face, ceiling: Callable[[float], float]) -> None:
    with serving(Shelf(CONTENT)) as server, FaultProxy(server.url) as proxy:
        proxy.fault(Drip(20), times=None)
        begin = time.monotonic()
        with pytest.raises(TimedOut):
            face.content(proxy.url, total=0.6)
        took = time.monotonic() - begin
    print(f"{took:.2f} s, {len(proxy.seen)} requests")
    assert took < ceiling(1.5)
    assert len(proxy.seen) == 1


def test_a_service_that_falls_silent_is_asked_again(face: Face) -> None:
    shelf = Shelf(CONTENT)
    quiet = [True]

    def answer(seen: Seen) -> Answer:
        if not quiet:
            return shelf(seen)
        quiet.clear()
        return stalled()

    def stalled() -> Any:
        yield b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 300000\r\n\r\n' + CONTENT[:1000]
        time.sleep(1)

    with serving(answer) as server:
        assert face.content(server.url, silence=0.3) == CONTENT
    assert shelf.ranges == ["bytes=1000-"]
