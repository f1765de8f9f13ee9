"""The official clients of the three logs beside ours: the same cells and the same HTML, but for what is listed here.

``rubin-nights`` runs in an environment and a process of its own, under the real host names. `FOUND` and `REPORTS` say
of each question what differs, and `REASONS` why; whatever else differs fails, and so does a difference that no longer
shows.
"""

import html
from collections.abc import Iterator
from typing import Any

import pytest

from skykey.rubin.connections import Clients, get_clients
from skykey.sandbox import Box, running
from skykey.values.errors import UnknownName, UsageError
from tests.rubin.guests import asked, differences, rubin_nights_and_its_log

pytestmark = pytest.mark.interop

#: what differs, and why
REASONS = {
    "bool is boolean": "booleans may be null; a type must not depend on the rows",
    "int64 is Int64": "whole numbers may be null; a type must not depend on the rows",
    "object is str": "a column without a value has no type there",
    "no columns there": "without rows there are no columns there",
    "cells of component": "messages without components_json lose their components there, even if none has it",
    "rows": "times in UTC are taken for TAI there, 37 seconds too early",
    "nights": "the end is a calendar date there, and a night that it has just begun is left out",
    "raises ValueError": "one message without an end, and there is no night there",
    "raises IndexError": "a night without a report is an error there",
    "raises TypeError": "a report that does not say something is an error there",
    "order of reports": "as the service has them there, by chance; here the latest comes first",
    "escaped": "what people wrote is HTML there, and is shown as it was written here",
    "weather": "is never shown there",
    "another report": "the first in that order is the one that is shown",
    "name of the plan": "whatever follows the # is called a BLOCK there",
    "no link": "a link may do anything there; here it leads to a page of the web",
}

N, E, R = "narrative_log", "exposure_log", "night_report"
ENDED = {"has_date_end": True}
TYPES = {"bool is boolean", "int64 is Int64", "object is str"}
UTC = {"t": "2026-03-20T12:00:00"}, {"t": "2026-03-21T12:00:00"}


def tai(*times: str) -> list[Any]:
    return [{"t": time, "scale": "tai"} for time in times]


LONG = tai("2026-03-20T12:00:00", "2026-03-21T12:00:00")
OLD = tai("2026-03-18T12:00:00", "2026-03-19T12:00:00")
#: a question by name: client, method, arguments, named arguments; and what differs
FOUND: dict[str, tuple[list[Any], set[str]]] = {
    "a night": ([N, "query_log", LONG, {}], {"raises ValueError"}),
    "a night, with an end": ([N, "query_log", [*LONG, ENDED], {}], TYPES | {"cells of component"}),
    "a short night": ([N, "query_log", OLD, {}], TYPES | {"cells of component"}),
    "serious matters": (
        [N, "query_log", [*LONG, {**ENDED, "min_level": 30, "is_human": "true"}], {}],
        TYPES | {"cells of component"},
    ),
    "what was changed too": (
        [N, "query_log", [*LONG, {**ENDED, "is_valid": "either"}], {}],
        TYPES - {"object is str"} | {"cells of component"},
    ),
    "some words": (
        [N, "query_log", [*LONG, {**ENDED, "message_text": "OBS-1042"}], {}],
        TYPES | {"cells of component"},
    ),
    "old ways to name parts": (
        [N, "query_log", [*LONG, {**ENDED, "components": ["Dome"], "has_parent_id": False}], {}],
        TYPES | {"cells of component"},
    ),
    "a night in UTC": ([N, "query_log", [*UTC, ENDED], {}], TYPES | {"rows"}),
    "no messages": ([N, "query_log", tai("2020-03-18T12:00:00", "2020-03-19T12:00:00"), {}], {"no columns there"}),
    "parameters": ([N, "query", [{"min_level": 30, "limit": 1000, "order_by": ["date_added", "id"]}], {}], TYPES),
    "exposures of a night": ([E, "query_log", LONG, {}], TYPES),
    "exposures of all nights": ([E, "query_log", tai("2026-03-18T12:00:00", "2026-03-22T12:00:00"), {}], TYPES),
    "junk": ([E, "query_log", [*LONG, {"exposure_flags": ["junk"], "instruments": ["LSSTCam"]}], {}], TYPES),
    "exposures of a night in UTC": ([E, "query_log", [*UTC], {}], TYPES | {"nights"}),
    "exposures of two hours": (
        [E, "query_log", [{"t": "2026-03-21T03:00:00"}, {"t": "2026-03-21T05:00:00"}], {}],
        {"no columns there"},
    ),
    "parameters of exposures": (
        [E, "query", [{"min_day_obs": 20260320, "max_day_obs": 20260321, "limit": 1000}], {}],
        TYPES,
    ),
}
#: what is the wrong answer or none there, and an error before anything is sent here
REFUSED = {
    "an unknown parameter": ([N, "query", [{"nope": 1}], {}], UnknownName),
    "a value of another kind": ([N, "query", [{"min_level": "x"}], {}], UsageError),
    "an end before the start": ([N, "query_log", LONG[::-1], {}], UsageError),
}

SCOPES = (None, "AuxTel", "Simonyi", "auxtel", "main telescope", "both")
ODD = {
    "observers_crew": ["A <b>B</b>", "O'Neil & Co"],
    "confluence_url": "javascript:alert(1)#BLOCK-7",
    "summary": "a\n\n\nb\n\nc\nd <script>alert('x')</script>",
    "maintel_summary": "\n\nM & M\n",
    "auxtel_summary": "",
    "telescope_status": "all < well",
    "weather": "<Clear>",
}
PLAIN = {"observers_crew": [], "confluence_url": "", "summary": "", "maintel_summary": None, "auxtel_summary": None}
SOBER = {
    "observers_crew": ["Ada"],
    "confluence_url": "https://example.org/plan#2026-BLOCK-T539",
    "summary": "All well.\nNo wind.",
    "maintel_summary": "Main.",
    "auxtel_summary": "Aux.\n\nMore.",
}
#: the same for night reports
REPORTS: dict[str, tuple[list[Any], set[str]]] = {
    **{
        f"a report about {scope}": (
            [R, "query_night_report", [20260320, scope], {}],
            {"escaped", "weather"},
        )
        for scope in SCOPES
    },
    "of early times": ([R, "query_night_report", ["2026-03-18"], {}], {"escaped"}),
    "two reports": (
        [R, "query_night_report", ["20260321"], {}],
        {"order of reports", "another report", "weather"},
    ),
    "two reports without HTML": ([R, "query_night_report", [20260321, None, False], {}], {"order of reports"}),
    "no report": ([R, "query_night_report", [20260319], {}], {"raises IndexError"}),
    "no report and no HTML": ([R, "query_night_report", [20260319], {"return_html": False}], set()),
    **{
        f"sober words about {scope}": ([R, "format_night_report", [[SOBER, ODD], scope], {}], set()) for scope in SCOPES
    },
    "one report as it is": ([R, "format_night_report", [SOBER], {}], set()),
    "a plan of another name": (
        [R, "format_night_report", [{**SOBER, "confluence_url": "https://example.org/plan#night"}], {}],
        {"name of the plan"},
    ),
    "a plan of its own": (
        [R, "format_night_report", [{**SOBER, "confluence_url": "https://example.org/plan"}], {}],
        set(),
    ),
    "nothing to say": ([R, "format_night_report", [[PLAIN]], {}], set()),
    "odd words": ([R, "format_night_report", [[ODD]], {}], {"escaped", "weather", "no link"}),
    "no summary": ([R, "format_night_report", [[{**PLAIN, "summary": None}]], {}], {"raises TypeError"}),
    "no reports": ([R, "format_night_report", [[]], {}], {"raises IndexError"}),
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture(scope="module")
def theirs(box: Box, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    questions = {name: question for name, (question, _) in (FOUND | REPORTS).items()}
    refused = {name: question for name, (question, _) in REFUSED.items()}
    return rubin_nights_and_its_log(box, tmp_path_factory.mktemp("guest"), questions | refused)


@pytest.fixture(scope="module")
def ours(box: Box) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()


def told_apart(there: dict[str, Any], here: Any) -> set[str]:
    """What is not the same in two answers about night reports."""
    if "raised" in there:
        return {f"raises {there['raised']}"}
    if isinstance(here, str):
        return told_apart_html(there["value"], here)
    found = set()
    reports, shown = there["value"]
    if reports != here[0]:
        found.add("order of reports")
        assert sorted(map(str, reports)) == sorted(map(str, here[0]))
    return found | told_apart_html(shown, here[1])


def told_apart_html(there: str, here: str) -> set[str]:
    theirs, mine = ({piece.partition("</strong>")[0]: piece for piece in text.split("<p>")} for text in (there, here))
    found = {"weather" if "Weather" in title else f"only here: {title}" for title in mine.keys() - theirs.keys()}
    found |= {f"only there: {title}" for title in theirs.keys() - mine.keys()}
    for title in mine.keys() & theirs.keys():
        if mine[title] == theirs[title]:
            continue
        if html.unescape(mine[title]) == theirs[title]:
            found.add("escaped")
        elif "plan" in title:
            found.add("name of the plan" if "<a" in mine[title] else "no link")
        else:
            found.add("another report")
    return found


@pytest.mark.parametrize("name", FOUND)
def test_the_official_clients_get_the_same_cells(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    question, expected = FOUND[name]
    assert theirs[name]["said"] == []
    mine = asked(ours, question)
    found = differences(theirs[name], mine)
    assert {"nights" if label == "rows" and question[0] == E else label for label in found} == expected
    assert len(mine) or name.startswith("no ")


@pytest.mark.parametrize("name", REPORTS)
def test_the_official_client_gives_the_same_reports(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    question, expected = REPORTS[name]
    assert theirs[name]["said"] == (["No night report available for 20260319"] if 20260319 in question[2] else [])
    assert told_apart(theirs[name], asked(ours, question)) == expected


def test_each_reason_is_needed() -> None:
    assert {label for _, labels in (FOUND | REPORTS).values() for label in labels} == set(REASONS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_asked_is_an_error_here(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    question, kind = REFUSED[name]
    assert "raised" not in theirs[name]
    with pytest.raises(kind):
        asked(ours, question)


# -- the differences that are about values, to the last cell


def test_only_components_beside_others_are_lost_there(ours: Clients, theirs: dict[str, Any]) -> None:
    mine, lost = asked(ours, FOUND["a night, with an end"][0]), 0
    for (_, row), there in zip(mine.iterrows(), theirs["a night, with an end"]["columns"]["component"], strict=True):
        if there != row["component"]:
            lost += 1
            assert there == "Log"
            assert row["component"] == f"Log {' '.join(row['components'])}"
    assert 0 < lost < len(mine)


def test_messages_about_noon_belong_to_the_day_of_their_clock(ours: Clients, theirs: dict[str, Any]) -> None:
    """At noon, 20 and 36.999999 seconds later TAI has another day than UTC; from 37 seconds on it has the same."""
    mine = asked(ours, FOUND["a night in UTC"][0])
    there = dict(zip(*(theirs["a night in UTC"]["columns"][name] for name in ("id", "date_begin")), strict=True))
    only_there = {when for number, when in there.items() if number not in set(mine["id"])}
    assert only_there == {"2026-03-20T12:00:00", "2026-03-20T12:00:20", "2026-03-20T12:00:36.999999"}
    assert set(mine["id"]) < set(there)
    assert "2026-03-20T12:00:37" in set(mine["date_begin"])


def test_a_night_whose_messages_have_no_end_is_whole_here(ours: Clients, theirs: dict[str, Any]) -> None:
    mine = asked(ours, FOUND["a night"][0])
    ended = theirs["a night, with an end"]["columns"]["id"]
    assert mine["date_end"].isna().sum() == len(mine) - len(ended) > 0
    assert set(ended) < set(mine["id"])


def test_two_hours_after_midnight_have_their_night_here(ours: Clients) -> None:
    assert set(asked(ours, FOUND["exposures of two hours"][0])["day_obs"]) == {20260320}
    assert set(asked(ours, FOUND["exposures of a night in UTC"][0])["day_obs"]) == {20260320, 20260321}


def test_the_latest_report_is_shown_here(ours: Clients, theirs: dict[str, Any]) -> None:
    here, there = asked(ours, REPORTS["two reports"][0])[1], theirs["two reports"]["value"][1]
    assert ("after 25 h" in here, "after 23 h" in there) == (True, True)


def test_it_asked_this_sandbox(box: Box, theirs: dict[str, Any]) -> None:
    for service in ("narrativelog", "exposurelog", "nightreport"):
        hosts = {seen.host for seen in box.controls.requests(service)}
        assert "usdf-rsp.slac.stanford.edu" in hosts, service
