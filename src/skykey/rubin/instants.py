"""Points in time as users write them, as nanoseconds since 1970 (UTC, as Unix and InfluxDB count)."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from skykey.values.errors import UsageError

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::([0-5]\d|60)(?:\.(\d{1,9}))?)?)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)
_SECOND = 10**9
_MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_nanoseconds(when: Any) -> int:
    """Read a point in time.

    Parameters
    ----------
    when
        An astropy ``Time`` of any scale (TAI is converted), an aware ``datetime`` or pandas ``Timestamp``, or ISO 8601
        text; text without an offset is UTC.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01T00:00:00Z without leap seconds; a leap second counts as the second after it.

    Raises
    ------
    UsageError
        For anything else, for a ``datetime`` without time zone, which could mean either, and for points in time that
        nanoseconds cannot count (before 1677 and after 2262).

    Examples
    --------
    >>> utc_nanoseconds("2025-06-20T12:00:00.000000001Z")
    1750420800000000001
    """
    counted = _counted(when)
    if abs(counted) > _MOST:
        raise UsageError(f"{when} is not within the years 1677 to 2262, which InfluxDB's nanoseconds can count")
    return counted


def _counted(when: Any) -> int:
    if isinstance(when, str):
        return _from_iso(when)
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise UsageError(f"{when.isoformat()} has no time zone", next="use datetime(..., tzinfo=timezone.utc)")
        micros = (when - _EPOCH) // timedelta(microseconds=1)
        return int(micros) * 1000 + int(getattr(when, "nanosecond", 0))
    if hasattr(when, "jd1") and hasattr(when, "isot"):
        if getattr(when, "shape", ()) != ():
            raise UsageError("one point in time is needed, not an array of them")
        if when.scale == "local":
            raise UsageError(f"{when.isot} is local time, of nobody knows where", next='use Time(..., scale="utc")')
        # astropy prints what the object's own settings say: as a rule milliseconds, perhaps only the date.
        utc = when.utc.replicate()
        utc.precision = 9
        return _from_iso(str(utc.to_value("isot", subfmt="date_hms")))
    raise UsageError(
        f"{type(when).__name__} is not a point in time",
        next="use an astropy Time, an aware datetime, or ISO text",
    )


def rfc3339(nanoseconds: int) -> str:
    """Write nanoseconds since 1970 as RFC 3339 with all nine digits."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _from_iso(text: str) -> int:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a point in time", next="write it as 2025-06-20T12:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(9, "0")
    try:
        datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - only to check the ranges
    except ValueError as problem:
        raise UsageError(f"{text!r} is not a point in time ({problem})") from None
    total = calendar.timegm((year, month, day, hour, minute, second)) * _SECOND + int(fraction)
    if match[8]:
        shift = int(match[9]) * 3600 + int(match[10]) * 60
        total -= (shift if match[8] == "+" else -shift) * _SECOND
    return total
