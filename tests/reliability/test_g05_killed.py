"""G5: a statement that the server killed. Whoever sends it again makes what was too much for the server more."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.testing.faults import Reply
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.errors import LimitExceeded, Overloaded, QueryError, ServiceError
from tests.reliability import databases, naive_databases, naive_rubin
from tests.tables.test_rows import MSGPACK, answering, client_at, document, read_async, read_sync
from tests.wire.askers import FastClock
from tests.wire.server import serving

STATEMENT = "SELECT mean(x) FROM t"


def says(*documents: Any, status: int = 200) -> Reply:
    body = b"".join(one if isinstance(one, bytes) else msgpack.packb(one) for one in documents)
    return Reply(status, body, {"Content-Type": MSGPACK})


ROWS = document(0, 1000, partial=True)
# In every place where 1.6.7 puts such an error.
KILLS: dict[str, Reply] = {
    "at once": says({"results": [{"error": "query killed"}]}),
    "at once, for the whole request": says({"error": "query killed"}),
    "behind rows": says(ROWS, {"results": [{"error": "query-timeout limit exceeded"}]}),
    "behind rows, for the whole request": says(ROWS, {"error": "query interrupted"}),
    "beside rows": says(ROWS, msgpack.unpackb(document(0, 3, partial=False)) | {"error": "query killed"}),
    "too large": says({"results": [{"statement_id": 0, "error": "max-select-point limit exceeded"}]}),
    "as 400": says({"error": "query killed"}, status=400),
    "as 500": says({"error": "query killed"}, status=500),
}
CLIENTS: dict[str, Callable[[str], Any]] = {
    "query": lambda url: client_at(url).query(STATEMENT),
    "query, async": lambda url: asyncio.run(client_at(url).async_query(STATEMENT)),
    "long query": lambda url: client_at(url).query(f"SELECT mean(x), {', '.join(['max(x)'] * 600)} FROM t"),  # a POST
    "stream": lambda url: read_sync(client_at(url), []),
    "stream, async": lambda url: read_async(client_at(url), []),
    "topics": lambda url: client_at(url).get_topics(),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_g5_a_killed_statement_is_sent_once(client: str) -> None:
    counts = []
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        for name, kill in KILLS.items():
            proxy.forget()
            skip = 2 if "stream" in client else 0  # the schema comes first
            proxy.fault(kill, times=None, skip=skip)
            with pytest.raises(QueryError if kill.status != 500 else ServiceError) as caught:
                CLIENTS[client](proxy.url)
            assert str(caught.value.words).split()[-1] in {"killed", "exceeded", "interrupted"}, name
            counts.append(len(proxy.seen) - skip)
            proxy.reset()
    print(f"G5 {client}: killed in {len(counts)} ways, requests {counts}")
    assert counts == [1] * len(KILLS)


def test_g5_a_statement_that_found_no_room_waits_longer_each_time() -> None:
    """It was not begun, so that it costs nothing to come back; the observatory asks to do so slowly."""
    full = says({"results": [{"statement_id": 0, "error": "max-concurrent-queries limit exceeded(150, 150)"}]})
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        client = client_at(proxy.url)
        client._clock = clock = FastClock()
        proxy.fault(full, times=2)
        assert len(client.query(STATEMENT)) == 10
        proxy.fault(full, times=None)
        with pytest.raises(Overloaded, match="no room") as caught:
            client.query(STATEMENT)
    print(f"G5 no room: {len(proxy.seen)} requests, waits {clock.waits}")
    assert "max-concurrent-queries" in str(caught.value.words)
    assert len(proxy.seen) == 3 + 4
    assert clock.waits[2] < clock.waits[3] < clock.waits[4]


def database(kind: str, words: str = "canceling statement due to statement timeout") -> Reply:
    said = {"message": f"(psycopg2.errors.{kind}) {words}\n[SQL: {databases.STATEMENT}]\n(Background on this error: …)"}
    return Reply(500, json.dumps(said), {"Content-Type": "application/json"})


# What PostgreSQL says of a statement that was too much, and what the front says whose patience ended.
CONSDB_KILLS: dict[str, tuple[Reply, type[Exception]]] = {
    "its time was over": (database("QueryCanceled"), LimitExceeded),
    "somebody ended it": (database("QueryCanceled", "canceling statement due to user request"), LimitExceeded),
    "no memory": (database("OutOfMemory", "out of memory"), LimitExceeded),
    "no disk": (database("DiskFull", "could not write to file"), LimitExceeded),
    "too complex": (database("ProgramLimitExceeded", "target lists can have at most 1664 entries"), LimitExceeded),
    "the front gave up": (Reply(504), Overloaded),
    "not said why": (Reply(500, "Internal Server Error"), ServiceError),
}


@pytest.mark.parametrize("client", databases.CONSDB)
def test_g5_a_statement_that_was_too_much_for_consdb_is_sent_once(client: str) -> None:
    counts = []
    with serving(databases.site) as server, FaultProxy(server.url) as proxy:
        for name, (kill, error) in CONSDB_KILLS.items():
            proxy.forget()
            proxy.fault(kill, path="*/consdb/query", times=None)
            with pytest.raises(error) as caught:
                databases.CONSDB[client](proxy.url, None)
            assert databases.STATEMENT not in str(caught.value), name
            counts.append(len(proxy.requests("*/query")))
            proxy.reset()
    print(f"G5 {client}: killed in {len(counts)} ways, requests {counts}")
    assert counts == [1] * len(CONSDB_KILLS)


@pytest.mark.parametrize("client", databases.CONSDB)
def test_g5_a_database_that_was_away_is_asked_a_second_time_and_no_more(client: str) -> None:
    """The statement was not begun; and a statement that writes may have been, and is sent once."""
    away = Reply(500, json.dumps({"message": "(psycopg2.OperationalError) server closed the connection"}))
    with serving(databases.site) as server, FaultProxy(server.url) as proxy:
        proxy.fault(away, path="*/consdb/query", times=None)
        with pytest.raises(Overloaded):
            databases.CONSDB[client](proxy.url, None)
        assert len(proxy.requests("*/query")) == 2
        with pytest.raises(Overloaded):
            databases.made(ConsDbFastAPI, proxy.url).query("insert into t values (1)")
        assert len(proxy.requests("*/query")) == 3


def tap_says(status: int, words: str) -> Reply:
    return Reply(status, databases.refused(words), {"Content-Type": databases.XML})


OUT_OF_TIME = "canceling statement due to statement timeout"
BEHIND_ROWS = databases.votable(
    databases.TAP_ROWS, behind=f'<INFO name="QUERY_STATUS" value="ERROR">{OUT_OF_TIME}</INFO>'
)
TAP_KILLS: dict[str, tuple[Reply, type[Exception]]] = {
    "its time was over": (tap_says(400, OUT_OF_TIME), LimitExceeded),
    "its time was over, as 500": (tap_says(500, OUT_OF_TIME), LimitExceeded),
    "its time was over, as 200": (tap_says(200, OUT_OF_TIME), QueryError),
    "its time was over, behind rows": (Reply(200, BEHIND_ROWS, {"Content-Type": databases.XML}), QueryError),
    "the front gave up": (Reply(504), Overloaded),
    "not said why": (Reply(500, "Internal Server Error"), ServiceError),
}


@pytest.mark.parametrize("client", databases.TAP)
def test_g5_a_statement_that_was_too_much_for_tap_is_sent_once(client: str) -> None:
    counts = []
    with serving(databases.site) as server, FaultProxy(server.url) as proxy:
        for kill, error in TAP_KILLS.values():
            proxy.forget()
            proxy.fault(kill, path="*/sync", times=None)
            with pytest.raises(error):
                databases.TAP[client](proxy.url, None)
            counts.append(len(proxy.requests("*/sync")))
            proxy.reset()
    print(f"G5 {client}: killed in {len(counts)} ways, requests {counts}")
    assert counts == [1] * len(TAP_KILLS)


def test_g5_a_naive_client_of_consdb_fails() -> None:
    with serving(databases.site) as server, FaultProxy(server.url) as proxy:
        proxy.fault(CONSDB_KILLS["its time was over"][0], times=None)
        client = naive_databases.Client(proxy.url)
        tries = 0
        while tries < 4 and not len(client.query(databases.STATEMENT)):
            tries += 1
        client.close()
        print(f"G5 naive, ConsDB: {len(proxy.seen)} requests, no error")
        assert len(proxy.seen) > 1


def test_g5_a_naive_client_fails() -> None:
    """One that asks again while nothing comes, because a failure and no rows look the same."""
    with serving(answering(document(0, 10, partial=False))) as server, FaultProxy(server.url) as proxy:
        proxy.fault(
            Reply(200, b'{"results": [{"error": "query killed"}]}', {"Content-Type": "application/json"}), times=None
        )
        client = naive_rubin.Client("", url=proxy.url)
        frame = client.query(STATEMENT)
        for _ in range(3):
            if not len(frame):
                frame = client.query(STATEMENT)
        client.close()
        print(f"G5 naive: {len(proxy.seen)} requests, {len(frame)} rows, no error")
        assert len(proxy.seen) > 1
