"""How an `Auth` is copied, lent and sent to other processes. No credential travels unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from skykey.descarteslabs.resolution import Given
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Asked(NamedTuple):
    """What was asked for: what the receiver of a pickle resolves again. It holds no secret.

    Parameters
    ----------
    domain, scope, leeway, retries
        See `Auth`.
    path, is_explicit
        The file that was named, and whether one was.
    """

    domain: str | None
    scope: tuple[str, ...] | None
    leeway: float
    path: str | None
    is_explicit: bool
    retries: object


class Copies:
    """The part of `Auth` that makes more of one."""

    _own: ClassVar[frozenset[str]]
    """The attributes that are made anew; all others are a subclass's, or its user's, and go along."""

    _asked: Asked
    _clock: Clock
    _lends: bool

    @property
    def _token(self) -> str | None:
        """What is held, fresh or not."""
        raise NotImplementedError

    def lend(self) -> Self:
        """Make one that holds the current token only, and may travel: pickled, it carries that token.

        It is for workers that have no login of their own and end before the token does. `Auth` itself carries no
        credential when it is pickled: the receiver resolves again, from its own variables and files.

        Raises
        ------
        AuthError, OauthError
            As `token`.
        """
        return _lent(type(self), self._to_lend(), self._fresh(), self._extras(), self._clock)

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        twin.__dict__ = self.__dict__.copy()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Callable[..., Copies], tuple[Any, ...]]:
        token = self._token if self._lends else None
        return _again, (type(self), self._asked, token, self._extras())

    def _extras(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in self._own}

    def _fresh(self) -> Secret:
        """The token, renewed first if need be."""
        raise NotImplementedError

    def _to_lend(self) -> Asked:
        """What is asked for, with what was found for it here."""
        raise NotImplementedError

    def _set_up(
        self,
        asked: Asked,
        given: Given,
        *,
        is_silent: bool,
        lends: bool = False,
        environment: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Make it what it is, for the constructor and for whoever does without."""
        raise NotImplementedError


C = TypeVar("C", bound=Copies)


def _again(kind: type[C], asked: tuple[Any, ...], token: str | None, extras: dict[str, Any]) -> C:
    """Resolve in the process that received a pickle. A subclass's constructor does not run, as in any unpickling."""
    lent = None if token is None else Secret(token)
    del token  # tracebacks show local variables
    if lent is not None:
        return _lent(kind, Asked(*asked), lent, extras)
    made = object.__new__(kind)
    made.__dict__ |= extras
    made._set_up(Asked(*asked), Given(scope=Asked(*asked).scope), is_silent=True)
    return made


def _lent(kind: type[C], asked: Asked, token: Secret, extras: dict[str, Any], clock: Clock = SYSTEM_CLOCK) -> C:
    """Make one with that token and nothing else: no variable and no file takes part."""
    made = object.__new__(kind)
    made.__dict__ |= extras
    asked = asked._replace(path=None, is_explicit=True)
    given = Given(jwt_token=token, scope=asked.scope)
    made._set_up(asked, given, is_silent=True, lends=True, environment={}, clock=clock)
    return made
