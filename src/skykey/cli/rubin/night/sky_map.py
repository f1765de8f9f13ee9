"""Where the telescope looked, as seen from the ground; how often in which band and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.cli.rubin.messages import length
from skykey.cli.rubin.night.colours import MARKERS
from skykey.rubin import night_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.rubin.night_numbers import Count
    from skykey.tables.table import Table

_LOWEST: Final = 20.0
_MINUTE: Final = 60
MOST_PROGRAMMES: Final = 8
"""How many of them a picture has room for."""


def draw_sky(axis: Any, visits: Table, theme: Theme, colours: NightColours) -> None:
    """The sky above the observatory: the zenith in the middle, north above, east to the right, as a compass has it."""
    import numpy as np

    azimuths, heights = (night_numbers.numbers(visits, name) for name in ("azimuth", "altitude"))
    by_band: dict[str | None, list[tuple[float, float]]] = {}
    for azimuth, height, band in zip(azimuths, heights, night_numbers.column(visits, "band"), strict=True):
        if azimuth is not None and height is not None:
            by_band.setdefault(band or None, []).append((np.radians(azimuth), 90.0 - height))
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_rlim(0, 90.0 - _LOWEST)
    axis.set_rgrids([30, 60], ["60°", "30°"], fontsize=7.5, color=theme.faint, angle=112.5)
    axis.set_thetagrids([0, 90, 180, 270], ["N", "E", "S", "W"], fontsize=9)
    axis.tick_params(pad=-1)
    axis.grid(linewidth=0.6)
    axis.spines["polar"].set_color(theme.lines)
    for band, places in by_band.items():
        colour = colours.bands.get(band or "", colours.other)
        angles, distances = zip(*places, strict=True)
        shape = MARKERS.get(band or "", ".")
        axis.plot(angles, distances, shape, color=colour, markersize=3.4, markeredgewidth=0, alpha=0.85)
    axis.set_title("where it looked", fontsize=9.5, color=theme.faint)


def draw_bands(axis: Any, visits: Table, theme: Theme, colours: NightColours) -> None:
    """Visits by band, with the time for which the shutter was open."""
    counts = night_numbers.by_band(visits)
    _bars(axis, counts, [colours.bands.get(band or "", colours.other) for band in counts], theme)
    axis.set_title("visits, and shutter open", fontsize=9.5, color=theme.faint)


def draw_programmes(axis: Any, visits: Table, theme: Theme, colours: NightColours) -> None:
    """Visits by programme; of many the largest."""
    counts = dict(list(night_numbers.by_programme(visits).items())[:MOST_PROGRAMMES])
    _bars(axis, counts, [colours.other] * len(counts), theme)


def _bars(axis: Any, counts: Mapping[str | None, Count], shades: Sequence[str], theme: Theme) -> None:
    from skykey.cli.canvas import shortened

    most = max(count.visits for count in counts.values())
    for place, (count, shade) in enumerate(zip(counts.values(), shades, strict=True)):
        axis.barh(place, count.visits, color=shade, height=0.55)
        said = f" {count.visits:,}   {length(round(count.shutter / _MINUTE) * _MINUTE)}"
        axis.text(count.visits, place, said, va="center", fontsize=8, color=theme.ink)
    axis.set_yticks(range(len(counts)), [shortened(name or "none") for name in counts], fontsize=8.5)
    for label, shade in zip(axis.get_yticklabels(), shades, strict=True):
        label.set_color(shade)
        label.set_fontweight("bold")
    axis.set_xlim(0, most * 2.1)
    axis.set_ylim(len(counts) - 0.4, -0.6)
    axis.set_xticks([])
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "bottom", "left"]].set_visible(False)
