"""The two drivers: what ends a wait, what closes an exchange, what a flow may do with errors."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import skykey
from skykey.calls.call import Repeat
from skykey.calls.flow import Flow, ask, need, pause
from skykey.values.calloff import stop_flag
from skykey.values.errors import Interrupted, NotFound, TimedOut
from tests.wire.askers import Asker, AsyncAsker, bearer, get
from tests.wire.server import Seen, reply, serving

Run = Callable[[Callable[[], Flow[Any]]], Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "sync":
        return lambda make: Asker().run(make)
    return lambda make: asyncio.run(AsyncAsker().run(make))


def test_a_pause_does_not_outlive_the_deadline(run: Run, ceiling: Callable[[float], float]) -> None:
    begin = time.monotonic()
    with skykey.within(0.2), pytest.raises(TimedOut, match="waiting"):
        run(lambda: pause(30))
    assert time.monotonic() - begin <= 0.2 + ceiling(0.5)


def test_a_short_pause_within_a_deadline_is_just_a_pause(run: Run) -> None:
    with skykey.within(30):
        run(lambda: pause(0.01))


@pytest.mark.parametrize("what", ["pause", "repeat"])
def test_the_stop_flag_ends_a_wait(what: str, ceiling: Callable[[float], float]) -> None:
    """Also the one between two tries: a call that is called off is not tried again."""
    ended: list[float] = []
    begun, stop = threading.Event(), threading.Event()

    def answer(_: Seen) -> bytes:
        begun.set()
        return reply(503, Retry_After="30")

    with serving(answer) as server:

        def blocked() -> None:
            stop_flag.set(stop)
            try:
                if what == "pause":
                    begun.set()
                    Asker().run(lambda: pause(30))
                else:
                    Asker().ask(get(server.url, repeat=Repeat.SAFE))
            except Interrupted:
                ended.append(time.monotonic())

        thread = threading.Thread(target=blocked)
        thread.start()
        begun.wait(5)
        time.sleep(0.1)
        called_off = time.monotonic()
        stop.set()
        thread.join(10)
        assert ended[0] - called_off <= ceiling(0.5)


def test_a_safe_call_that_is_called_off_while_it_reads_is_not_tried_again(ceiling: Callable[[float], float]) -> None:
    ended: list[float] = []
    stop = threading.Event()

    def answer(_: Seen) -> None:
        stop.set()
        server.closing.wait(20)

    with serving(answer) as server:

        def blocked() -> None:
            stop_flag.set(stop)
            with pytest.raises(Interrupted, match="called off"):
                Asker().ask(get(server.url, repeat=Repeat.SAFE))
            ended.append(time.monotonic())

        begin = time.monotonic()
        thread = threading.Thread(target=blocked)
        thread.start()
        thread.join(20)
        assert ended[0] - begin <= ceiling(1)
        assert len(server.seen) == 1


def test_a_flow_may_catch_an_error_and_go_on(run: Run) -> None:
    with serving(lambda seen: reply(404) if seen.path == "/a" else reply(200, "b")) as server:

        def either() -> Flow[bytes]:
            try:
                return (yield from ask(get(f"{server.url}/a")))
            except NotFound:
                return (yield from ask(get(f"{server.url}/b")))

        assert run(either) == b"b"


def test_a_flow_that_fails_by_itself_closes_what_it_had_open(run: Run) -> None:
    with serving(lambda _: reply(200, b"x" * 10_000_000)) as server:

        class Broken:
            def head(self, head: Any, /) -> None:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            run(lambda: ask(get(server.url, reader=Broken)))
        for _ in range(100):
            if server.open_connections == 0:
                return
            time.sleep(0.02)
        raise AssertionError("the connection stayed open")


def test_a_flow_gets_what_a_keeper_holds(run: Run) -> None:
    held = run(lambda: need(bearer("https://a.example")))
    assert held.source == "a test"


def test_methods_of_one_client_run_side_by_side() -> None:
    with serving(lambda seen: reply(200, seen.path)) as server:
        client = AsyncAsker()

        async def main() -> list[bytes]:
            return await asyncio.gather(*(client.ask(get(f"{server.url}/{n}")) for n in range(100)))

        assert asyncio.run(main()) == [f"/{n}".encode() for n in range(100)]


def test_a_deadline_belongs_to_its_task() -> None:
    """One task's time limit must not end another's request."""

    def slow(_: Seen) -> bytes:
        server.closing.wait(0.6)
        return reply(200, "ok")

    with serving(slow) as server:

        async def hasty() -> None:
            with skykey.within(0.2), pytest.raises(TimedOut):
                await AsyncAsker().ask(get(server.url))

        async def main() -> Any:
            return await asyncio.gather(hasty(), AsyncAsker().ask(get(server.url)))

        assert asyncio.run(main())[1] == b"ok"
