"""UTC and TAI: the one place that knows leap seconds, exact to the nanosecond.

Points in time are whole numbers here. *UTC nanoseconds* count from 1970-01-01T00:00:00Z without leap seconds, as Unix,
InfluxDB and ``datetime64`` do: a leap second has the same numbers as the second after it. *TAI nanoseconds* count from
1970-01-01T00:00:00 on a TAI clock (``unix_tai`` in seconds), where nothing repeats.

The table begins in 1972, when UTC got seconds of the right length; what is earlier is refused. It ends with the last
bulletin of the IERS that is in it: from `KNOWN_UNTIL` on its last offset is taken to hold, which is wrong by whole
seconds if a leap second has been announced since. Nothing is looked up over the network; a later Skykey has a later
table.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECOND: Final = 10**9
DAY: Final = 86_400 * SECOND
MJD_OF_1970: Final = 40_587
"""The modified Julian date on which both counts begin."""

# TAI - UTC in seconds from a day on (IERS Bulletin C; 72 of July 2026 is the last one in here).
_OFFSETS: Final = (
    ("1972-01-01", 10),
    ("1972-07-01", 11),
    ("1973-01-01", 12),
    ("1974-01-01", 13),
    ("1975-01-01", 14),
    ("1976-01-01", 15),
    ("1977-01-01", 16),
    ("1978-01-01", 17),
    ("1979-01-01", 18),
    ("1980-01-01", 19),
    ("1981-07-01", 20),
    ("1982-07-01", 21),
    ("1983-07-01", 22),
    ("1985-07-01", 23),
    ("1988-01-01", 24),
    ("1990-01-01", 25),
    ("1991-01-01", 26),
    ("1992-07-01", 27),
    ("1993-07-01", 28),
    ("1994-07-01", 29),
    ("1996-01-01", 30),
    ("1997-07-01", 31),
    ("1999-01-01", 32),
    ("2006-01-01", 33),
    ("2009-01-01", 34),
    ("2012-07-01", 35),
    ("2015-07-01", 36),
    ("2017-01-01", 37),
)


def _midnight(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY


KNOWN_UNTIL: Final = _midnight("2027-06-28")
"""Until when leap seconds are known, in UTC nanoseconds."""

_UTC: Final = tuple(_midnight(day) for day, _ in _OFFSETS)
_AHEAD: Final = tuple(seconds * SECOND for _, seconds in _OFFSETS)
# Where the offset changes on a TAI clock: the leap second before it is still counted with the old one.
_TAI: Final = tuple(begin + ahead for begin, ahead in zip(_UTC, _AHEAD, strict=True))

FIRST_TAI: Final = _TAI[0]
"""The first point in time that has both readings (1972-01-01T00:00:00Z), in TAI nanoseconds."""

_NAT: Final = -(2**63)  # how datetime64 says "no time"
_MOST: Final = 2**63 - 1
_DAYS: Final = (-719_162, 2_932_896)  # days of the years 1 and 9999, from 1970


def tai_from_utc(utc: int, *, leap: bool = False) -> int:
    """Convert a UTC count into a TAI count.

    Parameters
    ----------
    utc
        UTC nanoseconds.
    leap
        Whether the leap second is meant (23:59:60) and not the second after it, which has the same numbers.

    Returns
    -------
    int
        TAI nanoseconds.

    Raises
    ------
    UsageError
        For what is before 1972, and where `leap` is said and there is no leap second.

    Examples
    --------
    >>> midnight = 1_483_228_800 * SECOND  # 2017-01-01T00:00:00Z
    >>> [tai_from_utc(midnight - SECOND) - midnight, tai_from_utc(midnight) - midnight]  # a leap second between them
    [35000000000, 37000000000]
    >>> tai_from_utc(midnight, leap=True) - midnight  # 2016-12-31T23:59:60Z
    36000000000
    """
    era = bisect_right(_UTC, utc) - 1
    if era < 0:
        raise _too_early()
    if not leap:
        return utc + _AHEAD[era]
    if era == 0 or utc - _UTC[era] >= _AHEAD[era] - _AHEAD[era - 1]:
        raise UsageError("UTC has no leap second there")
    return utc + _AHEAD[era - 1]


def utc_from_tai(tai: int) -> int:
    """Convert a TAI count into a UTC count.

    Parameters
    ----------
    tai
        TAI nanoseconds.

    Returns
    -------
    int
        UTC nanoseconds; a leap second counts as the second after it (`is_leap_second` tells which one it was).

    Raises
    ------
    UsageError
        For what is before 1972.
    """
    return tai - _AHEAD[_era_of_tai(tai)]


def is_leap_second(tai: int) -> bool:
    """Whether a UTC clock shows 23:59:60 at that point in time, given in TAI nanoseconds."""
    era = _era_of_tai(tai)
    return era + 1 < len(_UTC) and tai - _AHEAD[era] >= _UTC[era + 1]


def mjd_from_tai(tai: int) -> float:
    """Convert TAI nanoseconds into the modified Julian date (TAI) that is nearest as a float: to half a microsecond."""
    return (tai + MJD_OF_1970 * DAY) / DAY


def tai_from_mjd(mjd: float) -> int:
    """Convert a modified Julian date (TAI) into TAI nanoseconds.

    Raises
    ------
    UsageError
        If it is not within the years 1 to 9999.
    """
    if not _DAYS[0] <= mjd - MJD_OF_1970 < _DAYS[1] + 1:
        raise UsageError(f"{mjd} is not a modified Julian date of the years 1 to 9999")
    above, below = float(mjd).as_integer_ratio()
    return (2 * above * DAY + below) // (2 * below) - MJD_OF_1970 * DAY


def day_from_tai(tai: int) -> tuple[int, int]:
    """Split TAI nanoseconds into the modified Julian day and the nanoseconds since it began, exactly."""
    day, rest = divmod(tai, DAY)
    return day + MJD_OF_1970, rest


def tai_from_day(day: int, nanoseconds: int = 0) -> int:
    """Join a modified Julian day (TAI) and nanoseconds since it began."""
    return (day - MJD_OF_1970) * DAY + nanoseconds


# -- many at once


def tai_from_utc_array(utc: Any) -> NDArray[np.int64]:
    """As `tai_from_utc`, for an array.

    Parameters
    ----------
    utc
        Whole UTC nanoseconds, as in ``index.as_unit("ns").asi8``. The number for "no time" (``NaT``) stays what it is.

    Returns
    -------
    numpy.ndarray
        TAI nanoseconds, ``int64``.

    Raises
    ------
    UsageError
        For what is before 1972 or beyond what ``int64`` can count, and for anything but whole numbers.
    """
    return _shifted(utc, _UTC, 1)


def utc_from_tai_array(tai: Any) -> NDArray[np.int64]:
    """As `utc_from_tai`, for an array; parameters and errors are those of `tai_from_utc_array`."""
    return _shifted(tai, _TAI, -1)


def mjd_from_tai_array(tai: Any) -> NDArray[np.float64]:
    """As `mjd_from_tai`, for an array; ``NaT`` becomes ``nan``."""
    import numpy as np

    counted = _whole(tai)
    day, rest = np.divmod(counted, DAY)
    return np.where(counted == _NAT, np.nan, (day + MJD_OF_1970) + rest / DAY)


def tai_from_mjd_array(mjd: Any) -> NDArray[np.int64]:
    """As `tai_from_mjd`, for an array; ``nan`` becomes ``NaT``.

    Raises
    ------
    UsageError
        For what is beyond the years 1678 to 2261, which ``int64`` can count.
    """
    import numpy as np

    days = np.asarray(mjd, dtype=np.float64)
    missing = np.isnan(days)
    days = np.where(missing, MJD_OF_1970, days)
    if np.any(np.abs(days - MJD_OF_1970) >= _MOST // DAY):
        raise _uncountable()
    whole = np.floor(days)
    counted = (whole.astype(np.int64) - MJD_OF_1970) * DAY + np.rint((days - whole) * DAY).astype(np.int64)
    return np.where(missing, _NAT, counted)


def _shifted(values: Any, begins: tuple[int, ...], sign: int) -> NDArray[np.int64]:
    import numpy as np

    counted = _whole(values)
    missing = counted == _NAT
    eras = np.searchsorted(np.array(begins), np.where(missing, begins[0], counted), side="right") - 1
    if np.any(eras < 0):
        raise _too_early()
    if np.any(counted > _MOST - _AHEAD[-1]):
        raise _uncountable()
    return np.where(missing, counted, counted + sign * np.array(_AHEAD)[eras])


def _whole(values: Any) -> NDArray[np.int64]:
    import numpy as np

    counted = np.asarray(values)
    if counted.dtype.kind != "i" and counted.size:
        # A float has lost nanoseconds already, and a unit other than nanoseconds cannot be seen in a number.
        raise UsageError(f"whole nanoseconds (int64) are needed, not {counted.dtype}")
    return counted.astype(np.int64)


def _era_of_tai(tai: int) -> int:
    era = bisect_right(_TAI, tai) - 1
    if era < 0:
        raise _too_early()
    return era


def _too_early() -> UsageError:
    return UsageError("UTC before 1972 had seconds of other lengths: it is not converted from or to TAI")


def _uncountable() -> UsageError:
    return UsageError("not within the years 1678 to 2261, which nanoseconds in int64 can count")
