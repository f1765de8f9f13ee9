"""Tables whose times are TAI, for people and for files that cannot say so: the command prints and writes UTC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.output import say

if TYPE_CHECKING:
    from skykey.tables.table import Table


def in_utc(table: Table) -> Table:
    """The same table with its TAI times in UTC, to the nanosecond; modified Julian dates stay TAI.

    Parameters
    ----------
    table
        Times without a zone are TAI where the table says so; all else stays what it is.

    Returns
    -------
    Table
        Null stands for a time that has no such reading, before 1972 or beyond the year 2262: one strange time must not
        take the others with it, and as it is it would be a wrong one. How many there are is said on stderr.
    """
    if table.time_scale != "tai":
        return table
    import numpy as np

    from skykey.tables.packages import arrow
    from skykey.values.scales import FIRST_TAI, utc_from_tai_array

    pa: Any = arrow()
    data: Any = table.arrow
    for number, field in enumerate(data.schema):
        if not pa.types.is_timestamp(field.type) or field.type.tz is not None:
            continue
        column = data.column(number)
        unit = _UNITS[field.type.unit]
        counts, first = column.cast(pa.int64()).fill_null(_NOTHING).to_numpy(), -(-FIRST_TAI // unit)
        is_named = (counts >= first) & (counts <= _LAST // unit)
        if lost := int(np.count_nonzero(~is_named)) - column.null_count:
            say(f"{lost:,} of {field.name} cannot be said in UTC (before 1972, or beyond 2262): left empty")
        utc = utc_from_tai_array(np.where(is_named, counts, first) * unit)
        made = pa.array(utc, mask=~is_named).cast(pa.timestamp("ns", "UTC"))
        data = data.set_column(number, pa.field(field.name, made.type, metadata=field.metadata), made)
    return replace(table, arrow=data, time_scale="utc")


_NOTHING: Final = -(2**63)
_LAST: Final = 2**63 - 60 * 10**9  # what nanoseconds can count, but for the leap seconds
_UNITS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
