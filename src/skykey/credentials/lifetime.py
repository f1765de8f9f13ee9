"""From what an issuer or a program says about a credential's end to a `Life`. Pure: values in, numbers out."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from skykey.values.life import Life

if TYPE_CHECKING:
    from skykey.credentials.claims import Claims

LONGEST: Final = 86_400.0
"""Seconds. Whoever promises more is believed for a day, and asked again."""
ASSUMED: Final = 300.0
"""Seconds that a credential is held for if nobody says how long it lives."""

# Later seconds than these (the year 5138) are milliseconds.
_TOO_MANY: Final = 1e11
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{0,20})?([eE][+-]?\d{1,3})?", re.ASCII)
# A few digits may be a year, a day (20260320) or a length of time.
_AMBIGUOUS = re.compile(r"\d{1,8}", re.ASCII)
_ISO = re.compile(r"\d{4}[\dTWZ:.,+ -]*", re.ASCII)
_WIDEST: Final = 64


def granted_life(
    *, expires_in: object, claims: Claims | None, asked: float, offset: float = 0.0, expires_at: object = None
) -> Life:
    """Say how long a granted credential lives, in this machine's time.

    Parameters
    ----------
    expires_in
        What the answer says, whatever that is: seconds as a number or a text, or nothing that can be used.
    claims
        What the token says of itself; None if it is opaque.
    asked
        When the request went out, in wall-clock seconds since 1970: an answer may have been long on its way.
    offset
        Seconds that the issuer's clock is ahead of this one.
    expires_at
        As `expires_in`, from those who name the end and not the length; see `moment`.

    Returns
    -------
    Life
        It ends at the earliest of what the answer and the token say, and after `LONGEST` at the latest; after
        `ASSUMED` if neither says anything.
    """
    lasting = _lasting(expires_in)
    ends = [] if lasting is None else [asked + lasting]
    named = (moment(expires_at), None if claims is None else claims.ends)
    ends += [end - offset for end in named if end is not None]
    return Life(born=asked, ends=min([*ends, asked + LONGEST] if ends else [asked + ASSUMED]))


def moment(value: object) -> float | None:
    """Read a point in time as people and programs write one.

    Parameters
    ----------
    value
        Seconds since 1970 as a number or a text, or ISO 8601 with or without an offset. A time without one is UTC,
        whatever the zone of this machine. Milliseconds are refused, and so is what lies before 1970: programs write
        the year 1 for "unknown".

    Returns
    -------
    float or None
        Wall-clock seconds since 1970; None if it is nothing of that kind.

    Examples
    --------
    >>> moment("2026-03-20T22:00:00+01:00") == moment("2026-03-20 21:00:00") == moment("1774040400")
    True
    """
    seconds = _number(value)
    if seconds is not None:
        doubtful = isinstance(value, str) and _AMBIGUOUS.fullmatch(value.strip())
        return None if doubtful else _within(seconds, _TOO_MANY)
    return _iso(value.strip().upper()) if isinstance(value, str) and len(value) <= _WIDEST else None


def _lasting(expires_in: object) -> float | None:
    seconds = _number(expires_in)
    return seconds if seconds is not None and seconds > 0 else None


def _number(value: object) -> float | None:
    """A finite number, or a text that is one. `float` alone would also read ``1_0``, ``infinity`` and other scripts."""
    if isinstance(value, str):
        value = float(value) if len(value) <= _WIDEST and _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _within(float(value), math.inf, lowest=-math.inf)
    except OverflowError:
        return None


def _iso(text: str) -> float | None:
    from datetime import UTC, datetime

    if not _ISO.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
        return _within((read.replace(tzinfo=UTC) if read.tzinfo is None else read).timestamp(), math.inf)
    except (ValueError, OverflowError):
        return None


def _within(seconds: float, highest: float, lowest: float = 0.0) -> float | None:
    return seconds if math.isfinite(seconds) and lowest <= seconds < highest else None
