"""Columns of one name: none is lost, and none takes the name of another."""

import time
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skykey.tables.repeated import apart, once, repeats


@given(st.lists(st.sampled_from(["a", "a_1", "a_2", "a_1_1", "b", ""])))
@example(["a", "a", "a_1"])
def test_names_differ_and_those_that_stood_there_once_stay(names: list[str]) -> None:
    different = apart(names)
    assert len(set(different)) == len(names) == len(different)
    for name in set(names):
        assert different[names.index(name)] == name
    found = repeats(names)
    assert set(found) == {name for name in names if names.count(name) > 1}
    for name, several in found.items():
        assert several == [new for old, new in zip(names, different, strict=True) if old == name]


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        (pa.array([1.5, float("nan"), None]), pa.array([1.5, float("nan"), None]), True),
        (pa.array([0.0]), pa.array([-0.0]), False),
        (pa.array([1.0], pa.float32()), pa.array([1.0], pa.float32()), True),
        (pa.array([1.0]), pa.array([1]), False),
        (pa.array([None], pa.float64()), pa.array([float("nan")]), False),
        (pa.array([None, 1]), pa.array([1, None]), False),
        (pa.array(["a", None]), pa.array(["a", None]), True),
    ],
)
def test_equal_is_equal_to_the_last_bit(one: pa.Array, other: pa.Array, is_equal: bool) -> None:
    table, kept = once(pa.table([one, other], names=["x", "x_1"]), {"x": ["x", "x_1"]})
    assert table.column_names == (["x"] if is_equal else ["x", "x_1"])
    assert kept == {"x": table.column_names}


def test_very_many_that_differ_are_kept_in_time(ceiling: Callable[[float], float]) -> None:
    names = apart(["x"] * 3000)
    begin = time.monotonic()
    table, kept = once(pa.table([[n] for n in range(3000)], names=names), {"x": names})
    assert time.monotonic() - begin < ceiling(3)
    assert table.column_names == kept["x"] == names


def test_equal_ones_are_found_past_another() -> None:
    table, kept = once(pa.table({"x": [1], "x_1": [2], "x_2": [2]}), {"x": ["x", "x_1", "x_2"]})
    assert (table.column_names, kept) == (["x", "x_1"], {"x": ["x", "x_1"]})
