"""A secret that a platform put there for its own services."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.values.errors import Failed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask, Keeping, Provider
    from skykey.values.origin import Origin


@dataclass(frozen=True, slots=True)
class PlatformSecret(Generic[C]):
    """A source that counts only for the platform's own site.

    A token that a platform mounts belongs to that platform. Asked for another site it is *unavailable*, so that the
    search goes on and no production token reaches a development site.

    Parameters
    ----------
    inner
        Where the platform puts it.
    at
        Gives the platform's origin now; None if this is no platform, or it does not say.
    wanted
        The origin of the site that was asked for.
    """

    inner: Provider[C]
    at: Callable[[], Origin | None]
    wanted: Origin

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self.inner.name

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return self.inner.keeping

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Look whether there is anything, then whose it is.

        Raises
        ------
        Unavailable
            If there is nothing, or it belongs to another site.
        Failed
            If it is there for this site and unusable.
        """
        at = self.at()
        if at == self.wanted:
            return self.inner.obtain(held, ask)
        with contextlib.suppress(Failed):  # unusable, but it is not this site's anyway
            self.inner.obtain(held, ask)
        whose = "nothing says to which site it belongs" if at is None else f"it belongs to the platform at {at}"
        raise Unavailable(f"{whose}, and {self.wanted} was asked for")

    def changed(self, held: Held[C], /) -> bool:
        """As the inner source says, or if the platform is another one now."""
        return self.at() != self.wanted or self.inner.changed(held)
