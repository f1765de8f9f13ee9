"""Day, dusk and night behind a picture, and the days of observing above it.

The Sun's place is good to a hundredth of a degree, which is some seconds of time: less than a picture shows.
"""

from __future__ import annotations

from typing import Any, Final

from skykey.cli.canvas import Mark, Sky
from skykey.rubin.night_sun import TWILIGHT, sun_height
from skykey.values.errors import UsageError
from skykey.values.scales import DAY, SECOND, tai_from_utc, utc_from_tai

_RISING: Final = -0.833  # of the centre, when the upper edge is seen: refraction and half the disc
_MINUTE: Final = 60 * SECOND
_STEPS: Final = 10_000
_MOST_DAYS: Final = 45
_MOST_MARKS_OF_THE_SUN: Final = 1.5
_ROOM: Final = 0.065  # of the picture's width, for one name


def sky_of(begin: int, end: int) -> Sky:
    """What stands behind and above the curves between two points in time.

    Parameters
    ----------
    begin, end
        UTC nanoseconds since 1970. Of more than 45 days nothing is shown: nights would be stripes.
    """
    import numpy as np

    if (end - begin) / DAY > _MOST_DAYS:
        return Sky()
    times = begin + np.unique(np.linspace(0, end - begin, _STEPS).astype(np.int64))
    height = sun_height(times)
    short = (end - begin) / DAY <= _MOST_MARKS_OF_THE_SUN
    marks = [*_passes(times, height, TWILIGHT), *_noons(begin, end), *_passes(times, height, _RISING)]
    return Sky(
        dusks=_stretches(times, (height > TWILIGHT) & (height <= _RISING)),
        days=_stretches(times, height > _RISING),
        marks=_with_room(marks if short else _noons(begin, end), begin, end),
    )


def days_of(begin: int, end: int) -> str:
    """The days of observing between two points in time, in words."""
    try:
        first, last = (_name(_day(edge)) for edge in (begin, end))
    except UsageError:
        return ""
    return f"day_obs {first}" if first == last else f"day_obs {first} to {last}"


def axis_of(begin: int, end: int) -> str:
    """Which time the axis has, and where the other one is."""
    try:
        first, last = ((tai_from_utc(edge) - edge) // SECOND for edge in (begin, end))
    except UsageError:
        return "UTC"
    return f"UTC (TAI \N{MINUS SIGN} {first} s)" if first == last else "UTC"


def _noons(begin: int, end: int) -> list[Mark]:
    """Where days of observing begin."""
    try:
        days = range(_day(begin) + 1, _day(end) + 1)
        return [Mark(utc_from_tai(day * DAY + DAY // 2), f"day_obs\n{_name(day)}", has_line=True) for day in days]
    except UsageError:
        return []


def _day(utc: int) -> int:
    return (tai_from_utc(utc) - DAY // 2) // DAY


def _name(day: int) -> str:
    from datetime import date, timedelta

    return f"{date(1970, 1, 1) + timedelta(days=day):%Y%m%d}"


def _passes(times: Any, height: Any, level: float) -> list[Mark]:
    """When the Sun passes a height, to the minute. Names stand outside of the dusk between two of them."""
    import numpy as np

    above, found = height > level, []
    for place in np.flatnonzero(above[1:] != above[:-1]):
        part = (level - height[place]) / (height[place + 1] - height[place])
        when = int(times[place]) + round(float(part) * int(times[place + 1] - times[place]))
        rises = bool(above[place + 1])
        clock = np.datetime_as_string(np.datetime64(when + _MINUTE // 2, "ns"), unit="m")[-5:]
        if level == _RISING:
            found.append(Mark(when, f"{'sunrise' if rises else 'sunset'}\n{clock}", is_left=not rises))
        else:
            found.append(Mark(when, f"Sun \N{MINUS SIGN}12°\n{clock}", is_left=rises))
    return found


def _with_room(marks: list[Mark], begin: int, end: int) -> tuple[Mark, ...]:
    """Leave out names that would stand on others; what comes first is worth more."""
    import numpy as np

    taken: list[tuple[float, float]] = []
    kept = []
    for mark in marks:
        place = (mark.when - begin) / (end - begin)
        first, last = (place - _ROOM, place) if mark.is_left else (place, place + _ROOM)
        if all(last <= low or first >= high for low, high in taken):
            taken.append((first, last))
            kept.append(mark._replace(when=np.datetime64(mark.when, "ns")))
        elif mark.has_line:
            kept.append(mark._replace(when=np.datetime64(mark.when, "ns"), text=""))
    return tuple(kept)


def _stretches(times: Any, are: Any) -> tuple[tuple[Any, Any], ...]:
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate(([False], are, [False])).astype("int8")))
    last = len(times) - 1
    return tuple(
        (np.datetime64(int(times[first]), "ns"), np.datetime64(int(times[min(past, last)]), "ns"))
        for first, past in zip(edges[::2], edges[1::2], strict=True)
    )
