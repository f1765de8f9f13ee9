"""E10: a discovery document that was downgraded, replaced, emptied, blown up or slowed down."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from skykey.repertoire import DiscoveryClient, RepertoireError, SyncDiscoveryClient
from skykey.repertoire import documents as module
from skykey.values.clock import SystemClock
from tests.reliability import naive
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, Server, as_json, chunk, reply, serving

MEGABYTE = 2**20
PATIENCE = 1.0  # in place of ten seconds, so that the tests are quick; the real figure is looked at too
GOOD = as_json('{"applications": ["good"]}')
JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Hostile:
    """A server's answers, and how much of them the client took."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sent = 0
        self.server: Server | None = None

    def __call__(self, _: Seen) -> Answer:  # noqa: C901 - a list of cases
        match self.kind:
            case "downgraded":
                return reply(302, Location="http://site.example/repertoire/discovery")
            case "replaced by a page":
                return reply(200, "<html>", Content_Type="text/html")
            case "replaced by a list":
                return as_json("[]")
            case "replaced by text":
                return as_json('"discovery"')
            case "replaced by another service":
                return as_json('{"influxdb_databases": {"x": "https://elsewhere.example"}}')
            case "elsewhere":
                return reply(302, Location="https://evil.test/discovery")
            case "empty":
                return as_json("")
            case "no content":
                return reply(204)
            case "10 MB":
                return self.flood(b'{"applications": ["', b"x" * 65536, 160, b'"]}')
            case "deep":
                return self.flood(b"", b"[" * 65536, 8, b"]" * 65536 * 8)
            case "deep objects":
                return self.flood(b"", b'{"a":' * 10_000, 8, b"1" + b"}" * 80_000)
            case "slow":
                return self.drip()
        raise AssertionError(self.kind)

    def flood(self, first: bytes, piece: bytes, times: int, last: bytes) -> Iterator[bytes]:
        yield JSON_HEAD + (chunk(first) if first else b"")
        for _ in range(times):
            yield chunk(piece)
            self.sent += len(piece)
            time.sleep(0.003)  # so that buffers on the way do not count as read
        yield chunk(last) + chunk(b"")

    def drip(self) -> Iterator[bytes]:
        yield JSON_HEAD + chunk(b'{"a": "')
        for _ in range(30):
            if self.server is None or self.server.closing.wait(0.1):
                return
            yield chunk(b"x")
        yield chunk(b'"}') + chunk(b"")


KINDS = (
    "downgraded",
    "replaced by a page",
    "replaced by a list",
    "replaced by text",
    "replaced by another service",
    "elsewhere",
    "empty",
    "no content",
    "10 MB",
    "deep",
    "deep objects",
    "slow",
)


def sync(url: str) -> Any:
    client = SyncDiscoveryClient(base_url=url)
    client._clock = FastClock()
    return client.discovery()


def asynchronous(url: str) -> Any:
    client = DiscoveryClient(base_url=url)
    client._clock = FastClock()
    return asyncio.run(client.discovery())


def through(library: str) -> Callable[[str], Any]:
    def run(url: str) -> Any:
        import importlib

        async def main() -> Any:
            async with importlib.import_module(library).AsyncClient() as guest:
                client = DiscoveryClient(guest, base_url=url)
                client._clock = FastClock()
                return await client.discovery()

        return asyncio.run(main())

    return run


CLIENTS: dict[str, Callable[[str], Any]] = {
    "sync": sync,
    "async": asynchronous,
    "httpx": through("httpx"),
    "httpx2": through("httpx2"),
}


def outcome(kind: str, client: Callable[[str], Any]) -> tuple[BaseException | None, float, int]:
    """What came out, after how long, and how much of the answer was taken."""
    hostile = Hostile(kind)
    problem: BaseException | None = None
    with serving(hostile) as server:
        hostile.server = server
        begin = time.monotonic()
        try:
            client(server.url)
        except Exception as raised:  # noqa: BLE001 - the tests look at it
            problem = raised
        took = time.monotonic() - begin
    return problem, took, hostile.sent


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_e10_a_bad_document_is_refused_soon_and_small(
    kind: str, client: str, monkeypatch: pytest.MonkeyPatch, ceiling: Callable[[float], float]
) -> None:
    assert module.MOST_SECONDS <= 10
    assert module.MOST_BYTES <= MEGABYTE
    monkeypatch.setattr(module, "MOST_SECONDS", PATIENCE)
    problem, took, sent = outcome(kind, CLIENTS[client])
    print(f"E10 {kind}, {client}: {type(problem).__name__} after {took:.2f} s and {sent:,} bytes")
    assert isinstance(problem, RepertoireError)
    assert took <= PATIENCE + ceiling(0.5)
    assert sent <= MEGABYTE * 1.5  # what was on the way when the client hung up is not read


def test_e10_a_naive_client_fails() -> None:
    unharmed = []
    for kind in ("replaced by a list", "replaced by another service", "10 MB", "slow"):
        problem, took, sent = outcome(kind, naive.discovery)
        print(f"E10 naive, {kind}: {type(problem).__name__} after {took:.2f} s and {sent:,} bytes")
        if problem is not None and took <= PATIENCE + 0.5 and sent <= MEGABYTE * 1.5:
            unharmed.append(kind)
    assert unharmed == []


def test_e10_a_document_of_exactly_the_limit_is_read() -> None:
    filler = "x" * (MEGABYTE - len('{"filler": ""}'))
    with serving(lambda _: as_json(json.dumps({"filler": filler}))) as server:
        assert sync(server.url).document["filler"] == filler
    with serving(lambda _: as_json(json.dumps({"filler": filler + "x"}))) as server, pytest.raises(RepertoireError):
        sync(server.url)


class Hands(SystemClock):
    def __init__(self) -> None:
        self.time = 10_000.0

    def steady(self) -> float:  # type: ignore[override]
        return self.time


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("face", ["sync", "async"])
def test_e10_the_last_good_document_is_used_while_it_is_young_with_one_warning(
    kind: str, face: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hands, hostile = Hands(), Hostile(kind)
    monkeypatch.setattr(module, "SYSTEM_CLOCK", hands)
    monkeypatch.setattr(module, "MOST_SECONDS", 0.5)
    with serving(lambda _: GOOD) as server, caplog.at_level(logging.WARNING):
        hostile.server = server
        kinds = {"sync": SyncDiscoveryClient, "async": DiscoveryClient}
        client: Any = kinds[face](base_url=server.url, cache_timeout=timedelta(minutes=5))
        client._clock = FastClock()

        def read() -> Any:
            return client.discovery() if face == "sync" else asyncio.run(client.discovery())

        assert read().applications == ("good",)
        server.answer = hostile
        hands.time += 600
        for _ in range(5):
            assert read().applications == ("good",)
        warnings = [record for record in caplog.records if record.name == "skykey.repertoire"]
        print(f"E10 {kind}, {face}: {len(warnings)} warning")
        assert len(warnings) == 1
        assert "the last discovery document is used on" in warnings[0].getMessage()
        hands.time += 23 * 3600
        assert read().applications == ("good",)
        hands.time += 3600
        with pytest.raises(RepertoireError):
            read()
        server.answer = lambda _: as_json('{"applications": ["new"]}')
        hands.time += 61  # the longest pause between two tries
        assert read().applications == ("new",)
