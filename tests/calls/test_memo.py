"""An answer that is remembered: fresh, old but still good, or gone; and one question however many want it."""

import asyncio
import contextlib
import copy
import gc
import itertools
import os
import pickle
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import skykey
from skykey.calls.call import Repeat
from skykey.calls.flow import Flow, ask, bounded, pause
from skykey.calls.memo import Memo
from skykey.values.calloff import stop_flag
from skykey.values.clock import SYSTEM_CLOCK, SystemClock
from skykey.values.errors import Interrupted, NotFound, Overloaded, RateLimited, SkykeyError, TimedOut, Unreachable
from tests.wire.askers import Asker, AsyncAsker, FastClock, get
from tests.wire.server import Seen, Server, reply, serving


class Hands(SystemClock):
    def __init__(self) -> None:
        self.time = 1000.0

    def steady(self) -> float:  # type: ignore[override]
        return self.time


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.broken = False
        self.warnings: list[SkykeyError] = []

    def make(self) -> Flow[int]:
        yield from ()
        self.times += 1
        if self.broken:
            raise Unreachable("down")
        return self.times


def result(flow: Iterator[Any]) -> Any:
    try:
        next(flow)
    except StopIteration as end:
        return end.value
    raise AssertionError("it asked for something")


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_fresh_answer_is_not_asked_for_again(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    assert [result(memo.flow(asked.make, clock)) for _ in range(3)] == [1, 1, 1]
    clock.time += 59.9
    assert result(memo.flow(asked.make, clock)) == 1
    clock.time += 0.2
    assert result(memo.flow(asked.make, clock)) == 2


def test_failures_are_not_remembered(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    asked.broken = True
    for _ in range(2):
        with pytest.raises(Unreachable):
            result(memo.flow(asked.make, clock))
    asked.broken = False
    assert result(memo.flow(asked.make, clock)) == 3


def test_an_old_answer_is_served_while_it_is_young_enough_with_one_warning_an_outage(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=3600, warn=asked.warnings.append), Hands()
    assert result(memo.flow(asked.make, clock)) == 1
    asked.broken = True
    clock.time += 100
    for _ in range(50):
        assert result(memo.flow(asked.make, clock)) == 1
    assert asked.times == 2
    assert len(asked.warnings) == 1
    clock.time += 31
    assert result(memo.flow(asked.make, clock)) == 1
    assert asked.times == 3
    assert len(asked.warnings) == 1
    clock.time += 3600
    with pytest.raises(Unreachable):
        result(memo.flow(asked.make, clock))


def test_the_pause_does_not_make_an_old_answer_older_than_allowed(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=120, warn=asked.warnings.append), Hands()
    result(memo.flow(asked.make, clock))
    asked.broken = True
    clock.time += 115
    assert result(memo.flow(asked.make, clock)) == 1
    clock.time += 6
    with pytest.raises(Unreachable):
        result(memo.flow(asked.make, clock))


def test_a_recovered_service_is_believed_again(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=3600, warn=asked.warnings.append), Hands()
    result(memo.flow(asked.make, clock))
    asked.broken = True
    clock.time += 100
    result(memo.flow(asked.make, clock))
    asked.broken = False
    clock.time += 31
    assert result(memo.flow(asked.make, clock)) == 3


def test_forgetting_asks_again(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    result(memo.flow(asked.make, clock))
    memo.forget()
    assert result(memo.flow(asked.make, clock)) == 2


def tries(memo: Memo[int], asked: Asked, clock: Hands, seconds: int) -> list[int]:
    """When it asked, looking every second."""
    begin, seen, at = clock.time, asked.times, []
    while clock.time - begin < seconds:
        with contextlib.suppress(SkykeyError):
            result(memo.flow(asked.make, clock))
        if asked.times != seen:
            seen = asked.times
            at.append(int(clock.time - begin))
        clock.time += 1
    return at


@pytest.mark.parametrize("served", [True, False])
def test_pauses_between_failing_tries_grow_and_end_with_the_outage(asked: Asked, *, served: bool) -> None:
    memo, clock = Memo[int](60, stale=86400 if served else 0, hold=True), Hands()
    if served:
        result(memo.flow(asked.make, clock))
        clock.time += 100
    asked.broken = True
    at = tries(memo, asked, clock, 600)
    print(f"tries in ten minutes of outage: {len(at)}, at {at}")
    assert at[:6] == [0, 2, 6, 14, 30, 62]
    assert {later - earlier for earlier, later in itertools.pairwise(at[5:])} == {60}
    asked.broken = False
    clock.time += 60
    known = result(memo.flow(asked.make, clock))
    clock.time += 59
    assert result(memo.flow(asked.make, clock)) == known
    # The next outage begins with short pauses again.
    asked.broken = True
    clock.time += 100_000
    assert tries(memo, asked, clock, 10) == [0, 2, 6]


def test_a_service_that_says_how_long_to_wait_is_heard_within_reason(asked: Asked) -> None:
    def overloaded(kind: type[Any], seconds: float) -> Callable[[], Flow[int]]:
        def make() -> Flow[int]:
            yield from ()
            asked.times += 1
            problem = kind("not now")
            problem.retry_after = seconds
            raise problem

        return make

    for kind, seconds, heard in ((Overloaded, 120.0, 120), (RateLimited, 86400.0, 300), (Overloaded, 0.0, 2)):
        memo, clock = Memo[int](60, hold=True), Hands()
        before = asked.times
        for wait in (0, heard - 1, 2):
            clock.time += wait
            with pytest.raises(kind):
                result(memo.flow(overloaded(kind, seconds), clock))
        assert asked.times - before == 2


def test_a_failure_that_is_held_says_so_and_is_another_object_each_time(asked: Asked) -> None:
    memo, clock = Memo[int](60, hold=True), Hands()
    asked.broken = True
    problems = []
    for _ in range(3):
        with pytest.raises(Unreachable) as caught:
            result(memo.flow(asked.make, clock))
        problems.append(caught.value)
    assert asked.times == 1
    assert len({id(problem) for problem in problems}) == 3
    assert not hasattr(problems[0], "__notes__")
    assert "the next try is in 2 s" in problems[2].__notes__[0]
    memo.forget()
    asked.broken = False
    assert result(memo.flow(asked.make, clock)) == 2


def test_a_copy_remembers_nothing_and_travels(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    result(memo.flow(asked.make, clock))
    for twin in (copy.copy(memo), copy.deepcopy(memo), pickle.loads(pickle.dumps(memo))):
        before = asked.times
        assert result(twin.flow(asked.make, clock)) == before + 1


# -- one question however many want it


class Slow:
    """A service that takes its time, and counts."""

    def __init__(self, seconds: float = 0.4) -> None:
        self.seconds = seconds
        self.arrived = threading.Event()
        self.server: Server | None = None
        self.status = 200

    def __call__(self, _: Seen) -> bytes:
        assert self.server is not None
        number = len(self.server.seen)
        self.arrived.set()
        self.server.closing.wait(self.seconds)
        return reply(self.status, f"answer {number}")

    async def is_asked(self) -> None:
        await asyncio.to_thread(self.arrived.wait, 5)


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    with serving(made) as server:
        made.server = server
        yield made


def flow_of(slow: Slow, memo: Memo[bytes]) -> Callable[[], Flow[bytes]]:
    assert slow.server is not None
    url = slow.server.url
    return lambda: memo.flow(lambda: ask(get(url, repeat=Repeat.NEVER)), SYSTEM_CLOCK)


def requests(slow: Slow) -> int:
    assert slow.server is not None
    return len(slow.server.seen)


def by_threads(make: Callable[[], Flow[bytes]], number: int = 20) -> list[Any]:
    together = threading.Barrier(number)

    def one(_: int) -> bytes:
        together.wait(10)
        answer: bytes = Asker().run(make)
        return answer

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(one, range(number)))


def by_tasks(make: Callable[[], Flow[bytes]], number: int = 64) -> list[Any]:
    async def main() -> list[Any]:
        return list(await asyncio.gather(*(AsyncAsker().run(make) for _ in range(number))))

    return asyncio.run(main())


def by_loops_and_threads(make: Callable[[], Flow[bytes]]) -> list[Any]:
    with ThreadPoolExecutor(4) as threads:
        loops = [threads.submit(by_tasks, make, 16) for _ in range(3)]
        rest = threads.submit(by_threads, make, 16)
        return [answer for part in [*loops, rest] for answer in part.result()]


CROWDS: dict[str, Callable[[Callable[[], Flow[bytes]]], list[Any]]] = {
    "20 threads": by_threads,
    "64 tasks": by_tasks,
    "3 loops and 16 threads": by_loops_and_threads,
}


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("seconds", [300, 0])
def test_a_crowd_asks_once(slow: Slow, crowd: str, seconds: float) -> None:
    """Also where nothing is remembered afterwards."""
    slow.seconds = 1.0
    answers = CROWDS[crowd](flow_of(slow, Memo(seconds)))
    print(f"{crowd}: {len(answers)} answers from {requests(slow)} request")
    assert set(answers) == {b"answer 1"}
    assert requests(slow) == 1


@pytest.mark.parametrize("crowd", CROWDS)
def test_without_a_memo_the_same_crowd_does_not(slow: Slow, crowd: str) -> None:
    """The tests above can fail."""
    assert slow.server is not None
    url = slow.server.url
    CROWDS[crowd](lambda: ask(get(url)))
    print(f"naive, {crowd}: {requests(slow)} requests")
    assert requests(slow) > 10


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_crowd_shares_a_failure_and_each_raises_its_own(slow: Slow, crowd: str) -> None:
    slow.status = 404
    problems: list[BaseException] = []
    inner = flow_of(slow, Memo(300))

    def make() -> Flow[bytes]:
        try:
            return (yield from inner())
        except NotFound as problem:
            problems.append(problem)
            return b""

    CROWDS[crowd](make)
    assert requests(slow) == 1
    assert len({id(problem) for problem in problems}) == len(problems) >= 20


def test_an_event_loop_goes_on_while_its_tasks_wait_for_a_thread(slow: Slow, ceiling: Callable[[float], float]) -> None:
    make = flow_of(slow, Memo(300))
    gaps: list[float] = []

    async def main() -> None:
        first = asyncio.to_thread(Asker().run, make)
        task = asyncio.create_task(first)
        await slow.is_asked()
        waiting = asyncio.gather(*(AsyncAsker().run(make) for _ in range(20)))
        before = time.monotonic()
        while not waiting.done():
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - before)
            before = time.monotonic()
        assert {*await waiting, await task} == {b"answer 1"}

    asyncio.run(main())
    assert len(gaps) > 5
    assert max(gaps) < ceiling(0.25)
    assert requests(slow) == 1


def test_a_first_caller_that_is_cancelled_takes_nobody_along(slow: Slow) -> None:
    make = flow_of(slow, Memo(300))

    async def main() -> list[Any]:
        first = asyncio.create_task(AsyncAsker().run(make))
        await slow.is_asked()
        rest = [asyncio.create_task(AsyncAsker().run(make)) for _ in range(20)]
        thread = asyncio.create_task(asyncio.to_thread(Asker().run, make))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return [*await asyncio.gather(*rest), await thread]

    answers = asyncio.run(main())
    print(f"{len(answers)} answers from {requests(slow)} requests, the first of them cancelled")
    assert set(answers) == {b"answer 2"}
    assert requests(slow) == 2


def test_a_waiter_that_is_cancelled_takes_nobody_along(slow: Slow) -> None:
    make = flow_of(slow, Memo(300))

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(AsyncAsker().run(make)) for _ in range(20)]
        await asyncio.sleep(0.05)
        for task in tasks[1:10]:
            task.cancel()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    answers = asyncio.run(main())
    assert sum(isinstance(answer, asyncio.CancelledError) for answer in answers) == 9
    assert answers.count(b"answer 1") == 11
    assert requests(slow) == 1


@pytest.mark.parametrize("ended_by", ["within", "stop flag", "interrupt", "loop"])
def test_what_ends_the_first_caller_is_not_the_answer_for_the_others(slow: Slow, ended_by: str) -> None:
    memo: Memo[bytes] = Memo(300, hold=True)
    make = flow_of(slow, memo)
    stop = threading.Event()

    def first() -> None:
        if ended_by == "within":
            with skykey.within(0.15):
                Asker().run(make)
        elif ended_by == "stop flag":
            stop_flag.set(stop)
            Asker().run(make)
        elif ended_by == "interrupt":
            course = make()
            course.send(None)
            slow.arrived.set()
            stop.wait(5)
            course.throw(KeyboardInterrupt())
        else:

            async def main() -> None:
                task = asyncio.create_task(AsyncAsker().run(make))
                await asyncio.to_thread(stop.wait, 5)
                assert not task.done()

            asyncio.run(main())  # and cancels what is left

    with ThreadPoolExecutor(8) as threads:
        leader = threads.submit(first)
        slow.arrived.wait(5)
        rest = [threads.submit(Asker().run, make) for _ in range(6)]
        time.sleep(0.1)
        stop.set()
        assert {waiter.result(10) for waiter in rest} <= {b"answer 1", b"answer 2"}
        problem = leader.exception(10)
    expected = {"within": TimedOut, "stop flag": Interrupted, "interrupt": KeyboardInterrupt, "loop": type(None)}
    assert isinstance(problem, expected[ended_by])
    assert requests(slow) == (1 if ended_by == "interrupt" else 2)


def test_a_waiter_has_its_own_time_limit(slow: Slow, ceiling: Callable[[float], float]) -> None:
    slow.seconds = 1.0
    make = flow_of(slow, Memo(300))

    def limited() -> float:
        begin = time.monotonic()
        with skykey.within(0.1), pytest.raises(TimedOut, match="another caller"):
            Asker().run(make)
        return time.monotonic() - begin

    async def limited_task() -> float:
        begin = time.monotonic()
        with skykey.within(0.1), pytest.raises(TimedOut, match="another caller"):
            await AsyncAsker().run(make)
        with pytest.raises(TimedOut, match="another caller"):
            await AsyncAsker().run(lambda: bounded(make(), 0.1))
        return time.monotonic() - begin

    with ThreadPoolExecutor(2) as threads:
        leader = threads.submit(Asker().run, make)
        slow.arrived.wait(5)
        assert limited() < ceiling(0.4)
        assert asyncio.run(limited_task()) < ceiling(0.6)
        assert leader.result(10) == b"answer 1"
    assert requests(slow) == 1


def test_a_time_limit_of_the_first_callers_method_does_not_end_the_others(slow: Slow) -> None:
    slow.seconds = 0.6
    make = flow_of(slow, Memo(300))
    with ThreadPoolExecutor(8) as threads:
        leader = threads.submit(Asker().run, lambda: bounded(make(), 0.3))
        slow.arrived.wait(5)
        rest = [threads.submit(Asker().run, lambda: bounded(make(), 5)) for _ in range(6)]
        assert isinstance(leader.exception(10), TimedOut)
        assert {waiter.result(10) for waiter in rest} == {b"answer 2"}
    assert requests(slow) == 2


def test_a_service_that_hangs_costs_each_of_a_crowd_two_time_limits_at_most(
    slow: Slow, ceiling: Callable[[float], float]
) -> None:
    slow.seconds = 30
    assert slow.server is not None
    url, memo = slow.server.url, Memo[bytes](300)

    def make() -> Flow[bytes]:
        return memo.flow(lambda: ask(get(url, total=0.3)), SYSTEM_CLOCK)

    def one(_: int) -> float:
        begin = time.monotonic()
        with pytest.raises(TimedOut):
            Asker().run(make)
        return time.monotonic() - begin

    with ThreadPoolExecutor(12) as threads:
        slowest = max(threads.map(one, range(12)))
    print(f"12 threads, a limit of 0.3 s each: the last gave up after {slowest:.1f} s, {requests(slow)} requests")
    assert slowest < ceiling(1.5)
    assert requests(slow) <= 4


def test_a_blocking_call_inside_a_task_does_not_wait_for_another_task_of_its_thread(
    slow: Slow, ceiling: Callable[[float], float]
) -> None:
    """It would wait for ever: the other one cannot go on."""
    make = flow_of(slow, Memo(300))

    async def main() -> Any:
        other = asyncio.create_task(AsyncAsker().run(make))
        await slow.is_asked()
        begin = time.monotonic()
        answer = Asker().run(make)
        assert time.monotonic() - begin < ceiling(1.5)
        await other
        return answer

    assert asyncio.run(main()) == b"answer 2"


def test_a_waiter_does_not_wait_for_ever_for_a_loop_that_is_blocked(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skykey.calls.question._PATIENCE", 0.3)
    slow.seconds = 0.05
    memo: Memo[bytes] = Memo(300)
    stuck = memo.flow(lambda: pause_then(b"late"), SYSTEM_CLOCK)
    next(stuck)
    with ThreadPoolExecutor(4) as threads:
        answers = set(threads.map(lambda _: Asker().run(flow_of(slow, memo)), range(4)))
    assert answers == {b"answer 1"}
    with pytest.raises(StopIteration) as end:
        stuck.send(None)
    assert end.value.value == b"late"
    assert Asker().run(flow_of(slow, memo)) == b"answer 1"  # what came late does not take the newer one's place


def pause_then(answer: bytes) -> Flow[bytes]:
    yield from pause(1.0)
    return answer


def test_a_caller_that_vanishes_leaves_the_question_to_the_next(slow: Slow) -> None:
    memo: Memo[bytes] = Memo(300)
    vanishing = memo.flow(lambda: pause_then(b"never"), SYSTEM_CLOCK)
    next(vanishing)
    del vanishing
    gc.collect()
    assert Asker().run(flow_of(slow, memo)) == b"answer 1"


def test_forgetting_while_somebody_asks_gives_a_new_answer(slow: Slow) -> None:
    """An answer to a question from before must not count as one from after."""
    memo: Memo[bytes] = Memo(300)
    make = flow_of(slow, memo)
    with ThreadPoolExecutor(2) as threads:
        before = threads.submit(Asker().run, make)
        slow.arrived.wait(5)
        memo.forget()
        after = threads.submit(Asker().run, make)
        assert (before.result(10), after.result(10)) == (b"answer 1", b"answer 2")
    assert Asker().run(make) == b"answer 2"


def test_while_somebody_tries_again_the_others_go_on_with_what_is_known(
    slow: Slow, ceiling: Callable[[float], float]
) -> None:
    memo, clock = Memo[bytes](60, stale=3600), Hands()
    assert slow.server is not None
    url = slow.server.url

    def make() -> Flow[bytes]:
        return memo.flow(lambda: ask(get(url)), clock)

    assert Asker().run(make) == b"answer 1"
    clock.time, slow.status = clock.time + 100, 503
    assert Asker().run(make) == b"answer 1"
    clock.time, slow.seconds = clock.time + 10, 1.0
    slow.arrived.clear()
    with ThreadPoolExecutor(1) as threads:
        trying = threads.submit(Asker().run, make)
        slow.arrived.wait(5)
        begin = time.monotonic()
        assert [Asker().run(make) for _ in range(20)] == [b"answer 1"] * 20
        assert time.monotonic() - begin < ceiling(0.5)
        assert trying.result(10) == b"answer 1"
    assert requests(slow) == 3


def test_after_a_fork_the_child_asks_for_itself(slow: Slow) -> None:
    """Whoever asks in the parent does not exist there, and may have held the lock."""
    memo: Memo[bytes] = Memo(300)
    stuck = memo.flow(lambda: pause_then(b"parent"), SYSTEM_CLOCK)
    next(stuck)
    memo._lock.acquire()
    try:
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other tests' threads
            child = os.fork()
        if child == 0:
            try:
                os.write(writer, result(memo.flow(lambda: at_once(b"child"), SYSTEM_CLOCK)))
            finally:
                os._exit(0)
    finally:
        memo._lock.release()
    os.close(writer)
    assert os.read(reader, 100) == b"child"
    os.close(reader)
    os.waitpid(child, 0)
    stuck.close()


def at_once(answer: bytes) -> Flow[bytes]:
    yield from ()
    return answer


def test_a_kept_failure_keeps_no_variables_of_its_callers(slow: Slow) -> None:
    class Large:
        pass

    slow.status, slow.seconds = 404, 0.0
    memo: Memo[bytes] = Memo(300, hold=True)
    make = flow_of(slow, memo)
    gone = threading.Event()

    def user() -> None:
        large = Large()
        weakref.finalize(large, gone.set)
        with pytest.raises(NotFound):
            Asker().run(make)

    user()
    gc.collect()
    assert gone.is_set()


def test_a_clock_that_does_not_wait_asks_at_once(slow: Slow) -> None:
    memo: Memo[bytes] = Memo(300)
    stuck = memo.flow(lambda: pause_then(b"never"), SYSTEM_CLOCK)
    asker = Asker()
    asker._clock = FastClock()
    thread = threading.Thread(target=next, args=(stuck,))
    thread.start()
    thread.join()
    assert asker.run(flow_of(slow, memo)) == b"answer 1"
    stuck.close()
