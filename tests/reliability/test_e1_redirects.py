"""E1, E2, E3: where a redirect leads, no credential goes along."""

import base64
import contextlib
import itertools

import httpx2
import pytest

from skykey.calls.call import Redirects
from skykey.values.errors import SkykeyError
from tests.reliability.clients import CLIENTS, HOME, NAIVE, Client
from tests.reliability.naive import CANARIES, KEY, TOKEN
from tests.wire.askers import Asker, api_key, bearer, get
from tests.wire.server import Seen, World, reply

STATUSES = (301, 302, 303, 307, 308)
TARGETS = {
    "other host": "https://evil.test/",
    "other port": f"{HOME}:8443/",
    "plain http": "http://site.example/",
    "http on 443": "http://site.example:443/",
    "sub-domain": "https://sub.site.example/",
    "parent domain": "https://example/",
    "look-alike": "https://site.example.evil.test/",
    "user info": "https://site.example@evil.test/",
    "user info with password": "https://site.example:443@evil.test/",
    "backslash": "https://evil.test\\@site.example/",
    "IPv6": "https://[2001:db8::1]/",
    "IPv4": "https://192.0.2.1/",
    "IDN": "https://xn--ste-rpa.example/",
    "IDN in the open": "https://s\xefte.example/",
    "trailing dot": "https://site.example./",
    "without scheme": "//evil.test/",
    "upper case": "HTTPS://EVIL.TEST/",
    "fragment": "https://evil.test#@site.example/",
    "query": "https://evil.test?@site.example/",
}
CASES = list(itertools.product(STATUSES, TARGETS))
# What a test server sees of the login of `influxdb`.
ENCODED = base64.b64encode(b"login-canary:login-canary").decode()


def leaks(world: World, home: str = HOME) -> list[str]:
    """What arrived at other origins that was meant for home alone; a cookie of anybody's counts too."""

    def leaked(seen: Seen) -> bool:
        carried = {"authorization", "cookie", "x-api-key"} & set(seen.headers)
        return bool(carried) or any(canary in seen.text for canary in (*CANARIES, ENCODED))

    return [seen.origin for seen in world.elsewhere(home) if leaked(seen)]


def count(world: World, client: Client) -> tuple[int, list[str]]:
    """Try every case; how many, and what leaked."""
    found: list[str] = []
    for status, name in CASES:
        location = TARGETS[name]

        def answer(seen: Seen, status: int = status, location: str = location) -> bytes:
            if seen.origin == HOME:
                return reply(status, Location=location, Set_Cookie="s=cookie-canary; Domain=site.example; Path=/")
            return reply(200, "{}", Content_Type="application/json")

        world.answer = answer
        world.seen.clear()
        with contextlib.suppress(SkykeyError, httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            client(f"{HOME}/start")
        assert any(canary in seen.text for seen in world.at(HOME) for canary in (*CANARIES, ENCODED)), "it never asked"
        found += [f"{status} {name}: {origin}" for origin in leaks(world)]
    return len(CASES), found


@pytest.mark.parametrize("client", CLIENTS)
def test_e1_a_redirect_takes_no_credential_along(world: World, client: str) -> None:
    cases, found = count(world, CLIENTS[client])
    print(f"E1 {client}: {cases} cases, {len(found)} leaks")
    assert cases >= 60
    assert found == []


def test_e1_a_naive_client_fails(world: World) -> None:
    cases, found = count(world, NAIVE)
    print(f"E1 naive: {cases} cases, {len(found)} leaks")
    assert len(found) >= 20


def test_e1_a_redirect_that_is_followed_without_credentials_carries_none(world: World) -> None:
    """The other rule: here the foreign servers are reached."""
    reached = 0

    def dropping(url: str) -> None:
        Asker().ask(get(url, auth=(bearer(HOME, token=TOKEN), api_key(HOME, key=KEY)), redirects=Redirects.DROP))

    for status, name in CASES:
        world.answer = lambda seen, status=status, name=name: (  # type: ignore[misc]
            reply(status, Location=TARGETS[name]) if seen.path == "/start" else reply(200)
        )
        world.seen.clear()
        with contextlib.suppress(SkykeyError):
            dropping(f"{HOME}/start")
        reached += len(world.elsewhere(HOME))
        assert leaks(world) == []
    print(f"E1 dropping: {reached} foreign requests, 0 leaks")
    assert reached >= 20


# -- E2


def there_and_back(world: World, client: Client) -> list[str]:
    """A -> B -> A: what came to B, and what was put back on the way to A."""

    def answer(seen: Seen) -> bytes:
        if seen.origin != HOME:
            return reply(302, Location=f"{HOME}/end")
        if seen.path.endswith("/end"):
            return reply(200, "{}", Content_Type="application/json")
        return reply(302, Location="https://evil.test/")

    world.answer = answer
    world.seen.clear()
    with contextlib.suppress(SkykeyError, httpx2.HTTPError):
        client(f"{HOME}/start")
    back = [seen for seen in world.at(HOME) if seen.path.endswith("/end")]
    carried = [seen for seen in back if {"authorization", "x-api-key"} & set(seen.headers)]
    return leaks(world) + [f"put back at {seen.origin}" for seen in carried]


def dropping(url: str) -> None:
    Asker().ask(get(url, auth=(bearer(HOME, token=TOKEN), api_key(HOME, key=KEY)), redirects=Redirects.DROP))


@pytest.mark.parametrize("client", [*CLIENTS, "dropping"])
def test_e2_nothing_is_put_back_on_the_way_back(world: World, client: str) -> None:
    """Whoever sits in between would choose what is asked in our name."""
    found = there_and_back(world, CLIENTS.get(client, dropping))
    print(f"E2 {client}: {len(world.seen)} requests, {len(found)} leaks")
    assert found == []
    assert len(world.seen) == (3 if client == "dropping" else 1)


def test_e2_a_naive_client_fails(world: World) -> None:
    found = there_and_back(world, NAIVE)
    print(f"E2 naive: {found}")
    assert found


# -- E3


def downgraded(world: World, client: Client) -> list[Seen]:
    world.answer = lambda seen: (
        reply(302, Location="http://site.example/x") if seen.origin == HOME else reply(200, "{}")
    )
    world.seen.clear()
    with contextlib.suppress(SkykeyError, httpx2.HTTPError, ValueError):
        client(f"{HOME}/start")
    return world.elsewhere(HOME)


@pytest.mark.parametrize("client", [*CLIENTS, "dropping"])
def test_e3_https_is_never_left_for_http(world: World, client: str) -> None:
    found = downgraded(world, CLIENTS.get(client, dropping))
    print(f"E3 {client}: {len(found)} requests over plain http")
    assert found == []


def test_e3_http_to_https_is_another_origin_and_refused(world: World) -> None:
    """As documented: origins are compared whole. A site that moved is named anew by its user."""
    world.answer = lambda seen: reply(301, Location="https://site.example/x")
    with pytest.raises(SkykeyError, match=r"redirects to https://site\.example"):
        Asker().ask(get("http://site.example/x"))
    assert world.elsewhere("http://site.example") == []


def test_e3_a_naive_client_fails(world: World) -> None:
    found = downgraded(world, NAIVE)
    print(f"E3 naive: {len(found)} requests over plain http")
    assert found
