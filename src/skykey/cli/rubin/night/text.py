"""A night's page as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.cli.output import visible, width, wrapped
from skykey.cli.rubin import report_text
from skykey.cli.rubin.messages import lines as of_messages
from skykey.cli.rubin.messages import narrative
from skykey.cli.rubin.night import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.cli.rubin.night.facts import Listing
    from skykey.rubin.night import Night

_BETWEEN = "    "


def lines(night: Night) -> Iterator[str]:
    """The page, line by line: numbers, telemetry, the report, the log; at the top what is missing."""
    yield facts.title(night)
    for part in night.failed:
        yield ""
        yield from _missing(part.name, part.error)
    yield ""
    yield from _pairs(facts.facts(night))
    yield from _beside(facts.listings(night))
    if night.telemetry:
        yield ""
        yield "Telemetry"
        yield from _pairs([(f"  {label}", words) for label, words in facts.telemetry(night)])
    yield ""
    yield from _report(night)
    yield ""
    yield from _log(night)


def _missing(name: str, error: object) -> Iterator[str]:
    for number, line in enumerate(str(error).splitlines()):
        yield wrapped(line, first="" if number else f"MISSING {name}: ", rest="        ")


def _pairs(told: list[tuple[str, str]]) -> Iterator[str]:
    column = max((len(label) for label, _ in told), default=0) + 3
    for label, words in told:
        yield wrapped(words, first=visible(label).ljust(column), rest=" " * column)


def _beside(listings: list[Listing]) -> Iterator[str]:
    """Small tables beside each other where there is room, else one below the other."""
    blocks = [_block(listing) for listing in listings]
    if not blocks:
        return
    if sum(len(block[0]) for block in blocks) + len(_BETWEEN) * (len(blocks) - 1) > width():
        for block in blocks:
            yield ""
            yield from (line.rstrip() for line in block)
        return
    yield ""
    most = max(map(len, blocks))
    filled = [block + [" " * len(block[0])] * (most - len(block)) for block in blocks]
    yield from (_BETWEEN.join(row).rstrip() for row in zip(*filled, strict=True))


def _block(listing: Listing) -> list[str]:
    rows = [listing.names, *([visible(cell) for cell in row] for row in listing.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(listing.names))]
    made = [
        "  ".join([first.ljust(widths[0]), *(cell.rjust(room) for cell, room in zip(others, widths[1:], strict=True))])
        for first, *others in rows
    ]
    whole = max(len(listing.title), len(made[0]) + 2)
    return [listing.title.ljust(whole), *(f"  {line}".ljust(whole) for line in made)]


def _report(night: Night) -> Iterator[str]:
    reports = night.reports.found
    if reports:
        yield from report_text.lines(reports[0])
    else:
        yield "Night report: not known" if reports is None else "Night report: there is none yet"


def _log(night: Night) -> Iterator[str]:
    log = night.log.found
    if log is None:
        yield "Log: not known"
        return
    cut = f", NOT ALL: cut by {log.end.cut_by}" if log.truncated else ""
    yield f"Log: {len(log):,} message{'' if len(log) == 1 else 's'}{cut}"
    for line in of_messages(narrative(log)):
        yield f"  {line}"
