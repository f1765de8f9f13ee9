"""When a token is bought, with which request, and what comes of it when that fails."""

import base64
import json
import re
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.descarteslabs.auth import LEGACY_DELEGATION_CLIENT_IDS, Auth
from skykey.descarteslabs.exceptions import (
    AuthError,
    BadRequestError,
    ClientError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    OauthError,
    ProxyAuthenticationRequiredError,
    RateLimitError,
    RetryWithError,
    ServerError,
    UnauthorizedError,
    ValidationError,
)
from skykey.testing.clock import FakeClock
from skykey.values.errors import Interrupted, Redirected, TransportError, Unreachable, Unreadable
from tests.descarteslabs.logins import Issuer, granting, jwt
from tests.wire.server import Answer, Seen, Server, as_json, reply

SECRET = "s3cr3t-cAnArY-77"
HERE = "http://127.0.0.1:1"  # nobody listens there


@pytest.fixture
def clock() -> FakeClock:
    """Of today, because tokens come from a real issuer; waiting takes no time."""
    return FakeClock(wall=time.time(), hasty=True)


def made(clock: FakeClock, seconds: float | None = None, **more: Any) -> Auth:
    """A login without a file; with a token that ends in so many seconds."""
    token = None if seconds is None else jwt(clock.wall() - time.time() + seconds, aud="some-id")
    more = {"token_info_path": None} | more
    return Auth(client_id="some-id", client_secret=SECRET, jwt_token=token, _clock=clock, **more)


def waits(clock: FakeClock) -> list[float]:
    return [seconds for seconds in clock.waited if seconds is not None]


# -- when


@pytest.mark.parametrize(
    ("seconds", "leeway", "posts"), [(499, 500, 1), (505, 500, 0), (5, 0, 0), (31, 30, 0), (29, 30, 1), (99, 100, 1)]
)
def test_a_token_is_renewed_within_the_leeway_by_whoever_asks(
    issuer: Issuer, clock: FakeClock, seconds: float, leeway: float, posts: int
) -> None:
    auth = made(clock, seconds, leeway=leeway)
    begin = auth._token
    assert (auth.token != begin) == bool(posts)
    assert len(issuer.seen) == posts
    assert auth.token == auth._token
    assert len(issuer.seen) == posts


def test_without_leeway_a_token_is_used_to_its_last_second(issuer: Issuer, clock: FakeClock) -> None:
    auth = made(clock, 10, leeway=0)
    begin = auth.token
    clock.advance(9)
    assert auth.token == begin
    assert issuer.seen == []
    clock.advance(2)
    assert auth.token != begin
    assert len(issuer.seen) == 1


def test_a_leeway_below_zero_hands_out_nothing_that_is_over(issuer: Issuer, clock: FakeClock) -> None:
    auth = made(clock, 10, leeway=-60)
    begin = auth.token
    clock.advance(11)
    assert auth.token != begin


def test_a_token_that_lives_shorter_than_the_leeway_is_not_bought_at_each_call(
    issuer: Issuer, clock: FakeClock
) -> None:
    issuer.answer = granting(120)
    auth = made(clock)
    assert len({auth.token for _ in range(50)}) == 1
    clock.advance(50)
    assert len({auth.token for _ in range(50)}) == 1
    assert len(issuer.seen) == 1
    clock.advance(20)
    _ = auth.token
    assert len(issuer.seen) == 2


def test_a_token_that_is_over_when_it_comes_is_handed_out_and_bought_again(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = granting(-10)
    auth = made(clock)
    assert auth.token.count(".") == 2
    clock.advance(2)
    assert auth.token.count(".") == 2
    assert len(issuer.seen) == 2


def test_nothing_is_asked_until_a_token_is(issuer: Issuer, clock: FakeClock) -> None:
    auth = made(clock)
    _ = repr(auth), auth.client_secret, auth.domain, auth.scope, auth._token, auth.session, auth.reach
    assert issuer.seen == []


@pytest.mark.parametrize("key", ["access_token", "id_token"])
def test_a_token_has_either_of_two_names(issuer: Issuer, clock: FakeClock, key: str) -> None:
    token = jwt(aud="some-id")
    issuer.answer = lambda _: as_json(json.dumps({"access_token": None, "id_token": None} | {key: token}))
    assert made(clock).token == token


def test_the_access_token_goes_before_the_id_token(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = lambda _: as_json('{"id_token": "a.b.c", "access_token": "d.e.f"}')
    assert made(clock).token == "d.e.f"


# -- what the token service sees


def test_the_request_of_a_login(issuer: Issuer, clock: FakeClock) -> None:
    _ = made(clock).token
    (seen,) = issuer.seen
    assert (seen.method, seen.target) == ("POST", "/token")
    assert json.loads(seen.body) == {"grant_type": "refresh_token", "client_id": "some-id", "refresh_token": SECRET}
    assert seen.headers["content-type"] == "application/json"
    assert set(seen.headers) == {
        "host", "accept", "accept-encoding", "user-agent", "content-type", "content-length",
    }  # fmt: skip


@pytest.mark.parametrize("scope", [["openid", "name"], "openid name", ("openid", "name")])
def test_the_request_with_a_scope(issuer: Issuer, clock: FakeClock, scope: Any) -> None:
    _ = made(clock, scope=scope).token
    fields = {"grant_type": "refresh_token", "client_id": "some-id", "refresh_token": SECRET}
    assert issuer.bodies == [fields | {"scope": "openid name"}]


@pytest.mark.parametrize(("scope", "sent"), [(None, "openid name groups org email"), (["openid"], "openid")])
def test_the_request_of_the_old_web_client(
    issuer: Issuer, clock: FakeClock, scope: list[str] | None, sent: str
) -> None:
    (client,) = LEGACY_DELEGATION_CLIENT_IDS
    _ = Auth(client_id=client, client_secret=SECRET, scope=scope, token_info_path=None, _clock=clock).token
    assert issuer.bodies == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "client_id": client,
            "target": client,
            "api_type": "app",
            "scope": sent,
            "refresh_token": SECRET,
        }
    ]


@pytest.mark.parametrize(
    "domain", ["{}", "{}/", "{}/below", "{}/below/"], ids=["bare", "slash", "path", "path and slash"]
)
def test_the_address_of_the_token_service(issuer: Issuer, clock: FakeClock, domain: str) -> None:
    auth = made(clock, domain=domain.format(issuer.url))
    _ = auth.token
    assert auth.domain == domain.format(issuer.url)
    assert issuer.seen[0].target == domain.format("").rstrip("/") + "/token"


def test_a_login_in_netrc_does_not_take_the_requests_place(
    issuer: Issuer, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ada password pa55\ndefault login ada password pa55\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _ = made(clock).token
    assert "authorization" not in issuer.seen[0].headers
    assert base64.b64encode(b"ada:pa55").decode() not in issuer.seen[0].text


def test_no_cookie_is_kept(issuer: Issuer, clock: FakeClock) -> None:
    body = json.dumps({"access_token": jwt(aud="some-id")})
    issuer.answer = lambda _: as_json(body, Set_Cookie="session=1; Path=/")
    auth = made(clock)
    _ = auth.token
    clock.advance(3600)
    _ = auth.token
    assert [seen.headers.get("cookie") for seen in issuer.seen] == [None, None]


# -- what comes of a failure

Failure = Callable[[Seen], Answer]


def answering(
    status: int, body: str = '{"error": "no_luck", "error_description": "not today"}', **headers: str
) -> Failure:
    kind = {"Content_Type": "application/json"} if body else {}
    return lambda _: reply(status, body, **(kind | headers))


# Failure, the class beside OauthError, its status, and whether the service's words are told.
OUTCOMES: dict[str, tuple[Failure, type[Exception], int | None, bool]] = {
    **{
        str(status): (answering(status), kind, status, True)
        for status, kind in {
            400: BadRequestError,
            401: UnauthorizedError,
            403: ForbiddenError,
            404: NotFoundError,
            405: MethodNotAllowedError,
            407: ProxyAuthenticationRequiredError,
            409: ConflictError,
            410: GoneError,
            418: ClientError,
            422: ValidationError,
            429: RateLimitError,
            449: RetryWithError,
            451: ClientError,
            500: ServerError,
            501: ServerError,
            502: ServerError,
            503: ServerError,
            504: GatewayTimeoutError,
            505: ServerError,
            201: Unreadable,
            299: Unreadable,
        }.items()
    },
    "200 and nothing": (answering(200, "{}"), Unreadable, 200, False),
    "200 and a list": (answering(200, "[]"), Unreadable, 200, False),
    "200 and null": (answering(200, "null"), Unreadable, 200, False),
    "200 and no JSON": (answering(200, "<html>"), Unreadable, 200, False),
    "200 and a number for a token": (answering(200, '{"access_token": 5}'), Unreadable, 200, False),
    "200 and brackets": (answering(200, "[" * 100_000), Unreadable, 200, False),
    "200 and an error": (answering(200, '{"error": "no_luck", "message": "not today"}'), Unreadable, 200, True),
    "204": (answering(204, ""), Unreadable, 204, False),
    "304": (answering(304, ""), Redirected, 304, False),
    "no answer": (lambda _: None, TransportError, None, False),
    "half an answer": (lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"], Interrupted, None, False),
}
EACH = pytest.mark.parametrize("failure", OUTCOMES.values(), ids=OUTCOMES)


@EACH
def test_a_failure_takes_no_valid_token_away(
    issuer: Issuer, clock: FakeClock, failure: tuple[Failure, type[Exception], int | None, bool]
) -> None:
    issuer.answer = failure[0]
    auth = made(clock, 200, retries=0)
    begin = auth._token
    assert auth.token == begin
    assert len(issuer.seen) == 1
    assert {auth.token for _ in range(20)} == {begin}
    assert len(issuer.seen) == 1, "the service is left alone for a while"
    clock.advance(199)
    assert auth.token == begin
    clock.advance(2)
    with pytest.raises(OauthError):
        _ = auth.token


@EACH
def test_a_failure_with_nothing_valid_left_has_its_type(
    issuer: Issuer, clock: FakeClock, failure: tuple[Failure, type[Exception], int | None, bool]
) -> None:
    issuer.answer, kind, status, with_words = failure
    auth = made(clock, retries=0)
    with pytest.raises(OauthError) as raised:
        _ = auth.token
    error = raised.value
    assert isinstance(error, kind)
    assert isinstance(error, AuthError)
    assert isinstance(error, ClientError)
    assert getattr(error, "status", None) == status
    assert ("not today" in str(error)) == with_words
    assert str(error).startswith("Could not retrieve token")
    if status is not None and status >= 500:
        assert error.original_status == status  # type: ignore[attr-defined]
    if status in {400, 401}:
        assert "skykey descarteslabs auth login" in str(error)
    _check_that_nothing_shows(error)
    with pytest.raises(kind):  # each caller has one of their own
        _ = auth.token


def test_nobody_at_home(clock: FakeClock) -> None:
    auth = made(clock, 200, domain=HERE)
    assert auth.token == auth._token
    clock.advance(300)
    with pytest.raises(OauthError) as raised:
        _ = auth.token
    assert isinstance(raised.value, Unreachable)
    assert isinstance(raised.value, ConnectionError)
    _check_that_nothing_shows(raised.value)


def test_a_service_that_repeats_the_secret_does_not_make_us_repeat_it(issuer: Issuer, clock: FakeClock) -> None:
    said = '{"error": "invalid_grant", "error_description": "%s is over, see %s"}'
    issuer.answer = lambda _: as_json(said % (SECRET, SECRET), 400)
    with pytest.raises(BadRequestError) as raised:
        _ = made(clock, retries=0).token
    assert "is over, see" in str(raised.value)
    assert raised.value.error == "invalid_grant"  # type: ignore[attr-defined]
    _check_that_nothing_shows(raised.value)


def test_a_missing_login_shows_nothing_either(clock: FakeClock) -> None:
    with pytest.warns(UserWarning, match="No valid authentication info"):
        auth = Auth(client_secret=SECRET, token_info_path=None, _clock=clock)
    with pytest.raises(AuthError) as raised:
        _ = auth.token
    assert not isinstance(raised.value, OauthError)
    assert raised.value.next == "skykey descarteslabs auth login"
    _check_that_nothing_shows(raised.value)


def _check_that_nothing_shows(error: BaseException) -> None:
    """Neither the secret, nor a token, in whatever of an error gets printed or reported."""
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    chain: list[str] = []
    at: BaseException | None = error
    for _ in range(20):
        if at is None:
            break
        chain += [str(at), repr(at), repr(at.args), repr(vars(at)), *getattr(at, "__notes__", [])]
        at = at.__cause__ or at.__context__
    assert at is None, "no error is its own cause"
    everything = shown + "".join(chain)
    assert SECRET not in everything
    assert not re.search(r"eyJ[\w-]+\.eyJ", everything)


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with Server(granting()) as server:
        yield server


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
def test_e12_no_redirect_takes_the_secret_elsewhere(
    issuer: Issuer, elsewhere: Server, clock: FakeClock, status: int
) -> None:
    issuer.answer = lambda _: reply(status, Location=f"{elsewhere.url}/token")
    auth = made(clock, 200)
    assert auth.token == auth._token
    clock.advance(300)
    with pytest.raises(OauthError) as raised:
        _ = auth.token
    assert isinstance(raised.value, Redirected)
    assert raised.value.status == status
    assert elsewhere.seen == []
    assert len(issuer.seen) == 2
    _check_that_nothing_shows(raised.value)


def test_e12_no_redirect_is_followed_at_home_either(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = lambda _: reply(307, Location="/token2")
    with pytest.raises(OauthError):
        _ = made(clock).token
    assert [seen.target for seen in issuer.seen] == ["/token"]


# -- how often


class Retry:
    """As an object of urllib3's ``Retry``."""

    RETRY_AFTER_STATUS_CODES = frozenset({413, 429, 503})
    respect_retry_after_header = True

    def __init__(self, total: int | None, **values: Any) -> None:
        self.total = total
        self.status_forcelist: list[int] = []
        self.backoff_factor = 0.0
        vars(self).update(values)


def failing(times: int, failure: Failure) -> Failure:
    """So many failures, then tokens."""
    grant, left = granting(), [None] * times

    def answer(seen: Seen) -> Answer:
        if left:
            left.pop()
            return failure(seen)
        return grant(seen)

    return answer


@pytest.mark.parametrize(
    ("retries", "failure", "requests"),
    [
        (2, lambda _: None, 3),
        (0, lambda _: None, 1),
        (False, lambda _: None, 1),
        (-1, lambda _: None, 1),
        (5, answering(500), 1),
        (5, answering(429), 1),
        (Retry(2, status_forcelist=[500]), answering(500), 3),
        (Retry(2, status_forcelist=[500]), answering(502), 1),
        (Retry(2), lambda _: None, 3),
        (Retry(0, status_forcelist=[500]), answering(500), 1),
        (None, answering(500), 6),
        (None, answering(429), 6),
        (None, answering(501), 1),
        (None, answering(400), 1),
        (None, lambda _: None, 6),
    ],
)
def test_the_service_is_asked_again_as_often_as_was_said(
    issuer: Issuer, clock: FakeClock, retries: object, failure: Failure, requests: int
) -> None:
    issuer.answer = failure
    with pytest.raises(OauthError):
        _ = made(clock, retries=retries).token
    assert len(issuer.seen) == requests
    assert len(waits(clock)) == requests - 1


def test_a_repeat_that_works_is_all_that_its_caller_sees(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = failing(3, answering(503))
    assert made(clock).token.count(".") == 2
    assert len(issuer.seen) == 4


def test_the_usual_waits_grow_and_stay_below_ten_seconds(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = answering(503)
    with pytest.raises(ServerError):
        _ = made(clock).token
    for wait, longest in zip(waits(clock), (1, 2, 4, 8, 10), strict=True):
        assert longest / 2 <= wait <= longest


def test_the_waits_of_an_object_like_urllib3s(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = answering(500)
    with pytest.raises(ServerError):
        _ = made(clock, retries=Retry(4, status_forcelist=[500], backoff_factor=2, backoff_max=6)).token
    for wait, longest in zip(waits(clock), (2, 4, 6, 6), strict=True):
        assert longest / 2 <= wait <= longest


@pytest.mark.parametrize("status", [403, 413, 429, 503])
def test_a_wait_that_the_service_names_is_obeyed(issuer: Issuer, clock: FakeClock, status: int) -> None:
    issuer.answer = failing(1, answering(status, Retry_After="9"))
    assert made(clock).token.count(".") == 2
    assert [9 <= wait <= 10 for wait in waits(clock)] == [True]


def test_a_wait_that_is_too_long_is_said_at_once(issuer: Issuer, clock: FakeClock) -> None:
    issuer.answer = answering(429, Retry_After="3600")
    with pytest.raises(RateLimitError) as raised:
        _ = made(clock).token
    assert raised.value.retry_after == 3600
    assert len(issuer.seen) == 1
    assert waits(clock) == []


@pytest.mark.parametrize(
    "retries", [None, Retry(None, status_forcelist=[503], backoff_factor=10, backoff_max=3600), Retry(10**9)]
)
def test_all_together_takes_no_longer_than_a_minute(issuer: Issuer, clock: FakeClock, retries: object) -> None:
    issuer.answer = answering(503, Retry_After="5")
    begin = clock.steady()
    with pytest.raises(ServerError):
        _ = made(clock, retries=retries).token
    assert clock.steady() - begin <= 60
    assert len(issuer.seen) <= 101
