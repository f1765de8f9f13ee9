"""When a keeper renews, over simulated hours: no gap, no storm (rows A5 to A8, A19, A20, B3, D1, H8)."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.store import MemoryStore
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.errors import TimedOut, Unreachable
from skykey.values.life import Life, Windows
from skykey.values.secret import Secret
from tests.credentials.fakes import Bearer, Fake, bearer, text_of
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


# -- who waits for an early renewal


def test_a_prompt_keeper_lets_whoever_starts_an_early_renewal_wait_for_it() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock, prompt=True)
    old = keeper.get()
    fake.clock.advance(3600 - 200)
    assert text_of(keeper.get()) == "token-2"
    fake.clock.advance(3600 - 200)
    fake.gate.clear()
    answers: list[str] = []
    first = threading.Thread(target=lambda: answers.append(text_of(keeper.get())))
    fake.entered.clear()
    first.start()
    assert fake.entered.wait(10)
    assert text_of(keeper.get()) == "token-2", "the others go on with what is valid"
    assert text_of(asyncio.run(keeper.aget())) == "token-2"
    fake.gate.set()
    first.join(10)
    assert answers == ["token-3"]
    assert old.generation == 1


def test_a_prompt_keeper_gives_what_is_valid_when_the_early_renewal_fails() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock, prompt=True)
    held = keeper.get()
    fake.error = Unreachable("away")
    fake.clock.advance(3600 - 200)
    for _ in range(3):
        assert keeper.get() is held
    assert fake.asked == 2
    fake.clock.advance(201)
    with pytest.raises(Unreachable):
        keeper.get()


def test_a_prompt_keeper_whose_caller_runs_out_of_time_renews_all_the_same() -> None:
    fake, now = Fake(), time.time()
    keeper = Keeper(fake, prompt=True, held=bearer("old", Life(now - 3400, now + 200)))
    fake.gate.clear()
    with pytest.raises(TimedOut):
        keeper.get(Deadline.after(0.01))
    fake.gate.set()
    settled(keeper)
    assert text_of(keeper.get()) == "token-1"


# -- what came another way


def test_what_is_put_is_handed_out_as_if_it_had_just_been_renewed() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    assert keeper.at_hand is None
    first = keeper.get()
    assert keeper.at_hand is first
    assert keeper.reject(first, "revoked")
    now = fake.clock.wall()
    keeper.put(bearer("put", Life(now, now + 3600)))
    held = keeper.get()
    assert (text_of(held), held.generation, fake.asked) == ("put", 2, 1)
    assert keeper.at_hand is held
    assert keeper.reject(first, "revoked"), "there is a newer one"
    assert keeper.get() is held
    fake.clock.advance(3600)
    assert keeper.at_hand is held, "to look does not renew"
    assert text_of(keeper.get()) == "token-2"
    assert keeper.get().generation == 3


def test_what_is_put_ends_the_hold_after_a_failure() -> None:
    fake = Fake()
    fake.error = Unreachable("away")
    keeper = Keeper(fake, clock=fake.clock)
    with pytest.raises(Unreachable):
        keeper.get()
    keeper.put(bearer("put"))
    assert text_of(keeper.get()) == "put"


@pytest.mark.parametrize("life", [Life(), Life(ends=4e9)], ids=["says no end", "ends"])
@pytest.mark.parametrize("error", [None, Unreachable("away")], ids=["success", "failure"])
def test_a13_a_late_end_of_an_old_renewal_does_not_replace_what_was_put_meanwhile(
    life: Life, error: Exception | None
) -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    fake.clock.advance(3600)
    fake.gate.clear()
    fake.entered.clear()
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(text_of(keeper.get())))
    waiting.start()
    assert fake.entered.wait(10)
    keeper.put(bearer("put", life))
    fake.error = error
    fake.gate.set()
    waiting.join(10)
    settled(keeper)
    assert answers == ["put"], "whoever waited gets the newer one"
    assert text_of(keeper.get()) == "put"
    assert fake.asked == 2


def test_what_was_put_and_refused_does_not_hide_the_end_of_a_renewal() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    keeper.get()
    fake.clock.advance(3600)
    fake.gate.clear()
    fake.entered.clear()
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(text_of(keeper.get())))
    waiting.start()
    assert fake.entered.wait(10)
    keeper.put(bearer("put"))
    held = keeper.at_hand
    assert held is not None
    assert keeper.reject(held, "not that one either")
    fake.gate.set()
    waiting.join(10)
    assert answers == ["token-2"]
    assert text_of(keeper.get()) == "token-2"


@pytest.mark.parametrize(
    ("lives", "early", "late", "pause"),
    [(3600.0, 300.0, 30.0, 30.0), (300.0, 150.0, 15.0, 30.0), (20.0, 10.0, 1.0, 10.0), (None, 300.0, 30.0, 30.0)],
)
def test_windows_are_those_of_what_is_held(lives: float | None, early: float, late: float, pause: float) -> None:
    fake = Fake(lives=lives)
    keeper = Keeper(fake, clock=fake.clock)
    assert keeper.windows == Windows()
    keeper.get()
    assert keeper.windows == Windows(early, late, pause)


# -- a clock that is set back, and a store


def test_b3_what_a_keeper_stored_itself_is_not_young_again_when_the_clock_is_set_back() -> None:
    clock = FakeClock()
    issuer, store = Fake(clock, keeping=Keeping.STORED), MemoryStore()
    keeper = Keeper(issuer, clock=clock, store=store, key="k")
    keeper.get()
    clock.advance(1800)
    clock.jump(-3600)
    clock.advance(1800)
    assert text_of(keeper.get()) == "token-2", "an hour has gone by, whatever the clock says"
    clock.advance(3000)
    assert text_of(keeper.get()) == "token-2"
    assert issuer.asked == 2


def test_b3_what_another_process_stored_after_the_clock_was_set_back_is_adopted() -> None:
    clock = FakeClock()
    issuer, store = Fake(clock, keeping=Keeping.STORED), MemoryStore()
    ours, theirs = (Keeper(issuer, clock=clock, store=store, key="k") for _ in range(2))
    ours.get()
    theirs.get()
    clock.jump(-3600)
    clock.advance(3600)
    assert text_of(theirs.get()) == "token-2"
    assert text_of(ours.get()) == "token-2"
    assert issuer.asked == 2


# -- what is said, and how often


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "skykey.credentials"]


@pytest.mark.parametrize("prompt", [False, True])
def test_an_outage_is_said_once_and_the_next_one_again(prompt: bool, caplog: pytest.LogCaptureFixture) -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock, prompt=prompt)
    keeper.get()
    for outage in (1, 2):
        fake.error = Unreachable("the issuer is away")
        fake.clock.advance(3600 - 300)
        asked = fake.asked
        for _ in range(9):  # through the early window and into the late one
            keeper.get()
            settled(keeper)
            fake.clock.advance(32)
        assert fake.asked >= asked + 8
        said = warnings(caplog)
        assert len(said) == outage
        assert said[-1].startswith("the issuer is away; the last renewal of fake succeeded 3300 s ago")
        assert said[-1].endswith("; what is held is still valid and stays in use")
        fake.error = None
        fake.clock.advance(12)
        keeper.get()
    assert len(warnings(caplog)) == 2


def test_a_wrong_clock_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    for offset in (59.0, -600.0, 600.0):
        fake.inside = lambda offset=offset: setattr(fake.asks[-1].trace, "offset", offset)  # type: ignore[misc]
        keeper.get()
        settled(keeper)
        fake.clock.advance(3600)
    assert warnings(caplog) == [
        "this machine's clock is 600 s ahead of the issuer's; lives are counted by the issuer's clock"
    ]


@pytest.mark.parametrize("prompt", [False, True])
def test_in_the_last_seconds_all_wait_and_a_failure_takes_nothing_away(prompt: bool) -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock, prompt=prompt)
    held = keeper.get()
    fake.error = Unreachable("the issuer is away")
    fake.clock.advance(3600 - 30)
    for _ in range(29):
        asked = fake.asked
        assert keeper.get() is held
        assert fake.asked == asked + 1, "it was tried, and waited for"
        fake.clock.advance(1)
    fake.clock.advance(1)
    with pytest.raises(Unreachable):
        keeper.get()


def test_what_is_put_is_what_the_next_one_is_bought_with() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    now = fake.clock.wall()
    keeper.put(replace(bearer("put", Life(now, now + 3600)), renewal=Secret("renewal"), generation=7))
    assert keeper.get().generation == 7, "counted where it comes from"
    keeper.put(replace(bearer("put again", Life(now, now + 3600)), renewal=Secret("later")))
    assert keeper.get().generation == 8, "and never backwards"
    fake.clock.advance(3600)
    assert text_of(keeper.get()) == "token-1"
    (seen,) = fake.seen
    assert seen is not None
    assert seen.renewal == Secret("later")


def test_whichever_clock_says_so_first_it_is_over() -> None:
    for steady, jump in ((3600.0, -1800.0), (0.0, 3600.0), (1800.0, 1800.0), (3600.0, -1e6)):
        fake = Fake()
        keeper = Keeper(fake, clock=fake.clock)
        keeper.get()
        fake.clock.advance(steady)
        fake.clock.jump(jump)
        fake.clock.advance(1)  # for a second nothing is decided anew
        assert text_of(keeper.get()) == "token-2", (steady, jump)
