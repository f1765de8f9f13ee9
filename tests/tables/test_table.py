"""What users hold: dtypes that do not depend on the data, and files that are whole or not there."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.values.errors import MissingExtra

SCHEMA = pa.schema(
    [
        ("time", pa.timestamp("ns", "UTC")),
        ("count", pa.int64()),
        ("flag", pa.bool_()),
        ("name", pa.string()),
        ("value", pa.float64()),
    ]
)
DTYPES = {"count": "Int64", "flag": "boolean", "name": "str", "value": "float64"}
NS = 1_700_000_000_123_456_789
ROWS: dict[str, list[list[Any]]] = {
    "full": [[NS, NS + 1], [1, 2**53 + 1], [True, False], ["a", ""], [1.5, float("inf")]],
    "nulls": [[NS, NS + 1], [None, 2**63 - 1], [None, True], [None, "a"], [None, 1.0]],
    "all null": [[NS, NS], [None, None], [None, None], [None, None], [None, None]],
    "whole seconds": [[10**9, 2 * 10**9], [1, 1], [True, True], ["1", "2"], [1.0, 2.0]],
    "empty": [[], [], [], [], []],
}


def table(rows: list[list[Any]], **more: Any) -> Table:
    data = pa.table([pa.array(column, field.type) for column, field in zip(rows, SCHEMA, strict=True)], SCHEMA)
    return Table(data, End(complete=True, rows=data.num_rows), **more)


@pytest.mark.parametrize("rows", ROWS)
def test_dtypes_depend_on_the_wire_types_and_not_on_the_values(rows: str) -> None:
    frame = table(ROWS[rows]).to_pandas()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == DTYPES
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert frame.index.name == "time"


def test_no_digit_is_lost() -> None:
    frame = table(ROWS["nulls"]).to_pandas()
    assert int(frame["count"].iloc[1]) == 2**63 - 1
    assert frame["count"].isna().tolist() == [True, False]
    assert frame["flag"].isna().tolist() == [True, False]
    assert frame["name"].isna().tolist() == [True, False]
    assert [instant.value for instant in frame.index] == [NS, NS + 1]  # type: ignore[attr-defined]


def test_a_frame_says_where_it_came_from_and_whether_it_is_all() -> None:
    frame = table(ROWS["empty"], columns_known=False, facts={"query": "SELECT 1"}).to_pandas()
    assert frame.attrs == {"query": "SELECT 1", "complete": True, "truncated": False, "columns_known": False}


CUTS = {
    "all": (End(complete=True, rows=0), False),
    "the service had more": (End(complete=False, rows=0), True),
    "the service had more and says why": (End(complete=False, rows=0, cut_by="the server's row limit"), True),
    "the question asked for no more": (End(complete=True, rows=0, cut_by="the statement's LIMIT"), True),
}


@pytest.mark.parametrize("cut", CUTS)
def test_truncation_is_a_property_of_the_result(cut: str) -> None:
    end, truncated = CUTS[cut]
    made = Table(SCHEMA.empty_table(), end)
    assert (end.truncated, made.truncated) == (truncated, truncated)
    attrs = made.to_pandas().attrs
    assert (attrs["truncated"], attrs["complete"], attrs.get("cut_by")) == (truncated, end.complete, end.cut_by)


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("s", "America/Santiago")])
def test_the_index_is_to_the_nanosecond_whatever_the_service_sends(kind: pa.DataType) -> None:
    for values in ([], [0, 1]):
        made = Table(pa.table({"time": pa.array(values, pa.int64()).cast(kind)}), End(complete=True, rows=0))
        assert str(made.to_pandas().index.dtype) == f"datetime64[ns, {kind.tz}]"


def test_times_without_a_zone_are_not_called_utc() -> None:
    made = Table(pa.table({"time": pa.array([NS], pa.timestamp("ns"))}), End(complete=True, rows=1), time_scale="tai")
    assert str(made.to_pandas().index.dtype) == "datetime64[ns]"


def test_a_column_called_time_that_holds_none_is_a_column() -> None:
    for column in (pa.array(["noon"]), pa.array([1])):
        made = Table(pa.table({"time": column}), End(complete=True, rows=1))
        assert list(made.to_pandas().columns) == ["time"]


def test_a_table_without_times_has_an_ordinary_index() -> None:
    made = Table(pa.table({"name": ["a"]}), End(complete=True, rows=1))
    assert made.to_pandas().index.tolist() == [0]


def test_other_libraries_read_it_without_a_copy() -> None:
    made = table(ROWS["full"])
    assert pa.table(made).equals(made.arrow)


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_a_missing_package_is_named_with_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    made = table(ROWS["full"])
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match="skykey\\[tables\\]"):
        made.to_pandas()


def test_frames_survive_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    made = table(ROWS["nulls"])
    made.save(tmp_path / "x.parquet")
    back = Table(pyarrow.parquet.read_table(tmp_path / "x.parquet"), made.end).to_pandas()
    pd.testing.assert_frame_equal(back, made.to_pandas())


def test_polars_reads_times_integers_texts_and_nulls_as_they_are() -> None:
    pl = pytest.importorskip("polars")
    for rows in ROWS.values():
        made = table(rows)
        assert made.to_polars().schema == {
            "time": pl.Datetime("ns", "UTC"),
            "count": pl.Int64(),
            "flag": pl.Boolean(),
            "name": pl.String(),
            "value": pl.Float64(),
        }
    found = table([[NS, None], [2**53 + 1, None], [True, None], ["", None], [float("nan"), None]]).to_polars()
    assert found["time"].to_physical().to_list() == [NS, None]
    assert found["count"].to_list() == [2**53 + 1, None]
    assert found["name"].to_list() == ["", None]
    assert (found["value"].is_nan().to_list(), found["value"].null_count()) == ([True, None], 1)


def test_missing_polars_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtra, match="skykey\\[polars\\]"):
        table(ROWS["full"]).to_polars()
