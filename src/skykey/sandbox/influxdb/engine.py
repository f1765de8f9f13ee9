"""Statements carried out: each becomes one parameterised SELECT of DuckDB, or a look into the catalog."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import count, groupby
from typing import TYPE_CHECKING, Any

from skykey.sandbox.influxdb import clock
from skykey.sandbox.influxdb.errors import StatementError
from skykey.sandbox.influxdb.influxql import Moment, Select, Star
from skykey.sandbox.influxdb.results import Result, Series, pieces
from skykey.sandbox.influxdb.store import Kind, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skykey.sandbox.influxdb.influxql import Comparison, Show, Source, Statement, Value
    from skykey.sandbox.influxdb.results import Row
    from skykey.sandbox.influxdb.store import Measurement, Store


@dataclass(frozen=True)
class Engine:
    """The store, asked with a default database and policy, in pieces of so many rows."""

    store: Store
    database: str
    policy: str
    size: int

    def run(self, statements: Sequence[Statement]) -> Iterator[Result]:
        """Answer one statement after the other; the first error ends it."""
        for number, statement in enumerate(statements):
            try:
                if isinstance(statement, Select):
                    yield from pieces(number, self._select(statement), self.size)
                else:
                    yield from self._show(number, statement)
            except StatementError as error:
                yield Result(number, error=str(error))
                for _ in statements[number + 1 :]:
                    yield Result(number, error="not executed")
                return

    def _measurements(self, source: Source | None) -> list[Measurement]:
        database = (source and source.database) or self.database
        policy = (source and source.policy) or self.policy
        if not database:
            raise StatementError("database name required")
        if database not in self.store.databases:
            raise StatementError(f"database not found: {database}")
        if policy not in ("", "autogen"):
            raise StatementError(f"retention policy not found: {policy}")
        known = self.store.databases[database]
        if source is None:
            return list(known.values())
        if not source.measurement:
            raise StatementError("invalid measurement")
        return [known[source.measurement]] if source.measurement in known else []

    def _show(self, number: int, show: Show) -> Iterator[Result]:
        if show.topic == "databases":
            return pieces(number, [_list("databases", "name", self.store.databases)])
        if show.topic == "measurements":
            # 1.6.7 finds nothing in a database that is not there, and sees no error in it.
            there = self.database in self.store.databases or not self.database
            names = [measurement.name for measurement in self._measurements(None)] if there else []
            return pieces(number, [_list("measurements", "name", names)])
        found = self._measurements(show.source)
        if show.topic == "field keys":
            return pieces(number, [_field_keys(measurement) for measurement in found], self.size)
        # Tag keys come as one result a measurement, and none of them is marked as partial.
        tagged = [[_list(each.name, "tagKey", each.tags())] for each in found if each.tags()]
        return (result for keys in tagged or [[]] for result in pieces(number, keys))

    def _select(self, select: Select) -> Iterator[tuple[Series, Iterator[Row]]]:
        found = self._measurements(select.source)
        chosen = list(select.columns)
        if "time" in chosen:
            chosen.remove("time")  # it comes first anyway
        if not chosen:
            raise StatementError("at least 1 non-time field must be queried")
        measurement = found[0] if found else None
        now, parameters = time.time_ns(), list[Any]()
        conditions = [_condition(each, measurement, now, parameters) for each in select.where]
        if measurement is None:
            return
        known = measurement.columns
        tags = {name: f"coalesce({known[name].sql}, '')" for name in measurement.tags()}
        groups = sorted({tag for item in select.group_by for tag in (tags if isinstance(item, Star) else [item])})
        every = [name for name in known if not (name in tags and name in groups)]
        names = [name for item in chosen for name in (every if isinstance(item, Star) else [item])]
        fields = [known[name].sql for name in names if name in known and name not in tags]
        if not fields:
            return
        # A row is there if any of the chosen fields is; tags alone make none.
        conditions.append(f"NOT ({' AND '.join(f'{field} IS NULL' for field in fields)})")
        keys = [tags[name] for name in groups if name in tags]
        way = "DESC" if select.descending else "ASC"
        within, across = (
            "ORDER BY " + ", ".join(f"{key} {way}" for key in [*first, "time", *tags.values()]) for first in ([], keys)
        )
        wanted = [*keys, "time", *(known[name].sql if name in known else "NULL" for name in names)]
        sql = f"SELECT {', '.join(wanted)} FROM {measurement.table} WHERE {' AND '.join(conditions)}"  # noqa: S608
        if select.limit:
            partition = f"PARTITION BY {', '.join(keys)}" if keys else ""
            sql += f" QUALIFY row_number() OVER ({partition} {within}) - ? BETWEEN 1 AND ?"
            parameters += [select.offset, select.limit]
        shape = Series(measurement.name, ("time", *_unique(names)), timed=True)
        cursor = self.store.cursor()
        try:
            cursor.execute(f"{sql} {across}", parameters)
            for values, members in groupby(rows(cursor), key=lambda row: row[: len(keys)]):
                own = dict(zip((name for name in groups if name in tags), values, strict=True))
                labels = {name: own.get(name, "") for name in groups}
                yield replace(shape, tags=labels), (row[len(keys) :] for row in members)
        finally:
            cursor.close()


def _list(name: str, column: str, items: Iterable[str]) -> tuple[Series, Iterator[Row]]:
    return Series(name, (column,)), ((item,) for item in items)


def _field_keys(measurement: Measurement) -> tuple[Series, Iterator[Row]]:
    pairs = [(name, column.kind.value) for name, column in measurement.columns.items() if column.kind is not Kind.TAG]
    return Series(measurement.name, ("fieldKey", "fieldType")), iter(pairs)


def _unique(names: list[str]) -> list[str]:
    """Give the repeats of a column numbers: a, a_1, a_2."""
    taken: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        new = name
        if name in taken:
            number = next(n for n in count(taken[name]) if f"{name}_{n}" not in taken)
            taken[name] = number + 1
            new = f"{name}_{number}"
        taken[new] = taken.get(new, 0) + 1
        unique.append(new)
    return unique


def _condition(each: Comparison, measurement: Measurement | None, now: int, parameters: list[Any]) -> str:
    """Compile one comparison; those between unlike types are false, not errors."""
    if each.column.lower() == "time":
        if each.operator == "<>":
            raise StatementError("invalid time comparison operator: !=")
        nanoseconds = _nanoseconds(each.value, now)
        parameters.append(max(clock.EARLIEST - 1, min(clock.LATEST + 1, nanoseconds)))
        return f"time {each.operator} ?"
    column = measurement.columns.get(each.column) if measurement else None
    # What is not a field is a tag, and a tag that is not there is empty.
    kind, name = (column.kind, column.sql) if column else (Kind.TAG, "''")
    operand: Value = each.value
    if kind in (Kind.FLOAT, Kind.INTEGER):
        fits = isinstance(operand, int | float) and not isinstance(operand, bool)
        if kind is Kind.FLOAT or isinstance(operand, float):
            name, operand = f"CAST({name} AS DOUBLE)", float(operand) if isinstance(operand, int) else operand
    else:
        fits = isinstance(operand, bool if kind is Kind.BOOLEAN else str) and each.operator in ("=", "<>")
    if not fits:
        return "FALSE"
    parameters.append(operand)
    left = f"coalesce({name}, '')" if kind is Kind.TAG else name
    return f"{left} {each.operator} ?"


def _nanoseconds(value: Value, now: int) -> int:
    if isinstance(value, Moment):
        try:
            return value.shift + (now if value.base is None else _nanoseconds(value.base, now))
        except StatementError:
            raise StatementError("invalid operation: time and *influxql.BinaryExpr are not compatible") from None
    if isinstance(value, bool):
        raise StatementError("invalid operation: time and *influxql.BooleanLiteral are not compatible")
    return clock.read(value) if isinstance(value, str) else int(value)
