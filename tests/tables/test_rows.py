"""Shape test (f): rows while they come; a cut answer is an error, never a short result."""

import asyncio
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pytest

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient, telemetry
from skykey.tables.end import End
from skykey.values.errors import Interrupted, QueryError, UsageError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.wire.askers import FastClock, Fixed
from tests.wire.server import Answer, Seen, Server, chunk, reply, serving

MSGPACK = "application/x-msgpack"


def document(first: int, count: int, *, partial: bool) -> bytes:
    series = {"name": "t", "columns": ["time", "x"], "values": [[first + n, float(n)] for n in range(count)]}
    result = {"statement_id": 0, "series": [series], **({"partial": True} if partial else {})}
    return bytes(msgpack.packb({"results": [result]}))


def answering(*pieces: bytes, cut: bool = False) -> Callable[[Seen], Answer]:
    """A schema for whoever asks, and the pieces for the query."""

    def answer(seen: Seen) -> Answer:
        statement = parse_qs(seen.target.partition("?")[2])["q"][0]
        if "SHOW FIELD KEYS" in statement:
            return listing([["x", "float"]], "fieldKey", "fieldType")
        if "SHOW TAG KEYS" in statement:
            return listing([], "tagKey")
        return streamed()

    def streamed() -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        for piece in pieces:
            yield chunk(piece)
        if not cut:
            yield chunk(b"")

    return answer


def listing(values: list[list[str]], *columns: str) -> bytes:
    result: dict[str, Any] = {"statement_id": 0}
    if values:
        result["series"] = [{"name": "t", "columns": list(columns), "values": values}]
    return reply(200, msgpack.packb({"results": [result]}), Content_Type=MSGPACK)


def client_at(url: str) -> InfluxQueryClient:
    reach = Reach.named(Url(url), said_by="a test")
    login = Basic("user", Secret("password"), reach)
    provider = Fixed(lambda _: login)
    provider.obtain = lambda held, ask: Held(login, "a test", facts=MappingProxyType({"url": url}))  # type: ignore[method-assign]
    client = telemetry("usdf", "efd", Keeper(provider))
    client._clock = FastClock()
    return client


def read_sync(client: InfluxQueryClient, batches: list[Any]) -> End:
    with client.stream("SELECT x FROM t") as rows:
        batches.extend(rows)
        return rows.end


def read_async(client: InfluxQueryClient, batches: list[Any]) -> End:
    async def main() -> End:
        other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
        other.__dict__.update(client.__dict__)
        async with other.stream("SELECT x FROM t") as rows:
            batches.extend([batch async for batch in rows])
            return rows.end

    return asyncio.run(main())


FACES = {"sync": read_sync, "async": read_async}


@pytest.fixture(params=FACES)
def read(request: pytest.FixtureRequest) -> Callable[[InfluxQueryClient, list[Any]], End]:
    return FACES[request.param]


Read = Callable[[InfluxQueryClient, list[Any]], End]


def test_batches_come_in_order_and_the_end_says_that_it_is_whole(read: Read) -> None:
    pieces = [document(n * 10, 10, partial=n < 2) for n in range(3)]
    batches: list[Any] = []
    with serving(answering(*pieces)) as server:
        end = read(client_at(server.url), batches)
    assert end == End(complete=True, rows=30)
    assert [value.value for batch in batches for value in batch["time"]] == list(range(30))


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        ([document(0, 10, partial=True), document(10, 10, partial=True)], False),  # a tidy end that came too early
        ([document(0, 10, partial=True), document(10, 10, partial=False)[:-7]], False),
        ([document(0, 10, partial=True)], True),  # the connection broke
        ([document(0, 10, partial=False)], True),  # everything came but the end of the transfer
        ([document(0, 10, partial=False), b"\x81\xa5err"], False),  # an error that was cut itself
        ([], False),
    ],
    ids=["promised more", "half a document", "cut transfer", "no end", "half an error", "nothing"],
)
def test_a_cut_answer_is_an_error_and_never_a_short_result(read: Read, pieces: list[bytes], cut: bool) -> None:
    with serving(answering(*pieces, cut=cut)) as server:
        client = client_at(server.url)
        with pytest.raises(Interrupted):
            read(client, [])
        with pytest.raises(Interrupted):
            client.query("SELECT x FROM t")


def test_a_killed_statement_is_an_error_with_the_servers_words(read: Read) -> None:
    killed = msgpack.packb({"results": [{"statement_id": 0, "error": "query killed"}]})
    batches: list[Any] = []
    with serving(answering(document(0, 10, partial=True), killed)) as server:
        client = client_at(server.url)
        with pytest.raises(QueryError, match="query killed"):
            read(client, batches)
        before = len(server.seen)
        with pytest.raises(QueryError, match="query killed"):
            client.query("SELECT x FROM t")
        assert len(server.seen) == before + 1


def test_a_refused_statement_is_an_error_with_the_servers_words(read: Read) -> None:
    """InfluxDB explains a 400 in the format that was asked for."""
    words = "error parsing query: found nonsense"
    with serving(lambda _: reply(400, msgpack.packb({"error": words}), Content_Type=MSGPACK)) as server:
        client = client_at(server.url)
        for ask in (lambda: read(client, []), lambda: client.query("SELECT x FROM t")):
            with pytest.raises(QueryError) as caught:
                ask()
            assert caught.value.words == words
            assert caught.value.status == 400


def test_an_empty_answer_gives_one_batch_with_its_columns(read: Read) -> None:
    batches: list[Any] = []
    with serving(answering(bytes(msgpack.packb({"results": [{"statement_id": 0}]})))) as server:
        end = read(client_at(server.url), batches)
    assert end.rows == 0
    assert [batch.schema.names for batch in batches] == [["time", "x"]]
    assert str(batches[0].schema.field("x").type) == "double"


@pytest.fixture
def endless() -> Iterator[Server]:
    def answer(seen: Seen) -> Answer:
        first = answering()(seen)
        return first if isinstance(first, bytes) else flood()

    def flood() -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        while True:
            yield chunk(document(0, 10, partial=True))

    with serving(answer) as server:
        yield server


def test_leaving_the_block_early_closes_the_connection(endless: Server) -> None:
    client = client_at(endless.url)
    with client.stream("SELECT x FROM t") as rows:
        next(iter(rows))
        assert endless.open_connections == 1
    assert gone(endless)


def test_leaving_the_block_by_an_error_closes_the_connection(endless: Server) -> None:
    client = client_at(endless.url)

    def fail() -> None:
        with client.stream("SELECT x FROM t") as rows:
            next(rows)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gone(endless)


def test_leaving_the_block_early_closes_the_connection_async(endless: Server) -> None:
    other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    other.__dict__.update(client_at(endless.url).__dict__)

    async def main() -> None:
        async with other.stream("SELECT x FROM t") as rows:
            async for _ in rows:
                break
        assert await asyncio.to_thread(gone, endless)

    asyncio.run(main())


def test_a_cancelled_read_closes_the_connection(endless: Server) -> None:
    other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    other.__dict__.update(client_at(endless.url).__dict__)

    async def consume() -> None:
        async with other.stream("SELECT x FROM t") as rows:
            async for _ in rows:
                await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gone, endless)

    asyncio.run(main())


def gone(server: Server) -> bool:
    for _ in range(100):
        if server.open_connections == 0:
            return True
        server.closing.wait(0.02)
    return False


@pytest.fixture
def whole() -> Iterator[InfluxQueryClient]:
    with serving(answering(document(0, 10, partial=True), document(10, 10, partial=False))) as server:
        yield client_at(server.url)


def test_reading_twice_is_an_error(whole: InfluxQueryClient) -> None:
    with whole.stream("SELECT x FROM t") as rows:
        assert len(list(rows)) == 2
        with pytest.raises(UsageError, match="read once"):
            list(rows)


def test_rows_that_were_closed_do_not_look_like_no_rows(whole: InfluxQueryClient) -> None:
    with whole.stream("SELECT x FROM t") as rows:
        pass
    with pytest.raises(UsageError, match="closed before their end"):
        list(rows)
    with pytest.raises(UsageError, match="not been read"):
        _ = rows.end


def test_rows_closed_in_the_middle_do_not_look_like_a_short_answer(whole: InfluxQueryClient) -> None:
    rows = whole.stream("SELECT x FROM t")
    next(rows)
    rows.close()
    with pytest.raises(UsageError, match="closed before their end"):
        next(rows)


def test_rows_after_an_error_do_not_look_ended() -> None:
    with serving(answering(document(0, 10, partial=True))) as server:
        rows = client_at(server.url).stream("SELECT x FROM t")
        next(rows)
        with pytest.raises(Interrupted):
            next(rows)
        with pytest.raises(UsageError):
            next(rows)


def test_closed_rows_raise_in_the_other_face_too(whole: InfluxQueryClient) -> None:
    other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    other.__dict__.update(whole.__dict__)

    async def main() -> None:
        async with other.stream("SELECT x FROM t") as rows:
            pass
        with pytest.raises(UsageError, match="closed before their end"):
            [_ async for _ in rows]
        async with other.stream("SELECT x FROM t") as rows:
            assert len([_ async for _ in rows]) == 2
            with pytest.raises(UsageError, match="read once"):
                [_ async for _ in rows]

    asyncio.run(main())


def test_nothing_is_asked_before_the_first_batch_is_wanted() -> None:
    with serving(answering()) as server:
        with client_at(server.url).stream("SELECT x FROM t"):
            pass
        assert server.seen == []
