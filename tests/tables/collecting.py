"""A whole answer at once, where a test is about what is in it."""

from collections.abc import Iterable

import pyarrow as pa

from skykey.tables.repeated import once
from skykey.tables.table import Table
from skykey.tables.votable import VOTableBatches


def collected(reader: VOTableBatches, data: bytes, sizes: Iterable[int] = ()) -> Table:
    """All rows in one table, equal columns of one name as one; fed in pieces of these sizes, then the rest."""
    batches: list[pa.Table] = []
    at = 0
    for size in sizes:
        batches += reader.feed(data[at : at + size])
        at += size
    batches += reader.feed(data[at:])
    end = reader.finish()
    table, kept = once(pa.concat_tables(batches), reader.repeated)
    return Table(table, end, facts={"repeated_columns": kept} if kept else {})
