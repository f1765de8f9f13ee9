"""A token that the caller handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.credentials.credential import Bearer
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.text import parsed
from skykey.values.errors import Failed

if TYPE_CHECKING:
    from skykey.values.reach import Reach
    from skykey.values.secret import Secret


@dataclass(frozen=True, slots=True)
class Argument:
    """A token given as an argument; it is never written anywhere.

    Parameters
    ----------
    token
        As given.
    reach
        Where it may go.
    name
        Which argument, for ``why``.
    """

    token: Secret
    reach: Reach
    name: str = "the argument auth_token"

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        """Trim and check it.

        Raises
        ------
        Failed
            If it is empty or cannot be a token: whoever hands over a token means that one.
        """
        token, problem = parsed(self.token)
        if problem is not None:
            raise Failed(f"{self.name} holds no token: {problem}", next="pass the token's text, without quotes")
        return Held(Bearer.found(token, self.reach), source=self.name)

    def changed(self, held: Held[Bearer], /) -> bool:
        """Never."""
        return False
