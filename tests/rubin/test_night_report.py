"""Night reports: the latest valid one first, no report is no error, and nothing that people wrote becomes HTML."""

import asyncio
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.rubin.logging_query import AsyncNightReportClient, NightReportClient
from skykey.sandbox import Box, running
from skykey.values.errors import Interrupted, NotFound, UsageError
from tests.rubin.scripted_log import AUTH, Row, ScriptedLog, identity, report
from tests.wire.server import as_json, serving

format_night_report = NightReportClient.format_night_report


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


def night(*rows: Row, asynchronous: bool = False, **more: Any) -> tuple[list[Row], str]:
    with serving(ScriptedLog(list(rows))) as server:
        if asynchronous:
            return asyncio.run(AsyncNightReportClient(server.url, AUTH).query_night_report("2025-06-20", **more))
        return NightReportClient(server.url, AUTH).query_night_report("2025-06-20", **more)


# -- which


@pytest.mark.parametrize("day_obs", [20251231, "20251231", "2025-12-31"])
def test_a_night_in_each_spelling(day_obs: Any) -> None:
    asked = NightReportClient.query_params(day_obs)
    assert asked == {"min_day_obs": 20251231, "max_day_obs": 20260101, "is_valid": "true"}


@pytest.mark.parametrize("day_obs", ["2025-12", "yesterday", 20251301, "", None, 2025.0])
def test_what_is_no_night_is_refused(day_obs: Any) -> None:
    with serving(lambda _: as_json("[]")) as server:
        with pytest.raises(UsageError):
            NightReportClient(server.url, AUTH).query_night_report(day_obs)
        assert server.seen == []


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
@pytest.mark.parametrize(
    ("others", "latest"),
    [
        ([report(1, date_added="2025-06-21T09:00:00"), report(2, date_added="2025-06-21T09:00:00.5")], 2),
        ([report(2, date_added="2025-06-21T09:00:00"), report(1, date_added="2025-06-21T09:00:01")], 1),
        # An edit has its parent's date of adding; that it was sent again is what is new.
        ([report(1, date_sent="2025-06-21T12:00:00"), report(2, date_sent="2025-06-21T11:00:00")], 1),
        ([report(1, date_sent="2025-06-21T12:00:00"), report(2, date_added="2025-06-21T11:00:00")], 1),
        ([report(1, date_sent="2025-06-21T12:00:00"), report(2, date_added="2025-06-21T13:00:00")], 2),
        ([report(1, date_added=None), report(2)], 2),
    ],
)
def test_the_latest_report_is_the_first_and_the_one_that_is_shown(
    others: list[Row], latest: int, asynchronous: bool
) -> None:
    for rows in (others, others[::-1]):
        found, html = night(*rows, asynchronous=asynchronous)
        assert len(found) == 2
        assert found[0]["id"] == identity(latest)
        assert f"report {latest}" in html


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_no_report_is_said_and_is_no_error(asynchronous: bool) -> None:
    found, html = night(asynchronous=asynchronous)
    assert found == []
    assert "no night report" in html
    assert "20250620" in html
    assert night(asynchronous=asynchronous, return_html=False) == ([], "")
    assert format_night_report([]) == "<p>There is no night report."


def test_html_only_where_it_is_wanted() -> None:
    assert night(report(1), return_html=False) == ([report(1)], "")


def test_only_valid_reports_of_that_night_are_asked_for() -> None:
    with serving(lambda _: as_json("[]")) as server:
        NightReportClient(server.url, AUTH).query_night_report(20250630)
        asked = parse_qs(urlsplit(server.seen[0].target).query)
    assert asked["is_valid"] == ["true"]
    assert (asked["min_day_obs"], asked["max_day_obs"]) == (["20250630"], ["20250701"])


def test_the_services_reports(box: Box) -> None:
    client = NightReportClient(box.site_url, ("user", box.token))
    everything = client.query()
    assert len(everything) > 1
    assert everything == client.query({"limit": 1000})
    for one in everything:
        found, html = client.query_night_report(one["day_obs"])
        assert one in found
        assert html == format_night_report(found)
    listed = asyncio.run(client.async_query(min_day_obs=everything[0]["day_obs"]))
    assert everything[0] in listed


# -- how it looks


def test_the_documented_pieces_in_order() -> None:
    html = format_night_report(
        [
            report(
                1,
                confluence_url="https://example.org/page#night-BLOCK-123",
                summary="first\n\n\nsecond\nthird",
                maintel_summary="main\n\nmore",
                auxtel_summary="aux",
                telescope_status="fine\nand well",
            )
        ]
    )
    assert html == (
        "<p> <strong>Observing crew: </strong> ['A B', 'C D'] <br>"
        "<p> <strong>Night plan: </strong> <a href='https://example.org/page#night-BLOCK-123' target='_blank' "
        "ref='noreferrer noopener'>BLOCK-123</a> <br>"
        "<p> <strong>Summary:</strong><br>first<br>second<br>third"
        "<p> <strong> maintel summary: </strong><br>main<br>more"
        "<p> <strong> auxtel summary: </strong><br>aux"
        "<p> <strong>Status:</strong><br>fine<br>and well"
    )


@pytest.mark.parametrize(
    ("telescope", "shown"),
    [
        (None, {"main", "aux"}),
        ("AuxTel", {"aux"}),
        ("auxiliary", {"aux"}),
        ("Simonyi", {"main"}),
        ("MainTel", {"main"}),
        ("other", {"main", "aux"}),
    ],
)
def test_the_summary_of_one_telescope(telescope: str | None, shown: set[str]) -> None:
    one = report(1, maintel_summary="MAIN", auxtel_summary="AUX")
    html = format_night_report(one, telescope)
    assert {name for name in ("main", "aux") if f">{name.upper()}" in html} == shown
    assert night(one, telescope=telescope)[1] == html


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://example.org/page#a-BLOCK-1-BLOCK-2", "BLOCK-2"),
        ("https://example.org/page#BLOCK", "https://example.org/page#BLOCK"),
        ("https://example.org/page", "https://example.org/page"),
        ("https://example.org/BLOCK-7", "https://example.org/BLOCK-7"),
    ],
)
def test_the_plans_name(url: str, text: str) -> None:
    html = format_night_report(report(1, confluence_url=url))
    assert f"<a href='{url}' target='_blank' ref='noreferrer noopener'>{text}</a>" in html


def test_what_is_null_or_not_there_is_left_out() -> None:
    nulls = dict.fromkeys(report(1))
    assert format_night_report(nulls) == ""
    assert format_night_report({}) == ""
    assert (
        format_night_report([nulls | {"summary": "x", "telescope_status": None}])
        == "<p> <strong>Summary:</strong><br>x"
    )
    assert "Weather:</strong><br>windy" in format_night_report(report(1, weather="windy"))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "https://[", "//example.org", "plan 7"]
)
def test_a_link_leads_to_the_web_or_is_none(url: str) -> None:
    html = format_night_report(report(1, confluence_url=url))
    assert "href" not in html
    assert url in html


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>&lt;b&gt;"
TEXTS = st.one_of(st.just(HOSTILE), st.text("<>&'\"/= ab\n\rBLOCK#%:-javscript", max_size=30))


@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_people_wrote_becomes_html(name: str, summary: str, path: str) -> None:
    html = format_night_report(
        report(
            1,
            observers_crew=[name],
            summary=summary,
            maintel_summary=summary,
            auxtel_summary=name,
            weather=summary,
            telescope_status=name,
            confluence_url=f"https://example.org/{path}",
        )
    )
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert {tag for tag, _ in tags.found} <= {"p", "strong", "br", "a"}
    links = [dict(attributes) for tag, attributes in tags.found if tag == "a"]
    assert all(set(link) == {"href", "target", "ref"} for link in links)
    assert all(str(link["href"]).startswith("https://example.org/") for link in links)
    assert all(not attributes for tag, attributes in tags.found if tag != "a")
    for line in summary.replace("\r\n", "\n").split("\n"):
        assert line in tags.text


# -- writing


def test_a_report_is_added_changed_and_deleted(box: Box) -> None:
    client = NightReportClient(box.site_url, ("user", box.token))
    made = client.add_report("2024-05-06", "quiet", user_id="ada", observers_crew=["A B"], weather="clear")
    assert made["day_obs"] == 20240506
    edited = client.edit_report(made["id"], summary="not quiet")
    assert edited["parent_id"] == made["id"]
    found, html = client.query_night_report(20240506)
    assert [one["id"] for one in found] == [edited["id"]]
    assert "not quiet" in html
    client.delete_report(edited["id"])
    assert client.query_night_report(20240506)[0] == []
    assert client.get_report(edited["id"])["is_valid"] is False

    async def main() -> None:
        log = AsyncNightReportClient(box.site_url, ("user", box.token))
        one = await log.add_report(20240507, "x", user_id="bob")
        await log.delete_report((await log.edit_report(one["id"], weather="y"))["id"])
        with pytest.raises(NotFound):
            await log.get_report(identity(77))

    asyncio.run(main())


def test_what_cannot_be_written_is_refused_before_it_is_sent() -> None:
    with serving(lambda _: as_json(json.dumps(report(1)))) as server:
        client = NightReportClient(server.url, AUTH)
        for way in (
            lambda: client.add_report(20240507, "x", user_id="ada", telescope="AuxTel"),
            lambda: client.add_report("20240230", "x", user_id="ada"),
            lambda: client.edit_report(identity(1), weather=None),
            lambda: client.edit_report("1", weather="x"),
        ):
            with pytest.raises(UsageError):
                way()
        assert server.seen == []


def test_a_lost_answer_says_what_is_unknown() -> None:
    with serving(lambda _: None) as server:
        with pytest.raises(Interrupted, match="nobody knows whether the report was changed") as caught:
            NightReportClient(server.url, AUTH).edit_report(identity(1), weather="x")
        assert len(server.seen) == 1
    assert "get_report" in str(caught.value.next)
