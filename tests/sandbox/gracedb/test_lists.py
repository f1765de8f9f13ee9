"""Searches: pages, orders, and questions that are none."""

from typing import Any
from urllib.parse import urlencode

import pytest

from skykey.sandbox import Box
from skykey.sandbox.gracedb import lists


def find(api: Any, kind: str, who: str | None = None, **query: Any) -> Any:
    return api(f"{kind}?{urlencode(query)}", who=who)


def test_following_next_leads_through_everything_once(api: Any) -> None:
    page = find(api, "superevents/", query="category: MDC created: 2024-01-01 .. 2025-01-01", count=40, sort="t_0").json
    assert page["links"]["previous"] is None
    seen, starts = [], []
    while True:
        seen += [row["t_0"] for row in page["superevents"]]
        starts.append(len(page["superevents"]))
        assert page["numRows"] == 96
        if page["links"]["next"] is None:
            break
        assert "query=category" in page["links"]["next"]
        page = api(page["links"]["next"], who=None).json
    assert starts == [40, 40, 16]
    assert seen == sorted(set(seen))
    assert api(page["links"]["last"], who=None).json["superevents"] == page["superevents"]
    assert len(api(page["links"]["first"], who=None).json["superevents"]) == 40
    assert len(api(page["links"]["previous"], who=None).json["superevents"]) == 40


def test_a_last_page_that_is_full_has_no_next(api: Any) -> None:
    query = "category: MDC created: 2024-01-01 .. 2025-01-01"
    links = find(api, "superevents/", query=query, count=48, start=48).json["links"]
    assert (links["next"], links["self"]) == (None, links["last"])


def test_no_page_is_larger_than_the_servers_own_limit(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_PAGE", {"event": 5, "superevent": 20})
    monkeypatch.setattr(lists, "_LARGEST", 10)
    for kind, sizes in (("events/", [5, 10]), ("superevents/", [20, 20])):
        found = [find(api, kind, **sent).json for sent in ({}, {"count": 50})]
        assert [len(page[kind[:-1]]) for page in found] == sizes
        assert [page["links"]["next"].partition("count=")[2] for page in found] == [str(size) for size in sizes]


@pytest.mark.parametrize(("version", "last"), [("", True), ("v1/", False), ("v2/", True)])
def test_only_newer_servers_name_a_next_page_that_is_not_there(api: Any, version: str, last: bool) -> None:
    links = find(api, f"{version}events/", count=1000).json["links"]
    assert ("next" in links, "previous" in links) == (last, last)
    assert "next" in find(api, f"{version}events/", count=5).json["links"]


@pytest.mark.parametrize(
    ("kind", "sent", "rows"),
    [
        ("events/", {}, 100),
        ("events/", {"count": 0}, 100),
        ("events/", {"count": "x", "start": "-1"}, 100),
        ("events/", {"count": 7}, 7),
        ("superevents/", {"count": 10**7}, 96),
        ("superevents/", {"count": 10**12}, 96),
        ("superevents/", {"start": 94}, 2),
        ("superevents/", {"start": 1000}, 0),
    ],
)
def test_pages_have_a_size_whatever_is_asked(api: Any, kind: str, sent: dict[str, Any], rows: int) -> None:
    query = {} if kind == "events/" else {"query": "category: MDC created: 2024-01-01 .. 2025-01-01"}
    found = find(api, kind, **query, **sent).json
    assert len(found[kind[:-1]]) == rows


@pytest.mark.parametrize(
    ("kind", "sort", "key"),
    [
        ("events/", "far", lambda row: row["far"]),
        ("events/", "pipeline,far", lambda row: (row["pipeline"], row["far"])),
        ("events/", "graceid", lambda row: int(row["graceid"][1:])),
        ("superevents/", "nothing,t_0", lambda row: row["t_0"]),
        ("superevents/", "category,t_0", lambda row: ({"M": "M", "P": "P"}[row["category"][0]], row["t_0"])),
        ("superevents/", "preferred_event", lambda row: int(row["preferred_event_data"]["graceid"][1:])),
        ("superevents/", "id", lambda row: row["created"]),
    ],
)
def test_sorting(api: Any, kind: str, sort: str, key: Any) -> None:
    up, down = (find(api, kind, sort=sign, count=1000).json[kind[:-1]] for sign in (sort, f"-{sort}"))
    assert [key(row) for row in up] == sorted(key(row) for row in up)
    if "," not in sort:
        assert [key(row) for row in down] == sorted((key(row) for row in up), reverse=True)


def test_nothing_comes_last_on_the_way_up(api: Any) -> None:
    values = [row["space_coinc_far"] for row in find(api, "superevents/", sort="space_coinc_far").json["superevents"]]
    known = [value for value in values if value is not None]
    assert None in values
    assert values == sorted(known) + [None] * (len(values) - len(known))


def test_the_newest_comes_first_and_the_later_of_one_second_before_the_earlier(api: Any, event: Any) -> None:
    names = [event() for _ in range(3)]
    assert [row["graceid"] for row in find(api, "events/", "albert", count=3).json["events"]] == names[::-1]


def test_without_a_query_everything_is_found_and_with_one_no_tests(api: Any, event: Any, superevent: Any) -> None:
    name = superevent()
    for query, is_there in (("", True), ("far < 1", False), ("category: Test", True), (f"id: {name}", True)):
        rows = find(api, "superevents/", "albert", query=query, count=1000).json["superevents"]
        assert (name in [row["superevent_id"] for row in rows]) == is_there, query
    assert find(api, "superevents/", query="category: Test").json["numRows"] == 0  # not for strangers


def test_what_others_may_not_see_can_still_be_asked_for_by_those_who_may(api: Any, superevent: Any) -> None:
    name = superevent(category="P")
    preferred = api(f"superevents/{name}/").json["preferred_event"]
    for who, rows in (("albert", 1), (None, 0)):
        assert find(api, "superevents/", who, query=f"preferred_event: {preferred}").json["numRows"] == rows
        assert find(api, "events/", who, query=f"superevent: {name} is_preferred_event: true").json["numRows"] == rows
    assert find(api, "superevents/", "albert", query=f"is_public: false id: {name}").json["numRows"] == 1


@pytest.mark.parametrize(
    ("kind", "classic", "current"),
    [
        ("events/", {"error": "Invalid query"}, "invalid_query"),
        ("superevents/", {"detail": "Invalid query"}, "invalid_query"),
    ],
)
def test_a_question_that_is_none_is_400(api: Any, box: Box, kind: str, classic: Any, current: str) -> None:
    answer = find(api, kind, query="((")
    assert (answer.status, answer.json["error"], answer.json["version"]) == (400, current, "2")
    assert answer.json["message"]
    assert find(api, f"v1/{kind}", query="((").json == classic
    box.controls.gracedb(generation="classic")
    assert (find(api, kind, query="((").status, find(api, kind, query="((").json) == (400, classic)
