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


def utc(seconds: float) -> str:
    """A point in time to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
