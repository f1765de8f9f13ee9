"""Events: made, found again, made anew, and refused."""

import hashlib
import uuid
from typing import Any

import pytest

from skykey.sandbox import Box


def content_id(content: bytes) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(content).digest()[:16]))


def test_an_upload_becomes_an_event_with_the_numbers_of_its_file(api: Any, upload: Any) -> None:
    answer = upload("Burst", search="AllSky", labels=["INJ", "DQV"], offline="True", replay_id="run-1")
    made = answer.json
    assert (answer.status, answer.headers["Location"]) == (201, made["links"]["self"])
    assert made.pop("warnings") == []
    assert made["graceid"].startswith("G")
    assert (made["group"], made["pipeline"], made["search"]) == ("Burst", "CWB", "AllSky")
    assert (made["far"], made["instruments"]) == (0.00019265, "H1,L1")
    assert made["extra_attributes"]["MultiBurst"]["amplitude"] == 5.017162
    assert (made["labels"], made["offline"], made["replay_id"]) == (["INJ", "DQV"], True, "run-1")
    assert made["reporting_latency"] > 0
    assert api(made["links"]["self"]).json == made
    logs = api(made["links"]["log"]).json["logs"]
    assert [(log["N"], log["comment"], log["filename"]) for log in logs] == [
        (1, "Original Data", "burst.txt"),
        (2, "Added label: INJ", ""),
        (3, "Added label: DQV", ""),
    ]


@pytest.mark.parametrize(
    ("group", "pipeline", "search", "prefix"),
    [
        ("Test", "CWB", "MDC", "T"),
        ("Burst", "CWB", "MDC", "M"),
        ("Burst", "CWB", None, "G"),
    ],
)
def test_the_first_letter_tells_the_kind(upload: Any, group: str, pipeline: str, search: str, prefix: str) -> None:
    assert upload(group, pipeline, **({"search": search} if search else {})).json["graceid"][0] == prefix


def test_one_counter_serves_all_kinds(event: Any) -> None:
    numbers = [int(event(group)[1:]) for group in ("Test", "Burst", "Test")]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


@pytest.mark.parametrize(
    ("who", "group", "status"),
    [(None, "Test", 403), ("vera", "Test", 403), ("marie", "Burst", 403), ("marie", "Test", 201)],
)
def test_who_may_upload(upload: Any, who: str | None, group: str, status: int) -> None:
    answer = upload(group, who=who)
    assert answer.status == status
    assert status == 201 or list(answer.json) == ["detail"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"group": "Nobody"}, {"errors": ["group: *"]}),
        ({"group": "", "pipeline": "none"}, {"errors": ["group: *", "pipeline: *"]}),
        ({"search": "none"}, {"errors": ["search: *"]}),
        ({"pipeline": "Omega"}, {"errors": ["pipeline: *"]}),
        ({"content": b"no burst"}, {"warnings": [""]}),
        ({"labels": "NONE_SUCH"}, "Label 'NONE_SUCH'"),
        ({"labels": "H1OK"}, "The 'H1OK' label"),
        ({"filename": "a,b.txt"}, "Filename"),
    ],
)
def test_what_no_event_can_be_made_of_is_400_in_its_own_way(api: Any, upload: Any, form: Any, said: Any) -> None:
    before = api("events/?count=1").json["numRows"]
    answer = upload(**form)
    assert answer.status == 400
    if isinstance(said, str):
        assert answer.json.startswith(said)
    else:
        ((key, begins),) = said.items()
        assert [text.startswith(begin) for text, begin in zip(answer.json[key], begins, strict=True)].count(False) == 0
    assert api("events/?count=1").json["numRows"] == before


def test_without_a_file_there_is_no_event(api: Any) -> None:
    answer = api("events/", "POST", {"group": "Test", "pipeline": "CWB"})
    assert (answer.status, answer.json) == (400, {"errors": ["eventFile: * This field is required."]})


def test_a_content_id_finds_the_newest_event_made_of_it(api: Any, upload: Any) -> None:
    content = b"time: 1300000000.5\n# " + uuid.uuid4().hex.encode()
    name = content_id(content)
    assert (api(f"events/{name}").status, api(f"events/{name}").json) == (404, "Event not found.")
    ids = [upload(content=content, content_id=name).json["graceid"] for _ in range(2)]
    assert api(f"events/{name.upper()}").json["graceid"] == ids[1]
    assert api(f"events/{name}/log/", "POST", {"comment": "by content"}).status == 201
    assert api(f"events/{ids[1]}/log/2").json["comment"] == "by content"
    form = {"group": "Test", "pipeline": "CWB", "content_id": name}
    assert api("events/reserve/", "POST", form).status == 201
    assert api(f"events/{name}").json["graceid"] == ids[1]  # what is only reserved has no content yet


def test_a_malformed_replay_id_is_a_warning(upload: Any) -> None:
    made = upload(replay_id="not so").json
    assert made["replay_id"] is None
    assert "malformed replay_id" in made["warnings"][0]


def test_that_nothing_was_read_of_a_file_is_said(upload: Any) -> None:
    made = upload(pipeline="oLIB", content=b"{}").json
    assert (made["gpstime"], made["far"]) == (None, None)
    assert "gracedb.ligo.org" in made["warnings"][0]


def test_only_its_submitter_replaces_an_event(api: Any, event: Any) -> None:
    name = event()
    files = {"eventFile": ("burst.txt", b"time: 1111111111.5\nifo: V1\n")}
    assert api(f"events/{name}", "PUT", files=files, who="marie").status == 403
    answer = api(f"events/{name}", "PUT", files=files)
    assert (answer.status, answer.body) == (202, b"")
    assert (api(f"events/{name}").json["gpstime"], api(f"events/{name}").json["instruments"]) == (1111111111.5, "V1")
    assert api(f"events/{name}/files/burst.txt").body == files["eventFile"][1]
    assert api(f"events/{name}/files/burst.txt,0").body != files["eventFile"][1]


def test_a_wrong_letter_is_another_event(api: Any, event: Any) -> None:
    name = event()
    assert api(f"events/G{name[1:]}").status == 404
    assert api("events/G99999999").json == "Event not found."


def test_an_id_can_be_reserved_and_is_no_event_until_its_file_comes(api: Any) -> None:
    form = {"group": "Test", "pipeline": "CWB", "replay_id": "r1", "content_id": str(uuid.uuid4())}
    answer = api("events/reserve/", "POST", form)
    name = answer.json["graceid"]
    assert answer.status == 201
    assert answer.json == {"graceid": name, "submitter": "albert.einstein@ligo.org", "replay_id": "r1"}
    assert api(f"events/{name}").status == 404
    assert api(f"events/{form['content_id']}").status == 404
    assert name not in [row["graceid"] for row in api("events/?count=5").json["events"]]
    content = b"time: 1234567890.5\nifo: H1\n"
    sent = {"form": {"graceid": name, "labels": "INJ"}, "files": {"eventFile": ("b.txt", content)}}
    assert api(f"events/{name}/upload/", "POST", **sent, who="marie").status == 403
    made = api(f"events/{name}/upload/", "POST", **sent)
    assert (made.status, made.json["graceid"], made.json["labels"]) == (201, name, ["INJ"])
    assert api(f"events/{form['content_id']}").json["replay_id"] == "r1"
    assert api(f"events/{name}/upload/", "POST", **sent).status == 400
    assert api(f"events/{name}/log/").json["numRows"] == 2


def test_what_cannot_be_reserved(api: Any, box: Box) -> None:
    form = {"group": "Test", "pipeline": "CWB"}
    answer = api("events/reserve/", "POST", form | {"replay_id": "not so"})
    assert (answer.status, answer.json) == (400, "malformed replay_id")
    assert api("events/reserve/", "POST", form, who=None).status == 403
    box.controls.gracedb(generation="classic")
    assert api("events/reserve/", "POST", form).status == 404


def test_a_grb_is_corrected_by_the_classic_server_alone(api: Any, upload: Any, event: Any, box: Box) -> None:
    name = event()
    assert api(f"events/{name}/update-grbevent/", "PATCH", {"ra": 1}).status == 410
    box.controls.gracedb(generation="classic")
    assert api(f"events/{name}/update-grbevent/", "PATCH", {"ra": 1}).status == 400
    where = "<Position2D><Value2><C1>1</C1><C2>2</C2></Value2><Error2Radius>3</Error2Radius></Position2D>"
    voevent = (
        "<voe:VOEvent xmlns:voe='http://www.ivoa.net/xml/VOEvent/v2.0' ivorn='ivo://x'><Who/><What/><WhereWhen>"
        "<ObsDataLocation><ObservatoryLocation id='x'/><ObservationLocation><AstroCoordSystem id='y'/><AstroCoords>"
        "<Time><TimeInstant><ISOTime>2020-01-01T00:00:00</ISOTime></TimeInstant></Time>"
        f"{where}</AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen></voe:VOEvent>"
    )
    made = upload("External", "Fermi", content=voevent.encode(), filename="x.xml").json
    assert made["graceid"].startswith("E")
    answer = api(f"events/{made['graceid']}/update-grbevent/", "PATCH", {"ra": 0.0, "t90": 2})
    grb = answer.json["extra_attributes"]["GRB"]
    assert (answer.status, grb["ra"], grb["dec"], grb["T90"]) == (200, 0.0, 2.0, 2.0)
    assert api(f"events/{made['graceid']}/update-grbevent/", "PATCH", {"ra": 0.0}).status == 400


def test_neighbors_are_near_in_time(api: Any, upload: Any) -> None:
    names = [
        upload(content=f"time: {time}\n".encode()).json["graceid"] for time in (1200000000, 1200000004, 1200000020)
    ]
    path = f"events/{names[0]}/neighbors/"
    assert [row["graceid"] for row in api(path).json["neighbors"]] == names[1:2]
    assert [row["graceid"] for row in api(f"{path}?neighborhood=1,20").json["neighbors"]] == names[1:]
    assert api(f"{path}?neighborhood=x").status == 400


def test_strangers_see_an_event_with_its_superevent_and_not_all_of_it(api: Any, superevent: Any, event: Any) -> None:
    name = event("Burst")
    group = superevent(category="P", preferred_event=name)
    assert [api(f"events/{name}", who=who).status for who in (None, "vera", "marie")] == [404, 404, 200]
    api(f"superevents/{group}/permissions/modify/", "POST", {"action": "expose"})
    seen = api(f"events/{name}", who=None).json
    assert seen["extra_attributes"] == {
        "MultiBurst": {key: seen["extra_attributes"]["MultiBurst"][key] for key in ("ifos", "single_ifo_times")}
    }
    assert name in [row["graceid"] for row in api("events/?count=3", who=None).json["events"]]
    assert api(f"events/{name}/log/", "POST", {"comment": "x"}, who=None).status == 403
    assert api(f"events/{name}/log/", "POST", {"comment": "x"}, who="vera").status == 201
