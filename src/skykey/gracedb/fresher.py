"""A search that looks for something longer-lived as the end of what it gave comes near."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.trace import Attempt, Outcome, Trace

if TYPE_CHECKING:
    from skykey.credentials.chain import Chain
    from skykey.credentials.held import Held


@dataclass(frozen=True, slots=True)
class Fresher(Generic[C]):
    """A chain whose winner makes place for another one of the same person that lives longer (see `Provider`).

    Where nobody has one, the winner stays as long as it counts: what is still valid is better than nothing.

    Parameters
    ----------
    chain
        Of local sources.
    early
        Seconds before the end from which on another one is looked for.
    """

    chain: Chain[C]
    early: float

    @property
    def name(self) -> str:
        """See `Provider.name`."""
        return self.chain.name

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Get the best one there is.

        Raises
        ------
        NoCredential
            As the chain says.
        """
        left = None if held is None else held.credential.life.remaining(ask.clock.wall())
        if held is not None and left is not None and left <= self.early:
            better = self._better(held, ask)
            if better is not None:
                ask.trace.add(Attempt(better.source, Outcome.FOUND))
                return better
        return self.chain.obtain(held, ask)

    def changed(self, held: Held[C], /) -> bool:
        """Ask the winner."""
        return self.chain.changed(held)

    def _better(self, held: Held[C], ask: Ask) -> Held[C] | None:
        """The first of the same person that is not near its end; else the one that ends last, if that is later."""
        best, latest = None, held.credential.life.ends or 0.0
        for attempt, found in self.chain.survey(replace(ask, trace=Trace())):
            if found is None or found.credential.identity != held.credential.identity:
                continue
            life, named = found.credential.life, replace(found, source=attempt.source)
            left = life.remaining(ask.clock.wall())
            if left is not None and left > self.early:
                return named
            if life.ends is not None and life.ends > latest:
                best, latest = named, life.ends
        return best
