"""A source that may not be there gets a moment; one that was there gets all the time (row D7)."""

from typing import Any

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.probe import Probe
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.trace import Outcome
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline, within
from skykey.values.errors import Failed, Interrupted, TimedOut, Unavailable, Unreachable
from tests.credentials.fakes import Bearer, Fake, bearer, text_of


class Slow(Fake):
    """Answers after so many seconds, or says that the time is over."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        super().__init__(clock, name="slow")
        self.seconds = seconds

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        remaining = ask.deadline.remaining()
        lasts = self.seconds if remaining is None else min(self.seconds, remaining)
        self.clock.advance(lasts)
        ask.deadline.check("waiting")
        return super().obtain(held, ask)


def test_who_answers_soon_is_heard() -> None:
    slow = Slow(FakeClock(), 0.5)
    probe = Probe(slow)
    assert text_of(probe.obtain(None, Ask(slow.clock))) == "token-1"
    assert (probe.name, probe.keeping) == ("slow", Keeping.IN_PROCESS)


@pytest.mark.parametrize("seconds", [1.0, 0.25])
def test_d7_silence_is_nobody_and_costs_no_more_than_was_promised(seconds: float) -> None:
    clock = FakeClock()
    begin = clock.steady()
    with pytest.raises(Unavailable, match=f"nobody answered within {seconds:g} s"):
        Probe(Slow(clock, 100.0), seconds).obtain(None, Ask(clock))
    assert 0.5 * seconds < clock.steady() - begin < seconds


@pytest.mark.parametrize("error", [TimedOut("silent"), Unreachable("refused")])
def test_d7_the_search_goes_on(error: Exception) -> None:
    away, other, ask = Fake(name="away"), Fake(name="other"), Ask()
    away.error = error
    chain = Chain("a token", (Probe(away), other), remedy="log in")
    assert chain.obtain(None, ask).source == "other"
    assert [(attempt.source, attempt.outcome) for attempt in ask.trace.attempts] == [
        ("away", Outcome.UNAVAILABLE),
        ("other", Outcome.FOUND),
    ]


@pytest.mark.parametrize("error", [Failed("two lines"), Interrupted("it hung up"), RuntimeError("a bug")])
def test_d11_somebody_who_is_there_and_of_no_use_stops_the_search(error: Exception) -> None:
    broken = Fake()
    broken.error = error
    with pytest.raises(type(error)):
        Probe(broken).obtain(None, Ask())


def test_a_reason_of_its_own_stays() -> None:
    empty = Fake()
    empty.error = Unavailable("it is not set up")
    with pytest.raises(Unavailable, match="it is not set up"):
        Probe(empty).obtain(None, Ask())


def test_an_identity_does_not_change_because_its_source_became_slow() -> None:
    clock = FakeClock()
    slow, other = Slow(clock, 0.1), Fake(clock, name="other")
    keeper: Keeper[Any] = Keeper(Chain("a token", (Probe(slow), other), "log in", Keeping.IN_PROCESS), clock=clock)
    assert keeper.get().source == "slow"
    slow.seconds = 20.0  # within the renewal's own time
    clock.advance(3600)
    assert text_of(keeper.get()) == "token-2"
    slow.error = Unreachable("gone")
    clock.advance(3600)
    with pytest.raises(Unreachable):
        keeper.get()
    assert other.asked == 0


def test_a_deadline_that_is_over_is_not_the_sources_fault() -> None:
    clock = FakeClock()
    with pytest.raises(TimedOut, match="looking for slow"):
        Probe(Slow(clock, 100.0)).obtain(None, Ask(clock, Deadline.after(0.1, clock)))
    with within(0.1, clock), pytest.raises(TimedOut):
        Probe(Slow(clock, 100.0)).obtain(None, Ask(clock, Deadline.after(60, clock)))


def test_a_change_is_the_sources_business() -> None:
    fake = Fake()
    probe = Probe(fake)
    assert not probe.changed(bearer("x"))
    fake.is_changed = True
    assert probe.changed(bearer("x"))
