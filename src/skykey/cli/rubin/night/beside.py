"""The column beside a night's panels: the sky, visits counted and measured, and time lost, as far as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.rubin.messages import length
from skykey.cli.rubin.night.bars import MOST_PROGRAMMES, bars, draw_bands, draw_programmes, names
from skykey.cli.rubin.night.sky_map import draw_sky
from skykey.rubin import night_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.rubin.night import Night
    from skykey.tables.table import Table

_SKY: Final = 2.4
_NAMES: Final = 0.85
_BAR: Final = 0.26
_FOOT: Final = 0.1
_COLUMNS: Final = (("seeing (″)", 0.27, "{:.2f}"), ("zero point", 0.6, "{:.2f}"), ("sky (counts)", 0.98, "{:,.0f}"))


@dataclass(frozen=True, slots=True)
class Block:
    """One of the column's parts.

    Parameters
    ----------
    above, height
        Room over it and its own, in inches.
    draw
        Fills the axes that it gets.
    is_round
        Whether these are polar.
    is_needed
        Whether the picture grows if there is no room for it.
    """

    above: float
    height: float
    draw: Callable[[Any], None]
    is_round: bool = False
    is_needed: bool = True


def blocks_of(night: Night, theme: Theme, colours: NightColours) -> list[Block]:
    """What stands in the column; nothing without visits."""
    return list(_blocks(night, night.visits.found, theme, colours)) if night.visits.found else []


def needed(blocks: Sequence[Block]) -> float:
    """The least height of the column, in inches."""
    return sum(block.above + block.height for block in blocks if block.is_needed) + (_FOOT if blocks else 0.0)


def draw(figure: Any, blocks: Sequence[Block], size: tuple[float, float]) -> None:
    """Draw them from the top of a figure of this size (inches) on. Their sizes do not depend on what is beside them."""
    width, top = size
    for block in blocks:
        bottom = top - block.above - block.height
        if bottom < _FOOT / 2 and not block.is_needed:
            continue
        left, wide = ((width - _SKY) / 2, _SKY) if block.is_round else (_NAMES, width - _NAMES)
        place = (left / width, bottom / size[1], wide / width, block.height / size[1])
        block.draw(figure.add_axes(place, **({"projection": "polar"} if block.is_round else {})))
        top = bottom


def _blocks(night: Night, visits: Table, theme: Theme, colours: NightColours) -> Iterator[Block]:
    bands, programmes = (len(of(visits)) for of in (night_numbers.by_band, night_numbers.by_programme))
    yield Block(0.55, _SKY, lambda axis: draw_sky(axis, visits, theme, colours), is_round=True)
    yield Block(0.75, _BAR * bands, lambda axis: draw_bands(axis, visits, theme, colours))
    tall = _BAR * min(programmes, MOST_PROGRAMMES)
    yield Block(0.3, tall, lambda axis: draw_programmes(axis, visits, theme, colours))
    medians = _medians(visits)
    if medians:
        tall = _BAR * len(medians)
        yield Block(0.65, tall, lambda axis: _draw_medians(axis, medians, theme, colours), is_needed=False)
    lost = night_numbers.time_lost(night.log.found) if night.log.found is not None else {}
    if lost:
        yield Block(0.6, _BAR * len(lost), lambda axis: _draw_lost(axis, lost, theme, colours), is_needed=False)


def _medians(visits: Table) -> dict[str | None, list[float | None]]:
    """By band: the middle of each column's numbers, None where there is none; nothing if nothing was measured."""
    found: dict[str | None, list[float | None]] = {}
    measured = [
        night_numbers.seeing(visits),
        *(night_numbers.numbers(visits, name) for name in ("zero_point_median", "sky_bg_median")),
    ]
    bands = [band or None for band in night_numbers.column(visits, "band")]
    for band in night_numbers.by_band(visits):
        known = [
            [value for value, of in zip(values, bands, strict=True) if of == band and value is not None]
            for values in measured
        ]
        if any(known):
            found[band] = [median(values) if values else None for values in known]
    return found


def _draw_medians(
    axis: Any, medians: Mapping[str | None, Sequence[float | None]], theme: Theme, colours: NightColours
) -> None:
    axis.set_xlim(0, 1)
    for number, (name, right, written) in enumerate(_COLUMNS):
        axis.text(right, -0.85, name, ha="right", va="center", fontsize=7.5, color=theme.faint)
        for place, values in enumerate(medians.values()):
            value = values[number]
            said = "\N{EN DASH}" if value is None else written.format(value)
            axis.text(right, place, said, ha="right", va="center", fontsize=8, color=theme.ink)
    names(axis, medians, [colours.bands.get(band or "", colours.other) for band in medians])
    axis.set_title("medians", color=theme.faint, fontsize=9.5, pad=14)


def _draw_lost(axis: Any, lost: Mapping[str, float], theme: Theme, colours: NightColours) -> None:
    shades = [colours.lost.get(kind, colours.other) for kind in lost]
    bars(axis, [(seconds, length(round(seconds))) for seconds in lost.values()], shades, theme)
    names(axis, lost, shades)
    axis.set_title("time lost, by the log", color=theme.faint, fontsize=9.5)
