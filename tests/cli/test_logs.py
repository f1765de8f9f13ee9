"""`skykey rubin logs`: what people wrote, in the order of time, and nothing of it can command the terminal."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result

from skykey.cli.rubin import messages
from skykey.rubin.logs import narrative
from skykey.sandbox import Box
from tests.rubin.nights import log
from tests.rubin.scripted_log import message

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
NIGHT = "20260318"  # a short one


def rows_of(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


def test_messages_come_in_the_order_of_time(box: Box, run: Run) -> None:
    result = run("rubin", "logs", NIGHT)
    begins = [row["date_begin"] for row in rows_of(result)]
    assert begins == sorted(begins)
    assert result.stderr == "6 messages, complete\n"


def test_a_pipe_has_all_fields_and_lists_as_json(box: Box, run: Run) -> None:
    (*_, row) = rows_of(run("rubin", "logs", NIGHT))
    assert json.loads(row["tags"]) == ["clouds", "wind"]
    assert row["date_begin"].endswith("Z")
    assert {"id", "components_json", "time_lost_type", "site_id"} < set(row)


def test_a_night_of_the_log_is_one_of_tai(box: Box, run: Run) -> None:
    ids = [{row["id"] for row in rows_of(run("rubin", "logs", day))} for day in ("20260319", "20260320")]
    assert not ids[0] & ids[1]
    begins = [row["date_begin"] for row in rows_of(run("rubin", "logs", "20260320"))]
    assert begins[0] == "2026-03-20T11:59:23.000000000Z"  # noon TAI itself


@pytest.mark.parametrize(("level", "least"), [("30", 30), ("Warning", 30), ("error", 40)])
def test_a_level_has_a_number_or_a_name(box: Box, run: Run, level: str, least: int) -> None:
    levels = [int(row["level"]) for row in rows_of(run("rubin", "logs", "20260320", "--level", level))]
    assert min(levels) == least


@pytest.mark.parametrize("text", ["DOME SHUTTER", "dome shutter"])
def test_people_search_in_any_case(box: Box, run: Run, text: str) -> None:
    result = run("rubin", "logs", NIGHT, "--search", text)
    assert len(rows_of(result)) == 2
    assert result.stderr == "2 messages, complete\n"
    assert "50 %" not in result.stdout
    assert rows_of(run("rubin", "logs", NIGHT, "--search", "50 %")) == []


def test_a_stretch_of_time(box: Box, run: Run) -> None:
    begins = [
        row["date_begin"]
        for row in rows_of(run("rubin", "logs", "--from", "2026-03-19T03:39:23Z", "--to", "2026-03-19T07:49:23Z"))
    ]
    assert begins[0] == "2026-03-19T03:39:23.000000000Z"
    assert "2026-03-19T07:49:23.000000000Z" not in begins


def test_the_exposure_log_in_its_place(box: Box, run: Run, promised: Promised) -> None:
    document = promised("logs", run("rubin", "logs", NIGHT, "--exposure", "--json").stdout)
    assert document["log"] == "exposure"
    names = [column["name"] for column in document["columns"]]
    added = [row[names.index("date_added")] for row in document["rows"]]
    assert added == sorted(added)
    assert {row[names.index("day_obs")] for row in document["rows"]} == {20260318}


def test_logs_as_json_have_documents_as_documents(box: Box, run: Run, promised: Promised) -> None:
    document = promised("logs", run("rubin", "logs", "20260320", "--json").stdout)
    names = [column["name"] for column in document["columns"]]
    trees = [row[names.index("components_json")] for row in document["rows"]]
    assert any(isinstance(tree, dict) and tree.get("name") == "Simonyi" for tree in trees)
    assert all(tree is None or isinstance(tree, dict) for tree in trees)


def test_files_keep_lists(box: Box, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert run("rubin", "logs", NIGHT, "--out", str(out)).stdout == ""
    assert pq.read_table(out).column("tags").to_pylist()[-1] == ["clouds", "wind"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which night?"),
        (["--from", "2026-03-20"], "two ends"),
        ([NIGHT, "--to", "2026-03-20"], "exclude each other"),
        ([NIGHT, "--level", "grave"], "neither a number"),
        (["--from", "2026-03-21", "--to", "2026-03-20"], "before the start"),
    ],
)
def test_a_wrong_question_asks_nothing(box: Box, run: Run, arguments: list[str], words: str) -> None:
    result = run("rubin", "logs", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert box.controls.requests() == []


def test_what_a_limit_cut_is_said(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch, promised: Promised) -> None:
    monkeypatch.setattr(narrative, "MOST_ROWS", 4)
    result = run("rubin", "logs", NIGHT, "--json")
    assert "4 messages, NOT ALL: cut by the limit of 4 rows" in result.stderr
    assert promised("logs", result.stdout)["cut_by"] == "the limit of 4 rows"
    # Some of a part are not all there are, either.
    assert "NOT ALL" in run("rubin", "logs", NIGHT, "--search", "dome").stderr


def test_a_log_that_is_away_is_no_empty_log(box: Box, run: Run) -> None:
    box.controls.fault("status", times=99, service="narrativelog", status=503, retry_after=0)
    result = run("rubin", "logs", NIGHT)
    assert (result.exit_code, result.stdout) == (8, "")


# -- for people


def shown(*rows: dict[str, Any]) -> str:
    return "\n".join(messages.lines(messages.narrative(log(*rows))))


def test_a_terminal_shows_messages_to_read(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skykey.cli.rubin.answer.on_terminal", lambda: True)
    said = run("rubin", "logs", NIGHT).stdout
    lost = "2026-03-19 03:41:23Z  error  AuxTel  ada  lost 30 min (fault)\n"
    assert f"{lost}    Dome shutter stuck at 40 %, reset.\n" in said
    assert "    #clouds #wind\n" in said
    assert "LSSTCam MC_O_20260318_000017" in run("rubin", "logs", NIGHT, "--exposure").stdout


def test_a_message_for_people_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    said = shown(
        message(
            1,
            message_text="A long sentence about the weather that does not fit.\n\nhttps://example.org/a/very/long/address/of/a/page",
            level=35,
            time_lost=12_345.0,
            time_lost_type="weather",
            components_json={"name": "Simonyi"},
            is_human=False,
            user_agent="scheduler",
            tags=["a", "b"],
            urls=["https://example.org"],
        )
    )
    assert said == (
        "2025-06-20 22:59:23Z  level 35  ada (scheduler)  lost 3 h 26 min (weather)\n"
        "    A long sentence about the weather\n"
        "    that does not fit.\n"
        "    https://example.org/a/very/long/address/of/a/page\n"
        "    #a #b\n"
        "    https://example.org"
    )


def test_a_message_cannot_command_the_terminal() -> None:
    said = shown(
        message(
            1, message_text="\x1b[2J\x1b]0;x\x07 \u202ereversed", user_id="a\x1bb", urls=["\x1b[31m"], tags=["\x08"]
        )
    )
    assert said.replace("\n", "").isprintable()


def test_a_message_without_a_beginning_is_shown() -> None:
    assert shown(message(1, None)).startswith("-  info  ada")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59.4 s"), (60, "1 min"), (3599.7, "1 h"), (3600, "1 h"), (7199, "2 h"), (90, "1 min 30 s")],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert messages.length(seconds) == words
