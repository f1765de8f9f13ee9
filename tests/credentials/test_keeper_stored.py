"""Rotating renewal secrets through a store: durable before published, never used twice (shape test d; A11, C17)."""

from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.credentials.store import MemoryStore
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.errors import TimedOut, Unreachable
from skykey.values.secret import Secret
from tests.credentials.fakes import Diary, Fake, Rotating, text_of
from tests.credentials.naive import Naive
from tests.credentials.proof import Make, proven, settled


@proven(Naive)
def test_a11_the_renewal_secret_is_durable_before_the_token_is_published(make: Make) -> None:
    issuer, diary = Rotating(), Diary()
    keeper = make(issuer, clock=issuer.clock, store=diary, key="k")
    seen_at_write: list[Any] = []
    diary.on_write = lambda held: seen_at_write.append((held.renewal.reveal(), keeper._held))
    held = keeper.get()
    assert seen_at_write == [("renewal-1", None)]
    assert diary.lines == ["read", "locked", "read", "written", "free"]
    assert text_of(held) == "token-1"
    assert diary.read("k") == held


@proven(Naive)
def test_a11_a_token_whose_renewal_secret_cannot_be_written_is_not_published(make: Make) -> None:
    issuer, diary = Rotating(), Diary()
    diary.error = OSError(28, "No space left on device")
    keeper = make(issuer, clock=issuer.clock, store=diary, key="k")
    with pytest.raises(OSError, match="No space left"):
        keeper.get()
    assert keeper._held is None
    with pytest.raises(OSError, match="No space left"):
        keeper.get()


def test_a_failed_write_leaves_what_is_still_good() -> None:
    issuer, diary = Rotating(), Diary()
    keeper = Keeper(issuer, clock=issuer.clock, store=diary)
    before = keeper.get()
    diary.error = OSError(28, "No space left on device")
    issuer.clock.advance(3600 - 200)
    assert keeper.get() is before
    settled(keeper)
    assert issuer.asked == 2
    assert keeper.get() is before


def test_two_keepers_of_one_store_never_use_a_renewal_secret_twice() -> None:
    """As two processes do; in any order, for a long time, with one that sleeps in between."""
    clock = FakeClock()
    issuer, store = Rotating(clock), MemoryStore()
    busy, idle = (Keeper(issuer, clock=clock, store=store, key="k") for _ in range(2))
    for step in range(40):
        assert text_of(busy.get()) == f"token-{issuer.asked}"
        if step % 3 == 0:
            assert text_of(idle.get()) == f"token-{issuer.asked}"
        if step % 4 == 3:  # a third process starts when the stored one is over, and renews it first
            clock.advance(3600)
            late = Keeper(issuer, clock=clock, store=store, key="k")
            assert text_of(late.get()) == f"token-{issuer.asked}"
            continue
        clock.advance(3600)
    assert not issuer.revoked
    assert issuer.asked <= 41


def test_a_generation_means_the_same_in_the_keeper_and_in_the_store() -> None:
    clock = FakeClock()
    issuer, store = Rotating(clock), MemoryStore()
    first = Keeper(issuer, clock=clock, store=store, key="k")
    first.get()
    second = Keeper(issuer, clock=clock, store=store, key="k")
    assert second.get() == first.get() == store.read("k")
    clock.advance(3600)
    assert second.get().generation == 2
    assert first.get() == second.get() == store.read("k")


def test_what_somebody_else_renewed_is_adopted_after_a_refusal() -> None:
    clock = FakeClock()
    issuer, store = Rotating(clock), MemoryStore()
    ours, theirs = (Keeper(issuer, clock=clock, store=store, key="k") for _ in range(2))
    old = ours.get()
    assert theirs.reject(theirs.get(), "revoked")
    theirs.get()
    assert issuer.asked == 2
    assert ours.reject(old, "revoked")
    assert text_of(ours.get()) == "token-2"
    assert issuer.asked == 2


def test_a_refused_credential_does_not_come_back_from_the_store_when_its_renewal_fails() -> None:
    issuer, store = Rotating(), MemoryStore()
    keeper = Keeper(issuer, clock=issuer.clock, store=store, key="k")
    refused = keeper.get()
    issuer.error = Unreachable("the issuer is away")
    assert keeper.reject(refused, "revoked")
    for _ in range(3):
        with pytest.raises(Unreachable):
            keeper.get()
        issuer.clock.advance(2)
    issuer.error = None
    assert text_of(keeper.get()) == f"token-{issuer.asked}"


def test_what_is_stored_is_not_adopted_if_its_source_changed_meanwhile() -> None:
    fake, store = Fake(keeping=Keeping.STORED), MemoryStore()
    Keeper(fake, clock=fake.clock, store=store, key="k").get()
    fake.is_changed = True
    assert text_of(Keeper(fake, clock=fake.clock, store=store, key="k").get()) == "token-2"


def test_a_login_that_was_made_anew_goes_before_what_is_held() -> None:
    issuer, store = Rotating(), MemoryStore()
    keeper = Keeper(issuer, clock=issuer.clock, store=store, key="k")
    for _ in range(3):
        keeper.get()
        issuer.clock.advance(3600)
    # Logged out, and in again: another family of renewal secrets, counted from one.
    issuer.valid = "renewal-of-the-new-login"
    latest = store.read("k")
    assert latest is not None
    store.write("k", replace(latest, renewal=Secret(issuer.valid), generation=1))
    assert text_of(keeper.get()) == "token-4"
    assert not issuer.revoked


def test_an_empty_store_is_not_taken_for_none() -> None:
    class Countable(MemoryStore):
        def __len__(self) -> int:
            return len(self._entries)

    store, fake = Countable(), Fake(keeping=Keeping.STORED)
    Keeper(fake, clock=fake.clock, store=store, key="k").get()
    assert len(store) == 1


def test_two_keys_of_one_store_do_not_meet() -> None:
    clock, store = FakeClock(), MemoryStore()
    fakes = [Fake(clock, keeping=Keeping.STORED, then=f"{n}-{{}}".format) for n in range(2)]
    keepers = [Keeper(fake, clock=clock, store=store, key=f"k{n}") for n, fake in enumerate(fakes)]
    assert [text_of(keeper.get()) for keeper in keepers] == ["0-1", "1-1"]


def test_a_lock_that_somebody_keeps_does_not_block_for_ever() -> None:
    store = MemoryStore()
    with (
        store.exclusive("k", Deadline(None)),
        pytest.raises(TimedOut, match="another renewal"),
        store.exclusive("k", Deadline.after(0.01)),
    ):
        raise AssertionError
    with store.exclusive("k", Deadline.after(0)):
        pass


def test_what_is_not_stored_is_not_written_anywhere() -> None:
    for keeping in (Keeping.NOT_AT_ALL, Keeping.IN_PROCESS):
        diary, fake = Diary(), Fake(keeping=keeping)
        assert Keeper(fake, clock=fake.clock, store=diary, key="k").get().generation == 1
        assert diary.lines == []
