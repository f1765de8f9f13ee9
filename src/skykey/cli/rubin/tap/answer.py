"""How answers of TAP are handed over, or written as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from skykey.tables.rows import Rows
    from skykey.tables.table import Table


def save(rows: Rows, out: Path) -> Table:
    """Write rows as they come, in memory that does not grow with them; give what is known of them, without rows."""
    from skykey.tables.saving import Saving, fill
    from skykey.tables.table import Table

    headings: list[Any] = []
    fill(Saving(out), _noting(headings, rows))
    return Table(headings[0], rows.end)


def _noting(headings: list[Any], rows: Rows) -> Iterator[Any]:
    from skykey.cli.rubin.in_utc import in_utc
    from skykey.tables.end import End
    from skykey.tables.table import Table

    for batch in rows:
        piece: Any = in_utc(Table(batch, End(complete=True, rows=batch.num_rows))).arrow
        if not headings:
            headings.append(piece.slice(0, 0))
        yield piece


def present(
    table: Table,
    facts: Mapping[str, Any],
    *,
    noun: str = "row",
    out: Path | None = None,
    is_written: bool = False,
    most: int = 0,
    as_json: bool,
) -> None:
    """Print or write an answer, in UTC, and say how many rows it has.

    Parameters
    ----------
    table
        It; its rows may be in the file already.
    facts
        What the JSON document says beside it.
    noun
        What one row is called.
    out
        A file in place of stdout.
    is_written
        Whether that is done.
    most
        How many rows a terminal shows; 0 for all.
    as_json
        Whether stdout is the JSON document.
    """
    from skykey.cli.grid import show
    from skykey.cli.rubin.answer import hand_over
    from skykey.cli.rubin.cells import names, texts
    from skykey.cli.rubin.in_utc import in_utc

    shown = in_utc(table)
    hand_over(
        shown,
        facts,
        noun=noun,
        out=out,
        as_json=as_json,
        for_people=lambda: show(names(shown), texts(shown, exact=False), most=most),
        is_written=is_written,
        may_be_part=True,
    )
