"""``skykey rubin visits``."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.progress import progress
from skykey.cli.rubin.answer import hand_over, with_rows
from skykey.cli.rubin.days import check_bounds, with_day_or_bounds, with_instrument, with_start
from skykey.cli.rubin.telemetry import with_out
from skykey.values.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from skykey.tables.table import Table

# What an observer looks at first, by the names that people use; a terminal has room for about as many.
_FIRST: Final = {
    "visit_id": "visit_id",
    "obs_start": "start",
    "band": "band",
    "target_name": "target",
    "exp_time": "exp_time",
    "airmass": "airmass",
    "seeing_zenith_500nm_median": "seeing",
    "sky_bg_median": "sky_bg",
    "zero_point_median": "zero_point",
    "science_program": "programme",
    "img_type": "img_type",
}
_DIGITS: Final = 3


@click.command()
@with_day_or_bounds
@with_start
@click.option(
    "--to", "end", metavar="TIME", help="UTC; exposures that start then still belong to it. --from or --to is enough."
)
@with_instrument
@click.option("--where", metavar="SQL", help="A further condition, such as \"band = 'r'\".")
@click.option("--columns", metavar="NAMES", help="Only these, with commas between them, in this order; or all.")
@with_site
@with_tokenfile
@with_out
@with_rows
@with_json
def visits(
    *,
    day_obs: int | None,
    start: str | None,
    end: str | None,
    instrument: str,
    where: str | None,
    columns: str | None,
    site: str | None,
    tokenfile: str | None,
    out: Path | None,
    most: int,
    as_json: bool,
) -> None:
    """List the visits of a night (DAY_OBS: 20260320, 2026-03-20, today, yesterday) with their quality.

    A terminal shows some columns, pipes and files have all of them. Times are UTC here; columns of modified Julian
    dates are TAI, as the database has them. In --where, columns that both tables have need their table's name:
    visit1.day_obs, visit1_quicklook.day_obs.
    """
    wanted = None if columns in {None, "all"} else _names(str(columns))
    condition = _condition(day_obs, start, end, where)
    from skykey.cli.rubin.in_utc import in_utc
    from skykey.rubin.connections import get_clients
    from skykey.rubin.sites import find_site

    client = get_clients(tokenfile, site)["consdb"]
    with progress():
        found = client.get_visits.table(instrument, start, end, condition, augment=False)
    whole = in_utc(found)
    chosen = whole if wanted is None else _only(whole, wanted)
    facts = {"site": find_site(site).name, "instrument": instrument, "day_obs": day_obs, "query": found.facts["query"]}
    hand_over(
        chosen,
        facts,
        noun="visit",
        out=out,
        as_json=as_json,
        for_people=lambda: _for_people(chosen if columns else _first(whole), most),
    )


def _condition(day_obs: int | None, start: str | None, end: str | None, where: str | None) -> str | None:
    """What is asked for beside times: a night by its number, which ends before the next one begins."""
    check_bounds(day_obs, start, end, "visits")
    if day_obs is None:
        return where
    from skykey.rubin.consdb.sql import condition

    of_night = f"visit1.day_obs = {day_obs}"
    return f"{of_night} and {condition(where)}" if where and where.strip() else of_night


def _names(listed: str) -> list[str]:
    found = [name for each in listed.split(",") if (name := each.strip().lower())]
    if not found:
        raise UsageError("no column is named", next="--columns visit_id,band, or --columns all")
    return list(dict.fromkeys(found))


def _only(table: Table, names: list[str]) -> Table:
    data: Any = table.arrow
    known: list[str] = data.column_names
    for name in names:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=3)
            remedy = f"did you mean {' or '.join(near)}?" if near else "skykey rubin visits ... --columns all"
            raise UnknownName(f"visits have no column {name!r}", next=remedy)
    return replace(table, arrow=data.select(names))


def _first(table: Table) -> Table:
    """What an observer looks at first, as far as it is there."""
    data: Any = table.arrow
    names = [name for name in _FIRST if name in data.column_names]
    return replace(table, arrow=data.select(names).rename_columns([_FIRST[name] for name in names]))


def _for_people(table: Table, most: int) -> None:
    from skykey.cli.grid import show
    from skykey.cli.rubin.cells import names, texts

    rounded = replace(table, arrow=_rounded(table.arrow))
    show(names(rounded), texts(rounded, exact=False), most=most)


def _rounded(data: Any) -> Any:
    """Fewer digits of what was measured, and whole seconds: people compare, and copy from pipes."""
    from skykey.tables.packages import arrow

    pa: Any = arrow()
    pc: Any = import_module("pyarrow.compute")
    for number, field in enumerate(data.schema):
        column = data.column(number)
        if pa.types.is_floating(field.type) and not field.name.endswith("_mjd"):
            data = data.set_column(number, field.name, pc.round(column, _DIGITS))
        elif pa.types.is_timestamp(field.type):
            data = data.set_column(number, field.name, pc.floor_temporal(column, unit="second"))
    return data
