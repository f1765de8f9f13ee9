"""G3: many clients meet the same outage. They come back one after the other, and not as one."""

import heapq
import random
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from skykey.calls.attempts import attempts
from skykey.calls.call import Call, Patience, Repeat
from skykey.calls.steps import Pause, Send
from skykey.values.errors import Interrupted, SkykeyError, Unreachable
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.reliability.proof import proven, require
from tests.wire.askers import get

CLIENTS = 100
OUTAGE = 60.0  # seconds
THINKS = 10.0  # from an answer to the next question
NORMAL = CLIENTS / THINKS  # questions a second
LASTS = 300.0
WORLDS = 5
WINDOW = 2.0  # seconds: in shorter ones chance alone makes peaks
URL = "https://service.example/"

Asking = Generator[Any, Any, bytes]


def real(repeat: Repeat) -> Asking:
    call: Call[bytes] = get(URL, repeat=repeat, patience=Patience(12))
    return attempts(call)


def fixed(repeat: Repeat) -> Asking:
    """As most programs do it: once more every five seconds."""
    while True:
        try:
            yield Send(get(URL).request, None)  # type: ignore[arg-type]
        except SkykeyError:
            yield Pause(5.0)
        else:
            return b""


def doubled(repeat: Repeat) -> Asking:
    """Twice as long each time, and for everybody the same."""
    wait = 0.5
    while True:
        try:
            yield Send(get(URL).request, None)  # type: ignore[arg-type]
        except SkykeyError:
            yield Pause(wait)
            wait = min(2 * wait, 60.0)
        else:
            return b""


def unreachable() -> Head:
    problem = Unreachable("nobody there")
    problem.unsent = True
    raise problem


def closed() -> Head:
    raise Interrupted("closed before it answered")


def unavailable() -> Head:
    return Head(503, {}, Url(URL))


class Service:
    """What a service notes down: when it was asked. It is away from 0 s to 60 s."""

    def __init__(self, fault: Callable[[], Head]) -> None:
        self._fault = fault
        self.asked: list[float] = []

    def answer(self, now: float) -> Head:
        self.asked.append(now)
        return self._fault() if now < OUTAGE else Head(200, {}, Url(URL))

    def peak(self, since: float) -> float:
        """How many questions a second it was asked when it was asked most."""
        asked = sorted(moment for moment in self.asked if moment >= since)
        most = first = 0
        for last, moment in enumerate(asked):
            while moment - asked[first] >= WINDOW:
                first += 1
            most = max(most, last - first + 1)
        return most / WINDOW


def world(kind: Callable[[Repeat], Asking], repeat: Repeat, service: Service, begins: Callable[[], float]) -> int:
    """Let the clients ask, on clocks that only waiting moves; how many questions were given up."""
    lost = 0
    queue: list[tuple[float, int, Asking, Any]] = []
    for number in range(CLIENTS):
        heapq.heappush(queue, (begins(), number, kind(repeat), None))
    while queue:
        now, number, asking, given = heapq.heappop(queue)
        while True:
            try:
                step = asking.throw(given) if isinstance(given, Exception) else asking.send(given)
            except (StopIteration, SkykeyError) as end:
                lost += not isinstance(end, StopIteration)
                if now + THINKS < LASTS:
                    heapq.heappush(queue, (now + THINKS, number, kind(repeat), None))
                break
            given = None
            if isinstance(step, Pause):
                heapq.heappush(queue, (now + step.seconds, number, asking, None))
                break
            try:
                given = service.answer(now) if isinstance(step, Send) else None
            except SkykeyError as problem:
                given = problem
    return lost


FAULTS: dict[str, tuple[Callable[[], Head], Repeat]] = {
    "refused": (unreachable, Repeat.SAFE),
    "refused, what changes something": (unreachable, Repeat.UNDONE),
    "closed": (closed, Repeat.SAFE),
    "503": (unavailable, Repeat.SAFE),
}


@pytest.fixture(autouse=True)
def _same_chance() -> Iterator[None]:
    before = random.getstate()
    yield
    random.setstate(before)


def measure(kind: Callable[[Repeat], Asking], fault: str, begins: Callable[[], float]) -> None:
    peaks, lost = [], 0
    make, repeat = FAULTS[fault]
    for seed in range(WORLDS):
        random.seed(seed)
        service = Service(make)
        lost += world(kind, repeat, service, begins)
        peaks.append(service.peak(OUTAGE))
    print(f"G3 {fault}: most a second {peaks}, normal {NORMAL:g}")
    require("G3", peak=(max(peaks), "<=", 2 * NORMAL), lost=(lost, "==", 0))


@pytest.mark.parametrize("fault", FAULTS)
@proven(real, by=(fixed, doubled))
def test_g3_who_was_cut_off_with_all_the_others_does_not_come_back_with_them(kind: Any, fault: str) -> None:
    """Each had a question under way when the service went away."""
    measure(kind, fault, lambda: 0.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_g3_nor_do_those_who_met_the_outage_one_after_the_other(fault: str) -> None:
    measure(real, fault, lambda: random.uniform(0.0, THINKS))
