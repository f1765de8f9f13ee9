"""Superevents: named after their time, made of events, confirmed, shown and hidden."""

from typing import Any

import pytest

from skykey.sandbox import Box
from skykey.sandbox.gracedb import gps
from skykey.sandbox.gracedb.superevents import counter, letters


@pytest.mark.parametrize(
    ("n", "text"), [(1, "a"), (26, "z"), (27, "aa"), (52, "az"), (53, "ba"), (702, "zz"), (703, "aaa")]
)
def test_letters_count_without_a_zero(n: int, text: str) -> None:
    assert (letters(n), counter(text)) == (text, n)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1187008882.43, "2017-08-17 12:41:04"),
        (1238166018, "2019-04-01 15:00:00"),
        (1405177836, "2024-07-16 15:10:18"),
        (0, "1980-01-06 00:00:00"),
    ],
)
def test_gps_seconds_become_utc(seconds: float, text: str) -> None:
    assert f"{gps.to_utc(seconds):%Y-%m-%d %H:%M:%S}" == text
    assert gps.from_unix(1721142618) == 1405177836


def test_what_was_recorded_is_answered_as_it_was(api: Any, box: Box) -> None:
    found = api("superevents/MS240716o/", who=None).json
    assert (found["category"], found["t_0"]) == ("MDC", 1405174288.248299)
    assert found["preferred_event_data"]["graceid"] == "M501422"
    assert found["pipeline_preferred_events"] == {
        "gstlal": {
            "graceid": "M501422",
            "group": "CBC",
            "pipeline": "gstlal",
            "search": "MDC",
            "gpstime": 1405174288.248299,
            "far": 9.110699364861297e-14,
        }
    }
    assert not {"gw_events", "em_events", "preferred_event"} & set(found)
    assert sorted(found["links"]) == ["emobservations", "files", "labels", "logs", "self", "voevents"]
    assert api(found["links"]["self"], who=None).json == found
    box.controls.gracedb(generation="classic")
    assert "pipeline_preferred_events" not in api("superevents/MS240716o/", who=None).json
    whole = api("superevents/MS240716o/").json
    assert (whole["gw_events"], whole["preferred_event"]) == (["M501422"], "M501422")
    assert "events" in whole["links"]


def test_a_new_one_is_named_after_its_date_and_the_next_letter(api: Any, superevent: Any, event: Any) -> None:
    names = [superevent(t_start=1276000000, t_0=1276000001, t_end=1276000002) for _ in range(2)]
    assert names == ["TS200612a", "TS200612b"]
    assert superevent(category="P", t_start=1276000000, t_0=1276000001, t_end=1276000002) == "S200612a"
    assert superevent(category="M", t_start=1276000000, t_0=1276000001, t_end=1276000002) == "MS200612a"
    found = api("superevents/TS200612b/").json
    assert (found["t_0"], found["category"], found["gw_id"]) == (1276000001.0, "Test", None)
    assert api(f"events/{found['preferred_event']}").json["superevent"] == "TS200612b"


def test_making_one_writes_logs_here_and_at_its_events(api: Any, superevent: Any, event: Any) -> None:
    first, second = event(), event()
    name = superevent(preferred_event=first, events=f"{second},{first}", labels=["INJ", "DQV"])
    found = api(f"superevents/{name}/").json
    assert (found["gw_events"], found["labels"]) == ([first, second], ["INJ", "DQV"])
    comments = [log["comment"] for log in api(f"superevents/{name}/logs/").json["logs"]]
    assert comments[0].startswith("New superevent: category = Test, t_start = 1238166017.0")
    assert comments[1:] == [f"Added event: {first}", f"Added event: {second}", "Added label: INJ", "Added label: DQV"]
    assert api(f"events/{second}/log/2").json["comment"] == f"Added to superevent: {name}"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"preferred_event": "G99999999"}, "Event with graceid G99999999 does not exist."),
        ({"preferred_event": ""}, "preferred_event: This field is required."),
        ({"category": "X"}, '"X" is not a valid choice.'),
        ({"category": "P"}, "of category Test"),
        ({"t_0": "x"}, "t_0: A valid number is required."),
        ({"t_0": "nan"}, "t_0: A valid number is required."),
        ({"t_0": ""}, "t_0: This field is required."),
        ({"t_0": "-1", "t_start": "-2"}, ["t_start is not between 1980 and 2079", "t_0 is not between 1980 and 2079"]),
        ({"events": "G99999999"}, "Event with graceid G99999999 does not exist."),
        ({"labels": "none"}, "Label 'none'"),
    ],
)
def test_what_is_wrong_with_a_new_one_is_said(api: Any, event: Any, form: dict[str, str], said: Any) -> None:
    sent = {"t_start": 1, "t_0": 2, "t_end": 3, "preferred_event": event(), "category": "T"}
    answer = api("superevents/", "POST", sent | form)
    assert answer.status == 400
    assert answer.json == said if isinstance(said, list) else said in answer.json


def test_an_event_that_is_named_twice_is_one_member(api: Any, superevent: Any, event: Any) -> None:
    first, second = event(), event()
    name = superevent(preferred_event=first, events=f"{second},{second},{first}")
    assert api(f"superevents/{name}/").json["gw_events"] == [first, second]
    assert api(f"events/{second}/log/").json["numRows"] == 2


def test_an_external_event_is_a_member_but_not_preferred(api: Any, superevent: Any, upload: Any) -> None:
    files = {"eventFile": ("x.txt", b"anything")}
    form = {"group": "External", "pipeline": "Ringdown"}
    other = api("events/", "POST", form, files=files).json["graceid"]
    assert other.startswith("E")
    sent = {"t_start": 1, "t_0": 2, "t_end": 3, "category": "P", "preferred_event": other}
    said = "External events cannot be set as preferred events"
    assert api("superevents/", "POST", sent).json == said
    path = f"superevents/{superevent(category='P', events=other)}/"
    found = api(path).json
    assert (len(found["gw_events"]), found["em_events"]) == (1, [other])
    assert api(path, "PATCH", {"preferred_event": other}).json == said


def test_an_event_is_in_one_superevent(api: Any, superevent: Any, event: Any) -> None:
    name = event()
    first = superevent(preferred_event=name)
    times = {"t_start": 1, "t_0": 2, "t_end": 3, "category": "T"}
    answer = api("superevents/", "POST", times | {"preferred_event": name})
    assert (answer.status, answer.json) == (400, f"Event {name} is already assigned to a superevent ({first})")


@pytest.mark.parametrize(
    ("who", "category", "status"), [(None, "T", 403), ("vera", "T", 403), ("marie", "P", 403), ("marie", "T", 201)]
)
def test_who_may_make_one(api: Any, event: Any, who: str | None, category: str, status: int) -> None:
    sent = {"t_start": 1, "t_0": 2, "t_end": 3, "category": category}
    sent["preferred_event"] = event("Test" if category == "T" else "Burst")
    assert api("superevents/", "POST", sent, who=who).status == status


def test_changes_are_answered_whole_and_must_change_something(api: Any, superevent: Any, event: Any) -> None:
    name, other = superevent(), event()
    path = f"superevents/{name}/"
    answer = api(
        path, "PATCH", {"t_start": 1_238_166_000, "em_type": "E1", "time_coinc_far": 0, "preferred_event": other}
    )
    found = answer.json
    assert (answer.status, found["t_start"], found["em_type"], found["time_coinc_far"]) == (
        200,
        1238166000.0,
        "E1",
        0.0,
    )
    assert found["preferred_event"] == other
    assert other in found["gw_events"]
    assert len(found["gw_events"]) == 2
    assert found == api(path).json
    for form in ({"t_start": 1_238_166_000}, {}):
        again = api(path, "PATCH", form)
        assert (again.status, again.json) == (400, "Request would not modify the superevent")
    assert api(path, "PATCH", {"t_end": 5}).status == 200  # nobody looks at their order
    assert api(path, "PATCH", {"t_end": 1_238_166_030}, who="vera").status == 404  # hidden from them
    assert "t_start = 1238166000.0" in api(f"{path}logs/").json["logs"][-2]["comment"]


def test_confirmed_ones_have_two_names(api: Any, superevent: Any) -> None:
    names = [superevent(t_start=1300000000, t_0=1300000001, t_end=1300000002) for _ in range(3)]
    made = [api(f"superevents/{name}/confirm-as-gw/", "POST", {}).json for name in names[:2]]
    assert [found["gw_id"] for found in made] == ["TGW210317A", "TGW210317B"]
    assert [found["superevent_id"] for found in made] == names[:2]
    assert api("superevents/TGW210317B/").json["superevent_id"] == names[1]
    assert api(f"superevents/{names[0]}/confirm-as-gw/", "POST", {}).status == 400
    assert api(f"superevents/{names[2]}/confirm-as-gw/", "POST", {"gw_id": "TGW210317A"}).status == 400
    own = api(f"superevents/{names[2]}/confirm-as-gw/", "POST", {"gw_id": "TGW210317X"})
    assert (own.status, own.json["gw_id"]) == (200, "TGW210317X")


def test_events_come_and_go_but_the_preferred_one_stays(api: Any, superevent: Any, event: Any) -> None:
    name, other = superevent(), event()
    path = f"superevents/{name}/events/"
    preferred = api(f"superevents/{name}/").json["preferred_event"]
    added = api(path, "POST", {"event": other})
    assert (added.status, added.json["graceid"]) == (201, other)
    assert added.headers["Location"] is None
    assert api(path, "POST", {"event": other}).status == 400
    assert api(path, "POST", {"event": event("Burst")}).status == 400
    assert [row["graceid"] for row in api(path).json["events"]] == [preferred, other]
    assert api(added.json["self"]).json == added.json
    assert api(f"{path}{preferred}/", "DELETE").status == 400
    assert [api(f"{path}{other}/", "DELETE").status for _ in range(2)] == [204, 404]
    assert api(f"events/{other}").json["superevent"] is None
    assert [log["comment"] for log in api(f"events/{other}/log/").json["logs"]][-2:] == [
        f"Added to superevent: {name}",
        f"Removed from superevent: {name}",
    ]


def test_a_pipeline_prefers_one_member_that_is_not_the_preferred_event(api: Any, superevent: Any, event: Any) -> None:
    name, others = superevent(), [event(pipeline="MBTAOnline") for _ in range(2)]
    path = f"superevents/{name}/pipeline_preferred_events/"
    assert api(path, "POST", {"event": others[0]}).status == 400  # no member
    for other in others:
        api(f"superevents/{name}/events/", "POST", {"event": other})
        assert api(path, "POST", {"event": other}).status == 201
    found = api(f"superevents/{name}/").json
    assert {key: one["graceid"] for key, one in found["pipeline_preferred_events"].items()} == {"MBTAOnline": others[1]}
    assert api(path, "POST", {"event": found["preferred_event"]}).status == 400
    assert api(path, "POST", {"event": others[1]}).status == 400
    assert [row["graceid"] for row in api(path).json["pipeline_preferred_events"]] == [others[1]]
    assert [api(f"{path}{other}/", "DELETE").status for other in others] == [404, 204]
    api(path, "POST", {"event": others[0]})
    api(f"superevents/{name}/events/{others[0]}/", "DELETE")
    assert api(path).json["pipeline_preferred_events"] == []


def test_what_is_preferred_overall_is_not_preferred_for_its_pipeline_as_well(
    api: Any, superevent: Any, event: Any
) -> None:
    name, other = superevent(), event(pipeline="MBTAOnline")
    api(f"superevents/{name}/events/", "POST", {"event": other})
    api(f"superevents/{name}/pipeline_preferred_events/", "POST", {"event": other})
    found = api(f"superevents/{name}/", "PATCH", {"preferred_event": other}).json
    assert (found["preferred_event"], found["pipeline_preferred_events"]) == (other, {})


def test_hidden_ones_are_404_until_they_are_exposed(api: Any, superevent: Any) -> None:
    name = superevent(category="P")
    path = f"superevents/{name}/"
    modify = f"{path}permissions/modify/"
    assert [api(path, who=who).status for who in (None, "vera", "marie")] == [404, 404, 200]
    assert api(modify, "POST", {"action": "expose"}, who="marie").status == 403
    rows = api(modify, "POST", {"action": "expose"}).json
    assert sorted((row["group"], row["permission"]) for row in rows) == [
        ("lvem_observers", "annotate_superevent"),
        ("lvem_observers", "view_superevent"),
        ("public_users", "view_superevent"),
    ]
    assert api(f"{path}permissions/").json["permissions"] == rows
    assert [api(path, who=who).status for who in (None, "vera")] == [200, 200]
    assert api(modify, "POST", {"action": "x"}).status == 400
    assert api(modify, "POST", {"action": "hide"}).json == []
    assert api(path, who=None).status == 404
