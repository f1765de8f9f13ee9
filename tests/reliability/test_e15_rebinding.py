"""E15: the site's name leads to the site when it is first looked up, and to somebody else's machine afterwards."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.repertoire.schema_registry import SyncSchemaRegistry
from skykey.rubin.influx_query import telemetry
from skykey.values.errors import SkykeyError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability.naive import TOKEN
from tests.wire.askers import FastClock
from tests.wire.server import Authority, Seen, Server, as_json, serving

HOST = "site.example"
LOGIN = {"username": "u", "password": "login-canary"}


class Rebinding:
    """Names, whose owner may change where they lead; and both machines, on one port."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.attacked = False
        self.looked_up = 0

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if host in {HOST, HOST.encode()}:
            self.looked_up += 1
            host = "127.0.0.2" if self.attacked else "127.0.0.1"
        return self.real(host, port, *args, **named)

    real = staticmethod(socket.getaddrinfo)


@pytest.fixture(params=["another name", "nobody's authority", "expected name at plain http"])
def stage(
    request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[tuple[Rebinding, Server, Server]]:
    """The names, the site, and the attacker's machine behind the same name and port."""
    names = Rebinding(authority)
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    others: dict[str, Callable[[], Any]] = {
        "another name": lambda: authority.server("evil.test"),
        "nobody's authority": lambda: Authority(tmp_path).server(HOST),
        "expected name at plain http": lambda: None,
    }

    def answer(seen: Seen) -> bytes:
        root = f"https://{HOST}:{site.port}"
        entry = {"url": f"{root}/influxdb/", "database": "efd", "schema_registry": f"{root}/schema-registry/"}
        if seen.path.endswith("/discovery"):
            pointer = {"credentials_url": f"{root}/repertoire/discovery/influxdb/x"}
            return as_json(json.dumps({"applications": ["good"], "influxdb_databases": {"x": entry | pointer}}))
        return as_json("[]" if "subjects" in seen.path else json.dumps(entry | LOGIN))

    with serving(answer, tls=authority.server(HOST)) as site:
        evil = Server(answer, tls=others[request.param](), host="127.0.0.1")
        evil._socket.close()
        evil._socket = socket.create_server(("127.0.0.2", site.port))
        with evil:
            yield names, site, evil


def renewed(attack: Callable[[], None], base: str) -> None:
    """The document is fetched, and again after the attack."""
    client = SyncDiscoveryClient(base_url=base, cache_timeout=timedelta(0), stale_timeout=timedelta(0))
    client._clock = FastClock()
    client.discovery()
    attack()
    client.discovery()


def renewed_async(attack: Callable[[], None], base: str) -> None:
    async def main() -> None:
        client = DiscoveryClient(base_url=base, cache_timeout=timedelta(0), stale_timeout=timedelta(0))
        client._clock = FastClock()
        await client.discovery()
        attack()
        await client.discovery()

    asyncio.run(main())


def bought(attack: Callable[[], None], base: str) -> None:
    """The document is the site's, the token goes out after the attack."""
    client = SyncDiscoveryClient(base_url=base)
    client._clock = FastClock()
    client.discovery()
    attack()
    client.influxdb_credentials("x", TOKEN)


def bought_async(attack: Callable[[], None], base: str) -> None:
    async def main() -> None:
        client = DiscoveryClient(base_url=base)
        client._clock = FastClock()
        await client.discovery()
        attack()
        await client.list_influxdb_credentials(TOKEN)

    asyncio.run(main())


def asked(attack: Callable[[], None], base: str) -> None:
    """The login is the site's, the query goes out after the attack."""
    reach = Reach.named(Url(base), said_by="a test")
    discovery = SyncDiscoveryClient(base_url=base)
    login = Keeper(RepertoireLogin(discovery, ("x",), Keeper(Argument(Secret(TOKEN), reach))))
    login.get()
    attack()
    client = telemetry("usdf", "efd", login)
    client._clock = FastClock()
    client.query("SHOW DATABASES")


def registry(attack: Callable[[], None], base: str) -> None:
    info = SyncDiscoveryClient(base_url=base).require_influxdb_connection_info("x")
    made = SyncSchemaRegistry(info)
    made._clock = FastClock()
    attack()
    made.topics()


CLIENTS = {
    "document": renewed,
    "document, async": renewed_async,
    "token": bought,
    "token, async": bought_async,
    "login": asked,
    "registry": registry,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_e15_the_name_in_the_certificate_counts_and_not_where_the_name_leads(
    stage: tuple[Rebinding, Server, Server], client: str
) -> None:
    names, site, evil = stage

    def attack() -> None:
        # Also those connections end that were made before: a new look-up is what the attacker waits for.
        names.attacked = True
        _hang_up(site)

    with pytest.raises(SkykeyError):
        CLIENTS[client](attack, f"https://{HOST}:{site.port}/repertoire")
    print(f"E15 {client}: {names.looked_up} look-ups, {evil.connections} connections there, {len(evil.seen)} requests")
    assert evil.connections > 0
    assert evil.seen == []
    assert site.seen


def _hang_up(server: Server) -> None:
    with server._lock:
        remaining = list(server._open)
    for connection in remaining:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


def test_e15_a_name_is_not_asked_for_by_plain_http(
    stage: tuple[Rebinding, Server, Server],
) -> None:
    names, site, evil = stage
    names.attacked = True
    with pytest.raises(SkykeyError, match="plain http"):
        SyncDiscoveryClient(base_url=f"http://{HOST}:{site.port}/repertoire")
    assert evil.connections == 0


def test_e15_a_naive_client_fails(stage: tuple[Rebinding, Server, Server]) -> None:
    """One that leaves it to the look-up: the address was the right one when it was checked."""
    import httpx2

    names, site, evil = stage
    plain = evil._tls is None
    base = f"http{'' if plain else 's'}://{HOST}:{site.port}/repertoire"
    assert names.getaddrinfo(HOST, site.port)[0][4][0] == "127.0.0.1"
    names.attacked = True
    with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}, verify=False) as session:
        session.get(f"{base}/discovery")
    sent = [seen for seen in evil.seen if TOKEN in seen.text]
    print(f"E15 naive: {len(sent)} requests with the token at the attacker's machine")
    assert sent
