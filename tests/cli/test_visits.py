"""`skykey rubin visits`: the visits of a night, all of them or said otherwise, and in UTC."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from skykey.cli.rubin.in_utc import in_utc
from skykey.rubin import dayobs_utils
from skykey.rubin.consdb import service as consdb_service
from skykey.sandbox import Box
from skykey.tables.end import End
from skykey.tables.table import Table

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
NIGHT = "20260320"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody looked at stdout."""
    for name in ("skykey.cli.rubin.answer.on_terminal", "skykey.cli.grid.on_terminal"):
        monkeypatch.setattr(name, lambda: True)
    monkeypatch.setenv("COLUMNS", "160")


def rows_of(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


@pytest.mark.parametrize("day_obs", [NIGHT, "2026-03-20"])
def test_a_night_ends_before_the_next_one_begins(box: Box, run: Run, day_obs: str) -> None:
    result = run("rubin", "visits", day_obs)
    rows = rows_of(result)
    assert result.stderr == "398 visits, complete\n"
    assert {row["day_obs"] for row in rows} == {NIGHT}
    assert len(rows[0]) > 100  # a pipe has all columns
    assert rows[0]["visit_id"] == "2026032000001"  # to the last digit


@pytest.mark.parametrize(("word", "name"), [("today", "today_day_obs"), ("YESTERDAY", "yesterday_day_obs")])
def test_words_for_nights(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch, word: str, name: str) -> None:
    monkeypatch.setattr(dayobs_utils, name, lambda: "2026-03-19")
    assert {row["day_obs"] for row in rows_of(run("rubin", "visits", word))} == {"20260319"}


def test_times_are_utc_and_not_tai_with_a_z(box: Box, run: Run, tmp_path: Path) -> None:
    arguments = ("rubin", "visits", NIGHT, "--columns", "visit_id, obs_start")
    last = rows_of(run(*arguments))[-1]
    assert last["obs_start"] == "2026-03-21T11:59:22.999999000Z"  # 37 s before it is noon TAI
    assert run(*arguments, "--out", str(tmp_path / "x.parquet")).stdout == ""
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.column_names == ["visit_id", "obs_start"]
    assert table.schema.field("obs_start").type == pa.timestamp("ns", "UTC")
    assert table.column("obs_start")[-1].value == 1_774_094_362_999_999_000


def test_only_times_of_tai_tables_are_moved_and_nothing_stays_nothing() -> None:
    columns = {
        "a": pa.array([0, None], pa.timestamp("us")),
        "b": pa.array([0, 1], pa.timestamp("ns", "UTC")),
        "c": pa.array([1.5, 2.5]),
    }
    columns["a"] = pa.array([1_774_007_963_000_000 + 37_000_000, None], pa.timestamp("us"))
    tai = Table(pa.table(columns), End(complete=True, rows=2), time_scale="tai")
    made = in_utc(tai)
    assert made.arrow.column("a").cast(pa.int64()).to_pylist() == [1_774_007_963 * 10**9, None]
    assert made.arrow.column("b").equals(tai.arrow.column("b"))
    assert made.arrow.column("c").equals(tai.arrow.column("c"))
    assert made.time_scale == "utc"
    utc = Table(pa.table(columns), End(complete=True, rows=2))
    assert in_utc(utc) is utc


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_that_utc_has_no_name_for_takes_no_other_with_it(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    begin = 63_072_010 * per  # 1972-01-01T00:00:00Z
    # Beyond int64 in nanoseconds, or at its very end.
    strange = [0, -per, begin - 1, 2**63 - 1, -(2**63) + 1]
    column = pa.array([begin, *strange, None, 1_774_008_000 * per], pa.timestamp(unit))
    made = in_utc(Table(pa.table({"a": column}), End(complete=True, rows=len(column)), time_scale="tai"))
    expected = [(begin // per - 10) * 10**9, *[None] * 6, 1_774_007_963 * 10**9]
    assert made.arrow.column("a").cast(pa.int64()).to_pylist() == expected
    assert capsys.readouterr().err.startswith("5 of a cannot be said in UTC")
    in_utc(made)
    assert capsys.readouterr().err == ""


def test_a_stretch_of_time_is_utc(box: Box, run: Run) -> None:
    rows = rows_of(run("rubin", "visits", "--from", "2026-03-21T00:00Z", "--to", "2026-03-21T00:20Z"))
    starts = [row["obs_start"] for row in rows]
    assert len(starts) > 10
    assert min(starts) >= "2026-03-21T00:00"
    assert max(starts) <= "2026-03-21T00:20:00.000000000Z"


def test_a_stretch_of_time_may_have_one_end(box: Box, run: Run) -> None:
    edge = "2026-03-21T00:00Z"
    after, before = (
        rows_of(run("rubin", "visits", way, edge, "--columns", "obs_start,day_obs")) for way in ("--from", "--to")
    )
    assert min(row["obs_start"] for row in after) >= "2026-03-21T00:00"
    assert max(row["obs_start"] for row in before) <= "2026-03-21T00:00:00.000000000Z"
    assert {NIGHT} < {row["day_obs"] for row in after}
    assert {NIGHT} < {row["day_obs"] for row in before}


def test_a_condition_does_not_leave_the_night(box: Box, run: Run) -> None:
    rows = rows_of(run("rubin", "visits", NIGHT, "--where", "band = 'r' or band = 'i'"))
    assert {row["band"] for row in rows} == {"r", "i"}
    assert {row["day_obs"] for row in rows} == {NIGHT}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which night?"),
        ([NIGHT, "--from", "2026-03-20"], "exclude each other"),
        (["20261301"], "is not a day_obs"),
        ([NIGHT, "--where", "1=1) or (2=2"], "is not one condition"),
        ([NIGHT, "--instrument", "a b"], "not the name of an instrument"),
        (["--from", "soon"], "not a point in time"),
        ([NIGHT, "--columns", " ,"], "no column is named"),
    ],
)
def test_a_wrong_question_asks_nothing(box: Box, run: Run, arguments: list[str], words: str) -> None:
    result = run("rubin", "visits", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert box.controls.requests() == []


def test_a_mistyped_column_names_the_right_one(box: Box, run: Run) -> None:
    result = run("rubin", "visits", NIGHT, "--columns", "visit_id,obs_strat")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean obs_start" in result.stderr


def test_visits_as_json(box: Box, run: Run, promised: Promised, tmp_path: Path) -> None:
    arguments = ("rubin", "visits", NIGHT, "--columns", "visit_id,zero_point_median", "--json")
    document = promised("visits", run(*arguments).stdout)
    assert (document["row_count"], len(document["rows"]), document["day_obs"]) == (398, 398, 20260320)
    assert document["rows"][0][0] == 2026032000001
    assert any(row[1] is None for row in document["rows"])  # NaN is no JSON
    out = str(tmp_path / "x.csv")
    assert promised("visits", run(*arguments, "--out", out).stdout)["written"] == out


def test_a_night_without_visits_has_its_columns_and_is_no_failure(box: Box, run: Run) -> None:
    result = run("rubin", "visits", "20251105", "--columns", "visit_id,band")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "visit_id\tband\n", "0 visits, complete\n")


def test_what_the_server_cut_is_said(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch, promised: Promised) -> None:
    monkeypatch.setattr(consdb_service, "MOST_ROWS", 398)
    result = run("rubin", "visits", NIGHT, "--columns", "visit_id", "--json")
    assert "NOT ALL" in result.stderr
    assert promised("visits", result.stdout)["cut_by"] is not None


def test_a_cut_answer_prints_and_writes_nothing(box: Box, run: Run, tmp_path: Path) -> None:
    box.controls.fault("truncate", times=99, service="consdb", path="/consdb/query", after=20_000)
    out = tmp_path / "x.parquet"
    for more in ([], ["--out", str(out)]):
        result = run("rubin", "visits", NIGHT, *more)
        assert (result.exit_code, result.stdout) == (8, "")
    assert not out.exists()


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_what_an_observer_looks_at(box: Box, run: Run) -> None:
    shown = run("rubin", "visits", NIGHT, "--rows", "4")
    for word in ("visit_id", "start", "band", "airmass", "seeing", "sky_bg", "zero_point", "2026-03-20 11:59:23Z"):
        assert word in shown.stdout
    assert "exposure_name" not in shown.stdout
    assert "394 rows in the middle are not shown" in shown.stderr
    chosen = run("rubin", "visits", NIGHT, "--columns", "obs_start_mjd,s_ra", "--rows", "2").stdout
    assert "61120.499999999985" in chosen  # a date that is rounded would be another one
    assert "obs_start_mjd" in chosen
