"""``skykey rubin query``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, on_terminal, say
from skykey.cli.progress import progress
from skykey.cli.rubin.telemetry import client_of, origin_of, with_database, with_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skykey.rubin.influx_query import InfluxQueryClient
    from skykey.tables.rows import Rows
    from skykey.tables.table import Table


@click.command()
@click.argument("statement")
@with_site
@with_database
@with_tokenfile
@with_out
@click.option(
    "--rows", "most", type=click.IntRange(min=0), default=40, show_default=True,
    help="Show at most so many rows on a terminal (0: all). Pipes and files get all of them.",
)  # fmt: skip
@with_json
def query(
    *,
    statement: str,
    site: str | None,
    database: str,
    tokenfile: str | None,
    out: Path | None,
    most: int,
    as_json: bool,
) -> None:
    """Ask one STATEMENT in InfluxQL (- reads it from stdin) and print the table.

    On a terminal a table for people; in a pipe a line of names and tab-separated rows. Times are UTC. Nothing is
    printed before the answer is whole.
    """
    client = client_of(database, site, tokenfile)
    asked = sys.stdin.read() if statement == "-" else statement
    with progress():
        table = client.query.table(asked) if out is None else _saved(client, asked, out)
    if as_json:
        from skykey.cli.rubin.cells import values

        facts = {**origin_of(client), **_facts(table)}
        if out is None:
            document(facts, values(table))
        else:
            document({**facts, "written": str(out)})
    elif out is None:
        from skykey.cli.grid import show
        from skykey.cli.rubin.cells import names, texts

        show(names(table), texts(table, exact=not on_terminal()), most=most)
    say(_summary(table) + (f", in {out}" if out else ""))


def _saved(client: InfluxQueryClient, statement: str, out: Path) -> Table:
    """Write the answer as it comes, in memory that does not grow with it; give what is known of it, without its rows.

    Only where the service's schema says what the columns are. Else they are those of all rows together, and the file
    cannot begin before the last one.
    """
    from skykey.rubin.influxql import projection

    if projection(statement) is None:
        whole = client.query.table(statement)
        whole.save(out)
        return whole
    from skykey.tables.packages import arrow
    from skykey.tables.saving import Saving, fill
    from skykey.tables.table import Table

    headings: list[Any] = []
    with client.stream(statement) as rows:
        fill(Saving(out), _noting(headings, rows))
    columns = headings[0] if headings else arrow().table({})
    return Table(columns, rows.end, columns_known=bool(headings), facts={"query": statement})


def _noting(headings: list[Any], rows: Rows) -> Iterator[Any]:
    batch: Any
    for batch in rows:
        if not headings:
            headings.append(batch.slice(0, 0))
        yield batch


def _summary(table: Table) -> str:
    end = table.end
    if not end.complete:
        how = f"not complete: cut by {end.cut_by or 'the server'}"
    else:
        how = "complete" if end.cut_by is None else f"as many as {end.cut_by} allows"
    unknown = "" if table.columns_known else "; the service does not say which columns this would have"
    return f"{end.rows:,} row{'' if end.rows == 1 else 's'}, {how}{unknown}"


def _facts(table: Table) -> dict[str, Any]:
    from skykey.cli.rubin.cells import columns

    end = table.end
    return {
        "query": table.facts.get("query"),
        "columns": columns(table),
        "columns_known": table.columns_known,
        "row_count": end.rows,
        "complete": end.complete,
        "cut_by": end.cut_by,
    }
