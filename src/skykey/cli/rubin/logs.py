"""``skykey rubin logs``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import put
from skykey.cli.progress import progress
from skykey.cli.rubin.answer import hand_over
from skykey.cli.rubin.days import check_bounds, with_day_or_bounds, with_start
from skykey.cli.rubin.levels import LEVELS
from skykey.cli.rubin.telemetry import with_out
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from skykey.rubin.connections import Clients
    from skykey.tables.table import Table


def _level(_: click.Context, __: click.Parameter, given: str | None) -> int | None:
    if given is None or given.isdecimal():
        return given if given is None else int(given)
    if given.lower() not in LEVELS:
        raise click.BadParameter(f"{given!r} is neither a number nor one of {', '.join(LEVELS)}")
    return LEVELS[given.lower()]


def _levels(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in LEVELS if name.startswith(incomplete.lower())]


@click.command()
@with_day_or_bounds
@with_start
@click.option("--to", "end", metavar="TIME", help="UTC, needed with --from; what begins then does not belong to it.")
@click.option("--exposure", "is_exposure", is_flag=True, help="The exposure log in place of the narrative log.")
@click.option(
    "--level",
    metavar="N",
    callback=_level,
    shell_complete=_levels,
    help="At least so grave: a number, or debug, info, warning, error, critical.",
)
@click.option("--search", metavar="TEXT", help="Only messages with this text, in any case.")
@with_site
@with_tokenfile
@with_out
@with_json
def logs(
    *,
    day_obs: int | None,
    start: str | None,
    end: str | None,
    is_exposure: bool,
    level: int | None,
    search: str | None,
    site: str | None,
    tokenfile: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Read what was written in the logs during a night (DAY_OBS: 20260320, 2026-03-20, today, yesterday).

    On a terminal messages to read; in a pipe, in files and with --json all their fields. In the order of time; all
    times are UTC. Messages about exposures (--exposure) know no time but that at which they were written.
    """
    begin, until = _bounds(day_obs, start, end)
    from skykey.rubin.connections import get_clients
    from skykey.rubin.sites import find_site

    with progress():
        found = _found(get_clients(tokenfile, site), begin, until, level, is_exposure=is_exposure)
    found = found if search is None else _with_text(found, search)
    facts = {
        "site": find_site(site).name,
        "log": "exposure" if is_exposure else "narrative",
        "day_obs": day_obs,
        "query": found.facts["query"],
    }
    hand_over(
        found if as_json or out is not None else _as_text(found),
        facts,
        noun="message",
        out=out,
        as_json=as_json,
        for_people=lambda: _for_people(found, is_exposure=is_exposure),
        documents=() if is_exposure else ("components_json",),
    )


def _bounds(day_obs: int | None, start: str | None, end: str | None) -> tuple[str, str]:
    check_bounds(day_obs, start, end, "logs")
    if start is not None and end is not None:
        return start, end
    if day_obs is None:
        raise UsageError("a stretch of time has two ends", next="--from TIME --to TIME")
    from skykey.rubin.instants import rfc3339
    from skykey.rubin.night import bounds

    first, last = bounds(day_obs)
    return rfc3339(first), rfc3339(last)


def _found(clients: Clients, begin: str, until: str, level: int | None, *, is_exposure: bool) -> Table:
    if is_exposure:
        return clients["exposure_log"].query_log.table(begin, until, min_level=level, order_by="date_added", utc=True)
    return clients["narrative_log"].query_log.table(begin, until, min_level=level, utc=True)


def _with_text(table: Table, text: str) -> Table:
    """Only some of the messages. The services look for text in the same case only, which is not how people search."""
    data: Any = table.arrow
    found = [text.casefold() in (said or "").casefold() for said in data.column("message_text").to_pylist()]
    return table.holding(data.filter(found))


def _for_people(table: Table, *, is_exposure: bool) -> None:
    from skykey.cli.rubin.messages import exposure, lines, narrative

    for line in lines(exposure(table) if is_exposure else narrative(table), colours=True):
        put(line)


def _as_text(table: Table) -> Table:
    """For pipes: lists as JSON, which every program reads."""
    from skykey.tables.packages import arrow

    pa: Any = arrow()
    data: Any = table.arrow
    for number, field in enumerate(data.schema):
        if pa.types.is_list(field.type):
            cells = [None if cell is None else json.dumps(cell) for cell in data.column(number).to_pylist()]
            data = data.set_column(number, field.name, pa.array(cells, pa.string()))
    return replace(table, arrow=data)
