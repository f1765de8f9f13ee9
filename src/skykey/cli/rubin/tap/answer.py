"""How answers of TAP are handed over: stdout, a file, JSON; and whether that is all, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.cli.output import document, on_terminal, say

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


def hand_over(
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
    from skykey.cli.rubin.cells import columns, names, texts, values
    from skykey.cli.rubin.in_utc import in_utc

    shown, end = in_utc(table), table.end
    if out is not None and not is_written:
        shown.save(out)
    if as_json:
        counted = {"row_count": end.rows, "complete": end.complete, "cut_by": end.cut_by}
        whole = {**facts, "columns": columns(shown), **counted}
        if out is None:
            document(whole, values(shown))
        else:
            document({**whole, "written": str(out)})
    elif out is None:
        from skykey.cli.grid import show

        show(names(shown), texts(shown, exact=not on_terminal()), most=most)
    say(_summary(table, noun) + (f", in {out}" if out else ""))


def _summary(table: Table, noun: str) -> str:
    end = table.end
    if not end.complete:
        how = f"NOT ALL: cut by {end.cut_by or 'the service'}"
    else:
        how = "complete" if end.cut_by is None else f"as many as {end.cut_by} allows"
    return f"{end.rows:,} {noun}{'' if end.rows == 1 else 's'}, {how}"
