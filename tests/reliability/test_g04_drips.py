"""G4: a server that drips. No read waits for long, and the whole never ends: the total time limit holds."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin.logging_query import NarrativeLogClient
from skykey.testing.faults import Drip, Fault
from skykey.testing.faults_exchange import Exchange
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.deadline import within
from skykey.values.errors import TimedOut
from tests.reliability import databases, gracedb_site, naive_databases, naive_rubin
from tests.tables.test_rows import answering, client_at, document, read_async, read_sync
from tests.wire.server import Answer, Seen, as_json, serving

LIMIT = 1.5
TOLERANCE = 1.0
LONG = {"influxdb_databases": {}, "filler": "x" * 10_000}


class SlowHead:
    """The head too comes letter by letter."""

    async def play(self, exchange: Exchange, /) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 10_000:
            exchange._writer.write(bytes([byte]))
            await exchange._writer.drain()
            await exchange.silence(1.0)


def origin(seen: Seen) -> Answer:
    if gracedb_site.is_asked(seen):
        return gracedb_site.site(seen)
    if databases.is_asked(seen):
        return databases.site(seen)
    if "/query" in seen.path:
        return answering(document(0, 1000, partial=False))(seen)
    return as_json(json.dumps(LONG))


def own_limit(url: str) -> None:
    client = client_at(url)
    client.query_timeout = LIMIT
    client.query("SELECT mean(x) FROM t")


def asked_by(question: databases.Question) -> Callable[[str], Any]:
    return lambda url: question(url, SYSTEM_CLOCK)


def written(url: str) -> None:
    """Whether it was added is not known then, and the error says so."""
    with pytest.raises(TimedOut, match="nobody knows") as caught:
        databases.made(NarrativeLogClient, url, SYSTEM_CLOCK).add_message("x", user_id="ada", is_human=True)
    raise caught.value


CLIENTS: dict[str, Callable[[str], Any]] = {
    "query": lambda url: client_at(url).query("SELECT mean(x) FROM t"),
    "query, async": lambda url: asyncio.run(client_at(url).async_query("SELECT mean(x) FROM t")),
    "query, own limit": own_limit,
    "stream": lambda url: read_sync(client_at(url), []),
    "stream, async": lambda url: read_async(client_at(url), []),
    "topics": lambda url: client_at(url).get_topics(),
    "discovery": lambda url: SyncDiscoveryClient(base_url=url).discovery(),
    "discovery, async": lambda url: asyncio.run(DiscoveryClient(base_url=url).discovery()),
    **{name: asked_by(question) for name, question in databases.QUESTIONS.items()},
    "log, a message": written,
    **{name: asked_by(question) for name, question in gracedb_site.READS.items()},
    **{name: asked_by(question) for name, question in {**gracedb_site.WRITES, **gracedb_site.EVENTS}.items()},
}
FAULTS: dict[str, Fault] = {"body": Drip(1), "head": SlowHead()}


def taken(client: Callable[[str], Any], fault: Fault) -> tuple[BaseException | None, float]:
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        proxy.fault(fault, times=None)
        begin = time.monotonic()
        try:
            with within(LIMIT):
                client(proxy.url)
        except TimedOut as problem:
            return problem, time.monotonic() - begin
    return None, time.monotonic() - begin


@pytest.mark.parametrize("fault", FAULTS)
def test_g4_the_total_time_limit_holds(fault: str, ceiling: Callable[[float], float]) -> None:
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        running = {name: pool.submit(taken, client, FAULTS[fault]) for name, client in CLIENTS.items()}
        for name, future in running.items():
            problem, took = future.result()
            print(
                f"G4 {name}, a byte of the {fault} a second: {type(problem).__name__} after {took:.2f} s of {LIMIT} s"
            )
            assert problem is not None
            assert LIMIT - 0.05 <= took <= LIMIT + ceiling(TOLERANCE)


def test_g4_a_naive_client_fails() -> None:
    """Its time-out is for one read, and each read gets something."""
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        proxy.fault(Drip(4), times=None)
        client = naive_rubin.Client("", timeout=LIMIT / 4, url=proxy.url)
        guard = threading.Timer(LIMIT + TOLERANCE + 0.2, proxy.hang_up)
        guard.start()
        begin = time.monotonic()
        client.query("SELECT mean(x) FROM t")
        took = time.monotonic() - begin
        guard.join()
        client.close()
    print(f"G4 naive: still reading after {took:.2f} s")
    assert took > LIMIT + TOLERANCE


@pytest.mark.parametrize("asked", ["query", "log"])
def test_g4_a_naive_client_of_databases_fails(asked: str) -> None:
    with serving(origin) as server, FaultProxy(server.url) as proxy:
        proxy.fault(Drip(4), times=None)
        client = naive_databases.Client(proxy.url, databases.AUTH[1], timeout=LIMIT / 4)
        guard = threading.Timer(LIMIT + TOLERANCE + 0.2, proxy.hang_up)
        guard.start()
        begin = time.monotonic()
        with contextlib.suppress(httpx.HTTPError):
            client.query(databases.STATEMENT) if asked == "query" else client.log("narrativelog/messages", offset=0)
        took = time.monotonic() - begin
        guard.join()
        client.close()
    print(f"G4 naive {asked}: still reading after {took:.2f} s")
    assert took > LIMIT + TOLERANCE
