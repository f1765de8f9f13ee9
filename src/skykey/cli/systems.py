"""What the command serves: a new system is one line in `SYSTEMS`, and a module that gives a `System`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from skykey.cli.lazy import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from skykey.credentials.explanation import Explanation
    from skykey.credentials.keeper import Keeper

SYSTEMS: Final = {
    "rubin": Entry("skykey.cli.rubin.system:RUBIN", "Rubin Observatory: telemetry as tables and pictures."),
    "descarteslabs": Entry("skykey.cli.descarteslabs.system:DESCARTESLABS", "Descartes Labs: log in and out."),
    "earthone": Entry("skykey.cli.descarteslabs.system:EARTHONE", "EarthOne: log in and out."),
    "gracedb": Entry("skykey.cli.gracedb.system:GRACEDB", "GraceDB: search, read, upload and annotate candidates."),
}


@dataclass(frozen=True, slots=True)
class Where:
    """The site that is meant, and who said so."""

    name: str
    url: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose a credential is; times in seconds since 1970, UTC, None if it never ends.

    It is what the site says, or (`verified` is False) what the token says of itself, which nobody has checked.
    """

    username: str
    token_type: str
    token_name: str | None
    scopes: tuple[str, ...]
    created: int | None
    expires: int | None
    verified: bool = True


class Account(Protocol):
    """The credential of one site: where it is looked for, and who can say whose it is."""

    @property
    def where(self) -> Where:
        """The site."""
        ...

    @property
    def keeper(self) -> Keeper[Any]:
        """Who keeps it fresh."""
        ...

    @property
    def early(self) -> float:
        """How many seconds before its end it is renewed, unless its whole life is shorter."""
        ...

    @property
    def remedy(self) -> str:
        """What to type or do to get a new one."""
        ...

    def explain(self) -> Explanation:
        """Look at every place where it may lie, also at those that do not count. Local; nothing is requested."""
        ...

    def find(self) -> None:
        """Look for it as a program does, and raise what a program would meet. Local, as `explain`."""
        ...

    def ask(self) -> Identity:
        """Ask the site whose it is."""
        ...


@dataclass(frozen=True, slots=True)
class System:
    """What a system brings to the command.

    Parameters
    ----------
    account
        From ``--site`` and ``--tokenfile`` (None where they are not given) to an account.
    sites
        The names that ``--site`` takes.
    commands
        The system's own group: ``skykey rubin …``.
    """

    account: Callable[[str | None, str | None], Account]
    sites: Callable[[], Iterable[str]]
    commands: click.Group


def system(name: str) -> System:
    """Load one of `SYSTEMS`."""
    loaded: System = SYSTEMS[name].load()
    return loaded
