"""What a call needs of whoever holds a credential; a `Keeper` is one, and so is each view of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from skykey.credentials.held import C

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.values.deadline import Deadline


class Kept(Protocol[C]):
    """A credential that somebody keeps fresh."""

    def get(self, deadline: Deadline = ...) -> Held[C]:
        """See `Keeper.get`."""
        ...

    async def aget(self, deadline: Deadline = ...) -> Held[C]:
        """See `Keeper.aget`."""
        ...

    def reject(self, held: Held[C], challenge: str) -> bool:
        """See `Keeper.reject`."""
        ...
