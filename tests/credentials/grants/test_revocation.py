"""A login that is ended at its issuer: told once, understood in every form, and never shown."""

from typing import Any
from urllib.parse import quote_plus

import pytest

from skykey.credentials.grants.revocation import revoke
from skykey.credentials.provider import Ask
from skykey.testing.clock import FakeClock
from skykey.values.errors import (
    GrantRefused,
    Interrupted,
    OutOfReach,
    Overloaded,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
)
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.credentials.grants.asking import (
    SECRET,
    Canned,
    asking,
    fields,
    granted,
    in_turn,
    lost_before,
    lost_within,
    raised,
    refused,
)
from tests.wire.server import Answer, reply, serving


def end(url: str, ask: Ask | None = None) -> None:
    revoke(Url(url) / "revoke", Secret(SECRET), client_id="c", ask=ask or asking(), said_by="a test")


def test_the_issuer_is_told_as_the_standard_says() -> None:
    with serving(lambda _: reply(200)) as server:
        end(server.url)
        (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/revoke")
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert fields(seen) == {"token": SECRET, "token_type_hint": "refresh_token", "client_id": "c"}


@pytest.mark.parametrize(
    "answer", [reply(200), reply(200, "<html>bye</html>"), reply(200, "{}"), reply(204), reply(202), granted()]
)
def test_every_success_is_one(answer: bytes) -> None:
    """Also for a login that the issuer no longer knows (RFC 7009, 2.2)."""
    with serving(lambda _: answer) as server:
        end(server.url)
        assert len(server.seen) == 1


@pytest.mark.parametrize("error", ["unsupported_token_type", None])
def test_a_refusal_says_that_the_login_stays(error: str | None) -> None:
    answer = refused(error, error_description=f"not {SECRET}") if error else reply(404, "no", Content_Type="text/plain")
    with serving(lambda _: answer) as server:
        problem = raised(lambda: end(server.url), ServiceError)
        assert len(server.seen) == 1
    told = f"400, {error}" if error else "404"
    assert problem.message == f"{server.url}/revoke does not end the login ({told})"
    assert problem.words == ("not <secret>" if error else "no")
    assert problem.status == (400 if error else 404)
    assert problem.url == f"{server.url}/revoke"
    assert problem.next is None, "logging in again is not what it takes"
    assert not isinstance(problem, GrantRefused)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_issuer_that_is_away_is_told_again(status: int) -> None:
    clock = FakeClock(hasty=True)
    with serving(in_turn(reply(status), None, reply(200))) as server:
        end(server.url, asking(clock))
        assert len(server.seen) == 3
    with serving(lambda _: reply(status)) as server:
        raised(lambda: end(server.url), Overloaded)
        assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("answer", "kind", "requests"),
    [
        (reply(429, "", Retry_After="1"), ServiceError, 1),
        (reply(500, SECRET, Content_Type="text/plain"), ServiceError, 1),
        (reply(503, "", Retry_After="2"), Overloaded, 1),
        (reply(302, "", Location="/elsewhere"), Redirected, 1),
        (lost_before, Interrupted, 3),
        (lost_within, Interrupted, 3),
    ],
    ids=["limited", "broken", "away for long", "redirected", "lost before", "lost within"],
)
def test_a_logout_does_not_last_and_shows_nothing(answer: Any, kind: type[SkykeyError], requests: int) -> None:
    clock = FakeClock(hasty=True)
    begin = clock.steady()
    with serving(in_turn(answer)) as server:
        raised(lambda: end(server.url, asking(clock)), kind)
        assert len(server.seen) == requests
        assert quote_plus(SECRET) in server.seen[0].text, "it was there to be shown"
    assert clock.steady() - begin < 2


def test_a_logout_whose_time_is_over_is_not_tried_again() -> None:
    clock = FakeClock(hasty=True)

    def too_long(_: object) -> Answer:
        clock.advance(10)
        return None

    with serving(too_long) as server:
        raised(lambda: end(server.url, asking(clock, seconds=5)), (TimedOut, Interrupted))  # type: ignore[arg-type]
        assert len(server.seen) == 1


def test_plain_http_elsewhere_is_refused_unsent() -> None:
    carrier = Canned(b"")
    raised(lambda: end("http://issuer.example", asking(carrier=carrier)), OutOfReach)
    assert carrier.requests == []
