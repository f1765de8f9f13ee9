"""A night's page as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.cli.failures import described
from skykey.cli.rubin.messages import narrative
from skykey.cli.rubin.night import facts
from skykey.rubin import night_numbers
from skykey.rubin.instants import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.cli.rubin.messages import Message
    from skykey.rubin.night import Night
    from skykey.rubin.night_numbers import Count
    from skykey.tables.table import Table


def of_night(night: Night) -> dict[str, Any]:
    """The document's members; null for a part that failed, whose error is in ``failed``."""
    visits, log = night.visits.found, night.log.found
    reports, dark = night.reports.found, night.dark.found
    return {
        "site": night.site,
        "instrument": night.instrument,
        "day_obs": night.day_obs,
        "begin": rfc3339(night.begin),
        "end": rfc3339(night.end),
        "dark": None if dark is None else _dark(dark),
        "visits": None if visits is None else _visits(visits),
        "log": None if log is None else _log(log),
        "report": None if reports is None else {"count": len(reports), "latest": reports[0] if reports else None},
        "telemetry": [
            {
                "label": topic.label,
                "topic": topic.topic,
                "field": topic.field,
                "index": topic.index,
                "unit": topic.unit,
                "minutes": None if part.found is None else _samples(part.found),
            }
            for topic, part in night.telemetry
        ],
        "failed": [
            {"part": part.name, "error": described(part.error)} for part in night.failed if part.error is not None
        ],
    }


def _dark(dark: tuple[int, int]) -> dict[str, Any]:
    dusk, dawn = dark
    return {"begin": rfc3339(dusk), "end": rfc3339(dawn), "seconds": (dawn - dusk) / 10**9}


def _visits(visits: Table) -> dict[str, Any]:
    return {
        "count": len(visits),
        **_end(visits),
        "shutter_seconds": night_numbers.shutter(visits),
        "by_band": _counts(night_numbers.by_band(visits)),
        "by_programme": _counts(night_numbers.by_programme(visits)),
        "medians": [
            {"label": each.label, "unit": each.unit, "median": each.middle, "visits": each.visits}
            for each in night_numbers.quality(visits)
        ],
    }


def _counts(counts: Mapping[str | None, Count]) -> list[dict[str, Any]]:
    return [{"name": name, "visits": count.visits, "shutter_seconds": count.shutter} for name, count in counts.items()]


def _log(log: Table) -> dict[str, Any]:
    lost = night_numbers.time_lost(log)
    return {
        "count": len(log),
        **_end(log),
        "time_lost": [{"type": kind, "seconds": seconds} for kind, seconds in lost.items()],
        "messages": [_message(message) for message in narrative(log)],
    }


def _message(message: Message) -> dict[str, Any]:
    return {
        "begin": None if message.begin is None else rfc3339(message.begin),
        "end": None if message.end is None else rfc3339(message.end),
        "level": message.level,
        "about": message.about,
        "who": message.who,
        "text": message.text,
        "time_lost": message.lost,
        "time_lost_type": message.lost_to or None,
        "tags": list(message.notes),
        "urls": list(message.urls),
    }


def _samples(table: Table) -> dict[str, Any]:
    """Numbers of the minutes; null in place of each where the service had nothing."""
    found = facts.summary(table)
    if found is None:
        return {"count": 0, "least": None, "median": None, "greatest": None}
    return {"count": found.minutes, "least": found.least, "median": found.middle, "greatest": found.most}


def _end(table: Table) -> dict[str, Any]:
    return {"complete": table.end.complete, "cut_by": table.end.cut_by}
