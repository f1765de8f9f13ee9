"""E9: a discovery document names a file, a link-local, loopback or private address for a login to go to."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import DiscoveryClient, RepertoireError, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.repertoire.schema_registry import SyncSchemaRegistry
from skykey.rubin.influx_query import telemetry
from skykey.values.errors import SkykeyError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import naive
from tests.reliability.naive import TOKEN
from tests.wire.server import Seen, Server, World, as_json, serving

BASE = "https://site.example/repertoire"
REGISTRY = "https://registry.example/"
NEAR = (
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "https://127.0.0.1:8086/",
    "https://127.255.255.254/",
    "https://localhost:8086/",
    "https://db.localhost/",
    "https://[::1]:8086/",
    "https://[::ffff:127.0.0.1]/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0.0.0.0/",
    "https://[::]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://[fd00::1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
)
PUBLIC = ("https://influx.example/", "https://1.1.1.1/", "https://[2606:4700::1111]/", "https://localhost.example/")


def document(url: str, *, sold: str | None = None, also: bool = True) -> Callable[[Seen], bytes]:
    """A site that names an address for the label ``x``: in its document, or only with the login that it sells."""
    good = {
        "url": "https://influx.example/",
        "database": "efd",
        "schema_registry": REGISTRY,
        "credentials_url": f"{BASE}/discovery/influxdb/x",
    }
    entry = good | {"url": url}
    services = {"tap": {"url": url}, "ok": {"url": "https://ok.example/"}}

    def answer(seen: Seen) -> bytes:
        if seen.path.endswith("/discovery"):
            found: dict[str, Any] = {"influxdb_databases": {"x": entry} | ({"ok": good} if also else {})}
            found["datasets"] = {"d": {"services": services}, "ok": {}}
            found["services"] = {"internal": services, "ui": services}
            return as_json(json.dumps(found))
        return as_json(json.dumps(entry | {"url": sold or url, "username": "u", "password": "login-canary"}))

    return answer


def derived() -> None:
    reach = Reach.named(Url(BASE), said_by="a test")
    login = RepertoireLogin(SyncDiscoveryClient(base_url=BASE), ("x",), Keeper(Argument(Secret(TOKEN), reach)))
    telemetry("usdf", "efd", Keeper(login)).query("SHOW DATABASES")


WAYS: dict[str, Callable[[], Any]] = {
    "where": lambda: SyncDiscoveryClient(base_url=BASE).influxdb_connection_info("x"),
    "where, async": lambda: asyncio.run(DiscoveryClient(base_url=BASE).influxdb_connection_info("x")),
    "login": lambda: SyncDiscoveryClient(base_url=BASE).influxdb_credentials("x", TOKEN),
    "login, async": lambda: asyncio.run(DiscoveryClient(base_url=BASE).get_influxdb_connection_info("x", TOKEN)),
    "telemetry": derived,
    "data": lambda: SyncDiscoveryClient(base_url=BASE).url_for_data("tap", "d"),
    "internal": lambda: SyncDiscoveryClient(base_url=BASE).url_for_internal("tap"),
    "browser": lambda: SyncDiscoveryClient(base_url=BASE).url_for_ui("tap"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("also", [True, False], ids=["beside others", "alone"])
def test_e9_a_near_address_in_a_document_is_refused(world: World, way: str, *, also: bool) -> None:
    assert len(NEAR) >= 20
    for url in NEAR:
        world.answer = document(url, also=also)
        with pytest.raises(SkykeyError) as caught:
            WAYS[way]()
        if way != "telemetry":
            assert isinstance(caught.value, RepertoireError)
    away = world.elsewhere("https://site.example")
    print(f"E9 {way}: {len(NEAR)} addresses refused, {len(away)} requests to them")
    assert away == []
    assert not any(TOKEN in seen.text for seen in world.seen)


def test_e9_a_near_address_that_comes_with_the_login_is_refused(world: World) -> None:
    """The document looks good, and what it sells does not."""
    for url in NEAR:
        world.answer = document("https://influx.example/", sold=url)
        for way in ("login", "login, async", "telemetry"):
            with pytest.raises(SkykeyError) as caught:
                WAYS[way]()
            assert "login-canary" not in str(caught.value)
    assert world.elsewhere("https://site.example") == []


def test_e9_a_near_address_to_buy_at_gets_no_token(world: World) -> None:
    entry = {"url": "https://influx.example/", "database": "efd", "schema_registry": REGISTRY}
    for url in NEAR:
        told = {"influxdb_databases": {"x": entry | {"credentials_url": url}}}
        world.answer = lambda _, told=told: as_json(json.dumps(told))  # type: ignore[misc]
        with pytest.raises(SkykeyError):
            WAYS["login"]()
    assert world.elsewhere("https://site.example") == []
    assert not any(TOKEN in seen.text for seen in world.seen)


def test_e9_a_near_schema_registry_is_not_asked(world: World) -> None:
    for url in NEAR:
        entry = {"url": "https://influx.example/", "database": "efd", "schema_registry": url, "credentials_url": BASE}
        told = json.dumps({"influxdb_databases": {"x": entry}})
        world.answer = lambda _, told=told: as_json(told)  # type: ignore[misc]
        with pytest.raises(SkykeyError):
            SyncSchemaRegistry(SyncDiscoveryClient(base_url=BASE).influxdb_connection_info("x")).topics()
    assert world.elsewhere("https://site.example") == []


def test_e9_public_addresses_are_not_refused(world: World) -> None:
    """Or the tests above would pass for a client that refuses everything."""
    for url in PUBLIC:
        world.answer = document(url)
        assert str(WAYS["where"]().url) == url
        assert WAYS["data"]() == url


def test_e9_a_site_on_this_machine_may_name_addresses_of_this_machine() -> None:
    def answer(_: Seen) -> bytes:
        here = f"http://127.0.0.1:{servers[0].port}/"
        entry = {"url": here, "database": "efd", "schema_registry": here, "credentials_url": here}
        return as_json(json.dumps({"influxdb_databases": {"x": entry}}))

    servers: list[Server] = []
    with serving(answer) as server:
        servers.append(server)
        found = SyncDiscoveryClient(base_url=server.url).influxdb_connection_info("x")
        assert found is not None


def test_e9_a_naive_client_fails(world: World) -> None:
    for url in NEAR:
        world.answer = document(url)
        try:
            with naive.client(timeout=1) as session:
                told = session.get(f"{BASE}/discovery").json()["influxdb_databases"]["x"]
                session.get(told["url"])
        except Exception as problem:  # noqa: BLE001 - some it cannot reach, for reasons of its own
            print(f"E9 naive, {url}: {type(problem).__name__}")
    reached = {seen.origin for seen in world.elsewhere("https://site.example") if TOKEN in seen.text}
    print(f"E9 naive: the token went to {len(reached)} near addresses: {sorted(reached)}")
    assert len(reached) >= 5
