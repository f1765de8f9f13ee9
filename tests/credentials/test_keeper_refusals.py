"""A 401 goes by generation: old ones are harmless, one replay, no storm (rows A14, A15; reject)."""

import threading

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.values.deadline import Deadline
from skykey.values.errors import Recursion, Unreachable
from tests.credentials.fakes import Fake, text_of
from tests.credentials.naive import Locked, Naive
from tests.credentials.proof import Make, proven, settled


@proven(Naive)
def test_a14_an_old_401_does_not_discard_a_newer_token(make: Make) -> None:
    fake = Fake()
    keeper = make(fake, clock=fake.clock)
    old = keeper.get()
    fake.clock.advance(3600)
    keeper.get()
    assert keeper.reject(old, "expired"), "there is a newer one: a replay is worthwhile"
    assert text_of(keeper.get()) == "token-2"
    assert fake.asked == 2


@proven(Naive)
def test_a15_a_second_refusal_within_the_pause_does_not_hammer_the_issuer(make: Make) -> None:
    fake = Fake()
    keeper = make(fake, clock=fake.clock)
    assert keeper.reject(keeper.get(), "revoked")
    assert not keeper.reject(keeper.get(), "revoked")
    fake.clock.advance(29)
    assert not keeper.reject(keeper.get(), "revoked")
    fake.clock.advance(1)
    assert keeper.reject(keeper.get(), "revoked")
    assert text_of(keeper.get()) == "token-3"
    assert fake.asked == 3


@proven(Naive)
def test_64_refusals_of_one_token_lead_to_one_renewal(make: Make) -> None:
    fake = Fake()
    keeper = make(fake, clock=fake.clock)
    refused = keeper.get()
    barrier, texts = threading.Barrier(64), []

    def one() -> None:
        barrier.wait(20)
        assert keeper.reject(refused, "revoked")
        texts.append(text_of(keeper.get()))

    threads = [threading.Thread(target=one) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert texts == ["token-2"] * 64
    assert fake.asked == 2


@proven(Naive, Locked)
def test_a_local_source_that_did_not_change_is_not_worth_a_replay(make: Make) -> None:
    fake = Fake(lives=None, keeping=Keeping.NOT_AT_ALL)
    keeper = make(fake, clock=fake.clock)
    held = keeper.get()
    assert not keeper.reject(held, "revoked")
    assert keeper.get() is held
    fake.is_changed = True
    assert keeper.reject(held, "revoked")
    fake.is_changed = False
    assert text_of(keeper.get()) == "token-2"
    assert not keeper.reject(keeper.get(), "revoked")


def test_a_refusal_during_a_renewal_is_not_lost() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    fake.clock.advance(3600 - 200)
    fake.gate.clear()
    assert keeper.get() is held, "an early renewal hands out what is still valid"
    assert keeper.reject(held, "revoked")
    threading.Timer(0.02, fake.gate.set).start()
    assert text_of(keeper.get()) == "token-2"
    assert fake.asked == 2


def test_a_refused_token_is_not_handed_out_again_when_its_renewal_fails() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    fake.error = Unreachable("away")
    assert keeper.reject(held, "revoked")
    for _ in range(3):
        with pytest.raises(Unreachable):
            keeper.get()
        fake.clock.advance(40)
    fake.error = None
    assert keeper.get().generation == 2


def test_the_issuer_is_told_what_was_refused() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    keeper.reject(held, "Bearer error=invalid_token")
    keeper.get()
    assert [ask.rejected for ask in fake.asks] == [None, held]
    assert keeper.last_challenge == "Bearer error=invalid_token"
    fake.clock.advance(3600)
    keeper.get()
    assert fake.asks[2].rejected is None


def test_a_refusal_before_anything_was_held_is_worth_one_try() -> None:
    fake = Fake()
    held = Keeper(fake, clock=fake.clock).get()
    assert Keeper(fake, clock=fake.clock).reject(held, "expired")


def test_generations_count_up_across_failures() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    generations = []
    for step in range(6):
        fake.error = Unreachable("away") if step % 2 else None
        fake.clock.advance(4000)
        try:
            generations.append(keeper.get().generation)
        except Unreachable:
            continue
    assert generations == [1, 2, 3]


def test_a_derived_credential_sees_that_its_parent_is_another_one() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    generation = keeper.get().generation
    assert not keeper.differs(generation)
    fake.is_changed = True
    assert keeper.differs(generation)
    fake.is_changed = False
    fake.clock.advance(3600)
    keeper.get()
    assert keeper.differs(generation)


# -- a renewal that needs itself (A23)


def test_a23_a_renewal_that_needs_itself_does_not_deadlock() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    fake.inside = keeper.get
    with pytest.raises(Recursion, match="needs fake itself"):
        keeper.get(Deadline.after(10))


def test_a23_a_ring_of_two_keepers_does_not_deadlock() -> None:
    one, two = Fake(name="one"), Fake(name="two")
    first, second = Keeper(one), Keeper(two)
    one.inside, two.inside = second.get, first.get
    with pytest.raises(Recursion):
        first.get(Deadline.after(10))


def test_a23_an_early_renewal_may_use_what_is_still_valid() -> None:
    """Whatever the time of day: not only while no decision is due."""
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    seen = []
    for elapsed in (3400.0, 5.0, 100.0):
        fake.inside = lambda: seen.append(keeper.get(Deadline.after(5)) is held)
        fake.error = Unreachable("not yet")
        fake.clock.advance(elapsed)
        assert keeper.get() is held
        settled(keeper)
    assert seen == [True, True]


def test_a_look_that_asks_its_own_keeper_does_not_deadlock() -> None:
    fake = Fake(lives=None)
    fake.look_again = 1.0
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    fake.changed = lambda held, /: keeper.get() is not held  # type: ignore[method-assign,misc]
    fake.clock.advance(2)
    answers = []
    asker = threading.Thread(target=lambda: answers.append(keeper.get()), daemon=True)
    asker.start()
    asker.join(5)
    assert answers == [held]


def test_a_slow_look_does_not_hold_up_the_others() -> None:
    fake = Fake(lives=None)
    fake.look_again = 1.0
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()
    gate, entered = threading.Event(), threading.Event()

    def changed(held: object, /) -> bool:
        entered.set()
        return not gate.wait(20)

    fake.changed = changed  # type: ignore[method-assign]
    fake.clock.advance(2)
    looker = threading.Thread(target=keeper.get)
    looker.start()
    assert entered.wait(10)
    assert keeper.get() is held
    gate.set()
    looker.join(10)
