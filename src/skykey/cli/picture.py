"""Curves over a night: a picture that says what it shows, and where it has nothing to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.cli import canvas
from skykey.cli.curves import alone, grouped, with_gaps
from skykey.cli.themes import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from skykey.cli.canvas import Sky, Words
    from skykey.cli.curves import Curve

_FEW: Final = 200
_LONG_NAME: Final = 18


def draw(
    curves: Sequence[Curve],
    *,
    words: Words,
    path: Path,
    span: tuple[Any, Any],
    sky: Sky | None = None,
    dark: bool = False,
) -> None:
    """Draw curves and write the picture, under a temporary name until it is whole.

    Curves of one unit and similar range share a panel, others have one of their own below. Time without samples stays
    empty: the line is not drawn across.

    Parameters
    ----------
    curves
        In the order of the panels.
    words
        What is written around them.
    path
        ``.png``, ``.svg`` or ``.pdf``.
    span
        From when to when, as NumPy ``datetime64[ns]`` in UTC: what was asked for, also where nothing came.
    sky
        Behind them; none by default.
    dark
        Whether the ground is dark: at night a white one dazzles.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    figure_class, dates, settings = canvas.matplotlib()
    theme = DARK if dark else LIGHT
    with settings(canvas.settings_of(theme)):
        groups = grouped(curves)
        behind = sky or canvas.Sky()
        heights = [_height(group, len(groups)) for group in groups]
        figure = figure_class(figsize=(10, 1.6 + sum(heights)), dpi=150, layout="constrained")
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        colours: Iterator[str] = iter(theme.curves * len(curves))
        for panel, group in zip(panels, groups, strict=True):
            canvas.ground(panel, behind, theme)
            _fill(panel, group, colours)
        canvas.marks_above(panels[0], behind, theme)
        canvas.time_axis(panels, dates, span)
        panels[-1].set_xlabel(words.axis)
        canvas.head(figure, words, theme)
        if not any(curve.texts for curve in curves):  # whose names stand where the labels would
            figure.align_ylabels()
        canvas.write(figure, path)


def _fill(panel: Any, group: Sequence[Curve], colours: Iterator[str]) -> None:
    for number, curve in enumerate(group):
        times, values = with_gaps(curve)
        # What was named first stays in front.
        style: dict[str, Any] = {"color": next(colours), "zorder": 3 - number / len(group)}
        single = alone(values)
        panel.plot(times[single], values[single], ".", markersize=3, **style)
        if len(curve.times) <= _FEW:
            style |= {"marker": ".", "markersize": 3}
        if curve.texts:
            style["drawstyle"] = "steps-post"
        panel.plot(times, values, linewidth=0.9, label=curve.name, **style)
    panel.set_ylabel(_label(group))
    panel.grid(visible=True, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    if group[0].texts:
        panel.set_yticks(range(len(group[0].texts)), map(canvas.shortened, group[0].texts))
        panel.set_ylim(-0.5, len(group[0].texts) - 0.5)
    else:
        panel.ticklabel_format(axis="y", style="sci", scilimits=(-3, 6), useOffset=False)
    if len(group) > 1 or group[0].name != group[0].label:
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5, borderaxespad=0.2)


def _height(group: Sequence[Curve], panels: int) -> float:
    """Inches of a panel; a few texts need little."""
    full = 3.8 if panels == 1 else 2.1
    return min(full, 0.6 + 0.3 * len(group[0].texts)) if group[0].texts else full


def _label(group: Sequence[Curve]) -> str:
    """Name the field and its unit; of several fields, which the legend names, the unit alone."""
    names = {curve.label for curve in group}
    unit = group[0].unit
    if len(names) > 1:
        return unit or ""
    name = canvas.shortened(names.pop())
    return f"{name}\n({unit})" if unit and len(name) > _LONG_NAME else f"{name} ({unit})" if unit else name
