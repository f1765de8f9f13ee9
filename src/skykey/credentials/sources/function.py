"""A token that somebody else's function finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.text import parsed
from skykey.values.errors import Failed, Unavailable
from skykey.values.life import LOOK_AGAIN
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.values.reach import Reach


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
        given = self._ask()
        token, problem = parsed(given)
        if not token:
            raise Unavailable("it finds none")
        if problem is not None:
            raise Failed(f"{self.name} gives no token: {problem}")
        return Held(Bearer.found(token, self.reach, look_again=LOOK_AGAIN), source=self.name, mark=given)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Whether it gives another token than before."""
        try:
            return held.mark != self._ask()
        except (Unavailable, Failed):
            return True

    def _ask(self) -> Secret:
        try:
            given: object = self.call()
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001 - it is not our code; its words may hold what it found
            raise Failed(f"{self.name} raised {type(problem).__name__}") from None
        if given is None or isinstance(given, str):
            return Secret(given or "")
        kind = type(given).__name__
        del given  # tracebacks show local variables
        raise Failed(f"{self.name} gives {kind}, not text")
