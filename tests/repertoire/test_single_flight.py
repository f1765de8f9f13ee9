"""One request for the document however many ask, and none on every call while the service is down."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient, telemetry
from skykey.sandbox import Box
from skykey.values.clock import SystemClock
from skykey.values.errors import Overloaded, Unreachable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.repertoire.documents import TEXT
from tests.wire.askers import FastClock
from tests.wire.server import Seen, Server, as_json, reply, serving


class Slow:
    def __init__(self) -> None:
        self.server: Server | None = None

    def __call__(self, _: Seen) -> bytes:
        assert self.server is not None
        self.server.closing.wait(0.4)
        return as_json(TEXT)


@pytest.fixture
def slow() -> Iterator[Server]:
    answer = Slow()
    with serving(answer) as server:
        answer.server = server
        yield server


def threads_of(client: SyncDiscoveryClient, number: int = 20) -> list[Any]:
    together = threading.Barrier(number)

    def one(_: int) -> Any:
        together.wait(10)
        return client.influxdb_databases()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def tasks_of(client: DiscoveryClient, number: int = 64) -> list[Any]:
    async def main() -> list[Any]:
        return list(await asyncio.gather(*(client.influxdb_databases() for _ in range(number))))

    return asyncio.run(main())


def test_20_cold_threads_make_one_request(slow: Server) -> None:
    answers = threads_of(SyncDiscoveryClient(base_url=slow.url))
    print(f"20 threads: {len(slow.seen)} request")
    assert len(answers) == 20
    assert len(slow.seen) == 1


def test_64_cold_tasks_make_one_request(slow: Server) -> None:
    answers = tasks_of(DiscoveryClient(base_url=slow.url))
    print(f"64 tasks: {len(slow.seen)} request")
    assert len(answers) == 64
    assert len(slow.seen) == 1


def test_the_same_client_on_several_loops_makes_one_request(slow: Server) -> None:
    client = DiscoveryClient(base_url=slow.url)
    with ThreadPoolExecutor(3) as pool:
        answers = [answer for found in pool.map(lambda _: tasks_of(client, 20), range(3)) for answer in found]
    print(f"3 loops: {len(slow.seen)} request")
    assert len(answers) == 60
    assert len(slow.seen) == 1


def test_a_cancelled_first_task_takes_nobody_along(slow: Server) -> None:
    client = DiscoveryClient(base_url=slow.url)

    async def main() -> list[Any]:
        first = asyncio.create_task(client.influxdb_databases())
        rest = [asyncio.create_task(client.influxdb_databases()) for _ in range(20)]
        while not slow.seen:  # noqa: ASYNC110 - the server is no task
            await asyncio.sleep(0.01)
        first.cancel()
        return list(await asyncio.gather(first, *rest, return_exceptions=True))

    cancelled, *answers = asyncio.run(main())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert answers == [["far_metrics", "site_efd"]] * 20
    assert len(slow.seen) == 2


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_64_tasks_through_a_client_of_the_users_own_make_one_request(slow: Server, library: str) -> None:
    import importlib

    async def main() -> list[Any]:
        async with importlib.import_module(library).AsyncClient() as guest:
            client = DiscoveryClient(guest, base_url=slow.url)
            return list(await asyncio.gather(*(client.influxdb_databases() for _ in range(64))))

    assert len(asyncio.run(main())) == 64
    assert len(slow.seen) == 1


def test_the_first_questions_of_all_telemetry_clients_cost_one_document(box: Box) -> None:
    """Both faces and the twins; the schema of a topic, too, is asked for once."""
    reach = Reach.named(Url(box.site_url), said_by="a test")
    discovery = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")
    token = Keeper(Argument(Secret(box.token), reach))
    box.controls.latency(0.3)
    clients = [
        telemetry("usdf", name, Keeper(RepertoireLogin(discovery, (f"usdf_{name}",), token)))
        for name in ("efd", "obsenv", "prompt")
    ]
    asynchronous = AsyncInfluxQueryClient.__new__(AsyncInfluxQueryClient)
    asynchronous.__dict__.update(clients[0].__dict__)
    statement = 'SELECT * FROM "lsst.sal.ESS.temperature" WHERE time < 0'

    def ask(client: InfluxQueryClient) -> int:
        return len(client.query(statement if client is clients[0] else "SHOW MEASUREMENTS"))

    async def both() -> None:
        await asyncio.gather(*(asynchronous.query(statement) for _ in range(10)), clients[0].async_query(statement))

    with ThreadPoolExecutor(13) as pool:
        waiting = [pool.submit(ask, client) for client in clients * 4]
        waiting.append(pool.submit(lambda: asyncio.run(both())))  # type: ignore[arg-type, return-value]
        for each in waiting:
            each.result(30)
    seen = box.controls.requests()
    documents = [one for one in seen if one.path == "/repertoire/discovery"]
    schemas = [one for one in seen if "SHOW+FIELD+KEYS" in one.query]
    print(f"23 questions: {len(documents)} document, {len(schemas)} schema")
    assert len(documents) == 1
    assert len(schemas) == 1


# -- while the service is down


class Hands(SystemClock):
    def __init__(self) -> None:
        self.time = 10_000.0

    def steady(self) -> float:  # type: ignore[override]
        return self.time


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands()
    monkeypatch.setattr("skykey.repertoire.documents.SYSTEM_CLOCK", made)
    return made


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("served", [True, False], ids=["with an old document", "cold"])
def test_an_hour_of_outage_costs_few_requests(hands: Hands, face: str, *, served: bool) -> None:
    """Upstream asks with every call."""
    with serving(lambda _: as_json(TEXT)) as server:
        kinds: dict[str, Callable[..., Any]] = {"sync": SyncDiscoveryClient, "async": DiscoveryClient}
        client = kinds[face](base_url=server.url)
        client._clock = FastClock()

        def read() -> Any:
            return client.influxdb_databases() if face == "sync" else asyncio.run(client.influxdb_databases())

        if served:
            read()
        server.answer = lambda _: reply(500)
        before, answered = len(server.seen), 0
        hands.time += 301
        for _ in range(1200):
            hands.time += 3
            try:
                read()
                answered += 1
            except Exception:  # noqa: BLE001 - counted
                pass
        made = len(server.seen) - before
        print(f"{face}, {'old document' if served else 'cold'}: 1200 calls in an hour, {made} requests")
        assert made <= 70
        assert answered == (1200 if served else 0)
        server.answer = lambda _: as_json(TEXT)
        hands.time += 60
        assert read() == ["far_metrics", "site_efd"]


def test_a_service_that_asks_for_patience_gets_it(hands: Hands) -> None:
    with serving(lambda _: reply(503, Retry_After="120")) as server:
        client = SyncDiscoveryClient(base_url=server.url)
        client._clock = FastClock()
        for wait in (0, 60, 59, 2):
            hands.time += wait
            with pytest.raises(Overloaded):
                client.discovery()
        assert len(server.seen) == 2


def test_a_program_may_insist(hands: Hands) -> None:
    client = SyncDiscoveryClient(base_url="http://127.0.0.1:1", cache_timeout=timedelta(0))
    client._clock = FastClock()
    with pytest.raises(Unreachable):
        client.discovery()
    begin = time.monotonic()
    with serving(lambda _: as_json(TEXT)) as server:
        client.base_url = Url(server.url)
        with pytest.raises(Unreachable) as caught:
            client.discovery()
        assert "the next try is in 2 s" in caught.value.__notes__[0]
        client.forget()
        assert client.influxdb_databases() == ["far_metrics", "site_efd"]
    assert time.monotonic() - begin < 10
