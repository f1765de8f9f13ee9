"""Units, descriptions and the time scale stay with the data, wherever the data go."""

import io
import json
from pathlib import Path
from typing import Any

import msgpack
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from skykey.tables.columns import Column
from skykey.tables.end import End
from skykey.tables.influxdb import InfluxBatches, InfluxTable, empty, joined, typed
from skykey.tables.metadata import SERIES, described, descriptions, fact, units
from skykey.tables.table import Table
from skykey.values.url import Url
from skykey.wire.request import Head

TIME = pa.timestamp("ns", "UTC")
COLUMNS = (
    Column("time", TIME, description="when it was sent"),
    Column("band", pa.string(), is_tag=True),
    Column("speed", pa.float64(), unit="m / s", description="of the wind, \N{GREEK SMALL LETTER PHI}"),
    Column("count", pa.int64(), unit=""),
    Column("elsewhere", pa.int64(), unit="K"),
)
UNITS = {"speed": "m / s", "count": ""}
DESCRIPTIONS = {"time": "when it was sent", "speed": "of the wind, \N{GREEK SMALL LETTER PHI}"}
WHOLE = End(complete=True, rows=1)


def plain(count: int = 1) -> pa.Table:
    row = {"time": 1, "band": "g", "speed": 1.5, "count": 2}
    kinds = {"time": TIME, "band": pa.string(), "speed": pa.float64(), "count": pa.int64()}
    return pa.table({name: pa.array([row[name]] * count, kind) for name, kind in kinds.items()})


def told(table: Any) -> tuple[dict[str, str], dict[str, str], str | None]:
    return units(table.schema), descriptions(table.schema), fact(table.schema, b"time_scale")


EVERYTHING = (UNITS, DESCRIPTIONS, "utc")


@pytest.mark.parametrize("count", [0, 1])
def test_a_described_table_says_it_in_its_schema_and_in_attrs(count: int) -> None:
    made = Table(plain(count), WHOLE, time_scale="utc").described(COLUMNS)
    assert told(made.arrow) == EVERYTHING
    assert made.arrow.schema.field("speed").metadata == {
        b"unit": b"m / s",
        b"description": DESCRIPTIONS["speed"].encode(),
    }
    attrs = made.to_pandas().attrs
    assert (attrs["units"], attrs["descriptions"], attrs["time_scale"]) == EVERYTHING
    assert made.arrow.equals(plain(count))
    assert json.loads(json.dumps(attrs)) == attrs


def test_what_is_not_known_is_not_in_attrs() -> None:
    attrs = Table(plain(), WHOLE).to_pandas().attrs
    assert {"units", "descriptions", "time_scale", "cut_by"} & set(attrs) == set()


def test_what_was_said_before_stays() -> None:
    made = Table(plain(), WHOLE, time_scale="tai").described(COLUMNS)
    again = made.described([Column("speed", pa.float64(), unit="km / s")])
    assert again.arrow.schema.field("speed").metadata[b"unit"] == b"km / s"
    assert (descriptions(again.arrow.schema), again.time_scale) == (DESCRIPTIONS, "tai")


def test_what_others_said_of_the_whole_table_stays() -> None:
    theirs = plain().replace_schema_metadata({"theirs": "kept"})
    assert described(theirs, COLUMNS, time_scale="utc").schema.metadata == {b"theirs": b"kept", b"time_scale": b"utc"}


def test_the_time_scale_is_what_the_constructor_says_else_what_the_data_say() -> None:
    assert Table(plain(), WHOLE).time_scale is None
    utc = Table(plain(), WHOLE, time_scale="utc")
    assert Table(utc.arrow, WHOLE).time_scale == "utc"
    assert fact(Table(utc.arrow, WHOLE, time_scale="tai").arrow.schema, b"time_scale") == "tai"


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".feather"])
def test_it_survives_the_way_to_a_file_and_back(tmp_path: Path, ending: str, count: int) -> None:
    path = tmp_path / f"night{ending}"
    made = Table(plain(count), WHOLE, time_scale="utc").described(COLUMNS)
    made.save(path)
    back = pyarrow.parquet.read_table(path) if ending == ".parquet" else pyarrow.feather.read_table(path)
    assert told(back) == EVERYTHING
    pd.testing.assert_frame_equal(Table(back, WHOLE).to_pandas(), made.to_pandas())
    assert Table(back, WHOLE).to_pandas().attrs == made.to_pandas().attrs


def test_pandas_own_parquet_keeps_attrs() -> None:
    frame = Table(plain(), WHOLE, facts={"query": "SELECT 1"}, time_scale="utc").described(COLUMNS).to_pandas()
    file = io.BytesIO()
    frame.to_parquet(file)
    assert pd.read_parquet(file).attrs == frame.attrs


def test_other_libraries_see_it() -> None:
    made = Table(plain(), WHOLE, time_scale="utc").described(COLUMNS)
    assert told(pa.table(made)) == EVERYTHING


# -- InfluxDB


def read(*series: dict[str, Any], columns: tuple[Column, ...] = COLUMNS) -> Table:
    reader = InfluxTable(columns=columns)
    reader.head(Head(200, {"content-type": "application/x-msgpack"}, Url("https://a.example/query")))
    reader.feed(msgpack.packb({"results": [{"statement_id": 0, "series": list(series)}]}))
    return reader.finish()


def series(name: str = "t", **row: Any) -> dict[str, Any]:
    return {"name": name, "columns": list(row), "values": [list(row.values())], "tags": {"band": "g"}}


def test_batches_of_influxdb_say_it_and_their_table_does() -> None:
    row = {"time": 1, "speed": 1.5, "count": 2}
    assert told(read(series(**row)).arrow) == EVERYTHING
    assert told(read(series(**row), series(**row)).arrow) == EVERYTHING
    reader = InfluxBatches(columns=COLUMNS)
    (batch,) = reader.feed(msgpack.packb({"results": [{"series": [series(**row)]}]}))
    assert told(batch) == EVERYTHING


def test_series_of_different_columns_keep_what_is_said_of_each() -> None:
    table = read(series("a", time=1, speed=1.5), series("b", time=1, count=2)).arrow
    assert told(table) == EVERYTHING
    assert fact(table.schema, SERIES) is None  # it would be the first one's


def test_a_column_that_gets_its_type_from_the_schema_keeps_its_unit() -> None:
    table = typed(read(series(time=1, speed=None, count=2)).arrow, {"speed": pa.float64()})
    assert (told(table), table.schema.field("speed").type) == (EVERYTHING, pa.float64())


def test_no_rows_keep_it() -> None:
    table = Table(empty(COLUMNS[:4]), End(complete=True, rows=0))
    assert (table.to_pandas().attrs["units"], table.time_scale) == (UNITS, "utc")
    assert read().time_scale == "utc"
    assert joined([]).num_rows == 0
