"""The part of Avro that says what a topic's fields are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from skykey.values.errors import Unreadable

_UNITLESS: Final = frozenset({"", "unitless", "dimensionless"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a topic.

    Parameters
    ----------
    name
        As in the topic.
    type
        Avro's name for the type of one value, such as ``double``, ``long``, ``string``, ``boolean``; for what Avro
        builds of several, its own word, such as ``record``.
    units
        As the producer writes them (``deg_C``, ``m/s``); None where they are missing, or said to be none.
    description
        In the producer's words.
    is_array
        Whether it has several values. In InfluxDB they are ``name0``, ``name1``, ….
    """

    name: str
    type: str
    units: str | None = None
    description: str | None = None
    is_array: bool = False


def read_fields(document: Any) -> tuple[Field, ...]:
    """Read the registry's answer about one version: a document that holds the schema as a text of its own.

    Raises
    ------
    Unreadable
        If it is not the Avro schema of a record.
    """
    if not isinstance(document, dict) or not isinstance(document.get("schema"), str):
        raise Unreadable("the schema registry's answer holds no schema")
    kind = document.get("schemaType", "AVRO")
    if kind != "AVRO":
        raise Unreadable(f"the schema is {str(kind)[:20]!r}, and only Avro is understood")
    try:
        schema = json.loads(document["schema"])
    except (ValueError, RecursionError):
        raise Unreadable("the schema is not JSON") from None
    if not isinstance(schema, dict) or schema.get("type") != "record" or not isinstance(schema.get("fields"), list):
        raise Unreadable("the schema is not that of a record")
    return tuple(_field(entry) for entry in schema["fields"])


def _field(entry: Any) -> Field:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "type" not in entry:
        raise Unreadable("the schema has a field without a name or a type")
    kind, is_array = _type(entry["type"])
    units = _text(entry.get("units"))
    return Field(
        entry["name"],
        kind,
        None if units is None or units.lower() in _UNITLESS else units,
        _text(entry.get("description")) or _text(entry.get("doc")),
        is_array,
    )


def _type(schema: Any, *, is_array: bool = False) -> tuple[str, bool]:
    """The type of one value, and whether there are several; iteratively, because schemas come from elsewhere."""
    while True:
        match schema:
            case str():
                return schema, is_array
            case [*branches]:
                # Null says only that a value may be missing.
                rest = [branch for branch in branches if branch != "null"]
                if len(rest) != 1:
                    return ("null" if not rest else "union"), is_array
                schema = rest[0]
            case {"type": "array", "items": items}:
                schema, is_array = items, True
            case {"type": inner}:
                schema = inner
            case _:
                raise Unreadable("the schema has a type that is none")


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
