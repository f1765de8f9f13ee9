"""A night's numbers in words: what its page says, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from skykey.cli.rubin.messages import length
from skykey.rubin import night_numbers as count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.rubin.night import Answered, Night
    from skykey.tables.table import Table

_LARGE = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """A small table: its title, the names of its columns, rows of text."""

    title: str
    names: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Summary:
    """What telemetry amounts to: the least, the middle and the greatest of its minutes."""

    minutes: int
    least: float
    middle: float
    most: float


def title(night: Night) -> str:
    """Which night of what."""
    return f"Night {night.day_obs}: {instrument(night.instrument)} at {night.site}"


def instrument(name: str) -> str:
    """As people write it."""
    return {"lsstcam": "LSSTCam", "lsstcomcam": "LSSTComCam", "latiss": "LATISS"}.get(name, name)


def facts(night: Night) -> list[tuple[str, str]]:
    """The page's first lines, numbers first: what each is, and what is known of it."""
    told = [("Visits", _of(night.visits, _visits))]
    if visits := night.visits.found:
        told.append(("Open shutter", _shutter(visits, night)))
        told += [("Medians", medians)] if (medians := _medians(visits)) else []
    told += [
        ("Time lost", _of(night.log, _lost)),
        ("Sun below \N{MINUS SIGN}12°", _of(night.dark, _dark)),
    ]
    return told


def listings(night: Night) -> list[Listing]:
    """Visits by band and by programme; none without visits."""
    if not night.visits.found:
        return []
    parts = (("by band", "band", count.by_band), ("by programme", "programme", count.by_programme))
    return [
        Listing(
            f"Visits {name}",
            (heading, "visits", "open shutter"),
            [
                (key or "none", f"{each.visits:,}", length(round(each.shutter)))
                for key, each in of(night.visits.found).items()
            ],
        )
        for name, heading, of in parts
    ]


def telemetry(night: Night) -> list[tuple[str, str]]:
    """What the site's telemetry says; what it does not have is said too."""
    return [
        (topic.label, _of(part, lambda table, unit=topic.unit: _samples(table, unit)))
        for topic, part in night.telemetry
    ]


def summary(table: Table) -> Summary | None:
    """Least, middle and most of some telemetry; None if there is none."""
    values = [value for value in count.numbers(table, "value") if value is not None]
    return Summary(len(values), min(values), median(values), max(values)) if values else None


def clock(utc: int) -> str:
    """Hours and minutes (UTC)."""
    from skykey.rubin.instants import rfc3339

    return rfc3339(utc + 30 * 10**9)[11:16]


def starts(visits: Table) -> list[int]:
    """When the visits began, in UTC nanoseconds; those of which it is not known are left out."""
    return [each for each in times(visits, "obs_start") if each is not None]


def times(visits: Table, name: str) -> list[int | None]:
    """A column of times in UTC nanoseconds; all None if it is not there."""
    from skykey.cli.rubin.in_utc import in_utc

    if name not in visits.arrow.column_names:
        return [None] * len(visits)
    utc: Any = in_utc(visits).arrow.column(name)
    return list(utc.cast("int64").to_pylist()) if str(utc.type).startswith("timestamp") else [None] * len(visits)


def _of(part: Answered[Any], words: Any) -> str:
    if part.error is not None:
        return f"NOT KNOWN: {part.error.message}"
    return str(words(part.found))


def _visits(visits: Table) -> str:
    if not len(visits):
        return "none"
    cut = " NOT ALL: " + str(visits.end.cut_by) if visits.truncated else ""
    known = starts(visits)
    when = f", the first at {clock(min(known))}, the last at {clock(max(known))} UTC" if known else ""
    return f"{len(visits):,}{when}{cut}"


def _shutter(visits: Table, night: Night) -> str:
    seconds = count.shutter(visits)
    part = count.share(seconds, count.dark_hours(night))
    return length(round(seconds)) + ("" if part is None else f", {part:.0%} of the dark time")


def _medians(visits: Table) -> str:
    return ", ".join(f"{each.label} {_digits(each.middle)}{_unit(each.unit)}" for each in count.quality(visits))


def _digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < _LARGE else f"{value:.0f}"


def _lost(log: Table) -> str:
    lost: Mapping[str, float] = count.time_lost(log)
    if not lost:
        return "none, by the log"
    return ", ".join(f"{length(round(seconds))} ({kind})" for kind, seconds in lost.items()) + ", by the log"


def _dark(dark: tuple[int, int]) -> str:
    dusk, dawn = dark
    return f"{clock(dusk)} to {clock(dawn)} UTC, {length((dawn - dusk) // 10**9)}"


def _samples(table: Table, unit: str) -> str:
    found = summary(table)
    if found is None:
        return "nothing this night, or not at this site"
    unit = _unit(unit)
    return f"{found.least:.1f} to {found.most:.1f}{unit}, in the middle {found.middle:.1f}{unit}"


def _unit(unit: str) -> str:
    return unit if unit in {"", "°", "″"} else f" {unit}"
