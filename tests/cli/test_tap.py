"""`skykey rubin tap`: a question at once or as a job, whole or said otherwise, and no job that nobody knows of."""

import csv
import io
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

from skykey.cli.rubin.tap.asking import uploads_of, values_of
from skykey.sandbox import Box
from skykey.tables.table import Table
from skykey.values.errors import NotAuthenticated, UsageError
from tests.cli.conftest import COMMAND
from tests.cli.test_progress import shown
from tests.tap.scripted_tap import Face, ScriptedTap
from tests.wire.server import reply, serving

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
VISITS = "cdb_lsstcam.visit1"
NIGHT = f"select visit_id, band, obs_start from {VISITS} where day_obs = 20260320 order by visit_id"
COUNT = f"select count(*) as visits from {VISITS}"
LAST = "2026-03-21T11:59:22.999999000Z"  # 37 s before it is noon TAI


@pytest.fixture(autouse=True)
def _no_job_stays(box: Box) -> Any:
    yield
    jobs = box.controls.tap_jobs()
    box.controls.reset()
    assert jobs == [], "a job was left there"


def rows_of(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


def asked(box: Box) -> list[str]:
    return [f"{seen.method} {seen.path.removeprefix('/api/consdbtap')}" for seen in box.controls.requests("consdbtap")]


# -- one question


def test_a_statement_needs_no_word_before_it(run: Run, box: Box) -> None:
    result = run("rubin", "tap", NIGHT)
    assert result.stderr == "398 rows, complete\n"
    rows = rows_of(result)
    assert (rows[0]["visit_id"], rows[-1]["obs_start"]) == ("2026032000001", LAST)
    assert asked(box) == ["GET /capabilities", "POST /sync"]
    assert run("rubin", "tap", "query", NIGHT).stdout == result.stdout
    assert run("rubin", "tap", "-", text=NIGHT).stdout == result.stdout
    assert run("rubin", "tap", "--format", "csv", NIGHT).stdout == result.stdout


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("jbos", "did you mean jobs"),
        ("select", "neither a command nor a statement"),
        ("-", "the statement is empty"),
        ("--nonsense", "no such option"),
        ("--maxrec=5 tables", "commands stand before options"),
        ("submit tables", "is not a statement"),
    ],
)
def test_a_mistyped_command_is_no_statement(run: Run, box: Box, word: str, words: str) -> None:
    result = run("rubin", "tap", *word.split(), text="")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert box.controls.requests("consdbtap") == []


def test_help_is_there_without_a_question(run: Run, box: Box) -> None:
    for arguments in ([], ["--help"], ["-h"], ["query", "--help"], [NIGHT, "--help"], ["submit", "-h"]):
        result = run("rubin", "tap", *arguments)
        assert (result.exit_code, "Usage: skykey rubin tap" in result.output) == (0 if arguments else 2, True)
    assert box.controls.requests() == []


def test_a_file_has_the_same_in_utc(run: Run, tmp_path: Path) -> None:
    for number, more in enumerate(([], ["--as-job"], ["--format", "parquet"])):
        out = tmp_path / f"{number}.parquet"
        result = run("rubin", "tap", NIGHT, "--out", str(out), *more)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.endswith(f"398 rows, complete, in {out}\n")
        table = pq.read_table(out)
        assert table.schema.field("obs_start").type == pa.timestamp("ns", "UTC")
        assert table.schema.metadata[b"time_scale"] == b"utc"
        assert table.column("obs_start")[-1].value == 1_774_094_362_999_999_000
        assert table.num_rows == 398


def test_an_empty_answer_has_its_columns(run: Run, tmp_path: Path) -> None:
    nothing = NIGHT.replace("20260320", "1")
    result = run("rubin", "tap", nothing)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "visit_id\tband\tobs_start\n", "0 rows, complete\n")
    out = tmp_path / "x.parquet"
    assert run("rubin", "tap", nothing, "--out", str(out)).exit_code == 0
    assert pq.read_schema(out).names == ["visit_id", "band", "obs_start"]


def test_json_is_what_is_promised(run: Run, promised: Promised, tmp_path: Path) -> None:
    document = promised("tap", run("rubin", "tap", NIGHT, "--json").stdout)
    assert (document["row_count"], document["complete"], document["job"]) == (398, True, None)
    assert document["rows"][-1][2] == LAST
    assert document["query"] == NIGHT
    by_job = promised("tap", run("rubin", "tap", "--as-job", NIGHT, "--json").stdout)
    assert by_job["rows"] == document["rows"]
    assert "/async/" in by_job["job"]
    out = str(tmp_path / "x.csv")
    assert promised("tap", run("rubin", "tap", NIGHT, "--json", "--out", out).stdout)["written"] == out


@pytest.mark.parametrize("more", [[], ["--as-job"], ["--format", "csv"], ["--out", "x.parquet"]])
def test_what_was_cut_is_said(
    run: Run, promised: Promised, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("rubin", "tap", NIGHT, "--maxrec", "5", "--json", *more)
    document = promised("tap", result.stdout)
    assert (document["row_count"], document["cut_by"]) == (5, "the question's limit of 5 rows")
    assert "5 rows, NOT ALL: cut by the question's limit of 5 rows" in result.stderr or more[:1] == ["--format"]


def test_the_services_own_limit_is_said_and_a_top_is_none(run: Run, box: Box) -> None:
    box.controls.tap(limit=7)
    assert "7 rows, NOT ALL: cut by the service's limit of 7 rows" in run("rubin", "tap", NIGHT).stderr
    few = run("rubin", "tap", f"select top 3 visit_id from {VISITS}")
    assert few.stderr == "3 rows, as many as the statement's TOP allows\n"


def test_a_terminal_gets_a_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("skykey.cli.rubin.answer.on_terminal", "skykey.cli.grid.on_terminal"):
        monkeypatch.setattr(name, lambda: True)
    result = run("rubin", "tap", NIGHT, "--rows", "4")
    assert "\u2500" in result.stdout
    assert "394 rows in the middle are not shown" in result.stderr


# -- values and tables that go along


def test_values_are_typed_and_quoted(run: Run) -> None:
    statement = f"select visit_id from {VISITS} where day_obs = :day and band in :bands and obs_start > :since"
    given_values = ("--value", "day=20260320", "--value", 'bands=["r", "i"]', "--value", "since=2026-03-21T02:30Z")
    rows = rows_of(run("rubin", "tap", statement, *given_values))
    in_tai = statement.replace(":day", "20260320").replace(":bands", "('r', 'i')")
    assert rows
    assert rows == rows_of(run("rubin", "tap", in_tai.replace(":since", "'2026-03-21T02:30:37'")))
    assert len(rows) != len(rows_of(run("rubin", "tap", in_tai.replace(":since", "'2026-03-21T00:00:00'"))))
    harmless = run("rubin", "tap", f"{COUNT} where band = :b", "--value", "b=r' or '1'='1")
    assert rows_of(harmless) == [{"visits": "0"}]


@given(st.text(min_size=1))
def test_any_text_is_a_value(text: str) -> None:
    (found,) = values_of((f"a={text}",)).values()
    assert found == text or not isinstance(found, str) or json.loads(text) == found
    assert values_of((f"a={json.dumps(text)}",)) == {"a": text}


@given(st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_stay_numbers(number: float) -> None:
    (found,) = values_of((f"a={json.dumps(number)}",)).values()
    assert (type(found), found) == (type(number), number)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "007", "r", "2026-03-20", "[" * 100_000, "{"])
def test_what_is_no_json_is_text(text: str) -> None:
    assert values_of((f"a={text}",)) == {"a": text}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--value b=..."),
        (["--value", "band"], "is not a name and what it stands for"),
        (["--value", "=r"], "is not a name and what it stands for"),
        (["--value", "b=1", "--value", "b=2"], "is there twice"),
        (["--value", "c=1"], "--value b=..."),
        (["--value", "b=null"], "null"),
        (["--value", "b=2026-13-21T02:00Z"], "no point in time"),
        (["--value", "b=1", "--format", "xlsx"], "is not offered"),
        (["--value", "b=1", "--upload", "mine=x.txt"], ".txt is no table"),
        (["--value", "b=1", "--upload", "mine"], "mine=visits.csv"),
        (["--value", "b=1", "--maxrec", "-1"], "maxrec"),
        (["--value", "b=1", "--out", "x.txt"], "ends in .parquet"),
        (["--value", "b=1", "--timeout", "0"], "timeout"),
    ],
)
def test_a_wrong_question_asks_nothing(run: Run, box: Box, arguments: list[str], words: str) -> None:
    for command in ([], ["submit"]):
        if command and {"--out", "--timeout"} & {*arguments}:
            continue
        result = run("rubin", "tap", *command, f"{COUNT} where band = :b", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in result.stderr
    assert not [line for line in asked(box) if line != "GET /capabilities"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "vot"])
def test_a_table_goes_along(run: Run, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"mine.{ending}"
    if ending == "vot":
        from skykey.tables.votable_writing import written

        file.write_bytes(written({"visit_id": [2026032000001, 2026032000002], "note": ["a", None]}, "mine"))
    else:
        from skykey.tables.end import End

        data = pa.table({"visit_id": [2026032000001, 2026032000002], "note": ["a", None]})
        Table(data, End(complete=True, rows=2)).save(file)
    statement = (
        f"select m.visit_id, m.note, v.band from tap_upload.mine as m join {VISITS} as v "
        "on v.visit_id = m.visit_id order by m.visit_id"
    )
    for more in ([], ["--as-job"]):
        rows = rows_of(run("rubin", "tap", statement, "--upload", f"mine={file}", *more))
        assert [row["note"] for row in rows] == ["a", ""]
        assert [row["visit_id"] for row in rows] == ["2026032000001", "2026032000002"]


def test_a_file_that_this_command_wrote_goes_along_with_its_times(run: Run, tmp_path: Path) -> None:
    """It has UTC, and the database TAI: as they are they would be 37 s apart."""
    out = tmp_path / "night.parquet"
    assert run("rubin", "tap", NIGHT, "--out", str(out)).exit_code == 0
    joined = f"select count(*) as n from {VISITS} as v join tap_upload.m as m on v.obs_start = m.obs_start"
    assert rows_of(run("rubin", "tap", joined, "--upload", f"m={out}")) == [{"n": "398"}]


def test_a_name_that_no_table_can_have_is_answered_with_what_is_typed(run: Run, box: Box, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a\n1\n")
    result = run("rubin", "tap", COUNT, "--upload", f"my night={file}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--upload mine=FILE" in result.stderr
    assert "uploads=" not in result.stderr
    assert asked(box) == []


def test_a_file_that_is_none_is_said(tmp_path: Path, run: Run) -> None:
    broken = tmp_path / "x.parquet"
    broken.write_text("nothing")
    with pytest.raises(UsageError, match="cannot be read"):
        uploads_of((f"mine={broken}",))
    gone = run("rubin", "tap", COUNT, "--upload", f"mine={tmp_path / 'gone.csv'}")
    assert (gone.exit_code, "gone.csv" in gone.stderr) == (1, True)


# -- what there is


def test_tables_and_columns(run: Run, promised: Promised, tmp_path: Path) -> None:
    rows = rows_of(run("rubin", "tap", "tables"))
    assert VISITS in {row["table_name"] for row in rows}
    result = run("rubin", "tap", "columns", VISITS)
    units = {row["column_name"]: row["unit"] for row in rows_of(result)}
    assert (units["s_ra"], result.stderr) == ("deg", "50 columns, complete\n")
    assert promised("tap", run("rubin", "tap", "columns", VISITS, "--json").stdout)["row_count"] == 50
    assert run("rubin", "tap", "tables", "--out", str(tmp_path / "x.csv")).stdout == ""
    mistyped = run("rubin", "tap", "columns", "cdb_lsstcam.vist1")
    assert (mistyped.exit_code, "did you mean cdb_lsstcam.visit1" in mistyped.stderr) == (2, True)
    assert "Next: list them: skykey rubin tap tables\n" in run("rubin", "tap", "columns", "q").stderr


# -- failures


def test_a_refusal_has_the_services_words(run: Run, box: Box) -> None:
    for more in ([], ["--as-job"], ["--out", "x.parquet"]):
        result = run("rubin", "tap", f"select nonsense from {VISITS}", *more)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "error [query]" in result.stderr
        assert "nonsense" in result.stderr


@pytest.mark.parametrize("more", [[], ["--as-job"], ["--json"]])
def test_an_answer_that_fails_in_its_middle_prints_and_writes_nothing(
    run: Run, box: Box, tmp_path: Path, more: list[str]
) -> None:
    box.controls.tap(stop_after=3, formats=["votable-b2"])
    out = tmp_path / "x.parquet"
    for where in ([], ["--out", str(out)]):
        result = run("rubin", "tap", NIGHT, *more, *where)
        assert result.exit_code != 0
        assert "2026032" not in result.stdout
    assert not list(tmp_path.iterdir())
    for job in box.controls.tap_jobs():  # what broke off may be read again
        assert run("rubin", "tap", "delete", job["id"]).exit_code == 0


def test_a_question_that_takes_too_long_names_jobs(run: Run, box: Box) -> None:
    assert run("rubin", "tap", COUNT).exit_code == 0
    box.controls.fault("stall", service="consdbtap", path="/api/consdbtap/sync")
    result = run("rubin", "tap", "--timeout", "0.5", COUNT)
    assert (result.exit_code, result.stdout) == (8, "")
    assert "Next: leave it to a job: skykey rubin tap --as-job" in result.stderr


def test_what_a_token_lacks_is_named(run: Run, box: Box, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(box.controls.mint(["read:image"]))
    result = run("rubin", "tap", COUNT, "--tokenfile", str(file))
    assert (result.exit_code, "read:tap" in result.stderr) == (1, True)


# -- jobs


def test_a_job_is_waited_for_read_and_deleted(run: Run, box: Box) -> None:
    result = run("rubin", "tap", "--as-job", NIGHT)
    assert len(rows_of(result)) == 398
    said = result.stderr.splitlines()
    assert said[0].startswith("the job http://")
    assert said[1] == "398 rows, complete"
    assert [line for line in asked(box) if line.startswith("DELETE /async/")]


def test_a_job_in_csv_has_the_types_of_its_columns(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert run("rubin", "tap", "--as-job", "--format", "csv", NIGHT, "--out", str(out)).exit_code == 0
    assert [str(kind) for kind in pq.read_schema(out).types] == ["int64", "string", "timestamp[ns, tz=UTC]"]


def test_a_job_is_left_found_and_read(run: Run, promised: Promised) -> None:
    submitted = run("rubin", "tap", "submit", f"{NIGHT}", "--maxrec", "9")
    url = submitted.stdout.strip()
    assert submitted.stdout == f"{url}\n"
    assert f"skykey rubin tap resume {url}" in submitted.stderr
    resumed = run("rubin", "tap", "resume", url)
    assert len(rows_of(resumed)) == 9
    assert "NOT ALL" in resumed.stderr
    (job,) = promised("tap jobs", run("rubin", "tap", "jobs", "--json").stdout)["jobs"]
    assert (job["url"], job["phase"]) == (url, "COMPLETED")
    assert rows_of(run("rubin", "tap", "jobs", "--phase", "executing")) == []
    assert rows_of(run("rubin", "tap", "jobs", "--last", "1"))[0]["id"] == url.rpartition("/")[2]
    by_id = run("rubin", "tap", "resume", url.rpartition("/")[2], "--delete", "--json")
    assert promised("tap", by_id.stdout)["job"] == url
    assert run("rubin", "tap", "jobs").stderr == "0 jobs\n"
    assert run("rubin", "tap", "resume", url).exit_code == 1


def test_a_job_of_elsewhere_is_not_asked_for(run: Run, box: Box) -> None:
    for command in ("resume", "abort", "delete"):
        result = run("rubin", "tap", command, "https://other.example/api/consdbtap/async/1")
        assert (result.exit_code, "out-of-reach" in result.stderr) == (1, True)
        assert run("rubin", "tap", command).exit_code == 2
    assert asked(box) == []


def test_jobs_are_stopped_and_forgotten(run: Run, box: Box, promised: Promised) -> None:
    box.controls.tap(hold="EXECUTING")
    urls = [promised("tap submit", run("rubin", "tap", "submit", COUNT, "--json").stdout)["job"] for _ in range(2)]
    document = promised("tap ended", run("rubin", "tap", "abort", *urls, "--json").stdout)
    assert (document["done"], document["jobs"]) == ("aborted", urls)
    assert {job["phase"] for job in box.controls.tap_jobs()} == {"ABORTED"}
    stopped = run("rubin", "tap", "resume", urls[0])
    assert (stopped.exit_code, "was aborted" in stopped.stderr) == (1, True)
    assert run("rubin", "tap", "delete", *urls).stderr == "".join(f"deleted: {url}\n" for url in urls)
    assert run("rubin", "tap", "delete", *urls).exit_code == 0


@pytest.mark.parametrize("phase", ["ERROR", "ABORTED", "ARCHIVED"])
def test_a_job_without_a_result_does_not_stay(run: Run, box: Box, phase: str) -> None:
    box.controls.tap(hold=phase, words="the replica is away")
    result = run("rubin", "tap", "--as-job", COUNT)
    assert (result.exit_code, result.stdout) == (1, "")
    assert phase != "ERROR" or "the replica is away" in result.stderr
    assert box.controls.tap_jobs() == []


def test_a_job_that_takes_too_long_goes_on_and_is_resumed(run: Run, box: Box, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(box.token)
    box.controls.tap(hold="EXECUTING")
    result = run("rubin", "tap", "--as-job", "--timeout", "1", COUNT, "--tokenfile", str(file))
    (job,) = box.controls.tap_jobs()
    assert (result.exit_code, job["phase"]) == (8, "EXECUTING")
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Next: "))
    assert "skykey rubin tap resume http" in line
    words = line.partition("skykey ")[2].split()
    assert words[-2:] == ["--tokenfile", str(file)]
    again = run(*words, "--timeout", "1")
    assert (again.exit_code, "tap resume" in again.stderr) == (8, True)
    box.controls.tap(hold="")
    assert rows_of(run(*words, "--delete"))[0].keys() == {"visits"}


def test_a_job_that_nobody_has_started_is_started(run: Run, box: Box) -> None:
    sent = urlencode({"QUERY": COUNT, "LANG": "ADQL"}).encode()
    headers = {"Authorization": f"Bearer {box.token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{box.site_url}/api/consdbtap/async", sent, headers)) as made:
        url = made.url
    (job,) = box.controls.tap_jobs()
    assert job["phase"] == "PENDING"
    done = run("rubin", "tap", "resume", url, "--delete")
    assert len(rows_of(done)) == 1
    assert done.stderr.startswith("the job had not been started; now it is\n")


@pytest.mark.parametrize("phase", ["PENDING", "HELD"])
def test_a_job_that_does_not_start_is_named(run: Run, box: Box, phase: str) -> None:
    box.controls.tap(hold=phase)
    url = run("rubin", "tap", "submit", COUNT).stdout.strip()
    stuck = run("rubin", "tap", "resume", url)
    assert (stuck.exit_code, f"start it: skykey rubin tap resume {url}" in stuck.stderr) == (1, True)
    assert run("rubin", "tap", "delete", url).exit_code == 0


def test_a_result_that_cannot_be_written_is_not_lost(run: Run, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x.parquet")

    monkeypatch.setattr(Table, "save", full)
    result = run("rubin", "tap", "--as-job", COUNT, "--out", "x.parquet")
    (job,) = box.controls.tap_jobs()
    assert (result.exit_code, "No space left" in result.stderr) == (1, True)
    assert f"skykey rubin tap resume {result.stderr.split()[2]}" in result.stderr
    assert job["id"] in result.stderr
    assert run("rubin", "tap", "delete", job["id"]).exit_code == 0


def test_a_token_that_ends_before_its_job_does_not_lose_it(run: Run, box: Box, tmp_path: Path) -> None:
    token, file = box.controls.mint(), tmp_path / "token"
    file.write_text(token)
    box.controls.tap(hold="EXECUTING")
    command = [*COMMAND, "rubin", "tap", "--as-job", COUNT, "--tokenfile", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        waiting(box, process)
        box.controls.expire(token)
        box.controls.tap(hold="")
        out, err = process.communicate(timeout=20)
    (job,) = box.controls.tap_jobs()
    assert (process.returncode, out) == (4, "")
    assert "error [not-authenticated]" in err
    assert f"/async/{job['id']} --tokenfile {file}" in err
    assert run("rubin", "tap", "resume", job["id"], "--delete").exit_code == 0


def waiting(box: Box, process: "subprocess.Popen[str]") -> None:
    """Until the command waits for its job."""
    end = time.monotonic() + 20
    while not any("WAIT" in seen.query for seen in box.controls.requests("consdbtap")) and time.monotonic() < end:
        assert process.poll() is None
        time.sleep(0.02)


@pytest.mark.parametrize("command", ["--as-job", "resume"])
def test_ctrl_c_deletes_the_own_job_and_no_other(run: Run, box: Box, command: str) -> None:
    box.controls.tap(hold="EXECUTING")
    url = run("rubin", "tap", "submit", COUNT).stdout.strip() if command == "resume" else ""
    with subprocess.Popen(
        [*COMMAND, "rubin", "tap", command, url or COUNT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        waiting(box, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    if url:
        assert err.strip() == f"the job goes on: skykey rubin tap resume {url}"
        assert run("rubin", "tap", "delete", url).exit_code == 0
    else:
        began, ended, *rest = err.strip().splitlines()
        assert ended == began.replace("the job ", "the job is deleted: ")
        assert rest == []
        assert box.controls.tap_jobs() == []


def test_ctrl_c_says_so_if_the_job_could_not_be_deleted(run: Run, box: Box) -> None:
    box.controls.tap(hold="EXECUTING")
    with subprocess.Popen(
        [*COMMAND, "rubin", "tap", "--as-job", COUNT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        waiting(box, process)
        box.controls.fault(service="consdbtap", status=500, times=9)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "the job goes on: skykey rubin tap delete http" in err) == (130, True)
    box.controls.reset()
    for job in box.controls.tap_jobs():
        assert run("rubin", "tap", "delete", job["id"]).exit_code == 0


def test_a_terminal_is_told_the_phase_and_a_pipe_is_not(run: Run, box: Box) -> None:
    box.controls.tap(hold="QUEUED")

    def go_on(_: object) -> None:
        box.controls.tap(hold="")

    seen = shown([*COMMAND, "rubin", "tap", "--as-job", COUNT], at=b"the job is QUEUED", then=go_on)
    assert (seen.code, len(seen.stdout.splitlines())) == (0, 2)
    assert seen.screen[1].startswith("the job is QUEUED")
    assert seen.screen[-1].endswith("1 row, complete")
    assert "QUEUED" not in run("rubin", "tap", "--as-job", COUNT).stderr


def test_a_terminal_waits_no_longer_than_a_pipe(run: Run, box: Box) -> None:
    box.controls.tap(hold="EXECUTING")
    seen = shown([*COMMAND, "rubin", "tap", "--as-job", "--timeout", "2.5", COUNT], columns=200)
    (job,) = box.controls.tap_jobs()
    assert (seen.code, seen.stdout) == (8, "")
    assert [line for line in seen.screen if line.startswith("the job is")] == ["the job is EXECUTING"]
    assert any("tap resume http" in line and job["id"] in line for line in seen.screen)
    assert run("rubin", "tap", "delete", job["id"]).exit_code == 0


@pytest.mark.parametrize("more", [[], ["--as-job"]])
def test_whoever_has_seen_enough_leaves_no_job(box: Box, more: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as nowhere:
        ended = subprocess.run(
            [*COMMAND, "rubin", "tap", *more, NIGHT], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    assert "Broken" not in ended.stderr
    assert box.controls.tap_jobs() == []


# -- what it stands on


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_service_that_takes_no_phase_with_a_question_is_told_to_start(name: str) -> None:
    face, service = Face(name), ScriptedTap(phases=["PENDING", "QUEUED", "COMPLETED"])
    with serving(service) as server:
        job = face.do(face.client(server.url).submit, "select 1")
        assert service.asked[-1] == {"PHASE": "RUN"}
        assert len(face.do(job.result)) == 1


@pytest.mark.parametrize("name", ["sync", "async"])
def test_a_job_whose_token_ended_stays_and_is_named(name: str) -> None:
    face, service = Face(name), ScriptedTap(answer=lambda _: reply(401))
    with serving(service) as server:
        client = face.client(server.url)
        with pytest.raises(NotAuthenticated) as caught:
            face.do(client.query, "select 1", as_job=True)
    assert getattr(caught.value, "job_url", None) == f"{server.url}/tap/async/7"
    assert service.deleted == 0
