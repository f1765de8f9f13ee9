"""Tables whose times are TAI, for people and for files that cannot say so: the command prints and writes UTC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from skykey.tables.table import Table


def in_utc(table: Table) -> Table:
    """The same table with its TAI times in UTC, to the nanosecond; modified Julian dates stay TAI.

    Parameters
    ----------
    table
        Times without a zone are TAI where the table says so; all else stays what it is.
    """
    if table.time_scale != "tai":
        return table
    from skykey.tables.packages import arrow
    from skykey.values.scales import utc_from_tai_array

    pa: Any = arrow()
    data: Any = table.arrow
    for number, field in enumerate(data.schema):
        if not pa.types.is_timestamp(field.type) or field.type.tz is not None:
            continue
        column = data.column(number)
        counts = column.cast(pa.timestamp("ns")).cast(pa.int64()).fill_null(_NOTHING).to_numpy()
        made = pa.array(utc_from_tai_array(counts), mask=counts == _NOTHING).cast(pa.timestamp("ns", "UTC"))
        data = data.set_column(number, pa.field(field.name, made.type, metadata=field.metadata), made)
    return replace(table, arrow=data, time_scale="utc")


_NOTHING: Final = -(2**63)  # the number of "no time", which a conversion leaves as it is
