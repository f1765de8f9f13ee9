"""What a topic's fields mean: units and descriptions, from the schema registry beside the database."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from skykey.calls.flow import Flow, bounded, need
from skykey.rubin.influx_database import DatabaseFlows
from skykey.tables.end import End
from skykey.tables.packages import arrow
from skykey.tables.table import Table
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.repertoire.avro import Field
    from skykey.repertoire.schema_registry import SchemaRegistryFlows
    from skykey.tables.columns import Column


class SchemaFlows(DatabaseFlows):
    """Asks the registry that the database's login names, or the one that the user does."""

    _registry: SchemaRegistryFlows | None = None

    def _described(self, topic: str) -> Flow[Table]:
        """What the registry says, as a table."""
        fields = yield from self._meanings(topic)
        pa = arrow()
        text = pa.string()
        columns = {
            "name": pa.array([field.name for field in fields], text),
            "type": pa.array([field.type for field in fields], text),
            "units": pa.array([field.units for field in fields], text),
            "description": pa.array([field.description for field in fields], text),
            "is_array": pa.array([field.is_array for field in fields], pa.bool_()),
        }
        return Table(pa.table(columns), End(complete=True, rows=len(fields)), facts={"name": topic})

    def _with_units(self, topic: str, known: Sequence[Column]) -> Flow[tuple[Column, ...]]:
        """The columns with what the registry says about them."""
        fields = yield from bounded(self._meanings(topic), self.query_timeout)
        by_name = {field.name: field for field in fields}
        return tuple(_described(column, by_name) for column in known)

    def _meanings(self, topic: str) -> Flow[tuple[Field, ...]]:
        if self._registry is None:
            self._registry = yield from self._find_registry()
        return (yield from self._registry.fields(topic))

    def _find_registry(self) -> Flow[SchemaRegistryFlows]:
        # Here and not at the top: most programs never ask it.
        from skykey.repertoire.models import InfluxDatabase
        from skykey.repertoire.schema_registry import VARIABLE, SchemaRegistryFlows

        if os.environ.get(VARIABLE, "").strip():
            return SchemaRegistryFlows()
        facts = (yield from need(self._login)).facts
        if "schema_registry" not in facts:
            return SchemaRegistryFlows()  # which says what is missing
        database = InfluxDatabase(
            url=Url(facts["url"]),
            database=facts.get("database", self.db_name),
            schema_registry=Url(facts["schema_registry"]),
            local="local" in facts,
        )
        return SchemaRegistryFlows(database)


def _described(column: Column, fields: dict[str, Field]) -> Column:
    field = fields.get(column.name) or _array(column.name, fields)
    return column if field is None else replace(column, unit=field.units, description=field.description)


def _array(name: str, fields: dict[str, Field]) -> Field | None:
    """The array that a numbered name is a place of: ``force10`` of ``force``, or of ``force1``."""
    digits = len(name) - len(name.rstrip("0123456789"))
    bases = (name[:-count] for count in range(1, digits + 1))
    return next((fields[base] for base in bases if base in fields and fields[base].is_array), None)
