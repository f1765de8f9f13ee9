"""G7: an answer that is cut far behind its beginning. Never a short frame; a stream gives what came, then raises."""

import asyncio
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pytest

from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient
from skykey.rubin.logging_query import AsyncNarrativeLogClient, NarrativeLogClient
from skykey.testing.faults import Fault, Reset, Rewrite, Truncate
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import Interrupted, Unreadable, UsageError
from tests.reliability import databases, naive_databases, naive_rubin
from tests.rubin.scripted_log import ScriptedLog, message
from tests.tables.test_rows import MSGPACK, client_at, listing
from tests.wire.server import Answer, Seen, chunk, reply, serving

CHUNK = 1000
FIELDS = {"x": "float", "n": "integer", "s": "string"}
STATEMENT = "SELECT * FROM t"


@functools.lru_cache(maxsize=2)
def packed(*, partial: bool) -> bytes:
    """One chunk of rows in InfluxDB's shape; all chunks are the same."""
    rows = [[1_790_000_000_000_000_000 + n, n, "text", n / 8] for n in range(CHUNK)]
    series = {"name": "t", "columns": ["time", "n", "s", "x"], "values": rows}
    return bytes(
        msgpack.packb({"results": [{"statement_id": 0, "series": [series]} | ({"partial": True} if partial else {})]})
    )


def telemetry(rows: int) -> Callable[[Seen], Answer]:
    """A database with one topic of so many rows: in chunked MessagePack, or in whole JSON."""

    def answer(seen: Seen) -> Answer:
        statement = parse_qs(seen.target.partition("?")[2])["q"][0]
        if "SHOW FIELD KEYS" in statement:
            return listing([list(pair) for pair in FIELDS.items()], "fieldKey", "fieldType")
        if "SHOW TAG KEYS" in statement:
            return listing([], "tagKey")
        return chunks() if seen.headers["accept"] == MSGPACK else whole()

    def chunks() -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {MSGPACK}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        for _ in range(rows // CHUNK - 1):
            yield chunk(packed(partial=True))
        yield chunk(packed(partial=False)) + chunk(b"")

    def whole() -> bytes:
        values = [["2026-09-21T14:13:20Z", n, "text", n / 8] for n in range(rows)]
        series = {"name": "t", "columns": ["time", "n", "s", "x"], "values": values}
        return reply(200, json.dumps({"results": [{"series": [series]}]}), Content_Type="application/json")

    return answer


def cuts(row: int) -> dict[str, Fault]:
    """At a chunk's end and inside a chunk, in every way in which a connection or a body may end."""
    at = row // CHUNK * len(packed(partial=True))
    within = at + len(packed(partial=True)) // 2
    return {
        "reset": Reset(at),
        "reset inside a chunk": Reset(within),
        "end, length": Truncate(at, "length"),
        "end, chunked": Truncate(at, "chunked"),
        "end inside a chunk, chunked": Truncate(within, "chunked"),
        "end, untold": Truncate(at, "close"),
        "end inside a chunk, untold": Truncate(within, "close"),
        "valid HTTP": Rewrite(lambda body: body[:at]),
        "valid HTTP, inside a chunk": Rewrite(lambda body: body[:within]),
    }


def other_face(client: InfluxQueryClient) -> AsyncInfluxQueryClient:
    other = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    other.__dict__.update(client.__dict__)
    return other


def query(client: InfluxQueryClient, seen: list[int]) -> None:
    seen.append(len(client.query(STATEMENT)))


def table_async(client: InfluxQueryClient, seen: list[int]) -> None:
    seen.append(len(asyncio.run(other_face(client).query.table(STATEMENT))))


def stream(client: InfluxQueryClient, seen: list[int]) -> None:
    with client.stream(STATEMENT) as rows:
        try:
            seen.extend(batch.num_rows for batch in rows)
        except Interrupted:
            with pytest.raises(UsageError):
                str(rows.end)  # it had none
            raise


def stream_async(client: InfluxQueryClient, seen: list[int]) -> None:
    async def main() -> None:
        async with other_face(client).stream(STATEMENT) as rows:
            async for batch in rows:
                seen.append(batch.num_rows)  # noqa: PERF401 - what came before the error counts

    asyncio.run(main())


CLIENTS: dict[str, Callable[[InfluxQueryClient, list[int]], Any]] = {
    "query": query,
    "table, async": table_async,
    "stream": stream,
    "stream, async": stream_async,
}


def check(client: str, row: int, rows: int) -> None:
    short = []
    with serving(telemetry(rows)) as server, FaultProxy(server.url) as proxy:
        asking, seen = client_at(proxy.url), list[int]()
        CLIENTS[client](asking, seen)
        assert sum(seen) == rows
        for name, fault in cuts(row).items():
            proxy.forget()
            proxy.fault(fault, times=None, containing=STATEMENT)
            seen.clear()
            with pytest.raises(Interrupted):
                CLIENTS[client](asking, seen)
            proxy.reset()
            requests = len(proxy.seen)
            print(
                f"G7 {client}, {name} in row {row:,} of {rows:,}: {sum(seen):,} rows and an error, requests {requests}"
            )
            if "stream" in client:
                assert (sum(seen), requests) == (row, 1)  # rows that were handed out are not asked for again
            else:
                short += seen
                assert requests == 2  # such an answer has cost the server what a whole one does
    assert short == []


@pytest.mark.parametrize("client", CLIENTS)
def test_g7_a_cut_answer_is_never_a_short_frame(client: str) -> None:
    check(client, 18_000, 20_000)


@pytest.mark.long
@pytest.mark.parametrize("client", CLIENTS)
def test_g7_nor_is_one_that_is_cut_in_row_900_000(client: str) -> None:
    check(client, 900_000, 1_000_000)


# -- ConsDB: one document, row after row

CONSDB_ROW = '[{},"text of a row",0.5]'
CONSDB_HEAD = '{"columns":["a","b","c"],"data":['


def consdb(rows: int) -> Callable[[Seen], Answer]:
    """Rows of one size, so that each byte is in a known one."""

    def chunks() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield chunk(CONSDB_HEAD.encode())
        for first in range(0, rows, CHUNK):
            lines = (CONSDB_ROW.format(1_000_000 + n) for n in range(first, first + CHUNK))
            yield chunk(("," * (first > 0) + ",".join(lines)).encode())
        yield chunk(b"]}") + chunk(b"")

    return lambda _: chunks()


def consdb_cuts(row: int) -> dict[str, Fault]:
    """At a row's end, and inside a row."""
    at = len(CONSDB_HEAD) + row * len(CONSDB_ROW.format(1_000_000) + ",")
    within = at + len(CONSDB_ROW) // 2
    return {
        "reset": Reset(at),
        "reset inside a row": Reset(within),
        "end, length": Truncate(at, "length"),
        "end, chunked": Truncate(at, "chunked"),
        "end inside a row, chunked": Truncate(within, "chunked"),
        "end, untold": Truncate(at, "close"),
        "end inside a row, untold": Truncate(within, "close"),
        "valid HTTP": Rewrite(lambda body: body[:at]),
        "valid HTTP, inside a row": Rewrite(lambda body: body[:within]),
        "valid HTTP, all rows and no end": Rewrite(lambda body: body[:-1]),
    }


CONSDB_CLIENTS: dict[str, Callable[[str, list[Any]], Any]] = {
    "consdb": lambda url, seen: seen.append(databases.made(ConsDbFastAPI, url).query(databases.STATEMENT)),
    "consdb, async": lambda url, seen: seen.append(
        asyncio.run(databases.made(AsyncConsDbFastAPI, url).query.arrow(databases.STATEMENT))
    ),
    "consdb stream": lambda url, seen: databases.streamed(databases.made(ConsDbFastAPI, url), seen=seen),
    "consdb stream, async": lambda url, seen: databases.streamed_async(
        databases.made(AsyncConsDbFastAPI, url), seen=seen
    ),
}


def check_consdb(client: str, row: int, rows: int) -> None:
    with serving(consdb(rows)) as server, FaultProxy(server.url) as proxy:
        seen: list[Any] = []
        CONSDB_CLIENTS[client](proxy.url, seen)
        assert sum(map(len, seen)) == rows
        for name, fault in consdb_cuts(row).items():
            proxy.forget()
            proxy.fault(fault, path="*/query", times=None)
            seen.clear()
            with pytest.raises(Interrupted):
                CONSDB_CLIENTS[client](proxy.url, seen)
            proxy.reset()
            came, requests = sum(map(len, seen)), len(proxy.requests("*/query"))
            print(f"G7 {client}, {name} in row {row:,} of {rows:,}: {came:,} rows and an error, requests {requests}")
            if "stream" in client:
                assert requests == 1
                assert row - 2000 <= came <= (rows if "all rows" in name else row)
            else:
                assert (came, requests) == (0, 2)


@pytest.mark.parametrize("client", CONSDB_CLIENTS)
def test_g7_a_cut_answer_of_consdb_is_never_a_short_frame(client: str) -> None:
    check_consdb(client, 18_000, 20_000)


@pytest.mark.long
@pytest.mark.parametrize("client", CONSDB_CLIENTS)
def test_g7_nor_is_one_of_consdb_that_is_cut_in_row_900_000(client: str) -> None:
    check_consdb(client, 900_000, 990_000)


# -- TAP: a table in XML

TAP_ROW = "<TR><TD>{}</TD><TD>text of a row</TD></TR>"
TAP_CLIENTS: dict[str, Callable[[str, list[Any]], Any]] = {
    "tap": lambda url, seen: seen.append(databases.made(ConsDbTap, url).query(databases.STATEMENT)),
    "tap, async": lambda url, seen: seen.append(
        asyncio.run(databases.made(AsyncConsDbTap, url).query.arrow(databases.STATEMENT))
    ),
    "tap stream": lambda url, seen: databases.streamed(databases.made(ConsDbTap, url), seen=seen),
    "tap stream, async": lambda url, seen: databases.streamed_async(databases.made(AsyncConsDbTap, url), seen=seen),
}


@pytest.mark.parametrize("client", TAP_CLIENTS)
def test_g7_a_cut_answer_of_tap_is_never_a_short_frame(client: str) -> None:
    rows, row = 20_000, 18_000
    lines = [TAP_ROW.format(1_000_000 + n) for n in range(rows)]
    body = databases.votable(lines)
    at = body.index(lines[row])
    within = at + len(TAP_ROW) // 2
    with serving(lambda seen: tap(seen, body)) as server, FaultProxy(server.url) as proxy:
        seen: list[Any] = []
        TAP_CLIENTS[client](proxy.url, seen)
        assert sum(map(len, seen)) == rows
        more = {"valid HTTP, all rows and no end": Rewrite(lambda body: body[: body.index(b"</TABLEDATA>")])}
        for name, fault in {
            **cuts_at(at),
            **{f"{name}, inside a row": it for name, it in cuts_at(within).items()},
            **more,
        }.items():
            proxy.forget()
            proxy.fault(fault, path="*/sync", times=None)
            seen.clear()
            with pytest.raises(Interrupted):
                TAP_CLIENTS[client](proxy.url, seen)
            proxy.reset()
            came, requests = sum(map(len, seen)), len(proxy.requests("*/sync"))
            print(f"G7 {client}, {name} in row {row:,} of {rows:,}: {came:,} rows and an error, requests {requests}")
            assert (came <= rows, requests) == (True, 1) if came else (came, requests) == (0, 2)
            assert "stream" in client or came == 0


def tap(seen: Seen, body: str) -> Answer:
    return reply(200, body, Content_Type=databases.XML) if seen.path.endswith("/sync") else reply(404, "")


# -- logs: page after page


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g7_a_page_that_is_cut_is_never_the_last_one(face: str) -> None:
    log = ScriptedLog([message(number) for number in range(5000)])

    def rows(url: str) -> int:
        if face == "blocking":
            return len(databases.made(NarrativeLogClient, url).query())
        return len(asyncio.run(databases.made(AsyncNarrativeLogClient, url).query()))

    with serving(log) as server, FaultProxy(server.url) as proxy:
        assert rows(proxy.url) == 5000
        size = max(seen.sent for seen in proxy.seen)
        for name, fault in cuts_at(size // 2).items():
            proxy.forget()
            proxy.fault(fault, containing="offset=3998", times=None)
            with pytest.raises((Interrupted, Unreadable)) as caught:
                rows(proxy.url)
            proxy.reset()
            print(f"G7 log, {face}, {name} in page 3: {type(caught.value).__name__}, requests {len(proxy.seen)}")
            assert len(proxy.seen) == (6 if isinstance(caught.value, Interrupted) else 3)


def cuts_at(byte: int) -> dict[str, Fault]:
    return {
        "reset": Reset(byte),
        "end, length": Truncate(byte, "length"),
        "end, chunked": Truncate(byte, "chunked"),
        "end, untold": Truncate(byte, "close"),
        "valid HTTP": Rewrite(lambda body: body[:byte]),
    }


def test_g7_a_naive_client_of_consdb_fails() -> None:
    rows = 20_000
    with serving(consdb(rows)) as server, FaultProxy(server.url) as proxy:
        client = naive_databases.Client(proxy.url, timeout=5)
        assert len(client.query(databases.STATEMENT)) == rows
        short = {}
        for name, fault in consdb_cuts(18_000).items():
            proxy.fault(fault)
            try:
                short[name] = len(client.query(databases.STATEMENT))
            except ValueError:
                continue
        client.close()
    print(f"G7 naive, ConsDB: short frames of {short} rows, no error")
    assert len(short) >= 3


def test_g7_a_naive_client_fails() -> None:
    """It asks for the whole as one document: what was cut is nothing, and looks like it."""
    rows = 20_000
    with serving(telemetry(rows)) as server, FaultProxy(server.url) as proxy:
        client = naive_rubin.Client("", timeout=5, url=proxy.url)
        assert len(client.query(STATEMENT)) == rows
        short = {}
        for name, fault in cuts(18_000).items():
            proxy.fault(fault)
            try:
                short[name] = len(client.query(STATEMENT))
            except ValueError:
                continue
        client.close()
    print(f"G7 naive: short frames of {short} rows, no error")
    assert len(short) >= 3
