"""Values of a table as texts and as JSON; nanoseconds survive."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.tables.table import Table

_NANO: Final = 9


def names(table: Table) -> tuple[str, ...]:
    """Of the columns."""
    return tuple(table.arrow.column_names)


def columns(table: Table) -> list[dict[str, str]]:
    """Names and Arrow types, for JSON."""
    return [{"name": field.name, "type": str(field.type)} for field in table.arrow.schema]


def values(table: Table) -> list[list[Any]]:
    """Rows for JSON: times as RFC 3339 with all nine digits, numbers as they are, null for what is missing."""
    return [list(row) for row in _rows([_plain(column) for column in _columns(table)], len(table))]


def texts(table: Table, *, exact: bool) -> Iterable[tuple[str, ...]]:
    """Rows as texts.

    Parameters
    ----------
    table
        What came.
    exact
        All nine digits of times, and nothing for what is missing; else for people: as many as the column needs, and a
        dash.
    """
    missing = "" if exact else "-"
    listed = []
    for column in _columns(table):
        cells = _plain(column)
        if not exact and _is_time(column):
            cells = _shortened(cells)
        listed.append([missing if cell is None else _text(cell) for cell in cells])
    return _rows(listed, len(table))


def _columns(table: Table) -> list[Any]:
    return [table.arrow.column(number) for number in range(table.arrow.num_columns)]


def _rows(listed: list[list[Any]], count: int) -> Iterable[tuple[Any, ...]]:
    return zip(*listed, strict=True) if listed else [()] * count


def _is_time(column: Any) -> bool:
    return str(column.type).startswith("timestamp")


def _plain(column: Any) -> list[Any]:
    if not _is_time(column):
        return [None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in column.to_pylist()]
    from skykey.rubin.instants import rfc3339

    # Through integers: Python's datetime ends at microseconds.
    return [None if cell is None else rfc3339(cell) for cell in column.cast("int64").to_pylist()]


def _text(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _shortened(cells: list[Any]) -> list[Any]:
    """Drop digits that are zero in all of a column's times, three at a time."""
    digits = max((len(cell[20:-1].rstrip("0")) for cell in cells if cell), default=0)
    kept = min(_NANO, -(-digits // 3) * 3)
    cut = 20 + kept if kept else 19
    return [None if cell is None else f"{cell[:cut].replace('T', ' ')}Z" for cell in cells]
