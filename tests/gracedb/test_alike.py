"""Requests that look alike: none passes for another one, and nothing is remembered for ever."""

import os
import pickle
import signal

from skykey.gracedb.alike import ALIKE, Alike
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


def test_each_thread_with_a_client_of_its_own_is_alone() -> None:
    one, other = GraceDb(force_noauth=True), GraceDb(force_noauth=True)
    elsewhere = GraceDb("https://gracedb-test.ligo.org/api/", force_noauth=True)
    with one._one("a"):
        with elsewhere._one("a") as apart, other._one("a") as second:
            assert not second.is_alone
            assert apart.is_alone
            second.answer = 7
        with other._one("a") as third:
            assert third.taken == {7}


def test_a_fork_waits_for_requests_of_its_parent() -> None:
    client = GraceDb(force_noauth=True)
    with client._one("a"), ALIKE._lock:
        child = os.fork()
        if child == 0:  # pragma: no cover - a process of its own
            signal.alarm(10)
            with client._one("a") as alone:
                os._exit(0 if alone.is_alone else 1)
        assert os.waitpid(child, 0)[1] == 0
