"""What an Arrow table says about itself: units and descriptions in its fields, the time scale in its schema.

There, because everything that keeps a schema keeps them: Parquet, Arrow files, other libraries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.tables.packages import arrow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skykey.tables.columns import Column

UNIT: Final = b"unit"
DESCRIPTION: Final = b"description"
UCD: Final = b"ucd"
TIME_SCALE: Final = b"time_scale"
SERIES: Final = b"series"
"""What the rows of a batch are rows of, if the columns do not say it: InfluxDB's measurement."""


def described(table: Any, columns: Iterable[Column] = (), **facts: str) -> Any:
    """Attach what is known; what is not stays as it was.

    Parameters
    ----------
    table
        The ``pyarrow.Table``; its data are not copied.
    columns
        Units and descriptions. Columns that the table does not have are passed over.
    facts
        About all of it, by key: ``time_scale``, ``series``.
    """
    pa = arrow()
    notes = {column.name: note for column in columns if (note := _note(column))}
    if notes:
        fields = [
            field.with_metadata({**(field.metadata or {}), **notes[field.name]}) if field.name in notes else field
            for field in table.schema
        ]
        table = pa.Table.from_arrays(table.columns, schema=pa.schema(fields, metadata=table.schema.metadata))
    if not facts:
        return table
    more = {key.encode(): fact.encode() for key, fact in facts.items()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **more})


def _note(column: Column) -> dict[bytes, bytes]:
    told = {UNIT: column.unit, DESCRIPTION: column.description, UCD: column.ucd}
    return {key: text.encode() for key, text in told.items() if text is not None}


def units(schema: Any) -> dict[str, str]:
    """Units by column, of the columns that have one."""
    return _told(schema, UNIT)


def descriptions(schema: Any) -> dict[str, str]:
    """Descriptions by column, of the columns that have one."""
    return _told(schema, DESCRIPTION)


def ucds(schema: Any) -> dict[str, str]:
    """UCDs by column, of the columns that have one."""
    return _told(schema, UCD)


def _told(schema: Any, key: bytes) -> dict[str, str]:
    return {field.name: field.metadata[key].decode() for field in schema if key in (field.metadata or {})}


def fact(schema: Any, key: bytes) -> str | None:
    """What is said about all of a table; None if nothing is."""
    told: bytes | None = (schema.metadata or {}).get(key)
    return None if told is None else told.decode()
