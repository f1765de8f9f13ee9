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

from skykey.sandbox.influxdb.errors import RefusedError
from skykey.sandbox.influxdb.line_protocol import Point, line, points

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_DAY = 86_400 * 10**9


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
        """Take in line protocol, all of it with times."""
        self.write(database, points(text))

    def write(self, database: str, written: Iterable[Point]) -> None:
        """Take in points; one of a series and a time that are there already replaces its fields.

        Raises
        ------
        RefusedError
            The columns of a measurement would differ in kind, or between weeks. Nothing is written.
        """
        by_name: dict[str, list[Point]] = defaultdict(list)
        for point in written:
            by_name[point.measurement].append(point)
        with self._lock:
            known = {name: self.databases[database].get(name) or Measurement(name, "", {}) for name in by_name}
            kinds = {name: self._kinds(known[name], found) for name, found in by_name.items()}
            for name, found in by_name.items():
                self._merge(self._define(database, name, kinds[name]), found)

    def _kinds(self, known: Measurement, found: Sequence[Point]) -> dict[str, Kind]:
        """Give the columns of a measurement and of further points of it."""
        kinds = {name: column.kind for name, column in known.columns.items()}
        days = f"SELECT DISTINCT time // {_DAY} FROM {known.table}"  # noqa: S608  names are ours
        stored = self._connection.execute(days).fetchall() if known.table else []
        weeks = {_week(day * _DAY): kinds.keys() - known.tags() for (day,) in stored}
        for point in found:
            # 1.6.7 knows fields by the week, and leaves some out of answers about weeks that have others.
            weeks.setdefault(_week(point.time), set()).update(point.fields)
            own = {name: _KINDS[type(value)] for name, value in point.fields.items()}
            for name, kind in [*own.items(), *((tag, Kind.TAG) for tag in point.tags)]:
                if (was := kinds.setdefault(name, kind)) is not kind:
                    words = f"type {kind.value}, already exists as type {was.value}"
                    raise RefusedError(
                        f'field type conflict: input field "{name}" on measurement "{known.name}" is {words}'
                    )
        if len({frozenset(week) for week in weeks.values()}) > 1:
            raise RefusedError(f"the weeks of {known.name} have different fields")
        return kinds

    def _merge(self, measurement: Measurement, found: Sequence[Point]) -> None:
        merged: dict[Any, dict[str, Any]] = defaultdict(dict)
        for point in found:
            merged[point.time, tuple(sorted(point.tags.items()))] |= {**point.fields, **point.tags}
        values = [[time for time, _ in merged]]
        values += [[row.get(key) for row in merged.values()] for key in measurement.columns]
        own = {"time": "BIGINT"} | {column.sql: _SQL[column.kind] for column in measurement.columns.values()}
        # One list a column: a thousand times faster than a row at a time.
        lists = ", ".join(f"unnest(?::{sql}[]) AS {name}" for name, sql in own.items())
        tags = [measurement.columns[tag].sql for tag in measurement.tags()]
        same = " AND ".join(f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in ["time", *tags])
        replaced = ", ".join(f"{name} = coalesce(new.{name}, old.{name})" for name in own.keys() - {"time", *tags})
        self._connection.execute(
            f"MERGE INTO {measurement.table} AS old USING (SELECT {lists}) AS new ON {same} "
            f"WHEN MATCHED THEN UPDATE SET {replaced} WHEN NOT MATCHED THEN INSERT BY NAME",
            values,
        )

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
        """Make a measurement, or give one further columns."""
        known = self.databases[database]
        old = known.get(name) or Measurement(name, f"t{next(self._tables)}", {})
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {old.table} (time BIGINT NOT NULL)")
        columns = dict(old.columns)
        for key in sorted(kinds.keys() - columns.keys()):
            columns[key] = Column(f"c{len(columns)}", kinds[key])
            self._connection.execute(f"ALTER TABLE {old.table} ADD COLUMN {columns[key].sql} {_SQL[kinds[key]]}")
        measurement = Measurement(name, old.table, dict(sorted(columns.items())))
        self.databases[database] = dict(sorted({**known, name: measurement}.items()))
        return measurement

    # -- out

    def line_protocol(self, database: str) -> Iterator[str]:
        """Write everything out again, in batches of lines, so that a real InfluxDB can hold the same."""
        for name, measurement in self.databases[database].items():
            tags, cursor = measurement.tags(), self.cursor()
            names = ", ".join(["time", *(column.sql for column in measurement.columns.values())])
            cursor.execute(f"SELECT {names} FROM {measurement.table} ORDER BY time")  # noqa: S608  names are ours
            while block := cursor.fetchmany(5000):
                lines = []
                for time, *values in block:
                    pairs = zip(measurement.columns, values, strict=True)
                    found = {key: value for key, value in pairs if value is not None}
                    own = {key: found.pop(key) for key in tags if key in found}
                    lines.append(line(Point(name, own, found, time)))
                yield "\n".join(lines)
            cursor.close()


def rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while block := cursor.fetchmany(2000):
        yield from block


def _week(time: int) -> int:
    return (time // _DAY - 4) // 7  # from Monday to Sunday


def _kind(name: str, sql: str) -> Kind:
    if name.startswith(_TAG):
        return Kind.TAG
    return {"BIGINT": Kind.INTEGER, "VARCHAR": Kind.STRING, "BOOLEAN": Kind.BOOLEAN}.get(sql, Kind.FLOAT)
