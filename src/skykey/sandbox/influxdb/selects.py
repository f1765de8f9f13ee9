"""A SELECT of InfluxQL as one parameterised SELECT of DuckDB; functions are computed from its rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, groupby, islice
from typing import TYPE_CHECKING, Any

from skykey.sandbox.influxdb import clock
from skykey.sandbox.influxdb.aggregates import TAKES, Output, Reduction
from skykey.sandbox.influxdb.errors import RefusedError, StatementError
from skykey.sandbox.influxdb.influxql import Chosen, Moment, Star
from skykey.sandbox.influxdb.results import Series
from skykey.sandbox.influxdb.store import Kind, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skykey.sandbox.influxdb.influxql import Column, Comparison, Select, Value
    from skykey.sandbox.influxdb.results import Row
    from skykey.sandbox.influxdb.store import Measurement, Store

_MOST = 1_000_000  # buckets of one series: 1.6.7 has no limit, and runs out of memory


class Selection:
    """A SELECT at a certain time; what is wrong with it in any measurement shows when it is made."""

    def __init__(self, select: Select, now: int) -> None:
        self._select = select
        start, end = _span(select.where, now)
        self._start, self._first = start or 0, clock.EARLIEST if start is None else start
        self._last = end if end is not None else now if select.buckets else clock.LATEST
        self._chosen = [item for item in select.columns if item != "time"]  # it comes first anyway
        if not self._chosen:
            raise StatementError("at least 1 non-time field must be queried")
        self._aggregated = isinstance(self._chosen[0], Chosen) and self._chosen[0].function != ""
        if select.buckets and not self._aggregated:
            raise StatementError("GROUP BY requires at least one aggregate function")
        if select.buckets and select.buckets.filled and self._last - self._start > _MOST * select.buckets.width:
            raise RefusedError(f"more than {_MOST} times in GROUP BY time")

    def run(self, store: Store, measurement: Measurement) -> Iterator[tuple[Series, Iterator[Row]]]:
        select, known = self._select, measurement.columns
        tags = {name: f"coalesce({known[name].sql}, '')" for name in measurement.tags()}
        groups = sorted({tag for item in select.group_by for tag in (tags if isinstance(item, Star) else [item])})
        keys = {name: tags[name] for name in groups if name in tags}
        outputs = [output for item in self._chosen for output in _outputs(item, measurement, groups)]
        # Tags can be asked for beside fields, and no function takes them.
        readable = known.keys() - tags if self._aggregated else known.keys()
        columns = [known[each.column].sql if each.column in readable else "NULL" for each in outputs]
        fields = [known[each.column].sql for each in outputs if each.column in known.keys() - tags]
        if not fields:
            return
        shape = Series(measurement.name, ("time", *_names(outputs, select.columns)), timed=True)
        reduction = Reduction(outputs, self._start, self._last, select.buckets, select.descending)
        wanted = [*keys.values(), "time", *columns, *(tags.values() if self._aggregated else [])]
        where, parameters = self._conditions(measurement, fields)
        way = "DESC" if select.descending else "ASC"
        order = [f"{key} {way}" for key in ["time", *tags.values()]]
        sql = f"SELECT {', '.join(wanted)} FROM {measurement.table} WHERE {where}"  # noqa: S608  names are ours
        if select.limit and not self._aggregated:
            partition = f"PARTITION BY {', '.join(keys.values())}" if keys else ""
            sql += f" QUALIFY row_number() OVER ({partition} ORDER BY {', '.join(order)}) - ? BETWEEN 1 AND ?"
            parameters += [select.offset, select.limit]
        cut = slice(select.offset, select.offset + select.limit if select.limit else None)
        cursor = store.cursor()
        try:
            cursor.execute(
                f"{sql} ORDER BY {', '.join([*(f'{key} {way}' for key in keys.values()), *order])}", parameters
            )
            for values, members in groupby(rows(cursor), key=lambda row: row[: len(keys)]):
                own = dict.fromkeys(groups, "") | dict(zip(keys, values, strict=True))
                found = (row[len(keys) :] for row in members)
                reduced = islice(reduction.rows(found), cut.start, cut.stop) if self._aggregated else found
                yield replace(shape, tags=own), reduced
        finally:
            cursor.close()

    def _conditions(self, measurement: Measurement, fields: Sequence[str]) -> tuple[str, list[Any]]:
        asked = [_condition(each, measurement) for each in self._select.where if not _is_time(each)]
        # A row is there if any of the chosen fields is; tags alone make none.
        present = f"NOT ({' AND '.join(f'{field} IS NULL' for field in fields)})"
        values = [self._first, self._last, *(value for _, values in asked for value in values)]
        return " AND ".join(["time BETWEEN ? AND ?", *(sql for sql, _ in asked), present]), values


def _outputs(item: Column, measurement: Measurement, groups: Sequence[str]) -> list[Output]:
    """Give the columns that an item of a SELECT stands for."""
    kinds = {name: column.kind for name, column in measurement.columns.items()}
    if isinstance(item, Star):
        return [Output(name, name) for name, kind in kinds.items() if kind is not Kind.TAG or name not in groups]
    if isinstance(item, str):
        return [Output(item, item)]
    name, takes = item.name or item.function, TAKES.get(item.function, frozenset(Kind)) | {Kind.TAG}
    if isinstance(item.column, Star):
        every = [each for each, kind in kinds.items() if kind in takes - {Kind.TAG}]
        return [Output(f"{name}_{each}", each, item.function) for each in every]
    if (kind := kinds.get(item.column, Kind.TAG)) not in takes:
        raise RefusedError(f"{item.function}({item.column}) of a {kind.value}")
    return [Output(name, item.column, item.function)]


def _names(outputs: Sequence[Output], asked: Iterable[Column]) -> list[str]:
    """Give the repeats of a column numbers: a, a_1, a_2."""
    given = any(isinstance(item, Chosen) and (item.name or item.column is Star.STAR) for item in asked)
    taken: dict[str, int] = {}
    unique: list[str] = []
    for output in outputs:
        new = output.name
        if new in taken:
            if given:  # 1.6.7 leaves such a name as it is, and numbers around it
                raise RefusedError(f"the name {new} twice")
            number = next(n for n in count(taken[new]) if f"{new}_{n}" not in taken)
            taken[new] = number + 1
            new = f"{new}_{number}"
        taken[new] = taken.get(new, 0) + 1
        unique.append(new)
    return unique


def _is_time(each: Comparison) -> bool:
    return each.column.lower() == "time"


def _span(where: Iterable[Comparison], now: int) -> tuple[int | None, int | None]:
    """Give the first and the last nanosecond that is asked for; None where nothing bounds it."""
    lower, upper = list[int](), list[int]()
    for each in filter(_is_time, where):
        if each.operator == "<>":
            raise StatementError("invalid time comparison operator: !=")
        moment = max(clock.EARLIEST - 1, min(clock.LATEST + 1, _nanoseconds(each.value, now)))
        if each.operator in {">", ">=", "="}:
            lower.append(moment + (each.operator == ">"))
        if each.operator in {"<", "<=", "="}:
            upper.append(moment - (each.operator == "<"))
    return max(lower, default=None), min(upper, default=None)


def _condition(each: Comparison, measurement: Measurement) -> tuple[str, list[Any]]:
    """Compile one comparison; those between unlike types are false, not errors."""
    column = measurement.columns.get(each.column)
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
        return "FALSE", []
    left = f"coalesce({name}, '')" if kind is Kind.TAG else name
    return f"{left} {each.operator} ?", [operand]


def _nanoseconds(value: Value, now: int) -> int:
    if isinstance(value, Moment):
        try:
            return value.shift + (now if value.base is None else _nanoseconds(value.base, now))
        except StatementError:
            raise StatementError("invalid operation: time and *influxql.BinaryExpr are not compatible") from None
    if isinstance(value, bool):
        raise StatementError("invalid operation: time and *influxql.BooleanLiteral are not compatible")
    return clock.read(value) if isinstance(value, str) else int(value)
