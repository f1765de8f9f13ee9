"""What users hold: dtypes that do not depend on the data, and files that are whole or not there."""

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from skykey.tables.end import End
from skykey.tables.table import Table
from skykey.values.errors import MissingExtra, UsageError

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
    assert frame.attrs == {"query": "SELECT 1", "complete": True, "columns_known": False}


def test_a_table_without_times_has_an_ordinary_index() -> None:
    made = Table(pa.table({"name": ["a"]}), End(complete=True, rows=1))
    assert made.to_pandas().index.tolist() == [0]


def test_other_libraries_read_it_without_a_copy() -> None:
    made = table(ROWS["full"])
    assert pa.table(made).equals(made.arrow)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".CSV"])
def test_a_saved_file_holds_the_table(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"night{ending}"
    table(ROWS["full"]).save(path)
    if ending == ".parquet":
        assert pyarrow.parquet.read_table(path).equals(table(ROWS["full"]).arrow)
    else:
        assert pyarrow.csv.read_csv(path)["count"].to_pylist() == [1, 2**53 + 1]
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".txt", "", ".parquet.gz"])
def test_an_ending_that_is_no_format_is_refused_before_anything_is_written(tmp_path: Path, ending: str) -> None:
    with pytest.raises(UsageError, match=r"\.parquet or \.csv"):
        table(ROWS["full"]).save(tmp_path / f"night{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_failed_save_leaves_the_old_file_and_no_other(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"night{ending}"
    path.write_text("the old one")

    def full(_: Any, where: Any, **__: Any) -> None:
        Path(where).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    monkeypatch.setattr(pyarrow.csv, "write_csv", full)
    with pytest.raises(OSError, match="No space"):
        table(ROWS["full"]).save(path)
    assert path.read_text() == "the old one"
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_several_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    """A temporary name that both share would give a file of both halves, or none."""
    path = tmp_path / "night.parquet"
    problems: list[BaseException] = []

    def write(count: int) -> None:
        data = pa.table({"x": [count] * 20_000})
        try:
            for _ in range(10):
                Table(data, End(complete=True, rows=len(data))).save(path)
        except BaseException as problem:  # noqa: BLE001 - shown by the test
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(set(pyarrow.parquet.read_table(path)["x"].to_pylist())) == 1
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_a_missing_package_is_named_with_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    made = table(ROWS["full"])
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match="skykey\\[rubin\\]"):
        made.to_pandas()


def test_frames_survive_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    made = table(ROWS["nulls"])
    made.save(tmp_path / "x.parquet")
    back = Table(pyarrow.parquet.read_table(tmp_path / "x.parquet"), made.end).to_pandas()
    pd.testing.assert_frame_equal(back, made.to_pandas())
