"""What the service says of its tables: as tables to ask, and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.sandbox.consdb.schema import VIEWS
from skykey.sandbox.tap.sources import TAP_SCHEMA, known
from skykey.sandbox.tap.votable import Field, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

_SPACES = 'xmlns:vosi="http://www.ivoa.net/xml/VOSITables/v1.0" xmlns:vod="http://www.ivoa.net/xml/VODataService/v1.1" '
_SPACES += 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_WORDS = {"tap_schema": "What tables there are, and what their columns mean"}


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables."""
    rows = _rows()
    connection.execute("CREATE SCHEMA tap_schema")
    for table, columns in TAP_SCHEMA.items():
        kinds = {name: "INTEGER" if kind == "int" else "VARCHAR" for name, (kind, _) in columns.items()}
        parts = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        connection.execute(f"CREATE TABLE tap_schema.{table} ({parts})")
        if rows[table]:
            chosen = ", ".join(f"unnest(${number}::{kind}[])" for number, kind in enumerate(kinds.values(), 1))
            values = [list(column) for column in zip(*rows[table], strict=True)]
            connection.execute(f"INSERT INTO tap_schema.{table} SELECT {chosen}", values)


def _rows() -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table. The year has no foreign keys, so there are none to tell of."""
    schemas = [(name, None, _WORDS.get(name, _of(name)), at) for at, name in enumerate(_schemas())]
    tables = [(_schema(name), name, _kind(name), None, None, at) for at, name in enumerate(known())]
    columns = [
        (
            *(name, field.name, field.datatype, field.arraysize, field.xtype or None, field.description or None, None),
            *(field.unit or None, field.ucd or None, 0, 1, int(_schema(name) == "tap_schema"), at),
        )
        for name, fields in known().items()
        for at, field in enumerate(fields)
    ]
    return {"schemas": schemas, "tables": tables, "columns": columns, "keys": [], "key_columns": []}


def document(table: str | None, *, columns: bool) -> str | None:
    """Return VOSI's document of all tables or of one, None if there is no such table."""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if table is not None:
        fields = known().get(table.lower())
        if fields is None:
            return None
        return f'{head}<vosi:table {_SPACES} type="{_kind(table)}">{"".join(_inside(table, fields))}</vosi:table>\n'
    parts = []
    for schema in _schemas():
        parts.append(f"<schema><name>{schema}</name><description>{_WORDS.get(schema, _of(schema))}</description>")
        for name, fields in known().items():
            if _schema(name) == schema:
                inside = "".join(_inside(name, fields if columns else ()))
                parts.append(f'<table type="{_kind(name)}">{inside}</table>\n')
        parts.append("</schema>\n")
    return f"{head}<vosi:tableset {_SPACES}>\n{''.join(parts)}</vosi:tableset>\n"


def _inside(name: str, fields: Sequence[Field]) -> Iterator[str]:
    yield f"<name>{name}</name>"
    for field in fields:
        said = {"name": field.name, "description": field.description, "unit": field.unit, "ucd": field.ucd}
        inner = "".join(f"<{key}>{escaped(text)}</{key}>" for key, text in said.items() if text)
        more = f' arraysize="{field.arraysize}"' if field.arraysize else ""
        more += f' extendedType="{field.xtype}"' if field.xtype else ""
        yield f'<column>{inner}<dataType xsi:type="vod:VOTableType"{more}>{field.datatype}</dataType></column>\n'


def _schemas() -> list[str]:
    return sorted({_schema(name) for name in known()})


def _schema(table: str) -> str:
    return table.partition(".")[0]


def _of(schema: str) -> str:
    return f"Made-up tables of {schema.partition('_')[2]}"


def _kind(table: str) -> str:
    return "view" if table.partition(".")[2] in VIEWS else "table"
