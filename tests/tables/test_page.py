"""docs/tables.md says what the code does: its tables are read and checked, its snippets run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from skykey.rubin.consdb import schema as consdb_schema
from skykey.sandbox import running
from skykey.tables import saving
from skykey.tables.columns import Column
from skykey.tables.dtypes import DTYPES
from skykey.tables.end import End
from skykey.tables.influxdb import InfluxTable, arrow_type, empty, typed
from skykey.tables.table import Table
from skykey.tables.votable_fields import WIDTHS, VOField

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def rows(*header: str) -> list[list[str]]:
    """The table of the page that begins with this header."""
    lines = PAGE.splitlines()
    at = lines.index(f"| {' | '.join(header)} |")
    found = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    assert found
    return found


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_table_of_arrow_and_pandas_is_the_codes() -> None:
    written: dict[str, str] = {}
    for arrow, pandas in rows("Arrow", "pandas"):
        kinds, dtypes = codes(arrow), codes(pandas)
        dtypes = dtypes * len(kinds) if len(dtypes) == 1 else dtypes
        written.update(zip(kinds, dtypes, strict=True))
    assert written == DTYPES


VALUES: dict[str, Any] = {"float": 1.5, "integer": 2**53 + 1, "boolean": True, "string": "a"}


def answer(value: Any) -> Table:
    """All kinds of columns, as InfluxDB sends them."""
    cells = {"time": 1, **(VALUES if value else dict.fromkeys(VALUES))}
    series = {"name": "t", "columns": list(cells), "values": [list(cells.values())], "tags": {"tag": "g"}}
    reader = InfluxTable({kind: arrow_type(kind) for kind in VALUES})
    reader.feed(msgpack.packb({"results": [{"series": [series]}]}))
    return reader.finish()


def nothing() -> Table:
    fields = [Column(kind, arrow_type(kind)) for kind in VALUES]
    columns = [Column("time", pa.timestamp("ns", "UTC")), Column("tag", pa.string(), is_tag=True), *fields]
    return Table(empty(columns), End(complete=True, rows=0))


MADE = {"values": lambda: answer(True), "nulls": lambda: answer(None), "no rows": nothing}


@pytest.mark.parametrize("made", MADE)
def test_the_table_of_influxdb_is_what_comes_out(made: str) -> None:
    pl = pytest.importorskip("polars")
    table = MADE[made]()
    frame, other = table.to_pandas().reset_index(), table.to_polars()
    written = {
        wire: tuple(codes(cell)[0] for cell in cells)
        for wire, *cells in rows("on the wire", "Arrow", "pandas", "polars")
    }
    assert written == {
        name: (str(table.arrow.schema.field(name).type), str(frame[name].dtype), str(other.schema[name]))
        for name in table.arrow.column_names
    }
    assert isinstance(other.schema["time"], pl.Datetime)


def test_the_table_of_consdb_is_what_its_schema_becomes() -> None:
    for sql, arrow, pandas in rows("in SQL", "Arrow", "pandas"):
        kinds = [consdb_schema.arrow_type(each) for each in codes(sql)]
        assert {str(kind) for kind in kinds} == {codes(arrow)[0]}
        empty_one = Table(pa.table({"x": pa.array([], kinds[0])}), End(complete=True, rows=0))
        assert str(empty_one.to_pandas()["x"].dtype) == codes(pandas)[0]


def test_the_table_of_votables_is_what_their_fields_become() -> None:
    written: dict[str, str] = {}
    for said, arrow in rows("datatype of the VOTable", "Arrow"):
        names, kinds = codes(said), codes(arrow)
        written.update(zip(names, kinds * len(names) if len(kinds) == 1 else kinds, strict=True))
    time = written.pop('xtype="timestamp"')
    assert written == {name: str(VOField("x", name).type) for name in WIDTHS}
    assert time == str(VOField("x", "char", "*", xtype="timestamp").type)
    assert str(VOField("x", "double", "3").type).startswith("list")


def test_a_column_without_a_value_or_a_schema_is_null_as_the_page_says() -> None:
    reader = InfluxTable()
    reader.feed(
        msgpack.packb({"results": [{"series": [{"name": "t", "columns": ["time", "x"], "values": [[1, None]]}]}]})
    )
    table = reader.finish().arrow
    assert str(table.schema.field("x").type) == "null"
    assert typed(table, {"x": pa.int64()}).schema.field("x").type == pa.int64()


def test_the_page_names_every_attribute_of_a_frame() -> None:
    end = End(complete=False, rows=1, cut_by="the server's row limit")
    made = Table(answer(True).arrow, end).described(
        [Column("float", pa.float64(), "", unit="m", description="far", ucd="pos")]
    )
    assert {name for cell, _ in rows("`attrs`", "what") for name in codes(cell)} == set(made.to_pandas().attrs)


def test_the_page_names_every_ending_and_the_size_of_row_groups() -> None:
    assert {name for cell, _ in rows("ending", "what") for name in codes(cell)} == set(saving._PACKAGES)
    assert f"row groups of {saving.GROUP_ROWS:,} (or {saving.GROUP_BYTES // 2**20} MiB" in PAGE


MISSING = {
    "null integer, boolean": (pa.int64(), None, "<NA>"),
    "null string": (pa.string(), None, "nan"),
    "null float": (pa.float64(), None, "nan"),
    "a float that is not a number": (pa.float64(), float("nan"), "nan"),
    "null time": (pa.timestamp("ns"), None, "NaT"),
    "null bytes, date, list": (pa.date32(), None, "None"),
}


def test_the_table_of_what_is_missing_is_true() -> None:
    written = {
        what: (arrow, pandas.partition(";")[0].strip("`"))
        for what, arrow, pandas in rows("missing", "Arrow, polars, Parquet", "pandas")
    }
    assert set(written) == set(MISSING)
    for what, (kind, value, shown) in MISSING.items():
        table = Table(pa.table({"x": pa.array([value], kind)}), End(complete=True, rows=1))
        assert (table.arrow["x"].null_count == 1) == (written[what][0] == "null")
        cell = table.to_pandas()["x"].iloc[0]
        assert (str(cell), written[what][1].lower()) == (shown, shown.lower())


def test_the_snippets_of_the_page_run(tmp_path: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(snippets) == 4
    checks = """
assert table.to_pandas().equals(frame) and table.to_pandas().attrs == frame.attrs
assert data.equals(table.arrow)
assert described.arrow.schema.field("temperatureItem0").metadata == {b"unit": b"deg_C", b"description": b"of the air"}
assert described.to_pandas().attrs["units"] == {"temperatureItem0": "deg_C"}
assert described.time_scale == "utc"
"""
    (tmp_path / "program.py").write_text("\n".join([*snippets, checks]))
    with running(tmp_path / "sandbox") as box:
        play = [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--"]
        done = subprocess.run(
            [*play, sys.executable, "-W", "error", "program.py"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    count, complete = done.stdout.split()
    assert complete == "True"
    parquet = pyarrow.parquet.read_table(tmp_path / "temperature.parquet")
    assert parquet.num_rows == int(count) > 100
    assert pyarrow.feather.read_table(tmp_path / "temperature.arrow").equals(parquet)
    assert pyarrow.parquet.read_table(tmp_path / "night.parquet").num_rows == 5
    assert list(tmp_path.glob(".*.part")) == []
