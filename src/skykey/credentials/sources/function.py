"""A token that somebody else's function finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.text import flaw, trimmed
from skykey.values.errors import Failed, Unavailable
from skykey.values.life import Life
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.values.reach import Reach

_LOOK_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class Function:
    """A function that gives a token's text, or None or ``""`` if it has none.

    Parameters
    ----------
    call
        Called at each look, so it must be local and quick; `Unavailable` raised by it keeps its reason.
    reach
        Where the token may go.
    name
        What ``why`` calls it.
    """

    call: Callable[[], str | None]
    reach: Reach
    name: str

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Call it.

        Raises
        ------
        Unavailable
            If it gives nothing.
        Failed
            If it raises, or gives something that cannot be a token.
        """
        token = self._ask()
        if not token:
            raise Unavailable("it finds none")
        if (problem := flaw(token)) is not None:
            raise Failed(f"{self.name} gives no token: {problem}")
        secret = Secret(token)
        return Held(Bearer(secret, self.reach, Life(look_again=_LOOK_AGAIN)), source=self.name, mark=secret)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Whether it gives another token than before."""
        try:
            return held.mark != Secret(self._ask())
        except (Unavailable, Failed):
            return True

    def _ask(self) -> str:
        try:
            given = self.call()
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001 - it is not our code; its words may hold what it found
            raise Failed(f"{self.name} raised {type(problem).__name__}") from None
        if given is not None and not isinstance(given, str):
            raise Failed(f"{self.name} gives {type(given).__name__}, not text")
        return trimmed(given or "")
