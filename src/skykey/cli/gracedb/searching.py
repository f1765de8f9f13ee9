"""``skykey gracedb search``: rows of columns, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skykey.cli.gracedb.answers import told
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.columns import EVENTS, SUPEREVENTS, cell, refuse
from skykey.cli.gracedb.given import client, given
from skykey.cli.gracedb.listed import with_names
from skykey.cli.output import document
from skykey.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def _options(default: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(run: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--delimiter", metavar="TEXT", default="TAB", help="What stands between columns; TAB for a tab."
            ),
            click.option("--max-results", metavar="N", type=click.IntRange(min=0), help="Get so many at most."),
            with_names("--columns", text=f"Which, with dots into what has parts; by default {', '.join(default)}."),
            click.argument("query"),
        ):
            run = option(run)
        return run

    return decorate


@command()
@_options(EVENTS)
def events(query: str, columns: list[str] | None, max_results: int | None, delimiter: str) -> None:
    """Search events, such as 'far < 1e-7 pipeline: gstlal'.

    Events of tests and of mock data are found only by a QUERY that says so. --columns takes
    extra_attributes.CoincInspiral.snr too. With --json all of each event is printed, unless --columns chooses.
    """
    with client() as gracedb, progress():
        found = _Found(gracedb.events(query, max_results=max_results), columns, EVENTS)
    found.show(query, delimiter)


@command()
@_options(SUPEREVENTS)
def superevents(query: str, columns: list[str] | None, max_results: int | None, delimiter: str) -> None:
    """Search superevents, such as 'is_gw: true' or 'created: 2026-03-01 .. now'.

    Superevents of tests and of mock data are found only by a QUERY that says so. Columns that anonymous users are not
    shown are None. With --json all of each superevent is printed, unless --columns chooses.
    """
    with client() as gracedb, progress():
        found = _Found(gracedb.superevents(query, max_results=max_results), columns, SUPEREVENTS)
    found.show(query, delimiter)


class _Found:
    """What came of a search, whole; of each row what is shown.

    Parameters
    ----------
    rows
        As they come.
    chosen, default
        Columns that were asked for, and those that are shown else.

    Raises
    ------
    UnknownName
        If no row has a column that was asked for.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], chosen: Sequence[str] | None, default: Sequence[str]) -> None:
        self._is_whole = given().as_json and chosen is None
        self._columns = chosen or default
        self._rows: list[Any] = []
        there: set[str] = set()
        for row in rows:
            there.update(row)
            self._rows.append(row if self._is_whole else [cell(row, path) for path in self._columns])
        if self._rows and chosen is not None:
            refuse(there, chosen)

    def show(self, query: str, delimiter: str) -> None:
        """Print it in the way that was asked for."""
        from skykey.cli.gracedb.shapes import text

        if given().as_json:
            rows = self._rows if self._is_whole else [dict(zip(self._columns, row, strict=True)) for row in self._rows]
            document({"query": query, "row_count": len(rows)}, rows)
            return
        cells = [[text(value) for value in row] for row in self._rows]
        if given().output_type == "table":
            from skykey.cli.grid import show

            show(self._columns, cells)
            return
        between = "\t" if delimiter == "TAB" else delimiter
        told("\n".join([f"#{between.join(self._columns)}", *map(between.join, cells)]))
