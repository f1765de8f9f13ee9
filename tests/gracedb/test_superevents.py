"""Superevents: zero is a value, names are understood, and none is made twice."""

from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, MissingTemplate, OutcomeUnknown
from tests.gracedb.scripted import BOTH_FACES, NOW, Asker, Gracedb, answer, form, utc
from tests.wire.server import Answer, Seen

GIVEN = (1.0, 2.5, 4.0, "G1")
MADE = {"superevent_id": "S1", "t_0": 2.5, "preferred_event": "G1", "created": utc(NOW)}


class Server(Gracedb):
    """Loses answers to POSTs; an event says in which superevent it is, once one was made."""

    def __init__(self, *lost: Answer, makes: int = 0, then: Answer = None, found: dict[str, Any] = MADE) -> None:
        super().__init__(self._handle)
        self.lost, self.makes, self.then, self.found = list(lost), makes, then, found
        self.posts = 0

    def _handle(self, seen: Seen) -> Answer:
        if seen.method == "POST":
            self.posts += 1
            return self.lost.pop(0) if self.lost else self.then
        is_made = self.makes and self.posts >= self.makes
        if "/superevents/" in seen.target:
            return answer(self.found)
        return answer({"graceid": "G1", "superevent": "S1" if is_made else None})


@BOTH_FACES
def test_a_superevent_that_was_made_is_made_again(face: str) -> None:
    with Server(None, makes=1) as server:
        response = Asker(face, server.url).create_superevent(*GIVEN)
        assert server.sent == ["POST superevents/", "GET events/G1", "GET superevents/S1/"]
    assert (response.status, response.json(), response.settled) == (201, MADE, True)


@BOTH_FACES
def test_a_superevent_that_was_not_made_is_not_made_at_all(face: str) -> None:
    with Server(None, then=answer(MADE, 201)) as server:
        assert Asker(face, server.url).create_superevent(*GIVEN).json() == MADE
        assert server.posts == 2


@pytest.mark.parametrize("other", [{"created": utc(NOW - 60)}, {"t_0": 2.6}, {"preferred_event": "G2"}])
def test_another_superevent_passes_for_this_one(other: dict[str, Any]) -> None:
    refused = answer("Event G1 is already assigned to a superevent", 400)
    with Server(None, makes=1, then=refused, found={**MADE, **other}) as server:
        with pytest.raises(HTTPError, match="already assigned"):
            Asker("sync", server.url).create_superevent(*GIVEN)
        assert server.posts == 2


def test_a_superevent_that_was_made_a_moment_later_is_an_error() -> None:
    with Server(None, makes=2, then=answer("already assigned", 400)) as server:
        assert Asker("sync", server.url).create_superevent(*GIVEN).json() == MADE


def test_an_event_that_cannot_be_seen_is_in_no_superevent() -> None:
    with Gracedb(lambda seen: None if seen.method == "POST" else answer("no", 404)) as server:
        with pytest.raises(OutcomeUnknown, match="get event G1"):
            Asker("sync", server.url).create_superevent(*GIVEN)
        assert server.written == ["POST superevents/"]


@BOTH_FACES
@pytest.mark.parametrize(("category", "code"), [("production", "P"), ("Test", "T"), ("mdc", "M"), ("p", "P")])
def test_a_category_is_not_understood(face: str, category: str, code: str) -> None:
    with Gracedb(lambda _: answer({}, 201)) as server:
        Asker(face, server.url).create_superevent(*GIVEN, category=category)
    assert form(server.asked[0])["category"] == [code]


@BOTH_FACES
@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ({"category": "x"}, ValueError, "category must be one of: P .Production., T .Test., M .MDC."),
        ({"category": "prodution"}, ValueError, "did you mean Production"),
        ({"category": 3}, TypeError, "category arg is <class 'int'>, should be a string"),
        ({"events": 3}, TypeError, "events arg is <class 'int'>, should be str or list"),
        ({"labels": 3}, TypeError, "labels arg is <class 'int'>, should be str or list"),
        ({"labels": ["XX"]}, ValueError, "Label 'XX' does not exist in the database"),
    ],
)
def test_what_cannot_be_right_is_sent(face: str, more: dict[str, Any], kind: type[Exception], words: str) -> None:
    with Gracedb() as server:
        with pytest.raises(kind, match=words):
            Asker(face, server.url).create_superevent(*GIVEN, **more)
        assert server.sent == []


@BOTH_FACES
def test_zero_is_no_value(face: str) -> None:
    with Gracedb() as server:
        client = Asker(face, server.url)
        client.update_superevent("S1", t_0=0.0, em_type="", time_coinc_far=0)
        client.update_grbevent("E1", ra=0.0)
    assert [form(seen) for seen in server.asked] == [
        {"t_0": ["0.0"], "em_type": [""], "time_coinc_far": ["0"]},
        {"ra": ["0.0"]},
    ]


@BOTH_FACES
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("update_superevent", "S1"), "Provide at least one of t_start, t_0, t_end, preferred_event, em_type"),
        (("update_grbevent", "E1"), "Provide at least one of ra, dec, error_radius, t90, redshift, or designation"),
    ],
)
def test_no_change_is_sent(face: str, call: tuple[str, str], words: str) -> None:
    with Gracedb() as server, pytest.raises(ValueError, match=words):
        getattr(Asker(face, server.url), call[0])(call[1])
    assert server.sent == []


@BOTH_FACES
def test_a_server_without_preferred_events_is_asked_for_them(face: str) -> None:
    keys = tuple(f"superevent-pipeline-preferred-event-{part}-template" for part in ("list", "detail"))
    with Gracedb(without=keys) as server:
        client = Asker(face, server.url)
        for name in ("add_pipeline_preferred_event", "remove_pipeline_preferred_event"):
            with pytest.raises(UserWarning) as caught:
                getattr(client, name)("S1", "G1")
            assert isinstance(caught.value, MissingTemplate)
        assert server.sent == []


@pytest.mark.parametrize(
    ("there", "wanted", "is_it"),
    [
        (3.5, 3.5, True),
        (3.5000004, 3.5, True),
        (3.51, 3.5, False),
        (3, "3", True),
        (None, 3.5, False),
        ("G1", "G1", True),
        ("G2", "G1", False),
    ],
)
def test_a_value_that_the_server_rounded_is_another_one(there: Any, wanted: Any, is_it: bool) -> None:
    from skykey.gracedb.superevent_writing import _holds

    assert _holds({"t_0": there}, {"t_0": wanted}) is is_it


def test_a_rate_is_compared_as_if_it_were_seconds() -> None:
    from skykey.gracedb.superevent_writing import _holds

    assert not _holds({"time_coinc_far": 2e-9}, {"time_coinc_far": 1e-9})
    assert _holds({"time_coinc_far": 1.0000001e-9}, {"time_coinc_far": 1e-9})
