"""What every method stands on: where requests go, what is sent, what is sent twice, and how failures are told."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from skykey.calls.call import Repeat
from skykey.calls.download import Download, download
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow
from skykey.gracedb.client import AsyncGraceDBClient, GraceDBClient, GraceDBClientFlows
from skykey.gracedb.exceptions import (
    ForbiddenError,
    Gone,
    HTTPError,
    MissingTemplate,
    NotFoundError,
    OutcomeUnknown,
    OverloadedError,
    RateLimitedError,
)
from skykey.gracedb.response import Response
from skykey.gracedb.sending import FilePart
from skykey.values.errors import (
    Interrupted,
    NotFound,
    OutOfReach,
    Redirected,
    TimedOut,
    TransportError,
    Unreachable,
    UsageError,
)
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.gracedb import api
from tests.wire.askers import bearer
from tests.wire.server import Answer, Seen, Server, as_json, reply, serving


class ProbeFlows(GraceDBClientFlows):
    """Makes what methods stand on callable."""

    @method
    def ask_url(self, template: str, **values: Any) -> Flow[Any]:
        return (yield from self._url(template, **values))

    @method
    def ask_link(self, name: str) -> Flow[Any]:
        return (yield from self._link(name))

    @method
    def sent(self, verb: str, url: str, **more: Any) -> Flow[Response]:
        settle = more.pop("found", None)
        if settle is not None:
            more["settle"] = lambda: _flow(settle)
        return (yield from self._send(verb, url, **more))

    @download
    def opened(self, url: str, *, doing: str = "") -> Flow[None]:
        yield from self._open(url, doing=doing)


def _flow(settle: Callable[[], Any]) -> Flow[Any]:
    return settle()
    yield


class Probe(ProbeFlows, GraceDBClient, Sync):
    pass


class AsyncProbe(ProbeFlows, AsyncGraceDBClient, Async):
    pass


Make = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Make:
    def made(server: Server, **options: Any) -> Any:
        client = api.Client(request.param, f"{server.url}/api/")
        kind = Probe if request.param == "sync" else AsyncProbe
        client.client = kind(f"{server.url}/api/", **options)
        client.client._clock = client.clock
        return client

    return made


class Scripted:
    """Answers one thing after another; the last one goes on."""

    def __init__(self, *answers: Answer | Callable[[Seen], Answer]) -> None:
        self.answers = list(answers)
        self.asked: list[Seen] = []

    def __call__(self, seen: Seen) -> Answer:
        self.asked.append(seen)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(seen) if callable(answer) else answer


OK = as_json("{}")
BAD_GATEWAY = reply(502, "<html><head><title>502 Bad Gateway</title></head></html>", Content_Type="text/html")


# -- URLs


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b#c?d.txt", "a%20b%23c%3Fd.txt"),
        ("x.fits.gz,1", "x.fits.gz,1"),
        ("100%.txt", "100%25.txt"),
        ("../up", "..%2Fup"),
        ("ä", "%C3%A4"),
        ("", ""),
    ],
)
def test_a_file_name_arrives_as_it_is_called(make: Make, name: str, path: str) -> None:
    with serving(api.with_root(lambda _: OK)) as server:
        client = make(server)
        url = client.ask_url("files-template", graceid="G1", filename=name)
        assert url == f"{server.url}/api/events/G1/files/{path}"
        client.sent("GET", url)
    assert server.seen[-1].target == f"/api/events/G1/files/{path}"


@pytest.mark.parametrize("graceid", ["", ".", "..", None])
def test_a_value_that_leads_elsewhere_is_refused(make: Make, graceid: Any) -> None:
    with serving(api.with_root(lambda _: OK)) as server, pytest.raises(UsageError, match="graceid"):
        make(server).ask_url("event-detail-template", graceid=graceid)


def test_a_template_that_is_missing_is_looked_for_once_more_and_then_told(make: Make) -> None:
    with serving(api.with_root(lambda _: OK)) as server:
        client = make(server)
        client.ask_url("event-detail-template", graceid="G1")
        assert len(server.seen) == 1
        with pytest.raises(MissingTemplate, match="event-reserve-template") as told:
            client.ask_url("event-reserve-template")
        assert len(server.seen) == 2
    assert isinstance(told.value, NotImplementedError)
    assert told.value.key == "event-reserve-template"


def test_a_root_that_was_just_asked_for_is_not_asked_for_again(make: Make) -> None:
    with serving(api.with_root(lambda _: OK)) as server:
        with pytest.raises(MissingTemplate):
            make(server).ask_url("event-reserve-template")
        assert len(server.seen) == 1


def test_a_template_that_leads_to_another_server_is_refused(make: Make) -> None:
    elsewhere = {
        "templates": {"event-detail-template": "https://evil.example/{graceid}"},
        "links": {"events": "nonsense"},
    }
    with serving(api.with_root(lambda _: OK, **elsewhere)) as server:
        client = make(server)
        with pytest.raises(OutOfReach, match=r"evil\.example"):
            client.ask_url("event-detail-template", graceid="G1")
        with pytest.raises(Exception, match="not a URL"):
            client.ask_link("events")
        assert client.ask_link("gwtc") is None


# -- what is sent


def test_a_form_repeats_lists_and_leaves_out_what_is_not_there(make: Make) -> None:
    with serving(lambda _: OK) as server:
        make(server).sent(
            "POST", f"{server.url}/x", fields={"a": ["1", "2"], "b": None, "c": [], "d": 0, "e": False, "f": "ä b"}
        )
    seen = server.seen[-1]
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(seen.body.decode()) == [("a", "1"), ("a", "2"), ("d", "0"), ("e", "False"), ("f", "ä b")]


def test_a_file_goes_with_the_fields_as_parts(make: Make, tmp_path: Any) -> None:
    path = tmp_path / "event.xml"
    path.write_bytes(b"<xml/>" * 100_000)
    with serving(lambda _: OK) as server:
        client = make(server)
        client.sent(
            "POST",
            f"{server.url}/x",
            fields={"group": "Test", "labels": ["INJ", "DQV"], "none": None},
            file=FilePart("eventFile", "event.xml", path, "application/xml"),
        )
        with path.open("rb") as file:
            client.sent("POST", f"{server.url}/x", file=FilePart("upload", "a.txt", file))
    first, second = server.seen
    assert first.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(first.headers["content-length"]) == len(first.body)
    assert first.body.count(b'name="labels"') == 2
    assert b'name="none"' not in first.body
    assert b'name="eventFile"; filename="event.xml"\r\nContent-Type: application/xml' in first.body
    assert b"<xml/>" * 100_000 in first.body
    assert b"<xml/>" * 100_000 in second.body


def test_a_document_is_sent_as_json(make: Make) -> None:
    with serving(lambda _: OK) as server:
        make(server).sent("POST", f"{server.url}/x", json={"ra_list": [1.5]}, params={"a": [1, 2], "b": None})
        with pytest.raises(UsageError, match="JSON"):
            make(server).sent("POST", f"{server.url}/x", json={"x": float("nan")})
    assert json.loads(server.seen[-1].body) == {"ra_list": [1.5]}
    assert server.seen[-1].target == "/x?a=1&a=2"
    assert len(server.seen) == 1


def test_who_asks_is_said_without_the_documented_clients_name(make: Make) -> None:
    with serving(lambda _: OK) as server:
        make(server).sent("GET", f"{server.url}/x")
    assert server.seen[-1].headers["user-agent"].startswith("skykey/")
    assert "gracedb-client" not in server.seen[-1].headers["user-agent"]


# -- downloads


def test_a_download_goes_on_where_it_broke_off(make: Make) -> None:
    body = bytes(range(256)) * 40
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nETag: "one"\r\n\r\n'.encode()

    def cut(seen: Seen) -> Answer:
        if "range" not in seen.headers:
            return [head, body[:1000]]
        begin = int(seen.headers["range"].removeprefix("bytes=").rstrip("-"))
        ends = len(body) - 1
        return reply(206, body[begin:], Content_Range=f"bytes {begin}-{ends}/{len(body)}", ETag='"one"')

    with serving(cut) as server:
        client = make(server)
        client.client._credentials = Wallet(bearer(server.url))
        found = client.opened(f"{server.url}/x")
        assert found.status_code == 200
        assert read(found) == body
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer token-canary"] * 2
    assert {seen.headers["accept-encoding"] for seen in server.seen} == {"identity"}


def test_a_download_that_is_refused_is_told_as_anything_else(make: Make) -> None:
    with serving(lambda _: as_json('"File x not found"', 404)) as server, pytest.raises(NotFoundError) as told:
        make(server).opened(f"{server.url}/x", doing="reading x")
    assert told.value.words == "File x not found"
    assert str(told.value).startswith("reading x failed: ")
    assert told.value.response.status_code == 404


def read(found: Any) -> Any:
    if isinstance(found, Download):
        return found.read()
    return asyncio.run(found.read())


# -- credentials


class Wallet:
    """Stands for `Credentials`."""

    def __init__(self, *keepers: Any, advice: str | None = None) -> None:
        self.kept = keepers
        self.told = advice

    def keepers(self) -> Flow[tuple[Any, ...]]:
        return self.kept
        yield

    def advice(self) -> str | None:
        return self.told


def test_credentials_go_home_and_nowhere_else(make: Make) -> None:
    with serving(lambda _: OK) as home, serving(lambda _: OK) as other:
        client = make(home)
        client.client._credentials = Wallet(bearer(home.url))
        client.client.headers["Cookie"] = "a=cookie-canary"
        client.sent("GET", f"{home.url}/x")
        client.sent("GET", f"{other.url}/x")
    assert home.seen[-1].headers["authorization"] == "Bearer token-canary"
    assert home.seen[-1].headers["cookie"] == "a=cookie-canary"
    assert "canary" not in other.seen[-1].text


def test_a_redirect_takes_no_credential_to_another_server(make: Make) -> None:
    with serving(lambda _: OK) as other:
        with serving(lambda _: reply(302, Location=f"{other.url}/y")) as home:
            client = make(home)
            client.client._credentials = Wallet(bearer(home.url))
            with pytest.raises(Redirected):
                client.sent("GET", f"{home.url}/x")
        assert other.seen == []


def test_an_authorization_of_the_users_own_goes_in_place_of_ours(make: Make) -> None:
    with serving(lambda _: OK) as home:
        client = make(home)
        client.client._credentials = Wallet(bearer(home.url))
        client.client.headers["Authorization"] = "Basic own"
        client.sent("GET", f"{home.url}/x")
        assert "own" not in repr(client.client.headers)
    assert home.seen[-1].headers["authorization"] == "Basic own"


@pytest.mark.parametrize("status", [401, 403])
def test_an_anonymous_refusal_says_why_there_is_no_credential(make: Make, status: int) -> None:
    with serving(lambda _: as_json('{"detail": "no"}', status)) as home:
        client = make(home)
        client.client._credentials = Wallet(advice="htgettoken  (the token expired)")
        with pytest.raises(HTTPError) as told:
            client.sent("POST", f"{home.url}/x")
        assert told.value.next == "htgettoken  (the token expired)"
        client.client._credentials = Wallet(bearer(home.url))
        with pytest.raises(HTTPError) as known:
            client.sent("POST", f"{home.url}/x")
        assert "credentials server" in (known.value.next or "")


def test_what_is_not_found_without_a_credential_may_be_hidden(make: Make) -> None:
    with serving(lambda _: as_json('"Superevent not found."', 404)) as home:
        client = make(home)
        client.client._credentials = Wallet(advice="log in")
        with pytest.raises(NotFoundError) as told:
            client.sent("GET", f"{home.url}/x")
    assert "log in" in (told.value.next or "")


# -- what is sent twice


def test_what_reads_is_asked_again_and_the_last_failure_is_an_http_error(make: Make) -> None:
    script = Scripted(BAD_GATEWAY)
    with serving(script) as server:
        client = make(server)
        with pytest.raises(OverloadedError) as told:
            client.sent("GET", f"{server.url}/x", doing="asking for x")
    assert len(script.asked) == 6
    assert told.value.attempts == 6
    assert (told.value.status, told.value.words) == (502, "502 Bad Gateway")
    assert str(told.value).startswith(f"asking for x failed: {server.url}/x answered 502 Bad Gateway (6 times)\n")
    assert not isinstance(told.value, OutcomeUnknown)


@pytest.mark.parametrize("status", [408, 409, 502, 503, 504, 429])
def test_what_reads_is_asked_again_after_the_documented_statuses(make: Make, status: int) -> None:
    script = Scripted(reply(status, "no"), OK)
    with serving(script) as server:
        assert make(server).sent("GET", f"{server.url}/x").ok
    assert len(script.asked) == 2


def test_the_server_is_waited_for_as_it_asks_but_not_longer_than_half_a_minute(make: Make) -> None:
    with serving(Scripted(reply(503, "", Retry_After="3"), reply(503, "", Retry_After="3600"), OK)) as server:
        client = make(server)
        client.sent("GET", f"{server.url}/x")
    assert client.clock.waits == [3.0, 30.0]


@pytest.mark.parametrize("answer", [reply(429, "slow"), reply(503, "", Retry_After="1")])
def test_what_surely_was_not_done_is_sent_again(make: Make, answer: bytes) -> None:
    script = Scripted(answer, as_json("{}", 201))
    with serving(script) as server:
        assert make(server, backoff_factor=0.0).sent("POST", f"{server.url}/x", fields={"a": 1}).status == 201
    assert len(script.asked) == 2


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("answer", [BAD_GATEWAY, reply(504), reply(408), None])
def test_what_may_have_been_done_is_not_sent_again(make: Make, verb: str, answer: Answer) -> None:
    script = Scripted(answer)
    with serving(script) as server:
        url = f"{server.url}/api/events/G1/log/"
        with pytest.raises(OutcomeUnknown) as told:
            make(server).sent(verb, url, doing="adding a log entry to G1")
    assert len(script.asked) == 1
    problem = told.value
    assert isinstance(problem, OSError)
    assert isinstance(problem, HTTPError if answer is not None else TransportError)
    assert str(problem).startswith("adding a log entry to G1 may have been done, or not: ")
    assert problem.next == f"look before you send it again: client.get({url!r})"
    assert problem.__cause__ is not None
    assert problem.attempts == 1
    assert problem.exit_code == 1


def test_a_write_that_is_answered_too_late_is_unknown(make: Make) -> None:
    def slow(_: Seen) -> Answer:
        time.sleep(0.4)
        return OK

    with serving(slow) as server, pytest.raises(OutcomeUnknown) as told:
        make(server, timeout=0.1).sent("POST", f"{server.url}/x", check="client.logs('G1')")
    assert isinstance(told.value, TimedOut)
    assert "client.logs('G1')" in str(told.value)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 503])
def test_a_plain_refusal_of_a_write_is_no_riddle(make: Make, status: int) -> None:
    script = Scripted(as_json('{"error": "no"}', status))
    with serving(script) as server, pytest.raises(HTTPError) as told:
        make(server).sent("POST", f"{server.url}/x")
    assert len(script.asked) == 1
    assert not isinstance(told.value, OutcomeUnknown)
    assert told.value.words == "no"


def test_a_server_that_was_never_reached_did_nothing(make: Make) -> None:
    with serving(lambda _: OK) as server:
        client = make(server, retries=1)
        url = f"{server.url}/x"
    with pytest.raises(Unreachable) as told:
        client.sent("POST", url)
    assert not isinstance(told.value, OutcomeUnknown)


def test_a_write_that_its_maker_calls_safe_is_repeated(make: Make) -> None:
    script = Scripted(BAD_GATEWAY, None, OK)
    with serving(script) as server:
        assert make(server).sent("PUT", f"{server.url}/x", repeat=Repeat.SAFE).ok
    assert len(script.asked) == 3


def test_only_a_verb_that_the_user_names_is_repeated_whatever_that_does(make: Make) -> None:
    script = Scripted(BAD_GATEWAY, OK)
    with serving(script) as server:
        assert make(server, allowed_methods=["post"]).sent("POST", f"{server.url}/x").ok
        assert len(script.asked) == 2
        script.answers = [BAD_GATEWAY]
        with pytest.raises(OverloadedError):
            make(server, allowed_methods=["POST"]).sent("GET", f"{server.url}/x")
        assert len(script.asked) == 3


def test_what_can_be_looked_for_is_not_repeated_whatever_that_does(make: Make) -> None:
    script = Scripted(BAD_GATEWAY, OK)
    with serving(script) as server:
        found = Response(Head(201, {}, Url(server.url)), b"{}")
        client = make(server, allowed_methods=["POST", "GET"])
        assert client.sent("POST", f"{server.url}/x", found=lambda: found) is found
    assert len(script.asked) == 1


def test_no_retries_means_once(make: Make) -> None:
    script = Scripted(BAD_GATEWAY)
    with serving(script) as server, pytest.raises(OverloadedError):
        make(server, retries=0).sent("GET", f"{server.url}/x")
    assert len(script.asked) == 1


def test_what_was_found_stands_for_the_lost_answer(make: Make) -> None:
    script = Scripted(None)
    with serving(script) as server:
        client = make(server)
        there = Response(Head(201, {}, Url(server.url)), b"{}")
        assert client.sent("POST", f"{server.url}/x", found=lambda: there) is there
    assert len(script.asked) == 1


def test_what_is_not_there_is_sent_again_as_often_as_the_options_allow(make: Make) -> None:
    script = Scripted(None, BAD_GATEWAY, as_json("{}", 201))
    with serving(script) as server:
        assert make(server).sent("POST", f"{server.url}/x", found=lambda: None).status == 201
        assert len(script.asked) == 3
        script.answers = [None]
        with pytest.raises(Interrupted) as told:
            make(server, retries=2).sent("POST", f"{server.url}/x", found=lambda: None)
    assert len(script.asked) == 6
    assert not isinstance(told.value, OutcomeUnknown)


def test_what_the_user_does_not_want_repeated_is_looked_for_and_not_sent_again(make: Make) -> None:
    script = Scripted(None, OK)
    with serving(script) as server, pytest.raises(Interrupted):
        make(server, allowed_methods=["GET"]).sent("POST", f"{server.url}/x", found=lambda: None)
    assert len(script.asked) == 1


def test_what_the_server_began_to_confirm_is_sent_again(make: Make) -> None:
    script = Scripted((b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{",), None, OK)
    with serving(script) as server:
        with pytest.raises(OutcomeUnknown) as told:
            make(server).sent("POST", f"{server.url}/x", found=lambda: None)
        assert len(script.asked) == 1
        assert told.value.was_accepted
        assert "is not there" in told.value.__notes__[-1]
        with pytest.raises(OutcomeUnknown) as told:
            make(server).sent("POST", f"{server.url}/x")
    assert not told.value.was_accepted


def test_where_nobody_can_look_it_stays_unknown(make: Make) -> None:
    def fail() -> None:
        raise Unreachable("away")

    with serving(lambda _: None) as server, pytest.raises(OutcomeUnknown) as told:
        make(server).sent("POST", f"{server.url}/x", found=fail)
    assert "away" in told.value.__notes__[0]


def test_a_function_that_is_gone_is_explained(make: Make) -> None:
    words = "This functionality has been deprecated and will not be re-implemented."
    with serving(lambda _: as_json(json.dumps(words), 410)) as server, pytest.raises(Gone) as told:
        make(server).sent("PATCH", f"{server.url}/api/events/E1/update-grbevent/")
    assert isinstance(told.value, NotFound)
    assert words in str(told.value)
    assert "2.36" in str(told.value)
    assert (told.value.next or "").endswith("skykey gracedb create log E1 COMMENT")


def test_a_busy_server_says_when_to_come_back(make: Make) -> None:
    answer = as_json('{"detail": "Request was throttled. Expected available in 7 seconds."}', 429, Retry_After="7")
    with serving(lambda _: answer) as server, pytest.raises(RateLimitedError) as told:
        make(server, retries=0).sent("GET", f"{server.url}/x")
    assert (told.value.retry_after, told.value.next) == (7.0, "wait 7 s")


def test_an_answer_that_is_no_refusal_and_no_success_is_an_answer(make: Make) -> None:
    with serving(lambda _: reply(304, ETag="x")) as server:
        assert make(server).sent("GET", f"{server.url}/x").status_code == 304


def test_an_answer_knows_what_was_asked(make: Make) -> None:
    with serving(lambda _: OK) as server:
        answer = make(server).sent("POST", f"{server.url}/x?a=1", fields={"b": 2})
    assert (answer.request.method, answer.request.url, answer.request.body) == ("POST", f"{server.url}/x?a=1", b"b=2")
    assert answer.request.path_url == "/x?a=1"
    assert answer.elapsed.total_seconds() >= 0


def test_a_refusal_of_forbidden_things_is_a_permission_error(make: Make) -> None:
    with serving(lambda _: as_json('["a", "b"]', 403)) as server, pytest.raises(ForbiddenError) as told:
        make(server).sent("GET", f"{server.url}/x")
    assert isinstance(told.value, PermissionError)
    assert told.value.words == "a; b"
