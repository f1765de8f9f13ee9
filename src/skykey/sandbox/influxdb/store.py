"""Databases of measurements in DuckDB: what is stored, in which columns, and how it gets in and out.

Names stay in Python: a DuckDB identifier ignores case, a field does not. So tables and columns are numbered.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any

import duckdb

from skykey.sandbox.influxdb.line_protocol import Point, line, points

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Kind(Enum):
    """What a column holds: a field of one of four types, or a tag."""

    FLOAT = "float"
    INTEGER = "integer"
    STRING = "string"
    BOOLEAN = "boolean"
    TAG = "tag"


_SQL = {Kind.FLOAT: "DOUBLE", Kind.INTEGER: "BIGINT", Kind.STRING: "VARCHAR", Kind.BOOLEAN: "BOOLEAN"}
_SQL[Kind.TAG] = "VARCHAR"
_KINDS = {float: Kind.FLOAT, int: Kind.INTEGER, str: Kind.STRING, bool: Kind.BOOLEAN}
_TAG = "tag:"


@dataclass(frozen=True)
class Column:
    sql: str
    kind: Kind


@dataclass(frozen=True)
class Measurement:
    """A table, and its columns by name, sorted; `time` is not among them."""

    name: str
    table: str
    columns: Mapping[str, Column]

    def tags(self) -> list[str]:
        return [name for name, column in self.columns.items() if column.kind is Kind.TAG]


class Store:
    """An in-memory DuckDB that reads its data and is then locked against files, settings and network."""

    def __init__(self) -> None:
        self.databases: dict[str, dict[str, Measurement]] = defaultdict(dict)
        self._connection = duckdb.connect(":memory:")
        self._tables = count()
        self._lock = threading.Lock()

    def lock(self) -> None:
        """No file, network or setting is within reach of any statement from here on."""
        self._connection.execute("SET enable_external_access = false; SET lock_configuration = true")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a connection of its own to a thread; the caller closes it."""
        with self._lock:
            return self._connection.cursor()

    # -- in

    def load_points(self, database: str, text: str) -> None:
        """Take in line protocol for measurements that are not there yet."""
        by_name: dict[str, list[Point]] = defaultdict(list)
        for point in points(text):
            by_name[point.measurement].append(point)
        for name, found in by_name.items():
            kinds = {key: _KINDS[type(value)] for point in found for key, value in point.fields.items()}
            kinds |= dict.fromkeys((tag for point in found for tag in point.tags), Kind.TAG)
            measurement = self._define(database, name, kinds)
            columns: list[list[Any]] = [[point.time for point in found]]
            for key, column in measurement.columns.items():
                tag = column.kind is Kind.TAG
                columns.append([(point.tags if tag else point.fields).get(key) for point in found])
            # One list a column: a thousand times faster than a row at a time.
            types = ["BIGINT", *(_SQL[column.kind] for column in measurement.columns.values())]
            lists = ", ".join(f"unnest(?::{sql}[])" for sql in types)
            self._connection.execute(f"INSERT INTO {measurement.table} SELECT {lists}", columns)

    def load_parquet(self, path: Path) -> None:
        """Take in one wide table: database, measurement, time, and every field and `tag:…` that occurs."""
        reader = self._connection
        reader.execute("CREATE TEMP TABLE wide AS SELECT * FROM read_parquet(?)", [str(path)])
        described = reader.execute("DESCRIBE wide").fetchall()[3:]
        counts = ", ".join(f'count("{name}")' for name, *_ in described)
        reader.execute(f"SELECT database, measurement, {counts} FROM wide GROUP BY ALL ORDER BY ALL")  # noqa: S608
        for database, name, *written in reader.fetchall():
            # As in InfluxDB, a field exists where it was ever written.
            used = [column[:2] for column, values in zip(described, written, strict=True) if values]
            wide = {column.removeprefix(_TAG): (column, _kind(column, sql)) for column, sql in used}
            measurement = self._define(database, name, {key: kind for key, (_, kind) in wide.items()})
            chosen = ", ".join(f'CAST("{wide[key][0]}" AS {_SQL[wide[key][1]]})' for key in measurement.columns)
            reader.execute(
                f"INSERT INTO {measurement.table} SELECT time, {chosen} FROM wide "  # noqa: S608  names are quoted
                "WHERE database = ? AND measurement = ?",
                [database, name],
            )
        reader.execute("DROP TABLE wide")

    def _define(self, database: str, name: str, kinds: Mapping[str, Kind]) -> Measurement:
        columns = {key: Column(f"c{n}", kinds[key]) for n, key in enumerate(sorted(kinds))}
        measurement = Measurement(name, f"t{next(self._tables)}", columns)
        listed = "".join(f", {column.sql} {_SQL[column.kind]}" for column in columns.values())
        self._connection.execute(f"CREATE TABLE {measurement.table} (time BIGINT NOT NULL{listed})")
        known = self.databases[database]
        self.databases[database] = dict(sorted([*known.items(), (name, measurement)]))
        return measurement

    # -- out

    def line_protocol(self, database: str) -> Iterator[str]:
        """Write everything out again, in batches of lines, so that a real InfluxDB can hold the same."""
        for name, measurement in self.databases[database].items():
            tags = set(measurement.tags())
            cursor = self.cursor()
            cursor.execute(f"FROM {measurement.table} ORDER BY time")
            while block := cursor.fetchmany(5000):
                lines = []
                for time, *values in block:
                    found = {
                        key: value for key, value in zip(measurement.columns, values, strict=True) if value is not None
                    }
                    own = {key: found.pop(key) for key in tags & found.keys()}
                    lines.append(line(Point(name, own, found, time)))
                yield "\n".join(lines)
            cursor.close()


def rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while block := cursor.fetchmany(2000):
        yield from block


def _kind(name: str, sql: str) -> Kind:
    if name.startswith(_TAG):
        return Kind.TAG
    return {"BIGINT": Kind.INTEGER, "VARCHAR": Kind.STRING, "BOOLEAN": Kind.BOOLEAN}.get(sql, Kind.FLOAT)
