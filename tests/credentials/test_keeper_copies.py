"""A keeper does not travel unseen: copies are the same object, pickles are references, forks work (C18, C19)."""

import asyncio
import copy
import os
import pickle
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.credentials.store import MemoryStore
from skykey.values.deadline import Deadline
from tests.credentials.fakes import CANARY, Fake, text_of
from tests.credentials.naive import Locked, Naive
from tests.credentials.proof import Make, proven


def in_child(work: Callable[[], object], seconds: int = 10) -> int:
    """Run in a forked child, which is ended if it hangs; its exit code."""
    with warnings.catch_warnings():
        # From 3.12 on, a fork beside other threads warns: that it works is what these tests are about.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(seconds)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent reads it from the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@proven(Naive, Locked)
def test_copies_are_the_same_object(make: Make) -> None:
    keeper = make(Fake())
    keeper.get()
    assert copy.copy(keeper) is keeper
    assert copy.deepcopy({"keeper": [keeper]})["keeper"][0] is keeper


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_c19_pickling_a_keeper_without_a_reference_is_refused(protocol: int) -> None:
    keeper = Keeper(Fake())
    keeper.get()
    with pytest.raises(TypeError, match="fake does not travel to another process"):
        pickle.dumps(keeper, protocol)


RESOLVED: list[str] = []


def by_name(name: str) -> Keeper[Any]:
    RESOLVED.append(name)
    return Keeper(Fake(name=name, then="resolved-{}".format))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_c19_a_pickled_keeper_is_a_name_that_its_receiver_resolves(protocol: int) -> None:
    keeper = Keeper(Fake(then=lambda count: CANARY), reference=(by_name, ("site",)))
    assert text_of(keeper.get()) == CANARY
    data = pickle.dumps({"nested": [keeper]}, protocol)
    assert CANARY.encode() not in data
    assert len(data) < 300
    RESOLVED.clear()
    (arrived,) = pickle.loads(data)["nested"]
    assert RESOLVED == ["site"]
    assert text_of(arrived.get()) == "resolved-1"


def test_a_keeper_shows_no_secret() -> None:
    keeper = Keeper(Fake(then=lambda count: CANARY))
    keeper.get()
    keeper.get()
    assert CANARY not in f"{keeper!r} {keeper} {vars(keeper)} {keeper.trace().attempts} {keeper._store.__dict__}"


@pytest.mark.parametrize("keeping", [Keeping.IN_PROCESS, Keeping.STORED])
def test_c18_a_fork_in_the_middle_of_a_renewal_leaves_a_usable_child(
    keeping: Keeping, ceiling: Callable[[float], float]
) -> None:
    fake = Fake(keeping=keeping)
    fake.gate.clear()
    keeper = Keeper(fake, store=MemoryStore(), key="k")
    waiter = threading.Thread(target=keeper.get)
    waiter.start()
    assert fake.entered.wait(10)

    def child() -> None:
        fake.gate = threading.Event()
        fake.gate.set()
        begin = time.monotonic()
        assert text_of(keeper.get(Deadline.after(8))) == "token-2"
        assert asyncio.run(keeper.aget()).generation == 1
        assert time.monotonic() - begin < ceiling(1.0)

    try:
        assert in_child(child) == 0
    finally:
        fake.gate.set()
        waiter.join(10)
    assert text_of(keeper.get()) == "token-1"


def test_c18_a_fork_with_every_lock_held_leaves_a_usable_child() -> None:
    keeper = Keeper(Fake(keeping=Keeping.STORED), store=(store := MemoryStore()), key="k")
    entered, leave = threading.Event(), threading.Event()

    def holder() -> None:
        with keeper._lock, store._guard:
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=holder)
    thread.start()
    assert entered.wait(10)
    try:
        assert in_child(lambda: keeper.get(Deadline.after(8))) == 0
    finally:
        leave.set()
        thread.join(10)


def test_a_fork_hands_a_warm_credential_on() -> None:
    fake = Fake()
    keeper = Keeper(fake, clock=fake.clock)
    held = keeper.get()

    def child() -> None:
        assert keeper.get() is held

    assert in_child(child) == 0
