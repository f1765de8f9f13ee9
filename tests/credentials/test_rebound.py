"""A credential for another origin that the user named: the same one at each moment, and it goes nowhere else."""

import asyncio

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.place import place
from skykey.credentials.rebound import Rebound
from skykey.values.deadline import Deadline
from skykey.values.errors import GrantRefused, OutOfReach, TimedOut
from skykey.values.reach import Reach
from skykey.values.url import Url
from skykey.wire.request import Request
from tests.credentials.fakes import HERE, REACH, Fake, text_of

THERE = Url("https://service.example/api")


def rebound(fake: Fake) -> tuple[Keeper, Rebound]:
    keeper = Keeper(fake, clock=fake.clock)
    return keeper, Rebound(keeper, Reach.named(THERE, said_by="the session"))


def test_it_goes_where_it_was_bound_to_and_the_keepers_own_does_not() -> None:
    keeper, view = rebound(Fake())
    place(view.get(), Request("GET", THERE))
    with pytest.raises(OutOfReach):
        place(view.get(), Request("GET", HERE))
    with pytest.raises(OutOfReach):
        place(keeper.get(), Request("GET", THERE))
    assert keeper.get().credential.reach == REACH


def test_it_is_the_keepers_credential_at_each_moment() -> None:
    fake = Fake()
    keeper, view = rebound(fake)
    for number in (1, 2, 3):
        held, own = view.get(), keeper.get()
        assert text_of(held) == text_of(own) == f"token-{number}"
        assert (held.generation, held.source, held.credential.life) == (own.generation, own.source, own.credential.life)
        assert text_of(asyncio.run(view.aget())) == text_of(own)
        fake.clock.advance(3600)
    assert fake.asked == 3


def test_a_refusal_of_it_is_one_of_the_keepers() -> None:
    fake = Fake()
    keeper, view = rebound(fake)
    held = view.get()
    assert view.reject(held, "revoked")
    assert keeper.last_challenge == "revoked"
    assert text_of(view.get()) == text_of(keeper.get()) == "token-2"
    assert view.reject(held, "revoked"), "there is a newer one"
    assert fake.asked == 2


def test_a_time_limit_is_handed_on() -> None:
    fake = Fake()
    fake.gate.clear()
    view = Rebound(Keeper(fake), REACH)
    with pytest.raises(TimedOut):
        view.get(Deadline.after(0.01))
    with pytest.raises(TimedOut):
        asyncio.run(view.aget(Deadline.after(0.01)))
    fake.gate.set()


def test_a_failure_is_the_keepers_own() -> None:
    fake = Fake()
    fake.error = GrantRefused("the login ended", next="skykey login")
    _, view = rebound(fake)
    for way in (view.get, lambda: asyncio.run(view.aget())):
        with pytest.raises(GrantRefused) as caught:
            way()
        assert caught.value.next == "skykey login"


def test_two_views_renew_once_and_neither_widens_the_other() -> None:
    fake = Fake()
    keeper, one = rebound(fake)
    other = Rebound(keeper, Reach.named(Url("https://other.example/"), said_by="another session"))
    first, second = one.get(), other.get()
    assert fake.asked == 1
    assert first.generation == second.generation
    assert other.reject(first, "revoked"), "one credential, whoever reports it"
    assert text_of(one.get()) == text_of(other.get()) == "token-2"
    assert fake.asked == 2
    with pytest.raises(OutOfReach):
        place(other.get(), Request("GET", THERE))
    with pytest.raises(OutOfReach):
        place(one.get(), Request("GET", Url("https://other.example/")))
