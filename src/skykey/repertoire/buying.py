"""The documented ways of buying telemetry logins with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.faces import method
from skykey.calls.flow import Flow, need
from skykey.calls.memo import Memo
from skykey.repertoire import finding, token_shape
from skykey.repertoire.advice import Advice, token_page
from skykey.repertoire.efdauth import InfluxLogins
from skykey.repertoire.exceptions import (
    RepertoireBadToken,
    RepertoireError,
    RepertoireForbidden,
    RepertoireNotAuthenticated,
    RepertoireOutOfReach,
    RepertoireRateLimited,
    RepertoireUnknownName,
    RepertoireUrlError,
    RepertoireWebError,
)
from skykey.repertoire.finding import or_none
from skykey.repertoire.lookups import LookupFlows
from skykey.repertoire.token_argument import closed, keeper_of
from skykey.values.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.keeper import Keeper
    from skykey.repertoire.models import InfluxDatabaseWithCredentials, InfluxDatabaseWithPointer
    from skykey.repertoire.token_argument import TokenArgument
    from skykey.values.secret import Secret
    from skykey.values.url import Url

T = TypeVar("T")

SCOPE: Final = "read:sasquatch"
_MOST_LOGINS: Final = 100
_BROKEN: Final = 500  # one missing file on the server makes the whole list a 500
# What says something about the token, and will be the same for each label.
_ABOUT_THE_TOKEN = (RepertoireBadToken, RepertoireNotAuthenticated, RepertoireForbidden, RepertoireRateLimited)


class BuyingFlows(LookupFlows):
    """Logins of telemetry databases.

    A token goes to the origin of the base URL and nowhere else, whatever a document says. What clearly is none is
    refused before anything is sent.
    """

    _login_seconds: float
    _logins: dict[tuple[str, str], Memo[InfluxDatabaseWithCredentials | None]]

    @method
    def influxdb_credentials(self, database: str, token: TokenArgument) -> Flow[InfluxDatabaseWithCredentials | None]:
        """Buy a database's login with a token (``GET`` of the document's ``credentials_url``).

        Parameters
        ----------
        database
            Its label.
        token
            A Gafaelfawr token of this site with the scope ``read:sasquatch``: its text, pydantic's ``SecretStr`` of
            it, the ``pathlib.Path`` of its file, or a function that finds it. File and function are asked once more if
            the site refuses what they gave.

        Returns
        -------
        InfluxDatabaseWithCredentials or None
            None if there is no such label. The password is masked until ``get_secret_value()``.

        Raises
        ------
        RepertoireWebError
            401, 403 (``required_scopes`` names what is missing), 404, 429 (``retry_after``), …
        RepertoireOutOfReach
            If the document names another origin for it, or the login is for an address nearer than the site's.
        RepertoireBadToken
            If the token's text clearly is no token; it is not shown.

        Examples
        --------
        >>> from skykey.repertoire import SyncDiscoveryClient
        >>> client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
        >>> login = client.influxdb_credentials("usdf_efd", "gt-…")  # doctest: +SKIP
        >>> login.url, login.username, login.password.get_secret_value()  # doctest: +SKIP
        """
        given = closed(token)
        del token  # tracebacks show local variables
        keeper = self._keeper(given)
        if self._login_seconds <= 0:
            return (yield from self._login(database, keeper))
        memo = self._remembered(database, (yield from need(keeper)).credential.token)
        login = yield from memo.flow(lambda: self._login(database, keeper), SYSTEM_CLOCK)
        if login is None:
            memo.forget()
        return login

    @method
    def require_influxdb_credentials(self, database: str, token: TokenArgument) -> Flow[InfluxDatabaseWithCredentials]:
        """As `influxdb_credentials`; `RepertoireUnknownName` in place of None."""
        flow = self.influxdb_credentials(database, token)
        del token  # tracebacks show local variables
        login = yield from flow
        if login is None:
            finding.database((yield from self.discovery()), database)  # says why
            raise RepertoireUnknownName(f"there is no telemetry database {database!r}")
        return login

    @method
    def get_influxdb_connection_info(
        self, database: str, token: TokenArgument
    ) -> Flow[InfluxDatabaseWithCredentials | None]:
        """Same as `influxdb_credentials`, under the name of rubin.repertoire 0.2 and 0.3 (seed 001)."""
        flow = self.influxdb_credentials(database, token)
        del token  # tracebacks show local variables
        return (yield from flow)

    @method
    def list_influxdb_credentials(self, token: TokenArgument) -> Flow[InfluxLogins]:
        """Buy all logins at once (``GET {base}/discovery/influxdb``).

        One login that the server cannot read makes the whole list fail there (500); the labels are asked for one by one
        then.

        Parameters
        ----------
        token
            As in `influxdb_credentials`.

        Returns
        -------
        InfluxLogins
            A mapping of label to database with login; ``failed`` says which labels are missing and why, and
            ``save_efdauth`` writes the file for EFD clients.

        Raises
        ------
        RepertoireWebError, RepertoireValidationError, RepertoireBadToken
            As `influxdb_credentials`.
        """
        given = closed(token)
        del token  # tracebacks show local variables
        return (yield from self._list(self._keeper(given)))

    @method
    def logins(self, keeper: Keeper[Bearer]) -> Flow[InfluxLogins]:
        """As `list_influxdb_credentials`, with a token that is kept fresh.

        Raises
        ------
        RepertoireWebError, RepertoireValidationError, RepertoireOutOfReach, CredentialError
            As `login`.
        """
        return (yield from self._list(keeper))

    @method
    def login(self, database: str, keeper: Keeper[Bearer]) -> Flow[InfluxDatabaseWithCredentials | None]:
        """As `influxdb_credentials`, with a token that is kept fresh, and never from memory.

        Raises
        ------
        RepertoireWebError, RepertoireOutOfReach
            As there; also, before anything is sent, if the keeper's token belongs to another site.
        CredentialError
            If the keeper has no token to give.
        """
        return (yield from self._login(database, keeper))

    def forget(self) -> None:
        """Ask the service anew next time, whatever is remembered: the document, and logins."""
        super().forget()
        self._logins.clear()

    # -- how

    def _list(self, keeper: Keeper[Bearer]) -> Flow[InfluxLogins]:
        if self.base_url is None:
            raise RepertoireUrlError("nothing says where logins are sold: there is only a file")
        token = yield from self._home(keeper)
        url = self.base_url / "discovery/influxdb"
        try:
            sold, failed = yield from self._sold(url, self._read_list, keeper, token)
        except RepertoireWebError as problem:
            if problem.status != _BROKEN:
                raise
            return (yield from self._one_by_one(keeper, token, problem))
        return self._told_of(InfluxLogins(sold, failed))

    def _login(self, database: str, keeper: Keeper[Bearer]) -> Flow[InfluxDatabaseWithCredentials | None]:
        token = yield from self._home(keeper)
        found = yield from self.discovery()
        entry = or_none(lambda: finding.database(found, database))
        return None if entry is None else (yield from self._buy(database, entry, keeper, token))

    def _home(self, keeper: Keeper[Bearer]) -> Flow[Secret]:
        """The token that is about to be sent, which belongs to this site."""
        held = yield from need(keeper)
        check_home(held, self.base_url)
        return held.credential.token

    def _buy(
        self, database: str, entry: InfluxDatabaseWithPointer, keeper: Keeper[Bearer], token: Secret
    ) -> Flow[InfluxDatabaseWithCredentials]:
        if not self._reach.admits(entry.credentials_url):
            raise RepertoireOutOfReach(
                f"the document of {self._named} sends the token for {database} to {entry.credentials_url.origin}",
                next=f"to trust that origin, name it: REPERTOIRE_BASE_URL={entry.credentials_url.origin}/repertoire",
            )
        return (yield from self._sold(entry.credentials_url, self._read_login, keeper, token))

    def _sold(self, url: Url, make: Callable[[Any], T], keeper: Keeper[Bearer], token: Secret) -> Flow[T]:
        """Ask with the token; a refusal says what to do about it."""
        site = url if self.base_url is None else self.base_url
        advice = Advice(site, (SCOPE,), is_odd=not token_shape.has_shape(token))
        try:
            return (yield from self._ask(url, make, (keeper,), advice.remedy()))
        except RepertoireWebError as problem:
            advice.give(problem)
            raise

    def _one_by_one(self, keeper: Keeper[Bearer], token: Secret, problem: RepertoireWebError) -> Flow[InfluxLogins]:
        known = (yield from self.discovery()).influxdb_databases
        sold: dict[str, InfluxDatabaseWithCredentials] = {}
        failed: dict[str, RepertoireError] = {}
        for label, entry in known.items():
            try:
                sold[label] = yield from self._buy(label, entry, keeper, token)
            except _ABOUT_THE_TOKEN:
                raise
            except RepertoireError as other:
                failed[label] = other
        if not sold:
            raise problem
        return self._told_of(InfluxLogins(sold, failed))

    def _told_of(self, logins: InfluxLogins) -> InfluxLogins:
        for label, problem in logins.failed.items():
            self._warn(f"{self.base_url}: there is no login for {label}, because {problem.message}")
        return logins

    def _read_login(self, document: Any) -> InfluxDatabaseWithCredentials:
        from skykey.repertoire.reading import read_credentials

        return read_credentials(document, base=self.base_url)

    def _read_list(self, document: Any) -> Any:
        from skykey.repertoire.reading import read_credentials_list

        return read_credentials_list(document, base=self.base_url)

    def _keeper(self, given: Any) -> Keeper[Bearer]:
        page = "the site's page /auth/tokens" if self.base_url is None else token_page(self.base_url)
        return keeper_of(given, self._reach, page)

    def _remembered(self, database: str, token: Secret) -> Memo[InfluxDatabaseWithCredentials | None]:
        key = database, token.digest("sha256")
        if key not in self._logins and len(self._logins) >= _MOST_LOGINS:
            self._logins.clear()
        return self._logins.setdefault(key, Memo(self._login_seconds))


def check_home(token: Held[Bearer], base: Url | None) -> None:
    """See that a token belongs to a site, before anything is asked there.

    Raises
    ------
    RepertoireOutOfReach
        If it belongs to another one.
    """
    reach = token.credential.reach
    if base is not None and not reach.admits(base):
        homes = ", ".join(sorted(map(str, reach.origins)))
        raise RepertoireOutOfReach(
            f"the token belongs to {homes} (by {reach.said_by}), and {base.origin} is another site",
            next=f"create a token at {token_page(base)}",
        )
