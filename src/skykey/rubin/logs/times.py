"""The logs' clocks: their dates are text without offset on a TAI clock, to the microsecond; and lengths of time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.instants import tai_nanoseconds, utc_nanoseconds
from skykey.values.errors import Unreadable, UsageError

if TYPE_CHECKING:
    import pandas as pd

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - TAI has no time zone
_MICROSECOND: Final = 1000
_DURATION: Final = re.compile(
    r"(-)?P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)


def bound(when: Any) -> datetime:
    """A point in time as a bound that a log understands.

    Parameters
    ----------
    when
        An astropy ``Time`` of any scale, an aware ``datetime``, or ISO text (UTC).

    Returns
    -------
    datetime.datetime
        On a TAI clock, without time zone. Rounded up to the microsecond: the logs have whole ones, and so the same of
        them are before and after it.

    Raises
    ------
    UsageError
        For what is not one point in time.
    """
    return _shown(tai_nanoseconds(when))


def parameter(when: Any) -> str:
    """A date among a service's parameters, as it is sent.

    Parameters
    ----------
    when
        As in `bound`. Text without an offset and a ``datetime`` without time zone are TAI here, as the service and
        `bound` have them.

    Raises
    ------
    UsageError
        As `bound`.
    """
    if isinstance(when, datetime) and when.tzinfo is None:
        when = when.isoformat()
    return _shown(tai_nanoseconds(when, scale="tai")).isoformat()


def _shown(tai: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=-(-tai // _MICROSECOND))
    except OverflowError:
        raise UsageError("a point in time of the years 1 to 9999 is needed") from None


def utc_of(text: object) -> int | None:
    """A log's date in UTC.

    Returns
    -------
    int or None
        Nanoseconds since 1970; None where there is no date, and for one that nobody can count (before 1972, after
        2262). A date with an offset says itself that it is UTC.
    """
    try:
        return utc_nanoseconds(text, scale="tai") if isinstance(text, str) else None
    except UsageError:
        return None


def order_of(text: object) -> int:
    """Something to sort dates by; what is none comes first."""
    try:
        return tai_nanoseconds(text, scale="tai") if isinstance(text, str) else -(2**63)
    except UsageError:
        return -(2**63)


def logtime_to_datetime(x: pd.Series[Any], column: str) -> datetime | None:
    """A date of one row in UTC, without time zone; for ``frame.apply(…, axis=1, args=["date_begin"])``.

    Parameters
    ----------
    x
        The row.
    column
        Which of its dates: the service's text (TAI), or a time that names its zone.

    Returns
    -------
    datetime.datetime or None
        To the microsecond; None where there is no date.

    Raises
    ------
    UsageError
        For what is not a date.

    Examples
    --------
    >>> logtime_to_datetime({"date_begin": "2025-06-20T23:00:00"}, "date_begin")
    datetime.datetime(2025, 6, 20, 22, 59, 23)
    """
    when: Any = x[column]
    if when is None or when != when:  # noqa: PLR0124 - NaN and NaT
        return None
    return _shown(utc_nanoseconds(when, scale="tai"))


def seconds_of(given: Any) -> float | None:
    """A length of time in seconds, from a number or from ISO 8601; None where there is none.

    Raises
    ------
    Unreadable
        For anything else.

    Examples
    --------
    >>> [seconds_of(each) for each in (1800.0, "PT30M", "P1DT0.5S", None)]
    [1800.0, 1800.0, 86400.5, None]
    """
    if given is None or (isinstance(given, int | float) and not isinstance(given, bool)):
        return None if given is None else float(given)
    match = _DURATION.fullmatch(given) if isinstance(given, str) else None
    if match is None or not any(match.groups()[1:]):
        raise Unreadable(f"{given!r} is not a length of time")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups()[1:])
    length = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return -length if match[1] else length
