"""Time limits: an inner one never outlives an outer one."""

import asyncio
import threading

import pytest

from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline, within
from skykey.values.errors import TimedOut


def test_an_inner_limit_does_not_outlive_the_outer_one() -> None:
    clock = FakeClock()
    with within(10, clock) as outer:
        with within(60, clock) as inner:
            assert inner.remaining() == 10
        with within(3, clock) as shorter:
            assert shorter.remaining() == 3
        assert Deadline.after(None, clock) is outer
        clock.advance(4)
        assert Deadline.after(60, clock).remaining() == 6
    assert Deadline.after(60, clock).remaining() == 60


def test_a_limit_that_is_over_says_what_was_going_on() -> None:
    clock = FakeClock()
    deadline = Deadline.after(1, clock)
    deadline.check("looking")
    clock.advance(5)
    assert deadline.remaining() == 0.0
    with pytest.raises(TimedOut, match="while looking") as caught:
        deadline.check("looking")
    assert isinstance(caught.value, TimeoutError)


def test_no_limit_is_never_over() -> None:
    deadline = Deadline(None)
    assert deadline.remaining() is None
    deadline.check("waiting")


def test_a_block_that_fails_leaves_no_limit_behind() -> None:
    with pytest.raises(KeyError), within(5):
        raise KeyError
    assert Deadline.after(None).at is None


def test_a_limit_does_not_leak_into_other_threads_and_tasks() -> None:
    seen: list[float | None] = []

    async def main() -> None:
        other = asyncio.create_task(asyncio.sleep(0, Deadline.after(None).at))
        with within(5):
            await asyncio.sleep(0)
            thread = threading.Thread(target=lambda: seen.append(Deadline.after(None).at))
            thread.start()
            thread.join()
            inherited = asyncio.create_task(_limit())
            assert await inherited is not None
        seen.append(await other)
        seen.append(await _limit())

    async def _limit() -> float | None:
        return Deadline.after(None).at

    asyncio.run(main())
    assert seen == [None, None, None]


def test_the_sooner_of_two() -> None:
    never, early, late = Deadline(None), Deadline(1.0), Deadline(2.0)
    assert late.sooner(early) == early.sooner(late) == never.sooner(early) == early.sooner(never) == early
    assert never.sooner(never) == never
