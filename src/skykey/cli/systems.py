"""What the command serves: a new system is one line in `SYSTEMS`, and a module that gives a `System`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from skykey.cli.lazy import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from skykey.credentials.chain import Chain
    from skykey.credentials.keeper import Keeper

SYSTEMS: Final = {
    "rubin": Entry("skykey.cli.rubin.system:RUBIN", "Rubin Observatory: telemetry as tables and pictures."),
}


@dataclass(frozen=True, slots=True)
class Where:
    """The site that is meant, and who said so."""

    name: str
    url: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a site says about a credential; times in seconds since 1970, UTC, None if it never ends."""

    username: str
    token_type: str
    token_name: str | None
    scopes: tuple[str, ...]
    created: int | None
    expires: int | None


class Account(Protocol):
    """The credential of one site: where it is looked for, and who can say whose it is."""

    @property
    def where(self) -> Where:
        """The site."""
        ...

    @property
    def chain(self) -> Chain[Any]:
        """Its sources, all local."""
        ...

    @property
    def keeper(self) -> Keeper[Any]:
        """Of that chain."""
        ...

    def ask(self) -> Identity:
        """Ask the site whose credential it is."""
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
