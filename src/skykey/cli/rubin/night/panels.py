"""The panels of a night's picture, one under the other over the same hours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from skykey.cli import canvas
from skykey.cli.curves import Curve, with_gaps
from skykey.cli.rubin.levels import LEVELS, gravity
from skykey.cli.rubin.messages import narrative
from skykey.cli.rubin.night import facts
from skykey.cli.rubin.night.colours import MARKERS
from skykey.rubin import night_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skykey.cli.rubin.messages import Message
    from skykey.cli.rubin.night.colours import NightColours
    from skykey.cli.themes import Theme
    from skykey.rubin.night import Night
    from skykey.rubin.night_telemetry import Topic
    from skykey.tables.table import Table

_SECOND: Final = 10**9
_DEGREES: Final = "°"
_SEEING: Final = "″"
_DIMM: Final = "DIMM"


@dataclass(frozen=True, slots=True)
class Panel:
    """One of them.

    Parameters
    ----------
    height
        In inches.
    draw
        Fills the axes that it gets.
    """

    height: float
    draw: Callable[[Any], None]


def panels_of(night: Night, theme: Theme, colours: NightColours, span: tuple[int, int]) -> list[Panel]:
    """What there is to draw between two points in time; a part without anything has no panel."""
    return list(_panels(night, _Brush(theme, colours, span)))


@dataclass(frozen=True, slots=True)
class _Brush:
    theme: Theme
    colours: NightColours
    span: tuple[int, int]

    def of_band(self, band: str | None) -> tuple[str, str]:
        """A colour and a shape."""
        return self.colours.bands.get(band or "", self.colours.other), MARKERS.get(band or "", ".")

    def of_loss(self, kind: str) -> str:
        """A colour."""
        return self.colours.lost.get(kind, self.colours.other)


def _panels(night: Night, brush: _Brush) -> Iterator[Panel]:
    if night.log.found is not None and (messages := narrative(night.log.found)):
        yield Panel(0.45 + 0.22 * len(_kinds(messages)), lambda axis: _log(axis, messages, brush))
    visits, curves = night.visits.found, _curves(night)
    if visits:
        yield Panel(1.35, lambda axis: _bands(axis, visits, brush))
    dimm = [curve for curve in curves if curve.unit == _SEEING] or (_at_visits(visits) if visits else [])
    if visits or dimm:
        seeing = night_numbers.seeing(visits) if visits else []
        if _any(seeing) or dimm:
            yield Panel(1.5, lambda axis: _measured(axis, visits, seeing, f"seeing ({_SEEING})", brush, dimm))
    zero = night_numbers.numbers(visits, "zero_point_median") if visits else []
    if _any(zero):
        yield Panel(1.3, lambda axis: _measured(axis, visits, zero, "zero point\n(mag)", brush, []))
    mount = [curve for curve in curves if curve.unit == _DEGREES]
    heights = night_numbers.numbers(visits, "altitude") if visits else []
    if mount or _any(heights):
        yield Panel(1.5, lambda axis: _measured(axis, visits, heights, f"altitude ({_DEGREES})", brush, mount))
    others = [curve for curve in curves if curve.unit not in {_SEEING, _DEGREES}]
    for unit in dict.fromkeys(curve.unit for curve in others):
        alike = [curve for curve in others if curve.unit == unit]
        yield Panel(1.2, partial(_weather, curves=alike, brush=brush))


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _log(axis: Any, messages: Sequence[Message], brush: _Brush) -> None:
    """When something was written, and below it what time was lost to: a row for each, as they may overlap."""
    import numpy as np

    rows = ["log", *_kinds(messages)]
    night = (brush.span[1] - brush.span[0]) / _SECOND
    known = [(message.begin, message) for message in messages if message.begin is not None]
    # The grave ones come last, and stand in front.
    for level in sorted({message.level for _, message in known}):
        begins = _datetimes([begin for begin, message in known if message.level == level])
        style = {"color": brush.colours.of_level(level), "zorder": 2 + level / 100}
        axis.plot(begins, np.zeros(len(begins)), "|", markersize=11, markeredgewidth=1.4, **style)
    for begin, message in known:
        if message.lost > 0:
            place, told = rows.index(_kind(message)), brush.of_loss(_kind(message))
            ends = _datetimes([begin, begin + round(min(message.lost, night) * _SECOND)])
            axis.fill_between(ends, place - 0.3, place + 0.3, color=told, linewidth=0.6, zorder=2)
    axis.set_yticks(range(len(rows)), ["log", *(f"lost: {canvas.shortened(kind)}" for kind in rows[1:])])
    for label, kind in zip(axis.get_yticklabels()[1:], rows[1:], strict=True):
        label.set_color(brush.of_loss(kind))
    axis.set_ylim(len(rows) - 0.45, -0.6)
    axis.tick_params(axis="y", length=0)
    kinds = {gravity(message.level) for message in messages}
    said = [(kind, brush.colours.of_level(LEVELS[kind])) for kind in ("error", "warning") if kind in kinds]
    # Above it are the Sun's marks.
    _legend(axis, said, below=True)


def _kinds(messages: Sequence[Message]) -> list[str]:
    return sorted({_kind(message) for message in messages if message.lost > 0})


def _kind(message: Message) -> str:
    return message.lost_to or "?"


def _legend(axis: Any, said: Sequence[tuple[str, str]], *, below: bool = False, dots: bool = False) -> None:
    """Names beside their colours, over the panel's right end or under it."""
    from matplotlib.lines import Line2D

    if not said:
        return
    style: dict[str, Any] = {"linestyle": "", "marker": "."} if dots else {"linewidth": 4}
    handles = [Line2D([], [], color=colour, **style) for _, colour in said]
    names = [name for name, _ in said]
    place = {"loc": "upper right", "bbox_to_anchor": (1.0, 0.0)} if below else _ABOVE
    axis.legend(handles, names, **place, **_LEGEND, ncols=len(said))


_ABOVE: Final[dict[str, Any]] = {"loc": "lower right", "bbox_to_anchor": (1.0, 0.95)}
_LEGEND: Final[dict[str, Any]] = {
    "frameon": False,
    "fontsize": 8,
    "borderaxespad": 0.0,
    "handlelength": 1.0,
    "columnspacing": 1.2,
}


def _bands(axis: Any, visits: Table, brush: _Brush) -> None:
    names = list(night_numbers.by_band(visits))
    for band, points in _by_band(visits, [float(names.index(band or None)) for band in _band(visits)]).items():
        times, places = zip(*points, strict=True)
        axis.plot(_datetimes(times), places, "|", color=brush.of_band(band)[0], markersize=9, markeredgewidth=1.1)
    axis.set_yticks(range(len(names)), [canvas.shortened(name or "none") for name in names])
    for label, name in zip(axis.get_yticklabels(), names, strict=True):
        label.set_color(brush.of_band(name)[0])
        label.set_fontweight("bold")
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.set_ylabel("visits")


def _measured(  # noqa: PLR0917 - one panel's contents
    axis: Any,
    visits: Table | None,
    values: Sequence[float | None],
    label: str,
    brush: _Brush,
    behind: Sequence[Curve],
) -> None:
    """What was measured of each visit, by band, before what was measured all the time."""
    for curve in behind:
        times, known = with_gaps(curve)
        # Seeing is measured now and then; what lies between nobody knows.
        style: dict[str, Any] = (
            {"linestyle": "", "marker": ".", "alpha": 0.6} if curve.unit == _SEEING else {"linewidth": 1.0}
        )
        axis.plot(times, known, color=brush.theme.faint, zorder=1.5, markersize=2.5, **style)
    for band, points in (_by_band(visits, values) if visits else {}).items():
        colour, shape = brush.of_band(band)
        when, measured = zip(*points, strict=True)
        axis.plot(
            _datetimes(when), measured, shape, color=colour, markersize=3.4, markeredgewidth=0, alpha=0.85, zorder=2.5
        )
    axis.set_ylabel(label)
    axis.grid(visible=True, linewidth=0.6)
    axis.ticklabel_format(axis="y", useOffset=False)
    if behind:
        said = [(curve.name, brush.theme.faint) for curve in behind]
        _legend(axis, said, dots=all(curve.unit == _SEEING for curve in behind))


def _by_band(visits: Table, values: Sequence[float | None]) -> dict[str | None, list[tuple[int, float]]]:
    """When each visit began and what was measured of it, where both are known."""
    found: dict[str | None, list[tuple[int, float]]] = {}
    for start, value, band in zip(facts.times(visits, "obs_start"), values, _band(visits), strict=True):
        if start is not None and value is not None:
            found.setdefault(band or None, []).append((start, value))
    return found


def _band(visits: Table) -> list[str | None]:
    return night_numbers.column(visits, "band")


def _datetimes(nanoseconds: Sequence[int]) -> Any:
    import numpy as np

    return np.array(nanoseconds).astype("datetime64[ns]")


def _weather(axis: Any, curves: Sequence[Curve], brush: _Brush) -> None:
    said = []
    for curve, colour in zip(curves, brush.theme.curves * len(curves), strict=False):
        times, values = with_gaps(curve)
        axis.plot(times, values, color=colour, linewidth=1.1, zorder=2)
        said.append((curve.name, colour))
    name = curves[0].name.partition(" [")[0]
    axis.set_ylabel(f"{name.rpartition(' ')[2]}\n({curves[0].unit})")
    axis.grid(visible=True, linewidth=0.6)
    _legend(axis, said)


def _curves(night: Night) -> list[Curve]:
    return [curve for topic, part in night.telemetry if part.found and (curve := _curve(topic, part.found))]


def _at_visits(visits: Table) -> list[Curve]:
    """The seeing that the DIMM had at each visit, where its telemetry is not there."""
    import numpy as np

    pairs = zip(facts.times(visits, "obs_start"), night_numbers.numbers(visits, "dimm_seeing"), strict=True)
    known = sorted((start, value) for start, value in pairs if start is not None and value is not None)
    if not known:
        return []
    times, values = zip(*known, strict=True)
    return [Curve(_DIMM, _datetimes(times), np.array(values), unit=_SEEING)]


def _curve(topic: Topic, table: Table) -> Curve | None:
    """Telemetry as a curve; None where there is no value."""
    import numpy as np

    values = [float("nan") if value is None else value for value in night_numbers.numbers(table, "value")]
    times = [0 if each is None else each for each in facts.times(table, "time")]
    if not np.isfinite(values).any():
        return None
    return Curve(topic.label, _datetimes(times), np.array(values), topic.field, topic.unit)
