"""Several flows at once: their order, their limits, and that nothing of them goes on when one has failed."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import skykey
from skykey.calls.flow import Flow, ask, bounded, gather, pause
from skykey.calls.memo import Memo
from skykey.calls.side_by_side import in_threads
from skykey.values.bell import Bell
from skykey.values.calloff import stop_flag
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import Interrupted, NotFound, TimedOut
from tests.wire.askers import Asker, AsyncAsker, get
from tests.wire.server import Seen, reply, serving

Run = Callable[[Callable[[], Flow[Any]]], Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "sync":
        return lambda make: Asker().run(make)
    return lambda make: asyncio.run(AsyncAsker().run(make))


def test_results_do_not_come_in_the_order_of_who_is_first(run: Run) -> None:
    def slow_first(seen: Seen) -> bytes:
        if seen.path == "/0":
            time.sleep(0.2)
        return reply(200, seen.path.encode())

    with serving(slow_first) as server:
        found = run(lambda: gather([ask(get(f"{server.url}/{n}")) for n in range(5)], at_once=3))
    assert found == [b"/0", b"/1", b"/2", b"/3", b"/4"]


@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_no_more_are_under_way_than_was_said(run: Run, at_once: int) -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def counted(_: Seen) -> bytes:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.03)
        with lock:
            under_way -= 1
        return reply(200)

    with serving(counted) as server:
        run(lambda: gather([ask(get(server.url)) for _ in range(10)], at_once=at_once))
    # The rest of 20 would be more than there is to do.
    assert most == min(at_once, 10)


def test_nothing_to_do_is_done_at_once(run: Run) -> None:
    assert run(lambda: gather([], at_once=4)) == []


def test_the_first_failure_calls_the_others_off(run: Run, ceiling: Callable[[float], float]) -> None:
    ended: list[str] = []

    def waits() -> Flow[None]:
        try:
            yield from pause(30)
        finally:
            ended.append("called off")

    def fails() -> Flow[None]:
        yield from pause(0.05)
        raise NotFound("gone")

    never_begun: list[str] = []

    def later() -> Flow[None]:
        never_begun.append("begun")
        yield from pause(0)

    begin = time.monotonic()
    with pytest.raises(NotFound, match="gone"):
        run(lambda: gather([waits(), fails(), waits(), later(), later()], at_once=3))
    assert time.monotonic() - begin < ceiling(2)
    assert (ended, never_begun) == (["called off", "called off"], [])
    assert not [thread for thread in threading.enumerate() if thread.name == "skykey-gather"]


def test_a_flow_may_catch_the_failure_and_go_on(run: Run) -> None:
    def fails() -> Flow[int]:
        yield from pause(0)
        raise NotFound("gone")

    def either() -> Flow[Any]:
        try:
            return (yield from gather([fails(), fails()], at_once=2))
        except NotFound:
            return "instead"

    assert run(either) == "instead"


def test_time_limits_reach_into_the_threads(run: Run, ceiling: Callable[[float], float]) -> None:
    begin = time.monotonic()
    with skykey.within(0.2), pytest.raises(TimedOut):
        run(lambda: gather([pause(30), pause(30)], at_once=2))
    with pytest.raises(TimedOut):
        run(lambda: bounded(gather([_stuck(), _stuck()], at_once=2), 0.2))
    assert time.monotonic() - begin < 0.4 + ceiling(1)


def _stuck() -> Flow[bytes]:
    with serving(lambda _: time.sleep(1)) as server:
        return (yield from ask(get(server.url)))


def test_a_stop_flag_reaches_into_the_threads(ceiling: Callable[[float], float]) -> None:
    stop, ended = threading.Event(), list[float]()

    def blocked() -> None:
        stop_flag.set(stop)
        with pytest.raises(Interrupted):
            Asker().run(lambda: gather([pause(30), pause(30)], at_once=2))
        ended.append(time.monotonic())

    thread = threading.Thread(target=blocked)
    thread.start()
    time.sleep(0.1)
    called_off = time.monotonic()
    stop.set()
    thread.join(10)
    assert ended[0] - called_off < ceiling(1)


def test_a_cancelled_task_leaves_no_other_running() -> None:
    ended: list[str] = []

    def waits() -> Flow[None]:
        try:
            yield from pause(30)
        finally:
            ended.append("ended")

    async def cancelled() -> None:
        task = asyncio.ensure_future(AsyncAsker().run(lambda: gather([waits(), waits()], at_once=2)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["ended", "ended"]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(cancelled())


def test_a_wait_for_another_callers_answer_is_called_off_too(ceiling: Callable[[float], float]) -> None:
    """Whoever waits for a renewal or a remembered answer does not read from any socket."""
    memo: Memo[int] = Memo(60)

    def long() -> Flow[int]:
        yield from pause(3)
        return 1

    def fails() -> Flow[int]:
        yield from pause(0.1)
        raise NotFound("gone")

    asker = threading.Thread(target=lambda: Asker().run(lambda: memo.flow(long, SYSTEM_CLOCK)))
    asker.start()
    time.sleep(0.1)
    begin = time.monotonic()
    with pytest.raises(NotFound):
        Asker().run(lambda: gather([memo.flow(long, SYSTEM_CLOCK), fails()], at_once=2))
    assert time.monotonic() - begin < 0.1 + ceiling(1)
    asker.join()


def test_a_bell_that_nobody_calls_off_is_heard() -> None:
    bell, heard = Bell(), list[bool]()

    def waits() -> None:
        stop_flag.set(threading.Event())
        heard.append(bell.wait(10, SYSTEM_CLOCK))
        heard.append(Bell().wait(0.15, SYSTEM_CLOCK))

    thread = threading.Thread(target=waits)
    thread.start()
    time.sleep(0.25)
    bell.ring()
    thread.join(5)
    assert heard == [True, False]


def press_ctrl_c() -> None:
    # To the main thread itself, whose wait it interrupts.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.mark.parametrize("seconds", [(0.6, 0.6), (0.6, 0.05), (0.05, 0.6)])
def test_whoever_presses_ctrl_c_waits_for_work_that_is_ending(seconds: tuple[float, float]) -> None:
    """On Python 3.11 a thread whose `join` was interrupted is said to have ended."""
    ended: list[float] = []

    def work(length: float) -> None:
        time.sleep(length)
        ended.append(length)

    presser = threading.Timer(0.2, press_ctrl_c)
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, seconds, 2)
    assert sorted(ended) == sorted(seconds)
    assert not [thread for thread in threading.enumerate() if thread.name == "skykey-gather"]
    presser.join()


def test_a_thread_whose_start_was_interrupted_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), list[int]()

    def work(number: int) -> None:
        begun.set()
        time.sleep(0.3)
        ended.append(number)

    class Pressed(threading.Thread):
        def start(self) -> None:
            super().start()
            begun.wait(5)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading, "Thread", Pressed)
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, [1, 2], 2)
    assert ended == [1]


def test_ctrl_c_ends_flows_that_wait_side_by_side(ceiling: Callable[[float], float]) -> None:
    ended: list[str] = []

    def waits() -> Flow[None]:
        try:
            yield from pause(30)
        finally:
            time.sleep(0.3)  # what it has left to do
            ended.append("ended")

    presser = threading.Timer(0.2, press_ctrl_c)
    presser.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Asker().run(lambda: gather([waits(), waits(), waits()], at_once=2))
    assert ended == ["ended", "ended"]
    assert time.monotonic() - begin < 0.5 + ceiling(1)
    presser.join()
