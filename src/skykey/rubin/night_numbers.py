"""What a night comes to: its visits counted, its shutter's and its lost time added up."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skykey.rubin.night import Night
    from skykey.tables.table import Table

BANDS: Final = ("u", "g", "r", "i", "z", "y")
"""In the order of wavelength."""

_FWHM: Final = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in units of its sigma
_SECOND: Final = 10**9
_HOUR: Final = 3600.0
_MOST: Final = 1e100  # nothing that was measured, and sums stay below what a float can hold
_OF_NO_TYPE: Final = "of no type"


@dataclass(frozen=True, slots=True)
class Count:
    """Some of the visits.

    Parameters
    ----------
    visits
        How many.
    shutter
        Seconds for which the shutter was open.
    """

    visits: int
    shutter: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The middle one of a night's measurements.

    Parameters
    ----------
    label, unit
        What was measured.
    middle
        The median.
    visits
        Of how many visits.
    """

    label: str
    unit: str
    middle: float
    visits: int


def by_band(visits: Table) -> dict[str | None, Count]:
    """Visits by band: ugrizy first, then whatever else there is; those without one come last, as None."""
    found = _counted(visits, "band")
    order = [*BANDS, *sorted(name for name in found if name and name not in BANDS), None]
    return {name: found[name] for name in order if name in found}


def by_programme(visits: Table) -> dict[str | None, Count]:
    """Visits by science programme, the largest first; those without one are under None."""
    found = _counted(visits, "science_program")
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].visits, pair[0] or "")))


def shutter(visits: Table) -> float:
    """Seconds for which the shutter was open; where that was not measured, the exposure time."""
    return math.fsum(_shutters(visits))


def time_lost(log: Table) -> dict[str, float]:
    """Seconds that were lost, by the log's own types. Messages that overlap count twice, as in the log."""
    lost: dict[str, float] = {}
    for seconds, kind in zip(numbers(log, "time_lost"), column(log, "time_lost_type"), strict=True):
        if seconds is not None and seconds > 0:
            lost[kind or _OF_NO_TYPE] = lost.get(kind or _OF_NO_TYPE, 0.0) + seconds
    return dict(sorted(lost.items()))


def dark_hours(night: Night) -> float | None:
    """How long the Sun is below -12 degrees; None where that is not known."""
    if night.dark.found is None:
        return None
    dusk, dawn = night.dark.found
    return (dawn - dusk) / _SECOND / _HOUR


def quality(visits: Table) -> list[Quality]:
    """The medians of what was measured, as far as it was."""
    measured: tuple[tuple[str, str, Sequence[float | None]], ...] = (
        ("seeing", "″", seeing(visits)),
        ("zero point", "mag", numbers(visits, "zero_point_median")),
        ("sky background", "counts", numbers(visits, "sky_bg_median")),
        ("airmass", "", numbers(visits, "airmass")),
    )
    known = [(label, unit, [each for each in values if each is not None]) for label, unit, values in measured]
    return [Quality(label, unit, median(values), len(values)) for label, unit, values in known if values]


def seeing(visits: Table) -> list[float | None]:
    """The full width at half maximum of each visit's stars, in seconds of arc."""
    sigmas, scales = numbers(visits, "psf_sigma_median"), numbers(visits, "pixel_scale_median")
    return [
        None if sigma is None or scale is None else sigma * scale * _FWHM
        for sigma, scale in zip(sigmas, scales, strict=True)
    ]


def numbers(table: Table, name: str) -> list[float | None]:
    """A column's numbers, None for what is missing or no number; all None for a column that is not there."""
    return [
        float(cell) if isinstance(cell, int | float) and abs(cell) < _MOST else None for cell in column(table, name)
    ]


def column(table: Table, name: str) -> list[Any]:
    """A column's values; all None for one that is not there."""
    if name not in table.arrow.column_names:
        return [None] * len(table)
    return list(table.arrow.column(name).to_pylist())


def share(seconds: float, hours: float | None) -> float | None:
    """What part of the dark hours some seconds are; None if there are none."""
    return seconds / (hours * _HOUR) if hours else None


def _counted(visits: Table, name: str) -> Mapping[str | None, Count]:
    counts: Counter[str | None] = Counter()
    seconds: dict[str | None, list[float]] = {}
    for given, length in zip(column(visits, name), _shutters(visits), strict=True):
        key = str(given) if given else None
        counts[key] += 1
        seconds.setdefault(key, []).append(length)
    return {key: Count(many, math.fsum(seconds[key])) for key, many in counts.items()}


def _shutters(visits: Table) -> list[float]:
    opened, exposed = numbers(visits, "shut_time"), numbers(visits, "exp_time")
    return [(long if short is None else short) or 0.0 for short, long in zip(opened, exposed, strict=True)]
