"""Ranges cut into windows: nothing falls between two of them, and nothing is asked twice."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.flow import Flow
from skykey.calls.windows import Window, ask_windows, plan
from skykey.values.errors import LimitExceeded, QueryError
from skykey.values.progress import Progress, watched
from tests.wire.askers import Asker, AsyncAsker

Run = Callable[[Callable[[], Flow[Any]]], Any]
BOUND = st.integers(-(2**63) + 1, 2**63 - 1)


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    if request.param == "sync":
        return lambda make: Asker().run(make)
    return lambda make: asyncio.run(AsyncAsker().run(make))


@given(BOUND, BOUND, st.integers(1, 400))
def test_windows_have_no_gap_and_no_overlap(one: int, other: int, count: int) -> None:
    window = Window(min(one, other), max(one, other))
    windows = window.cut(-(-window.length // count))
    assert (windows[0].first, windows[-1].last) == (window.first, window.last)
    assert all(before.last + 1 == after.first for before, after in itertools.pairwise(windows))
    assert sum(each.length for each in windows) == window.length
    assert len(windows) <= count
    assert len({each.length for each in windows[:-1]}) <= 1


@given(st.integers(0, 10**15), st.integers(1, 10**12), st.floats(0, 1e7), st.floats(1, 1e6), st.integers(1, 10**6))
def test_a_plan_asks_no_window_for_more_than_was_said(
    first: int, length: int, amount: float, most: float, step: int
) -> None:
    window = Window(first, first + length - 1)
    windows = plan(window, amount=amount, most=most, step=step)
    assert (windows[0].first, windows[-1].last) == (window.first, window.last)
    if amount <= most:
        assert windows == [window]
    # Within a step, which the length is rounded up to.
    density = amount / window.length
    assert len(windows) <= 1000
    if amount / most <= 1000:
        assert all(each.length * density <= (most + step * density) * 1.000001 for each in windows)
    assert all(each.length % step == 0 for each in windows[:-1])


def numbers(asked: list[Window], most: int) -> Callable[[Window], Flow[list[int]]]:
    def ask(window: Window) -> Flow[list[int]]:
        yield from ()
        asked.append(window)
        if window.length > most:
            raise LimitExceeded("too much")
        return list(range(window.first, window.last + 1))

    return ask


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 100))
def test_windows_that_are_too_much_are_halved_and_no_number_is_lost(length: int, most: int, size: int) -> None:
    asked: list[Window] = []
    heard: list[Progress] = []
    window = Window(5, 5 + length - 1)
    with watched(heard.append):
        found = Asker().run(
            lambda: ask_windows(window.cut(size), numbers(asked, most), at_once=3, least=1)  # type: ignore[arg-type]
        )
    assert [number for part in found for number in part] == list(range(5, 5 + length))
    assert len(set(asked)) == len(asked)
    assert heard[-1].done == heard[-1].parts == len(found)


def test_a_window_that_cannot_be_halved_raises_what_the_service_said(run: Run) -> None:
    asked: list[Window] = []
    with pytest.raises(LimitExceeded, match="too much"):
        run(lambda: ask_windows([Window(0, 63)], numbers(asked, 4), at_once=2, least=8))
    assert min(window.length for window in asked) == 8


def test_a_statement_that_is_wrong_is_not_halved(run: Run) -> None:
    asked: list[Window] = []

    def refused(window: Window) -> Flow[int]:
        yield from ()
        asked.append(window)
        raise QueryError("no such field")

    with pytest.raises(QueryError, match="no such field"):
        run(lambda: ask_windows([Window(0, 63)], refused, at_once=2, least=1))
    assert asked == [Window(0, 63)]
