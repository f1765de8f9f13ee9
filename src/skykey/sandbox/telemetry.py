"""The InfluxDB of both origins, over one copy of the data.

Reading the data takes longer than everything else together. It happens on a thread while the sandbox already
answers, and only a query that comes too early waits for it.
"""

import asyncio
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.sandbox.influxdb.store import Store


def _load() -> "Store":
    from skykey.sandbox.influxdb.bundled import load

    return load()


class Telemetry:
    """The data, and the servers of it."""

    def __init__(self) -> None:
        self._store: asyncio.Task[Store] | None = None

    def load(self) -> None:
        """Begin to read the data. Queries do it too, so this is only to be early."""
        self._store = self._store or asyncio.create_task(asyncio.to_thread(_load), name="telemetry")

    def app(self, logins: "Mapping[str, str]") -> ASGIApp:
        """Return the routes of one server, which admits ``logins``."""
        ready: ASGIApp | None = None

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal ready
            if ready is None:
                from skykey.sandbox.influxdb import InfluxService

                # Shielded: a client that goes away while it waits must not end the loading for all.
                self.load()
                assert self._store is not None  # noqa: S101 (load has just made it)
                ready = InfluxService(logins, await asyncio.shield(self._store)).app
            await ready(scope, receive, send)

        return served

    async def close(self) -> None:
        """Wait for the data, which cannot be interrupted, and let it go."""
        if self._store is not None:
            await asyncio.gather(self._store, return_exceptions=True)
