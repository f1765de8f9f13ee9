"""Log entries: written once, found again after a lost answer only if they certainly are the ones."""

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, OutcomeUnknown
from skykey.values.errors import UnknownName
from tests.gracedb.scripted import BOTH_FACES, NOW, Asker, Gracedb, answer, form, utc
from tests.wire.server import Answer, Seen, reply

ME = {"username": "albert.einstein@ligo.org", "first_name": "Albert", "last_name": "Einstein", "email": ""}


def entry(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "N": number,
        "comment": "hi",
        "created": utc(NOW),
        "issuer": ME["username"],
        "filename": "",
        **more,
    }


class Server(Gracedb):
    """Loses the answer to a POST; the log is as a test says."""

    def __init__(self, lost: Answer, *entries: dict[str, Any], key: str = "logs", user: Any = ME) -> None:
        super().__init__(self._handle)
        self.lost, self.entries, self.key, self.user = lost, list(entries), key, user
        self.empty_at_first = 0

    def _handle(self, seen: Seen) -> Answer:
        if seen.method == "POST":
            return self.lost
        if seen.target.endswith("/user-info/"):
            return answer(self.user)
        self.empty_at_first -= 1
        entries = [] if self.empty_at_first >= 0 else self.entries
        return answer({"start": 0, "numRows": len(entries), self.key: entries})


@BOTH_FACES
@pytest.mark.parametrize("object_id", ["G1", "S1"])
@pytest.mark.parametrize("key", ["logs", "log"])
@pytest.mark.parametrize("lost", [None, reply(502), reply(504)])
def test_an_entry_that_was_written_is_written_again(face: str, object_id: str, key: str, lost: Answer) -> None:
    with Server(lost, entry(3, comment="before"), entry(4), key=key) as server:
        response = Asker(face, server.url).write_log(object_id, "hi")
        assert len(server.written) == 1
    assert (response.status, response.json()["N"], response.settled) == (201, 4, True)


def test_an_entry_that_appears_late_is_lost() -> None:
    with Server(None, entry()) as server:
        server.empty_at_first = 2
        client = Asker("sync", server.url)
        assert client.write_log("G1", "hi").json()["N"] == 1
        assert client.clock.waited == [0.0, 1.0, 3.0]


@BOTH_FACES
@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry(1), entry(2)],
        [entry(comment="hi there")],
        [entry(issuer="marie.curie@ligo.org")],
        [entry(issuer=None)],
        [entry(created=utc(NOW - 60))],
        [entry(created="yesterday")],
        [entry(filename="a.txt")],
    ],
)
def test_another_entry_passes_for_this_one(face: str, entries: list[dict[str, Any]]) -> None:
    with Server(None, *entries) as server, pytest.raises(OutcomeUnknown, match="list logs G1"):
        Asker(face, server.url).write_log("G1", "hi")
    assert len(server.written) == 1


@pytest.mark.parametrize(
    ("issuer", "user"),
    [
        ("Albert Einstein", ME),
        ({"username": "albert.einstein@ligo.org", "display_name": "A. Einstein"}, ME),
        ("ALBERT.EINSTEIN@LIGO.ORG", ME),
    ],
)
def test_the_users_other_names_are_strangers(issuer: Any, user: Any) -> None:
    with Server(None, entry(issuer=issuer), user=user) as server:
        assert Asker("sync", server.url).write_log("G1", "hi").settled


@pytest.mark.parametrize("user", [{"username": "AnonymousUser"}, [], {}])
def test_nobody_has_written_it(user: Any) -> None:
    with Server(None, entry(issuer="AnonymousUser"), user=user) as server, pytest.raises(OutcomeUnknown):
        Asker("sync", server.url).write_log("G1", "hi")


def test_an_entry_with_a_file_is_found_without_it(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("hello")
    with Server(None, entry(1), entry(2, filename="a.txt")) as server:
        assert Asker("sync", server.url).write_log("G1", "hi", file).json()["N"] == 2


def test_an_entry_that_lost_its_tags_passes_for_a_whole_one() -> None:
    with Server(None, entry(7, tag_names=["pe"])) as server:
        with pytest.raises(OutcomeUnknown) as caught:
            Asker("sync", server.url).write_log("G1", "hi", tag_name=["pe", "sky_loc, psd"])
        assert "entry 7, which may be this one, without sky_loc, psd" in " ".join(caught.value.__notes__)
        server.lost, server.entries = None, [entry(8, tag_names=["psd", "pe"])]
        assert Asker("sync", server.url).write_log("G1", "hi", tag_name="pe,psd").settled


def test_a_log_that_cannot_be_read_says_that_nothing_is_in_it() -> None:
    with Server(None, key="entries") as server, pytest.raises(OutcomeUnknown):
        Asker("sync", server.url).write_log("G1", "hi")


def test_a_refused_entry_is_looked_for() -> None:
    with Server(answer({"error": "no comment"}, 400)) as server, pytest.raises(HTTPError, match="no comment"):
        Asker("sync", server.url).write_log("G1", "hi")
    assert server.sent == ["POST events/G1/log/"]


def test_a_throttled_entry_is_lost() -> None:
    answers: list[Answer] = [answer({"detail": "slow"}, 429, Retry_After="1"), answer(entry(), 201)]
    with Gracedb(lambda _: answers.pop(0)) as server:
        assert Asker("sync", server.url).write_log("G1", "hi").status == 201
    assert server.sent == ["POST events/G1/log/"] * 2


@BOTH_FACES
def test_an_entry_of_a_moment_ago_passes_for_the_next_one(face: str) -> None:
    with Server(answer(entry(1), 201), entry(1)) as server:
        client = Asker(face, server.url)
        assert client.write_log("G1", "hi").ok
        server.lost = None
        with pytest.raises(OutcomeUnknown):
            client.write_log("G1", "hi")
        server.entries.append(entry(2))
        assert client.write_log("G1", "hi").json()["N"] == 2


def test_two_entries_that_look_the_same_pass_for_one() -> None:
    both = threading.Barrier(2)

    class Busy(Server):
        def _handle(self, seen: Seen) -> Answer:
            if seen.method == "POST":
                both.wait(10)
            return super()._handle(seen)

    with Busy(None, entry(1)) as server, ThreadPoolExecutor(2) as pool:
        client = Asker("sync", server.url)
        coming = [pool.submit(client.write_log, "G1", "hi") for _ in range(2)]
        assert all(isinstance(each.exception(), OutcomeUnknown) for each in coming)


# -- what is sent


@BOTH_FACES
def test_a_file_is_sent_otherwise_than_documented(face: str, tmp_path: Path) -> None:
    file = tmp_path / "sky map.txt"
    file.write_bytes(b"hello")
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker(face, server.url).write_log("S1", "hi", str(file), tag_name={"pe"}, displayName="PE", label="INJ")
    assert form(server.asked[0]) == {
        "comment": ["hi"],
        "tagname": ["pe"],
        "displayName": ["PE"],
        "label": ["INJ"],
        "upload": [("sky map.txt", "text/plain", b"hello")],
    }


def test_standard_input_is_read_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x1f\x8b\xff"), encoding="ascii"))
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker("sync", server.url).write_log("G1", "hi", "-")
    assert form(server.asked[0])["upload"] == [("stdin", "application/octet-stream", b"\x1f\x8b\xff")]


@pytest.mark.parametrize("tags", [None, [], (), "", set()])
def test_no_tags_are_sent_as_some(tags: Any) -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker("sync", server.url).write_log("G1", "hi", tag_name=tags, displayName="")
    assert form(server.asked[0]) == {"comment": ["hi"]}


def test_the_old_name_of_tags_is_forgotten() -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        client = Asker("sync", server.url)
        with pytest.warns(DeprecationWarning, match="tag_name"):
            client.write_log("G1", "hi", tagname=["pe"])
        with pytest.warns(DeprecationWarning, match="tag_name"):
            client.write_log("G1", "hi", tag_name="psd", tagname=["pe"])
    assert [form(seen)["tagname"] for seen in server.asked] == [["pe"], ["psd"]]


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"tag_name": ["pe"], "displayName": ["a", "b"]}, ValueError, "a display name for each tag"),
        ({"displayName": ["a"]}, ValueError, "a display name for each tag"),
        ({"label": 3}, TypeError, "label arg is <class 'int'>, should be  str"),
        ({"label": "XX"}, ValueError, "Label 'XX' does not exist"),
        ({"label": "INK"}, UnknownName, "did you mean INJ"),
        ({"tag_name": 3}, TypeError, "tag_name arg"),
        ({"filecontents": "x"}, ValueError, "needs a filename"),
        ({"filename": "a,b.txt", "filecontents": "x"}, ValueError, "comma"),
        ({"filename": "/nowhere/a.txt"}, FileNotFoundError, "/nowhere/a.txt"),
    ],
)
@BOTH_FACES
def test_what_cannot_be_right_is_sent(face: str, more: dict[str, Any], kind: type[Exception], words: str) -> None:
    with Gracedb() as server:
        with pytest.raises(kind, match=words):
            Asker(face, server.url).write_log("G1", "hi", **more)
        assert server.sent == []


@pytest.mark.parametrize("number", ["2", 2.0, [2]])
def test_a_number_that_is_none_is_asked_for(number: Any) -> None:
    with Gracedb() as server, pytest.raises(TypeError, match="log_number should be an int"):
        Asker("sync", server.url).logs("G1", number)
    assert server.sent == []
