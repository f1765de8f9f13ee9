"""When the Sun passes a height above the horizon of Rubin Observatory, without a question to anybody.

Everything comes from what astropy has installed, ERFA and its table of the Earth's rotation; no setting of astropy is
read or changed, so that nothing is downloaded, whatever it says.
"""

from __future__ import annotations

import functools
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import MissingExtra, UsageError
from skykey.values.scales import DAY, SECOND, utc_from_tai_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGITUDE: Final = -70.749417
"""Degrees, east of Greenwich."""
LATITUDE: Final = -30.244639
"""Degrees, geodetic (WGS 84)."""
HEIGHT: Final = 2663.0
"""Metres above the ellipsoid."""

_GRID: Final = 150
_TT_AHEAD: Final = 32.184  # of TAI, in seconds
_JD_OF_1970: Final = 2_440_587.5


def astropy_module(name: str, needed_for: str) -> Any:
    """Load a module of astropy's, or of what comes with it.

    Raises
    ------
    MissingExtra
        If it is not installed; it names the extra.
    """
    try:
        return import_module(name)
    except ImportError as missing:
        raise MissingExtra.of("vo", needed_for) from missing


def heights(tai: NDArray[np.int64]) -> NDArray[np.float64]:
    """Degrees of the Sun's centre above the observatory's horizon, without refraction.

    Parameters
    ----------
    tai
        Points in time within a day, in TAI nanoseconds. The Sun is taken to rest among the stars where it is at the
        first of them, which is good to two seconds of arc.
    """
    import numpy as np

    erfa = astropy_module("erfa", "the Sun's position")
    # Julian dates in two parts: one float alone is good to 40 microseconds only.
    day = _JD_OF_1970 + tai[0] // DAY
    terrestrial = (tai - tai[0] // DAY * DAY) / DAY + _TT_AHEAD / (DAY / SECOND)
    universal = (utc_from_tai_array(tai) - tai[0] // DAY * DAY) / DAY
    rotation = _rotation()
    behind, _ = rotation.ut1_utc(day, universal, return_status=True)
    polar_x, polar_y, _ = rotation.pm_xy(day, universal, return_status=True)
    from_sun, from_barycentre = erfa.epv00(day, terrestrial)
    context = erfa.apco(
        *(day, terrestrial, from_barycentre, from_sun["p"]),
        *erfa.xys06a(day, terrestrial),
        erfa.era00(day, universal + behind.to_value("day")),
        *(np.radians(LONGITUDE), np.radians(LATITUDE), HEIGHT),
        *(polar_x.to_value("rad"), polar_y.to_value("rad"), erfa.sp00(day, terrestrial)),
        *(0.0, 0.0),
    )
    sun = (from_barycentre["p"] - from_sun["p"])[0]
    intermediate = erfa.atciqz(*erfa.c2s(sun - context["eb"]), context)
    _, from_zenith, *_ = erfa.atioq(*intermediate, context)
    return np.asarray(90.0 - np.degrees(from_zenith))


def set_and_rise(noon: int, height: float) -> tuple[int, int]:
    """Find when the Sun passes a height downwards, and when upwards, within a day.

    Parameters
    ----------
    noon
        Where the day begins, in TAI nanoseconds.
    height
        Of the Sun's centre above the horizon, in degrees.

    Returns
    -------
    tuple of int
        TAI nanoseconds. As in the release, which leaves it to astroplan, the Sun is looked at 150 times and moves
        straight in between: both are within two seconds of the truth, and within 0.02 seconds of the release.

    Raises
    ------
    UsageError
        If the Sun does not get there on that day.
    MissingExtra
        Without astropy.
    """
    import numpy as np

    times = noon + np.rint(np.linspace(0, DAY, _GRID)).astype(np.int64)
    above = heights(times) - height
    return _passes(times, above, height), _passes(times, -above, height)


def _passes(times: NDArray[np.int64], above: NDArray[np.float64], height: float) -> int:
    (before,) = ((above[:-1] > 0) & (above[1:] <= 0)).nonzero()
    if not len(before):
        raise UsageError(f"the Sun does not pass a height of {height} degrees on that day")
    first = before[0]
    part = above[first] / (above[first] - above[first + 1])
    return int(times[first]) + round(float(part) * int(times[first + 1] - times[first]))


@functools.cache
def _rotation() -> Any:
    """The Earth's rotation as astropy has it on disk; beyond its end the last values hold."""
    tables = astropy_module("astropy.utils.iers", "the Earth's rotation")
    return tables.IERS_A.read(tables.IERS_A_FILE)
