"""A night as one picture: log and lost time, visits by band, their quality, where they were, and the weather."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from skykey.cli import canvas
from skykey.cli.rubin.night import beside, facts
from skykey.cli.rubin.night.colours import ON_DARK, ON_LIGHT
from skykey.cli.rubin.night.panels import panels_of
from skykey.cli.rubin.sky import axis_of, sky_of
from skykey.cli.themes import DARK, LIGHT
from skykey.rubin import night_numbers
from skykey.rubin.night_sun import sun_height

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.rubin.night import Night

_WIDTH: Final = 12.5
_HEAD_AND_FOOT: Final = 1.5
_MARGIN: Final = 20 * 60 * 10**9
_SUNSET: Final = -0.833
_STEPS: Final = 2881
_RATIO: Final = (3.3, 1.0)
_HEAD: Final = 0.7


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of one picture."""

    theme: Theme
    night: NightColours


def write(night: Night, path: Path, *, dark: bool = False) -> None:
    """Write the picture, under a temporary name until it is whole.

    Parameters
    ----------
    night
        What is drawn; parts that failed leave their panels out, and are named below the title.
    path
        ``.png``, ``.svg`` or ``.pdf``.
    dark
        Whether the ground is dark.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    _, _, settings = canvas.matplotlib()
    look = _look(dark=dark)
    with settings(canvas.settings_of(look.theme)):
        canvas.write(_figure(night, look), path)


def png(night: Night, *, dark: bool = False) -> bytes:
    """The same as bytes, to put into a page."""
    _, _, settings = canvas.matplotlib()
    look, written = _look(dark=dark), BytesIO()
    with settings(canvas.settings_of(look.theme)):
        _figure(night, look).savefig(written, format="png")
    return written.getvalue()


def _look(*, dark: bool) -> Look:
    return Look(DARK, ON_DARK) if dark else Look(LIGHT, ON_LIGHT)


def _figure(night: Night, look: Look) -> Any:
    import numpy as np

    figure_class, dates, _ = canvas.matplotlib()
    first, last = hours(night)
    edges = (np.datetime64(first, "ns"), np.datetime64(last, "ns"))
    panels = panels_of(night, look.theme, look.night, (first, last))
    heights = [panel.height for panel in panels] or [3.0]
    column = beside.blocks_of(night, look.theme, look.night)
    height = max(_HEAD_AND_FOOT + max(sum(heights), 2.0), _HEAD + beside.needed(column))
    figure = figure_class(figsize=(_WIDTH, height), dpi=130, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)
    left, right = figure.subfigures(1, 2, width_ratios=_RATIO) if column else (figure, None)
    axes = list(left.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    sky = sky_of(first, last)
    for axis, panel in zip(axes, panels, strict=False):
        canvas.ground(axis, sky, look.theme)
        panel.draw(axis)
        axis.spines[["top", "right"]].set_visible(False)
    if not panels:
        canvas.ground(axes[0], sky, look.theme)
        axes[0].set_yticks([])
        said = "of what came there is nothing to draw" if night.failed else "no visits, no messages, no telemetry"
        axes[0].text(0.5, 0.5, said, transform=axes[0].transAxes, ha="center")
    canvas.marks_above(axes[0], sky, look.theme)
    canvas.time_axis(axes, dates, edges)
    for axis in axes[:-1]:
        axis.tick_params(labelbottom=False)
    axes[-1].set_xlabel(axis_of(first, last))
    if right is not None:
        beside.draw(right, column, (_WIDTH * _RATIO[1] / sum(_RATIO), height - _HEAD))
    left.align_ylabels(axes)
    canvas.head(figure, canvas.Words(*_words(night, (first, last))), look.theme)
    return figure


def hours(night: Night) -> tuple[int, int]:
    """What the picture shows of the day: from a little before sunset until a little after sunrise."""
    import numpy as np

    times = np.linspace(night.begin, night.end, _STEPS).astype(np.int64)
    (low,) = (sun_height(times) < _SUNSET).nonzero()
    return int(times[low[0]]) - _MARGIN, int(times[low[-1]]) + _MARGIN


def _words(night: Night, span: tuple[int, int]) -> tuple[str, str, str]:
    return (
        f"{facts.instrument(night.instrument)}, day_obs {night.day_obs}",
        "   ".join(_told(night, span)),
        f"at {night.site}",
    )


def _told(night: Night, span: tuple[int, int]) -> Iterator[str]:
    visits, log = night.visits.found, night.log.found
    if visits is not None:
        yield f"{len(visits):,} visit{'' if len(visits) == 1 else 's'}" + (" (not all)" if visits.truncated else "")
        share = night_numbers.share(night_numbers.shutter(visits), night_numbers.dark_hours(night))
        if share is not None and len(visits):
            yield f"shutter open {share:.0%} of the dark time"
        outside = sum(not span[0] <= start < span[1] for start in facts.starts(visits))
        if outside:
            yield f"{outside} by day, not shown"
    if log is not None:
        yield f"{len(log):,} message{'' if len(log) == 1 else 's'}" + (" (not all)" if log.truncated else "")
    if night.failed:
        yield f"MISSING: {', '.join(part.name for part in night.failed)}"
