"""A token as callers hand it over: text, closed text, the path of its file, or a function that finds it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from skykey.credentials.keeper import Keeper
from skykey.credentials.sources.argument import Argument
from skykey.repertoire.exceptions import RepertoireBadToken
from skykey.repertoire.token_shape import check
from skykey.values.errors import Failed, Unavailable
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask, Keeping, Provider
    from skykey.values.reach import Reach

NAME: Final = "the argument token"


class SecretText(Protocol):
    """Text that opens as pydantic's ``SecretStr`` does."""

    def get_secret_value(self) -> str:
        """The text in clear."""
        ...


TokenArgument: TypeAlias = "str | Secret | SecretText | os.PathLike[str] | Callable[[], str | None]"
"""A token, or where it is: a file and a function are asked again when a site refuses what they gave."""


@dataclass(frozen=True, slots=True)
class _Other:
    """What is no token and leads to none."""

    kind: str


def closed(token: TokenArgument | None) -> Any:
    """Put a token out of sight, so that its caller's frame can forget it; for `keeper_of`, which raises."""
    if isinstance(token, (Secret, os.PathLike, _Other)):
        return token
    given: object = token
    if (opens := getattr(token, "get_secret_value", None)) is not None:
        given = opens()
    if isinstance(given, str):
        return Secret(given)
    return given if callable(given) else _Other(type(token).__name__)


def keeper_of(given: Any, reach: Reach, page: str) -> Keeper[Bearer]:
    """Keep what `closed` gave.

    Parameters
    ----------
    given
        The closed argument.
    reach
        Where the token may go.
    page
        Where tokens are created.

    Raises
    ------
    RepertoireBadToken
        If it is nothing that could hold a token. What holds one that is unusable says so when it is asked.
    """
    source: Provider[Bearer]
    if isinstance(given, Secret):
        source = Argument(given, reach, name=NAME)
    elif isinstance(given, os.PathLike):
        from skykey.credentials.sources.file import File

        path = os.fspath(given)
        source = File(lambda: path, reach, f"the file of {NAME}", required=True)
    elif isinstance(given, _Other):
        raise RepertoireBadToken(f"{NAME} is {given.kind}, not text", next=f"create a token at {page}")
    else:
        from skykey.credentials.sources.function import Function

        source = Function(given, reach, f"the function of {NAME}")
    return Keeper(_Looked(source, page))


@dataclass(frozen=True, slots=True)
class _Looked:
    """A source whose token is looked at before anybody gets it, with its problems in the documented class."""

    inner: Provider[Bearer]
    page: str

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def keeping(self) -> Keeping:
        return self.inner.keeping

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        try:
            found = self.inner.obtain(held, ask)
            # Nobody knows here what stands in front of a site.
            check(found.credential.token, self.name, self.page, is_known=False)
        except Unavailable as problem:
            raise RepertoireBadToken(f"{self.name} gives no token: {problem.message}", next=problem.next) from problem
        except Failed as problem:
            raise RepertoireBadToken(problem.message, words=problem.words, next=problem.next) from problem
        return found

    def changed(self, held: Held[Bearer], /) -> bool:
        return self.inner.changed(held)
