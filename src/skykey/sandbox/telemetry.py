"""The InfluxDB of both origins, over one copy of the data.

Logins that are handed out only read, as those of the sites do. Beside each account ``…reader`` there is a ``…writer``
with the same password, for whoever wants data of their own in the sandbox.

Reading the data takes longer than everything else together. It happens on a thread while the sandbox already
answers, and only a query that comes too early waits for it.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from skykey.sandbox.influxdb.store import Store


def _load() -> "Store":
    from skykey.sandbox.influxdb.bundled import load

    return load()


def writer(reader: str) -> str:
    """Return the name of the account that may write beside this one."""
    return f"{reader.removesuffix('reader')}writer"


class _Accounts(Mapping[str, str]):
    """Logins, and beside each of them that of its writer."""

    def __init__(self, logins: Mapping[str, str]) -> None:
        self._logins = logins

    def __getitem__(self, name: str) -> str:
        return self._logins[{writer(reader): reader for reader in self._logins}.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._logins, *map(writer, self._logins)])

    def __len__(self) -> int:
        return 2 * len(self._logins)


class Telemetry:
    """The data, and the servers of it."""

    def __init__(self) -> None:
        self._store: asyncio.Task[Store] | None = None

    def load(self) -> None:
        """Begin to read the data. Queries do it too, so this is only to be early."""
        self._store = self._store or asyncio.create_task(asyncio.to_thread(_load), name="telemetry")

    def app(self, logins: Mapping[str, str]) -> ASGIApp:
        """Return the routes of one server, which admits ``logins``, and lets their writers write."""
        ready: ASGIApp | None = None

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal ready
            if ready is None:
                from skykey.sandbox.influxdb import InfluxService

                # Shielded: a client that goes away while it waits must not end the loading for all.
                self.load()
                assert self._store is not None  # noqa: S101 (load has just made it)
                store, writers = await asyncio.shield(self._store), [writer(reader) for reader in logins]
                ready = InfluxService(_Accounts(logins), store, writers).app
            await ready(scope, receive, send)

        return served

    async def close(self) -> None:
        """Wait for the data, which cannot be interrupted, and let it go."""
        if self._store is not None:
            await asyncio.gather(self._store, return_exceptions=True)
