"""G8: a limit of rows that was reached. What came says so, in every shape and on stderr; as many as all do not."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from skykey.cli.root import skykey
from skykey.rubin.consdb import service as consdb_service
from skykey.rubin.consdb_query import AsyncConsDbFastAPI, AsyncConsDbTap, ConsDbFastAPI, ConsDbTap
from skykey.rubin.logging_query import (
    AsyncExposureLogClient,
    AsyncNarrativeLogClient,
    ExposureLogClient,
    NarrativeLogClient,
)
from skykey.rubin.logs import narrative
from skykey.sandbox import Box
from skykey.tables.end import End
from skykey.tables.table import Table
from tests.reliability import databases, naive_databases
from tests.reliability.test_g_matrix_rubin import asynchronous_client, blocking_client
from tests.rubin.scripted_log import ScriptedLog, message
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, chunk, serving

TOPIC = "lsst.sal.ESS.temperature"
LIMITED = "select visit_id, band from cdb_lsstcam.visit1 order by visit_id limit {}"
MOST = consdb_service.MOST_ROWS


def rows_as_json(count: int) -> Callable[[Seen], Answer]:
    """So many small rows, as ConsDB sends what its statement found up to its limit: without a word."""

    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        yield chunk(b'{"columns":["a"],"data":[')
        block = 10_000
        for first in range(0, count, block):
            rows = b",".join([b"[1]"] * min(block, count - first))
            yield chunk((b"," if first else b"") + rows)
        yield chunk(b"]}") + chunk(b"")

    return lambda _: pieces()


# -- ConsDB: a million rows, after which the server keeps the rest to itself

SHAPES: dict[str, Callable[[str], tuple[int, bool, str | None]]] = {
    "DataFrame": lambda url: of_frame(databases.made(ConsDbFastAPI, url).query("select 1 as a")),
    "Table": lambda url: of_table(databases.made(ConsDbFastAPI, url).query.table("select 1 as a")),
    "DataFrame, async": lambda url: of_frame(
        asyncio.run(databases.made(AsyncConsDbFastAPI, url).query("select 1 as a"))
    ),
    "stream": lambda url: of_end(stream_end(databases.made(ConsDbFastAPI, url))),
    "stream, async": lambda url: of_end(stream_end_async(databases.made(AsyncConsDbFastAPI, url))),
}


def of_frame(frame: pd.DataFrame) -> tuple[int, bool, str | None]:
    return len(frame), frame.attrs["truncated"], frame.attrs.get("cut_by")


def of_table(table: Table) -> tuple[int, bool, str | None]:
    assert table.truncated == table.end.truncated == table.to_pandas().attrs["truncated"]
    return len(table), table.truncated, table.end.cut_by


def of_end(end: End) -> tuple[int, bool, str | None]:
    return end.rows, end.truncated, end.cut_by


def stream_end(client: Any, statement: str = "select 1 as a") -> End:
    with client.stream(statement) as rows:
        assert sum(len(batch) for batch in rows) == rows.end.rows
        return rows.end  # type: ignore[no-any-return]


def stream_end_async(client: Any, statement: str = "select 1 as a") -> End:
    async def main() -> End:
        async with client.stream(statement) as rows:
            count = 0
            async for batch in rows:
                count += len(batch)
            assert count == rows.end.rows
            return rows.end  # type: ignore[no-any-return]

    return asyncio.run(main())


@pytest.mark.parametrize("shape", ["Table", "stream, async"])
def test_g8_a_million_rows_of_consdb_may_not_be_all(shape: str) -> None:
    for count, cut in ((MOST - 1, False), (MOST, True)):
        with serving(rows_as_json(count)) as server:
            rows, truncated, cut_by = SHAPES[shape](server.url)
        print(f"G8 ConsDB, {shape}: {rows:,} rows, truncated {truncated}, cut by {cut_by}")
        assert (rows, truncated) == (count, cut)
        assert ("1,000,000" in (cut_by or "")) is cut


@pytest.mark.parametrize("shape", SHAPES)
def test_g8_every_shape_says_it(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's limit is lower here, which only shortens the test."""
    monkeypatch.setattr(consdb_service, "MOST_ROWS", 20_000)
    for count, cut in ((19_999, False), (20_000, True)):
        with serving(rows_as_json(count)) as server:
            rows, truncated, cut_by = SHAPES[shape](server.url)
        assert (rows, truncated) == (count, cut)
        assert ("20,000" in (cut_by or "")) is cut


# -- limits that were asked for

Asked = Callable[[Any, int], Any]
Made = Callable[[str, str], Any]


def client_of(kind: type[Any]) -> Made:
    def make(url: str, token: str) -> Any:
        client = kind(url, token if kind in {ConsDbTap, AsyncConsDbTap} else ("user", token))
        client._clock = FastClock()
        return client

    return make


CLIENTS: dict[str, tuple[Made, Made, Asked]] = {
    "ConsDB, LIMIT": (
        client_of(ConsDbFastAPI),
        client_of(AsyncConsDbFastAPI),
        lambda client, limit: client.query(LIMITED.format(limit)),
    ),
    "narrative log": (
        client_of(NarrativeLogClient),
        client_of(AsyncNarrativeLogClient),
        lambda client, limit: client.query_log("2026-03-18", "2026-03-22", limit=limit),
    ),
    "exposure log": (
        client_of(ExposureLogClient),
        client_of(AsyncExposureLogClient),
        lambda client, limit: client.query(limit=limit),
    ),
    "telemetry, LIMIT": (
        blocking_client,
        asynchronous_client,
        lambda client, limit: client.query(f'SELECT * FROM "{TOPIC}" LIMIT {limit}'),
    ),
    "telemetry, latest": (
        blocking_client,
        asynchronous_client,
        lambda client, limit: client.select_top_n(TOPIC, "*", limit),
    ),
    "TAP, TOP": (
        client_of(ConsDbTap),
        client_of(AsyncConsDbTap),
        lambda client, limit: client.query(f"select top {limit} visit_id from cdb_lsstcam.visit1"),
    ),
    "TAP, maxrec": (
        client_of(ConsDbTap),
        client_of(AsyncConsDbTap),
        lambda client, limit: client.query("select visit_id from cdb_lsstcam.visit1", maxrec=limit),
    ),
    "TAP, maxrec, a job": (
        client_of(ConsDbTap),
        client_of(AsyncConsDbTap),
        lambda client, limit: client.query("select visit_id from cdb_lsstcam.visit1", maxrec=limit, as_job=True),
    ),
}
ENOUGH = 20_000  # more than any of them has


@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
@pytest.mark.parametrize("name", CLIENTS)
def test_g8_a_limit_that_was_asked_for_is_named(name: str, face: str, box: Box) -> None:
    blocking, asynchronous, ask = CLIENTS[name]
    for limit in (60, ENOUGH):
        if face == "blocking":
            frame = ask(blocking(box.site_url, box.token), limit)
        else:
            frame = asyncio.run(ask(asynchronous(box.site_url, box.token), limit))
        rows, truncated, cut_by = of_frame(frame)
        print(f"G8 {name}, {face}, {limit:,}: {rows:,} rows, truncated {truncated}, cut by {cut_by}")
        assert truncated is (limit == 60)
        assert (rows == 60) if limit == 60 else (60 < rows < ENOUGH)
        assert bool(cut_by) is truncated


@pytest.mark.parametrize("kind", [ConsDbTap, AsyncConsDbTap])
@pytest.mark.parametrize("response_format", ["parquet", "binary2", "votable", "csv"])
@pytest.mark.parametrize("as_job", [False, True])
def test_g8_a_limit_of_the_tap_service_itself_is_named(
    kind: type[Any], response_format: str, as_job: bool, box: Box
) -> None:
    """OVERFLOW behind the table, or in Parquet's own words, or the number of rows alone."""
    box.controls.tap(limit=100)
    client = client_of(kind)(box.site_url, box.token)
    statement = "select visit_id from cdb_lsstcam.visit1"
    found = client.query(statement, as_job=as_job, response_format=response_format)
    rows, truncated, cut_by = of_frame(asyncio.run(found) if kind is AsyncConsDbTap else found)
    print(f"G8 TAP, {response_format}, job {as_job}: {rows} rows, truncated {truncated}, cut by {cut_by}")
    assert (rows, truncated) == (100, True)
    assert cut_by


@pytest.mark.parametrize("limit", [2, 3, 60, 2500])
@pytest.mark.parametrize("face", ["blocking", "asynchronous"])
def test_g8_as_many_messages_as_were_asked_for_are_all_or_not(face: str, limit: int) -> None:
    """One row more is asked for than is wanted; that tells."""
    for count in (limit - 1, limit, limit + 1):
        with serving(ScriptedLog([message(number) for number in range(count)])) as server:
            if face == "blocking":
                frame = databases.made(NarrativeLogClient, server.url).query(limit=limit)
            else:
                frame = asyncio.run(databases.made(AsyncNarrativeLogClient, server.url).query(limit=limit))
        rows, truncated, cut_by = of_frame(frame)
        assert (rows, truncated) == (min(count, limit), count > limit)
        assert (str(limit) in (cut_by or "")) is truncated
    print(f"G8 log, {face}, limit {limit}: flagged for {limit + 1} rows, not for {limit - 1} and {limit}")


# -- on stderr


def test_g8_commands_say_it_on_stderr(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(skykey, ["rubin", *arguments])
        assert result.exit_code == 0, result.stderr
        return result

    changes = box.changes()
    for name in changes.unset:
        monkeypatch.delenv(name)
    for name, value in changes.set.items():
        monkeypatch.setenv(name, value)
    night = "20260320"
    commands = (("visits", night), ("logs", night))
    whole = {name: run(name, argument).stderr for name, argument in commands}
    monkeypatch.setattr(consdb_service, "MOST_ROWS", 398)
    monkeypatch.setattr(narrative, "MOST_ROWS", 50)
    cut = {name: run(name, argument).stderr for name, argument in commands}
    telemetry = {limit: run("query", f'SELECT * FROM "{TOPIC}" LIMIT {limit}').stderr for limit in (10, ENOUGH)}
    print(f"G8 on stderr: {whole} -> {cut}; {telemetry}")
    assert all("complete" in said and "NOT ALL" not in said for said in whole.values())
    assert all("NOT ALL" in said for said in cut.values())
    assert "LIMIT" in telemetry[10]
    assert "LIMIT" not in telemetry[ENOUGH]


# -- naive


def test_g8_a_naive_client_fails() -> None:
    flags = {}
    with serving(rows_as_json(20_000)) as consdb, serving(ScriptedLog([message(n) for n in range(60)])) as log:
        client = naive_databases.Client(consdb.url, timeout=5)
        flags["ConsDB"] = client.query("select 1 as a").attrs
        client.close()
        client = naive_databases.Client(log.url, databases.AUTH[1], timeout=5)
        frame = client.log("narrativelog/messages", limit=50, offset=0)
        client.close()
    flags["log"] = frame.attrs
    print(f"G8 naive: {len(frame)} of 60 messages, flags {flags}")
    assert len(frame) == 50
    assert not any(flags.values())
