"""Parts of an answer put together: every value once, at its own time, in its own type, described as before."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skykey.tables.columns import Column
from skykey.tables.merging import completed, one_after_another, side_by_side
from skykey.tables.metadata import TIME_SCALE, UNIT, described
from skykey.values.errors import Unreadable

TIME = pa.timestamp("ns", "UTC")
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.string(): st.text(max_size=3),
    pa.bool_(): st.booleans(),
    pa.null(): st.none(),
}


def part(times: list[int], **columns: Any) -> pa.Table:
    """Columns are lists, or arrays of a type that matters."""
    made = pa.table({"time": pa.array(times, TIME)} | columns)
    return described(made, [Column(name, None, unit=f"unit of {name}") for name in columns], time_scale="utc")


@st.composite
def parts(draw: st.DrawFn) -> list[pa.Table]:
    names = iter(f"c{n}" for n in range(99))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        times = sorted(draw(st.sets(st.one_of(st.integers(0, 9), st.integers(-(2**63) + 1, 2**63 - 1)), max_size=5)))
        columns = {}
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(list(KINDS)))
            cell = st.none() | KINDS[kind]
            columns[next(names)] = pa.array(draw(st.lists(cell, min_size=len(times), max_size=len(times))), kind)
        found.append(part(times, **columns))
    return found


def cells(table: pa.Table) -> list[dict[str, str]]:
    """By their text: -0.0 is not 0.0, and 1 is not True."""
    counted = table.set_column(0, "time", table.column("time").cast(pa.int64()))
    return [{name: repr(value) for name, value in row.items()} for row in counted.to_pylist()]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(parts())
def test_rows_side_by_side_are_those_of_an_outer_join(found: list[pa.Table]) -> None:
    merged = side_by_side(found)
    frames = [
        pd.DataFrame(
            {name: pd.Series(each.column(name).to_pylist(), dtype=object) for name in each.column_names[1:]}
        ).set_index(pd.Index(each.column("time").cast(pa.int64()).to_pylist(), dtype="int64"))
        for each in found
    ]
    joined = pd.concat(frames, axis=1, join="outer").sort_index()
    expected = [
        {"time": repr(int(time))} | {str(name): repr(None if cell is pd.NA else cell) for name, cell in row.items()}
        for time, row in zip(
            joined.index, joined.astype(object).where(joined.notna(), None).to_dict("records"), strict=True
        )
    ]
    assert cells(merged) == expected


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(parts())
def test_types_units_and_the_time_scale_stay_whatever_is_missing(found: list[pa.Table]) -> None:
    merged = side_by_side(found)
    fields = [field for each in found for field in each.schema if field.name != "time"]
    assert [field for field in merged.schema if field.name != "time"] == fields
    assert [field.metadata for field in merged.schema][1:] == [field.metadata for field in fields]
    assert fields[0].metadata[UNIT] == b"unit of c0"
    assert merged.schema.metadata == {TIME_SCALE: b"utc"}
    assert merged.schema.field("time").type == TIME


@pytest.mark.parametrize(
    "times",
    [([1, 1], [1, 2]), ([1, 2], [1, 1]), ([1, 1], [1, 1]), ([3, 4, 4], []), ([2, 1], [1, 2])],
    ids=["in the first", "in the second", "in both alike", "beside none", "not ascending"],
)
def test_two_rows_of_one_time_are_refused(times: tuple[list[int], list[int]]) -> None:
    one, two = (part(each, **{name: [float(n) for n in each]}) for each, name in zip(times, "ab", strict=True))
    with pytest.raises(Unreadable, match="two rows have the same time"):
        side_by_side([one, two])
    # Alone, they have nothing to be put together with.
    assert side_by_side([one]) is one


def test_nulls_of_a_part_are_not_those_of_a_row_that_it_lacks() -> None:
    merged = side_by_side([part([1, 2], a=[None, 2.5]), part([2, 3], b=["x", None])])
    assert [list(row.values())[1:] for row in merged.to_pylist()] == [[None, None], [2.5, "x"], [None, None]]


def test_a_part_of_many_pieces_is_taken_by_its_rows() -> None:
    pieces = pa.concat_tables([part([n], a=[float(n)]) for n in range(5)])
    merged = side_by_side([pieces, part([1, 3, 9], b=[10, 30, 90])])
    assert merged.column("a").to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0, None]
    assert merged.column("b").to_pylist() == [None, 10, None, 30, None, 90]


# -- one after the other


@given(st.lists(st.tuples(st.sampled_from(list(KINDS)), st.integers(0, 4)), min_size=1, max_size=5))
def test_rows_one_after_another_keep_their_order_and_take_the_type_that_there_is(shapes: list[tuple[Any, int]]) -> None:
    kinds = {kind for kind, _ in shapes} - {pa.null()}
    tables = [
        part([n * 10 + row for row in range(count)], x=pa.nulls(count, kind)) for n, (kind, count) in enumerate(shapes)
    ]
    numbers = {pa.int64(), pa.float64()}
    if len(kinds) > 1 and kinds != numbers:
        with pytest.raises(Unreadable, match="do not fit into one table"):
            one_after_another(tables)
        return
    whole = one_after_another(tables)
    assert whole.column("time").to_pylist() == [time for each in tables for time in each.column("time").to_pylist()]
    assert whole.schema.field("x").type == (pa.float64() if kinds == numbers else next(iter(kinds), pa.null()))
    assert whole.schema.metadata == {TIME_SCALE: b"utc"}
    assert whole.schema.field("x").metadata == {UNIT: b"unit of x"}


def test_a_column_that_some_parts_lack_is_null_there() -> None:
    whole = one_after_another([part([1], a=[1]), part([2], a=[2], b=["x"])])
    assert whole.select(["a", "b"]).to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


# -- what was promised


def test_promised_columns_are_there_in_their_order_and_others_behind_them() -> None:
    promised = [Column("time", TIME), Column("a", pa.float64()), Column("b", pa.bool_()), Column("c", pa.string())]
    found = completed(part([1, 2], new=[7, 8], c=["x", "y"], a=[0.5, None]), promised)
    assert found.column_names == ["time", "a", "b", "c", "new"]
    assert found.schema.field("b").type == pa.bool_()
    assert found.column("b").to_pylist() == [None, None]
    assert (found.column("a").to_pylist(), found.column("new").to_pylist()) == ([0.5, None], [7, 8])
    assert found.schema.field("a").metadata == {UNIT: b"unit of a"}
    assert found.schema.metadata == {TIME_SCALE: b"utc"}
    whole = part([1], a=[1.5])
    assert completed(whole, promised[:2]) is whole
