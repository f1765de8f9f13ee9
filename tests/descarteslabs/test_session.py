"""Requests with the platform's token: what they carry, where they go, what is sent twice, which errors come back."""

import asyncio
import base64
import contextlib
import gzip
import inspect
import io
import json
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.response import Response
from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE
from skykey.descarteslabs.earthone.auth import Auth as EarthOneAuth
from skykey.descarteslabs.exceptions import (
    AuthError,
    BadRequestError,
    ClientError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    NotFoundError,
    OauthError,
    RateLimitError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
    ValidationError,
)
from skykey.descarteslabs.oauth_errors import UnauthorizedOauthError
from skykey.descarteslabs.session import AsyncSession, Session, SessionFlows
from skykey.values.errors import (
    BadUrl,
    GrantRefused,
    Interrupted,
    NotAuthenticated,
    OutOfReach,
    Redirected,
    SkykeyError,
    TimedOut,
    Unreachable,
    UsageError,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Timeouts
from tests.wire.askers import FastClock, renewable
from tests.wire.server import Answer, Seen, Server, as_json, reply, serving

CANARY = "token-canary-7f3a9c"


class FakeAuth:
    """As an `Auth`: one keeper for each origin; `issuer` is where its token belongs by itself."""

    def __init__(
        self, make: Callable[[str], Keeper[Bearer]] | None = None, issuer: str = "https://iam.example"
    ) -> None:
        self._make = make or (lambda url: renewable(url)[0])
        self._keepers: dict[Any, Keeper[Bearer]] = {}
        self._issuer = Url(issuer)

    @property
    def keeper(self) -> Keeper[Bearer]:
        return self.keeper_for(self._issuer)

    def keeper_for(self, url: Url, /) -> Keeper[Bearer]:
        if url.origin not in self._keepers:
            self._keepers[url.origin] = self._make(url)
        return self._keepers[url.origin]


class Client:
    """A session of either face, asked in the same way."""

    def __init__(self, face: str, *given: Any, **more: Any) -> None:
        self.session: Any = (Session if face == "sync" else AsyncSession)(*given, **more)
        self.clock = self.session._clock = FastClock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            asked = getattr(self.session, name)(*given, **more)
            return asyncio.run(asked) if inspect.iscoroutine(asked) else asked

        return call


Make = Callable[..., Client]


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Make:
    return lambda *given, **more: Client(request.param, *given, **more)


def ok(_: Seen) -> Answer:
    return as_json("{}")


def last(server: Server) -> Seen:
    return server.seen[-1]


# -- what a request carries


def test_a_request_carries_the_token_and_says_who_asks(make: Make) -> None:
    with serving(ok) as server:
        client = make(f"{server.url}/v1", auth=FakeAuth())
        answers = [client.get("/a"), client.get("/b")]
    one, two = server.seen
    assert [(seen.method, seen.target, seen.headers["authorization"]) for seen in server.seen] == [
        ("GET", "/v1/a", "Bearer token-1"),
        ("GET", "/v1/b", "Bearer token-1"),
    ]
    assert one.headers["user-agent"].startswith("skykey/")
    assert one.headers["accept-encoding"] == "gzip, deflate"
    assert len(one.headers["x-request-group"]) == 32
    assert one.headers["x-request-group"] != two.headers["x-request-group"]
    assert len(one.headers["x-client-session"]) == 32
    assert one.headers["x-client-session"] == two.headers["x-client-session"]
    assert "content-type" not in one.headers
    assert isinstance(answers[0], Response)
    assert (answers[0].json(), answers[0].url) == ({}, f"{server.url}/v1/a")


def test_without_an_auth_nothing_identifies_the_caller(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not a .netrc either, which once replaced a token by a password."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with serving(ok) as server:
        make(server.url).get("/")
        make().get(server.url)
        assert all("authorization" not in seen.headers for seen in server.seen)
        make(server.url, auth=FakeAuth()).get("/")
        assert last(server).headers["authorization"] == "Bearer token-1"


def test_cookies_are_not_kept(make: Make) -> None:
    with serving(lambda _: reply(200, "", Set_Cookie="session=1; Path=/")) as server:
        client = make(server.url)
        client.get("/")
        client.get("/")
        assert "cookie" not in last(server).headers


def test_a_callers_headers_count_and_their_dictionary_stays_as_it_was(make: Make) -> None:
    mine = {"x-request-group": "mine", "X-Extra": "1", "user-agent": "me"}
    with serving(ok) as server:
        client = make(server.url, headers={"X-Extra": "0", "X-Session": "s", "X-Gone": "g"})
        client.get("/", headers=mine)
        seen = last(server).headers
        assert (seen["x-request-group"], seen["x-extra"], seen["x-session"], seen["user-agent"]) == (
            "mine",
            "1",
            "s",
            "me",
        )
        assert mine == {"x-request-group": "mine", "X-Extra": "1", "user-agent": "me"}
        client.get("/", headers={"x-gone": None})
        assert "x-gone" not in last(server).headers
        client.session.headers["X-Later"] = "l"
        client.get("/")
        assert last(server).headers["x-later"] == "l"
        assert last(server).headers["x-gone"] == "g"


def test_a_header_of_the_callers_does_not_stand_beside_the_token(make: Make) -> None:
    with serving(ok) as server:
        with pytest.raises(UsageError, match="already has the header authorization"):
            make(server.url, auth=FakeAuth()).get("/", headers={"Authorization": "Bearer mine"})
        assert server.seen == []
        make(server.url).get("/", headers={"Authorization": Secret("Bearer mine")})
        assert last(server).headers["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ("a=1&b", "a=1&b"),
        ({"a": 1, "none": None, "b": "x y&"}, "a=1&b=x+y%26"),
        ({"a": [1, None, 2]}, "a=1&a=2"),
        ([("a", "1"), ("a", "2")], "a=1&a=2"),
        ({"a": "ä"}, "a=%C3%A4"),
    ],
)
def test_params_become_the_query(make: Make, params: Any, query: str) -> None:
    with serving(ok) as server:
        client = make(server.url)
        client.get("/a", params=params)
        client.get("/a?z=0", params=params)
        mark = "?" if query else ""
        joint = "&" if query else ""
        assert [seen.target for seen in server.seen] == [f"/a{mark}{query}", f"/a?z=0{joint}{query}"]


@pytest.mark.parametrize(
    ("more", "body", "kind"),
    [
        ({}, b"", None),
        ({"json": {"a": "ä"}}, b'{"a": "\\u00e4"}', "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"json": 0}, b"0", "application/json"),
        ({"data": b"\x00\xff"}, b"\x00\xff", None),
        ({"data": bytearray(b"ab")}, b"ab", None),
        ({"data": "ä"}, "ä".encode(), None),
        ({"data": {"a": 1, "b": [2, 3], "c": None}}, b"a=1&b=2&b=3", "application/x-www-form-urlencoded"),
        ({"data": [("a", "x y")]}, b"a=x+y", "application/x-www-form-urlencoded"),
        ({"data": io.BytesIO(b"file")}, b"file", None),
        ({"data": b"wins", "json": {}}, b"wins", None),
        ({"json": {}, "headers": {"content-type": "application/vnd.api+json"}}, b"{}", "application/vnd.api+json"),
    ],
)  # fmt: skip
def test_what_is_sent(more: dict[str, Any], body: bytes, kind: str | None) -> None:
    with serving(ok) as server:
        Session(server.url).post("/", **more)
        assert (last(server).method, last(server).body, last(server).headers.get("content-type")) == (
            "POST",
            body,
            kind,
        )


@pytest.mark.parametrize("document", [float("nan"), object(), {1: {2}}, b"x"])
def test_what_cannot_be_written_is_not_sent(make: Make, document: Any) -> None:
    with serving(ok) as server:
        with pytest.raises(UsageError, match="cannot be written as JSON"):
            make(server.url).post("/", json=document)
        assert server.seen == []


@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
def test_each_verb(make: Make, method: str) -> None:
    with serving(lambda seen: reply(200, b"" if seen.method == "HEAD" else b"x")) as server:
        client = make(server.url)
        named = getattr(client, method)("/a", params={"p": 1}, headers={"X-A": "1"}, timeout=5)
        plain = client.request(method, "/a", {"X-A": "1"}, {"p": 1})
        assert named.content == plain.content
        assert [(seen.method, seen.target, seen.headers["x-a"]) for seen in server.seen] == [
            (method.upper(), "/a?p=1", "1")
        ] * 2


def test_bodies_of_verbs_that_have_one(make: Make) -> None:
    with serving(ok) as server:
        client = make(server.url)
        client.post("/", {"a": 1}, {"b": 2})
        client.put("/", b"put")
        client.patch("/", json=[1])
        client.delete("/", json=[2])
        assert [seen.body for seen in server.seen] == [b"a=1", b"put", b"[1]", b"[2]"]


def test_a_compressed_answer_is_opened(make: Make) -> None:
    with serving(lambda _: reply(200, gzip.compress(b"x" * 1000), Content_Encoding="gzip")) as server:
        assert make(server.url).get("/").content == b"x" * 1000


# -- where it goes


@pytest.mark.parametrize(
    ("base", "url", "target"),
    [
        ("", "/a", "/a"),
        ("", "", "/"),
        ("", "a", "/a"),
        ("", "?a=1", "/?a=1"),
        ("/v1", "/a", "/v1/a"),
        ("/v1", "a", "/v1/a"),
        ("/v1/", "a", "/v1/a"),
        ("/v1", "", "/v1"),
        ("/v1", "?a=1", "/v1?a=1"),
        ("/v1", "/a b/ä#here", "/v1/a%20b/%C3%A4"),
        ("/v1", "/a%2Fb", "/v1/a%2Fb"),
        ("/v1", "//b.example/x", "/v1//b.example/x"),
        ("/v1", "HTTP://{host}/x", "/x"),
    ],
)
def test_urls_are_relative_to_the_base(make: Make, base: str, url: str, target: str) -> None:
    with serving(ok) as server:
        host = server.url.removeprefix("http://")
        make(server.url + base, auth=FakeAuth()).get(url.replace("{host}", host))
        assert last(server).target == target


@pytest.mark.parametrize(
    "url",
    [
        "https://b.example/",
        "HTTPS://b.example",
        "http://a.example/",
        "https://a.example:444/",
        "https://a.example.b.example",
    ],
)
@pytest.mark.parametrize("auth", [None, FakeAuth()], ids=["anonymous", "with a token"])
def test_another_origin_is_refused_before_anything_is_sent(make: Make, url: str, auth: FakeAuth | None) -> None:
    client = make("https://a.example/v1", auth=auth)
    with pytest.raises(OutOfReach, match=r"is bound to https://a\.example and does not go to"):
        client.get(url)


@pytest.mark.parametrize("base", ["https://a.example", "https://a.example:8443", "https://a.example/v1"])
@given(url=st.text(st.sampled_from("@:/.?#\\ %9bB[]hts"), max_size=12) | st.text(max_size=12))
def test_no_relative_url_leads_elsewhere(base: str, url: str) -> None:
    session = Session(base)
    with contextlib.suppress(BadUrl, OutOfReach):
        assert session._target(url, None).origin == Url(base).origin


def test_without_a_base_the_token_goes_where_it_belongs(make: Make) -> None:
    with serving(ok) as server, serving(ok) as other:
        client = make(auth=FakeAuth(issuer=server.url))
        client.get(f"{server.url}/userinfo")
        assert last(server).headers["authorization"] == "Bearer token-1"
        with pytest.raises(OutOfReach) as caught:
            client.get(f"{other.url}/userinfo")
        assert not isinstance(caught.value, AuthError), "there is a token; it must not go there"
        assert other.seen == []


def test_a_redirect_within_the_origin_is_followed_and_another_is_not(make: Make) -> None:
    with serving(ok) as other:
        places = {"/a": "/b", "/out": f"{other.url}/x"}
        with serving(
            lambda seen: reply(302, Location=places[seen.path]) if seen.path in places else ok(seen)
        ) as server:
            client = make(server.url, auth=FakeAuth())
            assert client.get("/a").url == f"{server.url}/b"
            assert last(server).headers["authorization"] == "Bearer token-1"
            with pytest.raises(Redirected, match="redirects to"):
                client.get("/out")
        assert other.seen == []


@pytest.mark.parametrize(
    "base",
    [
        "ftp://x",
        "https://user:secret@a.example",
        "a.example",
        "https://",
        "https://a.example/?key=secret",
        "https://a.example/#x",
    ],
)
def test_a_base_that_is_no_url_is_refused_at_once(base: str) -> None:
    with pytest.raises(BadUrl) as caught:
        Session(base)
    assert "secret" not in str(caught.value)


def test_plain_http_elsewhere_gets_no_token(make: Make) -> None:
    with pytest.raises(OutOfReach, match="speaks plain http"):
        make("http://a.example", auth=FakeAuth()).get("/")


# -- what is sent twice


def test_a_refused_token_is_renewed_and_the_request_replayed_once(make: Make) -> None:
    def answer(seen: Seen) -> Answer:
        return ok(seen) if seen.headers["authorization"] == "Bearer token-2" else reply(401)

    with serving(answer) as server:
        client = make(server.url, auth=FakeAuth())
        assert client.post("/", json={"a": 1}).ok
        assert [seen.body for seen in server.seen] == [b'{"a": 1}'] * 2


def test_a_401_for_ever_costs_two_requests_and_says_how_to_log_in(make: Make) -> None:
    with serving(lambda _: as_json('{"message": "expired"}', 401)) as server:
        with pytest.raises(UnauthorizedError) as caught:
            make(server.url, auth=FakeAuth()).get("/")
        assert len(server.seen) == 2
    problem = caught.value
    assert (problem.status, problem.words, problem.exit_code) == (401, "expired", 4)
    assert problem.next == "skykey descarteslabs auth login"
    assert isinstance(problem, NotAuthenticated)
    assert not isinstance(problem, AuthError), "the service has refused, and not the issuer"


def test_advice_fits_the_brand_and_the_session(make: Make) -> None:
    auth = FakeAuth()
    auth._brand = EARTHONE  # type: ignore[attr-defined]
    for given_auth, advice in ((auth, EARTHONE.login), (None, "give the session an auth")):
        with serving(lambda _: reply(401)) as server, pytest.raises(UnauthorizedError) as caught:
            make(server.url, auth=given_auth).get("/")
        assert caught.value.next == advice


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "get"])
@pytest.mark.parametrize("retries", [None, 3, type("Retry", (), {"total": 3})()], ids=["default", "number", "object"])
def test_what_changes_nothing_by_repetition_outlives_a_passing_fault(make: Make, method: str, retries: Any) -> None:
    answers = [reply(503), None, reply(200)]
    with serving(lambda _: answers.pop(0)) as server:
        assert make(server.url, retries=retries).request(method, "/").ok
        assert len(server.seen) == 3


@pytest.mark.parametrize(("method", "retries"), [("POST", None), ("PATCH", 3), ("post", 3), ("GET", 0), ("PUT", False)])
def test_what_might_happen_twice_is_sent_once(make: Make, method: str, retries: Any) -> None:
    for answer, kind in ((reply(503), UnavailableError), (None, Interrupted)):
        with serving(lambda _, answer=answer: answer) as server:  # type: ignore[misc]
            with pytest.raises(kind):
                make(server.url, retries=retries).request(method, "/")
            assert len(server.seen) == 1


# -- errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (418, ClientError),
        (422, ValidationError),
        (429, RateLimitError),
        (500, ServerError),
        (501, ServerError),
        (503, UnavailableError),
        (504, GatewayTimeoutError),
    ],
)
def test_each_refusal_is_the_documented_error_with_its_answer(make: Make, status: int, kind: type[Any]) -> None:
    with serving(lambda _: as_json('{"detail": "in its own words"}', status)) as server:
        with pytest.raises(kind) as caught:
            make(server.url, retries=0).get("/a?signature=canary")
        problem = caught.value
    assert type(problem) is kind
    assert (problem.status, problem.words) == (status, "in its own words")
    assert problem.args == ('{"detail": "in its own words"}',)
    assert problem.response.json() == {"detail": "in its own words"}
    assert "canary" not in str(problem)
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)


def test_a_404_without_words_says_what_was_asked(make: Make) -> None:
    with serving(lambda _: reply(404)) as server, pytest.raises(NotFoundError) as caught:
        make(f"{server.url}/v1").get("/a?b=c")
    assert caught.value.args == ("404 GET /a",)


@pytest.mark.parametrize("status", [200, 201, 204, 300, 304])
def test_what_is_no_refusal_is_an_answer(make: Make, status: int) -> None:
    with serving(lambda _: reply(status, "" if status in {204, 304} else "x", X_A="1")) as server:
        answer = make(server.url).get("/")
    assert (answer.status_code, answer.headers["X-A"]) == (status, "1")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(None, Interrupted), ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",), Interrupted)],
    ids=["closed", "cut"],
)
def test_no_answer_is_a_connection_error(make: Make, answer: Answer, kind: type[Exception]) -> None:
    with serving(lambda _: answer) as server, pytest.raises(kind) as caught:
        make(server.url, retries=0).get("/")
    assert isinstance(caught.value, ConnectionError)
    with pytest.raises(Unreachable):
        make(server.url, retries=0).get("/")


def test_time_limits_are_those_of_the_request_else_of_the_session(make: Make) -> None:
    def silent(_: Seen) -> Iterator[bytes]:
        yield b""
        server.closing.wait(20)

    with serving(silent) as server:
        with pytest.raises(TimedOut, match=r"silent for 0\.2 s"):
            make(server.url, retries=0).get("/", timeout=0.2)
        with pytest.raises(TimedOut, match=r"silent for 0\.1 s"):
            make(server.url, retries=0, timeout=(5, 0.1)).get("/")


@pytest.mark.parametrize(
    ("of_session", "of_request", "expected"),
    [
        (None, None, Timeouts(9.5, 30.0)),
        (5, None, Timeouts(5, 5)),
        (5, 7, Timeouts(7, 7)),
        ((1, 2), None, Timeouts(1, 2)),
        (None, (None, 2), Timeouts(9.5, 2)),
        ((1, None), None, Timeouts(1, 30.0)),
    ],
)
def test_the_usual_time_limits(of_session: Any, of_request: Any, expected: Timeouts) -> None:
    from skykey.descarteslabs.session import _timeouts

    assert _timeouts(of_request, of_session) == expected


class Refusing:
    """A provider whose renewals fail."""

    name = "a test"
    keeping = Keeping.IN_PROCESS

    def __init__(self, url: str, failure: SkykeyError, first: str | None = None) -> None:
        self._reach = Reach.named(Url(url), said_by="a test")
        self._failure = failure
        self._first = first

    def obtain(self, held: Held | None, ask: Ask, /) -> Held:
        if held is None and self._first is not None:
            return Held(Bearer(Secret(self._first), self._reach), self.name)
        raise self._failure

    def changed(self, held: Held, /) -> bool:
        return False


def revoked() -> GrantRefused:
    problem = GrantRefused("the issuer refuses the login", words="revoked")
    problem.status = 401
    return problem


FAILURES = [
    revoked(),
    UnauthorizedOauthError(
        "the issuer refuses the login", words="revoked", status=401, url="https://iam.example/token"
    ),
]


@pytest.mark.parametrize("failure", FAILURES, ids=["of the house", "documented"])
@pytest.mark.parametrize("first", [None, CANARY], ids=["at once", "after a 401"])
def test_a_token_that_cannot_be_had_is_an_oauth_error(make: Make, failure: SkykeyError, first: str | None) -> None:
    """And not the 401 of the service that led to it."""
    with serving(lambda _: reply(401, "from the service")) as server:
        auth = FakeAuth(lambda url: Keeper(Refusing(url, failure, first)))
        with pytest.raises(OauthError) as caught:
            make(server.url, auth=auth).get("/")
        assert len(server.seen) == (0 if first is None else 1)
    problem = caught.value
    assert isinstance(problem, UnauthorizedError)
    assert (problem.words, problem.exit_code) == ("revoked", 4)
    assert problem.response is None
    if first is not None:
        assert "from the service" in "".join(problem.__notes__)


def test_a_login_that_is_not_whole_is_told_as_it_is(make: Make) -> None:
    failure = AuthError("No valid authentication info found (no client_id)")
    with serving(ok) as server, pytest.raises(AuthError) as caught:
        make(server.url, auth=FakeAuth(lambda url: Keeper(Refusing(url, failure)))).get("/")
    assert str(caught.value) == str(failure)
    assert caught.value.__cause__ is None
    assert type(caught.value) is AuthError


def test_an_issuer_that_is_away_is_an_oauth_error_of_the_connection(make: Make) -> None:
    from skykey.descarteslabs.oauth_errors import UnreachableOauthError

    with serving(ok) as server:
        auth = FakeAuth(lambda url: Keeper(Refusing(url, UnreachableOauthError("the issuer is away"))))
        with pytest.raises(ConnectionError) as caught:
            make(server.url, auth=auth).get("/")
        assert isinstance(caught.value, OauthError)
        assert server.seen == []


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_no_token_in_an_error(make: Make, status: int) -> None:
    with serving(lambda _: reply(status, "no", Location="https://foreign.example/")) as server:
        auth = FakeAuth(lambda url: Keeper(Refusing(url, revoked(), CANARY)))
        with pytest.raises(SkykeyError) as caught:
            make(server.url, auth=auth, retries=0).get("/")
        assert CANARY in server.seen[0].text
    whole = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(whole.format())
    assert CANARY not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


# -- the object


def test_it_is_made_without_a_request_and_its_display_shows_its_base() -> None:
    session = Session("https://a.example/v1", headers={"X-Key": CANARY})
    assert repr(session) == "<Session at https://a.example/v1>"
    assert repr(AsyncSession()) == "<AsyncSession at ?>"


def test_it_is_a_context_as_sessions_are() -> None:
    with serving(ok) as server:
        with Session(server.url) as session:
            assert session.get("/").ok
        assert session.get("/").ok, "connections belong to the process"

        async def main() -> bool:
            async with AsyncSession(server.url) as asynchronous:
                return bool(await asynchronous.get("/"))

        assert asyncio.run(main())


def test_it_travels_without_its_connections() -> None:
    with serving(ok) as server:
        session = Session(f"{server.url}/v1", timeout=3, retries=0, headers={"X-A": "1"})
        twin = pickle.loads(pickle.dumps(session))
        assert (twin.base_url, twin.timeout, twin.headers) == (session.base_url, 3, {"X-A": "1"})
        assert twin.get("/a").ok
        assert last(server).target == "/v1/a"


def test_a_program_may_refine_it_for_both_faces() -> None:
    from skykey.calls.faces import Async, Sync, method
    from skykey.calls.flow import Flow

    class MineFlows(SessionFlows):
        @method
        def names(self) -> Flow[list[str]]:
            answer = yield from self.get("/names")
            return list(answer.json())

    class Mine(MineFlows, Sync):
        pass

    class AsyncMine(MineFlows, Async):
        pass

    with serving(lambda _: as_json('["a"]')) as server:
        assert Mine(server.url).names() == asyncio.run(AsyncMine(server.url).names()) == ["a"]


def test_forms_are_read_back_as_they_were_written() -> None:
    values = {"a": "x&y=z", "b": "ä +%"}
    with serving(ok) as server:
        Session(server.url).post("/", values)
        assert dict(parse_qsl(last(server).body.decode())) == values


# -- with an Auth


def jwt(**claims: Any) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'exp': time.time() + 3600, **claims})}.c2ln"


def test_the_token_of_an_auth_goes_to_the_base_url_and_nowhere_else(make: Make) -> None:
    token = jwt(sub="me")
    with serving(ok) as server:
        auth = Auth(jwt_token=token, token_info_path=None)
        assert make(server.url, auth=auth).get("/").ok
        assert last(server).headers["authorization"] == f"Bearer {token}"
        with pytest.raises(OutOfReach):
            make(auth=auth).get(server.url)
        assert len(server.seen) == 1


def test_a_revoked_login_is_told_with_the_words_of_the_issuer_and_without_the_secret(make: Make) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.path == "/token":
            return as_json(json.dumps({"error": "invalid_grant", "error_description": f"{CANARY} was revoked"}), 401)
        return ok(seen)

    with serving(answer) as server:
        for kind, login in ((Auth, DESCARTESLABS.login), (EarthOneAuth, EARTHONE.login)):
            auth = kind(server.url, client_id="some-id", client_secret=CANARY, token_info_path=None)
            with pytest.raises(UnauthorizedError) as caught:
                make(server.url, auth=auth).get("/")
            problem: Any = caught.value
            assert isinstance(problem, OauthError)
            assert (problem.status, problem.error, problem.next) == (401, "invalid_grant", login)
            assert problem.words == "<secret> was revoked"
            assert CANARY not in f"{problem} {problem!r} {vars(problem)}"
        assert {seen.path for seen in server.seen} == {"/token"}


@pytest.mark.parametrize("data", [iter([b"one", b"two", b"three"]), [1, 2], ["abc"], 5])
def test_a_body_that_is_none_is_refused_in_words_before_any_request(data: Any) -> None:
    with pytest.raises(UsageError, match="no pairs of names and values"):
        Session("https://nobody.example").post("/", data=data)
