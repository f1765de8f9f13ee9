"""Nights by their number: the documented module of ``rubin_nights``.

A ``day_obs`` is a day from noon to noon TAI, named after the date on which it begins: 20250620 or ``2025-06-20``. It is
defined on TAI alone, so that a point in time has one ``day_obs``, on whatever scale it comes.
"""

from __future__ import annotations

import functools
import math
import operator
import re
import time as clocks
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.instants import tai_nanoseconds
from skykey.values.errors import MissingExtra, UsageError
from skykey.values.scales import DAY, MJD_OF_1970, tai_from_mjd, tai_from_utc, utc_from_tai_array

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "day_obs_int_to_str",
    "day_obs_list",
    "day_obs_str_to_int",
    "day_obs_sunset_sunrise",
    "day_obs_sunset_sunrise_df",
    "day_obs_to_date",
    "day_obs_to_time",
    "estimated_baseline_visit_range",
    "mjd_to_dayobs",
    "mjd_to_dayobs_array",
    "rubin_observer",
    "time_to_day_obs",
    "time_to_day_obs_int",
    "today_day_obs",
    "tomorrow_day_obs",
    "yesterday_day_obs",
]

_WRITTEN: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)
_NOON: Final = DAY // 2
_ORDINAL_OF_1970: Final = date(1970, 1, 1).toordinal()
_JD_OF_1970: Final = 2_440_587.5


# -- now


def today_day_obs() -> str:
    """The current ``day_obs``, as ``YYYY-MM-DD``."""
    return _today(0)


def yesterday_day_obs() -> str:
    """The one before the current."""
    return _today(-1)


def tomorrow_day_obs() -> str:
    """The one after the current."""
    return _today(1)


def _today(later: int) -> str:
    return _date(_day(tai_from_utc(clocks.time_ns())) + later).isoformat()


# -- points in time


def time_to_day_obs(time: Any) -> str:
    """The ``day_obs`` of a point in time, as ``YYYY-MM-DD``.

    Parameters
    ----------
    time
        An astropy ``Time`` of any scale, an aware ``datetime``, or ISO text (UTC).

    Raises
    ------
    UsageError
        For what is not one point in time, for a ``datetime`` without time zone, and for UTC before 1972.

    Examples
    --------
    >>> [time_to_day_obs("2025-06-20T11:59:22Z"), time_to_day_obs("2025-06-20T11:59:23Z")]  # noon TAI
    ['2025-06-19', '2025-06-20']
    """
    return _date(_day(tai_nanoseconds(time))).isoformat()


def time_to_day_obs_int(time: Any) -> int:
    """As `time_to_day_obs`, as a number."""
    return _number(_date(_day(tai_nanoseconds(time))))


def day_obs_list(t_start: Any, t_end: Any) -> list[int]:
    """One ``day_obs`` for every 24 hours that begin from `t_start` on and before `t_end`; at least that of `t_start`.

    From noon to noon TAI these are all days in between. A last piece of less than 24 hours counts with the day on which
    it begins.

    Parameters
    ----------
    t_start, t_end
        As `time_to_day_obs` takes them; the end is exclusive.

    Raises
    ------
    UsageError
        As `time_to_day_obs`; also if the end is before the start.

    Examples
    --------
    >>> day_obs_list("2025-06-29T20:00Z", "2025-07-01T20:00Z")
    [20250629, 20250630]
    """
    start, end = tai_nanoseconds(t_start), tai_nanoseconds(t_end)
    if end < start:
        raise UsageError(f"{t_end} is before {t_start}")
    return [_number(_date(_day(begin))) for begin in range(start, max(end, start + 1), DAY)]


# -- spellings


def day_obs_int_to_str(day_obs: int) -> str:
    """``20250620`` as ``2025-06-20``.

    Raises
    ------
    UsageError
        If there is no such day. The others that take a ``day_obs`` do the same; each takes either spelling.
    """
    return day_obs_to_date(day_obs).isoformat()


def day_obs_str_to_int(day_obs: str) -> int:
    """``2025-06-20`` as ``20250620``.

    Examples
    --------
    >>> day_obs_str_to_int("2025-06-20")
    20250620
    """
    return _number(day_obs_to_date(day_obs))


def day_obs_to_date(day_obs: int | str) -> date:
    """The date on which it begins."""
    try:
        text = day_obs if isinstance(day_obs, str) else f"{operator.index(day_obs):08}"
        found = _WRITTEN.fullmatch(text)
        if found and text.count("-") in {0, 2}:
            return date(*map(int, found.groups()))
    except (TypeError, ValueError):
        pass
    raise UsageError(f"{day_obs!r} is not a day_obs", next="write it as 20250620 or 2025-06-20")


def day_obs_to_time(day_obs: int | str) -> Any:
    """Noon (TAI) at which it begins, as an astropy ``Time`` that prints as ``isot``.

    Raises
    ------
    UsageError
        If there is no such day.
    MissingExtra
        Without astropy.
    """
    begins = day_obs_to_date(day_obs)
    return _astropy_time()(f"{begins.isoformat()}T12:00:00", format="isot", scale="tai")


# -- modified Julian dates


def mjd_to_dayobs(mjd: float) -> int:
    """As `mjd_to_dayobs_array`, for one.

    .. deprecated:: 0.2
        As in the release; with a point in time, `time_to_day_obs_int` is exact.
    """
    tai_from_mjd(mjd)  # refuses what is none
    return _number(_date(math.floor(mjd - 0.5) - MJD_OF_1970))


def mjd_to_dayobs_array(mjd: ArrayLike) -> NDArray[np.int64]:
    """The ``day_obs`` of each modified Julian date (TAI, as in all of Rubin's columns).

    Parameters
    ----------
    mjd
        Numbers in whatever numpy makes an array of; the result has the same shape.

    Raises
    ------
    UsageError
        If one of them is missing, not finite, or not within the years 1 to 9999.
    """
    import numpy as np

    values: Any = np.ma.asarray(mjd)
    try:
        if values.dtype.kind not in "iufO" and values.size:  # a datetime64 would count from another day
            raise TypeError(values.dtype)  # noqa: TRY301 - as numpy does for others
        days = np.ma.filled(values.astype(float), np.nan)
    except (TypeError, ValueError) as problem:
        raise UsageError(f"not an array of modified Julian dates: {problem}") from None
    return day_obs_array(np.floor(days - 0.5) - MJD_OF_1970)


def day_obs_array(days: NDArray[Any]) -> NDArray[np.int64]:
    """The numbers of days that are counted from 1970."""
    import numpy as np

    first, last = (edge.toordinal() - _ORDINAL_OF_1970 for edge in (date.min, date.max))
    good = (days >= first) & (days <= last)
    if not good.all():
        where = np.argwhere(~good)[0].tolist()
        raise UsageError(f"there is no day_obs in the years 1 to 9999 for the value at {where}")
    dates = days.astype(np.int64).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    years = dates.astype("datetime64[Y]")
    parts = (
        years.astype(np.int64) + 1970,
        (months - years).astype(np.int64) + 1,
        (dates - months).astype(np.int64) + 1,
    )
    return np.asarray(parts[0] * 10_000 + parts[1] * 100 + parts[2])


# -- nights


@functools.cache
def rubin_observer() -> Any:
    """The observatory as an ``astroplan.Observer``, of a place that is built in; always the same object.

    Raises
    ------
    MissingExtra
        Without astroplan, which nothing else here needs.
    """
    from skykey.rubin import sun

    try:
        observer = import_module("astroplan").Observer
    except ImportError as missing:
        said = "an Observer needs astroplan, which is not installed"
        raise MissingExtra(said, next="pip install astroplan") from missing
    place = sun.astropy_module("astropy.coordinates", "the observatory's place").EarthLocation
    return observer(location=place.from_geodetic(sun.LONGITUDE, sun.LATITUDE, sun.HEIGHT), name="Rubin")


def day_obs_sunset_sunrise(day_obs: str | int, sun_alt: float = -12) -> tuple[Any, Any]:
    """When the Sun passes a height downwards and upwards for the first time after the day's noon (TAI).

    Parameters
    ----------
    day_obs
        The night.
    sun_alt
        The height of the Sun's centre above the horizon in degrees, without refraction.

    Returns
    -------
    tuple of astropy.time.Time
        In TAI, as ``jd``. The last 100 nights are remembered, and each call gives objects of its own.

    Raises
    ------
    UsageError
        If there is no such day, or the Sun does not get there on it.
    MissingExtra
        Without astropy.
    """
    sunset, sunrise = _sunset_sunrise(day_obs_to_date(day_obs), float(sun_alt))
    return _time_of(sunset), _time_of(sunrise)


def day_obs_sunset_sunrise_df(day_obs_min: int, day_obs_max: int) -> pd.DataFrame:
    """The limits of nights at -12 degrees.

    Parameters
    ----------
    day_obs_min, day_obs_max
        The first and the last night.

    Returns
    -------
    pandas.DataFrame
        ``day_obs``; ``sunset12`` and ``sunrise12`` in UTC, without a time zone (``datetime64[ns]``); ``night_hours``.

    Raises
    ------
    UsageError
        If there is no such day, or the last is before the first.
    MissingExtra
        Without astropy or pandas.
    """
    from skykey.tables.packages import pandas

    first, last = day_obs_to_date(day_obs_min), day_obs_to_date(day_obs_max)
    if last < first:
        raise UsageError(f"{day_obs_max} is before {day_obs_min}")
    nights = [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
    limits = [_sunset_sunrise(night, -12.0) for night in nights]
    sunset, sunrise = (utc_from_tai_array(times).astype("datetime64[ns]") for times in zip(*limits, strict=True))
    columns = {
        "day_obs": list(map(_number, nights)),
        "sunset12": sunset,
        "sunrise12": sunrise,
        "night_hours": [(end - begin) / (3600 * 10**9) for begin, end in limits],
    }
    return pandas().DataFrame(columns)  # type: ignore[no-any-return]


def estimated_baseline_visit_range(day_obs: int, relative_performance: float = 1.0) -> dict[str, int]:
    """How many visits of 30 seconds a night of the baseline survey has, by its share of the time below -12 degrees.

    Parameters
    ----------
    day_obs
        The night.
    relative_performance
        What to multiply with.

    Returns
    -------
    dict
        ``n_vis_ave``, for the share that is usual at the season (72 to 76 per cent); ``n_vis_high``, for 78 per cent.
    """
    night = day_obs_to_date(day_obs)
    sunset, sunrise = _sunset_sunrise(night, -12.0)
    most = (sunrise - sunset) / (30 * 10**9)
    season = math.cos(2 * math.pi * (night - date(2025, 12, 21)).days / 365)
    shares = {"n_vis_ave": 0.74 - 0.02 * season, "n_vis_high": 0.78}
    return {name: math.floor(most * share * relative_performance) for name, share in shares.items()}


@functools.lru_cache(maxsize=100)
def _sunset_sunrise(night: date, height: float) -> tuple[int, int]:
    from skykey.rubin.sun import set_and_rise

    return set_and_rise((night.toordinal() - _ORDINAL_OF_1970) * DAY + _NOON, height)


def _time_of(tai: int) -> Any:
    day, rest = divmod(tai, DAY)
    return _astropy_time()(_JD_OF_1970 + day, rest / DAY, format="jd", scale="tai")


def _astropy_time() -> Any:
    from skykey.rubin.sun import astropy_module

    return astropy_module("astropy.time", "a day_obs as an astropy Time").Time


# -- what they all share


def _day(tai: int) -> int:
    """Count the day from 1970."""
    return (tai - _NOON) // DAY


def _date(day: int) -> date:
    try:
        return date.fromordinal(day + _ORDINAL_OF_1970)
    except (ValueError, OverflowError):
        raise UsageError("there is no day_obs outside of the years 1 to 9999") from None


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
