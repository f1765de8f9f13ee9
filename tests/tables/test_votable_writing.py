"""Tables that go along with a query: what a service reads is what the user has, or the user is told."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.io import votable
from astropy.table import QTable
from astropy.table import Table as AstropyTable
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.tables.votable import VOTableBatches
from skykey.tables.votable_writing import written
from skykey.values.errors import UsageError
from tests.tables.collecting import collected

XML = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda letter: letter in "\t\n\r" or letter >= " "
    ),
    max_size=8,
)
KINDS: dict[Any, Any] = {
    pa.bool_(): st.booleans(),
    pa.uint8(): st.integers(0, 255),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): XML.filter(bool),
    pa.timestamp("us"): st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2300, 1, 1)),  # noqa: DTZ001 - as TAP's
    pa.list_(pa.int32()): st.lists(st.integers(-9, 9), min_size=1, max_size=3),
    pa.list_(pa.float64()): st.lists(st.floats(), min_size=1, max_size=3),
}


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    count = draw(st.integers(0, 5))
    names = draw(st.lists(XML.filter(bool), min_size=1, max_size=4, unique=True))
    arrays, fields = [], []
    for name in names:
        kind = draw(st.sampled_from(list(KINDS)))
        values = draw(st.lists(KINDS[kind] | st.none(), min_size=count, max_size=count))
        note = draw(st.none() | XML.map(str.strip).filter(bool))
        fields.append(pa.field(name, kind, metadata={b"unit": note.encode()} if note else None))
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def again(given: Any) -> pa.Table:
    return collected(VOTableBatches(), written(given, "mine")).arrow


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


@given(arrow_tables())
def test_what_is_written_is_read_again(table: pa.Table) -> None:
    found = again(table)
    assert found.schema.names == table.schema.names
    assert found.schema.types == table.schema.types
    for mine, theirs in zip(table.columns, found.columns, strict=True):
        assert same(theirs.to_pylist(), mine.to_pylist())
    for mine, theirs in zip(table.schema, found.schema, strict=True):
        assert (theirs.metadata or {}).get(b"unit") == (mine.metadata or {}).get(b"unit")


def test_a_text_without_letters_becomes_null() -> None:
    assert again({"x": ["", None, "a"]}).column("x").to_pylist() == [None, None, "a"]


def test_astropy_reads_the_same(tmp_path: Any) -> None:
    path = tmp_path / "mine.xml"
    table = pa.table(
        {
            "a": pa.array([1, None, -(2**63)], pa.int64()),
            "b": [0.1, float("nan"), float("-inf")],
            "c": ["a<b & c", "ä", "x\ry"],
            "d": [True, None, False],
        }
    )
    path.write_bytes(written(table, "mine"))
    found = votable.parse_single_table(str(path)).to_table()
    assert found["a"].tolist()[0] == 1
    assert found["a"].mask.tolist() == [False, True, False]
    assert found["b"].tolist()[0] == 0.1
    assert found["b"].mask.tolist() == [False, True, False]  # astropy takes NaN for null
    assert found["b"][2] == -np.inf
    assert found["c"].tolist() == ["a<b & c", "ä", "x\ry"]


FRAME = pd.DataFrame({"n": pd.array([1, None], "Int64"), "s": ["a", "b"], "t": pd.to_datetime(["2026-03-20", None])})


@pytest.mark.parametrize(
    "given",
    [
        FRAME,
        FRAME[FRAME["s"] != "z"].sort_values("s"),  # an index that is row numbers
        pl.DataFrame({"n": [1, None], "s": ["a", "b"], "t": [dt.datetime(2026, 3, 20), None]}),  # noqa: DTZ001
        {"n": [1, None], "s": ["a", "b"], "t": pa.array([dt.datetime(2026, 3, 20), None], pa.timestamp("us"))},  # noqa: DTZ001
        pa.table(FRAME),
        Table(pa.table(FRAME), End(complete=True, rows=2)),
    ],
    ids=["pandas", "filtered", "polars", "mapping", "arrow", "table"],
)
def test_whatever_users_hold_is_taken(given: Any) -> None:
    assert again(given).to_pydict() == {"n": [1, None], "s": ["a", "b"], "t": [dt.datetime(2026, 3, 20), None]}  # noqa: DTZ001


def test_an_index_with_a_name_is_a_column() -> None:
    frame = pd.DataFrame({"v": [1]}, index=pd.Index([7], name="visit_id"))
    assert again(frame).to_pydict() == {"v": [1], "visit_id": [7]}


@pytest.mark.parametrize("names", [None, ["night", None]])
def test_levels_without_a_name_are_not_lost(names: list[str | None] | None) -> None:
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=names))
    with pytest.raises(UsageError, match="levels without names") as caught:
        written(frame, "mine")
    assert "reset_index" in (caught.value.next or "")
    assert again(frame.rename_axis(["night", "seq"])).to_pydict() == {"v": [1, 2], "night": [1, 3], "seq": [2, 4]}


def test_times_that_no_calendar_has_are_refused() -> None:
    with pytest.raises(UsageError, match="year 9999"):
        written({"t": pa.array([2**62], pa.timestamp("us"))}, "mine")


def test_categories_of_polars_are_their_texts() -> None:
    kinds = {"c": pl.Categorical, "e": pl.Enum(["x", "y"])}
    frame = pl.DataFrame({name: pl.Series(["y", None, "x"], dtype=kind) for name, kind in kinds.items()})
    assert again(frame).to_pydict() == {"c": ["y", None, "x"], "e": ["y", None, "x"]}
    assert again(frame[:0]).to_pydict() == {"c": [], "e": []}


@pytest.mark.parametrize("kind", [AstropyTable, QTable])
def test_units_of_an_astropy_table_go_along(kind: Any) -> None:
    table = kind({"d": [1.5, 2.5] * u.Unit("km/s"), "s": ["a", "b"], "t": Time(["2026-03-20", "2026-03-21"])})
    table["s"].info.description = "which one"
    found = again(table)
    assert found.column("d").to_pylist() == [1.5, 2.5]
    assert found.schema.field("d").metadata == {b"unit": b"km / s"}
    assert found.schema.field("s").metadata == {b"description": b"which one"}
    assert found.schema.field("t").type == pa.timestamp("us")


def test_an_astropy_table_is_taken() -> None:
    assert again(AstropyTable({"ra": [1.5, 2.5], "name": ["a", "b"]})).to_pydict() == {
        "ra": [1.5, 2.5],
        "name": ["a", "b"],
    }


def test_units_and_descriptions_go_along() -> None:
    metadata = {b"unit": b'"<deg>', b"ucd": b"pos.eq.ra", b"description": b"where & how"}
    field = pa.field("ra", pa.float64(), metadata=metadata)
    found = again(pa.Table.from_arrays([pa.array([1.5])], schema=pa.schema([field])))
    assert found.schema.field("ra").metadata == metadata


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]), "zone UTC"),
        (pa.array([1], pa.timestamp("ns")), "finer"),
        (pa.array([Decimal("1.5")]), "decimal"),
        (pa.array([["a"]]), "list"),
        (pa.array([[1, None]]), "null in it"),
        (pa.array([{"a": 1}]), "struct"),
        (pa.array([2**63], pa.uint64()), "beyond"),
        (pa.array(["a\x01"]), "letters"),
        (pa.array(["a\0"]), "letters"),
        (pa.array([b"a"]), "binary"),
    ],
)
def test_what_cannot_be_held_is_refused_by_its_column(values: Any, match: str) -> None:
    with pytest.raises(UsageError, match=f"'x' of the table mine has .*{match}"):
        written(pa.table({"x": values}), "mine")


@pytest.mark.parametrize(
    "given",
    [
        "a.csv",
        7,
        {},
        {"a": [1], "b": [1, 2]},
        pa.table({"": [1]}),
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
        {"a": [object()]},
    ],
)
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(UsageError):
        written(given, "mine")


def test_narrow_and_wide_numbers_keep_their_values() -> None:
    table = pa.table(
        {
            "a": pa.array([-128], pa.int8()),
            "b": pa.array([65535], pa.uint16()),
            "c": pa.array([2**32 - 1], pa.uint32()),
            "d": pa.array([2**63 - 1], pa.uint64()),
            "e": pa.array(["x", "x"][:1]).dictionary_encode(),
            "f": pa.array([0.5], pa.float16()),
            "g": pa.nulls(1),
            "h": pa.array([dt.date(2026, 3, 20)]),
        }
    )
    assert again(table).to_pylist() == [
        {"a": -128, "b": 65535, "c": 2**32 - 1, "d": 2**63 - 1, "e": "x", "f": 0.5, "g": None, "h": "2026-03-20"}
    ]


def test_many_rows_are_all_there() -> None:
    assert again({"x": list(range(25_001))}).column("x").to_pylist() == list(range(25_001))
