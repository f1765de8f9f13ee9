"""The three logs answer as the contract of the real ones says."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from skykey.sandbox import Box

NARRATIVE = """
id site_id message_text level tags urls time_lost date_begin user_id user_agent is_human is_valid date_added
date_invalidated parent_id systems subsystems cscs date_end components primary_software_components
primary_hardware_components category time_lost_type components_json
"""
EXPOSURE = """
id site_id obs_id instrument day_obs seq_num message_text level tags urls user_id user_agent is_human is_valid
exposure_flag date_added date_invalidated parent_id
"""
REPORT = """
id site_id day_obs summary weather maintel_summary auxtel_summary confluence_url user_id user_agent date_added
date_sent is_valid date_invalidated parent_id observers_crew
"""
REGISTRY = """
obs_id id instrument observation_type observation_reason day_obs seq_num group_name target_name
science_program tracking_ra tracking_dec sky_angle timespan_begin timespan_end
"""
NEW = {
    "narrativelog/messages": {"message_text": "m", "level": 20, "user_id": "u", "user_agent": "a", "is_human": True},
    "exposurelog/messages": {
        "obs_id": "MC_O_20260320_000042",
        "instrument": "LSSTCam",
        "message_text": "m",
        "user_id": "u",
        "user_agent": "a",
        "is_human": True,
        "is_new": False,
    },
    "nightreport/reports": {
        "day_obs": 20990101,
        "summary": "s",
        "confluence_url": "",
        "user_id": "u",
        "user_agent": "a",
    },
}
LONG = {"min_date_begin": "2026-03-20T12:00:00", "max_date_begin": "2026-03-21T12:00:00", "limit": 5000}


class Site:
    """One way to ask the logs of a box."""

    def __init__(self, ask: Any, box: Box) -> None:
        self._ask, self._box = ask, box

    def __call__(self, path: str, sent: Any = None, method: str = "GET", body: Any = None, **more: Any) -> Any:
        query = f"?{urlencode(sent, doseq=True)}" if sent else ""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        token = more.pop("token", self._box.token)
        return self._ask(f"{self._box.site_url}/{path}{query}", token, method=method, body=content, **more)

    def rows(self, path: str, **sent: Any) -> list[dict[str, Any]]:
        answer = self(path, sent)
        assert answer.status == 200, answer.body
        return list(answer.json)


@pytest.fixture
def site(ask: Any, box: Box) -> Site:
    return Site(ask, box)


@pytest.mark.parametrize("path", [*NEW, "exposurelog/exposures", "nightreport/configuration"])
def test_the_gatekeeper_stands_before_them_and_asks_for_no_scope(site: Site, box: Box, path: str) -> None:
    sent = {"instrument": "LATISS"}
    assert site(path, sent, token=None).status == 401
    poor = box.controls.mint([])
    assert site(path, sent, token=poor).status == 200


def test_fields_come_in_the_documented_order(site: Site) -> None:
    expected = {"narrativelog/messages": NARRATIVE, "exposurelog/messages": EXPOSURE, "nightreport/reports": REPORT}
    for path, names in expected.items():
        assert {tuple(row) for row in site.rows(path, is_valid="either", limit=5000)} == {tuple(names.split())}
    assert {tuple(row) for row in site.rows("exposurelog/exposures", instrument="LATISS")} == {tuple(REGISTRY.split())}


def test_values_are_written_as_the_servers_write_them(site: Site) -> None:
    rows = site.rows("narrativelog/messages", is_valid="either", limit=5000)
    dates = {row[name] for row in rows for name in ("date_begin", "date_end", "date_added", "date_invalidated")} - {
        None
    }
    assert {len(date) for date in dates} == {len("2026-03-20T12:00:00"), len("2026-03-20T12:00:00.123456")}
    assert not any("Z" in date or "+" in date for date in dates)
    assert {row["time_lost"] for row in rows} >= {0.0, 5.5, 1800.0}
    assert all(isinstance(row["time_lost"], float) for row in rows)
    body = site("narrativelog/messages", {"message_text": "🌌"}).body
    assert "🌌".encode() in body
    assert b'": ' not in body


def test_the_bundled_night_has_what_clients_stumble_over(site: Site) -> None:
    night = site.rows("narrativelog/messages", **LONG)
    assert len(night) > 120
    begins = [row["date_begin"] for row in night]
    assert len(set(begins)) < len(begins)
    assert {"2026-03-20T12:00:20", "2026-03-20T12:00:36.999999", "2026-03-20T12:00:37"} <= set(begins)
    assert any(row["date_end"] is None for row in night)
    assert {json.dumps(row["components_json"])[:8] for row in night} == {"null", "{}", '{"name":'}
    assert any("\r\n" in row["message_text"] for row in night)
    assert any("<b>" in row["message_text"] for row in night)
    assert any(row["parent_id"] for row in night)
    assert {row["systems"] is None for row in night} == {True, False}
    assert {row["exposure_flag"] for row in site.rows("exposurelog/messages", limit=500)} == {
        *("none", "junk", "questionable")
    }


def test_night_reports_are_none_one_or_two_a_night(site: Site) -> None:
    rows = site.rows("nightreport/reports", limit=100)
    assert sorted(row["day_obs"] for row in rows if row["day_obs"] < 20990101) == [
        *(20260318, 20260320, 20260321, 20260321)
    ]
    # In the order of ids, which is the servers', the latest is not the first.
    last = [row["date_added"] for row in rows if row["day_obs"] == 20260321]
    assert last == sorted(last)
    first = next(row for row in rows if row["day_obs"] == 20260318)
    assert first["weather"] is first["maintel_summary"] is first["date_sent"] is None


def test_a_page_is_of_fifty_in_the_order_of_ids(site: Site) -> None:
    page = site.rows("narrativelog/messages")
    ids = [row["id"] for row in site.rows("narrativelog/messages", limit=5000)]
    assert ids == sorted(ids)
    assert [row["id"] for row in page] == ids[:50]


@pytest.mark.parametrize("order", ["date_begin", "-date_begin", "level", "-site_id", "tags"])
def test_pages_of_equal_keys_neither_lose_nor_repeat(site: Site, order: str) -> None:
    pages = [site.rows("narrativelog/messages", order_by=order, offset=at, limit=50) for at in (0, 50, 100, 150)]
    whole = site.rows("narrativelog/messages", order_by=order, limit=5000)
    assert [row for page in pages for row in page] == whole[:200]
    for one, other in pairwise(whole):
        if one[order.removeprefix("-")] == other[order.removeprefix("-")]:
            assert one["id"] < other["id"]


def test_nulls_come_last_and_first_where_the_order_is_turned(site: Site) -> None:
    up = [row["date_begin"] for row in site.rows("narrativelog/messages", order_by="date_begin", limit=5000)]
    down = [row["date_begin"] for row in site.rows("narrativelog/messages", order_by="-date_begin", limit=5000)]
    assert up[-1] is None is down[0]
    assert [date for date in up if date] == sorted(date for date in up if date)
    assert down == up[::-1]


def test_orders_are_repeatable_and_the_first_counts_most(site: Site) -> None:
    rows = site.rows("narrativelog/messages", order_by=["-level", "user_id", "-id"], limit=5000)
    keys = [(-row["level"], row["user_id"]) for row in rows]
    assert keys == sorted(keys)
    same = [row["id"] for row in rows if (row["level"], row["user_id"]) == (rows[0]["level"], rows[0]["user_id"])]
    assert same == sorted(same, reverse=True)


@pytest.mark.parametrize("path", [*NEW, "exposurelog/exposures"])
def test_an_unknown_order_is_400_and_names_the_known_ones(site: Site, path: str) -> None:
    answer = site(path, {"order_by": ["id", "bad"], "instrument": "LATISS"})
    assert answer.status == 400
    assert answer.json["detail"].startswith("Invalid order_by fields: ['bad']; allowed values are ('")
    assert "'-day_obs'" in answer.json["detail"] or "'-date_begin'" in answer.json["detail"]


def entry(name: str, words: str, kind: str, **context: Any) -> dict[str, Any]:
    return {"loc": ["query", name], "msg": words, "type": kind} | ({"ctx": context} if context else {})


TOO_FEW = entry("limit", "ensure this value is greater than 1", "value_error.number.not_gt", limit_value=1)
NEGATIVE = entry(
    "offset", "ensure this value is greater than or equal to 0", "value_error.number.not_ge", limit_value=0
)
STATES = ["either", "true", "false"]
NO_STATE = "value is not a valid enumeration member; permitted: 'either', 'true', 'false'"


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        ("limit=1", [TOO_FEW]),
        ("limit=0&offset=-1", [NEGATIVE, TOO_FEW]),
        ("limit=many", [entry("limit", "value is not a valid integer", "type_error.integer")]),
        ("is_human=", [entry("is_human", NO_STATE, "type_error.enum", enum_values=STATES)]),
        ("is_valid=True", [entry("is_valid", NO_STATE, "type_error.enum", enum_values=STATES)]),
        ("has_parent_id=2", [entry("has_parent_id", "value could not be parsed to a boolean", "type_error.bool")]),
        ("min_level=2.5", [entry("min_level", "value is not a valid integer", "type_error.integer")]),
        ("min_date_added=2026-03-20", [entry("min_date_added", "invalid datetime format", "value_error.datetime")]),
        ("min_time_lost=x", [entry("min_time_lost", "invalid duration format", "value_error.duration")]),
    ],
)
def test_what_cannot_be_read_is_422_with_every_entry(site: Site, sent: str, detail: list[Any]) -> None:
    answer = site(f"narrativelog/messages?{sent}")
    assert (answer.status, answer.json) == (422, {"detail": detail})


def test_elements_of_lists_are_numbered(site: Site) -> None:
    answer = site("exposurelog/messages", {"exposure_flags": ["junk", "bad"]})
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["query", "exposure_flags", 1]


@pytest.mark.parametrize(
    "path",
    ["narrativelog/messages/", "exposurelog/messages/", "nightreport/reports/", "nightreport/configuration/"],
)
def test_a_trailing_slash_is_no_redirect(site: Site, path: str) -> None:
    assert site(path).status == 200


def test_small_documents(site: Site) -> None:
    assert site("narrativelog/configuration").json == {"site_id": "usdf"}
    assert site("nightreport/configuration").json == {"site_id": "usdf"}
    assert list(site("exposurelog/configuration").json) == ["site_id", "butler_uri_1", "butler_uri_2", "butler_uri_3"]
    assert site("narrativelog/version").json == {"version": "0.7.0"}
    assert site("exposurelog/version").status == 404
    assert site("exposurelog/instruments").json == {
        "butler_instruments_1": ["LATISS", "LSSTCam"],
        "butler_instruments_2": [],
        "butler_instruments_3": [],
    }
    assert site("narrativelog/").headers["Content-Type"].startswith("text/html")
    assert site("narrativelog/nothing").json == {"detail": "Not Found"}
    assert site("narrativelog/messages", method="PUT").json == {"detail": "Method Not Allowed"}


def test_a_space_stands_for_the_t(site: Site) -> None:
    sent = {"min_date_begin": "2026-03-20 12:00:00", "max_date_begin": "2026-03-21 12:00:00", "limit": 5000}
    assert site.rows("narrativelog/messages", **sent) == site.rows("narrativelog/messages", **LONG)


def test_a_minimum_is_within_and_a_maximum_is_not(site: Site) -> None:
    noon = "2026-03-20T12:00:37"
    at = {row["date_begin"] for row in site.rows("narrativelog/messages", min_date_begin=noon, limit=5000)}
    before = {row["date_begin"] for row in site.rows("narrativelog/messages", max_date_begin=noon, limit=5000)}
    assert noon in at
    assert noon not in before
    assert "2026-03-20T12:00:36.999999" in before
    days = {row["day_obs"] for row in site.rows("exposurelog/messages", min_day_obs=20260319, max_day_obs=20260320)}
    assert days == {20260319}


def test_valid_is_the_default_and_either_is_all(site: Site) -> None:
    counts = {
        state: len(site.rows("exposurelog/messages", is_valid=state, limit=5000))
        for state in ("true", "false", "either")
    }
    assert counts["true"] == len(site.rows("exposurelog/messages", limit=5000))
    assert counts["true"] + counts["false"] == counts["either"]
    assert all(counts.values())
    old = site.rows("exposurelog/messages", is_valid="false", limit=5000)
    assert all(row["date_invalidated"] and not row["is_valid"] for row in old)


def test_categories_and_types_of_lost_time_are_declared_and_never_applied(site: Site) -> None:
    everything = site.rows("narrativelog/messages", limit=5000)
    for name in ("categories", "exclude_categories", "time_lost_types", "exclude_time_lost_types"):
        assert site.rows("narrativelog/messages", **{name: ["ENG", "fault"], "limit": 5000}) == everything


def test_lists_overlap_by_whole_elements_and_null_matches_neither(site: Site) -> None:
    everything = site.rows("narrativelog/messages", limit=5000)
    assert site.rows("narrativelog/messages", systems="Mou", limit=5000) == []
    inside = site.rows("narrativelog/messages", systems=["Mount", "Nothing"], limit=5000)
    outside = site.rows("narrativelog/messages", exclude_systems="Mount", limit=5000)
    assert inside == [row for row in everything if "Mount" in (row["systems"] or [])]
    assert outside == [row for row in everything if row["systems"] is not None and "Mount" not in row["systems"]]


def test_tags_are_lowered_and_checked(site: Site) -> None:
    upper = site.rows("narrativelog/messages", tags="CLOUDS", limit=5000)
    assert upper
    assert all("clouds" in row["tags"] for row in upper)
    assert not any("clouds" in row["tags"] for row in site.rows("narrativelog/messages", exclude_tags="clouds"))
    for bad in ("a", "1a", "a-b", ""):
        answer = site("narrativelog/messages", {"tags": ["wind", bad]})
        assert (answer.status, answer.json) == (400, {"detail": f"Invalid tags: [{bad!r}]"})


def test_components_are_found_by_containment(site: Site) -> None:
    everything = site.rows("narrativelog/messages", limit=5000)
    path = json.dumps({"children": [{"children": [{"name": "MTMount CSC"}]}]})
    inside = site.rows("narrativelog/messages", components_path=[path, '{"name": "Nothing"}'], limit=5000)
    assert inside == [row for row in everything if (row["components_json"] or {}).get("name") == "Simonyi"]
    outside = site.rows("narrativelog/messages", exclude_components_path=path, limit=5000)
    some = [row for row in everything if row["components_json"] is not None]
    assert outside == [row for row in some if row not in inside]
    answer = site("narrativelog/messages", {"components_path": "{"})
    assert answer.status == 400
    assert "components_path" in answer.json["detail"]


def test_texts_are_matched_as_like_does(site: Site) -> None:
    def texts(part: str) -> set[str]:
        return {row["message_text"] for row in site.rows("narrativelog/messages", message_text=part, limit=5000)}

    assert texts("slewed") == set()
    assert len(texts("Slewed")) == 1
    assert texts("Sl_w%field") == texts("Slewed")
    assert texts(r"40 \%,") == texts("OBS-1042")
    assert len(texts("\r\n\r\n")) == 1


def test_time_lost_is_asked_for_in_seconds_or_as_a_duration(site: Site) -> None:
    asked = ["1800", "30:00", "00:30:00", "PT30M", "1800.0"]
    counts = {len(site.rows("narrativelog/messages", min_time_lost=text, limit=5000)) for text in asked}
    assert len(counts) == 1
    assert counts != {0}


def test_a_parameter_that_is_no_list_counts_as_it_was_sent_last(site: Site) -> None:
    assert len(site.rows("narrativelog/messages", limit=[10, 3])) == 3


@pytest.mark.parametrize(
    "sent",
    [
        {"min_date_begin": "2026-03-20T12:00:00Z"},
        {"min_date_begin": "2026-03-20T12:00:00+00:00"},
        {"min_date_begin": "20260320"},
        {"min_level": 2**31},
        {"order_by": "components_json"},
    ],
)
def test_what_is_not_played_names_the_real_ones(site: Site, sent: Any) -> None:
    answer = site("narrativelog/messages", sent)
    assert answer.status == 501
    assert "real narrativelog" in answer.json["detail"]


def test_exposures_are_those_of_one_instrument(site: Site) -> None:
    rows = site.rows("exposurelog/exposures", instrument="LSSTCam", min_day_obs=20260320, max_day_obs=20260321, limit=1)
    assert [row["obs_id"] for row in rows] == ["MC_O_20260320_000001"]
    rows = site.rows("exposurelog/exposures", instrument="LSSTCam", limit=5000)
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert (
        {row["tracking_ra"] is None for row in rows} == {row["timespan_begin"] is None for row in rows} == {True, False}
    )
    assert site.rows("exposurelog/exposures", instrument="HSC") == []
    missing = {"loc": ["query", "instrument"], "msg": "field required", "type": "value_error.missing"}
    assert site("exposurelog/exposures").json == {"detail": [missing]}
    answer = site("exposurelog/exposures", {"instrument": "LSSTCam", "registry": 2})
    assert (answer.status, answer.json["detail"]) == (404, "registry=2 but no second registry configured")
    assert site("exposurelog/exposures", {"instrument": "LSSTCam", "registry": 3}).status == 422
    assert site("exposurelog/exposures", {"instrument": "LSSTCam", "registry": 0}).status == 422
    assert site("exposurelog/exposures", {"instrument": "LSSTCam", "order_by": "instrument"}).status == 400


def test_exposures_overlap_the_dates(site: Site) -> None:
    """Exposure 42 lasts from 03:54:00 to 03:54:31.25."""

    def found(least: str, most: str) -> list[int]:
        sent = {"min_date": f"2026-03-21 {least}", "max_date": f"2026-03-21 {most}"}
        return [row["seq_num"] for row in site.rows("exposurelog/exposures", instrument="LSSTCam", **sent)]

    assert found("03:54:10", "03:54:20") == [42]
    assert found("03:54:31.250000", "03:59:00") == []
    assert found("03:50:00", "03:54:00") == []
    assert found("03:50:00", "03:54:00.000001") == [42]
    assert found("03:54:10", "03:54:10") == []


@pytest.mark.parametrize("path", NEW)
def test_a_row_is_written_edited_and_deleted(site: Site, path: str) -> None:
    answer = site(path, method="POST", body=NEW[path] | {"unknown": 1})
    assert answer.status == 200
    first = answer.json
    kept = {name: value for name, value in NEW[path].items() if name != "is_new"}
    assert first | kept | {"site_id": "usdf", "is_valid": True, "parent_id": None} == first
    assert site(f"{path}/{first['id']}").json == first

    text = "summary" if "summary" in first else "message_text"
    sent = {text: "changed", "site_id": "base", "user_id": None, "obs_id": "ignored", "instrument": "ignored"}
    second = site(f"{path}/{first['id']}", method="PATCH", body=sent).json
    assert second["id"] != first["id"] == second["parent_id"]
    assert second.get("obs_id") == first.get("obs_id")
    assert (second[text], second["site_id"], second["user_id"]) == ("changed", "usdf", "u")
    assert (second["date_added"] == first["date_added"]) is path.startswith("nightreport")
    old = site(f"{path}/{first['id']}").json
    assert old["is_valid"] is False
    assert old["date_invalidated"]

    gone = site(f"{path}/{second['id']}", method="DELETE")
    assert (gone.status, gone.body) == (204, b"")
    when = site(f"{path}/{second['id']}").json["date_invalidated"]
    assert site(f"{path}/{second['id']}", method="DELETE").status == 204
    assert site(f"{path}/{second['id']}").json["date_invalidated"] == when
    assert second["id"] not in [row["id"] for row in site.rows(path, limit=5000)]


@pytest.mark.parametrize("path", NEW)
def test_who_is_not_there_is_404(site: Site, path: str) -> None:
    nobody, noun = "12345678-1234-4234-8234-123456789abc", path.rpartition("/")[2].removesuffix("s")
    for method in ("GET", "DELETE"):
        answer = site(f"{path}/{nobody}", method=method)
        assert (answer.status, answer.json) == (404, {"detail": f"No {noun} found with id={nobody}"})
    answer = site(f"{path}/{nobody}", method="PATCH", body={})
    edited = "NightReport" if noun == "report" else "Message"
    assert (answer.status, answer.json) == (404, {"detail": f"{edited} with id={nobody} not found"})
    assert site(f"{path}/nobody").status == 501


def test_a_body_that_cannot_be_read_says_where(site: Site) -> None:
    body = NEW["narrativelog/messages"] | {"level": "high", "user_id": None, "tags": ["ok", {}], "components_json": []}
    answer = site("narrativelog/messages", method="POST", body=body)
    assert answer.status == 422
    assert {(*error["loc"], error["type"]) for error in answer.json["detail"]} == {
        ("body", "level", "type_error.integer"),
        ("body", "user_id", "value_error.missing"),
        ("body", "tags", 1, "type_error.str"),
        ("body", "components_json", "type_error.dict"),
    }
    answer = site("narrativelog/messages", method="POST", body=b"{")
    assert (answer.status, answer.json["detail"][0]["type"]) == (422, "value_error.jsondecode")
    answer = site("nightreport/reports", method="POST")
    assert [error["loc"][1] for error in answer.json["detail"]] == list(NEW["nightreport/reports"])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert site("nightreport/reports", method="POST", body=b"{}", headers=form).status == 422


@pytest.mark.parametrize("name", ["date_begin", "date_end"])
def test_a_new_date_with_a_time_zone_is_400(site: Site, name: str) -> None:
    body = NEW["narrativelog/messages"] | {name: "2026-03-20T12:00:00Z"}
    answer = site("narrativelog/messages", method="POST", body=body)
    assert (answer.status, answer.json) == (400, {"detail": f"{name} must not have a time zone suffix"})


def test_new_tags_are_lowered_and_checked(site: Site) -> None:
    path = "narrativelog/messages"
    row = site(path, method="POST", body=NEW[path] | {"tags": ["Some_Tag"], "time_lost": 60}).json
    assert (row["tags"], row["time_lost"]) == (["some_tag"], 60.0)
    assert site(f"{path}/{row['id']}", method="DELETE").status == 204
    assert site(path, method="POST", body=NEW[path] | {"tags": ["no-tag"]}).status == 400


def test_a_message_is_of_an_exposure_that_there_is(site: Site) -> None:
    body = NEW["exposurelog/messages"] | {"obs_id": "MC_O_20260320_999999"}
    answer = site("exposurelog/messages", method="POST", body=body)
    assert answer.status == 404
    assert answer.json["detail"].startswith("No exposure found in registries=")
    row = site("exposurelog/messages", method="POST", body=NEW["exposurelog/messages"]).json
    assert (row["day_obs"], row["seq_num"], row["level"], row["exposure_flag"]) == (20260320, 42, 20, "none")
    assert site(f"exposurelog/messages/{row['id']}", method="DELETE").status == 204


def test_new_rows_are_dated_in_tai_by_the_sandboxs_clock(site: Site, box: Box) -> None:
    box.controls.clock(3600)
    row = site("nightreport/reports", method="POST", body=NEW["nightreport/reports"]).json
    expected = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1, seconds=37)
    assert abs(datetime.fromisoformat(row["date_added"]) - expected) < timedelta(seconds=20)
    assert site(f"nightreport/reports/{row['id']}", method="DELETE").status == 204


def test_they_can_be_made_to_fail_each_by_its_name(site: Site, box: Box) -> None:
    for path in NEW:
        box.controls.fault("status", service=path.partition("/")[0], status=500)
        assert [site(path).status, site(path).status] == [500, 200]
