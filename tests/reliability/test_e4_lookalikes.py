"""E4: a credential does not go to a URL that only looks like its own."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from skykey.values.errors import BadUrl, OutOfReach
from tests.reliability import naive
from tests.reliability.clients import CLIENTS, HOME
from tests.wire.server import World, reply

SCHEMES = ("https://", "http://", "HTTPS://", "https:///", "https:")
HOSTS = (
    "site.example.evil.test",
    "site.example-evil.test",
    "evil-site.example",
    "evil.test/site.example",
    "site.example@evil.test",
    "site.example:443@evil.test",
    "evil.test#site.example",
    "evil.test?site.example",
    "site.example%2eevil.test",
    "site.example%40evil.test",
    "site.example\\@evil.test",
    "site.example\\.evil.test",
    "site.example\t.evil.test",
    "site.example\u200b.evil.test",
    "site.example\u3002evil.test",
    "\u0455ite.example",
    "site.examp1e",
    "sub.site.example",
    "example",
    "site..example",
    "site.example:8443",
    "[::ffff:192.0.2.1]",
    "192.0.2.1",
    "3221225985",
)
PATHS = ("", "/", "/start", "/%2e%2e/start")
URLS = [scheme + host + path for scheme, host, path in itertools.product(SCHEMES, HOSTS, PATHS)]
URLS += [f"http://site.example{path}" for path in PATHS] + [f"https://site.example:80{path}" for path in PATHS]
# The same origin in other clothes; here it may go.
SAME = ("HTTPS://SITE.EXAMPLE/start", "https://site.example:443/start", "https://site.example./start", f"{HOME}/a/../b")


def requests(world: World, client: Callable[[str], Any], *errors: type[Exception]) -> tuple[int, list[str]]:
    found = []
    world.answer = lambda _: reply(200, "{}", Content_Type="application/json")
    for url in URLS:
        world.seen.clear()
        with contextlib.suppress(*errors):
            client(url)
            found.append(f"no error: {url!r}")
        found += [f"{url!r}: {seen.origin}" for seen in world.seen]
    return len(URLS), found


@pytest.mark.parametrize("client", ["core", "core-async", "influxdb"])
def test_e4_a_lookalike_gets_no_request(world: World, client: str) -> None:
    cases, found = requests(world, CLIENTS[client], OutOfReach, BadUrl)
    print(f"E4 {client}: {cases} cases, {len(found)} requests")
    assert cases >= 200
    assert found == []
    assert world.connects == []


def test_e4_the_same_origin_in_other_clothes_is_still_the_same(world: World) -> None:
    for url in SAME:
        CLIENTS["core"](url)
    assert [seen.origin for seen in world.seen] == [HOME] * len(SAME)


def test_e4_a_naive_client_fails(world: World) -> None:
    errors = (PermissionError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError)
    cases, found = requests(world, lambda url: naive.fetch_below(HOME, url), *errors)
    foreign = [entry for entry in found if not entry.endswith(f" {HOME}")]
    print(f"E4 naive: {cases} cases, {len(foreign)} requests")
    assert foreign
