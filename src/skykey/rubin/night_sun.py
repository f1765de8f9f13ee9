"""When a night is dark: exactly with astropy, else to some seconds by a short series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.rubin.sun import LATITUDE, LONGITUDE, set_and_rise
from skykey.values.errors import MissingExtra
from skykey.values.scales import DAY, SECOND, utc_from_tai

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TWILIGHT: Final = -12.0
"""Degrees of the Sun's centre; lower than that it is dark enough to observe."""

_NOON_OF_2000: Final = 946_728_000 * SECOND
_STEPS: Final = 1441


def darkness(noon_tai: int) -> tuple[int, int]:
    """From when to when the Sun is below -12 degrees.

    Parameters
    ----------
    noon_tai
        Where the day begins, in TAI nanoseconds.

    Returns
    -------
    tuple of int
        UTC nanoseconds: with astropy as `skykey.rubin.dayobs_utils.day_obs_sunset_sunrise`, without it within ten
        seconds of that.
    """
    try:
        dusk, dawn = set_and_rise(noon_tai, TWILIGHT)
    except MissingExtra:
        return _darkness_in_short(utc_from_tai(noon_tai))
    return utc_from_tai(dusk), utc_from_tai(dawn)


def sun_height(utc: NDArray[np.int64]) -> NDArray[np.float64]:
    """Degrees of the Sun's centre above the observatory's horizon, without refraction, to a hundredth or two.

    The Astronomical Almanac's short series. It needs no astropy, which takes a second to load.

    Parameters
    ----------
    utc
        UTC nanoseconds since 1970.
    """
    import numpy as np

    days = (utc - _NOON_OF_2000) / DAY
    anomaly = np.radians(357.528 + 0.9856003 * days)
    mean = 280.460 + 0.9856474 * days
    longitude = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 4e-7 * days)
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    sidereal = np.radians(280.46062 + 360.98564737 * days + LONGITUDE)
    latitude = np.radians(LATITUDE)
    across = np.cos(latitude) * np.cos(declination) * np.cos(sidereal - ascension)
    return np.asarray(np.degrees(np.arcsin(np.sin(latitude) * np.sin(declination) + across)))


def _darkness_in_short(noon_utc: int) -> tuple[int, int]:
    import numpy as np

    times = noon_utc + np.linspace(0, DAY, _STEPS).astype(np.int64)
    above = sun_height(times) - TWILIGHT
    low = (above < 0).nonzero()[0]
    edges = []
    for before in (int(low[0]) - 1, int(low[-1])):
        part = float(above[before] / (above[before] - above[before + 1]))
        edges.append(int(times[before]) + round(part * int(times[before + 1] - times[before])))
    return edges[0], edges[1]
