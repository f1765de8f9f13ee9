"""`skykey rubin`: what it prints, writes and draws."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import Result

from skykey.sandbox import Box
from skykey.tables.saving import Saving

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
FOO = "lsst.sal.fooSubSys.test"
TEMPERATURE = "lsst.sal.ESS.temperature"
ELEVATION = "lsst.sal.MTMount.elevation"


def test_topics(box: Box, run: Run, promised: Promised) -> None:
    listed = run("rubin", "topics")
    assert FOO in listed.stdout.splitlines()
    assert listed.stderr == "6 topics in efd at loopback\n"
    document = promised("topics", run("rubin", "topics", "mtmount", "--json").stdout)
    assert document["topics"] == ["lsst.sal.MTMount.azimuth", ELEVATION]


@pytest.mark.parametrize(
    ("database", "topic"),
    [("obsenv", "lsst.obsenv.summary"), ("pp", "lsst.prompt.prod.numDiaSourcesGood"), ("too", "lsst.scimma.gw_alert")],
)
def test_databases_have_the_names_of_get_clients(box: Box, run: Run, database: str, topic: str) -> None:
    assert run("rubin", "topics", "--database", database).stdout == f"{topic}\n"


def test_fields(box: Box, run: Run, promised: Promised) -> None:
    lines = run("rubin", "fields", TEMPERATURE).stdout.splitlines()
    assert lines[0] == "field\ttype"
    assert "temperatureItem0\tfloat" in lines
    document = promised("fields", run("rubin", "fields", TEMPERATURE, "--json").stdout)
    assert {"field": "salIndex", "type": "integer"} in document["fields"]


@pytest.mark.parametrize("arguments", [["topics"], ["fields", TEMPERATURE]])
def test_lists_go_into_files_too(box: Box, run: Run, tmp_path: Path, arguments: list[str]) -> None:
    for name in ("x.csv", "x.parquet"):
        assert run("rubin", *arguments, "--out", str(tmp_path / name)).stdout == ""
    table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert table.equals(pyarrow.csv.read_csv(tmp_path / "x.csv"))
    assert table.num_rows > 5


def test_a_mistyped_topic_names_the_right_one(box: Box, run: Run) -> None:
    result = run("rubin", "fields", "lsst.sal.MTMount.elevatoin")
    assert result.exit_code == 2
    assert ELEVATION in result.stderr


def test_query_in_a_pipe_keeps_every_digit(box: Box, run: Run) -> None:
    result = run("rubin", "query", f'SELECT foo FROM "{FOO}" LIMIT 1')
    assert result.stdout == "time\tfoo\n2020-01-28T23:04:15.130000114Z\t277.58315539206825\n"
    assert result.stderr == "1 row, as many as the statement's LIMIT allows\n"


def test_query_reads_a_statement_from_stdin(box: Box, run: Run) -> None:
    result = run("rubin", "query", "-", text=f'SELECT foo FROM "{FOO}" LIMIT 2\n')
    assert len(result.stdout.splitlines()) == 3


def test_query_as_json(box: Box, run: Run, promised: Promised) -> None:
    statement = f'SELECT temperatureItem2, sensorName, salIndex FROM "{TEMPERATURE}" LIMIT 3'
    document = promised("query", run("rubin", "query", statement, "--json").stdout)
    assert [column["name"] for column in document["columns"]] == ["time", "temperatureItem2", "sensorName", "salIndex"]
    assert (document["row_count"], len(document["rows"]), document["complete"]) == (3, 3, True)
    assert document["rows"][1][1] is None  # sensor 112 has two items
    assert document["rows"][0][3] == 111


def test_an_empty_answer_has_columns_and_is_no_failure(box: Box, run: Run, promised: Promised) -> None:
    statement = f'SELECT foo, bar FROM "{FOO}" WHERE foo > 1000000'
    result = run("rubin", "query", statement)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "time\tfoo\tbar\n", "0 rows, complete\n")
    document = promised("query", run("rubin", "query", statement, "--json").stdout)
    assert (document["rows"], document["columns_known"]) == ([], True)


def test_files_hold_what_was_asked(box: Box, run: Run, promised: Promised, tmp_path: Path) -> None:
    statement = f'SELECT foo, bar FROM "{FOO}" LIMIT 7'
    parquet, text = tmp_path / "x.parquet", tmp_path / "x.csv"
    result = run("rubin", "query", statement, "--out", str(parquet))
    assert (result.stdout, result.stderr) == ("", f"7 rows, as many as the statement's LIMIT allows, in {parquet}\n")
    assert pyarrow.parquet.read_table(parquet).column_names == ["time", "foo", "bar"]
    document = promised("query", run("rubin", "query", statement, "--out", str(text), "--json").stdout)
    assert document["written"] == str(text)
    assert pyarrow.csv.read_csv(text).num_rows == 7
    assert {path.name for path in tmp_path.iterdir()} == {"x.parquet", "x.csv"}


def test_many_rows_go_into_the_file_as_they_come(
    box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    add = Saving.add
    monkeypatch.setattr(Saving, "add", lambda self, batch: sizes.append(batch.num_rows) or add(self, batch))
    out = tmp_path / "x.parquet"
    result = run("rubin", "query", f'SELECT * FROM "{ELEVATION}"', "--out", str(out))
    assert result.stderr == f"42,720 rows, complete, in {out}\n"
    assert (sum(sizes), max(sizes) < 10_000) == (42_720, True)
    assert pyarrow.parquet.read_metadata(out).num_rows == 42_720


@pytest.mark.parametrize(
    "statement",
    [
        f'SELECT * FROM "{ELEVATION}" LIMIT 5',
        f'SELECT * FROM "{ELEVATION}" WHERE actualPosition > 1000',
        f'SELECT mean(actualPosition) FROM "{ELEVATION}"',
        'SELECT * FROM "no.such.topic"',
        "SHOW MEASUREMENTS",
    ],
)
def test_a_file_has_the_summary_and_the_columns_of_the_table(
    box: Box, run: Run, promised: Promised, tmp_path: Path, statement: str
) -> None:
    out = tmp_path / "x.parquet"
    shown = promised("query", run("rubin", "query", statement, "--json").stdout)
    written = promised("query", run("rubin", "query", statement, "--json", "--out", str(out)).stdout)
    assert shown.pop("rows") is not None
    assert written.pop("written") == str(out)
    assert written == shown
    assert pyarrow.parquet.read_table(out).column_names == [column["name"] for column in shown["columns"]]


def test_a_wrong_ending_is_said_before_anything_is_asked(box: Box, run: Run) -> None:
    for command in (["query", "SELECT 1", "--out", "x.xlsx"], ["plot", FOO, "foo", "--out", "x.jpeg"]):
        result = run("rubin", *command)
        assert result.exit_code == 2
        assert "ends in" in result.stderr
    assert box.controls.requests() == []


@pytest.mark.parametrize("command", [["query", "SELECT 1"], ["plot", FOO, "foo"], ["topics"], ["schema", FOO]])
def test_a_folder_that_is_not_there_is_said_before_anything_is_asked(
    box: Box, run: Run, tmp_path: Path, command: list[str]
) -> None:
    out = tmp_path / "none" / f"x.{'png' if command[0] == 'plot' else 'csv'}"
    result = run("rubin", *command, "--out", str(out))
    assert result.exit_code == 1
    assert f"[file]: there is no folder {out.parent}\nNext: mkdir -p {out.parent}" in result.stderr
    assert box.controls.requests() == []


def test_a_cut_answer_prints_and_writes_nothing(box: Box, run: Run, tmp_path: Path) -> None:
    box.controls.fault("truncate", times=9, service="influxdb", after=4000)
    out = tmp_path / "x.parquet"
    result = run("rubin", "query", f'SELECT * FROM "{FOO}"', "--out", str(out))
    assert result.exit_code == 8
    assert result.stdout == ""
    assert not out.exists()


def test_a_statement_that_is_refused_shows_the_servers_words(box: Box, run: Run, promised: Promised) -> None:
    result = run("rubin", "query", "SELEKT", "--json")
    assert result.exit_code == 1
    assert "found SELEKT" in promised("error", result.stdout)["error"]["words"]
    assert "The server said: error parsing query" in result.stderr


def test_a_night_becomes_a_picture(box: Box, run: Run, promised: Promised, tmp_path: Path) -> None:
    out = tmp_path / "night.png"
    result = run("rubin", "plot", ELEVATION, "actualPosition", "actualVelocity", "--out", str(out), "--json")
    assert result.exit_code == 0, result.stderr
    document = promised("plot", result.stdout)
    assert document["end"] == "2026-03-21T10:46:59.130003114Z"  # the latest row
    assert document["start"] == "2026-03-20T22:46:59.130003114Z"
    assert out.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["night.png"]


def test_each_sensor_has_its_curve(box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("skykey.cli.picture.draw", lambda curves, **_: drawn.extend(curves))
    span = ["--start", "2026-03-21T04:00Z", "--end", "2026-03-21T05:00Z", "--out", str(tmp_path / "x.png")]
    assert run("rubin", "plot", TEMPERATURE, "temperatureItem0", *span).exit_code == 0
    assert [curve.name for curve in drawn] == ["temperatureItem0 [111]", "temperatureItem0 [112]"]
    assert all((curve.times[1:] > curve.times[:-1]).all() for curve in drawn)
    drawn.clear()
    assert run("rubin", "plot", TEMPERATURE, "temperatureItem0", "--index", "112", *span).exit_code == 0
    assert [curve.name for curve in drawn] == ["temperatureItem0"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([ELEVATION, "actualPosition", "--start", "2020-01-01", "--end", "2020-01-02"], 1, "[no-rows]"),
        ([ELEVATION, "actualPosition", "--start", "2026-03-22", "--end", "2026-03-21"], 2, "is not before"),
        ([ELEVATION, "actualPosition", "--start", "yesterday"], 2, "not a point in time"),
        ([ELEVATION, "actualPositoin"], 2, "did you mean actualPosition"),
        (["lsst.sal.Nothing", "x"], 2, "no topic"),
        ([ELEVATION], 2, "missing argument"),
    ],
)
def test_there_is_no_empty_picture(
    *, box: Box, run: Run, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    out = tmp_path / "x.png"
    result = run("rubin", "plot", *arguments, "--out", str(out))
    assert result.exit_code == code
    assert words in result.stderr
    assert not out.exists()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was to be drawn: curves and the words around them."""
    seen: list[Any] = []
    monkeypatch.setattr("skykey.cli.picture.draw", lambda curves, **around: seen.append((list(curves), around)))
    return seen


def test_a_picture_says_units_days_and_time(box: Box, run: Run, drawn: list[Any]) -> None:
    assert run("rubin", "plot", TEMPERATURE, "temperatureItem0", "--index", "112", "--out", "x.png").exit_code == 0
    ((curve,), around) = drawn[0]
    assert (curve.label, curve.unit) == ("temperatureItem0", "\u00b0C")
    assert around["words"].title == f"{TEMPERATURE}, salIndex 112"
    assert around["words"].below == "2026-03-20 22:46 to 2026-03-21 10:46 UTC   day_obs 20260320   4,266 rows"
    assert around["words"].axis == "UTC (TAI \u2212 37 s)"
    assert around["sky"].marks


@pytest.mark.parametrize("fault", [{"kind": "stall"}, {"kind": "status", "status": 500}, {"kind": "html"}])
def test_without_the_registry_only_units_are_missing(
    *, box: Box, run: Run, drawn: list[Any], fault: dict[str, Any], ceiling: Callable[[float], float]
) -> None:
    box.controls.fault(service="schema-registry", times=9, **fault)
    begun = time.monotonic()
    assert run("rubin", "plot", ELEVATION, "actualPosition", "--out", "x.png").exit_code == 0
    assert time.monotonic() - begun < ceiling(4)  # two seconds for the registry, and the question itself
    ((curve,), _) = drawn[0]
    assert (curve.unit, len(curve.times)) == (None, 42_720)


def test_texts_are_drawn_as_steps(box: Box, run: Run, drawn: list[Any]) -> None:
    topic = "lsst.prompt.prod.numDiaSourcesGood"
    result = run("rubin", "plot", topic, "numDiaSourcesGood", "band", "--database", "pp", "--out", "x.png")
    assert result.exit_code == 0
    ((number, band), _) = drawn[0]
    assert number.texts == ()
    assert sorted(band.texts) == ["i", "r", "z"]
    assert set(band.values) == {0.0, 1.0, 2.0}


def test_too_many_texts_are_refused_with_their_number(
    box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skykey.cli.rubin.selected._MOST_TEXTS", 1)
    result = run("rubin", "plot", TEMPERATURE, "sensorName", "--out", str(tmp_path / "x.png"))
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "the field sensorName holds 2 different texts, and a picture shows 1" in result.stderr


def test_without_a_folder_of_its_own_matplotlib_is_silent(box: Box, start: Any, tmp_path: Path) -> None:
    env = {name: value for name, value in box.environment().items() if name not in {"HOME", "MPLCONFIGDIR"}}
    env |= {"HOME": "/proc/no-such-home", "TMPDIR": str(tmp_path)}
    result = start("rubin", "plot", FOO, "foo", "--out", str(tmp_path / "x.png"), env=env)
    assert result.returncode == 0, result.stderr
    assert "matplotlib" not in result.stderr.lower()
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]  # and leaves no folder behind


def test_json_of_many_rows_is_one_document(box: Box, run: Run) -> None:
    document = json.loads(run("rubin", "query", f'SELECT * FROM "{FOO}"', "--json").stdout)
    assert len(document["rows"]) == document["row_count"] > 100
