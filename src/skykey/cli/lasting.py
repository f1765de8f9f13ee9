"""Lengths of time and points in time as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def lasting(seconds: float) -> str:
    """Two units at most: ``2 h 59 min``."""
    left, parts = int(abs(seconds)), []
    for size, unit in _STEPS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        if parts and (len(parts) == 2 or not left):  # noqa: PLR2004 - two units
            break
        if parts and not count:
            break
    return " ".join(parts) or "0 s"


def left(seconds: float) -> str:
    """How long there is still, or since when there is nothing."""
    return f"{lasting(seconds)} left" if seconds > 0 else f"ended {lasting(seconds)} ago"


def window(before: float | None, early: float) -> list[str]:
    """When something is renewed, and why not as early as was asked for; nothing if it never is.

    Parameters
    ----------
    before
        So many seconds before its end it is renewed. Less than asked for is half of its whole life: it is a short one.
    early
        What was asked for.
    """
    if not before:
        return []
    text = f"renewed {before:g} s before its end"
    return [text if before >= early else f"{text}, and not {early:g} s: it lives {lasting(2 * before)} only"]


def utc(seconds: float) -> str:
    """A point in time to the second; issuers may name one that no calendar has."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return "at no time that a calendar has"
