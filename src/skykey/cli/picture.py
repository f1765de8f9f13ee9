"""Curves over a night: a picture that says what it shows, and where it has nothing to show."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skykey.cli.curves import alone, grouped, with_gaps
from skykey.cli.themes import DARK, LIGHT
from skykey.values.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skykey.cli.curves import Curve
    from skykey.cli.themes import Theme

# What matplotlib writes at years, months, days, hours, minutes and seconds, and where such a one begins: the day under
# midnight, not in its place.
_TIMES: Final = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"]
_MIDNIGHTS: Final = ["", "%b %Y", "%d %b", "%H:%M\n%d %b", "%H:%M", "%H:%M"]
_FEW: Final = 200
_LONG_NAME: Final = 18
_LONGEST_TEXT: Final = 24


class Mark(NamedTuple):
    """What to write above a point in time: on which side of it, and whether a line leads there."""

    when: Any
    text: str
    is_left: bool = False
    has_line: bool = False


@dataclass(frozen=True, slots=True)
class Sky:
    """What the Sun does behind the curves.

    Parameters
    ----------
    dusks, days
        From when to when it is low, and up: pairs of NumPy ``datetime64[ns]`` in UTC.
    marks
        Points in time with a name; those who make them see to it that there is room.
    """

    dusks: tuple[tuple[Any, Any], ...] = ()
    days: tuple[tuple[Any, Any], ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What is written around the curves.

    Parameters
    ----------
    title
        What the picture shows.
    below
        When that was, under the title.
    aside
        Where that is from.
    axis
        Which time is meant.
    """

    title: str
    below: str = ""
    aside: str = ""
    axis: str = "UTC"


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
    figure_class, dates, settings = _matplotlib()
    theme = DARK if dark else LIGHT
    with settings(_settings(theme)):
        groups = grouped(curves)
        heights = [_height(group, len(groups)) for group in groups]
        figure = figure_class(figsize=(10, 1.6 + sum(heights)), dpi=150, layout="constrained")
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        colours: Iterator[str] = iter(theme.curves * len(curves))
        for panel, group in zip(panels, groups, strict=True):
            _ground(panel, sky or Sky(), theme)
            _fill(panel, group, colours)
        _mark(panels[0], sky or Sky(), theme)
        _time(panels, dates, span)
        panels[-1].set_xlabel(words.axis)
        _head(figure, words, theme)
        if not any(curve.texts for curve in curves):  # whose names stand where the labels would
            figure.align_ylabels()
        _write(figure, path)


def check_extra() -> None:
    """Raise `MissingExtra` now if there will be no picture, and not after all questions."""
    _matplotlib()


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
        panel.set_yticks(range(len(group[0].texts)), map(_shortened, group[0].texts))
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
    name = _shortened(names.pop())
    return f"{name}\n({unit})" if unit and len(name) > _LONG_NAME else f"{name} ({unit})" if unit else name


def _shortened(text: str) -> str:
    # matplotlib reads what stands between dollar signs as mathematics.
    short = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}\N{HORIZONTAL ELLIPSIS}"
    return short.replace("$", r"\$")


def _ground(panel: Any, sky: Sky, theme: Theme) -> None:
    for stretches, colour in ((sky.dusks, theme.dusk), (sky.days, theme.day)):
        for begin, end in stretches:
            panel.axvspan(begin, end, color=colour, linewidth=0, zorder=0)
    for mark in sky.marks:
        if mark.has_line:
            panel.axvline(mark.when, color=theme.faint, linewidth=0.8, linestyle=":", zorder=1)


def _mark(panel: Any, sky: Sky, theme: Theme) -> None:
    for mark in sky.marks:
        side, aside = ("right", -2) if mark.is_left else ("left", 2)
        place = {"xy": (mark.when, 1.0), "xycoords": ("data", "axes fraction")}
        around = {"xytext": (aside, 3), "textcoords": "offset points", "ha": side, "va": "bottom"}
        panel.annotate(mark.text, **place, **around, fontsize=8, color=theme.faint, linespacing=1.1)


def _time(panels: Sequence[Any], dates: Any, span: tuple[Any, Any]) -> None:
    locator = dates.AutoDateLocator(tz="UTC", minticks=4, maxticks=9)
    written = dates.ConciseDateFormatter(locator, tz="UTC", formats=_TIMES, zero_formats=_MIDNIGHTS, show_offset=False)
    for panel in panels:
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(written)
        panel.set_xlim(*span)


def _head(figure: Any, words: Words, theme: Theme) -> None:
    # As one text it has a place in the layout; the second line, which is lighter, is written over its empty one.
    head = figure.suptitle(f"{words.title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold", linespacing=1.3)
    place = {"xycoords": head, "textcoords": "offset points", "fontsize": 9.5, "color": theme.faint}
    below = figure.axes[0].annotate(words.below, (0, 0), xytext=(0, 3), va="bottom", annotation_clip=False, **place)
    below.set_in_layout(False)
    figure.text(0.99, 0.99, words.aside, ha="right", va="top", fontsize=9.5, color=theme.faint)


def _write(figure: Any, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(temporary, format=path.suffix.removeprefix(".").lower())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _settings(theme: Theme) -> dict[str, Any]:
    return {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "grid.color": theme.lines,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), theme.ink),
        # A line of millions of points is too much for the renderer in one piece.
        "agg.path.chunksize": 20_000,
    }


def _matplotlib() -> tuple[Any, Any, Any]:
    _prepare_folder()
    try:
        # The figure itself, without pyplot: no window system is asked for, no state is kept.
        from matplotlib import dates, rc_context
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise MissingExtra.of("plot", "a picture") from missing
    return Figure, dates, rc_context


def _prepare_folder() -> None:
    """Give matplotlib a folder where its own cannot be written; it would complain on stderr."""
    if "MPLCONFIGDIR" in os.environ or os.name != "posix":
        return
    try:
        for variable, default in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
            folder = Path(os.environ.get(variable) or Path.home() / default) / "matplotlib"
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                break
        else:
            return
    except (OSError, RuntimeError):  # RuntimeError: no home at all
        pass
    own = tempfile.mkdtemp(prefix="skykey-matplotlib-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = own
