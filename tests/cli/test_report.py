"""`skykey rubin report`: the latest report, and no report is neither a failure nor an old one."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from skykey.cli.rubin import report_text
from skykey.sandbox import Box
from tests.rubin.scripted_log import report

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]

TEXT = """\
Night report 20260321, sent 2026-03-22 12:59 UTC, by ada

Observers
    Ada L., Zoë O'Neil

Night plan
    https://example.org/plan#2026-BLOCK-365

Summary
    <i>Night</i> 20260321 & more, after 25 h.
    Seeing 0.8″

Simonyi
    On sky all night.

Weather
    Clear
"""


def test_the_latest_report_as_text(box: Box, run: Run) -> None:
    result = run("rubin", "report", "20260321")
    assert (result.exit_code, result.stdout) == (0, TEXT)
    assert result.stderr == "the latest of 2 reports for 20260321\n"


def test_a_report_as_html_is_escaped(box: Box, run: Run) -> None:
    html = run("rubin", "report", "20260321", "--html").stdout
    assert "&lt;i&gt;Night&lt;/i&gt;" in html
    assert "<i>" not in html


def test_a_telescopes_own_summary(box: Box, run: Run) -> None:
    assert "On sky all night." in run("rubin", "report", "20260321", "--telescope", "simonyi").stdout
    assert "On sky all night." not in run("rubin", "report", "20260321", "--telescope", "AuxTel").stdout
    assert "On sky all night." not in run("rubin", "report", "20260321", "--html", "--telescope", "AuxTel").stdout


def test_no_report_is_said_and_is_no_failure(box: Box, run: Run, promised: Promised) -> None:
    for more in ([], ["--html"]):
        result = run("rubin", "report", "20260319", *more)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "there is no night report for 20260319\n"
    assert promised("report", run("rubin", "report", "20260319", "--json").stdout)["report"] is None


def test_a_report_as_json_has_every_field(box: Box, run: Run, promised: Promised) -> None:
    document = promised("report", run("rubin", "report", "2026-03-21", "--json").stdout)
    assert (document["count"], document["day_obs"]) == (2, 20260321)
    assert document["report"]["observers_crew"] == ["Ada L.", "Zoë O'Neil"]
    assert "html" not in document
    assert promised("report", run("rubin", "report", "20260321", "--json", "--html").stdout)["html"].startswith("<p>")


def test_a_service_that_is_away_is_no_missing_report(box: Box, run: Run, promised: Promised) -> None:
    box.controls.fault("status", times=99, service="nightreport", status=503, retry_after=0)
    result = run("rubin", "report", "20260321", "--json")
    assert result.exit_code == 8
    assert promised("error", result.stdout)["error"]["code"] == "overloaded"
    assert "there is no" not in result.stderr


@pytest.mark.parametrize("arguments", [["soon"], ["20260321", "--telescope", "Hale"]])
def test_a_wrong_question_asks_nothing(box: Box, run: Run, arguments: list[str]) -> None:
    assert run("rubin", "report", *arguments).exit_code == 2
    assert box.controls.requests() == []


def test_a_report_cannot_command_the_terminal() -> None:
    hostile = report(1, summary="\x1b[2J a\r\nb", user_id="\x1b", observers_crew=["\x07"], confluence_url="\x1b[0m")
    said = "\n".join(report_text.lines(hostile))
    assert said.replace("\n", "").isprintable()


def test_a_report_that_was_not_sent_is_told_from_one_that_was() -> None:
    added = report(1, date_added="2025-06-21T09:00:37", date_sent=None)
    assert report_text.head(added).startswith("Night report 20250620, not sent; written 2025-06-21 09:00 UTC")
    assert report_text.pieces(report(1, observers_crew=None)) == [("Summary", "report 1")]
