"""Which tables there are, and what their columns mean: in a question, each name has one meaning or is an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from skykey.sandbox.consdb.schema import tables
from skykey.sandbox.tap.votable import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skykey.sandbox.consdb.schema import Column

_DATATYPES = {"BOOLEAN": "boolean", "INTEGER": "int", "BIGINT": "long", "DOUBLE PRECISION": "double"}
_FREE_TEXT = 1024  # columns as wide as this hold what people wrote, so more than ASCII
_INT, _TEXT = "int", "unicodeChar"
#: TAP 1.1, section 4, with texts as the standard means them
TAP_SCHEMA: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "schemas": {
        "schema_name": (_TEXT, "Name of the schema"),
        "utype": (_TEXT, "Its utype, if it has one"),
        "description": (_TEXT, "What it holds"),
        "schema_index": (_INT, "Its place in a list of all"),
    },
    "tables": {
        "schema_name": (_TEXT, "Name of the schema that it is in"),
        "table_name": (_TEXT, "Full name, as a question has it"),
        "table_type": (_TEXT, "table or view"),
        "utype": (_TEXT, "Its utype, if it has one"),
        "description": (_TEXT, "What it holds"),
        "table_index": (_INT, "Its place in a list of all"),
    },
    "columns": {
        "table_name": (_TEXT, "Full name of its table"),
        "column_name": (_TEXT, "Name, as a question has it"),
        "datatype": (_TEXT, "Datatype of its FIELD"),
        "arraysize": (_TEXT, "Array size of its FIELD"),
        "xtype": (_TEXT, "Extended type of its FIELD"),
        "description": (_TEXT, "What it means"),
        "utype": (_TEXT, "Its utype, if it has one"),
        "unit": (_TEXT, "Unit, in VOUnits"),
        "ucd": (_TEXT, "Unified content descriptor"),
        "indexed": (_INT, "1 if the database has an index for it"),
        "principal": (_INT, "1 if it matters to most"),
        "std": (_INT, "1 if a standard defines it"),
        "column_index": (_INT, "Its place in the table"),
    },
    "keys": {
        "key_id": (_TEXT, "Name of the foreign key"),
        "from_table": (_TEXT, "Table that refers"),
        "target_table": (_TEXT, "Table that is referred to"),
        "description": (_TEXT, "What it means"),
        "utype": (_TEXT, "Its utype, if it has one"),
    },
    "key_columns": {
        "key_id": (_TEXT, "Name of the foreign key"),
        "from_column": (_TEXT, "Column that refers"),
        "target_column": (_TEXT, "Column that is referred to"),
    },
}


@cache
def known() -> Mapping[str, tuple[Field, ...]]:
    """Return the columns of every table, by its full name in lower case."""
    found = {name: tuple(map(_field, columns)) for name, columns in tables().items()}
    for table, columns in TAP_SCHEMA.items():
        found[f"tap_schema.{table}"] = tuple(
            Field(name, kind, "*" if kind == _TEXT else None, description=words)
            for name, (kind, words) in columns.items()
        )
    return found


def _field(column: Column) -> Field:
    name, sql, unit, ucd = column.name, column.sql, column.unit, column.ucd
    if sql == "TIMESTAMP":
        return Field(name, "char", "*", "timestamp", unit, ucd)
    if sql in _DATATYPES:
        return Field(name, _DATATYPES[sql], None, "", unit, ucd)
    size = sql.removeprefix("VARCHAR(").rstrip(")")
    if not size.isdigit():
        return Field(name, _TEXT, "*", "", unit, ucd)
    return Field(name, _TEXT if int(size) >= _FREE_TEXT else "char", f"{size}*", "", unit, ucd)


@dataclass
class Scope:
    """What one SELECT can see: the tables of its FROM, and whatever is around it."""

    outer: Scope | None = None
    sources: list[tuple[str, Sequence[Field]]] = field(default_factory=list)
    named: dict[str, Sequence[Field]] = field(default_factory=dict)
    hidden: list[set[str] | None] = field(default_factory=list)

    def query(self, name: str) -> Sequence[Field] | None:
        """Return the columns of a query of WITH."""
        found = self.named.get(name.lower())
        return self.outer.query(name) if found is None and self.outer else found

    def find(self, table: str, column: str) -> Field | None:
        """Return the column, None if there is none of this name here or around."""
        for source, fields in self.sources:
            if table.lower() in ("", source.lower()):
                for each in fields:
                    if each.name.lower() == column.lower():
                        return each
        return self.outer.find(table, column) if self.outer else None

    def merge(self, names: Sequence[str] | None) -> None:
        """Take note of columns that the last table shares with those before it; None: all of one name."""
        *others, (_, own) = self.sources
        before = {each.name.lower() for _, fields in others for each in fields}
        shared = [each.name.lower() for each in own if each.name.lower() in (before if names is None else names)]
        first = [each.name.lower() for each in self.sources[0][1][: len(shared)]]
        # PostgreSQL puts them in front of all others, DuckDB leaves them where they were.
        self.hidden.append(set(shared) if sorted(first) == sorted(shared) and len(self.sources) == 2 else None)  # noqa: PLR2004

    def all_of(self, table: str) -> list[Field]:
        """Return the columns of one table of FROM, or of all; none where that cannot be said."""
        if self.hidden and not table:
            if len(self.hidden) > 1 or len(self.sources) > 2 or self.hidden[0] is None:  # noqa: PLR2004
                return []
            (_, left), (_, right) = self.sources
            return [*left, *(each for each in right if each.name.lower() not in self.hidden[0])]
        chosen = [fields for source, fields in self.sources if table.lower() in ("", source.lower())]
        return [each for fields in chosen for each in fields]
