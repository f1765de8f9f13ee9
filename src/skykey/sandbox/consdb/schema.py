"""The tables of ConsDB: their columns, and the statements that make them, for DuckDB and PostgreSQL alike."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INSTRUMENTS = ("latiss", "lsstcam", "lsstcomcam")
_COLUMNS = Path(__file__).parent.parent / "data" / "consdb_columns.csv"
_SQL = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "DOUBLE PRECISION",  # what PostgreSQL makes of FLOAT without a size
    "double": "DOUBLE PRECISION",
    "text": "TEXT",
    "timestamp": "TIMESTAMP",
}
_SEEN = "{schema}.exposure WHERE can_see_sky IS TRUE"
#: view -> what it is made of, and columns that have another name there
VIEWS = {
    "visit1": (_SEEN, {"visit_id": "exposure_id"}),
    "ccdvisit1": (
        f"{{schema}}.ccdexposure WHERE exposure_id IN (SELECT exposure_id FROM {_SEEN})",  # noqa: S608  our own names
        {"visit_id": "exposure_id", "ccdvisit_id": "ccdexposure_id"},
    ),
}


@dataclass(frozen=True)
class Column:
    """One column; ``flag`` is ``key`` (a part of the primary key), ``required`` (never null) or nothing."""

    name: str
    sql: str
    flag: str
    unit: str
    ucd: str


@cache
def tables() -> Mapping[str, tuple[Column, ...]]:
    """Return every table and view by its full name, such as ``cdb_lsstcam.visit1``."""
    found: dict[str, list[Column]] = {}
    with _COLUMNS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            column = Column(row["column"], _sql(row["type"]), row["flag"], row["unit"], row["ucd"])
            for instrument in row["only"].split() or INSTRUMENTS:
                found.setdefault(f"{row['schema']}_{instrument}.{row['table']}", []).append(column)
    return {name: tuple(columns) for name, columns in sorted(found.items())}


def statements(*, keys: bool = True) -> Iterator[str]:
    """Give the statements that make the empty database.

    Parameters
    ----------
    keys
        With primary keys. The sandbox goes without: it only reads, and an index costs more than the data.
    """
    for schema in sorted({name.partition(".")[0] for name in tables()}):
        yield f"CREATE SCHEMA {schema}"
    views = [name for name in tables() if name.partition(".")[2] in VIEWS]
    for name, columns in tables().items():
        if name not in views:
            parts = [f"{column.name} {column.sql}{' NOT NULL' if column.flag else ''}" for column in columns]
            own = [column.name for column in columns if column.flag == "key"]
            if keys and own:
                parts.append(f"PRIMARY KEY ({', '.join(own)})")
            yield f"CREATE TABLE {name} ({', '.join(parts)})"
    for name in views:
        schema, _, view = name.partition(".")
        source, others = VIEWS[view]
        chosen = ", ".join(
            f"{others[column.name]} AS {column.name}" if column.name in others else column.name
            for column in tables()[name]
        )
        yield f"CREATE VIEW {name} AS SELECT {chosen} FROM {source.format(schema=schema)}"  # noqa: S608  our own names


def _sql(kind: str) -> str:
    return f"VARCHAR{kind.removeprefix('string')}" if kind.startswith("string") else _SQL[kind]
