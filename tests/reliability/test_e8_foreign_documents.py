"""E8: a discovery document names a foreign origin for the call that carries the token."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.influx_query import telemetry
from skykey.values.errors import OutOfReach
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import naive
from tests.reliability.naive import TOKEN
from tests.wire.server import Seen, World, as_json

BASE = "https://site.example/repertoire"
FOREIGN = (
    "https://evil.test/repertoire/discovery/influxdb/x",
    "https://site.example:8443/repertoire/discovery/influxdb/x",
    "https://sub.site.example/repertoire/discovery/influxdb/x",
    "https://site.example.evil.test/repertoire/discovery/influxdb/x",
    "http://site.example/repertoire/discovery/influxdb/x",
    "http://127.0.0.1:1/x",
    "https://[2001:db8::1]/x",
)


def sync(label: str) -> None:
    SyncDiscoveryClient(base_url=BASE).influxdb_credentials(label, TOKEN)


def asynchronous(label: str) -> None:
    asyncio.run(DiscoveryClient(base_url=BASE).get_influxdb_connection_info(label, TOKEN))


def derived(label: str) -> None:
    reach = Reach.named(Url(BASE), said_by="a test")
    login = RepertoireLogin(SyncDiscoveryClient(base_url=BASE), (label,), Keeper(Argument(Secret(TOKEN), reach)))
    telemetry("usdf", "efd", Keeper(login)).query("SHOW DATABASES")


CLIENTS: dict[str, Callable[[str], Any]] = {"sync": sync, "async": asynchronous, "derived": derived}


def document(credentials_url: str, **more: str) -> Callable[[Seen], bytes]:
    entry = {
        "url": "https://influx.example/",
        "database": "efd",
        "schema_registry": "http://r/",
        "credentials_url": credentials_url,
        **more,
    }

    def answer(seen: Seen) -> bytes:
        if seen.path.endswith("/discovery"):
            return as_json(json.dumps({"influxdb_databases": {"x": entry}}))
        return as_json(json.dumps(entry | {"username": "u", "password": "login-canary"}))

    return answer


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("foreign", FOREIGN)
def test_e8_the_token_stays_at_home(world: World, client: str, foreign: str) -> None:
    world.answer = document(foreign)
    with pytest.raises(OutOfReach) as caught:
        CLIENTS[client]("x")
    away = world.elsewhere("https://site.example")
    print(f"E8 {client}, {foreign}: {len(away)} foreign requests")
    assert away == []
    assert not any(TOKEN in seen.text for seen in world.seen)
    assert "REPERTOIRE_BASE_URL=" in str(caught.value)
    assert str(Url(foreign).origin) in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_e8_the_setting_that_the_error_names_admits_it(world: World) -> None:
    """Advice that does not help is none."""
    world.answer = document("https://evil.test/repertoire/discovery/influxdb/x")
    with pytest.raises(OutOfReach) as caught:
        sync("x")
    setting = str(caught.value).rpartition("REPERTOIRE_BASE_URL=")[2].split()[0]
    SyncDiscoveryClient(base_url=setting).influxdb_credentials("x", TOKEN)


def test_e8_a_foreign_database_gets_its_own_login_and_not_the_token(world: World) -> None:
    world.answer = document(f"{BASE}/discovery/influxdb/x")
    with pytest.raises(Exception, match="MessagePack"):  # the foreign server has no InfluxDB to offer
        derived("x")
    there = world.at("https://influx.example")
    assert there
    assert all(TOKEN not in seen.text for seen in there)
    assert all(seen.headers["authorization"].startswith("Basic ") for seen in there)


def test_e8_a_foreign_database_over_plain_http_gets_nothing(world: World) -> None:
    world.answer = document(f"{BASE}/discovery/influxdb/x", url="http://influx.example/")
    with pytest.raises(OutOfReach):
        derived("x")
    assert world.elsewhere("https://site.example") == []


def test_e8_a_naive_client_fails(world: World) -> None:
    world.answer = document("https://evil.test/repertoire/discovery/influxdb/x")
    naive.login(BASE, "x")
    away = [seen for seen in world.elsewhere("https://site.example") if TOKEN in seen.text]
    print(f"E8 naive: {len(away)} foreign requests with the token")
    assert away
