"""Requests that look alike: none passes for another one, and nothing is remembered for ever."""

import pickle

from skykey.gracedb.alike import Alike
from skykey.gracedb.rest import GraceDb
from skykey.testing.clock import FakeClock


def test_what_was_answered_is_free_for_the_next_one() -> None:
    alike, clock = Alike(), FakeClock()
    with alike.one("a", clock) as first:
        first.answer = 7
    with alike.one("a", clock) as second:
        assert (second.taken, second.is_alone) == ({7}, True)
    with alike.one("b", clock) as other:
        assert other.taken == set()


def test_what_was_answered_is_remembered_for_ever() -> None:
    alike, clock = Alike(), FakeClock()
    with alike.one("a", clock) as first:
        first.answer = 7
    clock.advance(31)
    with alike.one("a", clock) as second:
        assert second.taken == set()
    assert alike._answered == []


def test_two_at_once_are_each_alone() -> None:
    alike, clock = Alike(), FakeClock()
    with alike.one("a", clock) as first:
        assert first.is_alone
        with alike.one("b", clock) as other, alike.one("a", clock) as second:
            assert not second.is_alone
            assert other.is_alone
    assert not first.is_alone
    with alike.one("a", clock) as third:
        assert third.is_alone
    assert alike._under_way == {}


def test_a_client_that_has_written_cannot_be_pickled() -> None:
    client = GraceDb(force_noauth=True)
    with client._one("a"):
        assert isinstance(pickle.loads(pickle.dumps(client)), GraceDb)
