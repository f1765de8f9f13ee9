"""Candidates that are only known when they are looked for, such as the token files of a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.credentials.provider import Ask, Keeping, Provider
from skykey.values.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from skykey.credentials.held import Held


@dataclass(frozen=True, slots=True)
class _Mark:
    """Which candidate gave it, with that candidate's own mark."""

    source: str
    mark: Hashable


@dataclass(frozen=True, slots=True)
class Several(Generic[C]):
    """One source with many candidates: the first that has something wins, and stays (see `Provider`).

    Parameters
    ----------
    name
        What ``why`` calls it.
    candidates
        Gives them now, in order; called at each look, so it must be local and quick. `Unavailable` raised by it keeps
        its reason.
    """

    name: str
    candidates: Callable[[], Sequence[Provider[C]]]

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Ask them in order, the latest winner first.

        Raises
        ------
        Unavailable
            If there are none, or none has anything; with each one's reason.
        Failed
            From the first that has something unusable.
        """
        mine = _unmarked(held)
        candidates = self.candidates()
        winner = None if mine is None else next((one for one in candidates if one.name == mine.source), None)
        reasons = []
        for one in candidates if winner is None else (winner, *(one for one in candidates if one is not winner)):
            try:
                found = one.obtain(mine if one is winner else None, ask)
            except Unavailable as reason:
                reasons.append(f"{one.name}: {reason.message}")
            else:
                return replace(found, source=self.name, mark=_Mark(one.name, found.mark))
        raise Unavailable("; ".join(reasons) or "there are none")

    def changed(self, held: Held[C], /) -> bool:
        """As the candidate says that it came from; also if that is not there any more."""
        mine = _unmarked(held)
        if mine is None:
            return True
        try:
            winner = next((one for one in self.candidates() if one.name == mine.source), None)
        except Unavailable:
            return True
        return winner is None or winner.changed(mine)


def _unmarked(held: Held[C] | None) -> Held[C] | None:
    if held is None or not isinstance(held.mark, _Mark):
        return None
    return replace(held, source=held.mark.source, mark=held.mark.mark)
