"""Curves over a night: a picture that says what it shows, and where it has nothing to show."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

# Okabe and Ito: told apart by everybody, also in print.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5A5A5A", "#000000")
# What matplotlib writes where a year, month, day, hour or minute begins: the day under midnight, not in its place.
_MIDNIGHTS: Final = ["", "%Y", "%b", "%H:%M\n%d %b", "%H:%M", "%H:%M"]
_GAP: Final = 5.0
_ALIKE: Final = 4.0
_ON_TWO_AXES: Final = 2
_FEW: Final = 200


@dataclass(frozen=True, slots=True)
class Curve:
    """One field over time.

    Parameters
    ----------
    name
        For the legend.
    times
        NumPy ``datetime64[ns]`` in UTC, ascending.
    values
        NumPy floats; NaN where there is no value.
    """

    name: str
    times: Any
    values: Any


def draw(curves: Sequence[Curve], *, title: str, origin: str, path: Path) -> None:
    """Draw curves and write the picture, under a temporary name until it is whole.

    Curves of similar range share an axis; with two kinds of range there are two axes, with more of them one panel each.
    Time without samples stays empty: the line is not drawn across.

    Parameters
    ----------
    curves
        In the order of the legend.
    title
        What it shows.
    origin
        Where that is from.
    path
        ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    figure_class, dates = _matplotlib()
    groups = _grouped(curves)
    panels = 1 if len(groups) <= _ON_TWO_AXES else len(groups)
    figure = figure_class(figsize=(10, 5 if panels == 1 else 2 + 2 * panels), dpi=150, layout="constrained")
    rows = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
    axes = list(rows) if panels == len(groups) else [rows[0], rows[0].twinx()]
    colours: dict[str, str] = dict(zip((curve.name for curve in curves), _COLOURS * len(curves), strict=False))
    for axis, group in zip(axes, groups, strict=True):
        _fill(axis, group, colours)
    _legend(rows, axes, groups)
    locator = dates.AutoDateLocator(tz="UTC", minticks=4, maxticks=9)
    for row in rows:
        row.xaxis.set_major_locator(locator)
        row.xaxis.set_major_formatter(
            dates.ConciseDateFormatter(locator, tz="UTC", zero_formats=_MIDNIGHTS, show_offset=False)
        )
        row.margins(x=0.01)
    figure.align_ylabels()
    rows[-1].set_xlabel(_days(curves))
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    figure.text(0.99, 0.99, origin, ha="right", va="top", fontsize=10, color="#555555")
    temporary = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(temporary, format=path.suffix.removeprefix(".").lower())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_extra() -> None:
    """Raise `MissingExtra` now if there will be no picture, and not after all questions."""
    _matplotlib()


def _fill(axis: Any, group: Sequence[Curve], colours: dict[str, str]) -> None:
    for curve in group:
        times, values = _with_gaps(curve)
        style = {"marker": ".", "markersize": 3} if len(curve.times) <= _FEW else {}
        axis.plot(times, values, color=colours[curve.name], linewidth=0.9, label=curve.name, **style)
        alone = _alone(values)
        axis.plot(times[alone], values[alone], ".", color=colours[curve.name], markersize=3)
    axis.set_ylabel(", ".join(curve.name for curve in group) if len(group) <= _ON_TWO_AXES else "")
    axis.grid(visible=True, color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.ticklabel_format(axis="y", style="plain", useOffset=False)


def _legend(rows: Sequence[Any], axes: Sequence[Any], groups: Sequence[Sequence[Curve]]) -> None:
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": 9, "ncols": 4}
    if len(rows) == len(axes):
        for axis in axes:
            axis.legend(**place)
        return
    left, right = axes
    right.grid(visible=False)
    right.spines[["right"]].set_visible(True)
    # What was named first stays in front.
    left.set_zorder(right.get_zorder() + 1)
    left.patch.set_visible(False)
    for axis, group, side in ((left, groups[0], "left"), (right, groups[1], "right")):
        colour = axis.lines[0].get_color() if len(group) == 1 else "black"
        axis.yaxis.label.set_color(colour)
        axis.tick_params(axis="y", colors=colour)
        for line in axis.get_legend_handles_labels()[0]:
            line.set_label(f"{line.get_label()} ({side})")
    left.legend(handles=[line for axis in axes for line in axis.get_legend_handles_labels()[0]], **place)


def _grouped(curves: Sequence[Curve]) -> list[list[Curve]]:
    """Put curves together that share a scale: none of them may be pressed flat by the others."""
    import numpy as np

    groups: list[tuple[list[Curve], float, float, float]] = []
    for curve in curves:
        known = curve.values[np.isfinite(curve.values)]
        low, high = (float(edge) for edge in np.percentile(known, [1, 99])) if len(known) else (0.0, 0.0)
        span = high - low
        for number, (members, least, most, narrowest) in enumerate(groups):
            common, needed = max(most, high) - min(least, low), min(narrowest, span)
            if common <= _ALIKE * needed or common == 0:
                groups[number] = ([*members, curve], min(least, low), max(most, high), needed)
                break
        else:
            groups.append(([curve], low, high, span))
    return [members for members, *_ in groups]


def _with_gaps(curve: Curve) -> tuple[Any, Any]:
    """Break the line where samples are missing: several times as far apart as nine of ten are."""
    import numpy as np

    steps = np.diff(curve.times).astype("int64")
    if len(steps) < 2:  # noqa: PLR2004 - no usual distance yet
        return curve.times, curve.values
    gaps = np.flatnonzero(steps > _GAP * np.percentile(steps, 90)) + 1
    times = np.insert(curve.times, gaps, curve.times[gaps - 1] + np.timedelta64(1, "ns"))
    return times, np.insert(curve.values, gaps, np.nan)


def _alone(values: Any) -> Any:
    """Which samples have no neighbour: a line does not show them."""
    import numpy as np

    known = np.concatenate(([False], np.isfinite(values), [False]))
    return known[1:-1] & ~known[:-2] & ~known[2:]


def _days(curves: Sequence[Curve]) -> str:
    """The days that the picture shows, in words."""
    days = [str(curve.times[end])[:10] for curve in curves if len(curve.times) for end in (0, -1)]
    first, last = min(days), max(days)
    return f"UTC, {first}" if first == last else f"UTC, {first} to {last}"


def _matplotlib() -> tuple[Any, Any]:
    _prepare_folder()
    try:
        # The figure itself, without pyplot: no window system is asked for, no state is kept.
        from matplotlib import dates
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise MissingExtra.of("plot", "a picture") from missing
    return Figure, dates


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
