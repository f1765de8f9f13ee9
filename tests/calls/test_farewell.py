"""What is left to do when a flow is called off: done then, soon, and at no other time."""

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from skykey.calls import perform as performing
from skykey.calls.flow import Flow, ask, bounded, gather, pause
from skykey.calls.perform import AsyncPerformance, Performance
from skykey.calls.steps import Batches, Farewell
from skykey.tables.rows import AsyncRows, Rows
from skykey.values.calloff import stop_flag
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import NotFound
from skykey.wire.pools import PROCESS_POOLS
from tests.wire.askers import Asker, AsyncAsker, get
from tests.wire.server import reply, serving


class Told:
    """What was left to do, and how often it was done."""

    def __init__(self, *, fails: BaseException | None = None) -> None:
        self.count = 0
        self.begun = threading.Event()
        self._fails = fails

    def leave(self) -> Flow[None]:
        yield from pause(0)
        self.count += 1
        if self._fails is not None:
            raise self._fails

    def long(self) -> Flow[str]:
        yield Farewell(self.leave())
        self.begun.set()
        yield from pause(30)
        return "never"


def interrupted(told: Told, flow: Callable[[], Flow[Any]]) -> None:
    """Press Ctrl-C in the middle of it."""
    asker = Asker()

    class Pressed:
        wall = staticmethod(time.time)
        steady = staticmethod(time.monotonic)

        def wait(self, event: threading.Event, seconds: float | None) -> bool:
            if seconds == 30:
                raise KeyboardInterrupt
            return event.wait(seconds)

    asker._clock = Pressed()
    with pytest.raises(KeyboardInterrupt):
        asker.run(flow)


def cancelled(told: Told, flow: Callable[[], Flow[Any]]) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(AsyncAsker().run(flow))
        while not told.begun.is_set():  # noqa: ASYNC110 - the other face needs one for threads
            await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())


CALL_OFF = pytest.mark.parametrize("call_off", [interrupted, cancelled])
RUN = pytest.mark.parametrize(
    "run", [lambda make: Asker().run(make), lambda make: asyncio.run(AsyncAsker().run(make))], ids=["sync", "async"]
)


@CALL_OFF
@pytest.mark.parametrize("wrap", [lambda flow: flow, lambda flow: bounded(flow, 60)])
def test_a_flow_that_is_called_off_takes_its_leave(call_off: Any, wrap: Any) -> None:
    told = Told()
    call_off(told, lambda: wrap(told.long()))
    assert told.count == 1


@CALL_OFF
def test_what_goes_wrong_then_is_nobodys_concern(call_off: Any) -> None:
    told = Told(fails=NotFound("gone"))
    call_off(told, told.long)
    assert told.count == 1


@CALL_OFF
def test_it_does_not_take_long(
    call_off: Any, monkeypatch: pytest.MonkeyPatch, ceiling: Callable[[float], float]
) -> None:
    monkeypatch.setattr(performing, "_FAREWELL_SECONDS", 0.2)
    told = Told()
    ended = []

    def flow() -> Flow[None]:
        yield Farewell(slow())
        told.begun.set()
        yield from pause(30)

    def slow() -> Flow[None]:
        yield from ask(get(server.url))
        ended.append("ended")

    with serving(lambda _: time.sleep(3)) as server:
        begin = time.monotonic()
        call_off(told, flow)
        assert time.monotonic() - begin < ceiling(1.5)
    assert ended == []


@RUN
@pytest.mark.parametrize("how", ["returns", "raises", "takes it back"])
def test_a_flow_that_ends_by_itself_does_not(run: Any, how: str) -> None:
    told = Told()

    def flow() -> Flow[str]:
        yield Farewell(told.leave())
        yield from pause(0)
        if how == "raises":
            raise NotFound("gone")
        return "done"

    with contextlib.suppress(NotFound):
        assert run(flow) == "done"
    assert told.count == 0


@CALL_OFF
def test_what_was_taken_back_is_not_done(call_off: Any) -> None:
    told = Told()

    def flow() -> Flow[None]:
        yield Farewell(told.leave())
        yield Farewell(None)
        told.begun.set()
        yield from pause(30)

    call_off(told, flow)
    assert told.count == 0


@CALL_OFF
def test_requests_can_be_made_then(call_off: Any) -> None:
    told = Told()
    with serving(lambda _: reply(200, "bye")) as server:

        def flow() -> Flow[None]:
            yield Farewell(ask(get(f"{server.url}/bye")))
            yield from ask(get(f"{server.url}/first"))
            told.begun.set()
            yield from pause(30)

        call_off(told, flow)
        assert [seen.path for seen in server.seen] == ["/first", "/bye"]


@RUN
def test_who_is_called_off_by_a_neighbour_takes_leave_too(run: Any) -> None:
    told = Told()

    def fails() -> Flow[None]:
        while not told.begun.is_set():
            yield from pause(0.001)
        raise NotFound("gone")

    with pytest.raises(NotFound):
        run(lambda: gather([told.long(), fails()], at_once=2))
    assert told.count == 1


def test_rows_that_are_closed_early_take_leave() -> None:
    told = Told()

    def flow() -> Flow[Any]:
        yield Farewell(told.leave())
        yield Batches(["some"])
        return (yield from pause(30))

    with Rows(Performance(flow(), PROCESS_POOLS, SYSTEM_CLOCK)) as rows:
        next(rows)
    assert told.count == 1

    async def main() -> None:
        async with AsyncRows(AsyncPerformance(flow(), PROCESS_POOLS, SYSTEM_CLOCK)) as coming:
            await anext(coming)

    asyncio.run(main())
    assert told.count == 2


def test_a_coroutine_that_nobody_waits_for_is_closed_without_a_word() -> None:
    told = Told()
    loop = asyncio.new_event_loop()
    course = AsyncAsker().run(told.long)
    task = loop.create_task(course)
    loop.run_until_complete(asyncio.sleep(0.05))
    assert told.begun.is_set()
    task._log_destroy_pending = False
    loop.close()
    course.close()  # "coroutine ignored GeneratorExit" would be an error here
    del task
    gc.collect()
    assert told.count == 0


def test_a_second_interrupt_ends_it_at_once() -> None:
    told = Told(fails=KeyboardInterrupt())
    interrupted(told, told.long)
    assert stop_flag.get() is None
