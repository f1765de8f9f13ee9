"""Curves over time as numbers: which of them share a scale, and where a line breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP: Final = 5.0
_ALIKE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Curve:
    """One field over time.

    Parameters
    ----------
    name
        Which one, for the legend.
    times
        NumPy ``datetime64[ns]`` in UTC, ascending.
    values
        NumPy floats; NaN where there is no value.
    field
        What is drawn; several curves may be of one field. By default `name`.
    unit
        Of the values, as people write it; None if it is not known or there is none.
    texts
        Of a field that holds text: what its values 0, 1, … stand for.
    """

    name: str
    times: Any
    values: Any
    field: str = ""
    unit: str | None = None
    texts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What the axis is called."""
        return self.field or self.name


def grouped(curves: Sequence[Curve]) -> list[list[Curve]]:
    """Put curves together that share unit and scale: none of them may be pressed flat by the others."""
    import numpy as np

    groups: list[tuple[list[Curve], float, float, float]] = []
    for curve in curves:
        known = curve.values[np.isfinite(curve.values)]
        low, high = (float(edge) for edge in np.percentile(known, [1, 99])) if len(known) else (0.0, 0.0)
        span = high - low
        for number, (members, least, most, narrowest) in enumerate(groups):
            common, needed = max(most, high) - min(least, low), min(narrowest, span)
            of_a_kind = (members[0].unit, members[0].texts) == (curve.unit, curve.texts)
            if of_a_kind and (curve.texts or common <= _ALIKE * needed or common == 0):
                groups[number] = ([*members, curve], min(least, low), max(most, high), needed)
                break
        else:
            groups.append(([curve], low, high, span))
    return [members for members, *_ in groups]


def with_gaps(curve: Curve) -> tuple[Any, Any]:
    """Break the line where samples are missing: several times as far apart as nine of ten are."""
    import numpy as np

    steps = np.diff(curve.times).astype("int64")
    if len(steps) < 2:  # noqa: PLR2004 - no usual distance yet
        return curve.times, curve.values
    gaps = np.flatnonzero(steps > _GAP * np.percentile(steps, 90)) + 1
    times = np.insert(curve.times, gaps, curve.times[gaps - 1] + np.timedelta64(1, "ns"))
    return times, np.insert(curve.values, gaps, np.nan)


def alone(values: Any) -> Any:
    """Which samples have no neighbour: a line does not show them."""
    import numpy as np

    known = np.concatenate(([False], np.isfinite(values), [False]))
    return known[1:-1] & ~known[:-2] & ~known[2:]
