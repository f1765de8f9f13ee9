"""The parts of a question: no row is in two of them, and none in none."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.windows import Window
from skykey.rubin import topic_parts
from skykey.rubin.topic_parts import SECOND, Selection, groups_of, is_all, may_be_whole, windows_of
from skykey.tables.columns import Column

END = 10**6 * SECOND


def sample(first: int, step: int, count: int = 1000) -> pa.Table:
    return pa.table({"time": pa.array([first + step * at for at in range(count)], pa.timestamp("ns", "UTC"))})


def known(*names: str, tag: str | None = None) -> list[Column]:
    tags = [] if tag is None else [Column(tag, pa.string(), is_tag=True)]
    return [Column(name, pa.float64()) for name in names] + tags


@given(
    first=st.integers(0, END // 2),
    step=st.integers(1, 10**11),
    columns=st.integers(1, 2000),
    groups=st.integers(1, 3),
    together=st.integers(1, 4),
)
def test_windows_are_the_range_without_gap_or_overlap(
    first: int, step: int, columns: int, groups: int, together: int
) -> None:
    rows = sample(first, step, 10)
    found = windows_of(rows, Window(0, END), columns=columns, groups=groups, together=together)
    # Of one group of fields, what is before its first row is known to be empty; another group may have rows there.
    assert found[0].first == (first if groups == 1 else 0)
    assert found[-1].last == END
    assert all(one.last + 1 == other.first for one, other in itertools.pairwise(found))


@pytest.mark.parametrize("together", [1, 4])
def test_windows_that_are_held_together_have_no_more_than_one_answer(together: int) -> None:
    fifty_a_second = sample(0, SECOND // 50)
    found = windows_of(fifty_a_second, Window(0, END), columns=10, groups=1, together=together)
    held = together * max(window.length for window in found) / SECOND * 50 * 10
    assert 0.9 * topic_parts._MOST_CELLS < held <= 1.1 * topic_parts._MOST_CELLS


def test_what_fits_at_the_fastest_rate_is_not_sampled() -> None:
    assert may_be_whole(Window(0, 10**6 * SECOND - 1), columns=1)
    assert not may_be_whole(Window(0, 10**6 * SECOND - 1), columns=2)


def test_a_sample_that_is_full_is_not_all() -> None:
    assert is_all(sample(0, 1, 999))
    assert not is_all(sample(0, 1, 1000))
    assert Selection("t").sample(Window(0, 1)).lower().endswith("limit 1000")


def test_groups_have_each_field_once_and_tagged_topics_are_not_grouped() -> None:
    names = [f"f{number}" for number in range(250)]
    groups = groups_of(known(*names, "time"), Selection("t", index=1))
    assert [len(group.fields) for group in groups] == [100, 100, 50]
    assert sorted(name for group in groups for name in group.fields) == sorted(names)
    assert {group.index for group in groups} == {1}
    whole = Selection("t")
    assert groups_of(known(*names, tag="host"), whole) == [whole]
