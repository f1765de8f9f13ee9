"""Redirects: within the reach, or without credentials, or not at all."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from skykey.calls.call import Redirects, Repeat
from skykey.values.errors import NotAuthenticated, Redirected, ServiceError
from skykey.wire.request import Head
from tests.wire.askers import Asker, AsyncAsker, Body, api_key, bearer, get, renewable
from tests.wire.server import Seen, World, reply, serving

FACES: dict[str, Callable[[Any], Any]] = {
    "sync": lambda call: Asker().ask(call),
    "async": lambda call: asyncio.run(AsyncAsker().ask(call)),
}


@pytest.fixture(params=FACES)
def perform(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return FACES[request.param]


def test_a_redirect_within_the_reach_keeps_the_credential(perform: Callable[[Any], Any]) -> None:
    with serving(lambda seen: reply(302, Location="/b?x=1") if seen.path == "/a" else reply(200, "ok")) as server:
        assert perform(get(f"{server.url}/a", auth=(bearer(server.url, token="t"),))) == b"ok"
        assert [(seen.target, seen.headers["authorization"]) for seen in server.seen] == [
            ("/a", "Bearer t"),
            ("/b?x=1", "Bearer t"),
        ]


def test_a_redirect_to_another_origin_of_the_reach_is_followed(world: World, perform: Callable[[Any], Any]) -> None:
    world.answer = lambda seen: reply(302, Location="https://b.example/") if "a.ex" in seen.origin else reply(200, "ok")
    keeper = bearer("https://a.example", "https://b.example", token="t")
    assert perform(get("https://a.example/", auth=(keeper,))) == b"ok"
    assert [seen.headers["authorization"] for seen in world.seen] == ["Bearer t"] * 2


def test_without_credentials_within_means_the_same_origin(world: World, perform: Callable[[Any], Any]) -> None:
    world.answer = lambda _: reply(302, Location="https://b.example/")
    with pytest.raises(Redirected, match=r"redirects to https://b\.example, where this request may not go"):
        perform(get("https://a.example/"))
    assert world.elsewhere("https://a.example") == []


def test_every_credential_of_a_call_must_reach_the_target(world: World, perform: Callable[[Any], Any]) -> None:
    world.answer = lambda _: reply(302, Location="https://b.example/")
    wide = bearer("https://a.example", "https://b.example")
    with pytest.raises(Redirected):
        perform(get("https://a.example/", auth=(wide, api_key("https://a.example"))))
    assert world.elsewhere("https://a.example") == []


def test_drop_follows_without_credentials_and_never_puts_them_back(world: World, perform: Callable[[Any], Any]) -> None:
    steps = {"https://a.example/": "https://b.example/", "https://b.example/": "https://a.example/end"}

    def answer(seen: Seen) -> bytes:
        target = steps.get(seen.origin + seen.path)
        return reply(302, Location=target) if target else reply(200, "ok")

    world.answer = answer
    call = get("https://a.example/", auth=(bearer("https://a.example"),), redirects=Redirects.DROP)
    assert perform(call) == b"ok"
    assert [(seen.origin + seen.path, "authorization" in seen.headers) for seen in world.seen] == [
        ("https://a.example/", True),
        ("https://b.example/", False),
        ("https://a.example/end", False),
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"data-canary"), ("PUT", b"data-canary"), ("DELETE", b""), ("GET", b"data-canary")]
)
@pytest.mark.parametrize("carries", [True, False])
def test_drop_leaves_the_credential_behind_and_sends_no_body_in_its_place(
    world: World, perform: Callable[[Any], Any], status: int, method: str, body: bytes, *, carries: bool
) -> None:
    """A statement, and the tables that go along, were meant for the host that was asked."""
    world.answer = lambda _: reply(status, Location="https://b.example/canary?x")
    auth = (bearer("https://a.example"),) if carries else ()
    call = get("https://a.example/", method=method, body=body, auth=auth, redirects=Redirects.DROP)
    with pytest.raises(Redirected, match=rf"redirects a {method} to https://b\.example, where") as caught:
        perform(call)
    assert world.elsewhere("https://a.example") == []
    assert (caught.value.status, caught.value.url) == (status, "https://a.example/")


def test_drop_asks_elsewhere_without_the_body(world: World, perform: Callable[[Any], Any]) -> None:
    def answer(seen: Seen) -> bytes:
        steps = {"/": (307, "/again"), "/again": (303, "https://b.example/")}
        if "b.ex" in seen.origin:
            return reply(200, "ok")
        return reply(steps[seen.path][0], Location=steps[seen.path][1])

    world.answer = answer
    call = get("https://a.example/", method="POST", body=b"data-canary", redirects=Redirects.DROP)
    assert perform(call) == b"ok"
    assert [(seen.method, seen.body) for seen in world.seen] == [
        ("POST", b"data-canary"),
        ("POST", b"data-canary"),
        ("GET", b""),
    ]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_where_a_303_is_the_answer_nobody_goes_there(perform: Callable[[Any], Any], method: str) -> None:
    """What it leads to is another question, which may fail; this one was answered."""

    class Target(Body):
        def head(self, head: Head, /) -> None:
            self._body = bytearray(f"{head.status} {head.headers['location']} from {head.url.path}".encode())

    def answer(seen: Seen) -> bytes:
        return reply(307, Location="/b") if seen.path == "/a" else reply(303, "not read", Location="/c?d")

    with serving(answer) as server:
        call = get(f"{server.url}/a", method=method, reader=Target, redirects=Redirects.DONE)
        assert perform(call) == b"303 /c?d from /b"
        assert [(seen.method, seen.path) for seen in server.seen] == [(method, "/a"), (method, "/b")]


@pytest.mark.parametrize(
    ("status", "location"),
    [(303, "/login"), (303, "https://b.example/"), (303, ""), (301, "/b"), (302, "/b"), (300, "/b")],
)
def test_what_is_no_answer_stays_none(perform: Callable[[Any], Any], status: int, location: str) -> None:
    with serving(lambda _: reply(status, Location=location)) as server:
        with pytest.raises(ServiceError):
            perform(get(server.url, method="POST", redirects=Redirects.DONE))
        assert len(server.seen) == 1


def test_a_401_after_dropping_says_nothing_about_the_credential(world: World, perform: Callable[[Any], Any]) -> None:
    """Somebody else's 401 must not make us throw away a good credential."""
    world.answer = lambda seen: reply(302, Location="https://b.example/") if "a.ex" in seen.origin else reply(401)
    keeper, provider = renewable("https://a.example")
    with pytest.raises(NotAuthenticated):
        perform(get("https://a.example/", auth=(keeper,), redirects=Redirects.DROP))
    assert provider.made == 1
    assert len(world.seen) == 2


@pytest.mark.parametrize("rule", list(Redirects))
def test_https_never_leads_to_http(world: World, perform: Callable[[Any], Any], rule: Redirects) -> None:
    world.answer = lambda _: reply(302, Location="http://a.example/")
    with pytest.raises(Redirected, match="plain http"):
        perform(get("https://a.example/", redirects=rule))
    assert world.elsewhere("https://a.example") == []


def test_drop_goes_nowhere_over_plain_http(world: World, perform: Callable[[Any], Any]) -> None:
    with (
        serving(lambda _: reply(302, Location="http://b.example/")) as server,
        pytest.raises(Redirected, match="plain http"),
    ):
        perform(get(server.url, redirects=Redirects.DROP))
    assert world.seen == []


def test_a_redirect_to_a_login_page_says_so_with_the_remedy(perform: Callable[[Any], Any]) -> None:
    with serving(lambda _: reply(302, Location="https://b.example/login?rd=x")) as server:
        with pytest.raises(Redirected, match="wants a person to log in") as caught:
            perform(get(server.url, remedy="skykey why rubin"))
        assert caught.value.next == "skykey why rubin"


def test_too_many_redirects_end(perform: Callable[[Any], Any]) -> None:
    with serving(lambda seen: reply(302, Location=seen.path + "x")) as server:
        with pytest.raises(Redirected, match="more than 5 times"):
            perform(get(f"{server.url}/", repeat=Repeat.SAFE))
        print(f"{len(server.seen)} requests")
        assert len(server.seen) == 6


def test_where_redirects_have_ended_is_said_without_its_signature(perform: Callable[[Any], Any]) -> None:
    with serving(lambda seen: reply(302, Location=f"{seen.path}x?X-Signature=canary")) as server:
        with pytest.raises(Redirected, match="more than 5 times") as caught:
            perform(get(f"{server.url}/?X-Signature=canary"))
        assert caught.value.url == f"{server.url}/xxxxxx"
        assert "canary" not in str(vars(caught.value)) + str(caught.value)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "ftp://a.example/",
        "javascript:alert(1)",
        "https://",
        "https:// a.example/",
        "https://a.example\\@b.example/",
        "https://user:secret-canary@a.example/",
        "https://a.example:99999/",
        "file:///etc/passwd",
        "http://[",
        "//[secret-canary",
    ],
)
def test_a_location_that_is_no_url_is_refused(perform: Callable[[Any], Any], location: str) -> None:
    with serving(lambda _: reply(302, Location=location)) as server:
        with pytest.raises(Redirected) as caught:
            perform(get(server.url))
        assert "secret-canary" not in str(caught.value)
        assert len(server.seen) == 1


def test_two_locations_are_refused(perform: Callable[[Any], Any]) -> None:
    answer = b"HTTP/1.1 302 X\r\nLocation: /a\r\nLocation: https://b.example/\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda _: answer) as server:
        with pytest.raises(Redirected):
            perform(get(server.url))
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "GET", "GET"),
        (302, "HEAD", "HEAD"),
        (303, "POST", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
        (301, "POST", None),
        (302, "POST", None),
        (302, "DELETE", None),
    ],
)
def test_a_method_changes_only_where_the_standard_says_so(
    perform: Callable[[Any], Any], status: int, method: str, expected: str | None
) -> None:
    body = b"data" if method in {"POST", "PUT"} else b""

    def answer(seen: Seen) -> bytes:
        if seen.path == "/a":
            return reply(status, Location="/b")
        return b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"

    with serving(answer) as server:
        call = get(f"{server.url}/a", method=method, body=body)
        if expected is None:
            with pytest.raises(Redirected, match=f"redirects a {method}"):
                perform(call)
            assert len(server.seen) == 1
        else:
            perform(call)
            assert (server.seen[1].method, server.seen[1].body) == (expected, b"" if expected == "GET" else body)


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
def test_other_3xx_are_errors_and_not_followed(perform: Callable[[Any], Any], status: int) -> None:
    with serving(lambda _: reply(status, Location="/b")) as server:
        with pytest.raises(ServiceError, match=str(status)):
            perform(get(server.url))
        assert len(server.seen) == 1


LOGINS = {
    "/login": True,
    "/login?rd=https%3A%2F%2Fx": True,
    "/a/login/": True,
    "https://b.example/login": True,
    "https://b.example/oauth2/auth?response_type=code&client_id=canary": True,
    "https://b.example/auth?state=canary&redirect_uri=https%3A%2F%2Fa": True,
    "https://b.example/saml?SAMLRequest=canary": True,
    "https://b.example/authorize?client_id=canary": True,
    "https://b.example/accounts/sign-in/": True,
    "https://b.example/logins": False,
    "https://b.example/authorized": False,
    "https://b.example/data?x=response_type": False,
    "https://b.example/": False,
}


@pytest.mark.parametrize("rule", list(Redirects))
@pytest.mark.parametrize("location", LOGINS)
def test_a_login_page_is_told_from_other_addresses(world: World, location: str, rule: Redirects) -> None:
    """Also where credentials are dropped on the way: its page with status 200 would pass for the answer."""
    begin = "https://a.example/begin"
    world.answer = lambda seen: reply(302, Location=location) if seen.path == "/begin" else reply(200, "ok")
    call = get(begin, auth=(bearer("https://a.example"),), redirects=rule, remedy="create one")
    if not LOGINS[location] and rule is Redirects.DROP:
        assert Asker().ask(call) == b"ok"
        return
    with pytest.raises(Redirected) as caught:
        Asker().ask(call)
    assert ("wants a person to log in" in caught.value.message) == LOGINS[location]
    assert (caught.value.next == "create one") == LOGINS[location]
    assert "canary" not in str(caught.value)
    assert len(world.seen) == 1


def test_what_looks_like_a_login_at_an_identity_provider_is_an_address_like_any_other_at_home(world: World) -> None:
    world.answer = lambda seen: reply(302, Location="/authorize?response_type=x") if seen.path == "/" else reply(200)
    Asker().ask(get("https://a.example/", auth=(bearer("https://a.example"),)))
    assert [seen.path for seen in world.seen] == ["/", "/authorize"]


@pytest.mark.parametrize("carries", [True, False])
def test_a_login_page_says_whether_there_was_a_credential(world: World, carries: bool) -> None:
    world.answer = lambda _: reply(302, Location="/login")
    words = "was not accepted, or did not arrive" if carries else "it carried no credential"
    with pytest.raises(Redirected, match=words):
        Asker().ask(get("https://a.example/", auth=(bearer("https://a.example"),) if carries else ()))
