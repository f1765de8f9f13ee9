"""An event whose answer was lost: found again, made once more, or said to be unknown; never made twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.exceptions import HTTPError, OutcomeUnknown
from skykey.values.errors import TimedOut, TransportError
from tests.gracedb.scripted import BOTH_FACES, NOT_FOUND, NOW, UUID, Asker, Gracedb, answer, query, utc
from tests.wire.server import Answer, Seen, reply

LOST: list[Callable[[], Answer]] = [lambda: None, lambda: reply(502), lambda: [b"HTTP/1.1 201 X\r\nContent-Le"]]
LOOK = f"GET events/{UUID}"
ACCEPTED = (b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"graceid"',)
DAMAGED = (b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",)


def event(created: float = NOW, **more: Any) -> dict[str, Any]:
    return {"graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": None, "created": utc(created), **more}


class Server(Gracedb):
    """Loses the answers to so many POSTs, and has the events that a test puts there.

    Parameters
    ----------
    lost
        What comes in place of the answer, for each POST that is lost.
    makes
        Whether the event is made all the same.
    there, latest
        What is found by its content from the start, and what a list of the latest events has, of 60.
    """

    def __init__(
        self, *lost: Answer, makes: bool = False, there: Any = None, latest: tuple[Any, ...] = (), **more: Any
    ) -> None:
        super().__init__(self._handle, **more)
        self.lost = list(lost)
        self.makes = makes
        self.events: list[dict[str, Any]] = [] if there is None else [there]
        self.latest: list[dict[str, Any]] = list(latest)
        self.appears_after = 0

    def _handle(self, seen: Seen) -> Answer:
        if seen.method == "POST":
            if not self.lost:
                return answer({**event(), "warnings": []}, 201)
            if self.makes:
                self.events = [event()]
            return self.lost.pop(0)
        if "sort" in query(seen):
            return answer({"events": self.latest, "numRows": max(60, len(self.latest)), "links": {"next": None}})
        if self.appears_after:
            self.appears_after -= 1
            return NOT_FOUND
        return answer(self.events[0]) if self.events else NOT_FOUND


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.xml"
    path.write_bytes(b"hello")
    return path


def made(face: str, server: Gracedb, file: Path, **more: Any) -> Any:
    options = {name: more.pop(name) for name in ("retries", "timeout", "allowed_methods") if name in more}
    return Asker(face, server.url, **options).create_event("CBC", "gstlal", file, **more)


@BOTH_FACES
@pytest.mark.parametrize("lost", LOST)
def test_an_event_that_was_made_is_made_again(face: str, lost: Callable[[], Answer], file: Path) -> None:
    with Server(lost(), makes=True) as server:
        response = made(face, server, file)
        assert server.sent == ["POST events/", LOOK]
    assert (response.status, response.settled) == (201, True)
    assert (response.json()["graceid"], response.json()["warnings"]) == ("G1", [])


@BOTH_FACES
@pytest.mark.parametrize("lost", LOST)
def test_an_event_that_was_not_made_is_not_made_at_all(face: str, lost: Callable[[], Answer], file: Path) -> None:
    with Server(lost()) as server:
        response = made(face, server, file)
        assert server.sent == ["POST events/", LOOK, LOOK, LOOK, "POST events/"]
    assert (response.status, hasattr(response, "settled")) == (201, False)


def test_a_server_that_is_down_is_asked_for_ever(file: Path) -> None:
    with Server(*[reply(502)] * 9) as server, pytest.raises(OutcomeUnknown, match=UUID) as caught:
        made("sync", server, file, retries=2)
    assert server.written == ["POST events/"] * 3
    assert isinstance(caught.value, HTTPError)
    assert caught.value.status_code == 502


def test_no_retries_means_no_second_look_at_what_was_made(file: Path) -> None:
    with Server(None, makes=True) as server:
        assert made("sync", server, file, retries=0).json()["graceid"] == "G1"
    assert server.written == ["POST events/"]


@BOTH_FACES
@pytest.mark.parametrize("status", [504, 408])
def test_a_server_that_is_still_at_it_is_given_a_second_event(face: str, status: int, file: Path) -> None:
    with Server(reply(status)) as server, pytest.raises(OutcomeUnknown, match="skykey gracedb get event") as caught:
        made(face, server, file)
    assert server.sent == ["POST events/", *[LOOK] * 5]
    assert "it has none yet" in " ".join(caught.value.__notes__)


@BOTH_FACES
@pytest.mark.parametrize("lost", [ACCEPTED, DAMAGED])
def test_an_event_that_the_server_says_it_made_is_made_again(face: str, lost: Answer, file: Path) -> None:
    with Server(lost) as server, pytest.raises(OutcomeUnknown) as caught:
        made(face, server, file)
    assert server.sent == ["POST events/", *[LOOK] * 5]
    assert caught.value.was_accepted
    assert "had begun to say that it was done: 201" in " ".join(caught.value.__notes__)
    with Server(lost, makes=True) as server:
        assert made(face, server, file).settled


def test_a_silent_server_is_given_a_second_event(file: Path) -> None:
    import threading

    over = threading.Event()

    class Silent(Server):
        def _handle(self, seen: Seen) -> Answer:
            if seen.method == "POST":
                over.wait(10)
                return None
            return NOT_FOUND

    with Silent() as server:
        with pytest.raises(OutcomeUnknown) as caught:
            made("sync", server, file, timeout=0.2)
        over.set()
    assert isinstance(caught.value, TimedOut)
    assert server.sent == ["POST events/", *[LOOK] * 5]


def test_an_event_that_appears_late_is_not_found(file: Path) -> None:
    with Server(reply(504), makes=True) as server:
        server.appears_after = 3
        assert made("sync", server, file).json()["graceid"] == "G1"
    assert server.sent == ["POST events/", *[LOOK] * 4]


def test_the_looks_come_all_at_once() -> None:
    from skykey.gracedb.making import _AT_IT

    assert len(_AT_IT) >= 3
    assert 8 <= sum(_AT_IT) <= 15
    assert list(_AT_IT) == sorted(_AT_IT)


@BOTH_FACES
def test_an_older_event_of_the_same_content_passes_for_this_one(face: str, file: Path) -> None:
    with Server(None) as server:
        server.events = server.latest = [event(NOW - 60)]
        response = made(face, server, file)
        assert server.written == ["POST events/"] * 2
    assert not hasattr(response, "settled")


@pytest.mark.parametrize("other", [{"group": "Burst"}, {"pipeline": "pycbc"}, {"search": "AllSky"}])
def test_an_event_of_another_kind_passes_for_this_one(other: dict[str, Any], file: Path) -> None:
    with Server(None) as server:
        server.events = [event(**other)]
        made("sync", server, file)
        assert server.written == ["POST events/"] * 2


def test_an_older_event_hides_a_newer_one_that_may_be_this(file: Path) -> None:
    latest = (event(graceid="G9"), event(NOW - 60))
    with Server(None, there=event(NOW - 60), latest=latest) as server, pytest.raises(OutcomeUnknown) as caught:
        made("sync", server, file)
    assert server.written == ["POST events/"]
    assert "newer ones that may be this one" in " ".join(caught.value.__notes__)


def test_a_page_full_of_newer_events_hides_one_that_may_be_this(file: Path) -> None:
    latest = tuple(event(graceid=f"G{number}", pipeline="pycbc") for number in range(10, 60))
    with Server(None, there=event(NOW - 60), latest=latest) as server, pytest.raises(OutcomeUnknown):
        made("sync", server, file)
    assert server.written == ["POST events/"]


def test_a_search_that_was_not_given_is_another_one_than_none(file: Path) -> None:
    with Server(None) as server:
        server.events = [event(search="")]
        assert made("sync", server, file).settled
        server.lost, server.events = [None], [event(search="AllSky")]
        assert made("sync", server, file, search="AllSky").settled


def test_a_server_that_knows_no_content_is_given_a_second_event(file: Path) -> None:
    with Server(None, without=("api-default",)) as server, pytest.raises(OutcomeUnknown) as caught:
        made("sync", server, file)
    assert server.written == ["POST events/"]
    assert "too old" in " ".join(caught.value.__notes__)


@BOTH_FACES
def test_a_look_that_failed_counts_for_ever(face: str, file: Path) -> None:
    class Recovering(Server):
        def _handle(self, seen: Seen) -> Answer:
            first_look = seen.method == "GET" and len(self.sent) == 2
            return reply(500) if first_look else super()._handle(seen)

    with Recovering(None) as server:
        assert made(face, server, file).status == 201
    assert server.sent == ["POST events/", LOOK, LOOK, LOOK, "POST events/"]


@pytest.mark.parametrize("trouble", [reply(500), reply(403), answer([1])])
def test_a_server_that_cannot_say_is_given_a_second_event(trouble: bytes, file: Path) -> None:
    class Troubled(Server):
        def _handle(self, seen: Seen) -> Answer:
            return super()._handle(seen) if seen.method == "POST" else trouble

    with Troubled(None) as server, pytest.raises(OutcomeUnknown) as caught:
        made("sync", server, file)
    assert server.written == ["POST events/"]
    assert isinstance(caught.value, TransportError)
    assert caught.value.__cause__ is not None


def test_a_refusal_is_looked_into(file: Path) -> None:
    with Server(answer({"error": "no"}, 400)) as server, pytest.raises(HTTPError, match="no"):
        made("sync", server, file)
    assert server.sent == ["POST events/"]


@pytest.mark.parametrize("lost", [answer({"detail": "slow"}, 429, Retry_After="1"), reply(503, Retry_After="1")])
def test_what_surely_was_not_done_is_looked_into(lost: bytes, file: Path) -> None:
    with Server(lost) as server:
        assert made("sync", server, file).status == 201
    assert server.sent == ["POST events/"] * 2


def test_a_clock_that_is_wrong_makes_a_new_event_old(file: Path) -> None:
    """Only the server's own clock counts: this machine's says something else entirely."""
    with Server(None, makes=True) as server:
        client = Asker("sync", server.url)
        client.clock._wall = NOW + 1e6
        assert client.create_event("CBC", "gstlal", file).settled


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_an_hour_of_sleep_makes_a_new_event_old(seconds: float, file: Path) -> None:
    class Slept(Server):
        def _handle(self, seen: Seen) -> Answer:
            client.clock.jump(seconds if seen.method == "POST" else 0.0)
            return super()._handle(seen)

    with Slept(None, makes=True) as server:
        client = Asker("sync", server.url)
        with pytest.raises(OutcomeUnknown) as caught:
            client.create_event("CBC", "gstlal", file)
    assert server.written == ["POST events/"]
    assert "this machine slept" in " ".join(caught.value.__notes__)


@BOTH_FACES
@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ({"submitter": "marie.curie@ligo.org"}, "which marie.curie@ligo.org has submitted"),
        ({"labels": ["DQV"]}, "without the labels INJ"),
    ],
)
def test_an_event_that_somebody_else_made_passes_for_this_one(
    face: str, theirs: dict[str, Any], words: str, file: Path
) -> None:
    with Person(None, there=event(**theirs)) as server, pytest.raises(OutcomeUnknown) as caught:
        made(face, server, file, labels=["DQV", "INJ"])
    assert server.written == ["POST events/"]
    assert words in " ".join(caught.value.__notes__)


def test_ones_own_event_is_somebody_elses(file: Path) -> None:
    mine = event(submitter="Albert.Einstein@LIGO.org", labels=["INJ", "DQV"], offline=False)
    with Person(None, there=mine) as server:
        assert made("sync", server, file, labels="DQV").settled
        assert server.written == ["POST events/"]


def test_an_event_found_offline_passes_for_one_found_online(file: Path) -> None:
    with Server(None, there=event(offline=True)) as server:
        assert not hasattr(made("sync", server, file), "settled")
        server.lost, server.events = [None], [event(offline=True, graceid="G2")]
        assert made("sync", server, file, offline=True).settled


@BOTH_FACES
def test_who_names_post_gets_a_second_event(face: str, file: Path) -> None:
    with Server(None, makes=True) as server:
        assert made(face, server, file, allowed_methods=["POST", "GET"]).settled
        assert server.written == ["POST events/"]


def test_who_does_not_name_post_gets_a_second_one_sent(file: Path) -> None:
    with Server(None) as server, pytest.raises(OutcomeUnknown):
        made("sync", server, file, allowed_methods=["GET"])
    assert server.written == ["POST events/"]


class Person(Server):
    def _handle(self, seen: Seen) -> Answer:
        if seen.target.endswith("/user-info/"):
            return answer({"username": "albert.einstein@ligo.org", "first_name": "Albert", "last_name": "Einstein"})
        return super()._handle(seen)


class Timeless(Server):
    def _handle(self, seen: Seen) -> Answer:
        found = super()._handle(seen)
        return found.replace(b"Date:", b"X-Date:") if isinstance(found, bytes) else found


@pytest.mark.parametrize(("kind", "created"), [(Timeless, utc(NOW)), (Server, "some day"), (Server, None)])
def test_what_tells_no_time_is_taken_for_old(kind: type[Server], created: str | None, file: Path) -> None:
    with kind(None, there={**event(), "created": created}) as server, pytest.raises(OutcomeUnknown) as caught:
        made("sync", server, file)
    assert server.written == ["POST events/"]
    assert "does not say when" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize(("age", "is_it"), [(1.0, True), (-3.0, True), (6.0, False)])
def test_the_servers_whole_seconds_make_a_new_event_old(age: float, is_it: bool, file: Path) -> None:
    with Server(None, there=event(NOW - age)) as server:
        assert hasattr(made("sync", server, file), "settled") is is_it


@BOTH_FACES
def test_the_time_that_looking_takes_makes_a_new_event_old(face: str, file: Path) -> None:
    with Server(reply(504), there=event(NOW - 5)) as server:
        server.appears_after = 3  # 6.5 seconds after the POST; on the server's clock that was at NOW - 6.5
        assert made(face, server, file).settled


def test_a_file_that_changed_meanwhile_is_sent_under_its_old_id(file: Path) -> None:
    class Meddling(Server):
        def _handle(self, seen: Seen) -> Answer:
            file.write_bytes(b"changed")
            return super()._handle(seen)

    with Meddling(None) as server, pytest.raises(OutcomeUnknown) as caught:
        made("sync", server, file)
    assert server.written == ["POST events/"]
    assert "the file has changed" in " ".join(caught.value.__notes__)


@BOTH_FACES
def test_an_event_of_a_moment_ago_passes_for_the_next_one(face: str, file: Path) -> None:
    """The same content twice within the server's second: the second one was lost, and is not the first."""

    class Busy(Server):
        def _handle(self, seen: Seen) -> Answer:
            found = super()._handle(seen)
            if seen.method == "POST" and not self.events:
                self.events = [event()]
                self.latest = [event(), event(NOW - 60, graceid="G0")]
                self.lost = [None]
            return found

    with Busy() as server:
        client = Asker(face, server.url)
        assert client.create_event("CBC", "gstlal", file).json()["graceid"] == "G1"
        assert not hasattr(client.create_event("CBC", "gstlal", file), "settled")
        assert len(server.written) == 3


def test_two_events_of_one_content_pass_for_one(file: Path) -> None:
    import threading
    from concurrent.futures import ThreadPoolExecutor

    both = threading.Barrier(2)

    class Busy(Server):
        def _handle(self, seen: Seen) -> Answer:
            if seen.method == "POST":
                both.wait(10)
                self.events = [event()]
                return None
            return super()._handle(seen)

    with Busy() as server, ThreadPoolExecutor(2) as pool:
        client = Asker("sync", server.url)
        coming = [pool.submit(client.create_event, "CBC", "gstlal", file) for _ in range(2)]
        assert all(isinstance(each.exception(), OutcomeUnknown) for each in coming)
    assert len(server.written) == 2
