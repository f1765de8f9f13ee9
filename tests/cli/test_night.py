"""`skykey rubin night`: one page that is whole, or says what is missing, and ends with its exit code."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from skykey.cli.rubin.night import text
from skykey.rubin.consdb import service as consdb_service
from skykey.rubin.logs import narrative
from skykey.rubin.night import Answered, NightClient
from skykey.sandbox import Box
from skykey.tables.table import Table
from skykey.values.errors import MissingExtra, Overloaded, SkykeyError
from tests.rubin.nights import log, night, samples, visits
from tests.rubin.scripted_log import message, report

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
DAY = "20260320"

FIRST_LINES = """\
Night 20260320: LSSTCam at loopback

Visits           398, the first at 11:59, the last at 11:59 UTC
Open shutter     3 h 25 min, 34% of the dark time
Medians          seeing 1.03″, zero point 31.28 mag, sky background 1094 counts,
                 airmass 1.22
Time lost        41 min 36 s (fault), 1 h 50 min (weather), by the log
Sun below \N{MINUS SIGN}12°   23:46 to 09:55 UTC, 10 h 10 min

Visits by band                  Visits by programme
  band  visits  open shutter      programme   visits  open shutter
  u         80    41 min 8 s      BLOCK-365      196    1 h 41 min
  g         80    41 min 7 s      BLOCK-T539     194    1 h 40 min
  r         80    41 min 8 s      none             8     4 min 7 s
  i         41    21 min 5 s
  z         40   20 min 34 s
  y         77   39 min 35 s

Telemetry
"""


def test_numbers_come_first(box: Box, run: Run) -> None:
    result = run("rubin", "night", DAY)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(FIRST_LINES)
    titles = [result.stdout.index(title) for title in ("Telemetry\n", "Night report 20260320", "Log: 134 messages")]
    assert titles == sorted(titles)
    assert "DIMM seeing             nothing this night, or not at this site" in result.stdout
    begins = [line[2:22] for line in result.stdout.splitlines() if line.startswith("  2026-")]
    assert len(begins) == 134
    assert begins == sorted(begins)


def test_a_night_as_json(box: Box, run: Run, promised: Promised) -> None:
    document = promised("night", run("rubin", "night", DAY, "--json").stdout)
    assert (document["visits"]["count"], document["log"]["count"], document["failed"]) == (398, 134, [])
    assert sum(band["visits"] for band in document["visits"]["by_band"]) == 398
    assert document["report"]["latest"]["day_obs"] == 20260320
    counts = {each["label"]: each["minutes"]["count"] for each in document["telemetry"]}
    assert counts["DIMM seeing"] == 0
    assert counts["wind [301]"] > 700


def test_a_night_without_anything_is_told_as_such(box: Box, run: Run, promised: Promised, tmp_path: Path) -> None:
    result = run("rubin", "night", "20251105", "--png", str(tmp_path / "x.png"))
    assert result.exit_code == 0
    for words in (
        "Visits           none\n",
        "Time lost        none, by the log",
        "there is none yet",
        "Log: 0 messages",
    ):
        assert words in result.stdout
    document = promised("night", run("rubin", "night", "20251105", "--json").stdout)
    assert (document["visits"]["count"], document["visits"]["by_band"]) == (0, [])
    assert document["report"] == {"count": 0, "latest": None}


# -- what is missing


@pytest.mark.parametrize(
    ("service", "name", "words"),
    [
        ("consdb", "visits", "Visits           NOT KNOWN:"),
        ("narrativelog", "log", "Log: not known"),
        ("nightreport", "report", "Night report: not known"),
        ("influxdb", "telemetry", "NOT KNOWN:"),
    ],
)
def test_a_part_that_is_away_is_named_and_never_looks_empty(
    *, box: Box, run: Run, promised: Promised, service: str, name: str, words: str
) -> None:
    box.controls.fault("status", times=999, service=service, status=503, retry_after=0)
    result = run("rubin", "night", DAY)
    assert result.exit_code == 8
    assert result.stdout.splitlines()[2].startswith("MISSING ")
    assert words in result.stdout
    assert "could not be had:" in result.stderr
    assert "[overloaded]" in result.stderr
    assert "none" not in result.stdout.split("Visits by")[0].replace("none, by the log", "")
    asked = run("rubin", "night", DAY, "--json")
    assert asked.exit_code == 8
    document = promised("night", asked.stdout)
    assert {each["error"]["code"] for each in document["failed"]} == {"overloaded"}
    if name == "telemetry":
        assert {each["minutes"] for each in document["telemetry"]} == {None}
    else:
        assert document[name] is None


def test_if_nothing_came_there_is_no_page(box: Box, run: Run, promised: Promised, tmp_path: Path) -> None:
    box.controls.fault("status", times=999, status=503, retry_after=0)
    result = run("rubin", "night", DAY, "--json", "--html", str(tmp_path / "x.html"))
    assert result.exit_code == 8
    assert promised("error", result.stdout)["error"]["code"] == "overloaded"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("last", [samples(1.0), Overloaded("away")], ids=["one part", "nothing"])
def test_a_twilight_that_failed_is_neither_a_page_nor_the_want_of_one(
    box: Box, run: Run, monkeypatch: pytest.MonkeyPatch, last: Table | SkykeyError
) -> None:
    """Nobody is asked for it: what came of the services decides."""
    away = Overloaded("away")
    made = replace(night(seen=away, told=away, reports=away, wind=last), dark=Answered("twilight", error=away))
    monkeypatch.setattr(NightClient, "night", lambda *_: made)
    result = run("rubin", "night", DAY)
    assert result.exit_code == 8
    assert result.stdout.startswith("Night 20250620") is isinstance(last, Table)
    assert result.stderr.count("could not be had:") == (4 if isinstance(last, Table) else 0)


def test_a_visit_before_utc_does_not_take_the_page_with_it() -> None:
    seen = visits({"obs_start": "1970-01-01T00:00:00"}, {"obs_start": "2025-06-21T03:00:00"})
    assert any("2, the first at 02:59, the last at 02:59 UTC" in line for line in text.lines(night(seen=seen)))


def test_without_a_token_it_is_said_once(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS_TOKEN_FILE")
    result = run("rubin", "night", DAY)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.count("[no-credential]") == 1


def test_what_was_cut_is_said(box: Box, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consdb_service, "MOST_ROWS", 398)
    monkeypatch.setattr(narrative, "MOST_ROWS", 20)
    result = run("rubin", "night", DAY)
    assert result.exit_code == 0
    assert "398, the first" in result.stdout
    assert result.stdout.count("NOT ALL") == 2
    assert result.stderr.count("NOT ALL") == 2
    assert "Log: 20 messages, NOT ALL: cut by the limit of 20 rows" in result.stdout


def test_the_errors_words_and_next_step_are_on_the_page() -> None:
    away = Overloaded("consdb is away", words="maintenance\nuntil noon", next="ask again later")
    page = "\n".join(text.lines(night(seen=away)))
    assert "MISSING visits: consdb is away\n" in page
    assert "maintenance" in page
    assert "Next: ask again later" in page


def test_nobody_commands_the_terminal() -> None:
    hostile = "\x1b[2J\x07\u202e"
    page = text.lines(
        night(
            seen=visits({"band": hostile, "science_program": hostile, "obs_start": "2025-06-21T03:00:00"}),
            told=log(message(1, message_text=hostile, user_id=hostile)),
            reports=[report(1, summary=hostile, weather=hostile)],
            wind=Overloaded(hostile, words=hostile),
        )
    )
    assert all(line.isprintable() for line in page)


# -- files


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "img", "source"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def addresses(self) -> set[str]:
        names = ("href", "src", "srcset", "action", "data", "poster", "background")
        return {str(values[name]) for _, values in self.tags for name in names if name in values}


def test_a_page_for_browsers_needs_no_other_file(box: Box, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "night.html"
    result = run("rubin", "night", DAY, "--html", str(out))
    assert (result.exit_code, result.stderr) == (0, f"written: {out}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["night.html"]
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert all(each.startswith(("data:image/png;base64,", "https://example.org/")) for each in page.addresses)
    loaded = [values for tag, values in page.tags if tag in {"img", "source"}]
    assert [
        value[:22] for values in loaded for name, value in values.items() if name in {"src", "srcset"} and value
    ] == ["data:image/png;base64,"] * 2
    assert "url(" not in text
    assert "@import" not in text
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "form", "base"}
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "prefers-color-scheme:dark" in text
    for words in ("398, the first at", "BLOCK-365", "Night report", "134 messages", "nothing this night"):
        assert words in page.text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</p></article><iframe src=//evil.example>",
    "\"'><svg onload=alert(1)>",
    "&lt;b&gt; &#x3c;script&#x3e;",
    "]]><!-- <style>*{display:none}</style>",
    "\u202e\x00\x1b[2J",
]
ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:x",
    "data:text/html,<script>",
    "//evil.example",
    "vbscript:x",
]
BROKEN = ["https://[", "https://a b/\x00", "https://example.org/\"onmouseover='x", "ht\ntps://x", "file:///etc/passwd"]


@pytest.mark.parametrize("text", [*HOSTILE, *ADDRESSES, *BROKEN])
def test_nothing_that_people_wrote_becomes_markup(text: str) -> None:
    from skykey.cli.rubin.night.html import page

    plain = Page(page(_written("x"), light=b"", dark=b""))
    hostile = Page(page(_written(text), light=b"", dark=b""))
    is_link = text.startswith('https://example.org/"')

    def bare(found: Page) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(values)) for tag, values in found.tags if tag != "br" and not (is_link and tag == "a")]

    assert bare(hostile) == bare(plain)
    links = {values["href"] for tag, values in hostile.tags if tag == "a"}
    assert links == ({text} if is_link else set())
    assert {tuple(values) for tag, values in hostile.tags if tag == "a"} <= {("href", "rel")}


def _written(text: str) -> Any:
    """A night in which this text stands wherever people, or a server, can put one."""
    return night(
        seen=visits({"band": text, "science_program": text, "obs_start": "2025-06-21T03:00:00"}),
        told=log(
            message(
                1,
                message_text=text,
                user_id=text,
                user_agent=text,
                is_human=False,
                tags=[text],
                urls=[text],
                time_lost=5.0,
                time_lost_type=text,
                components_json={"name": text},
            )
        ),
        reports=[
            report(
                1,
                summary=text,
                weather=text,
                maintel_summary=text,
                confluence_url=text,
                observers_crew=[text],
                user_id=text,
            )
        ],
        wind=Overloaded(text, words=text, next=text),
    )


def test_links_lead_to_pages_only() -> None:
    from skykey.cli.rubin.night.html import page

    told = log(message(1, urls=["https://example.org/?a=1&b=2", "http://example.org", "ftp://example.org"]))
    found = Page(page(night(told=told), light=b"", dark=b""))
    links = [values for tag, values in found.tags if tag == "a"]
    assert [link["href"] for link in links] == ["https://example.org/?a=1&b=2", "http://example.org"]
    assert {link["rel"] for link in links} == {"noreferrer noopener"}
    assert "ftp://example.org" in found.text


def test_a_page_says_what_is_missing() -> None:
    from skykey.cli.rubin.night.html import page

    away = Overloaded("away", words="maintenance", next="later")
    text = Page(page(night(seen=away, told=away, reports=away, wind=away), light=b"", dark=b"")).text
    for name in ("visits", "log", "night report", "wind [301]"):
        assert f"Missing: {name}" in text
    assert text.count("Next: later") == 4
    assert "NOT KNOWN: away" in text
    assert "0 messages" not in text
    assert "none yet" not in text
    assert text.count("Not known.") == 2


@pytest.mark.parametrize("option", ["--png", "--html"])
def test_what_cannot_be_written_is_said_before_anything_is_asked(
    box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    wrong = run("rubin", "night", DAY, option, str(tmp_path / "x.jpeg"))
    assert wrong.exit_code == 2
    assert "ends in" in wrong.stderr
    ending = option.removeprefix("--")
    away = run("rubin", "night", DAY, option, str(tmp_path / "none" / f"x.{ending}"))
    assert "there is no folder" in away.stderr

    def missing() -> None:
        raise MissingExtra.of("plot", "a picture")

    monkeypatch.setattr("skykey.cli.canvas.check_extra", missing)
    result = run("rubin", "night", DAY, option, str(tmp_path / f"x.{ending}"))
    assert result.exit_code == 1
    assert "skykey[plot]" in result.stderr
    assert box.controls.requests() == []
    assert list(tmp_path.iterdir()) == []


def test_a_failed_page_leaves_the_old_one(box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "x.html"
    out.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(Path, "replace", full)
    result = run("rubin", "night", "20251105", "--html", str(out))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "[file]" in result.stderr
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_samples_are_summed_up() -> None:
    page = "\n".join(text.lines(night(wind=samples(3.0, None, 1.0, 2.0))))
    assert "wind [301]   1.0 to 3.0 m/s, in the middle 2.0 m/s" in page
