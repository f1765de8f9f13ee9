"""One POST to an issuer: what is sent again and when, what is never sent on, and what its words may not show."""

import base64
import json
import re
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from skykey.credentials.grants.retries import Retries
from skykey.testing.clock import FakeClock
from skykey.values.errors import (
    GrantRefused,
    Interrupted,
    OutOfReach,
    Overloaded,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    Unreachable,
    Unreadable,
)
from tests.credentials.grants.asking import (
    REMEDY,
    SECRET,
    TOKEN,
    Canned,
    asking,
    granted,
    in_turn,
    lost_before,
    lost_within,
    posted,
    raised,
    refused,
)
from tests.wire.server import Answer, Handler, Seen, Server, as_json, reply, serving

TEMPORARY = [429, 500, 502, 503, 504]
FINAL = [400, 401, 403, 404, 405, 409, 410, 413, 422, 501, 505]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(hasty=True)


def waits(clock: FakeClock) -> list[float]:
    return [seconds or 0.0 for seconds in clock.waited]


# -- what is sent again


@pytest.mark.parametrize("status", TEMPORARY)
def test_what_passes_by_itself_is_asked_again(status: int, clock: FakeClock) -> None:
    with serving(in_turn(reply(status, "later"), reply(200, "done"))) as server:
        assert posted(server.url, asking(clock)) == b"done"
        assert [seen.body for seen in server.seen] == [server.seen[0].body] * 2, "the whole body, each time"
    assert len(clock.waited) == 1
    assert 0.25 <= waits(clock)[0] <= 0.5


@pytest.mark.parametrize("status", FINAL)
def test_a_refusal_is_not_asked_again(status: int, clock: FakeClock) -> None:
    with serving(lambda _: reply(status, "no")) as server:
        problem = raised(lambda: posted(server.url, asking(clock)), SkykeyError)
        assert len(server.seen) == 1
    assert clock.waited == []
    assert problem.status == status
    assert isinstance(problem, GrantRefused) == (status < 500)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, Overloaded), (500, ServiceError)])
def test_the_repeats_come_to_an_end_with_ever_longer_waits(status: int, kind: Any, clock: FakeClock) -> None:
    with serving(lambda _: reply(status, "not now", Content_Type="text/plain")) as server:
        problem = raised(lambda: posted(server.url, asking(clock), retries=Retries(total=4, longest=3.0)), kind)
        assert len(server.seen) == 5
    assert (problem.status, problem.words, problem.url) == (status, "not now", f"{server.url}/")
    for waited, most in zip(waits(clock), (0.5, 1.0, 2.0, 3.0), strict=True):
        assert most / 2 <= waited <= most


def test_a_policy_without_repeats_asks_once(clock: FakeClock) -> None:
    for answer in (reply(503), None):
        with serving(lambda _, answer=answer: answer) as server:  # type: ignore[misc]
            raised(lambda at=server.url: posted(at, asking(clock), retries=Retries(total=0)), SkykeyError)  # type: ignore[misc]
            assert len(server.seen) == 1
    assert clock.waited == []


@pytest.mark.parametrize("lost", [lost_before, lost_within, lambda _: iter([b"garbage\r\n\r\n"])])
def test_a_lost_connection_is_made_again(lost: Handler, clock: FakeClock) -> None:
    with serving(in_turn(lost, reply(200, "done"))) as server:
        assert posted(server.url, asking(clock)) == b"done"
        assert len(server.seen) == 2
    with serving(lost) as server:
        problem = raised(lambda: posted(server.url, asking(clock), retries=Retries(total=2)), Interrupted)
        assert len(server.seen) == 3
    assert problem.next.startswith(f"curl -v {server.url}")


def test_lost_connections_count_as_any_other_failure(clock: FakeClock) -> None:
    with serving(in_turn(lost_before, reply(503), reply(500), lost_within, reply(200))) as server:
        raised(lambda: posted(server.url, asking(clock), retries=Retries(total=3)), Interrupted)
        assert len(server.seen) == 4


def test_an_issuer_that_is_not_there_is_named_with_what_to_try(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    problem = raised(lambda: posted(f"http://127.0.0.1:{port}", asking(clock)), Unreachable)
    assert str(port) in problem.message
    assert "curl" in problem.next
    assert len(clock.waited) == 3


# -- Retry-After


def at(clock: FakeClock, seconds: float) -> str:
    return formatdate(clock.wall() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [403, 413, 429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_wait_that_an_issuer_asks_for_is_kept(status: int, form: str, clock: FakeClock) -> None:
    # Its clock is a day wrong: only its own Date says what its other date means.
    named = "7" if form == "seconds" else at(clock, 86_407)
    busy = reply(status, "", Retry_After=named, Date=at(clock, 86_400))
    with serving(in_turn(busy, reply(200, "done"))) as server:
        assert posted(server.url, asking(clock)) == b"done"
    assert clock.waited == [7.0]


@pytest.mark.parametrize("named", ["soon", "-3", "1.5", "", "٣"])
def test_a_wait_that_cannot_be_read_is_as_if_none_were_named(named: str, clock: FakeClock) -> None:
    raw = f"HTTP/1.1 429 X\r\nRetry-After: {named}\r\nContent-Length: 0\r\n\r\n".encode()
    with serving(in_turn(raw, reply(200, "done"))) as server:
        assert posted(server.url, asking(clock)) == b"done"
    assert waits(clock)[0] <= 0.5


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_wait_that_is_too_long_ends_the_attempts_and_is_said(status: int, clock: FakeClock) -> None:
    with serving(lambda _: reply(status, "", Retry_After="31")) as server:
        problem = raised(lambda: posted(server.url, asking(clock), retries=Retries(longest=30.0)), SkykeyError)
        assert len(server.seen) == 1
    assert problem.retry_after == 31.0
    assert clock.waited == []


@pytest.mark.parametrize("named", ["0", "1"])
def test_no_wait_is_shorter_than_the_policys_own(named: str, clock: FakeClock) -> None:
    with serving(in_turn(reply(429, "", Retry_After=named), reply(200, "done"))) as server:
        assert posted(server.url, asking(clock), retries=Retries(first=8.0)) == b"done"
    assert waits(clock)[0] >= 4.0


@pytest.mark.parametrize(("status", "requests"), [(500, 2), (400, 1)])
def test_other_answers_do_not_say_when_to_come_back(status: int, requests: int, clock: FakeClock) -> None:
    with serving(in_turn(reply(status, "", Retry_After="7"), reply(200, "done"))) as server:
        if requests == 1:
            assert raised(lambda: posted(server.url, asking(clock)), GrantRefused).retry_after == 7.0
        else:
            assert posted(server.url, asking(clock)) == b"done"
        assert len(server.seen) == requests
    assert all(seconds <= 0.5 for seconds in waits(clock))


def test_a_policy_that_obeys_nobody_obeys_nobody(clock: FakeClock) -> None:
    with serving(lambda _: reply(403, "", Retry_After="1")) as server:
        raised(lambda: posted(server.url, asking(clock), retries=Retries(asked=frozenset())), GrantRefused)
        assert len(server.seen) == 1


# -- time limits


def silent(server: list[Server]) -> Callable[[Seen], Iterator[bytes]]:
    def answer(_: Seen) -> Iterator[bytes]:
        yield b""
        server[0].closing.wait(20)

    return answer


def test_one_answer_that_does_not_come_is_asked_for_again(clock: FakeClock) -> None:
    servers: list[Server] = []
    with serving(in_turn(silent(servers), reply(200, "done"))) as server:
        servers.append(server)
        assert posted(server.url, asking(clock), silence=0.01) == b"done"
        assert len(server.seen) == 2


def test_a_renewal_whose_time_is_over_does_not_ask_again(clock: FakeClock) -> None:
    servers: list[Server] = []

    def too_long(seen: Seen) -> Answer:
        clock.advance(61)
        return silent(servers)(seen)

    with serving(too_long) as server:
        servers.append(server)
        raised(lambda: posted(server.url, asking(clock, seconds=60)), TimedOut)
        assert len(server.seen) == 1
    assert clock.waited == []


@pytest.mark.parametrize("answer", [reply(503, ""), reply(429, "", Retry_After="6"), None])
def test_no_wait_goes_beyond_the_deadline(answer: Answer, clock: FakeClock) -> None:
    begin = clock.steady()
    with serving(lambda _: answer) as server:
        policy = Retries(total=100, first=1.0, longest=8.0)
        raised(lambda: posted(server.url, asking(clock, seconds=20), retries=policy), SkykeyError)
        assert 3 <= len(server.seen) < 20
    assert clock.steady() - begin < 20
    assert len(clock.waited) == len(server.seen) - 1


# -- clocks


@pytest.mark.parametrize("ahead", [0, 600, -600, 86_400])
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("fraction", [0.0, 0.9])
def test_each_answer_tells_how_far_the_clocks_are_apart(ahead: int, status: int, fraction: float) -> None:
    clock = FakeClock(1_700_000_000.0 + fraction, hasty=True)

    def answer(_: Seen) -> Answer:
        clock.advance(2)
        stamped = at(clock, ahead)
        clock.advance(2)
        return reply(status, "done", Date=stamped)

    ask = asking(clock)
    with serving(answer) as server:
        if status == 200:
            posted(server.url, ask)
        else:
            raised(lambda: posted(server.url, ask), GrantRefused)
    assert ask.trace.offset is not None
    assert abs(ask.trace.offset - ahead) <= 0.5, "stamped half way, and cut to whole seconds"


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}])
def test_an_issuer_that_does_not_say_the_time_says_nothing_about_clocks(headers: Any, clock: FakeClock) -> None:
    ask = asking(clock)
    with serving(lambda _: reply(200, "done", **headers)) as server:
        posted(server.url, ask)
    assert ask.trace.offset is None


# -- where it goes


@pytest.mark.parametrize("url", ["http://issuer.example/token", "http://10.0.0.1/", "http://localhost.example:8080/",
                                 "http://127.0.0.1.example/"])  # fmt: skip
def test_a_secret_is_not_sent_where_everybody_could_read_it(url: str) -> None:
    carrier = Canned(b"{}")
    problem = raised(lambda: posted(url, asking(carrier=carrier)), OutOfReach)
    assert carrier.requests == []
    assert "plain http" in problem.message


def test_https_elsewhere_is_sent() -> None:
    carrier = Canned(b"done")
    assert posted("https://issuer.example/token", asking(carrier=carrier)) == b"done"
    assert len(carrier.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same", [False, True], ids=["elsewhere", "same origin"])
def test_a_redirect_is_never_followed(status: int, same: bool, clock: FakeClock) -> None:
    with serving(lambda _: granted()) as other:
        place = "/other" if same else f"{other.url}/token"
        with serving(lambda _: reply(status, "", Location=place)) as server:
            problem = raised(lambda: posted(f"{server.url}/token?a=query", asking(clock)), Redirected)
            assert len(server.seen) == 1
        assert other.seen == []
    assert problem.status == status
    assert problem.url == f"{server.url}/token"
    assert "query" not in str(problem)
    assert "a test" in problem.next


# -- its words

ECHOES = {
    "plain": SECRET,
    "urlencoded": quote_plus(SECRET),
    "percent-encoded": quote(SECRET, safe=""),
    "percent-encoded in lower case": re.sub("%..", lambda escape: escape[0].lower(), quote(SECRET, safe="")),
    "percent-encoded by JavaScript": quote(SECRET, safe="!'()*"),
    "the request's body": f"token={quote_plus(SECRET)}",
    "JSON": json.dumps({"refresh_token": SECRET}),
    "JSON within JSON": json.dumps(json.dumps({"refresh_token": SECRET})),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "Basic": "Basic " + base64.b64encode(f"client:{SECRET}".encode()).decode(),
    "Basic without a name": "Basic " + base64.b64encode(f":{SECRET}".encode()).decode(),
    "Bearer": f"Authorization: Bearer {SECRET}",
    "twice": f"{SECRET}{SECRET}",
}


@pytest.mark.parametrize("spelling", ECHOES)
@pytest.mark.parametrize("form", ["description", "detail", "text", "list", "list by PHP"])
@pytest.mark.parametrize("status", [400, 503])
def test_an_issuer_that_repeats_the_secret_is_not_repeated(spelling: str, form: str, status: int) -> None:
    said = f"before {ECHOES[spelling]} after"
    answer = {
        "description": as_json(json.dumps({"error": "invalid_grant", "error_description": said}), status),
        "detail": as_json(json.dumps({"detail": said}), status),
        "text": reply(status, said, Content_Type="text/plain"),
        "list": as_json(json.dumps([said]), status),
        "list by PHP": as_json(json.dumps([said]).replace("/", r"\/"), status),
    }[form]
    with serving(lambda _: answer) as server:
        problem = raised(lambda: posted(server.url, asking(), retries=Retries(total=0)), SkykeyError)
    assert "before" in problem.words
    assert "after" in problem.words
    assert "<secret>" in problem.words


def test_a_secret_beyond_the_shown_part_is_not_shown_in_part() -> None:
    with serving(lambda _: reply(400, "x" * 490 + SECRET, Content_Type="text/plain")) as server:
        problem = raised(lambda: posted(server.url, asking()), GrantRefused)
    assert problem.words == "x" * 490 + "<secret>"
    for begin in range(480, 500):
        with serving(lambda _, n=begin: reply(400, "x" * n + SECRET, Content_Type="text/plain")) as server:  # type: ignore[misc]
            problem = raised(lambda at=server.url: posted(at, asking()), GrantRefused)  # type: ignore[misc]
        assert "rt-" not in problem.words
        assert len(problem.words) <= 500


def test_an_error_code_that_is_the_secret_is_not_shown() -> None:
    code = "invalid_" + "Kq8wZs5Xn3vB7mLp2Tc9"
    with serving(lambda _: refused(code)) as server:
        problem = raised(lambda: posted(server.url, asking(), secret=code), GrantRefused)
    assert problem.error is None
    assert code not in str(problem)
    assert problem.message.endswith("refuses the login (400)")


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({"error": "invalid_grant", "error_description": "It expired"}, "invalid_grant", "It expired"),
        ({"error": "invalid_grant"}, "invalid_grant", "invalid_grant"),
        ({"detail": "Not found."}, None, "Not found."),
        ({"message": "no such client"}, None, "no such client"),
        ({"error": "Something went wrong!"}, None, "Something went wrong!"),
        ({"error": {"code": 5}}, None, None),
        ({"error": None, "error_description": 7}, None, None),
        ({"error": ["a"], "message": "b"}, None, "b"),
        ({"error": "e" * 65}, None, "e" * 65),
        ({"error_description": "a\n\tb   c\r\n"}, None, "a b c"),
        ({"error_description": "\x1b[2Jgone \x07\x9b1m\u202etxt"}, None, "[2Jgone 1m txt"),
        ({"error_description": "w" * 10_000}, None, "w" * 500),
        ({}, None, None),
    ],
)
def test_a_refusal_tells_code_and_words_on_one_line(body: Any, error: str | None, words: str | None) -> None:
    with serving(lambda _: as_json(json.dumps(body), 400)) as server:
        problem = raised(lambda: posted(server.url, asking()), GrantRefused)
    assert (problem.error, problem.words, problem.status, problem.next) == (error, words, 400, REMEDY)
    named = f"400, {error}" if error else "400"
    assert problem.message == f"{server.url}/ refuses the login ({named})"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(400, "<html>sign in</html>", Content_Type="text/html; charset=utf-8"), None),
        (reply(400, "plainly no", Content_Type="text/plain"), "plainly no"),
        (reply(400, "no type at all"), "no type at all"),
        (reply(400, b"\xff\xfe no", Content_Type="text/plain"), "\ufffd\ufffd no"),
        (reply(400, "", Content_Type="application/json"), None),
        (as_json("[" * 100_000, 400), "[" * 500),
        (as_json('"a text"', 400), '"a text"'),
    ],
    ids=["HTML", "text", "no type", "not UTF-8", "empty", "bomb", "JSON text"],
)
def test_a_refusal_without_an_object_is_still_a_refusal(answer: bytes, words: str | None) -> None:
    with serving(lambda _: answer) as server:
        assert raised(lambda: posted(server.url, asking()), GrantRefused).words == words


# -- what it holds must not be seen


@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_body_over_the_cap_is_neither_read_nor_shown(status: int) -> None:
    body = f'{{"access_token": "{TOKEN}", "refresh_token": "{SECRET}", "more": "{"x" * 10_000_000}"}}'
    with serving(lambda _: as_json(body, status)) as server:
        problem = raised(lambda: posted(server.url, asking(), retries=Retries(total=0)), Unreadable)
        assert len(server.seen) == 1
    assert "1,048,576" in problem.message


def test_a_compressed_answer_that_is_damaged_shows_nothing() -> None:
    import zlib

    packed = zlib.compress(f'{{"access_token": "{TOKEN}"'.encode() * 10_000)[:-8] + b"damaged!"
    with serving(lambda _: reply(200, packed, Content_Encoding="gzip")) as server:
        raised(lambda: posted(server.url, asking(), retries=Retries(total=0)), SkykeyError)


def test_the_frames_of_whoever_asks_stay() -> None:
    """Only what lies below a failed request is taken away: the rest says where the program was."""
    with serving(lost_within) as server:
        try:
            {}["missing"]
        except KeyError:
            problem = raised(lambda: posted(server.url, asking()), Interrupted)
    assert isinstance(problem.__context__, KeyError)
    assert problem.__context__.__traceback__ is not None
