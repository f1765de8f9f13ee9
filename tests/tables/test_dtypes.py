"""A column's dtype is its Arrow type's and nobody else's: not of the values, nor of pandas' options or version."""

import datetime as dt
import math
import struct
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skykey.tables.dtypes import DTYPES, dtype_of, frame_of, row_of


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


# All counts that Arrow can hold, but the one that NumPy reads as "not a time".
TICKS = st.integers(-(2**63) + 1, 2**63 - 1)
DATES = st.dates()
# row of DTYPES: types that belong to it, and values
KINDS: dict[str, tuple[list[pa.DataType], st.SearchStrategy[Any]]] = {
    "null": ([pa.null()], st.none()),
    "bool": ([pa.bool_(), pa.dictionary(pa.int8(), pa.bool_())], st.booleans()),
    **{f"int{bits}": ([getattr(pa, f"int{bits}")()], integers(bits, signed=True)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": ([getattr(pa, f"uint{bits}")()], integers(bits, signed=False)) for bits in (8, 16, 32, 64)},
    "halffloat": ([pa.float16()], st.floats(width=16).map(np.float16)),
    "float": ([pa.float32()], st.floats(width=32)),
    "double": ([pa.float64()], st.floats()),
    "string": ([pa.string(), pa.dictionary(pa.int32(), pa.string())], st.text()),
    "large_string": ([pa.large_string()], st.text()),
    "string_view": ([pa.string_view()], st.text()),
    "binary": ([pa.binary()], st.binary()),
    "large_binary": ([pa.large_binary()], st.binary()),
    "binary_view": ([pa.binary_view()], st.binary()),
    "fixed_size_binary": ([pa.binary(4)], st.binary(min_size=4, max_size=4)),
    "date32[day]": ([pa.date32()], DATES),
    "date64[ms]": ([pa.date64()], DATES),
    **{f"timestamp[{unit}]": ([pa.timestamp(unit)], TICKS) for unit in ("s", "ms", "us", "ns")},
    **{
        f"timestamp[{unit}, zone]": ([pa.timestamp(unit, "UTC"), pa.timestamp(unit, "America/Santiago")], TICKS)
        for unit in ("s", "ms", "us", "ns")
    },
    **{f"duration[{unit}]": ([pa.duration(unit)], TICKS) for unit in ("s", "ms", "us", "ns")},
    "list": (
        [pa.list_(pa.float64()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 2), pa.list_view(pa.float64())],
        st.lists(st.none() | st.floats(), min_size=2, max_size=2),
    ),
}
ALL = [pytest.param(row, kind, id=str(kind)) for row, (kinds, _) in KINDS.items() for kind in kinds]


def made(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def test_every_row_of_the_table_is_tested() -> None:
    assert set(KINDS) == set(DTYPES)
    assert all(row_of(kind) == row for row, (kinds, _) in KINDS.items() for kind in kinds)


@pytest.mark.parametrize(("row", "kind"), ALL)
def test_a_dtype_is_its_types_and_never_the_values(row: str, kind: pa.DataType) -> None:
    promised = dtype_of(kind)
    # "zone" stands for the zone's name.
    assert str(promised) == DTYPES[row].replace("zone", str(getattr(kind, "tz", "")))
    _, cells = KINDS[row]

    @given(st.lists(st.none() | cells, max_size=4))
    @settings(max_examples=25, deadline=None)
    @example([])
    @example([None, None])
    def check(values: list[Any]) -> None:
        column = made(values, kind)
        # In two pieces, as an answer comes; an empty one among them.
        table = pa.table({"x": pa.chunked_array([column, column.slice(0, 0), column], column.type)})
        frame = frame_of(table)
        assert frame["x"].dtype == promised
        assert frame["x"].isna().sum() >= 2 * sum(value is None for value in values)
        assert len(frame) == 2 * len(values)

    check()


@pytest.mark.parametrize("without", [[], [None]])
def test_a_table_of_all_types_has_them_all_with_and_without_values(without: list[None]) -> None:
    kinds = [kind for kinds, _ in KINDS.values() for kind in kinds]
    table = pa.table({f"c{n}": made(without, kind) for n, kind in enumerate(kinds)})
    assert list(frame_of(table).dtypes) == [dtype_of(kind) for kind in kinds]


@pytest.mark.parametrize(
    "kind", [pa.decimal128(10, 2), pa.time64("ns"), pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.int8())]
)
def test_a_type_without_a_row_is_wrapped_and_loses_nothing(kind: pa.DataType) -> None:
    for values in ([], [None]):
        frame = frame_of(pa.table({"x": pa.array(values, kind)}))
        assert frame["x"].dtype == pd.ArrowDtype(kind)


# -- values


@given(st.lists(st.none() | integers(64, signed=True) | st.just(2**53 + 1)))
@settings(deadline=None)
def test_integers_keep_every_digit_beside_nulls(values: list[int | None]) -> None:
    found = frame_of(pa.table({"x": pa.array(values, pa.int64())}))["x"]
    assert [None if cell is pd.NA else int(cell) for cell in found] == values


@given(st.lists(st.none() | st.floats()))
@settings(deadline=None)
@example([-0.0, 0.0, 1e300, 5e-324, float("nan"), None, -math.inf])
def test_floats_keep_every_bit_and_null_becomes_nan(values: list[float | None]) -> None:
    """pandas has one float64 and no null in it; Arrow and polars keep both apart."""
    found = frame_of(pa.table({"x": pa.array(values, pa.float64())}))["x"]

    def bits(value: float | None) -> bytes:
        return b"NaN" if value is None or math.isnan(value) else struct.pack(">d", value)

    assert [bits(cell) for cell in found] == [bits(value) for value in values]


@given(st.lists(st.none() | st.just("") | st.text()))
@settings(deadline=None)
def test_no_text_and_empty_text_stay_apart(values: list[str | None]) -> None:
    found = frame_of(pa.table({"x": pa.array(values, pa.string())}))["x"]
    assert [cell if isinstance(cell, str) else None for cell in found] == values


def test_times_keep_nanoseconds_and_years_that_nanoseconds_cannot_hold() -> None:
    far = made([253402300799], pa.timestamp("s"))
    near = made([1_750_000_000_123_456_789], pa.timestamp("ns", "UTC"))
    frame = frame_of(pa.table({"far": far, "near": near}))
    assert frame["far"].iloc[0].year == 9999
    assert frame["near"].iloc[0].value == 1_750_000_000_123_456_789


def test_a_date_is_a_date() -> None:
    frame = frame_of(pa.table({"x": pa.array([dt.date(1, 1, 1), None], pa.date32())}))
    assert frame["x"].tolist() == [dt.date(1, 1, 1), None]


def test_lists_lose_no_digit_to_a_null_beside_it() -> None:
    """As NumPy arrays, integers beside a null would be floats."""
    lists = {
        "i": pa.array([[2**53 + 1, None], None, []], pa.list_(pa.int64())),
        "s": pa.array([["", None], None, []], pa.list_(pa.string())),
    }
    frame = frame_of(pa.table(lists))
    assert frame["i"].tolist() == [[2**53 + 1, None], None, []]
    assert frame["s"].tolist() == [["", None], None, []]
    floats = frame_of(pa.table({"f": pa.array([[1.5, None], None], pa.list_(pa.float32()))}))["f"]
    assert isinstance(floats.iloc[0], np.ndarray)
    assert (str(floats.iloc[0].dtype), floats.iloc[1]) == ("float32", None)


# -- what else could choose a dtype

OPTIONS: dict[str, tuple[Any, ...]] = {
    "mode.string_storage": ("python", "pyarrow"),
    "future.infer_string": (True, False),
}


@pytest.mark.filterwarnings("ignore:.*infer_string")
@pytest.mark.parametrize(("option", "value"), [(name, value) for name, values in OPTIONS.items() for value in values])
def test_no_option_of_the_user_changes_a_dtype(option: str, value: Any) -> None:
    table = pa.table({"s": pa.array([None, "a"], pa.string()), "i": pa.array([None, 1], pa.int64())})
    with pd.option_context(option, value):
        found = frame_of(table).dtypes
        assert list(found) == [pd.StringDtype("pyarrow", na_value=np.nan), pd.Int64Dtype()]
        assert found.iloc[0].storage == "pyarrow"


def test_what_pandas_wrote_into_a_file_does_not_choose_dtypes() -> None:
    theirs = pa.Table.from_pandas(pd.DataFrame({"x": [1, 2], "y": [1.0, 2.0]}, index=pd.Index([5, 6], name="k")))
    frame = frame_of(theirs)
    assert (list(frame.columns), str(frame["x"].dtype), list(frame.index)) == (["x", "y", "k"], "Int64", [0, 1])


@given(st.lists(st.none() | integers(64, signed=True)), st.lists(st.none() | st.text()))
@settings(deadline=None, max_examples=30)
def test_a_frame_goes_back_to_arrow_unchanged(numbers: list[int | None], texts: list[str | None]) -> None:
    count = min(len(numbers), len(texts))
    table = pa.table({"i": pa.array(numbers[:count], pa.int64()), "s": pa.array(texts[:count], pa.string())})
    back = pa.Table.from_pandas(frame_of(table), preserve_index=False)
    assert back.cast(table.schema).equals(table)
