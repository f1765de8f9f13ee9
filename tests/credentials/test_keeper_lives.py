"""When a keeper renews, over simulated hours: no gap, no storm (rows A5 to A8, A19, A20, B3, D1, H8)."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.testing.clock import FakeClock
from skykey.values.errors import Unreachable
from tests.credentials.fakes import Bearer, Fake, text_of
from tests.credentials.naive import Locked, Naive
from tests.credentials.proof import Make, proven, settled


class Timekeeper(Fake):
    """An issuer whose tokens do not say when they came to be; `same` gives one token again and again."""

    def __init__(self, clock: FakeClock, *, lives: float, says_born: bool = True, same: bool = False) -> None:
        super().__init__(clock, lives=lives)
        self.says_born = says_born
        self.same = same
        self.first: Held[Bearer] | None = None

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        found = super().obtain(held, ask)
        if not self.says_born:
            found = replace(found, credential=replace(found.credential, life=replace(found.credential.life, born=None)))
        self.first = self.first or found
        return self.first if self.same else found


def live(keeper: Keeper[Any], clock: FakeClock, *, seconds: float, step: float) -> list[float]:
    """Call again and again; how long each credential that came out would still live."""
    left = []
    for _ in range(int(seconds / step)):
        held = keeper.get()
        left.append(held.credential.life.ends - clock.wall())
        settled(keeper)
        clock.advance(step)
    return left


@pytest.mark.parametrize("lives", [300.0, 60.0, 10.0, 2.0, 0.5])
@pytest.mark.parametrize("says_born", [True, False])
def test_a7_a_short_life_is_neither_renewed_at_each_call_nor_handed_out_dead(lives: float, says_born: bool) -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=lives, says_born=says_born)
    left = live(Keeper(issuer, clock=clock), clock, seconds=10 * lives, step=lives / 400)
    assert min(left) > 0, "it was over when it was handed out"
    assert issuer.asked <= 21, "at most two renewals a life"


@proven(Naive, Locked)
def test_a8_an_issuer_that_repeats_its_token_is_not_stormed(make: Make) -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=3600, same=True)
    left = live(make(issuer, clock=clock), clock, seconds=3599, step=1)
    assert min(left) > 0
    assert issuer.asked <= 1 + 300 / 30


def test_a_clock_that_is_an_hour_ahead_does_not_make_each_call_a_renewal() -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=-60)  # each token seems to be over when it arrives
    live(Keeper(issuer, clock=clock), clock, seconds=10, step=0.01)
    assert issuer.asked <= 11


def test_a19_eight_hours_with_five_minute_tokens_have_no_gap() -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=300)
    left = live(Keeper(issuer, clock=clock), clock, seconds=8 * 3600, step=5)
    assert min(left) > 0
    assert issuer.asked <= 2 * 8 * 12 + 1


@proven(Naive, Locked)
def test_a5_an_issuer_that_is_down_early_neither_fails_the_calls_nor_is_stormed(make: Make) -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=3600)
    keeper = make(issuer, clock=clock)
    keeper.get()
    issuer.error = Unreachable("the issuer is away")
    clock.advance(3600 - 300)
    try:
        left = live(keeper, clock, seconds=269, step=1)
    except Unreachable as problem:
        raise AssertionError("what was still valid was not handed out") from problem
    assert min(left) > 30
    assert issuer.asked <= 1 + 300 / 30


@proven(Naive)
def test_a13_a_late_failure_does_not_discard_what_is_valid(make: Make) -> None:
    fake = Fake()
    keeper = make(fake, clock=fake.clock)
    keeper.get()
    fake.clock.advance(3600 - 200)
    fake.error = Unreachable("the issuer is away")
    try:
        assert text_of(keeper.get()) == "token-1"
        settled(keeper)
        assert fake.asked == 2, "it was tried"
        assert text_of(keeper.get()) == "token-1"
    except Unreachable as problem:
        raise AssertionError("what was still valid was not handed out") from problem


def test_a6_a_dead_issuer_past_expiry_is_an_error_that_names_it() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    fake.error = Unreachable("no connection to the issuer", next="skykey why rubin")
    fake.clock.advance(3600)
    with pytest.raises(Unreachable) as caught:
        keeper.get()
    assert str(caught.value) == (
        "no connection to the issuer; the last renewal of fake succeeded 3600 s ago\nNext: skykey why rubin"
    )


def test_a20_a_machine_that_slept_across_expiry_renews_at_the_first_call() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    keeper.get()
    fake.clock.jump(8 * 3600)  # suspended: the steady clock of Linux does not count that
    fake.clock.advance(1)
    assert text_of(keeper.get()) == "token-2"


def test_b3_a_clock_that_is_set_back_causes_no_storm() -> None:
    clock = FakeClock()
    issuer = Timekeeper(clock, lives=3600)
    keeper = Keeper(issuer, clock=clock)
    live(keeper, clock, seconds=600, step=10)
    clock.jump(-3600)
    live(keeper, clock, seconds=600, step=10)
    assert issuer.asked <= 2


def test_d1_a_source_that_changed_is_seen_within_a_second() -> None:
    fake = Fake(lives=None)
    fake.look_again = 1.0
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    fake.is_changed = True
    fake.clock.advance(1)
    assert text_of(keeper.get()) == "token-2"
    fake.is_changed = False
    fake.clock.advance(1)
    assert text_of(keeper.get()) == "token-2"


def test_d11_a_source_that_changed_into_something_unusable_does_not_leave_the_old_one_in_use() -> None:
    fake = Fake(lives=None)
    fake.look_again = 1.0
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    fake.is_changed, fake.error = True, Unreachable("it holds no token")
    fake.clock.advance(1)
    for _ in range(3):
        with pytest.raises(Unreachable):
            keeper.get()
        fake.clock.advance(0.3)


def test_a_source_is_looked_at_once_a_second_and_not_at_each_call() -> None:
    looks = []
    fake = Fake(lives=None)
    fake.look_again = 1.0
    keeper = Keeper(fake, clock=fake.clock)
    fake.changed = lambda held, /: bool(looks.append(held))  # type: ignore[method-assign,misc,func-returns-value]
    for _ in range(100):
        keeper.get()
        fake.clock.advance(0.1)
    assert 9 <= len(looks) <= 10


def test_h8_a_token_that_is_at_hand_costs_no_decision(ceiling: Callable[[float], float]) -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    keeper.get()

    def took() -> float:
        begin = time.perf_counter()
        for _ in range(10_000):
            keeper.get()
        return (time.perf_counter() - begin) / 10_000

    assert min(took() for _ in range(3)) < ceiling(5e-6)


def test_the_latest_trace_is_at_hand_while_another_renewal_runs() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    assert keeper.trace().attempts == ()
    keeper.get()
    assert keeper.trace() is fake.asks[0].trace
