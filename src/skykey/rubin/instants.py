"""Points in time as users write them, as nanoseconds since 1970: UTC, as Unix and InfluxDB count, or TAI."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::([0-5]\d|60)(?:\.(\d{1,9}))?)?)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?",
    re.ASCII,
)
Scale = Literal["utc", "tai"]
_SECOND = 10**9
_MOST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Reading(NamedTuple):
    """What a clock showed: nanoseconds since 1970, the clock's scale (``utc`` or ``tai``), whether second 60."""

    nanoseconds: int
    scale: Scale
    is_leap: bool = False


def utc_nanoseconds(when: Any, *, scale: Scale = "utc") -> int:
    """Read a point in time.

    Parameters
    ----------
    when
        An astropy ``Time`` of any scale (TAI is converted), an aware ``datetime`` or pandas ``Timestamp``, or ISO 8601
        text.
    scale
        What text without an offset is, ``"utc"`` or ``"tai"``. Text with an offset is UTC.

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
    read = _read(when, scale)
    if read.scale == "tai":
        from skykey.values import scales

        early = hasattr(when, "jd1") and read.nanoseconds < scales.FIRST_TAI
        # What astropy makes of the drifting UTC before 1972 is good enough for "from the beginning".
        read = _shown(when.utc, "utc") if early else _Reading(_converted(scales.utc_from_tai, read, when), "utc")
    if abs(read.nanoseconds) > _MOST:
        raise UsageError(f"{when} is not within the years 1677 to 2262, which InfluxDB's nanoseconds can count")
    return read.nanoseconds


def tai_nanoseconds(when: Any, *, scale: Scale = "utc") -> int:
    """As `utc_nanoseconds`, on the scale that has no leap seconds: none of them is confused with the second after it.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01T00:00:00 TAI.

    Raises
    ------
    UsageError
        As `utc_nanoseconds`; also for UTC before 1972, and for a second 60 where there was none.

    Examples
    --------
    >>> tai_nanoseconds("2025-06-20T12:00:00Z") - tai_nanoseconds("2025-06-20T12:00:00", scale="tai")
    37000000000
    """
    read = _read(when, scale)
    if read.scale == "tai":
        return read.nanoseconds
    from skykey.values import scales

    return _converted(lambda utc: scales.tai_from_utc(utc, leap=read.is_leap), read, when)


def tai_text(when: Any, *, sep: str = "T") -> str:
    """A point in time as text that a database compares with its own, which are TAI: to the nearest microsecond.

    Parameters
    ----------
    when
        As in `utc_nanoseconds`.
    sep
        What stands between date and time.

    Raises
    ------
    UsageError
        As `tai_nanoseconds`; also for what is after the year 9999 in TAI.

    Examples
    --------
    >>> tai_text("2025-06-20T12:00:00Z")
    '2025-06-20T12:00:37.000000'
    """
    micros = (tai_nanoseconds(when) + 500) // 1000
    try:
        shown = datetime(1970, 1, 1) + timedelta(microseconds=micros)  # noqa: DTZ001 - TAI, which has no zone
    except OverflowError:
        raise UsageError(f"{when} is after the year 9999 in TAI") from None
    return shown.isoformat(sep, timespec="microseconds")


def _converted(convert: Callable[[int], int], read: _Reading, when: Any) -> int:
    try:
        return convert(read.nanoseconds)
    except UsageError as problem:
        raise UsageError(f"{when}: {problem.message}") from None


def _read(when: Any, scale: Scale) -> _Reading:
    if isinstance(when, str):
        return _from_iso(when, scale)
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise UsageError(f"{when.isoformat()} has no time zone", next="use datetime(..., tzinfo=timezone.utc)")
        micros = (when - _EPOCH) // timedelta(microseconds=1)
        return _Reading(int(micros) * 1000 + int(getattr(when, "nanosecond", 0)), "utc")
    if hasattr(when, "jd1") and hasattr(when, "isot"):
        if getattr(when, "shape", ()) != ():
            raise UsageError("one point in time is needed, not an array of them")
        if when.scale == "local":
            raise UsageError(f"{when.isot} is local time, of nobody knows where", next='use Time(..., scale="utc")')
        # Universal Time is near UTC by definition, and far from TAI; for all others no leap seconds are needed.
        return _shown(when.utc, "utc") if when.scale in {"utc", "ut1"} else _shown(when.tai, "tai")
    raise UsageError(
        f"{type(when).__name__} is not a point in time",
        next="use an astropy Time, an aware datetime, or ISO text",
    )


def _shown(when: Any, scale: Scale) -> _Reading:
    # astropy prints what the object's own settings say: as a rule milliseconds, perhaps only the date.
    exact = when.replicate()
    exact.precision = 9
    return _from_iso(str(exact.to_value("isot", subfmt="date_hms")), scale)


def rfc3339(nanoseconds: int) -> str:
    """Write nanoseconds since 1970 as RFC 3339 with all nine digits."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _from_iso(text: str, scale: Scale) -> _Reading:
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a point in time", next="write it as 2025-06-20T12:00:00Z")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(9, "0")
    try:
        datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - only to check the ranges
    except ValueError as problem:
        raise UsageError(f"{text!r} is not a point in time ({problem})") from None
    is_leap = second == 60  # noqa: PLR2004 - as clocks show it
    total = calendar.timegm((year, month, day, hour, minute, second)) * _SECOND + int(fraction)
    if "Z" in match[0] or match[8]:
        scale = "utc"
    if is_leap and scale == "tai":
        raise UsageError(f"{text!r} is not a point in time: TAI has no leap seconds")
    if match[8]:
        shift = int(match[9]) * 3600 + int(match[10]) * 60
        total -= (shift if match[8] == "+" else -shift) * _SECOND
    return _Reading(total, scale, is_leap)
