"""How long a credential lives, and what to do about it now. Pure: numbers in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Life:
    """When a credential came to be, when it ends, and how often to look whether its source has changed.

    Parameters
    ----------
    born
        Wall-clock seconds since 1970, UTC; None if unknown.
    ends
        The same; None if nobody says (an opaque token) or if it never ends.
    look_again
        Seconds after which the source is looked at again (one ``stat`` or less); None for never.
    """

    born: float | None = None
    ends: float | None = None
    look_again: float | None = None

    def remaining(self, wall: float) -> float | None:
        """Seconds left at a wall-clock time; None if nobody says."""
        return None if self.ends is None else self.ends - wall


@dataclass(frozen=True, slots=True)
class Windows:
    """How a keeper spaces its renewals; all in seconds.

    Parameters
    ----------
    early
        This long before the end one caller renews, while the others go on with what is still valid.
    late
        This long before the end everybody waits for the renewal.
    pause
        After a failed early renewal, no new try for this long.
    hold
        After a failure with nothing valid left, the same failure is said again for this long.
    """

    early: float = 300.0
    late: float = 30.0
    pause: float = 30.0
    hold: float = 1.0

    def fitted(self, life: Life) -> Windows:
        """Shrink only where the whole life is shorter, to its last half and last twentieth."""
        if life.ends is None or life.born is None:
            return self
        span = max(0.0, life.ends - life.born)
        return Windows(min(self.early, span / 2), min(self.late, span / 20), self.pause, self.hold)


class Verdict(Enum):
    """What a keeper does with a call."""

    USE = "hand it out"
    LOOK = "ask the source whether it changed, then hand it out"
    RENEW_SOON = "one caller renews, the others use it"
    RENEW_NOW = "all wait for the renewal"
    HOLD = "say the last failure again"


def judge(
    life: Life | None, *, wall: float, steady: float, looked: float, windows: Windows, failed: float | None
) -> Verdict:
    """Decide what a call gets.

    Parameters
    ----------
    life
        Of what is held; None if nothing is.
    wall, steady
        The time now, on both clocks.
    looked
        When the source was last looked at (steady).
    windows
        The spacing.
    failed
        When the last renewal failed (steady), None if the last one succeeded.
    """
    since_failure = None if failed is None else steady - failed
    remaining = None if life is None else life.remaining(wall)
    fitted = windows if life is None else windows.fitted(life)
    if life is None or (remaining is not None and remaining <= fitted.late):
        on_hold = since_failure is not None and since_failure < fitted.hold
        return Verdict.HOLD if on_hold else Verdict.RENEW_NOW
    if remaining is not None and remaining <= fitted.early:
        pausing = since_failure is not None and since_failure < fitted.pause
        return Verdict.USE if pausing else Verdict.RENEW_SOON
    if life.look_again is not None and steady - looked >= life.look_again:
        return Verdict.LOOK
    return Verdict.USE
