"""Tables that come along with a question: a VOTable in TABLEDATA or BINARY2, scalars and texts only."""

from __future__ import annotations

import struct
from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.votable import PACKED, TEXTS, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_SQL = {
    "boolean": "BOOLEAN",
    "short": "SMALLINT",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
}
_TRUE = ("true", "t", "1")


@dataclass(frozen=True)
class Upload:
    """A table, column by column."""

    name: str
    fields: tuple[Field, ...]
    columns: list[list[Any]]

    def store(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make it a table of this connection only."""
        kinds = [_kind(field) for field in self.fields]
        names = ['"' + field.name.replace('"', '""') + '"' for field in self.fields]
        table = f'temp."upload_{self.name.lower()}"'
        cursor.execute(f"CREATE TEMP TABLE {table} ({', '.join(map(' '.join, zip(names, kinds, strict=True)))})")
        if self.columns and self.columns[0]:
            chosen = ", ".join(f"unnest(${number}::{kind}[])" for number, kind in enumerate(kinds, 1))
            cursor.execute(f"INSERT INTO {table} SELECT {chosen}", self.columns)


def read(name: str, content: bytes) -> Upload:
    """Read a document; raises `AdqlError`."""
    if not name.isidentifier():
        raise AdqlError(f"{name!r} is no name for a table")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise AdqlError(f"The table {name} has a DTD")
    try:
        tree = ET.fromstring(content)  # noqa: S314 - without a DTD there is nothing to expand
        for each in tree.iter():
            each.tag = str(each.tag).rpartition("}")[2]
        table = tree.find("RESOURCE/TABLE")
        if table is None:
            raise AdqlError(f"There is no table in {name}")
        fields = tuple(_field(each) for each in table.findall("FIELD"))
        rows = [list(row) for row in _rows(table, fields)]
    except (ET.ParseError, ValueError, KeyError, struct.error, IndexError) as error:
        raise AdqlError(f"The table {name} cannot be read: {error}") from None
    return Upload(name, fields, [list(column) for column in zip(*rows, strict=True)] if rows else [])


def _field(element: ET.Element) -> Field:
    got = element.attrib
    kind, size = got["datatype"], got.get("arraysize")
    if kind not in _SQL and kind not in TEXTS:
        raise AdqlError(f"The column {got.get('name')} is of datatype {kind}, which is not taken")
    if size not in (None, "1") and (kind not in TEXTS or "x" in size):
        raise AdqlError(f"The column {got.get('name')} holds arrays, which are not taken")
    words = (element.findtext("DESCRIPTION") or "").strip()
    null = element.find("VALUES")
    described = Field(got["name"], kind, size, got.get("xtype", ""), got.get("unit", ""), got.get("ucd", ""), words)
    return (
        described
        if null is None or "null" not in null.attrib
        else _WithNull(**vars(described), null=null.attrib["null"])
    )


@dataclass(frozen=True)
class _WithNull(Field):
    null: str = ""


def _kind(field: Field) -> str:
    return "TIMESTAMP" if field.xtype == "timestamp" else _SQL.get(field.datatype, "VARCHAR")


def _rows(table: ET.Element, fields: tuple[Field, ...]) -> Iterator[Iterator[Any]]:
    data = table.find("DATA")
    if data is None:
        return
    if (found := data.find("TABLEDATA")) is not None:
        for row in found.findall("TR"):
            cells = row.findall("TD")
            yield (_value(field, cell.text or "") for field, cell in zip(fields, cells, strict=True))
    elif (stream := data.find("BINARY2/STREAM")) is not None and "href" not in stream.attrib:
        yield from _unpacked(b64decode(stream.text or ""), fields)
    else:
        raise AdqlError("A table that is in neither TABLEDATA nor BINARY2 is not taken")


def _value(field: Field, text: str) -> Any:
    if field.datatype in TEXTS and not field.xtype:
        return text or None
    text = text.strip()
    if not text or text == getattr(field, "null", None):
        return None
    if field.datatype == "boolean":
        return None if text in ("?", "\0") else text.lower() in _TRUE
    if field.datatype in ("float", "double"):
        return float(text)
    return _time(text) if field.xtype == "timestamp" else text if field.datatype in TEXTS else int(text, 0)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))


def _unpacked(content: bytes, fields: tuple[Field, ...]) -> Iterator[Iterator[Any]]:
    at, flags = 0, (len(fields) + 7) // 8
    while at < len(content):
        mask = int.from_bytes(content[at : at + flags], "big") >> (-len(fields) % 8)
        at, row = at + flags, []
        for number, field in enumerate(fields, 1):
            value, at = _cell(content, at, field)
            row.append(None if mask >> (len(fields) - number) & 1 else value)
        yield iter(row)


def _cell(content: bytes, at: int, field: Field) -> tuple[Any, int]:
    if field.datatype in PACKED:
        form = PACKED[field.datatype][0]
        return struct.unpack_from(form, content, at)[0], at + struct.calcsize(form)
    if field.datatype == "boolean":
        return content[at : at + 1] in (b"T", b"t", b"1"), at + 1
    encoding, width = TEXTS[field.datatype]
    size = field.arraysize or "1"
    if size.endswith("*"):
        (length,), at = struct.unpack_from(">i", content, at), at + 4
    else:
        length = int(size)
    if at + length * width > len(content):
        raise ValueError("it ends too early")
    text = content[at : at + length * width].decode(encoding).partition("\0")[0]
    return _time(text) if text and field.xtype == "timestamp" else text, at + length * width
