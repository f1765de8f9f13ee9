"""Statements carried out, one after the other: a SELECT over a measurement, or a look into the catalog."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.sandbox.influxdb.errors import RefusedError, StatementError
from skykey.sandbox.influxdb.influxql import Select, Source
from skykey.sandbox.influxdb.results import Result, Series, pieces
from skykey.sandbox.influxdb.selects import Selection
from skykey.sandbox.influxdb.store import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skykey.sandbox.influxdb.influxql import Show, Statement
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
            except (RefusedError, StatementError) as error:
                yield Result(number, error=str(error))
                for _ in statements[number + 1 :]:
                    yield Result(number, error="not executed")
                return

    def _measurements(self, source: Source | None, on: str = "") -> list[Measurement]:
        database = (source and source.database) or on or self.database
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

    def _select(self, select: Select) -> Iterator[tuple[Series, Iterator[Row]]]:
        found = self._measurements(select.source)
        selection = Selection(select, time.time_ns())
        return selection.run(self.store, found[0]) if found else iter(())

    def _show(self, number: int, show: Show) -> Iterator[Result]:
        if show.topic == "databases":
            return pieces(number, [_list("databases", "name", self.store.databases)])
        if show.topic == "measurements":
            # 1.6.7 finds nothing in a database that is not there, and sees no error in it.
            there = (show.database or self.database) in {"", *self.store.databases}
            names = [measurement.name for measurement in self._measurements(None, show.database)] if there else []
            return pieces(number, [_list("measurements", "name", names)])
        if show.topic == "field keys":
            found = self._measurements(show.source, show.database)
            return pieces(number, [_field_keys(measurement) for measurement in found], self.size)
        # Of a FROM only the measurement counts for tags.
        source = Source("", "", show.source.measurement) if show.source else None
        found = self._measurements(source, show.database)
        # These come as one result a measurement, and none of them is marked as partial.
        tagged = [[_list(each.name, "tagKey", each.tags())] for each in found if each.tags()]
        return (result for keys in tagged or [[]] for result in pieces(number, keys))


def _list(name: str, column: str, items: Iterable[str]) -> tuple[Series, Iterator[Row]]:
    return Series(name, (column,)), ((item,) for item in items)


def _field_keys(measurement: Measurement) -> tuple[Series, Iterator[Row]]:
    pairs = [(name, column.kind.value) for name, column in measurement.columns.items() if column.kind is not Kind.TAG]
    return Series(measurement.name, ("fieldKey", "fieldType")), iter(pairs)
