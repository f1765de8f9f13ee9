"""Proxies of the environment: for the world, and never for this machine."""

import asyncio
import socket
import urllib.request
from typing import Any

import pytest

from skykey.values.errors import Unreachable
from skykey.values.url import Url
from skykey.wire import proxies
from tests.wire.askers import Asker, AsyncAsker, bearer, get
from tests.wire.server import World, reply, serving

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def both_faces(call: Any) -> list[Any]:
    return [Asker().ask(call), asyncio.run(AsyncAsker().ask(call))]


def test_a_foreign_host_is_reached_through_the_proxy(world: World) -> None:
    world.answer = lambda seen: reply(200, seen.headers["host"])
    call = get("https://made-up.example/path", auth=(bearer("https://made-up.example", token="canary"),))
    assert both_faces(call) == [b"made-up.example"] * 2
    assert world.connects == ["made-up.example:443"] * 2
    assert [seen.headers["authorization"] for seen in world.seen] == ["Bearer canary"] * 2
    assert "canary" not in str(world.proxy_headers)


def test_loopback_never_goes_through_a_proxy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(lambda _: reply(200, "here")) as server:
        for host in ("127.0.0.1", "localhost"):
            assert both_faces(get(f"http://{host}:{server.port}/")) == [b"here"] * 2
    assert world.connections == 0


def test_no_proxy_is_obeyed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "inside.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", nowhere(socket.getaddrinfo))
    with pytest.raises(Unreachable, match=r"inside\.invalid cannot be reached"):
        Asker().ask(get("https://inside.invalid/"))
    assert world.connections == 0
    assert Asker().ask(get("https://outside.invalid/")) == b"ok"


def nowhere(real: Any) -> Any:
    def resolve(host: Any, *more: Any, **named: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **named)

    return resolve


def test_a_proxy_that_refuses_is_named_as_such(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: reply(403, "not from here")) as refusing:
        for name in PROXIES:
            monkeypatch.setenv(name, refusing.url)
        for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
            with pytest.raises(Unreachable, match=r"the proxy refuses https://made-up\.example") as caught:
                run(get("https://made-up.example/"))
            assert "HTTPS_PROXY" in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5", "ftp"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_the_variable(
    world: World, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with serving(lambda seen: reply(200)) as gone:
        port = gone.port
    for name in PROXIES:
        monkeypatch.setenv(name, f"{scheme}://user:proxy-canary@127.0.0.1:{port}")
    for run in (Asker().ask, lambda call: asyncio.run(AsyncAsker().ask(call))):
        with pytest.raises(Unreachable) as caught:
            run(get("https://made-up.example/"))
        assert "proxy-canary" not in str(caught.value)


def test_a_proxy_s_login_goes_to_the_proxy_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://user:p%40ss@127.0.0.1:{world.port}")
    assert both_faces(get("https://made-up.example/")) == [b"ok"] * 2
    assert [headers["proxy-authorization"] for headers in world.proxy_headers] == ["Basic dXNlcjpwQHNz"] * 2
    assert not any("proxy-authorization" in seen.headers for seen in world.seen)


def test_a_changed_proxy_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Asker().ask(get("https://made-up.example/")) == b"ok"
    with World(world.authority) as other:
        for name in PROXIES:
            monkeypatch.setenv(name, other.url)
        assert Asker().ask(get("https://made-up.example/")) == b"ok"
        assert len(world.seen) == len(other.seen) == 1


def test_origins_differ_by_proxy_and_not_only_by_host(world: World) -> None:
    world.answer = lambda seen: reply(200, seen.origin)
    for url in ("https://a.example", "https://b.example:8443", "http://c.example", "https://[2001:db8::1]"):
        assert Asker().ask(get(f"{url}/x")) == url.encode()


def test_the_environment_is_not_searched_for_each_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    real = urllib.request.getproxies

    def counted() -> dict[str, str]:
        searched.append(1)
        return real()

    monkeypatch.setattr(urllib.request, "getproxies", counted)
    monkeypatch.setattr(proxies, "_SECOND", 60.0)
    monkeypatch.setattr(proxies, "_known", {})
    origin = Url("https://made-up.example/").origin
    first = proxies.proxy_for(origin)
    assert [proxies.proxy_for(origin) for _ in range(5)] == [first] * 5
    assert first is not None
    assert len(searched) == 1


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"])
def test_a_variable_that_changes_counts_at_once(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(proxies, "_SECOND", 60.0)
    for other in (*PROXIES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(other, raising=False)
    if name.lower() == "no_proxy":
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    origin = Url("https://made-up.example/").origin
    before = proxies.proxy_for(origin)
    monkeypatch.setenv(name, "made-up.example")
    assert proxies.proxy_for(origin) != before
