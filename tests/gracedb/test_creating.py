"""Events made: what is sent, from where, and what is refused before anything is."""

import hashlib
import io
import os
import sys
import threading
import uuid
import warnings
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, OutcomeUnknown
from skykey.gracedb.rest import GraceDb
from tests.gracedb.scripted import BOTH_FACES, UUID, Asker, Gracedb, answer, form
from tests.wire.server import Answer, Seen, reply

MADE = answer({"graceid": "T0001"}, 201)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a #1.txt"
    path.write_bytes(b"hello")
    return path


@BOTH_FACES
def test_an_event_is_sent_otherwise_than_documented(face: str, file: Path) -> None:
    with Gracedb(lambda _: MADE) as server:
        response = Asker(face, server.url).create_event(
            "CBC", "gstlal", str(file), search="AllSky", labels=["INJ", "DQV"], offline=True, replay_id="r1", extra=1
        )
        assert server.sent == ["POST events/"]
    assert response.json() == {"graceid": "T0001"}
    assert form(server.asked[0]) == {
        "group": ["CBC"],
        "pipeline": ["gstlal"],
        "search": ["AllSky"],
        "labels": ["INJ", "DQV"],
        "offline": ["True"],
        "replay_id": ["r1"],
        "extra": ["1"],
        "content_id": [UUID],
        "eventFile": [(str(file), "text/plain", b"hello")],
    }


@BOTH_FACES
def test_what_was_not_given_is_sent(face: str, file: Path) -> None:
    with Gracedb(lambda _: MADE) as server:
        Asker(face, server.url).create_event("CBC", "gstlal", file, labels=[], replay_id="")
    assert set(form(server.asked[0])) == {"group", "pipeline", "offline", "content_id", "eventFile"}


@pytest.mark.parametrize(
    "content", ["hello", b"hello", bytearray(b"hello"), io.BytesIO(b"hello"), io.StringIO("hello")]
)
def test_content_is_taken_from_the_file_all_the_same(content: Any, file: Path) -> None:
    file.write_bytes(b"something else")
    with Gracedb(lambda _: MADE) as server:
        Asker("sync", server.url).create_event("CBC", "gstlal", file, filecontents=content)
    fields = form(server.asked[0])
    assert (fields["eventFile"][0][2], fields["content_id"]) == (b"hello", [UUID])


def test_standard_input_is_read_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"\x1f\x8b\xff\r\n\x00"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))
    with Gracedb(lambda _: MADE) as server:
        Asker("sync", server.url).create_event("CBC", "gstlal", "-")
    assert form(server.asked[0])["eventFile"] == [("initial.data", "application/octet-stream", content)]


def test_a_pipe_is_read_once_and_sent_empty(tmp_path: Path) -> None:
    pipe, content = tmp_path / "pipe", os.urandom(3 * 2**20)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    with Gracedb(lambda _: MADE) as server:
        Asker("sync", server.url).create_event("CBC", "gstlal", pipe)
    writer.join()
    fields = form(server.asked[0])
    assert fields["eventFile"][0][2] == content
    assert fields["content_id"] == [str(uuid.UUID(bytes=hashlib.sha256(content).digest()[:16]))]


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"group": "CBX"}, ValueError, "bad group.*\n.*did you mean CBC"),
        ({"group": "cbc"}, ValueError, "bad group.*\n.*did you mean CBC"),
        ({"pipeline": "gst"}, ValueError, "bad pipeline.*\n.*did you mean gstlal"),
        ({"search": "All"}, ValueError, "bad search"),
        ({"offline": "yes"}, TypeError, "offline parameter should be a bool"),
        ({"replay_id": 3}, TypeError, "replay_id parameter should be a str"),
        ({"labels": 3}, TypeError, "labels arg is <class 'int'>, should be str or list"),
        ({"labels": ["INJ", 3]}, TypeError, "labels arg"),
        ({"labels": ["XX"]}, ValueError, "Label 'XX' does not exist in the database"),
        ({"filename": "/nowhere/a.xml"}, FileNotFoundError, "there is no file '/nowhere/a.xml'"),
        ({"filename": "/nowhere/a.xml"}, ValueError, "there is no file"),
        ({"filename": "/tmp"}, ValueError, "cannot be read"),
        ({"filename": None}, ValueError, "is not the name of a file"),
        ({"filename": "a,1.xml", "filecontents": b"x"}, ValueError, "comma"),
        ({"filecontents": 3}, ValueError, "bytes, text or an open file"),
    ],
)
@BOTH_FACES
def test_what_cannot_be_right_is_sent(
    face: str, given: dict[str, Any], kind: type[Exception], words: str, file: Path
) -> None:
    with Gracedb(lambda _: MADE) as server:
        with pytest.raises(kind, match=words):
            Asker(face, server.url).create_event(**{"group": "CBC", "pipeline": "gstlal", "filename": file, **given})
        assert server.sent == []


def test_a_label_that_was_made_meanwhile_is_refused(file: Path) -> None:
    with Gracedb(lambda _: MADE) as server:
        client = Asker("sync", server.url)
        client.create_event("CBC", "gstlal", file)
        server.more["labels"] = ["INJ", "NEW"]
        client.create_event("CBC", "gstlal", file, labels="NEW")
    assert server.roots == 2
    assert form(server.asked[1])["labels"] == ["NEW"]


def test_a_server_without_a_list_is_not_trusted_to_check_itself(file: Path) -> None:
    with Gracedb(lambda _: MADE, without=("searches", "labels")) as server:
        Asker("sync", server.url).create_event("CBC", "gstlal", file, search="New", labels="NEW")
        assert form(server.asked[0])["search"] == ["New"]


@BOTH_FACES
def test_a_replacement_is_sent_otherwise_than_documented(face: str, file: Path) -> None:
    with Gracedb(lambda _: reply(202)) as server:
        response = Asker(face, server.url).replace_event("G1", str(file))
        assert server.sent == ["PUT events/G1"]
    assert form(server.asked[0]) == {"eventFile": [(str(file), "text/plain", b"hello")]}
    assert (response.status, response.ok) == (202, True)


def test_a_replacement_reads_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-").write_bytes(b"a file")
    with Gracedb(lambda _: reply(202)) as server:
        Asker("sync", server.url).replace_event("G1", "-")
    assert form(server.asked[0])["eventFile"] == [("-", "application/octet-stream", b"a file")]


@BOTH_FACES
def test_a_replacement_is_sent_twice(face: str, file: Path) -> None:
    with Gracedb(lambda _: reply(502)) as server, pytest.raises(OutcomeUnknown, match="list files G1"):
        Asker(face, server.url).replace_event("G1", file)
    assert server.sent == ["PUT events/G1"]


# -- reserved events


@BOTH_FACES
def test_a_reserved_event_is_uploaded_otherwise_than_documented(face: str, file: Path) -> None:
    with Gracedb(lambda _: MADE) as server:
        Asker(face, server.url).upload_reserved_event("G1", str(file), labels="INJ", kafka_topic="t")
        assert server.sent == ["POST events/G1/upload/"]
    assert form(server.asked[0]) == {
        "graceid": ["G1"],
        "labels": ["INJ"],
        "kafka_topic": ["t"],
        "eventFile": [(str(file), "text/plain", b"hello")],
    }


@pytest.mark.parametrize(
    ("without", "options"),
    [(("api-default",), {}), ((), {"api_version": "v1"}), (("event-reserve-template", "event-upload-template"), {})],
)
def test_a_server_that_reserves_nothing_is_asked_for_it(
    without: tuple[str, ...], options: dict[str, Any], file: Path
) -> None:
    with Gracedb(without=without) as server:
        server_root = server.root()
        server.handler = lambda seen: answer(server_root if seen.target == "/api/v1/" else {})
        client = Asker("sync", server.url, **options)
        with pytest.raises(NotImplementedError, match="implemented"):
            client.upload_reserved_event("G1", file)
        with pytest.raises(NotImplementedError, match="implemented"):
            client._reserve_graceid("CBC", "gstlal")
        assert server.written == []


def test_a_server_that_was_upgraded_still_reserves_nothing() -> None:
    with Gracedb(lambda _: MADE, without=("api-default", "event-reserve-template")) as server:
        Asker("sync", server.url).ping()
        server.without, server.roots = (), 0
        assert Asker("sync", server.url)._reserve_graceid("CBC", "gstlal").status == 201
        assert server.roots == 1


def test_labels_that_are_none_are_unknown(file: Path) -> None:
    with Gracedb(lambda _: MADE) as server:
        Asker("sync", server.url).create_event("CBC", "gstlal", file, labels="")
    assert "labels" not in form(server.asked[0])


class Producer:
    """What `create_event` is given in place of a Kafka producer."""

    flush_timeout = 3

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.produced: list[dict[str, Any]] = []

    def produce(self, *, value: dict[str, Any], key: str | None, topic: str) -> None:
        if self.fails == "produce":
            raise RuntimeError("no broker")
        self.produced.append({"value": value, "key": key, "topic": topic})

    def flush(self, *, timeout: float, strict: bool) -> None:
        assert (timeout, strict) == (3, True)
        if self.fails == "flush":
            raise RuntimeError("nobody took it")


def reserving(seen: Seen) -> Answer:
    return answer({"graceid": "G7", "submitter": "albert", "replay_id": None}, 201)


@BOTH_FACES
@pytest.mark.parametrize(("group", "topic"), [("CBC", "gstlal"), ("Test", "test")])
def test_a_message_is_not_the_documented_one(face: str, group: str, topic: str, file: Path) -> None:
    producer = Producer()
    with Gracedb(reserving) as server:
        response = Asker(face, server.url).create_event(
            group, "gstlal", str(file), labels="INJ", replay_id="r", kafka=producer, skip_supervisor=True
        )
        assert server.sent == ["POST events/reserve/"]
        assert form(server.asked[0]) == {
            "group": [group],
            "pipeline": ["gstlal"],
            "content_id": [UUID],
            "replay_id": ["r"],
        }
        (message,) = producer.produced
        assert isinstance(message["value"].pop("_producer_timestamp"), float)
        assert message == {
            "key": "G7",
            "topic": topic,
            "value": {
                "type": "upload",
                "gracedb_server": server.url,
                "graceid": "G7",
                "submitter": "albert",
                "pipeline": "gstlal",
                "gracedb_upload": True,
                "skip_supervisor": True,
                "labels": ["INJ"],
                "eventFile": [str(file), "aGVsbG8="],
            },
        }
    assert response.json()["graceid"] == "G7"


def test_a_message_without_upload_reserves_an_id(file: Path) -> None:
    producer = Producer()
    with Gracedb(reserving) as server:
        made = Asker("sync", server.url).create_event("CBC", "gstlal", file, kafka=producer, gracedb_upload=False)
        assert (made, server.sent) == (None, [])
    assert (producer.produced[0]["key"], producer.produced[0]["value"]["labels"]) == (None, None)


@pytest.mark.parametrize("fails", ["produce", "flush"])
def test_an_event_that_nobody_took_is_lost(fails: str, file: Path) -> None:
    with Gracedb(reserving) as server:
        with pytest.warns(RuntimeWarning, match="Kafka delivery failed after graceid reservation"):
            Asker("sync", server.url).create_event("CBC", "gstlal", file, kafka=Producer(fails), http_fallback=True)
        assert server.sent == ["POST events/reserve/", "POST events/G7/upload/"]
    assert form(server.asked[1])["kafka_server"] == ["kafka delivery failed, reverted to http"]


def test_an_event_that_nobody_took_is_uploaded_against_the_users_will(file: Path) -> None:
    with Gracedb(reserving) as server, pytest.raises(RuntimeError, match="nobody took it"):
        Asker("sync", server.url).create_event("CBC", "gstlal", file, kafka=Producer("flush"))
    assert server.sent == ["POST events/reserve/"]


def test_an_event_without_an_id_is_uploaded_under_none(file: Path) -> None:
    with Gracedb(reserving) as server, pytest.raises(RuntimeError, match="nobody took it"):
        Asker("sync", server.url).create_event(
            "CBC", "gstlal", file, kafka=Producer("flush"), gracedb_upload=False, http_fallback=True
        )
    assert server.sent == []


@pytest.mark.parametrize(("status", "falls_back"), [(500, True), (404, True), (401, False), (403, False)])
def test_a_refused_reservation_falls_back_where_it_must_not(status: int, falls_back: bool, file: Path) -> None:
    def handler(seen: Seen) -> Answer:
        return answer({"detail": "no"}, status) if "reserve" in seen.target else MADE

    producer = Producer()
    with Gracedb(handler) as server, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        client = GraceDb(server.url, force_noauth=True)
        if falls_back:
            made = client.create_event("CBC", "gstlal", file, kafka=producer, http_fallback=True)
            assert made is not None
            assert made.status == 201
            assert [str(each.message) for each in said if each.category is RuntimeWarning] == [
                "Kafka submission failed during graceid reservation; falling back to HTTP POST."
            ]
        else:
            with pytest.raises(HTTPError):
                client.create_event("CBC", "gstlal", file, kafka=producer, http_fallback=True)
            assert server.sent == ["POST events/reserve/"]
    assert producer.produced == []
