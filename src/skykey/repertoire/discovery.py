"""Asking Repertoire what is where, and buying telemetry logins with a token: the documented clients."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from skykey.calls.faces import Async, Sync
from skykey.repertoire.buying import BuyingFlows

if TYPE_CHECKING:
    import os

    from skykey.repertoire.documents import Logger
    from skykey.wire.guest import ClientObject

_NEVER = timedelta(0)


class DiscoveryFlows(BuyingFlows):
    """Lookups in one environment's discovery document, remembered for a while.

    Parameters
    ----------
    base_url
        Repertoire's root, such as ``https://rsp.example.org/repertoire``. By default the variable
        ``REPERTOIRE_BASE_URL``, else ``EXTERNAL_INSTANCE_URL`` with ``/repertoire`` behind it. Without any of them the
        file that lies in notebooks is read, ``/etc/nublado/discovery/v1.json``; no login can be bought then.
    cache_timeout
        How long a document counts as fresh.
    logger
        For warnings; by default ``logging.getLogger("skykey.repertoire")``.
    stale_timeout
        Up to which age the last good document is served when it cannot be refreshed.
    fallback
        What to read when there is none: a file, or the URL of a copy. The notebook's file comes after it, for the site
        that it belongs to. A fallback says where things are, and never where a token may go.
    strict
        Whether one entry that cannot be read makes the whole document an error. Otherwise it is left out, with a
        warning that names it.
    credentials_timeout
        How long a login is remembered in memory, for the token that bought it; not at all by default. `forget` drops
        them, which is what to do after a 401 from the database.

    Raises
    ------
    RepertoireUrlError
        If nothing names the root, or what names it is not a URL (`RepertoireBadUrl`). Nothing is requested here.
    RepertoireOutOfReach
        If it is plain http and not a loopback address.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        cache_timeout: timedelta = timedelta(minutes=5),
        logger: Logger | None = None,
        stale_timeout: timedelta = timedelta(hours=24),
        fallback: str | os.PathLike[str] | None = None,
        strict: bool = False,
        credentials_timeout: timedelta = _NEVER,
    ) -> None:
        super().__init__(
            base_url=base_url,
            cache_timeout=cache_timeout,
            logger=logger,
            stale_timeout=stale_timeout,
            fallback=fallback,
            strict=strict,
        )
        self._login_seconds = credentials_timeout.total_seconds()
        self._logins = {}


class SyncDiscoveryClient(DiscoveryFlows, Sync):
    """Discovery for blocking programs.

    Parameters
    ----------
    base_url, cache_timeout, logger, stale_timeout, fallback, strict, credentials_timeout
        See `DiscoveryFlows`.

    Examples
    --------
    >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
    >>> client.base_url
    'https://rsp.example.org/repertoire'
    """

    def close(self) -> None:
        """Nothing to do: connections belong to the process. Here so that the client works in a ``with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DiscoveryClient(DiscoveryFlows, Async):
    """Discovery for asynchronous programs: the documented class of ``rubin.repertoire``.

    Parameters
    ----------
    http_client
        An ``httpx.AsyncClient`` (or ``httpx2``'s) to send requests through; it is used for plain requests only, follows
        no redirects for us, adds no authentication, and is never closed. By default the process's own connections.
    base_url, cache_timeout, logger, stale_timeout, fallback, strict, credentials_timeout
        See `DiscoveryFlows`.

    Examples
    --------
    >>> import asyncio
    >>> async def main() -> list[str]:
    ...     discovery = DiscoveryClient()  # REPERTOIRE_BASE_URL
    ...     return await discovery.influxdb_databases()
    """

    def __init__(
        self,
        http_client: ClientObject | None = None,
        *,
        base_url: str | None = None,
        cache_timeout: timedelta = timedelta(minutes=5),
        logger: Logger | None = None,
        stale_timeout: timedelta = timedelta(hours=24),
        fallback: str | os.PathLike[str] | None = None,
        strict: bool = False,
        credentials_timeout: timedelta = _NEVER,
    ) -> None:
        super().__init__(
            base_url=base_url,
            cache_timeout=cache_timeout,
            logger=logger,
            stale_timeout=stale_timeout,
            fallback=fallback,
            strict=strict,
            credentials_timeout=credentials_timeout,
        )
        if http_client is not None:
            from skykey.wire.guest import GuestClient

            self._carrier = GuestClient(http_client)

    async def aclose(self) -> None:
        """Nothing to do: connections belong to the process or to the given client."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
