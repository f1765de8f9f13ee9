"""E5: a bearer over plain http only to a loopback address that the user named."""

from collections.abc import Callable
from typing import Any

import pytest

from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.values.errors import SkykeyError
from skykey.values.reach import Reach
from skykey.values.url import Url
from tests.reliability import naive
from tests.reliability.naive import TOKEN
from tests.wire.askers import Asker, bearer, get
from tests.wire.server import Server, World, as_json, serving

FOREIGN = (
    "http://site.example",
    "http://site.example:443",
    "http://127.0.0.1.evil.test",
    "http://localhost.evil.test",
    "http://notlocalhost",
    "http://0.0.0.0",
    "http://192.168.1.1",
    "http://10.0.0.1",
    "http://169.254.169.254",
    "http://[2001:db8::1]",
    "http://[::ffff:127.0.0.1]",
    "http://127.0.0.1@evil.test",
    "http://2130706433",
    "http://0x7f.1",
    "http://127.1",
)


def core(url: str) -> None:
    Asker().ask(get(url, auth=(bearer(url, token=TOKEN),)))


def repertoire(url: str) -> None:
    SyncDiscoveryClient(base_url=url).list_influxdb_credentials(TOKEN)


def rubin(url: str) -> None:
    """A site of the user's own, in the variable for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYKEY_RUBIN_SITES", f"mine={url}")
        InfluxQueryClient("mine", auth=("user", TOKEN)).query("SHOW DATABASES")


CLIENTS: dict[str, Callable[[str], Any]] = {"core": core, "repertoire": repertoire, "rubin": rubin}


@pytest.mark.parametrize("client", CLIENTS)
def test_e5_no_bearer_over_plain_http(world: World, client: str) -> None:
    for url in FOREIGN:
        with pytest.raises(SkykeyError):
            CLIENTS[client](url)
    print(f"E5 {client}: {len(FOREIGN)} addresses, {len(world.seen)} requests")
    assert world.seen == []


def test_e5_the_error_says_what_to_write_instead() -> None:
    with pytest.raises(SkykeyError, match=r"use https://site\.example"):
        DiscoveryClient(base_url="http://site.example/repertoire")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_e5_a_loopback_address_that_the_user_named_is_allowed(host: str) -> None:
    with serving(lambda _: as_json("{}"), host="::1" if host == "::1" else "127.0.0.1") as server:
        url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
        core(url)
        repertoire(url)
        assert [seen.headers["authorization"] for seen in server.seen] == [f"Bearer {TOKEN}"] * 2


def test_e5_a_loopback_address_that_a_document_named_is_not(world: World) -> None:
    """A document could name any port of this machine."""
    named = Reach.named(Url("https://site.example"), said_by="a test")
    with pytest.raises(SkykeyError, match="that you did not name"):
        Reach.discovered(Url("http://127.0.0.1:8086"), within=named, said_by="a document")
    local: list[Server] = []

    def answer(_: Any) -> bytes:
        return as_json(
            '{"influxdb_databases": {"x": {"url": "https://i.example/", "database": "x",'
            f' "schema_registry": "http://r/", "credentials_url": "{local[0].url}/login"}}}}}}'
        )

    with serving(lambda _: as_json("{}")) as server:
        local.append(server)
        world.answer = answer
        with pytest.raises(SkykeyError, match="REPERTOIRE_BASE_URL"):
            SyncDiscoveryClient(base_url="https://site.example/repertoire").influxdb_credentials("x", TOKEN)
        assert server.seen == []


def test_e5_a_naive_client_fails(world: World) -> None:
    naive.fetch("http://site.example/")
    sent = [seen for seen in world.seen if TOKEN in seen.text]
    print(f"E5 naive: {len(sent)} bearers over plain http")
    assert sent
