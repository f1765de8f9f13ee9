"""Every method against the local GraceDB, as a user would go through them: both generations of servers, both faces."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.annotations import shapes
from skykey.gracedb.exceptions import ForbiddenError, Gone, HTTPError, OutcomeUnknown
from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.sandbox import Box
from skykey.testing.faults import Fault, Pass, Reply, Reset
from skykey.testing.faults_proxy import FaultProxy
from tests.gracedb.scripted import BOTH_FACES, Asker
from tests.wire.askers import FastClock
from tests.wire.fixtures import box, shared_box

__all__ = ["box", "shared_box"]

GENERATIONS = pytest.mark.parametrize("generation", ["current", "classic"])


class Client(Asker):
    """With the sandbox's token; it does not wait, and real time goes by."""

    def __init__(self, face: str, url: str) -> None:
        kind = GraceDb if face == "sync" else AsyncGraceDb
        self.client: Any = kind(url)
        self.client._clock = FastClock()


@pytest.fixture
def client(box: Box, face: str, generation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(box.gracedb_token_file))
    box.controls.gracedb(generation=generation)
    yield Client(face, box.gracedb_url)
    box.controls.gracedb(generation="current")


@pytest.fixture
def data() -> bytes:
    """A cWB trigger, which is nobody else's."""
    number = int.from_bytes(os.urandom(4), "big")
    return f"nevent: 1\nevent: {number}\nrho: 5.0\ntime: 1126259462.4 1126259462.4\n".encode()


def made(client: Client, data: bytes, **more: Any) -> str:
    response = client.create_event("Test", "CWB", "trigger.txt", filecontents=data, **more)
    assert response.status == 201
    return str(response.json()["graceid"])


@BOTH_FACES
@GENERATIONS
def test_a_users_day_goes_wrong_with_events(client: Client, data: bytes, tmp_path: Path) -> None:
    graceid = made(client, data, search="AllSky", labels=["DQV"], offline=True)
    event = client.event(graceid).json()
    assert (event["group"], event["pipeline"], event["search"], event["offline"]) == ("Test", "CWB", "AllSky", True)
    assert event["labels"] == ["DQV"]
    assert [row["graceid"] for row in client.events(f"tid: {graceid}")] == [graceid]
    assert client.num_events(f"tid: {graceid}") == 1
    content = b"\x1f\x8b\x00 binary"
    file = tmp_path / "a b#1.bin"
    file.write_bytes(content)
    response = client.write_log(graceid, "with a file", file, tag_name=["pe", "psd"])
    assert response.status == 201
    number = response.json()["N"]
    entry = client.logs(graceid, number).json()
    assert (entry["comment"], entry["filename"], sorted(entry["tag_names"])) == (
        "with a file",
        file.name,
        ["pe", "psd"],
    )
    assert [each["N"] for each in shapes.log_entries(client.logs(graceid).json())] == list(range(1, number + 1))
    assert file.name in shapes.file_names(client.files(graceid).json())
    assert f"{file.name},0" in shapes.file_names(client.files(graceid).json())
    assert client.write_label(graceid, "ADVREQ").status == 201
    assert client.write_label(graceid, "ADVREQ").status == 200
    assert {each["name"] for each in client.labels(graceid).json()["labels"]} == {"DQV", "ADVREQ"}
    assert client.labels(graceid, "DQV").json()["name"] == "DQV"
    assert client.remove_label(graceid, "DQV").status == 204
    with pytest.raises(HTTPError):
        client.remove_label(graceid, "DQV")
    assert client.add_tag(graceid, number, "em_follow").status == 201
    with pytest.raises(HTTPError, match="tag"):
        client.add_tag(graceid, number, "em_follow")
    assert {each["name"] for each in client.tags(graceid, number).json()["tags"]} == {"pe", "psd", "em_follow"}
    assert client.remove_tag(graceid, number, "em_follow").status == 204
    assert client.replace_event(graceid, "trigger.txt", filecontents=data).status == 202


@BOTH_FACES
@GENERATIONS
def test_a_users_day_goes_wrong_with_superevents(client: Client, data: bytes) -> None:
    first, second = made(client, data), made(client, data + b"#\n")
    response = client.create_superevent(1126259461, 1126259462.4, 1126259463, first, category="test", labels=["DQV"])
    assert response.status == 201
    name = response.json()["superevent_id"]
    assert client.add_event_to_superevent(name, second).status == 201
    with pytest.raises(HTTPError):
        client.add_event_to_superevent(name, second)
    assert set(client.superevent(name).json()["gw_events"]) == {first, second}
    assert client.update_superevent(name, t_0=1126259462.5, preferred_event=second).json()["preferred_event"] == second
    with pytest.raises(HTTPError, match="modify"):
        client.update_superevent(name, t_0=1126259462.5)
    assert client.remove_event_from_superevent(name, first).status == 204
    found = client.superevents(f"superevent_id: {name}", columns=["superevent_id", "t_0"])
    assert found == [{"superevent_id": name, "t_0": 1126259462.5}]
    assert client.num_superevents(f"superevent_id: {name}") == 1
    number = client.write_log(name, "look", filename="a.json", filecontents="{}", label="ADVREQ").json()["N"]
    assert client.add_tag(name, number, "sky_loc", "Sky localisation").status == 201
    assert client.remove_tag(name, number, "sky_loc").status == 204
    if "ADVREQ" not in client.superevent(name).json()["labels"]:
        assert client.write_label(name, "ADVREQ").status == 201  # classic servers give labels to events only
    assert client.create_signoff(name, "advocate", "okay", "looks good").status == 201
    assert client.signoffs(name, "ADV").json()["status"] == "OK"
    assert client.update_signoff(name, "ADV", status="not okay").json()["status"] == "NO"
    assert [each["signoff_type"] for each in client.signoffs(name).json()["signoffs"]] == ["ADV"]
    assert client.delete_signoff(name, "ADV").status == 204
    assert client.remove_label(name, "DQV").status == 204
    assert client.permissions(name).json()["permissions"] == []
    assert isinstance(client.voevents(name).json()["voevents"], list)
    gw_id = client.confirm_superevent_as_gw(name).json()["gw_id"]
    assert client.superevent(gw_id).json()["superevent_id"] == name


@BOTH_FACES
@pytest.mark.parametrize("generation", ["current"])
def test_a_current_server_is_asked_for_what_it_retired(client: Client, data: bytes) -> None:
    graceid = made(client, data)
    for name, given in (
        ("voevents", (graceid,)),
        ("create_voevent", (graceid, "PR")),
        ("emobservations", (graceid,)),
        ("write_emobservation", (graceid, "ZTF", 1, 1, 1, 1, "2020-01-01T00:00:00", 1)),
        ("update_grbevent", (graceid, 1.0)),
    ):
        with pytest.raises(Gone, match="does not offer this any more"):
            getattr(client, name)(*given)


@BOTH_FACES
@pytest.mark.parametrize("generation", ["current"])
def test_a_reserved_event_cannot_be_uploaded(client: Client, data: bytes) -> None:
    graceid = client._reserve_graceid("Test", "CWB").json()["graceid"]
    assert client.upload_reserved_event(graceid, "trigger.txt", filecontents=data).status == 201
    assert client.event(graceid).json()["graceid"] == graceid


@BOTH_FACES
@GENERATIONS
def test_standard_input_cannot_be_uploaded(client: Client, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    response = client.create_event("Test", "CWB", "-")
    assert "initial.data" in shapes.file_names(client.files(response.json()["graceid"]).json())


@pytest.mark.parametrize("face", ["sync"])
@GENERATIONS
def test_a_file_comes_back_as_another_one(client: Client, data: bytes, tmp_path: Path) -> None:
    graceid = made(client, data)
    content = os.urandom(300_000)
    for version in (b"old", content):
        client.write_log(graceid, "map", filename="a #1?.fits", filecontents=version)
    assert client.files(graceid, "a #1?.fits").read() == content
    assert client.files(graceid, "a #1?.fits,0").content == b"old"
    assert client.files(graceid, "a #1?.fits").save(tmp_path / "map").read_bytes() == content
    number = shapes.log_entries(client.logs(graceid).json())[-1]["N"]
    assert client.get_file(client.logs(graceid, number).json()["file"]).read() == content


@BOTH_FACES
@pytest.mark.parametrize("generation", ["current"])
def test_a_catalogue_cannot_be_made(client: Client) -> None:
    number = str(int.from_bytes(os.urandom(3), "big"))
    names = [row["superevent_id"] for row in client.superevents(max_results=2)]
    smap = {name: {"pipelines": {}, "far": 1e-9, "pastro": {}} for name in names}
    try:
        first = client.gwtc_create(smap, number)
    except ForbiddenError:
        pytest.fail("the sandbox's user may make catalogues")
    assert first.json()["version"] == 1
    assert client.gwtc_create(smap, number, comment="again").json()["version"] == 2
    assert sorted(client.gwtc_versions(number)) == [1, 2]
    assert number in client.gwtc_numbers()
    assert client.gwtc_get(number, "latest").json()["comment"] == "again"


# -- answers that are lost: done by the server or not, and the client is to know


FAULTS: list[tuple[Fault, bool]] = [(Reset(delivered=True), True), (Reset(), False), (Reply(502), False)]
LOSING = pytest.mark.parametrize(("fault", "is_done"), FAULTS)


@pytest.fixture
def proxy(box: Box) -> Iterator[FaultProxy]:
    with FaultProxy(box.gracedb_url.removesuffix("/api/")) as made:
        yield made


@BOTH_FACES
@LOSING
@pytest.mark.parametrize("generation", ["current"])
def test_an_event_is_made_twice_or_not_at_all(  # noqa: PLR0917 - fixtures
    client: Client, face: str, proxy: FaultProxy, fault: Fault, is_done: bool, data: bytes
) -> None:
    proxy.fault(fault, path="/api/events/", method="POST", times=1)
    before = client.num_events("test")
    response = Client(face, f"{proxy.url}/api/").create_event("Test", "CWB", "t.txt", filecontents=data)
    assert client.num_events("test") == before + 1
    assert getattr(response, "settled", False) is is_done
    assert client.event(response.json()["graceid"]).ok


@BOTH_FACES
@LOSING
@GENERATIONS
def test_a_label_a_tag_or_a_superevent_is_lost(  # noqa: PLR0917 - fixtures
    client: Client, face: str, proxy: FaultProxy, fault: Fault, is_done: bool, data: bytes
) -> None:
    faulty = Client(face, f"{proxy.url}/api/")
    first, second = made(client, data), made(client, data + b"#\n")

    def lost(method: str, path: str) -> None:
        proxy.fault(fault, path=path, method=method, times=1)

    lost("POST", "/api/superevents/")
    response = faulty.create_superevent(1126259461, 1126259462.4, 1126259463, first, category="test")
    assert (response.status, getattr(response, "settled", False)) == (201, is_done)
    name = response.json()["superevent_id"]
    lost("POST", "*/events/")
    assert faulty.add_event_to_superevent(name, second).json()["graceid"] == second
    lost("PATCH", f"*/{name}/")
    assert faulty.update_superevent(name, t_0=1126259462.5).json()["t_0"] == 1126259462.5
    lost("DELETE", f"*/events/{second}/")
    assert faulty.remove_event_from_superevent(name, second).status == 204
    lost("POST", "*/labels/")
    assert faulty.write_label(name, "DQV").json()["name"] == "DQV"
    lost("PUT", "*/labels/*")
    assert faulty.write_label(first, "DQV").ok
    for graceid, label in ((name, "DQV"), (first, "DQV")):
        lost("DELETE", "*/labels/*")
        assert faulty.remove_label(graceid, label).status == 204
    lost("POST", "*/tags/")
    assert faulty.add_tag(name, 1, "pe").ok
    lost("PUT", "*/tag/*")
    assert faulty.add_tag(first, 1, "pe").ok
    for graceid in (name, first):
        lost("DELETE", "*/pe*")
        assert faulty.remove_tag(graceid, 1, "pe").status == 204
    lost("POST", "*/modify/")
    assert faulty.modify_permissions(name, "hide").json() == []
    client.write_log(name, "sign off, please", label="ADVREQ")
    if "ADVREQ" not in client.superevent(name).json()["labels"]:
        client.write_label(name, "ADVREQ")
    lost("POST", "*/signoffs/")
    assert faulty.create_signoff(name, "ADV", "OK", "fine").json()["comment"] == "fine"
    lost("PATCH", "*/signoffs/*")
    assert faulty.update_signoff(name, "ADV", comment="better").json()["comment"] == "better"
    lost("DELETE", "*/signoffs/*")
    assert faulty.delete_signoff(name, "ADV").status == 204
    lost("POST", "*/confirm-as-gw/")
    assert faulty.confirm_superevent_as_gw(name).json()["gw_id"]
    assert [seen.fault for seen in proxy.seen if seen.fault].count(type(fault).__name__) == 17


@BOTH_FACES
@GENERATIONS
def test_a_log_entry_is_written_twice_or_lost_in_silence(
    client: Client, face: str, proxy: FaultProxy, data: bytes
) -> None:
    graceid = made(client, data)
    faulty = Client(face, f"{proxy.url}/api/")
    faulty.event(graceid)
    written: dict[str, bool] = {}
    for number in range(24):
        faults: list[Fault] = [Reset(delivered=True), Reset(), Reply(502), Pass()]
        proxy.fault(faults[number % 4], path="*/log/", method="POST", times=1)
        text = f"entry {number}"
        try:
            response = faulty.write_log(graceid, text, *((f"{number}.txt", "x") if number % 3 == 0 else ()))
        except OutcomeUnknown:
            written[text] = False
        else:
            written[text] = True
            assert response.json()["comment"] == text
    comments = [entry["comment"] for entry in shapes.log_entries(client.logs(graceid).json())]
    for number, (text, is_known) in enumerate(written.items()):
        is_there = number % 4 in {0, 3}
        assert (text, comments.count(text), is_known) == (text, int(is_there), is_there)
