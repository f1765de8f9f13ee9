"""A token in an environment variable."""

from __future__ import annotations

import os
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
    from skykey.values.reach import Reach


@dataclass(frozen=True, slots=True)
class Variable:
    """A token that stands in an environment variable itself.

    Parameters
    ----------
    variable
        Its name.
    reach
        Where the token may go.
    """

    variable: str
    reach: Reach

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return f"the variable {self.variable}"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Read it now.

        Raises
        ------
        Unavailable
            If it is unset or empty.
        Failed
            If what it holds cannot be a token.
        """
        given = self._given()
        if given is None:
            raise Unavailable("it is not set")
        token, problem = parsed(given)
        if not token:
            raise Unavailable("it is set, and empty")
        if problem is not None:
            raise Failed(
                f"{self.name} holds no token: {problem}",
                next=f"unset {self.variable}, or set it to one token",
            )
        return Held(
            Bearer.found(token, self.reach, look_again=LOOK_AGAIN),
            source=self.name,
            mark=given,
        )

    def changed(self, held: Held[Bearer], /) -> bool:
        """Whether the variable has another value than it had."""
        given = self._given()
        return given is None or held.mark != given

    def _given(self) -> Secret | None:
        raw = os.environ.get(self.variable)
        return None if raw is None else Secret(raw)
