"""Several sources in order: the first that has something wins, and stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.credentials.provider import Ask, Keeping, Provider
from skykey.credentials.trace import Attempt, Outcome
from skykey.values.errors import NoCredential, SkykeyError, Unavailable

if TYPE_CHECKING:
    from skykey.credentials.held import Held


@dataclass(frozen=True, slots=True)
class Chain(Generic[C]):
    """Ask providers in order.

    *Unavailable* goes on, *failed* stops: what was found and is unusable must not make place for somebody else's
    credential. Once one has won, renewals go to it first, so that an identity does not change unseen while a program
    runs; only when it has nothing any more does the search start again.

    Parameters
    ----------
    name
        What is searched for, in words: "a token for the site usdf".
    providers
        In order.
    remedy
        The next command to type when nothing is found.
    keeping
        See `Provider.keeping`.
    """

    name: str
    providers: tuple[Provider[C], ...]
    remedy: str
    keeping: Keeping = Keeping.NOT_AT_ALL

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Get from the latest winner if there is one, else from the first that has something.

        Raises
        ------
        NoCredential
            If none has; it lists them all with their reasons.
        Failed
            From the first that has something unusable.
        """
        winner = self._winner(held)
        order = self.providers if winner is None else (winner, *(p for p in self.providers if p is not winner))
        for position, provider in enumerate(order):
            try:
                found = provider.obtain(held if provider is winner else None, ask)
            except Unavailable as reason:
                ask.trace.add(Attempt(provider.name, Outcome.UNAVAILABLE, reason.message))
            except Exception as reason:
                ask.trace.add(Attempt(provider.name, Outcome.FAILED, _words(reason)))
                raise
            else:
                ask.trace.add(Attempt(provider.name, Outcome.FOUND))
                why_not = f"{provider.name} " + ("won before, and stays" if provider is winner else "comes first")
                for other in order[position + 1 :]:
                    ask.trace.add(Attempt(other.name, Outcome.NOT_ASKED, why_not))
                return replace(found, source=provider.name)
        tried = "\n".join(f"  {attempt}" for attempt in ask.trace.attempts)
        raise NoCredential(f"{self.name} was not found; the sources, in order:\n{tried}", next=self.remedy)

    def changed(self, held: Held[C], /) -> bool:
        """Ask the winner."""
        winner = self._winner(held)
        return winner is None or winner.changed(held)

    def survey(self, ask: Ask | None = None) -> tuple[tuple[Attempt, Held[C] | None], ...]:
        """Ask every provider, also those behind the winner: what ``why`` shows. For local sources.

        Returns
        -------
        tuple
            For each provider its attempt, and what it has; the first that has something is FOUND, later ones SHADOWED.
        """
        ask = ask or Ask()
        rows: list[tuple[Attempt, Held[C] | None]] = []
        decided = False
        for provider in self.providers:
            try:
                found = provider.obtain(None, ask)
            except Unavailable as reason:
                rows.append((Attempt(provider.name, Outcome.UNAVAILABLE, reason.message), None))
            except Exception as reason:  # noqa: BLE001 - one broken source must not hide what the others have
                rows.append((Attempt(provider.name, Outcome.FAILED, _words(reason)), None))
                decided = True
            else:
                rows.append((Attempt(provider.name, Outcome.SHADOWED if decided else Outcome.FOUND), found))
                decided = True
        return tuple(rows)

    def _winner(self, held: Held[C] | None) -> Provider[C] | None:
        if held is None:
            return None
        return next((p for p in self.providers if p.name == held.source), None)


def _words(reason: Exception) -> str:
    """What the trace says. Of an error that is not ours only the class: its words may hold anything."""
    return reason.message if isinstance(reason, SkykeyError) else type(reason).__name__
