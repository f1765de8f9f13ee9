"""The EFD's official client beside ours: the same rows, from the sandbox and from the real server.

``lsst-efd-client`` runs unchanged in an environment and a process of its own, under the real names, with its own way of
finding logins. What it does otherwise, all of it on purpose here:

- It asks in JSON and lets pandas guess the types: integers beside nulls become floats, and lose what a float does not
  hold; floats without a fraction become integers; -0.0 becomes 0. So cells are compared as numbers.
- An empty answer has no columns. Several series come each by itself, with the tags as last columns.
- Bounds are written with the digits that the ``Time`` shows, mostly three; a cut of ``select_top_n`` is exclusive, and
  written on its own scale; an index of 0 is no index.
- Units that say that there is no unit are given as they stand; ours are missing then.
- Samples of arrays are timed in floats, which are a quarter of a microsecond apart.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, cast

import pandas as pd
import pytest

from skykey.rubin.connections import Clients, get_clients
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.sandbox import Box, running
from tests.rubin.guests import efd_client, meant, plain
from tools import parts

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(sys.version_info >= (3, 12), reason="lsst-efd-client ends with Python 3.11"),
]

TAI, UTC = {"t": "2026-03-21T02:00:37", "scale": "tai"}, {"t": "2026-03-21T02:10:00.130"}
NIGHT, DAWN = {"t": "2026-03-20T22:00:00"}, {"t": "2026-03-21T11:00:00"}
FOO = {"t": "2020-01-28T23:07:00"}
MOUNT, ESS, RECORDED = "lsst.sal.MTMount.elevation", "lsst.sal.ESS.temperature", "lsst.sal.fooSubSys.test"
SUMMARY, SOURCES = "lsst.obsenv.summary", "lsst.prompt.prod.numDiaSourcesGood"
KEYS = {"efd": "efd", "lsst.obsenv": "obsenv", "lsst.prompt": "pp"}

# A question by name: database, method, arguments, named arguments; the same for both.
FRAMES: dict[str, list[Any]] = {
    "a range": ["efd", "select_time_series", [MOUNT, ["actualPosition", "salIndex"], TAI, UTC], {}],
    "everything": ["efd", "select_time_series", [ESS, "*", TAI, UTC], {}],
    "one field": ["efd", "select_time_series", [ESS, "temperatureItem2", NIGHT, DAWN], {}],
    "a length": ["efd", "select_time_series", [MOUNT, ["actualPosition"], UTC, {"s": 90.5}], {}],
    "a window": ["efd", "select_time_series", [MOUNT, ["salIndex"], UTC, {"s": 61}], {"is_window": True}],
    "a sensor": ["efd", "select_time_series", [ESS, ["temperatureItem0", "sensorName"], TAI, UTC], {"index": 112}],
    "a sensor's window": [
        "efd", "select_time_series", [ESS, "*", TAI, {"s": 300}], {"is_window": True, "index": 111},
    ],
    "the recorded topic": ["efd", "select_time_series", [RECORDED, "*", FOO, {"s": 700}], {}],
    "booleans": ["lsst.obsenv", "select_time_series", [SUMMARY, "*", NIGHT, DAWN], {}],
    "tags": ["lsst.prompt", "select_time_series", [SOURCES, "*", NIGHT, DAWN], {}],
    "the latest": ["efd", "select_top_n", [ESS, ["temperatureItem1", "salIndex"], 20], {}],
    "the latest of a sensor": ["efd", "select_top_n", [ESS, "*", 7], {"index": 111}],
    "the latest before": ["efd", "select_top_n", [ESS, "*", 5], {"time_cut": UTC}],
    "the latest of a sensor before": ["efd", "select_top_n", [ESS, "*", 5], {"time_cut": UTC, "index": 112}],
    "the latest of each series": ["lsst.prompt", "select_top_n", [SOURCES, ["visit", "numDiaSourcesGood"], 2], {}],
    "nothing": ["efd", "select_time_series", [MOUNT, "*", {"t": "1999-01-01T00:00:00"}, {"s": 1}], {}],
}  # fmt: skip
# On the recorded topic samples are 0.1 s apart.
ARRAYS: dict[str, list[Any]] = {
    "an array": ["efd", "select_packed_time_series", [RECORDED, "ham", FOO, {"s": 60}], {}],
    "two arrays": [
        "efd", "select_packed_time_series", [RECORDED, ["egg", "ham"], FOO, {"t": "2020-01-28T23:08:30"}], {},
    ],
    "a window of an array": [
        "efd", "select_packed_time_series", [RECORDED, ["egg"], FOO, {"s": 30}], {"is_window": True},
    ],
}  # fmt: skip
SCHEMAS: dict[str, list[Any]] = {topic: ["efd", "get_schema", [topic], {}] for topic in (ESS, MOUNT, RECORDED)}
ON_A_ROW = {"t": "2026-03-21T01:53:00"}  # the time of a row of SUMMARY, to the nanosecond
OTHERS: dict[str, list[Any]] = {
    **{f"topics of {name}": [name, "get_topics", [], {}] for name in KEYS},
    **{f"fields of {topic}": ["efd", "get_fields", [topic], {}] for topic in (ESS, MOUNT, RECORDED)},
    "cut": ["lsst.obsenv", "select_top_n", [SUMMARY, "commits_ahead", 3], {"time_cut": ON_A_ROW}],
    "index 0": ["efd", "select_top_n", [ESS, "salIndex", 3], {"index": 0}],
    "refused": ["efd", "select_top_n", [ESS, "salIndex", -1], {}],
}


@pytest.fixture(scope="module", params=[(), ("influxdb",)], ids=["sandbox", "influxdb"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox"), real=request.param) as box:
        for name in request.param:
            print(f"\n{name} {parts.version(name)}")
        yield box


@pytest.fixture(scope="module")
def theirs(box: Box, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return efd_client(box, tmp_path_factory.mktemp("guest"), FRAMES | ARRAYS | SCHEMAS | OTHERS)


@pytest.fixture(scope="module")
def ours(box: Box) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()


def client(clients: Clients, database: str) -> InfluxQueryClient:
    return cast("InfluxQueryClient", cast("dict[str, Any]", clients)[KEYS[database]])


def asked(clients: Clients, question: list[Any]) -> Any:
    database, method, arguments, named = question
    ask = getattr(client(clients, database), method)
    return ask(*map(meant, arguments), **{name: meant(value) for name, value in named.items()})


def rows(answer: dict[str, Any]) -> tuple[list[int], dict[str, list[Any]]]:
    """Times and columns; several series one after the other, as ours has them."""
    times: list[int] = []
    cells: dict[str, list[Any]] = {}
    for frame in answer.get("series", {"": answer}).values():
        times += frame["index"] or []
        for name, column in frame["columns"].items():
            cells.setdefault(name, []).extend(column)
    return times, cells


def as_theirs(column: "pd.Series[Any]") -> list[Any]:
    """Integers of a column that has nulls as the floats that pandas makes of them."""
    cells = [plain(cell) for cell in column.astype(object)]
    return [None if cell is None else float(cell) for cell in cells] if has_gaps(column) else cells


def has_gaps(column: "pd.Series[Any]") -> bool:
    return str(column.dtype) == "Int64" and bool(column.isna().any())


@pytest.mark.parametrize("name", FRAMES)
def test_the_official_client_gets_the_same_rows(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    mine = asked(ours, FRAMES[name])
    assert "raised" not in theirs[name], theirs[name]
    times, cells = rows(theirs[name])
    assert pd.DatetimeIndex(mine.index).asi8.tolist() == times
    if name == "nothing":
        assert (times, cells) == ([], {})
        return
    assert times
    assert sorted(mine.columns) == sorted(cells)
    for column in mine.columns:
        assert as_theirs(mine[column]) == [plain(cell) for cell in cells[column]], column


def test_the_questions_are_of_every_kind(ours: Clients, theirs: dict[str, Any]) -> None:
    frames = {name: asked(ours, question) for name, question in FRAMES.items()}
    assert {str(dtype) for frame in frames.values() for dtype in frame.dtypes} == {
        "Int64", "float64", "str", "boolean",
    }  # fmt: skip
    assert any(frame.isna().to_numpy().any() for frame in frames.values())
    assert len(theirs["the latest of each series"]["series"]) > 3
    assert len(frames["a window"]) == 61
    assert set(frames["a sensor's window"]["salIndex"]) == {111}


@pytest.mark.parametrize("name", ARRAYS)
def test_samples_of_arrays_are_the_same(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    mine = asked(ours, ARRAYS[name])
    assert "raised" not in theirs[name], theirs[name]
    times, cells = rows(theirs[name])
    assert len(times) == len(mine) > 100
    assert list(mine.columns) == list(cells)
    # As close as floats are to each other at a second of today, 2.4e-7, with what the guest adds up in them.
    assert max(abs(a - b) for a, b in zip(pd.DatetimeIndex(mine.index).asi8.tolist(), times, strict=True)) < 500
    assert max(abs(mine["times"].to_numpy() - cells.pop("times"))) < 5e-7
    for column, samples in cells.items():
        assert mine[column].tolist() == samples, column


@pytest.mark.parametrize("topic", SCHEMAS)
def test_fields_have_the_same_units_and_descriptions(ours: Clients, theirs: dict[str, Any], topic: str) -> None:
    assert "raised" not in theirs[topic], theirs[topic]
    mine, (_, cells) = asked(ours, SCHEMAS[topic]), rows(theirs[topic])
    assert len(mine) > 3
    for column in ("name", "description", "is_array"):
        assert mine[column].tolist() == cells[column], column
    units = [None if unit in {"unitless", "dimensionless"} else unit for unit in cells["units"]]
    assert [plain(unit) for unit in mine["units"]] == units
    assert any(units)
    assert any(mine["is_array"]) == (topic != MOUNT)


@pytest.mark.parametrize("database", KEYS)
def test_topics_are_the_same(ours: Clients, theirs: dict[str, Any], database: str) -> None:
    found = client(ours, database).get_topics()
    assert found
    assert found == theirs[f"topics of {database}"]["value"]


@pytest.mark.parametrize("topic", [ESS, MOUNT, RECORDED])
def test_fields_are_the_same(ours: Clients, theirs: dict[str, Any], topic: str) -> None:
    assert ours["efd"].get_fields(topic)["fieldKey"].tolist() == theirs[f"fields of {topic}"]["value"]


def test_a_cut_is_inclusive_here_and_exclusive_there(ours: Clients, theirs: dict[str, Any]) -> None:
    cut = meant(ON_A_ROW)
    mine = ours["obsenv"].select_top_n(SUMMARY, "commits_ahead", 4, cut)
    times = pd.DatetimeIndex(mine.index).asi8.tolist()
    assert times[0] == round(cut.unix) * 10**9
    assert times[1:] == theirs["cut"]["index"]


def test_an_index_of_0_is_one_here_and_none_there(ours: Clients, theirs: dict[str, Any]) -> None:
    assert len(ours["efd"].select_top_n(ESS, "salIndex", 3, index=0)) == 0
    assert set(theirs["index 0"]["columns"]["salIndex"]) == {111, 112}


def test_a_refusal_has_the_servers_words_in_both(theirs: dict[str, Any]) -> None:
    assert theirs["refused"]["raised"] == "InfluxDBError"
    assert "error parsing query" in theirs["refused"]["words"]


def test_it_asked_this_sandbox_and_nobody_else(box: Box, theirs: dict[str, Any]) -> None:
    """Its questions go past every proxy: under the name of a real host they would leave this machine."""
    creds = box.controls.requests("segwarides")
    assert {(seen.host, seen.status) for seen in creds} == {("roundtable.lsst.codes", 200)}
    schemas = {seen.path for seen in box.controls.requests("schema-registry") if seen.host.startswith("localhost")}
    assert schemas == {f"/subjects/{topic}-value/versions/latest" for topic in SCHEMAS}
    if not box.real:
        asked_for = {(seen.host.partition(":")[0], seen.path) for seen in box.controls.requests("influxdb")}
        assert {("localhost", "/influxdb/health"), ("localhost", "/influxdb/query")} <= asked_for
    assert json.dumps(theirs).count('"raised"') == 1
