"""Asking Repertoire what is where, and buying telemetry logins with a token."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, ask
from skykey.calls.json_reader import JsonReader
from skykey.calls.memo import Memo
from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire.exceptions import RepertoireOutOfReach, RepertoireUrlError, as_web_error
from skykey.repertoire.models import (
    Discovery,
    InfluxDatabase,
    InfluxDatabaseWithCredentials,
    read_credentials,
    read_credentials_list,
    read_discovery,
)
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import OutOfReach, ServiceError, SkykeyError, TransportError
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from skykey.credentials.credential import Bearer
    from skykey.wire.guest import ClientObject

T = TypeVar("T")

# A discovery document has some kilobytes. Beyond these limits it is something else, or an attack.
_MOST_BYTES = 2**20
_MOST_SECONDS = 10.0
_STALE = timedelta(hours=1)
_TOKEN_REMEDY = "skykey why rubin  (the token needs the scope read:sasquatch)"  # noqa: S105 - no password


class Logger(Protocol):
    """What is used of a logger; ``logging`` and ``structlog`` loggers fit."""

    def warning(self, event: str, /) -> Any:
        """Record a warning."""
        ...


class DiscoveryFlows:
    """Lookups in one environment's discovery document, remembered for a while.

    Parameters
    ----------
    base_url
        Repertoire's root, such as ``https://rsp.example.org/repertoire``. By default the variable
        ``REPERTOIRE_BASE_URL``, else ``EXTERNAL_INSTANCE_URL`` with ``/repertoire`` behind it.
    cache_timeout
        How long a document counts as fresh. When it cannot be refreshed, it is served up to an age of one hour, with
        a warning.
    logger
        For that warning.

    Raises
    ------
    RepertoireUrlError
        If nothing names the root. Nothing is requested here.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        cache_timeout: timedelta = timedelta(minutes=5),
        logger: Logger | None = None,
    ) -> None:
        self.base_url = _base_url(base_url)
        # Plain http is refused here already: a document that was changed on the way could name any host.
        self._reach = Reach.named(self.base_url, said_by=f"the base URL {self.base_url}")
        self._logger = logger
        self._document: Memo[Discovery] = Memo(
            cache_timeout.total_seconds(), stale=_STALE.total_seconds(), warn=self._served_old
        )

    @method
    def discovery(self) -> Flow[Discovery]:
        """Get the discovery document (``GET {base}/discovery``, anonymous).

        Returns
        -------
        Discovery
            The typed part, and the whole in ``document``.

        Raises
        ------
        RepertoireWebError
            For refusals and transport problems; each is also the precise class, such as `Forbidden` or `TimedOut`.
        RepertoireValidationError
            If it is not what was promised.

        Examples
        --------
        >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
        >>> client.discovery().environment_name  # doctest: +SKIP
        """
        return (yield from self._document.flow(self._fetch, SYSTEM_CLOCK))

    @method
    def influxdb_databases(self, *, local: bool | None = None) -> Flow[list[str]]:
        """List the labels of telemetry databases whose login can be bought here.

        Parameters
        ----------
        local
            True for those hosted in this environment, False for others, None for all.

        Returns
        -------
        list of str
            Sorted.

        Raises
        ------
        RepertoireWebError, RepertoireValidationError
            As `discovery`.
        """
        known = (yield from self.discovery()).influxdb_databases
        return sorted(label for label, entry in known.items() if local is None or entry.local is local)

    @method
    def influxdb_connection_info(self, database: str) -> Flow[InfluxDatabase | None]:
        """Say where a database is, without its login; no token is needed.

        Parameters
        ----------
        database
            Its label.

        Returns
        -------
        InfluxDatabase or None
            None if there is no such label.

        Raises
        ------
        RepertoireWebError, RepertoireValidationError
            As `discovery`.
        """
        entry = (yield from self.discovery()).influxdb_databases.get(database)
        if entry is None:
            return None
        return InfluxDatabase(entry.url, entry.database, entry.schema_registry, entry.local, entry.description)

    @method
    def influxdb_credentials(self, database: str, token: str | Secret) -> Flow[InfluxDatabaseWithCredentials | None]:
        """Buy a database's login with a token (``GET`` of the document's ``credentials_url``).

        Parameters
        ----------
        database
            Its label.
        token
            A Gafaelfawr token with the scope ``read:sasquatch``. It goes to the origin of the base URL and nowhere
            else, whatever the document says.

        Returns
        -------
        InfluxDatabaseWithCredentials or None
            None if there is no such label. The password is masked until ``get_secret_value()``.

        Raises
        ------
        RepertoireWebError
            401, 403 (``scopes`` names what is missing), 404, …
        RepertoireOutOfReach
            If the document names another origin for it.
        Failed
            If the token's text cannot be a token.

        Examples
        --------
        >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
        >>> login = client.influxdb_credentials("usdf_efd", "gt-…")  # doctest: +SKIP
        >>> login.url, login.username, login.password.get_secret_value()  # doctest: +SKIP
        """
        keeper = self._keeper(token)
        del token  # tracebacks show local variables
        return (yield from self.login(database, keeper))

    @method
    def get_influxdb_connection_info(
        self, database: str, token: str | Secret
    ) -> Flow[InfluxDatabaseWithCredentials | None]:
        """Same as `influxdb_credentials`, under the name of rubin.repertoire 0.2 and 0.3 (seed 001)."""
        flow = self.influxdb_credentials(database, token)
        del token  # tracebacks show local variables
        return (yield from flow)

    @method
    def list_influxdb_credentials(self, token: str | Secret) -> Flow[Mapping[str, InfluxDatabaseWithCredentials]]:
        """Buy all logins at once (``GET {base}/discovery/influxdb``).

        Parameters
        ----------
        token
            As in `influxdb_credentials`.

        Returns
        -------
        mapping
            Label to database with login.

        Raises
        ------
        RepertoireWebError, RepertoireValidationError, Failed
            As `influxdb_credentials`.
        """
        url, keeper = self.base_url / "discovery/influxdb", self._keeper(token)
        del token  # tracebacks show local variables
        return (yield from self._ask(url, read_credentials_list, (keeper,)))

    @method
    def login(self, database: str, keeper: Keeper[Bearer]) -> Flow[InfluxDatabaseWithCredentials | None]:
        """As `influxdb_credentials`, with a token that is kept fresh.

        Raises
        ------
        RepertoireWebError, RepertoireOutOfReach
            As there.
        CredentialError
            If the keeper has no token to give.
        """
        entry = (yield from self.discovery()).influxdb_databases.get(database)
        if entry is None:
            return None
        if not self._reach.admits(entry.credentials_url):
            raise RepertoireOutOfReach(
                f"the document of {self.base_url} sends the token for {database} to {entry.credentials_url.origin}",
                next=f"to trust that origin, name it: REPERTOIRE_BASE_URL={entry.credentials_url.origin}/repertoire",
            )
        return (yield from self._ask(entry.credentials_url, read_credentials, (keeper,)))

    def _keeper(self, token: str | Secret) -> Keeper[Bearer]:
        secret = token if isinstance(token, Secret) else Secret(token)
        return Keeper(Argument(secret, self._reach, name="the argument token"))

    def _fetch(self) -> Flow[Discovery]:
        return self._ask(self.base_url / "discovery", read_discovery, ())

    def _ask(self, url: Url, make: Callable[[Any], T], auth: tuple[Keeper[Bearer], ...]) -> Flow[T]:
        request = Request(
            "GET",
            url,
            (("Accept", "application/json"), ("Accept-Encoding", "gzip")),
            cap=_MOST_BYTES,
            timeouts=Timeouts(connect=5.0, silence=5.0),
        )
        call = Call(request, lambda: JsonReader(make), auth, Repeat.SAFE, total=_MOST_SECONDS, remedy=_TOKEN_REMEDY)
        with _documented():
            return (yield from ask(call))

    def _served_old(self, problem: SkykeyError) -> None:
        event = f"{self.base_url}: the last discovery document is used on, because {problem.message}"
        if self._logger is None:
            import logging

            self._logger = logging.getLogger("skykey.repertoire")
        self._logger.warning(event)


class SyncDiscoveryClient(DiscoveryFlows, Sync):
    """Discovery for blocking programs.

    Parameters
    ----------
    base_url, cache_timeout, logger
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
    base_url, cache_timeout, logger
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
    ) -> None:
        super().__init__(base_url=base_url, cache_timeout=cache_timeout, logger=logger)
        if http_client is not None:
            from skykey.wire.guest import GuestClient

            self._carrier = GuestClient(http_client)

    async def aclose(self) -> None:
        """Nothing to do: connections belong to the process or to the given client."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _base_url(argument: str | None) -> Url:
    named = (argument if argument is not None else os.environ.get("REPERTOIRE_BASE_URL", "")).strip()
    if not named and argument is None and (instance := os.environ.get("EXTERNAL_INSTANCE_URL", "").strip()):
        named = f"{instance.rstrip('/')}/repertoire"
    if not named:
        raise RepertoireUrlError
    return Url(named.rstrip("/"))


@contextlib.contextmanager
def _documented() -> Iterator[None]:
    """Raise the documented classes; the precise error is both base and cause."""
    try:
        yield
    except (ServiceError, TransportError) as problem:
        raise as_web_error(problem) from problem
    except OutOfReach as problem:
        raise RepertoireOutOfReach(problem.message, next=problem.next) from problem
