"""Answers that were lost of requests that bring about a state: done once, recognised, and repeated only if not done."""

from collections.abc import Callable
from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, NotFoundError, OutcomeUnknown
from tests.gracedb.scripted import BOTH_FACES, GONE, NOW, Asker, Gracedb, answer, path, utc
from tests.wire.server import Answer, Seen, reply

SUPEREVENT = {"superevent_id": "S1", "t_0": 3.5, "preferred_event": "G1", "gw_id": "GW1", "created": utc(NOW)}
# A method, what it is asked, where its list is, and an entry there that says that it is done.
ADDED: list[tuple[str, tuple[Any, ...], str, dict[str, Any]]] = [
    ("write_label", ("S1", "INJ"), "superevents/S1/labels/", {"labels": [{"name": "INJ"}]}),
    ("add_tag", ("S1", 1, "pe"), "superevents/S1/logs/1/tags/", {"tags": [{"name": "pe"}]}),
    ("add_tag", ("G1", 1, "pe"), "events/G1/log/1/tag/", {"tags": [{"name": "pe"}]}),
    ("add_event_to_superevent", ("S1", "G1"), "superevents/S1/events/", {"events": [{"graceid": "G1"}]}),
    (
        "add_pipeline_preferred_event",
        ("S1", "G1"),
        "superevents/S1/pipeline_preferred_events/",
        {"pipeline_preferred_events": [{"graceid": "G1"}]},
    ),
    (
        "create_signoff",
        ("S1", "OP", "OK", "fine", "H1"),
        "superevents/S1/signoffs/",
        {"signoffs": [{"signoff_type": "OP", "instrument": "H1", "status": "OK", "comment": "fine"}]},
    ),
]
TAKEN: list[tuple[str, tuple[Any, ...], str, dict[str, Any]]] = [
    ("remove_label", ("S1", "INJ"), "superevents/S1/labels/", {"labels": [{"name": "INJ"}]}),
    ("remove_label", ("G1", "INJ"), "events/G1/labels/", {"labels": [{"name": "INJ"}]}),
    ("remove_tag", ("S1", 1, "pe"), "superevents/S1/logs/1/tags/", {"tags": [{"name": "pe"}]}),
    ("remove_tag", ("G1", 1, "pe"), "events/G1/log/1/tag/", {"tags": [{"name": "pe"}]}),
    ("remove_event_from_superevent", ("S1", "G1"), "superevents/S1/events/", {"events": [{"graceid": "G1"}]}),
    (
        "remove_pipeline_preferred_event",
        ("S1", "G1"),
        "superevents/S1/pipeline_preferred_events/",
        {"pipeline_preferred_events": [{"graceid": "G1"}]},
    ),
    (
        "delete_signoff",
        ("S1", "ADV"),
        "superevents/S1/signoffs/",
        {"signoffs": [{"signoff_type": "ADV", "instrument": ""}]},
    ),
]
CHANGED: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("update_superevent", ("S1",), {"t_0": 3.5, "preferred_event": "G1"}, "superevents/S1/"),
    ("confirm_superevent_as_gw", ("S1", "GW1"), {}, "superevents/S1/"),
    ("confirm_superevent_as_gw", ("S1",), {}, "superevents/S1/"),
    ("update_signoff", ("S1", "ADV"), {"status": "OK", "comment": "yes"}, "superevents/S1/signoffs/ADV/"),
]
LOST: list[Callable[[], Answer]] = [lambda: None, lambda: reply(502), lambda: reply(504)]


class Server(Gracedb):
    """Loses the first answers to what writes; its lists are as they were, until something is written.

    Parameters
    ----------
    lost
        What comes in their place.
    before, after
        What is read.
    does
        Which of the writes, counted from 1, is done; None for none.
    then
        The answer to those that are not lost.
    """

    def __init__(self, lost: list[Answer], before: Any, after: Any, does: int | None, then: Answer) -> None:
        super().__init__(self._handle)
        self.lost, self.now, self.after, self.does, self.then = lost, before, after, does, then
        self.writes = 0

    def _handle(self, seen: Seen) -> Answer:
        if seen.method == "GET":
            return answer(self.now)
        self.writes += 1
        if self.writes == self.does:
            self.now = self.after
        return self.lost.pop(0) if self.lost else self.then


def empty(document: dict[str, Any]) -> dict[str, Any]:
    return {key: [{"name": "another", "graceid": "G9", "status": "NO"}] for key in document}


@BOTH_FACES
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(("name", "given", "listing", "done"), ADDED)
def test_what_was_added_is_added_again(  # noqa: PLR0917 - one row of the table
    face: str, lost: Callable[[], Answer], name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]
) -> None:
    with Server([lost()], empty(done), done, 1, reply(400)) as server:
        response = getattr(Asker(face, server.url), name)(*given)
        assert [path(seen) for seen in server.asked[1:]] == [listing]
        assert server.writes == 1
    assert (response.status, response.settled) == (201, True)
    assert [response.json()] == next(iter(done.values()))


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(("name", "given", "listing", "done"), ADDED)
def test_what_was_not_added_is_not_added_at_all(
    status: int, name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]
) -> None:
    with Server([None], empty(done), done, 2, answer({"N": 1}, 201)) as server:
        assert getattr(Asker("sync", server.url), name)(*given).json() == {"N": 1}
        assert server.writes == 2
    # The first one was done after all, a moment later: the second is refused, and that is no failure.
    with Server([None], empty(done), done, 2, answer("it is there already", status)) as server:
        assert getattr(Asker("sync", server.url), name)(*given).status == 201
        assert server.writes == 2


@pytest.mark.parametrize(("name", "given", "listing", "done"), ADDED)
def test_a_refusal_passes_for_success(name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]) -> None:
    with Server([], done, done, None, answer("it is there already", 409)) as server:
        with pytest.raises(HTTPError, match="already"):
            getattr(Asker("sync", server.url), name)(*given)
        assert len(server.asked) == 1
    refused = Server([None], empty(done), done, None, answer("you must not", 400))
    with refused as server, pytest.raises(HTTPError, match="you must not"):
        getattr(Asker("sync", server.url), name)(*given)


@BOTH_FACES
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(("name", "given", "listing", "done"), TAKEN)
def test_what_was_taken_away_is_an_error(  # noqa: PLR0917 - one row of the table
    face: str, lost: Callable[[], Answer], name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]
) -> None:
    with Server([lost()], done, empty(done), 1, reply(404)) as server:
        response = getattr(Asker(face, server.url), name)(*given)
        assert [path(seen) for seen in server.asked[1:]] == [listing]
        assert server.writes == 1
    assert (response.status, response.content) == (204, b"")


@pytest.mark.parametrize(("name", "given", "listing", "done"), TAKEN)
def test_what_was_not_taken_away_stays(name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]) -> None:
    for then in (GONE, answer("it is not there", 404)):
        with Server([None], done, empty(done), 2, then) as server:
            assert getattr(Asker("sync", server.url), name)(*given).status == 204
            assert server.writes == 2


@pytest.mark.parametrize(("name", "given", "listing", "done"), TAKEN)
def test_what_was_never_there_is_taken_away(
    name: str, given: tuple[Any, ...], listing: str, done: dict[str, Any]
) -> None:
    with Server([], empty(done), empty(done), None, answer("it is not there", 404)) as server:
        with pytest.raises(NotFoundError):
            getattr(Asker("sync", server.url), name)(*given)
        assert len(server.asked) == 1


@BOTH_FACES
@pytest.mark.parametrize(("name", "given", "more", "where"), CHANGED)
def test_what_was_changed_is_changed_again(
    face: str, name: str, given: tuple[Any, ...], more: dict[str, Any], where: str
) -> None:
    after = {**SUPEREVENT, "status": "OK", "comment": "yes"}
    with Server([None], {"t_0": 1.0}, after, 1, answer("Request would not modify the superevent", 400)) as server:
        response = getattr(Asker(face, server.url), name)(*given, **more)
        assert [path(seen) for seen in server.asked[1:]] == [where]
    assert (response.status, response.json()) == (200, after)


@pytest.mark.parametrize(("name", "given", "more", "where"), CHANGED)
def test_what_was_not_changed_stays(name: str, given: tuple[Any, ...], more: dict[str, Any], where: str) -> None:
    after = {**SUPEREVENT, "status": "OK", "comment": "yes"}
    for then in (answer(after), answer("Request would not modify the superevent", 400)):
        with Server([None], {"t_0": 1.0, "gw_id": None}, after, 2, then) as server:
            assert getattr(Asker("sync", server.url), name)(*given, **more).json() == after
            assert server.writes == 2


def test_another_id_of_a_wave_passes_for_the_one_that_was_given() -> None:
    confirmed = Server([None], {"gw_id": "GW7"}, None, None, answer("it is confirmed already", 400))
    with confirmed as server, pytest.raises(HTTPError, match="confirmed already"):
        Asker("sync", server.url).confirm_superevent_as_gw("S1", "GW1")


@BOTH_FACES
def test_a_state_that_cannot_be_read_passes_for_none(face: str) -> None:
    def handler(seen: Seen) -> Answer:
        return reply(403) if seen.method == "GET" else None

    with Gracedb(handler) as server, pytest.raises(OutcomeUnknown) as caught:
        Asker(face, server.url).write_label("S1", "INJ")
    assert server.written == ["POST superevents/S1/labels/"]
    assert caught.value.next


@BOTH_FACES
@pytest.mark.parametrize("call", [("write_label", "G1", "INJ"), ("modify_permissions", "S1", "hide")])
def test_what_may_be_repeated_is_not(face: str, call: tuple[str, ...]) -> None:
    answers: list[Answer] = [None, reply(502), answer({}, 200)]
    with Gracedb(lambda _: answers.pop(0)) as server:
        assert getattr(Asker(face, server.url), call[0])(*call[1:]).status == 200
        assert len(server.sent) == 3


@BOTH_FACES
@pytest.mark.parametrize(
    ("call", "check"),
    [
        (("create_voevent", "S1", "PR"), "list voevents S1"),
        (("write_emobservation", "G1", "ZTF", 1, 1, 1, 1, "2020-01-01", 1), "list emobservations G1"),
        (("create_notice", "S1", "n.json", "{}"), "list notices S1"),
        (("gwtc_create", {"S1": {}}, "4"), "gwtc get 4 latest"),
        (("update_grbevent", "E1", 1.0), "get event E1"),
        (("upload_reserved_event", "G1", "a.xml", b"x"), "get event G1"),
    ],
)
def test_what_would_be_there_twice_is_sent_twice(face: str, call: tuple[Any, ...], check: str) -> None:
    answers: list[Answer] = [None, reply(502)]
    with Gracedb(lambda _: answers.pop(0)) as server:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown, match=check):
                getattr(Asker(face, server.url), call[0])(*call[1:])
        assert len(server.sent) == 2


@pytest.mark.parametrize("other", [{"status": "NO"}, {"comment": "bad"}, {"instrument": "L1"}, {"signoff_type": "ADV"}])
def test_another_signoff_passes_for_the_one_that_was_given(other: dict[str, str]) -> None:
    there = {"signoff_type": "OP", "instrument": "H1", "status": "OK", "comment": "fine", **other}
    refused = Server([None], {"signoffs": [there]}, None, None, answer("signed off already", 400))
    with refused as server, pytest.raises(HTTPError, match="signed off already"):
        Asker("sync", server.url).create_signoff("S1", "OP", "OK", "fine", "H1")
    assert server.writes == 2


def test_a_refusal_is_lost_where_the_state_cannot_be_read() -> None:
    reads: list[Answer] = [answer({"labels": []}), reply(403)]
    writes: list[Answer] = [None, answer("no such label here", 400)]
    with Gracedb(lambda seen: (reads if seen.method == "GET" else writes).pop(0)) as server:
        with pytest.raises(HTTPError, match="no such label here"):
            Asker("sync", server.url).write_label("S1", "INJ")
        assert (reads, writes) == ([], [])
