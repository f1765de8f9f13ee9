"""How long a credential lives, and what to do about it now. Pure: numbers in, a verdict out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at a source on this machine: a new token is noticed at once, a busy program stays quick."""


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
        This long before the end everybody waits for the renewal. If it fails, what is still valid is handed out all the
        same, to the last second; past the end the failure is raised.
    pause
        After an early renewal that failed, or that brought nothing longer-lived, no new try for this long.
    hold
        After a failure with nothing valid left, the same failure is said again for this long.
    """

    early: float = 300.0
    late: float = 30.0
    pause: float = 30.0
    hold: float = 1.0

    def fitted(self, life: Life) -> Windows:
        """Shrink only where the whole life is shorter: early and pause to half of it, late to its last twentieth.

        A life that is longer than the early window leaves everything as it was asked for: a documented leeway is
        exactly that window.
        """
        if life.ends is None or life.born is None:
            return self
        span = max(0.0, life.ends - life.born)
        if span > self.early:
            return self
        return Windows(span / 2, min(self.late, span / 20), min(self.pause, span / 2), self.hold)


class Verdict(Enum):
    """What a keeper does with a call."""

    USE = "hand it out"
    LOOK = "ask the source whether it changed, then hand it out"
    RENEW_SOON = "one caller renews, the others use it"
    RENEW_NOW = "all wait for the renewal"
    HOLD = "say the last failure again"


def judge(
    life: Life | None,
    *,
    wall: float,
    steady: float,
    looked: float,
    windows: Windows,
    failed: float | None,
    renewed: float | None = None,
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
    renewed
        When a renewal last succeeded (steady), None if none did. An issuer may give the same one again and again, or
        one that seems to be over (clocks differ): asking at each call would not make it younger.
    """

    def within(seconds: float, since: float | None) -> bool:
        return since is not None and steady - since < seconds

    remaining = None if life is None else life.remaining(wall)
    fitted = windows if life is None else windows.fitted(life)
    if life is None or (remaining is not None and remaining <= fitted.late):
        is_over = remaining is None or remaining <= 0
        if not within(fitted.hold, failed):
            # No pause for what was over when it came.
            rest = (min(fitted.hold, fitted.pause) or fitted.hold) if is_over else fitted.pause
            if life is None or not within(rest, renewed):
                return Verdict.RENEW_NOW
        elif life is None or is_over:
            return Verdict.HOLD
    elif (
        remaining is not None
        and remaining <= fitted.early
        and not within(fitted.pause, failed)
        and not within(fitted.pause, renewed)
    ):
        return Verdict.RENEW_SOON
    if life.look_again is not None and steady - looked >= life.look_again:
        return Verdict.LOOK
    return Verdict.USE


def calm(life: Life, *, wall: float, windows: Windows) -> float:
    """Seconds for which nothing but a look at the source can end a `Verdict.USE`; never below zero."""
    remaining = life.remaining(wall)
    if remaining is None:
        return math.inf
    late = windows.fitted(life).late
    return max(0.0, remaining - late if remaining > late else remaining)
