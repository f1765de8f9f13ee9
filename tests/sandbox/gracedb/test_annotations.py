"""What is said of events and superevents: logs, tags, labels, signoffs, notices, VOEvents, observations, catalogs."""

import json
from typing import Any

import pytest

from skykey.sandbox import Box


@pytest.fixture(params=["event", "superevent"])
def path(request: pytest.FixtureRequest, event: Any, superevent: Any) -> str:
    return f"events/{event()}/" if request.param == "event" else f"superevents/{superevent()}/"


def logs_of(path: str) -> str:
    return path + ("log/" if path.startswith("events") else "logs/")


# -- logs and tags


def test_entries_are_numbered_and_keep_what_was_said(api: Any, path: str) -> None:
    form = {"comment": "größer <b>&", "tagname": ["pe", "mine"], "displayName": ["", "Mine"], "label": "DQV"}
    answer = api(logs_of(path), "POST", form)
    made, before = answer.json, answer.json["N"] - 1
    assert answer.status == 201
    assert answer.headers["Location"] == (made["self"] if path.startswith("events") else None)
    assert (made["comment"], made["tag_names"], made["issuer"]) == (
        form["comment"],
        ["pe", "mine"],
        "albert.einstein@ligo.org",
    )
    assert (made["filename"], made["file"], made["file_version"]) == ("", None, None)
    assert api(made["self"]).json == made
    whole = api(logs_of(path)).json
    assert (whole["start"], whole["numRows"]) == (0, before + 2)
    assert [log["N"] for log in whole["logs"]] == list(range(1, before + 3))
    assert whole["logs"][-1]["comment"] == "Added label: DQV"
    assert set(whole["links"].values()) == {whole["links"]["self"]}
    assert [api(f"{logs_of(path)}{n}{'' if path.startswith('e') else '/'}").status for n in ("0", "99", "x")] == [
        404
    ] * 3


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"comment": "x", "tagname": "not so"},
        {"comment": "x", "tagname": "a", "displayName": "b,c"},
        {"comment": "x", "label": "none"},
        {"comment": "x", "label": "ADVOK"},
    ],
)
def test_a_wrong_entry_is_not_written(api: Any, path: str, form: dict[str, str]) -> None:
    before = api(logs_of(path)).json["numRows"]
    assert api(logs_of(path), "POST", form).status == 400
    assert api(logs_of(path), "POST", files={"upload": ("a,b", b"")}, form={"comment": "x"}).status == 400
    assert api(logs_of(path)).json["numRows"] == before


def test_lists_of_the_classic_server_have_the_older_key(api: Any, path: str, classic: None) -> None:
    assert "log" in api(logs_of(path)).json
    assert "log" in api("v1/" + logs_of(path)).json


def test_the_first_version_keeps_its_shapes_on_the_current_server(api: Any, path: str) -> None:
    assert "log" in api("v1/" + logs_of(path)).json
    assert "logs" in api("v2/" + logs_of(path)).json


def test_tags_of_events(api: Any, event: Any) -> None:
    tags = f"events/{event()}/log/1/tag/"
    assert api(tags).json["tags"] == []
    assert api(api(tags.removesuffix("tag/").removesuffix("/")).json["tags"]).json == api(tags).json
    answer = api(f"{tags}mine", "PUT", {"displayName": "Mine"})
    assert (answer.status, answer.json) == (201, "Tag created.")
    assert api(f"{tags}mine", "PUT", {}).status == 409
    found = api(f"{tags}mine").json
    assert (found["name"], found["displayName"], "log" in found["links"]) == ("mine", "Mine", True)
    assert [tag["name"] for tag in api(tags).json["tags"]] == ["mine"]
    assert api(tags.replace("log/1/", "")).json["tags"] == {"mine": {"displayName": "", "blessed": False}}
    assert [api(f"{tags}mine", "DELETE").status for _ in range(2)] == [204, 404]
    comments = [log["comment"] for log in api(tags.replace("1/tag/", "")).json["logs"]]
    assert comments[1:] == ["Tagged message 1: mine.", "Removed tag mine from message 1."]


def test_tags_of_superevents(api: Any, superevent: Any) -> None:
    tags = f"superevents/{superevent()}/logs/1/tags/"
    answer = api(tags, "POST", {"name": "mine", "displayName": "Mine"})
    assert (answer.status, answer.json["displayName"]) == (201, "Mine")
    assert api(answer.json["self"]).json == answer.json
    again = api(tags, "POST", {"name": "mine"})
    assert (again.status, "already applied" in again.json) == (400, True)
    assert [api(f"{tags}mine/", "DELETE").status for _ in range(2)] == [204, 404]


def test_what_is_public_is_for_partners_too_and_for_managers_to_say(api: Any, superevent: Any) -> None:
    name = superevent(category="P")
    logs = f"superevents/{name}/logs/"
    api(f"superevents/{name}/permissions/modify/", "POST", {"action": "expose"})
    assert api(logs, who=None).json["numRows"] == 0
    assert api(logs, "POST", {"comment": "x", "tagname": "public"}, who="marie").status == 403
    made = api(logs, "POST", {"comment": "for all", "tagname": "public"}, files={"upload": ("a.txt", b"a")}).json
    assert made["tag_names"] == ["public", "lvem"]
    api(logs, "POST", {"comment": "for some", "tagname": "lvem"}, files={"upload": ("b.txt", b"b")})
    assert [log["comment"] for log in api(logs, who=None).json["logs"]] == ["for all"]
    assert [log["comment"] for log in api(logs, who="vera").json["logs"]] == ["for all", "for some"]
    assert api(f"{logs}1/", who=None).status == 404
    files = f"superevents/{name}/files/"
    assert [api(f"{files}b.txt", who=who).status for who in (None, "vera")] == [404, 200]
    assert len(api(files, who=None).json["files"]) == 2


def test_who_was_shown_it_before_is_not_shown_it_twice(api: Any, path: str) -> None:
    tags = f"{logs_of(path)}1/{'tag' if path.startswith('events') else 'tags'}/"
    api(logs_of(path), "POST", {"comment": "x", "tagname": "lvem", "displayName": "Partners"})
    n = api(logs_of(path)).json["logs"][-1]["N"]
    tags = tags.replace("/1/", f"/{n}/")
    add = (f"{tags}public", "PUT", {}) if path.startswith("events") else (tags, "POST", {"name": "public"})
    assert api(*add).status == 201
    assert [tag["name"] for tag in api(tags).json["tags"]] == ["lvem", "public"]


# -- labels


def test_labels_of_events(api: Any, event: Any) -> None:
    labels = f"events/{event()}/labels/"
    first, second = (api(f"{labels}DQV", "PUT", {}) for _ in range(2))
    assert (first.status, first.json) == (201, {})
    assert (second.status, list(second.json)) == (200, ["warning"])
    found = api(labels).json
    assert [label["name"] for label in found["labels"]] == ["DQV"]
    assert isinstance(found["links"], list)
    assert api(f"{labels}DQV").json["creator"] == "albert.einstein@ligo.org"
    assert [api(f"{labels}DQV", "DELETE").status for _ in range(2)] == [204, 404]
    assert api(f"{labels}NONE", "PUT", {}).status == 400
    assert api(f"v1/{labels}DQV", "PUT", {}).json == "{}"


def test_labels_of_superevents(api: Any, superevent: Any) -> None:
    labels = f"superevents/{superevent()}/labels/"
    made = api(labels, "POST", {"name": "DQV"})
    assert (made.status, made.json["name"]) == (201, "DQV")
    assert api(made.json["self"]).json == made.json
    assert api(labels, "POST", {"name": "DQV"}).status == 400
    assert isinstance(api(labels).json["links"], dict)
    assert [api(f"{labels}DQV/", "DELETE").status for _ in range(2)] == [204, 404]


@pytest.mark.parametrize("name", ["H1OK", "ADVNO"])
def test_outcomes_of_signoffs_are_set_by_signoffs(api: Any, event: Any, superevent: Any, name: str) -> None:
    assert api(f"events/{event()}/labels/{name}", "PUT", {}).status == 400
    assert api(f"superevents/{superevent()}/labels/", "POST", {"name": name}).status == 400


# -- signoffs


@pytest.mark.parametrize(("kind", "request_", "outcome"), [("ADV", "ADVREQ", "ADV"), ("OP", "L1OPS", "L1")])
def test_a_signoff_takes_its_requests_place(api: Any, superevent: Any, kind: str, request_: str, outcome: str) -> None:
    ifo = outcome if kind == "OP" else ""
    name = superevent()
    path, one = f"superevents/{name}/signoffs/", f"superevents/{name}/signoffs/{kind}{ifo}/"
    form = {"signoff_type": kind, "instrument": ifo, "status": "OK", "comment": "fine"}

    def labels() -> list[str]:
        return list(api(f"superevents/{name}/").json["labels"])

    assert api(path, "POST", form).status == 400  # nobody has asked for it
    api(f"superevents/{name}/labels/", "POST", {"name": request_})
    made = api(path, "POST", form)
    assert (made.status, labels()) == (201, [f"{outcome}OK"])
    assert api(path, "POST", form).status == 400
    assert api(f"superevents/{name}/labels/", "POST", {"name": request_}).status == 400
    assert api(f"superevents/{name}/labels/{outcome}OK/", "DELETE").status == 400
    assert api(path).json["signoffs"] == [made.json]
    assert api(made.json["self"]).json == made.json == api(one).json
    changed = api(one, "PATCH", {"status": "NO", "comment": ""})
    assert (changed.status, changed.json["status"], changed.json["comment"]) == (200, "NO", "")
    assert labels() == [f"{outcome}NO"]
    assert api(one, "PATCH", {"status": "NO"}).status == 400
    assert [api(one, "DELETE").status for _ in range(2)] == [204, 404]
    assert labels() == [request_]


@pytest.mark.parametrize(
    "wrong",
    [{"signoff_type": "X"}, {"status": "YES"}, {"signoff_type": "OP"}, {"signoff_type": "OP", "instrument": "X1"}],
)
def test_a_signoff_that_makes_no_sense(api: Any, superevent: Any, wrong: dict[str, str]) -> None:
    path = f"superevents/{superevent(labels='ADVREQ')}/signoffs/"
    assert api(path, "POST", {"signoff_type": "ADV", "status": "OK"} | wrong).status == 400
    assert api(path, "POST", {"signoff_type": "ADV", "status": "OK"}, who="marie").status == 403


# -- notices


def notice(name: str, **more: Any) -> dict[str, tuple[str, bytes]]:
    event = {"classification": {"BNS": 0.9, "BBH": 0.1}, "properties": {"HasNS": 1.0}}
    return {
        "upload": (
            "x.json",
            json.dumps({"alert_type": "PRELIMINARY", "superevent_id": name, "event": event} | more).encode(),
        )
    }


def test_a_notice_is_a_row_and_a_file(api: Any, superevent: Any) -> None:
    name = superevent()
    path = f"superevents/{name}/notices/"
    made = api(path, "POST", files=notice(name))
    assert made.status == 201
    assert (made.json["N"], made.json["notice_type"], made.json["filename"]) == (1, "PR", f"{name}-1-preliminary.json")
    assert (made.json["prob_bns"], made.json["prob_has_ns"], made.json["prob_nsbh"]) == (0.9, 1.0, None)
    assert api(path, "POST", files=notice(name, alert_type="EARLY_WARNING", event=None)).json["notice_type"] == "EW"
    found = api(path).json
    assert (found["numRows"], found["notices"][0]) == (2, made.json)
    assert api(f"{path}1/").json == made.json
    assert api(f"{path}3/").status == 404
    assert api(made.json["links"]["file"]).body == notice(name)["upload"][1]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "upload"),
        ({"upload": ("x", b"{")}, "JSON"),
        ({"upload": ("x", b"[" * 100_000)}, "JSON"),
        ({"upload": ("x", b"[]")}, "alert_type"),
        (notice("S1", event={"classification": {"BNS": float("nan")}}), "JSON"),
        (notice("S1", event={"classification": {"BNS": "\ud800"}}), "JSON"),
        (notice("S1"), "superevent_id"),
        (notice("S1", alert_type="OTHER"), "alert_type"),
    ],
)
def test_a_notice_that_is_none(api: Any, superevent: Any, files: Any, said: str) -> None:
    answer = api(f"superevents/{superevent()}/notices/", "POST", files=files)
    assert answer.status == 400
    assert said in answer.json


def test_the_classic_server_has_no_notices(api: Any, superevent: Any, classic: None) -> None:
    assert api(f"superevents/{superevent()}/notices/").status == 404


# -- VOEvents and observations


def test_the_current_server_has_retired_them(api: Any, event: Any, superevent: Any) -> None:
    one, other = f"events/{event()}/", f"superevents/{superevent()}/"
    for path, method in (
        (f"{one}voevent/", "GET"),
        (f"{one}voevent/", "POST"),
        (f"{one}emobservation/", "GET"),
        (f"{one}emobservation/", "POST"),
        (f"{other}voevents/", "POST"),
        (f"{other}emobservations/", "GET"),
        (f"{other}emobservations/", "POST"),
    ):
        answer = api(path, method, {} if method == "POST" else None)
        assert (answer.status, "deprecated" in answer.json) == (410, True), path
    assert api(f"{other}voevents/").json["voevents"] == []
    assert api(f"v1/{other}voevents/", "POST", {}).status == 410


def test_voevents_of_the_classic_server(api: Any, path: str, classic: None) -> None:
    end, part = ("voevent/", "/voevent/") if path.startswith("events") else ("voevents/", "/voevents/")
    name = path.split("/")[1]
    form = {
        "voevent_type": "IN",
        "skymap_filename": "x.fits",
        "internal": "False",
        "BNS": "0.5",
        "CoincComment": "True",
    }
    assert api(path + end, "POST", {"voevent_type": "IN"}).status == 400
    assert api(path + end, "POST", {"voevent_type": "initial"}).status == 400
    made = api(path + end, "POST", form)
    found = made.json
    assert made.status == 201
    assert made.headers["Location"] == (found["links"]["self"] if path.startswith("events") else None)
    assert part in found["links"]["self"]
    assert (found["N"], found["filename"], found["file_version"]) == (1, f"{name}-1-Initial.xml", 0)
    assert (found["internal"], found["open_alert"], found["coinc_comment"], found["prob_bns"]) == (
        False,
        False,
        True,
        0.5,
    )
    assert api(found["links"]["self"]).json == found == api(path + end).json["voevents"][0]
    content = api(found["links"]["file"]).body
    assert b"x.fits" in content
    assert found["ivorn"].encode() in content
    assert b"Citations" not in content
    for kind, how in (("PR", b""), ("UP", b"supersedes"), ("RE", b"retraction")):
        cited = api(api(path + end, "POST", {"voevent_type": kind}).json["links"]["file"]).body
        assert (how in cited, found["ivorn"].encode() in cited) == (True, bool(how))


def test_observations_of_the_classic_server(api: Any, path: str, classic: None) -> None:
    end = "emobservation/" if path.startswith("events") else "emobservations/"
    sent = {
        "group": "Test",
        "ra_list": [10, 12.0],
        "ra_width_list": [2, 2],
        "dec_list": [0, 1],
        "dec_width_list": [1, 1],
    }
    sent |= {"start_time_list": ["2020-01-01T00:00:00"] * 2, "duration_list": [30, 60], "comment": "cloudy"}
    made = api(path + end, "POST", sent=sent)
    found = made.json
    assert made.status == 201
    assert (found["N"], found["group"], found["comment"], found["footprint_count"]) == (1, "Test", "cloudy", 2)
    assert (found["ra"], found["raWidth"], found["dec"], found["decWidth"]) == (11.0, 4.0, 0.5, 2.0)
    assert (found["footprints"][1]["N"], found["footprints"][1]["exposure_time"]) == (2, 60)
    assert ("self" in found) == path.startswith("events")
    assert api(path + end).json["observations"] == [found]
    assert api(f"{path}{end}1{'' if path.startswith('events') else '/'}").json == found
    for wrong in (
        {"group": "Nobody"},
        {"dec_list": [1]},
        {"ra_list": ["x", "y"]},
        {"ra_list": []},
        {"ra_list": ["nan", 1]},
    ):
        assert api(path + end, "POST", sent=sent | wrong).status == 400, wrong


# -- catalogs


def test_catalogs_grow_by_versions_and_are_told_one_at_a_time(api: Any, box: Box, superevent: Any) -> None:
    name = superevent()
    member = {"pipelines": {"gstlal": "G1"}, "far": 1e-9, "pastro": {"BNS": 1}}
    numbers = f"n{name}", f"m{name}"
    for number in (numbers[0], numbers[0], numbers[1]):
        made = api("gwtc/", "POST", sent={"number": number, "smap": {name: member}, "comment": "c"})
        assert made.status == 201
    assert (made.json["number"], made.json["version"], made.json["comment"]) == (numbers[1], 1, "c")
    assert made.json["gwtc_superevents"] == {name: member}
    assert api(made.json["url"]).json == made.json
    assert [api(f"gwtc/{numbers[0]}/{version}/").json.get("version") for version in ("1", "latest", "3")] == [
        1,
        2,
        None,
    ]
    page, seen = api(f"gwtc/{numbers[0]}/").json, []
    assert (page["count"], len(page["results"]), page["previous"]) == (2, 1, None)
    while page:
        seen += [row["version"] for row in page["results"]]
        page = api(page["next"]).json if page["next"] else None
    assert seen == [1, 2]
    for _ in range(9):
        api("gwtc/", "POST", sent={"number": numbers[0], "smap": {}})
    box.controls.gracedb_restart()
    rows = api(f"gwtc/{numbers[0]}/?count=20").json["results"]
    assert [row["version"] for row in rows] == list(range(1, 12))
    assert api(f"gwtc/{numbers[0]}/latest/").json["version"] == 11
    assert api("gwtc/").json["count"] >= 3


@pytest.mark.parametrize(
    "sent", [{}, {"number": "4"}, {"number": "4", "smap": []}, {"number": "4", "smap": {"S1": {}}}]
)
def test_a_catalog_of_nothing_is_refused(api: Any, sent: Any) -> None:
    assert api("gwtc/", "POST", sent=sent).status == 400
    assert api("gwtc/", "POST", sent=sent, who="marie").status == 403


@pytest.mark.parametrize("far", ["NaN", "1e999", '"\\ud800"'])
def test_what_cannot_be_written_as_json_is_not_kept(api: Any, box: Box, ask: Any, far: str) -> None:
    before = api("gwtc/?count=100").json["count"]
    body = b'{"number": "5", "smap": {"S240716b": {"far": %s}}}' % far.encode()
    headers = {"User-Agent": "x", "Content-Type": "application/json"}
    answer = ask(f"{box.gracedb_url}gwtc/", box.gracedb_token, method="POST", headers=headers, body=body)
    assert answer.status == 400
    assert api("gwtc/?count=100").json["count"] == before


def test_a_signoff_list_of_an_event_is_empty(api: Any, event: Any, box: Box) -> None:
    assert api(f"events/{event()}/signoff/").json["signoff"] == []
