"""The clock that tests move by hand: it must itself be right."""

import asyncio
import threading
import time

import pytest

from skykey.testing.clock import FakeClock
from skykey.values.clock import SYSTEM_CLOCK


def test_fake_time_stands_still_until_it_is_moved() -> None:
    clock = FakeClock(wall=100.0, steady=5.0)
    time.sleep(0.01)
    assert (clock.wall(), clock.steady()) == (100.0, 5.0)
    clock.advance(10)
    assert (clock.wall(), clock.steady()) == (110.0, 15.0)
    clock.jump(-60)
    assert (clock.wall(), clock.steady()) == (50.0, 15.0)


def test_fake_steady_time_never_runs_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)


def test_a_waiter_wakes_when_the_time_is_moved_far_enough() -> None:
    clock, event, answers = FakeClock(), threading.Event(), []
    waiter = threading.Thread(target=lambda: answers.append(clock.wait(event, 60)))
    waiter.start()
    clock.advance(59)
    waiter.join(0.05)
    assert waiter.is_alive()
    clock.advance(1)
    waiter.join(5)
    assert answers == [False]


def test_a_waiter_wakes_when_the_event_is_set() -> None:
    clock, event = FakeClock(), threading.Event()
    threading.Timer(0.02, event.set).start()
    assert clock.wait(event, 3600)
    assert clock.wait(event, None)
    assert clock.waited == [3600, None]


def test_a_hasty_clock_moves_itself() -> None:
    clock = FakeClock(steady=0.0, hasty=True)
    assert not clock.wait(threading.Event(), 60)
    asyncio.run(clock.sleep(40))
    assert (clock.steady(), clock.waited) == (100.0, [60, 40])


def test_a_sleeping_task_wakes_when_the_time_is_moved() -> None:
    async def main() -> None:
        clock = FakeClock()
        task = asyncio.create_task(clock.sleep(30))
        await asyncio.sleep(0.01)
        assert not task.done()
        clock.advance(30)
        await asyncio.wait_for(task, 5)

    asyncio.run(main())


def test_the_machines_clock_tells_durations_and_dates() -> None:
    assert abs(SYSTEM_CLOCK.wall() - time.time()) < 5
    before = SYSTEM_CLOCK.steady()
    assert not SYSTEM_CLOCK.wait(threading.Event(), 0.001)
    asyncio.run(SYSTEM_CLOCK.sleep(0.001))
    assert SYSTEM_CLOCK.steady() >= before
