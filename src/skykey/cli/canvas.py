"""What every picture has around its panels: the sky behind them, time below, words above, and a file that is whole."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skykey.cli.output import visible
from skykey.values.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skykey.cli.themes import Theme

# What matplotlib writes at years, months, days, hours, minutes and seconds, and where such a one begins: the day under
# midnight, not in its place.
_TIMES: Final = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"]
_MIDNIGHTS: Final = ["", "%b %Y", "%d %b", "%H:%M\n%d %b", "%H:%M", "%H:%M"]
_LONGEST_TEXT: Final = 24
# A folder takes names of 255 bytes, and a letter may have four.
_MOST_OF_NAME: Final = 40


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


def check_extra() -> None:
    """Raise `MissingExtra` now if there will be no picture, and not after all questions."""
    matplotlib()


def shortened(text: str) -> str:
    """A text that has room beside a panel: one line, of letters that are seen."""
    seen = visible(text)
    return seen if len(seen) <= _LONGEST_TEXT else f"{seen[: _LONGEST_TEXT - 1]}\N{HORIZONTAL ELLIPSIS}"


def ground(panel: Any, sky: Sky, theme: Theme) -> None:
    """Day and dusk behind a panel, and lines to what is marked above it."""
    for stretches, colour in ((sky.dusks, theme.dusk), (sky.days, theme.day)):
        for begin, end in stretches:
            panel.axvspan(begin, end, color=colour, linewidth=0, zorder=0)
    for mark in sky.marks:
        if mark.has_line:
            panel.axvline(mark.when, color=theme.faint, linewidth=0.8, linestyle=":", zorder=1)


def marks_above(panel: Any, sky: Sky, theme: Theme) -> None:
    """Write the names of points in time above a panel."""
    for mark in sky.marks:
        side, aside = ("right", -2) if mark.is_left else ("left", 2)
        place = {"xy": (mark.when, 1.0), "xycoords": ("data", "axes fraction")}
        around = {"xytext": (aside, 3), "textcoords": "offset points", "ha": side, "va": "bottom"}
        panel.annotate(mark.text, **place, **around, fontsize=8, color=theme.faint, linespacing=1.1)


def time_axis(panels: Sequence[Any], dates: Any, span: tuple[Any, Any]) -> None:
    """Give panels the same time below them."""
    locator = dates.AutoDateLocator(tz="UTC", minticks=4, maxticks=9)
    written = dates.ConciseDateFormatter(locator, tz="UTC", formats=_TIMES, zero_formats=_MIDNIGHTS, show_offset=False)
    for panel in panels:
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(written)
        panel.set_xlim(*span)


def head(figure: Any, words: Words, theme: Theme) -> None:
    """Write what the picture shows, when and where that was, above the first panel."""
    title, when, origin = (visible(text) for text in (words.title, words.below, words.aside))
    # As one text it has a place in the layout; the second line, which is lighter, is written over its empty one.
    above = figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=13, fontweight="bold", linespacing=1.3)
    place = {"xycoords": above, "textcoords": "offset points", "fontsize": 9.5, "color": theme.faint}
    below = figure.axes[0].annotate(when, (0, 0), xytext=(0, 3), va="bottom", annotation_clip=False, **place)
    below.set_in_layout(False)
    figure.text(0.99, 0.99, origin, ha="right", va="top", fontsize=9.5, color=theme.faint)


def write(figure: Any, path: Path) -> None:
    """Write a picture that is whole, or nothing."""
    with whole(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix(".").lower())


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what takes the place of a file when the block ends, and is taken away if the block fails."""
    import secrets

    # A name of its own: two programs that write the same file must not write into each other's.
    temporary = path.with_name(f".{path.name[:_MOST_OF_NAME]}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def settings_of(theme: Theme) -> dict[str, Any]:
    """What matplotlib needs to know of a theme."""
    return {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "grid.color": theme.lines,
        # Names and texts come from elsewhere, and what stands between dollar signs there is no mathematics.
        "text.parse_math": False,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), theme.ink),
        # A line of millions of points is too much for the renderer in one piece.
        "agg.path.chunksize": 20_000,
    }


def matplotlib() -> tuple[Any, Any, Any]:
    """Load the class of figures, the module of dates, and what sets settings for a block.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    _prepare_folder()
    try:
        # The figure itself, without pyplot: no window system is asked for, no state is kept.
        from matplotlib import dates
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise MissingExtra.of("plot", "a picture") from missing
    return Figure, dates, _settings


@contextmanager
def _settings(chosen: Mapping[str, Any]) -> Iterator[None]:
    from matplotlib import rc_context

    settings: Any = chosen
    with rc_context(settings), warnings.catch_warnings():
        # Letters that the font does not have are drawn as boxes, which says it well enough.
        warnings.filterwarnings("ignore", r"Glyph .* missing from|Matplotlib currently does not support", UserWarning)
        yield


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
