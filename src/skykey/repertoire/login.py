"""A telemetry login that a site's token buys: a credential derived from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.repertoire.buying import check_home
from skykey.repertoire.exceptions import RepertoireError, RepertoireValidationError, RepertoireWebError
from skykey.values.errors import (
    CredentialError,
    Failed,
    Forbidden,
    NoCredential,
    NotAuthenticated,
    NotFound,
    Overloaded,
    RateLimited,
    SkykeyError,
    TransportError,
    Unavailable,
    Unreadable,
)
from skykey.values.life import LOOK_AGAIN, Life
from skykey.values.reach import Reach
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.repertoire.discovery import SyncDiscoveryClient

# What says nothing against the token: another place may be asked.
_AWAY: Final = (
    Forbidden,
    NotFound,
    Overloaded,
    RateLimited,
    RepertoireValidationError,
    TransportError,
    Unreadable,
)
_BROKEN: Final = 500


@dataclass(frozen=True, slots=True)
class RepertoireLogin:
    """Finds a database in the site's discovery document and buys its login.

    The login is bound to the database's own origin; the token stays within its own reach. Logins live in memory only,
    and belong to the token that bought them: when that changes, the login is bought anew.

    Parameters
    ----------
    discovery
        The site's Repertoire.
    labels
        Names of the database, best first.
    token
        What buys it.
    without_token
        Whether a missing token lets the search go on (there is another place to ask) or ends it.
    """

    discovery: SyncDiscoveryClient
    labels: tuple[str, ...]
    token: Keeper[Bearer]
    without_token: bool = False

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return f"the login for {self.labels[0]} from {self.discovery.base_url}"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.IN_PROCESS

    def obtain(self, held: Held[Basic] | None, ask: Ask, /) -> Held[Basic]:
        """Ask the document for the label, then the site for the login.

        Raises
        ------
        Unavailable
            If this site has no such database, does not let this token have it, is away or broken.
        Failed
            If it does not accept the token, or what was found in a token's place is unusable.
        OutOfReach
            If the token belongs to another site; nothing is asked then.
        """
        try:
            # Before anything is asked at the site: a token of another one has no business there.
            token = self._token(ask)
            label = self._label()
            if isinstance(token, CredentialError):
                raise token
            found = self.discovery.login(label, self.token)
        except NotAuthenticated as problem:
            raise Failed(
                f"the token was not accepted: {problem.message}", words=problem.words, next=problem.next
            ) from problem
        except NoCredential as problem:
            if self.without_token:
                raise Unavailable("it needs a token, and there is none") from problem
            raise
        except RepertoireError as problem:
            if not _is_away(problem):
                raise
            raise Unavailable(_in_short(problem)) from problem
        if found is None:
            raise Unavailable(f"the site lists no telemetry database {label}")
        if found.username is None or found.password is None:
            raise Failed(f"the site gives no login for {label}")
        said_by = f"the discovery document of {self.discovery.base_url}"
        login = Basic(
            found.username,
            Secret(found.password.get_secret_value()),
            Reach.discovered(found.url, within=token.credential.reach, said_by=said_by),
            Life(look_again=LOOK_AGAIN),
        )
        facts = {
            "label": label,
            "url": str(found.url),
            "database": found.database,
            "schema_registry": str(found.schema_registry),
            "creds_from": "repertoire",
        } | ({"local": "true"} if found.local else {})
        return Held(login, self.name, mark=token.generation, facts=facts)

    def _label(self) -> str:
        """The best of the names that the site lists."""
        listed = self.discovery.influxdb_databases()
        label = next((label for label in self.labels if label in listed), None)
        if label is None:
            import difflib

            near = difflib.get_close_matches(self.labels[0], listed, n=3)
            raise Unavailable(
                f"the site lists no telemetry database {self.labels[0]}" + (f", only {', '.join(near)}" if near else "")
            )
        return label

    def _token(self, ask: Ask) -> Held[Bearer] | CredentialError:
        try:
            token = self.token.get(ask.deadline)
        except Failed:
            raise  # what is there and unusable is said before anybody is asked anything
        except CredentialError as problem:
            return problem  # which matters only if the site lists the database
        check_home(token, self.discovery.base_url)
        return token

    def changed(self, held: Held[Basic], /) -> bool:
        """Whether the token is another one than the one that bought this login."""
        return not isinstance(held.mark, int) or self.token.differs(held.mark)


def _is_away(problem: RepertoireError) -> bool:
    broken = isinstance(problem, RepertoireWebError) and problem.status is not None and problem.status >= _BROKEN
    return broken or isinstance(problem, _AWAY)


def _in_short(problem: SkykeyError) -> str:
    said = problem.message if problem.words is None else f"{problem.message}: {problem.words}"
    # Of a source that is passed over only this sentence is left; what the token lacks can be mended.
    return f"{said}; {problem.next}" if isinstance(problem, Forbidden | Unreadable) and problem.next else said
