"""One table of the answers to a question that was asked in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.tables.packages import arrow
from skykey.values.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

_TIME = "time"


def one_after_another(parts: Sequence[pa.Table]) -> pa.Table:
    """Rows of the first part, then those of the next; a column without values takes its type from the others."""
    return parts[0] if len(parts) == 1 else arrow().concat_tables(parts, promote_options="permissive")


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
    if all(part.column(_TIME).equals(first.column(_TIME)) for part in parts[1:]):
        columns = {name: part.column(name) for part in parts for name in part.column_names}
    else:
        import numpy as np

        stamps = [part.column(_TIME).cast(pa.int64()).to_numpy() for part in parts]
        every = np.unique(np.concatenate(stamps))
        columns = {_TIME: pa.array(every, pa.int64()).cast(first.column(_TIME).type)}
        for part, own in zip(parts, stamps, strict=True):
            if len(np.unique(own)) != len(own):
                raise Unreadable("two rows have the same time, and the parts of the answer cannot be put together")
            place = np.full(len(every), -1)
            place[np.searchsorted(every, own)] = np.arange(len(own))
            rows = pa.array(place, mask=place < 0)
            columns |= {name: part.column(name).take(rows) for name in part.column_names if name != _TIME}
    # In the fields are units and descriptions, in the metadata the time scale.
    schema = pa.schema([fields[name] for name in columns], metadata=first.schema.metadata)
    return pa.Table.from_arrays(list(columns.values()), schema=schema)
