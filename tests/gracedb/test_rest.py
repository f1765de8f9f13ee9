"""Every method's request, on both faces; and what belongs to no kind of object."""

import asyncio
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.rest import AsyncGraceDb, GraceDb, HTTPError
from skykey.values.errors import MissingExtra, NotFound
from tests.gracedb.scripted import BOTH_FACES, UUID, Asker, Gracedb, answer, form, path

FORM = "application/x-www-form-urlencoded"

# What the documented client sends for the same call: method, path, and the fields of the form (or JSON).
REQUESTS: list[tuple[str, tuple[Any, ...], dict[str, Any], str, Any]] = [
    ("event", ("G1",), {}, "GET events/G1", None),
    ("event", (UUID,), {}, f"GET events/{UUID}", None),
    ("update_grbevent", ("E1",), {"ra": 1.5, "t90": 2}, "PATCH events/E1/update-grbevent/", {"ra": "1.5", "t90": "2"}),
    (
        "create_superevent",
        (1, 2.5, 3, "G1"),
        {"category": "mdc", "events": ["G2", "G3"], "labels": "INJ"},
        "POST superevents/",
        {
            "t_start": "1",
            "t_0": "2.5",
            "t_end": "3",
            "preferred_event": "G1",
            "category": "M",
            "events": ["G2", "G3"],
            "labels": "INJ",
        },
    ),
    (
        "update_superevent",
        ("S1",),
        {"t_0": 3.25, "em_type": "E1", "time_coinc_far": 1e-9},
        "PATCH superevents/S1/",
        {"t_0": "3.25", "em_type": "E1", "time_coinc_far": "1e-09"},
    ),
    ("superevent", ("S1",), {}, "GET superevents/S1/", None),
    ("add_event_to_superevent", ("S1", "G1"), {}, "POST superevents/S1/events/", {"event": "G1"}),
    ("remove_event_from_superevent", ("S1", "G1"), {}, "DELETE superevents/S1/events/G1/", None),
    (
        "add_pipeline_preferred_event",
        ("S1", "G1"),
        {},
        "POST superevents/S1/pipeline_preferred_events/",
        {"event": "G1"},
    ),
    ("remove_pipeline_preferred_event", ("S1", "G1"), {}, "DELETE superevents/S1/pipeline_preferred_events/G1/", None),
    ("confirm_superevent_as_gw", ("S1",), {}, "POST superevents/S1/confirm-as-gw/", None),
    ("confirm_superevent_as_gw", ("S1", "GW1"), {}, "POST superevents/S1/confirm-as-gw/", {"gw_id": "GW1"}),
    ("files", ("G1",), {}, "GET events/G1/files/", None),
    ("files", ("S1",), {}, "GET superevents/S1/files/", None),
    ("logs", ("G1",), {}, "GET events/G1/log/", None),
    ("logs", ("G1", 0), {}, "GET events/G1/log/", None),
    ("logs", ("G1", 2), {}, "GET events/G1/log/2", None),
    ("logs", ("S1",), {}, "GET superevents/S1/logs/", None),
    ("logs", ("MS190101a", 2), {}, "GET superevents/MS190101a/logs/2/", None),
    ("write_log", ("G1", "hi"), {}, "POST events/G1/log/", {"comment": "hi"}),
    (
        "write_log",
        ("S1", "hi"),
        {"tag_name": ["pe", "psd"], "displayName": ["P", "Q"], "label": "INJ"},
        "POST superevents/S1/logs/",
        {"comment": "hi", "tagname": ["pe", "psd"], "displayName": ["P", "Q"], "label": "INJ"},
    ),
    ("labels", ("G1",), {}, "GET events/G1/labels/", None),
    ("labels", ("G1", "INJ"), {}, "GET events/G1/labels/INJ", None),
    ("labels", ("S1",), {}, "GET superevents/S1/labels/", None),
    ("labels", ("S1", "INJ"), {}, "GET superevents/S1/labels/INJ/", None),
    ("write_label", ("G1", "INJ"), {}, "PUT events/G1/labels/INJ", None),
    ("write_label", ("GW150914", "INJ"), {}, "POST superevents/GW150914/labels/", {"name": "INJ"}),
    ("remove_label", ("G1", "INJ"), {}, "DELETE events/G1/labels/INJ", None),
    ("remove_label", ("S1", "INJ"), {}, "DELETE superevents/S1/labels/INJ/", None),
    ("tags", ("G1", 1), {}, "GET events/G1/log/1/tag/", None),
    ("tags", ("S1", 1), {}, "GET superevents/S1/logs/1/tags/", None),
    ("add_tag", ("G1", 1, "pe"), {}, "PUT events/G1/log/1/tag/pe", None),
    ("add_tag", ("G1", 1, "pe", "PE"), {}, "PUT events/G1/log/1/tag/pe", {"displayName": "PE"}),
    ("add_tag", ("S1", 1, "pe", "PE"), {}, "POST superevents/S1/logs/1/tags/", {"displayName": "PE", "name": "pe"}),
    ("remove_tag", ("G1", 1, "pe"), {}, "DELETE events/G1/log/1/tag/pe", None),
    ("remove_tag", ("S1", 1, "pe"), {}, "DELETE superevents/S1/logs/1/tags/pe/", None),
    ("voevents", ("G1",), {}, "GET events/G1/voevent/", None),
    ("voevents", ("S1", 2), {}, "GET superevents/S1/voevents/2/", None),
    (
        "create_voevent",
        ("S1", "preliminary"),
        {"internal": False, "open_alert": True, "BNS": 0, "BBH": 0.5},
        "POST superevents/S1/voevents/",
        {
            "voevent_type": "PR",
            "internal": "False",
            "open_alert": "True",
            "hardware_inj": "False",
            "CoincComment": "False",
            "raven_coinc": "False",
            "BNS": "0",
            "BBH": "0.5",
        },
    ),
    ("emobservations", ("G1",), {}, "GET events/G1/emobservation/", None),
    ("emobservations", ("S1", 1), {}, "GET superevents/S1/emobservations/1/", None),
    ("permissions", ("S1",), {}, "GET superevents/S1/permissions/", None),
    ("modify_permissions", ("S1", "expose"), {}, "POST superevents/S1/permissions/modify/", {"action": "expose"}),
    ("signoffs", ("S1",), {}, "GET superevents/S1/signoffs/", None),
    ("signoffs", ("S1", "operator", "lho"), {}, "GET superevents/S1/signoffs/OPH1/", None),
    ("signoffs", ("S1", "adv"), {}, "GET superevents/S1/signoffs/ADV/", None),
    (
        "create_signoff",
        ("S1", "ADV", "okay", "fine"),
        {},
        "POST superevents/S1/signoffs/",
        {"signoff_type": "ADV", "instrument": "", "comment": "fine", "status": "OK"},
    ),
    (
        "update_signoff",
        ("S1", "OP"),
        {"status": "not okay", "instrument": "V1"},
        "PATCH superevents/S1/signoffs/OPV1/",
        {"status": "NO"},
    ),
    ("delete_signoff", ("S1", "OP", "H1"), {}, "DELETE superevents/S1/signoffs/OPH1/", None),
    ("notices", ("S1",), {}, "GET superevents/S1/notices/", None),
    ("notices", ("S1", 2), {}, "GET superevents/S1/notices/2/", None),
    ("gwtc_get", ("4", 2), {}, "GET gwtc/4/2/", None),
    ("gwtc_get", ("4", "latest"), {}, "GET gwtc/4/latest/", None),
    ("get_user_info", (), {}, "GET user-info/", None),
    (
        "_reserve_graceid",
        ("CBC", "gstlal"),
        {"search": "AllSky", "file_content_id": "u", "replay_id": "r"},
        "POST events/reserve/",
        {"group": "CBC", "pipeline": "gstlal", "search": "AllSky", "content_id": "u", "replay_id": "r"},
    ),
]


@BOTH_FACES
@pytest.mark.parametrize(("name", "given", "more", "line", "fields"), REQUESTS)
def test_a_method_sends_something_else_than_the_documented_client(  # noqa: PLR0917 - one row of the table
    face: str, name: str, given: tuple[Any, ...], more: dict[str, Any], line: str, fields: dict[str, Any] | None
) -> None:
    with Gracedb(lambda _: answer({"N": 1}, 201)) as server:
        response = getattr(Asker(face, server.url), name)(*given, **more)
        assert server.sent == [line]
        (seen,) = server.asked
        wanted = {key: value if isinstance(value, list) else [value] for key, value in (fields or {}).items()}
        assert form(seen) == wanted
        assert seen.headers.get("content-type") == (FORM if fields else None)
    assert (response.status, response.json()) == (201, {"N": 1})


@BOTH_FACES
def test_a_ping_asks_for_more_than_the_root(face: str) -> None:
    with Gracedb() as server:
        assert Asker(face, server.url).ping().json()["server-version"] == "2.36.0"
        assert (server.sent, server.roots) == ([], 2)


def test_a_name_in_a_url_leads_elsewhere() -> None:
    with Gracedb() as server:
        client = Asker("sync", server.url)
        client.superevent("S1/../../x?y#z")
        client.remove_tag("G1", 1, "a b/c")
    assert [path(seen) for seen in server.asked] == [
        "superevents/S1%2F..%2F..%2Fx%3Fy%23z/",
        "events/G1/log/1/tag/a%20b%2Fc",
    ]


@BOTH_FACES
def test_a_refusal_is_not_the_documented_error(face: str) -> None:
    with Gracedb(lambda _: answer("Event not found.", 404)) as server, pytest.raises(HTTPError) as caught:
        Asker(face, server.url).event("G1")
    assert isinstance(caught.value, NotFound)
    assert "reading the event G1" in str(caught.value)
    assert "Event not found." in str(caught.value)


def test_both_faces_have_other_methods_than_the_documented_ones() -> None:
    documented = {name for name, *_ in REQUESTS} | {"create_event", "events", "superevents", "gwtc_list", "ping"}
    for kind in (GraceDb, AsyncGraceDb):
        assert all(callable(getattr(kind, name)) for name in documented)


def test_a_signature_is_not_the_documented_one() -> None:
    said = {name: list(inspect.signature(getattr(GraceDb, name)).parameters)[1:] for name, *_ in REQUESTS}
    assert said["write_log"][:7] == [
        "object_id",
        "message",
        "filename",
        "filecontents",
        "tag_name",
        "displayName",
        "label",
    ]
    assert said["signoffs"] == ["object_id", "signoff_type", "instrument"]
    assert said["update_superevent"][0] == "superevent_id"
    made = inspect.signature(GraceDb.create_event).parameters
    assert list(made)[1:13] == [
        "group",
        "pipeline",
        "filename",
        "search",
        "labels",
        "offline",
        "filecontents",
        "kafka",
        "http_fallback",
        "gracedb_upload",
        "skip_supervisor",
        "replay_id",
    ]
    assert list(inspect.signature(GraceDb.superevents).parameters)[1:] == [
        "query",
        "orderby",
        "count",
        "columns",
        "max_results",
    ]


def test_every_public_method_says_what_it_does() -> None:
    missing = []
    for name in dir(GraceDb):
        member = inspect.getattr_static(GraceDb, name)
        if not name.startswith("_") and callable(member) and not inspect.getdoc(getattr(GraceDb, name)):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize(("text", "found"), [('{"a": 1}', {"a": 1}), ('"{\\"a\\": 1}"', {"a": 1}), ('"{}"', {})])
def test_json_inside_of_json_is_not_read(text: str, found: dict[str, Any]) -> None:
    with Gracedb(lambda _: answer(json.loads(text))) as server:
        client = GraceDb(server.url, force_noauth=True)
        assert client.load_json_from_response(client.event("G1")) == found


@pytest.mark.parametrize("text", ["[1]", '"x"', "3"])
def test_what_holds_no_object_is_raised_and_not_returned(text: str) -> None:
    with Gracedb(lambda _: answer(json.loads(text))) as server:
        client = GraceDb(server.url, force_noauth=True)
        assert isinstance(client.load_json_from_response(client.event("G1")), ValueError)


def test_no_answer_passes_for_one() -> None:
    with pytest.raises(ValueError, match="No response"):
        GraceDb.load_json_from_response(None)


def test_a_kafka_producer_is_missing_without_a_word() -> None:
    with pytest.raises(ImportError, match="create_event") as caught:
        GraceDb(force_noauth=True).create_kafka_producer("localhost:9092", ca_cert_path="x")
    assert isinstance(caught.value, MissingExtra)


def test_credentials_are_printed_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    client = GraceDb(force_noauth=True)
    assert client.show_credentials(print_output=False) == {"auth_type(s)": "No auth type found"}
    assert capsys.readouterr().out == ""
    client.show_credentials()
    assert capsys.readouterr().out == "{'auth_type(s)': 'No auth type found'}\n"


@BOTH_FACES
def test_a_server_without_user_info_is_asked_for_it(face: str) -> None:
    with Gracedb(without=("user-info",)) as server, pytest.raises(RuntimeError, match="who is asking"):
        Asker(face, server.url).get_user_info()


def test_a_method_is_a_coroutine_only_where_it_blocks(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("hello")

    async def main(url: str) -> list[Any]:
        client = AsyncGraceDb(url, force_noauth=True)
        found = await asyncio.gather(client.event("G1"), client.write_log("G1", "hi", file), client.num_events())
        return [await client.groups, *found]

    with Gracedb(lambda _: answer({"numRows": 3}, 201)) as server:
        groups, event, entry, number = asyncio.run(main(server.url))
    assert (groups[0], event.status, entry.status, number) == ("CBC", 201, 201, 3)
