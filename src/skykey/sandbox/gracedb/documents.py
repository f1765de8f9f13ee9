"""The XML that pipelines upload, safely: tables of LIGO_LW, and VOEvents."""

import math
import re
import zlib
from typing import Any
from xml.etree import ElementTree as ET

_LIMIT = 64 << 20  # bytes, unpacked
_GZIP = b"\x1f\x8b"
_CELL = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"|([^",\s]*+))\s*+(,|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Unreadable(Exception):
    """A document that is none, or not one to be read."""


def tree(data: bytes) -> ET.Element:
    """Read a document, packed or not; names come without their namespaces."""
    data = _unpacked(data)
    # A LIGO_LW document names its DTD, which nobody fetches. Without entities there is nothing to expand, and what
    # is written in two bytes a character could hide one.
    if b"<!ENTITY" in data or b"\0" in data:
        raise Unreadable("it declares entities, or is not in UTF-8")
    try:
        root = ET.fromstring(data)  # noqa: S314 - see above
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Unreadable(str(error)) from None
    for each in root.iter():
        each.tag = str(each.tag).rpartition("}")[2]
    return root


def table(root: ET.Element, name: str) -> list[dict[str, Any]] | None:
    """Return the rows of one table of a LIGO_LW document, None if it has no such table."""
    found = next(
        (each for each in root.iter("Table") if _last(each.get("Name", "").removesuffix(":table")) == name), None
    )
    if found is None:
        return None
    columns = [(_last(each.get("Name", "")), each.get("Type", "")) for each in found.findall("Column")]
    cells = _cells(found.findtext("Stream") or "")
    if len(cells) % max(len(columns), 1) == 1 and cells[-1] is None:
        cells.pop()  # behind the last row may be a comma or not
    if not columns or len(cells) % len(columns):
        raise Unreadable(f"the rows of {name} do not fit its columns")
    rows = [cells[at : at + len(columns)] for at in range(0, len(cells), len(columns))]
    return [{column: _value(kind, cell) for (column, kind), cell in zip(columns, row, strict=True)} for row in rows]


def _unpacked(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        unpacking = zlib.decompressobj(wbits=31)
        try:
            data = unpacking.decompress(data, _LIMIT + 1)
        except zlib.error as error:
            raise Unreadable(str(error)) from None
    if len(data) > _LIMIT:
        raise Unreadable(f"it has more than {_LIMIT} bytes")
    return data


def _last(name: str) -> str:
    return name.rpartition(":")[2]


def _cells(text: str) -> list[str | None]:
    if not text.strip():
        return []
    found: list[str | None] = []
    at, is_done = 0, False
    while not is_done:
        match = _CELL.match(text, at)
        if match is None:
            raise Unreadable("a row has a stray quotation mark")
        quoted, bare, end = match.groups()
        found.append((bare or None) if quoted is None else _ESCAPED.sub(r"\1", quoted))
        at, is_done = match.end(), not end
    return found


def _value(kind: str, cell: str | None) -> Any:
    if cell is None:
        return None
    try:
        if kind.startswith("int"):
            return int(cell)
        return number(cell) if kind.startswith("real") else cell
    except ValueError:
        raise Unreadable(f"{cell!r} is not of type {kind}") from None


def number(value: Any) -> float | None:
    """Return a number that JSON can write."""
    found = float(value)
    return found if math.isfinite(found) else None
