"""Where the telescope looked, as seen from the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.cli.rubin.night.colours import MARKERS
from skykey.rubin import night_numbers

if TYPE_CHECKING:
    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.tables.table import Table

_LOWEST: Final = 20.0


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
    axis.set_rgrids([30, 60], ["", ""])
    ground = {"color": theme.paper, "alpha": 0.75, "pad": 0.8, "linewidth": 0}
    for distance in (30, 60):  # written here and not by the grid, as they stand before the visits
        place = (np.radians(180), distance, f"{90 - distance}°")
        axis.text(*place, ha="center", va="center", fontsize=7.5, color=theme.faint, bbox=ground, zorder=4)
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
