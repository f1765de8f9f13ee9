"""Stretches of time as users write them, as the two bounds that a statement has."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from numbers import Number
from typing import Any, Final

from skykey.rubin.instants import tai_nanoseconds, utc_nanoseconds
from skykey.values.errors import UsageError
from skykey.values.scales import DAY, FIRST_TAI, SECOND, utc_from_tai

_FIRST: Final = utc_from_tai(FIRST_TAI)
_MOST: Final = 2**63 - 1
# Of numpy's units those that always have the same length.
_UNITS: Final = {
    "W": Fraction(7 * DAY),
    "D": Fraction(DAY),
    "h": Fraction(3600 * SECOND),
    "m": Fraction(60 * SECOND),
    "s": Fraction(SECOND),
    "ms": Fraction(10**6),
    "us": Fraction(10**3),
    "ns": Fraction(1),
    "ps": Fraction(1, 10**3),
    "fs": Fraction(1, 10**6),
    "as": Fraction(1, 10**9),
}
_WRITE: Final = "use timedelta(seconds=…) or an astropy TimeDelta"


def span(t_start: Any, t_end: Any, *, is_window: bool = False) -> tuple[int, int]:
    """Read where a stretch of time begins and ends.

    Parameters
    ----------
    t_start
        A point in time: all that `skykey.rubin.instants.utc_nanoseconds` reads. With `is_window` the middle.
    t_end
        A point in time, or how long it takes: an astropy ``TimeDelta``, ``datetime.timedelta``, ``numpy.timedelta64``
        or pandas ``Timedelta``, to the nearest nanosecond. Its seconds are those that pass: a leap second is one of
        them, and a day is 86,400 of them.
    is_window
        Whether half of the length lies on either side of `t_start`.

    Returns
    -------
    tuple of int
        First and last nanosecond since 1970-01-01T00:00:00Z without leap seconds, both inclusive. A leap second and the
        second after it have the same numbers, and a bound in one of them is a bound in both. A stretch from the one
        into the other that would run backwards is widened to the whole of that second.

    Raises
    ------
    UsageError
        If the end is before the start (an answer without rows would look as if there were no data), for a window whose
        end is a point in time, for a bare number, which has no unit, for lengths that are not in SI seconds, and as
        `skykey.rubin.instants.utc_nanoseconds`. A length counts from 1972 on only.

    Examples
    --------
    >>> from datetime import timedelta
    >>> span("2016-12-31T23:59:59Z", timedelta(seconds=3))  # until 00:00:01
    (1483228799000000000, 1483228801000000000)
    >>> span("2025-06-20T12:00:00Z", timedelta(seconds=1), is_window=True)
    (1750420799500000000, 1750420800500000000)
    """
    length = _length(t_end)
    if length is None:
        return _between(t_start, t_end, is_window=is_window)
    if length < 0:
        raise UsageError(f"the length {t_end} is negative", next="give the earlier point in time first")
    since = tai_nanoseconds(t_start) - (length // 2 if is_window else 0)
    return _counted(since, since + length, f"{t_end} from {t_start}")


def _between(t_start: Any, t_end: Any, *, is_window: bool) -> tuple[int, int]:
    since, until = utc_nanoseconds(t_start), utc_nanoseconds(t_end)
    if is_window:
        raise UsageError("a window has a length, not an end", next=_WRITE)
    if min(since, until) >= _FIRST:
        # UTC cannot tell a leap second from the one after it, and so not which of two bounds is the earlier.
        early, late = tai_nanoseconds(t_start), tai_nanoseconds(t_end)
        if early <= late:
            return _counted(early, late, f"{t_start} to {t_end}")
    elif since <= until:
        return since, until
    raise UsageError(f"the end {t_end} is before the start {t_start}", next="give the earlier point in time first")


def _counted(early: int, late: int, shown: str) -> tuple[int, int]:
    """From TAI to the numbers that the database has."""
    try:
        since, until = utc_from_tai(early), utc_from_tai(late)
    except UsageError as problem:
        raise UsageError(f"{shown}: {problem.message}") from None
    if until > _MOST:
        raise UsageError(f"{shown} goes beyond the year 2262, the last that InfluxDB's nanoseconds can count")
    if until < since:
        second = since - since % SECOND
        return second, second + SECOND - 1
    return since, until


def _length(given: Any) -> int | None:
    """Nanoseconds, or None for what is not a length."""
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    if isinstance(given, timedelta):
        # pandas' own has nanoseconds beside.
        seconds = given.days * 86_400 + given.seconds
        return seconds * SECOND + given.microseconds * 1000 + int(getattr(given, "nanoseconds", 0))
    if kind == "m":
        return _of_numpy(given)
    if hasattr(given, "jd1") and not hasattr(given, "isot"):
        return _of_astropy(given)
    if isinstance(given, Number) or kind in {"b", "i", "u", "f"}:
        raise UsageError(f"{given} says neither a point in time nor in which unit a length is", next=_WRITE)
    return None


def _of_numpy(given: Any) -> int:
    import numpy as np

    _need_one(given)
    if np.isnat(given):
        raise UsageError("NaT is not a length of time")
    unit, count = np.datetime_data(given.dtype)
    if unit not in _UNITS:
        raise UsageError(f"{given!r} does not say how long it is", next=_WRITE)
    return round(int(given.astype(np.int64)) * count * _UNITS[unit])


def _of_astropy(given: Any) -> int:
    _need_one(given)
    if given.scale not in {None, "tai", "tt"}:
        raise UsageError(
            f"{given} is not in SI seconds but on the scale {given.scale}", next="use (end.tai - start.tai)"
        )
    days = float(given.jd1), float(given.jd2)
    # A masked one shows the number that is under the mask.
    if bool(given.mask) or not all(math.isfinite(part) for part in days):
        raise UsageError(f"{given} is not a length of time")
    return round(sum(map(Fraction, days)) * DAY)


def _need_one(given: Any) -> None:
    if getattr(given, "shape", ()) != ():
        raise UsageError("one length of time is needed, not an array of them")
