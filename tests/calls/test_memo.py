"""An answer that is remembered: fresh, old but still good, or gone."""

from collections.abc import Iterator
from typing import Any

import pytest

from skykey.calls.flow import Flow
from skykey.calls.memo import Memo
from skykey.values.clock import SystemClock
from skykey.values.errors import SkykeyError, Unreachable


class Hands(SystemClock):
    def __init__(self) -> None:
        self.time = 1000.0

    def steady(self) -> float:  # type: ignore[override]
        return self.time


class Asked:
    def __init__(self) -> None:
        self.times = 0
        self.broken = False
        self.warnings: list[SkykeyError] = []

    def make(self) -> Flow[int]:
        yield from ()
        self.times += 1
        if self.broken:
            raise Unreachable("down")
        return self.times


def result(flow: Iterator[Any]) -> Any:
    try:
        next(flow)
    except StopIteration as end:
        return end.value
    raise AssertionError("it asked for something")


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_fresh_answer_is_not_asked_for_again(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    assert [result(memo.flow(asked.make, clock)) for _ in range(3)] == [1, 1, 1]
    clock.time += 59.9
    assert result(memo.flow(asked.make, clock)) == 1
    clock.time += 0.2
    assert result(memo.flow(asked.make, clock)) == 2


def test_failures_are_not_remembered(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    asked.broken = True
    for _ in range(2):
        with pytest.raises(Unreachable):
            result(memo.flow(asked.make, clock))
    asked.broken = False
    assert result(memo.flow(asked.make, clock)) == 3


def test_an_old_answer_is_served_while_it_is_young_enough_with_one_warning_a_try(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=3600, warn=asked.warnings.append), Hands()
    assert result(memo.flow(asked.make, clock)) == 1
    asked.broken = True
    clock.time += 100
    for _ in range(50):
        assert result(memo.flow(asked.make, clock)) == 1
    assert asked.times == 2
    assert len(asked.warnings) == 1
    clock.time += 31
    assert result(memo.flow(asked.make, clock)) == 1
    assert asked.times == 3
    clock.time += 3600
    with pytest.raises(Unreachable):
        result(memo.flow(asked.make, clock))


def test_the_pause_does_not_make_an_old_answer_older_than_allowed(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=120, warn=asked.warnings.append), Hands()
    result(memo.flow(asked.make, clock))
    asked.broken = True
    clock.time += 115
    assert result(memo.flow(asked.make, clock)) == 1
    clock.time += 6
    with pytest.raises(Unreachable):
        result(memo.flow(asked.make, clock))


def test_a_recovered_service_is_believed_again(asked: Asked) -> None:
    memo, clock = Memo[int](60, stale=3600, warn=asked.warnings.append), Hands()
    result(memo.flow(asked.make, clock))
    asked.broken = True
    clock.time += 100
    result(memo.flow(asked.make, clock))
    asked.broken = False
    clock.time += 31
    assert result(memo.flow(asked.make, clock)) == 3


def test_forgetting_asks_again(asked: Asked) -> None:
    memo, clock = Memo[int](60), Hands()
    result(memo.flow(asked.make, clock))
    memo.forget()
    assert result(memo.flow(asked.make, clock)) == 2
