"""One table of the answers to a question that was asked in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.tables.packages import arrow
from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from skykey.tables.columns import Column

_TIME = "time"


def one_after_another(parts: Sequence[pa.Table]) -> pa.Table:
    """Rows of the first part, then those of the next; a column without values takes its type from the others.

    Raises
    ------
    Unreadable
        If a column has types in different parts that have no type in common.
    """
    pa = arrow()
    if len(parts) == 1:
        return parts[0]
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as problem:
        raise Unreadable(f"the parts of the answer do not fit into one table ({problem})") from None


def completed(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The columns that were promised, in their order, and behind them those that came unexpectedly.

    For ``*`` InfluxDB leaves out what has no value in the weeks that it looks at, and what is new may not be known yet.
    """
    pa = arrow()
    names = [column.name for column in columns]
    if table.column_names == names:
        return table
    for column in columns:
        if column.name not in table.column_names:
            table = table.append_column(column.name, pa.nulls(table.num_rows, column.type))
    return table.select([*names, *(name for name in table.column_names if name not in names)])


def side_by_side(parts: Sequence[pa.Table]) -> pa.Table:
    """Columns of the first part, then those of the next, each row at its time.

    Parameters
    ----------
    parts
        Each has the column ``time``, ascending and without doubles, and columns that no other part has. A time that
        only some parts have is a row whose other columns are null.

    Raises
    ------
    Unreadable
        If a part has two rows of one time: nothing would say which belongs to which.
    """
    pa, first = arrow(), parts[0]
    if len(parts) == 1:
        return first
    fields = {field.name: field for part in parts for field in part.schema}
    import numpy as np

    stamps = [part.column(_TIME).cast(pa.int64()).to_numpy() for part in parts]
    if any((own[1:] <= own[:-1]).any() for own in stamps):
        raise Unreadable("two rows have the same time, and the parts of the answer cannot be put together")
    if all(np.array_equal(own, stamps[0]) for own in stamps[1:]):
        columns = {name: part.column(name) for part in parts for name in part.column_names}
    else:
        every = np.unique(np.concatenate(stamps))
        columns = {_TIME: pa.array(every, pa.int64()).cast(first.column(_TIME).type)}
        for part, own in zip(parts, stamps, strict=True):
            place = np.full(len(every), -1)
            place[np.searchsorted(every, own)] = np.arange(len(own))
            rows = pa.array(place, mask=place < 0)
            columns |= {name: part.column(name).take(rows) for name in part.column_names if name != _TIME}
    # In the fields are units and descriptions, in the metadata the time scale.
    schema = pa.schema([fields[name] for name in columns], metadata=first.schema.metadata)
    return pa.Table.from_arrays(list(columns.values()), schema=schema)
