"""Small tables beside the panels: how often in which band and for whom, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.cli.rubin.messages import length
from skykey.rubin import night_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.rubin.night_numbers import Count
    from skykey.tables.table import Table

_MINUTE: Final = 60
MOST_PROGRAMMES: Final = 8
"""How many of them a picture has room for."""


def draw_bands(axis: Any, visits: Table, theme: Theme, colours: NightColours) -> None:
    """Visits by band, with the time for which the shutter was open."""
    counts = night_numbers.by_band(visits)
    _counted(axis, counts, [colours.bands.get(band or "", colours.other) for band in counts], theme)
    axis.set_title("visits, and shutter open", fontsize=9.5, color=theme.faint)


def draw_programmes(axis: Any, visits: Table, theme: Theme, colours: NightColours) -> None:
    """Visits by programme; of many the largest."""
    counts = dict(list(night_numbers.by_programme(visits).items())[:MOST_PROGRAMMES])
    _counted(axis, counts, [colours.other] * len(counts), theme)


def _counted(axis: Any, counts: Mapping[str | None, Count], shades: Sequence[str], theme: Theme) -> None:
    said = [f"{count.visits:,}   {length(round(count.shutter / _MINUTE) * _MINUTE)}" for count in counts.values()]
    bars(axis, [(count.visits, words) for count, words in zip(counts.values(), said, strict=True)], shades, theme)
    names(axis, counts, shades)


def bars(axis: Any, told: Sequence[tuple[float, str]], shades: Sequence[str], theme: Theme) -> None:
    """A bar for each number, and beside it what is said of it."""
    longest = max(size for size, _ in told)
    for place, ((size, words), shade) in enumerate(zip(told, shades, strict=True)):
        axis.barh(place, size / longest, color=shade, height=0.55)
        axis.text(size / longest, place, f" {words}", va="center", fontsize=8, color=theme.ink)
    axis.set_xlim(0, 2.1)


def names(axis: Any, rows: Collection[str | None], shades: Sequence[str]) -> None:
    """Name the rows of a small table, from above, and leave nothing else of its frame."""
    from skykey.cli.canvas import shortened

    axis.set_yticks(range(len(rows)), [shortened(name or "none") for name in rows], fontsize=8.5)
    for label, shade in zip(axis.get_yticklabels(), shades, strict=True):
        label.set_color(shade)
        label.set_fontweight("bold")
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xticks([])
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "bottom", "left"]].set_visible(False)
