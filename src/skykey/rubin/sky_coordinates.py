"""Directions in the sky in other systems than ICRS, as astropy gives them, without astropy.

Both systems are fixed, and a few multiplications lead there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POLE: Final = 90.0
_CIRCLE: Final = 360.0

# From ICRS to galactic coordinates, as astropy has it: by way of FK5, which is 0.02 seconds of arc away from ICRS.
_GALACTIC: Final = (
    (-0.05487565771259163, -0.8734370519556159, -0.48383507361671546),
    (0.4941094371927268, -0.4448297212232952, 0.7469821839866676),
    (-0.8676661375596576, -0.19807633727300053, 0.4559838136873016),
)
# From the Earth's own axes to the mean ecliptic and equinox of J2000 (ERFA's ecm06).
_ECLIPTIC: Final = (
    (0.9999999999999941, -7.078368960971556e-08, 8.056213977613186e-08),
    (3.289700407741965e-08, 0.9174821299149584, 0.39777699944404793),
    (-1.0207044725484355e-07, -0.39777699944404304, 0.9174821299149556),
)
# Geocentric means: as it is seen from the Earth at J2000, which moves, and near the Sun. Both are ERFA's epv00.
_VELOCITY: Final = (-9.935188888939237e-05, -1.677745301694051e-05, -7.273846787215326e-06)  # in units of c
_FROM_SUN: Final = (-0.18013839928379738, 0.9024748815970847, 0.391266207574586)  # a direction
_DISTANCE: Final = 0.9833276719328775  # astronomical units
_SCHWARZSCHILD: Final = 1.97412574336e-8  # the Sun's radius of that name, in astronomical units
_LEAST: Final = 1e-6  # behind the Sun, where nothing is seen, bending stays finite


def galactic(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Galactic latitudes and longitudes of directions in ICRS, all in degrees; NaN for what is no direction."""
    return _angles(_GALACTIC, _directions(ra, dec))


def ecliptic(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes in the geocentric mean ecliptic of J2000, of directions in ICRS, all in degrees.

    A rotation, after what the Earth's speed does to directions (up to 20 seconds of arc), and the Sun's mass.

    The formulas are ERFA's ``ldsun`` and ``ab``, for a source at infinity, with everything in them that is constant
    at J2000, less what only changes a length. A rotation alone would be 0.006 degrees wrong.
    """
    import numpy as np

    direction, from_sun, velocity = _directions(ra, dec), np.array(_FROM_SUN), np.array(_VELOCITY)
    pull = _SCHWARZSCHILD / _DISTANCE
    along = direction @ from_sun
    bent = pull / np.maximum(1 + along, _LEAST)
    direction = direction + bent[:, None] * (from_sun - along[:, None] * direction)
    slowed = np.sqrt(1 - velocity @ velocity)
    ahead = (direction @ velocity)[:, None]
    seen = slowed * direction + (1 + ahead / (1 + slowed)) * velocity + pull * velocity
    return _angles(_ECLIPTIC, seen)


def _directions(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors of length 1; NaN for what is no place in the sky."""
    import numpy as np

    good = np.isfinite(ra) & (np.abs(dec) <= _POLE)
    lon, lat = np.radians(np.where(good, ra, np.nan)), np.radians(np.where(good, dec, np.nan))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _angles(
    axes: tuple[tuple[float, ...], ...], directions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude in degrees, the longitude from 0 on and below 360."""
    import numpy as np

    x, y, z = np.array(axes) @ directions.T
    longitude = np.degrees(np.arctan2(y, x)) % _CIRCLE
    longitude[longitude >= _CIRCLE] = 0.0  # what is left of a tiny angle below 0, rounded
    return np.degrees(np.arctan2(z, np.hypot(x, y))), longitude
