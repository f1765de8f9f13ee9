"""A credential that a keeper holds, bound to another origin that the user named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skykey.values.deadline import Deadline

if TYPE_CHECKING:
    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.keeper import Keeper
    from skykey.values.reach import Reach


@dataclass(frozen=True, slots=True)
class Rebound:
    """A view of a keeper: the same credential at each moment, with a reach of its own (see `Kept`).

    Parameters
    ----------
    keeper
        Who keeps it fresh.
    reach
        Where it may go instead. What the *user* named, never what a document did.
    """

    keeper: Keeper[Bearer]
    reach: Reach

    def get(self, deadline: Deadline = Deadline(None)) -> Held[Bearer]:
        """See `Keeper.get`."""
        return self._bound(self.keeper.get(deadline))

    async def aget(self, deadline: Deadline = Deadline(None)) -> Held[Bearer]:
        """See `Keeper.aget`."""
        return self._bound(await self.keeper.aget(deadline))

    def reject(self, held: Held[Bearer], challenge: str) -> bool:
        """See `Keeper.reject`, which goes by generation: the reach does not matter."""
        return self.keeper.reject(held, challenge)

    def _bound(self, held: Held[Bearer]) -> Held[Bearer]:
        return replace(held, credential=replace(held.credential, reach=self.reach))
