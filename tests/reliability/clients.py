"""The clients that the rows on origins are tried on. A later client adds its line to `CLIENTS`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.rubin.influx_query import telemetry
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import naive
from tests.reliability.naive import KEY, TOKEN
from tests.wire.askers import Asker, AsyncAsker, FastClock, Fixed, api_key, bearer, get

HOME = "https://site.example"


def core(url: str) -> None:
    """A bearer and a key in a header of its own."""
    asker = Asker()
    asker._clock = FastClock()
    asker.ask(get(url, auth=(bearer(HOME, token=TOKEN), api_key(HOME, key=KEY))))


def core_async(url: str) -> None:
    asker = AsyncAsker()
    asker._clock = FastClock()
    asyncio.run(asker.ask(get(url, auth=(bearer(HOME, token=TOKEN), api_key(HOME, key=KEY)))))


def repertoire(url: str) -> None:
    """The call that carries the site's token."""
    client = SyncDiscoveryClient(base_url=url)
    client._clock = FastClock()
    client.list_influxdb_credentials(TOKEN)


def repertoire_async(url: str) -> None:
    client = DiscoveryClient(base_url=url)
    client._clock = FastClock()
    asyncio.run(client.list_influxdb_credentials(TOKEN))


def influxdb(url: str) -> None:
    """A login that was bought, in a query."""
    login = Basic("login-canary", Secret("login-canary"), Reach.named(Url(HOME), said_by="a test"))
    provider = Fixed(lambda _: login)
    provider.obtain = lambda held, ask: Held(login, "a test", facts=MappingProxyType({"url": url}))  # type: ignore[method-assign]
    client = telemetry("usdf", "efd", Keeper(provider))
    client._clock = FastClock()
    client.query("SHOW DATABASES")


Client = Callable[[str], Any]
CLIENTS: dict[str, Client] = {
    "core": core,
    "core-async": core_async,
    "repertoire": repertoire,
    "repertoire-async": repertoire_async,
    "influxdb": influxdb,
}
NAIVE: Client = naive.fetch
