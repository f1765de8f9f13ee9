"""How commands hand over a table: a file, JSON, a table for people, and how many rows there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from skykey.cli.output import document, on_terminal, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from skykey.tables.table import Table

with_rows = click.option(
    "--rows", "most", type=click.IntRange(min=0), default=40, show_default=True,
    help="Show at most so many rows on a terminal (0: all). Pipes and files get all of them.",
)  # fmt: skip


def hand_over(
    table: Table,
    facts: Mapping[str, Any],
    *,
    noun: str,
    out: Path | None,
    as_json: bool,
    for_people: Callable[[], None],
    documents: Sequence[str] = (),
    is_written: bool = False,
    may_be_part: bool = False,
) -> None:
    """Print or write an answer, and say how many rows it has.

    Parameters
    ----------
    table
        All of it, with times in UTC; its rows may be in the file already.
    facts
        What the JSON document says beside it.
    noun
        What one row is called.
    out
        A file in place of stdout.
    as_json
        Whether stdout is the JSON document.
    for_people
        Prints it on a terminal.
    documents
        Columns whose texts are JSON, and stand as that in the JSON document.
    is_written
        Whether the rows are in the file.
    may_be_part
        Whether who asks can ask for less, such as the first ten: that is no lack then.
    """
    from skykey.cli.rubin.cells import columns, names, texts

    if out is not None and not is_written:
        table.save(out)
    if as_json:
        end = table.end
        counted = {"row_count": end.rows, "complete": end.complete, "cut_by": end.cut_by}
        whole = {**facts, "columns": columns(table), **counted}
        if out is None:
            document(whole, _values(table, documents))
        else:
            document({**whole, "written": str(out)})
    elif out is None and on_terminal():
        for_people()
    elif out is None:
        from skykey.cli.grid import show

        show(names(table), texts(table, exact=True))
    say(_summary(table, noun, may_be_part=may_be_part) + (f", in {out}" if out else ""))


def _values(table: Table, documents: Sequence[str]) -> list[list[Any]]:
    from skykey.cli.rubin.cells import names, values

    are_json = [name in documents for name in names(table)]
    return [
        [
            json.loads(cell) if is_json and cell is not None else cell
            for cell, is_json in zip(row, are_json, strict=True)
        ]
        for row in values(table)
    ]


def _summary(table: Table, noun: str, *, may_be_part: bool) -> str:
    """How many rows came, and whether that is all there is."""
    end = table.end
    if not end.truncated:
        how = "complete"
    elif end.complete and may_be_part:
        how = f"as many as {end.cut_by} allows"
    else:
        how = f"NOT ALL: cut by {end.cut_by or 'the server'}" + ("" if may_be_part else "; ask for less at once")
    return f"{end.rows:,} {noun}{'' if end.rows == 1 else 's'}, {how}"
