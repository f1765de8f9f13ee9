"""Rows of a log as a table whose types are the log's own, whatever is in the rows and if there are none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.logs import times
from skykey.tables.columns import Column
from skykey.tables.end import End
from skykey.tables.packages import arrow, pandas
from skykey.tables.table import Table
from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from skykey.rubin.logs.asking import Found
    from skykey.rubin.logs.paging import Row
    from skykey.rubin.logs.services import Log

_UNITS: Final = {"seconds": "s"}
_DESCRIPTIONS: Final = {"date": "ISO 8601 on a TAI clock", "document": "JSON; a dictionary in pandas"}


@dataclass(frozen=True, slots=True)
class LogTable(Table):
    """A table with columns of JSON, which no type of Arrow can hold to any depth; in pandas they are dictionaries.

    Parameters
    ----------
    documents
        Their names.
    """

    documents: tuple[str, ...] = ()

    def to_pandas(self) -> pd.DataFrame:
        """See `Table.to_pandas`."""
        frame = Table.to_pandas(self)  # super() does not know a class with slots
        for name in self.documents:
            values = [None if text is None else json.loads(text) for text in self.arrow.column(name).to_pylist()]
            frame[name] = pandas().Series(values, index=frame.index, dtype=object)
        return frame


def table_of(log: Log, found: Found, *, utc: bool, front: Any = None, back: Any = None) -> LogTable:
    """Make the table.

    Parameters
    ----------
    log
        What its columns hold.
    found
        The rows.
    utc
        Whether dates become times in UTC, or stay the service's text.
    front, back
        Columns to put before and behind those of the service, by name: Arrow arrays.

    Raises
    ------
    Unreadable
        If a value is not what the service promises.
    """
    kinds = dict(log.fields)
    for row in found.rows:
        for name in row:
            if name not in kinds:
                kinds[name] = _unknown(name, found.rows)
    # What is made here keeps its name; a field of a later service that has the same one stands beside it.
    made = {*(front or {}), *(back or {})}
    names = {name: f"{name}_1" if name in made else name for name in kinds}
    columns = {names[name]: _column(name, kind, found.rows, utc=utc) for name, kind in kinds.items()}
    data = arrow().table({**(front or {}), **columns, **(back or {})})
    cut_by = f"the limit of {found.limit} rows" if found.truncated else None
    end = End(complete=True, rows=len(found.rows), cut_by=cut_by)
    facts = {"query": found.query, "name": log.path}
    documents = tuple(names[name] for name, kind in kinds.items() if kind == "document")
    scale = "utc" if utc or front else None
    table = LogTable(data, end, facts=facts, time_scale=scale, documents=documents)
    told = {**_DESCRIPTIONS, "date": None} if utc else _DESCRIPTIONS
    notes = [
        Column(names[name], data.schema.field(names[name]).type, unit=_UNITS.get(kind), description=told.get(kind))
        for name, kind in kinds.items()
    ]
    return table.described(notes)  # type: ignore[return-value]  # it makes one of the same class


def utc_column(counts: Sequence[int | None]) -> Any:
    """Nanoseconds as times."""
    return arrow().array(counts, arrow().timestamp("ns", "UTC"))


def text_column(values: Sequence[str | None]) -> Any:
    """Text."""
    return arrow().array(values, arrow().string())


def _column(name: str, kind: str, rows: Sequence[Row], *, utc: bool) -> Any:
    from skykey.tables.json_values import Misfit, array_of  # with the first answer

    values = [row.get(name) for row in rows]
    pa = arrow()
    try:
        match kind:
            case "text":
                return pa.array(values, pa.string())
            case "whole":
                return pa.array(_whole(values), pa.int64())
            case "number":
                return pa.array(values, pa.float64())
            case "flag":
                return pa.array(values, pa.bool_())
            case "texts":
                return pa.array(values, pa.list_(pa.string()))
            case "date":
                return utc_column([_counted(name, value) for value in values]) if utc else pa.array(values, pa.string())
            case "seconds":
                return pa.array([times.seconds_of(value) for value in values], pa.float64())
            case "document":
                return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
            case _:
                return array_of(values, None)
    except (pa.ArrowException, Misfit, TypeError, ValueError, OverflowError) as problem:
        raise Unreadable(f"the service's column {name} does not hold what was promised ({problem})") from None


def _whole(values: Sequence[Any]) -> Sequence[Any]:
    """The same, if all are whole numbers: Arrow would cut off the fraction of one that is not."""
    if any(value is not None and type(value) is not int for value in values):
        raise ValueError("a value is no whole number")
    return values


def _counted(name: str, value: Any) -> int | None:
    count = times.utc_of(value)
    if count is None and value is not None:
        raise Unreadable(
            f"the date {value!r} in the column {name} cannot be counted in UTC", next="ask for it as text: utc=False"
        )
    return count


def _unknown(name: str, rows: Sequence[Row]) -> str:
    """Of a field that a later service has: a column of one type, or JSON."""
    from skykey.tables.json_values import Misfit, array_of

    values = [row.get(name) for row in rows]
    if any(isinstance(value, list | dict) for value in values):
        return "document"
    try:
        array_of(values, None)
    except Misfit:
        return "document"
    return "unknown"
