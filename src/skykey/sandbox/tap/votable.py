"""VOTables of one table, in TABLEDATA or BINARY2. How the question went stands before it, and a change behind it."""

from __future__ import annotations

import math
import re
import struct
from base64 import b64encode
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skykey.sandbox.tap.answers import Answer

#: datatype -> how `struct` packs it, and what stands in a field that is null
PACKED = {
    "short": (">h", 0),
    "int": (">i", 0),
    "long": (">q", 0),
    "float": (">f", math.nan),
    "double": (">d", math.nan),
}
TEXTS = {"char": ("utf-8", 1), "unicodeChar": ("utf-16-be", 2)}
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_NEEDS = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">'
    '\n<RESOURCE type="results">\n'
)
_FOOT = "</RESOURCE>\n</VOTABLE>\n"


@dataclass(frozen=True)
class Field:
    """What is said of one column."""

    name: str
    datatype: str
    arraysize: str | None = None
    xtype: str = ""
    unit: str = ""
    ucd: str = ""
    description: str = ""

    def xml(self) -> str:
        named = ("name", "datatype", "arraysize", "xtype", "unit", "ucd")
        pairs = " ".join(f'{name}="{escaped(getattr(self, name))}"' for name in named if getattr(self, name))
        if not self.description:
            return f"<FIELD {pairs}/>\n"
        return f"<FIELD {pairs}><DESCRIPTION>{escaped(self.description)}</DESCRIPTION></FIELD>\n"


def escaped(text: str) -> str:
    """Escape a text; what XML cannot hold at all becomes a replacement character."""
    return _NEEDS.sub(lambda found: _ESCAPED.get(found[0], "\ufffd"), text)


def status(value: str, words: str = "") -> str:
    return f'<INFO name="QUERY_STATUS" value="{value}">{escaped(words)}</INFO>\n'


def failure(words: str) -> bytes:
    """Return the document that says why there is no answer."""
    return (_HEAD + status("ERROR", words) + _FOOT).encode()


def empty(fields: Sequence[Field], *, overflow: bool) -> str:
    """Return the document without data that describes the columns of a Parquet file."""
    table = "<TABLE>\n" + "".join(field.xml() for field in fields) + "</TABLE>\n"
    return _HEAD + status("OK") + table + (status("OVERFLOW") if overflow else "") + _FOOT


def written(answer: Answer, *, binary: bool) -> Iterator[bytes]:
    """Write an answer piece by piece."""
    kind = "BINARY2" if binary else "TABLEDATA"
    head = _HEAD + status("OK") + "<TABLE>\n" + "".join(field.xml() for field in answer.fields)
    opening, closing = (
        ('<BINARY2><STREAM encoding="base64">', "</STREAM></BINARY2>") if binary else (f"<{kind}>\n", f"</{kind}>")
    )
    yield (head + "<DATA>" + opening).encode()
    end = ""
    try:
        yield from (_binary if binary else _tabledata)(answer)
    except Exception as error:  # noqa: BLE001 - whatever it was, the answer ends here and says so
        end = status("ERROR", str(error))
    if answer.overflow:
        end = status("OVERFLOW")
    yield (closing + "</DATA>\n</TABLE>\n" + end + _FOOT).encode()


def plain(value: Any) -> str:
    """Write one value as TABLEDATA and CSV have it; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _tabledata(answer: Answer) -> Iterator[bytes]:
    for batch in answer.batches:
        rows = (
            "<TR>"
            + "".join(f"<TD>{escaped(plain(value))}</TD>" if value not in (None, "") else "<TD/>" for value in row)
            for row in batch
        )
        yield "".join(f"{row}</TR>\n" for row in rows).encode()


def _binary(answer: Answer) -> Iterator[bytes]:
    packers = [_packer(field) for field in answer.fields]
    flags = -len(packers) % 8
    rest = b""
    for batch in answer.batches:
        pieces = [rest]
        for row in batch:
            mask = int("".join("01"[value is None] for value in row) or "0", 2) << flags
            pieces.append(mask.to_bytes((len(row) + 7) // 8, "big"))
            pieces += [pack(value) for pack, value in zip(packers, row, strict=True)]
        content = b"".join(pieces)
        whole = len(content) // 3 * 3  # base64 goes by threes
        rest = content[whole:]
        yield b64encode(content[:whole])
    yield b64encode(rest)


def _packer(field: Field) -> Callable[[Any], bytes]:
    if field.datatype == "boolean":
        return lambda value: b"?" if value is None else b"T" if value else b"F"
    if field.datatype in PACKED:
        form, null = PACKED[field.datatype]
        return lambda value: struct.pack(form, null if value is None else value)
    encoding, width = TEXTS[field.datatype]

    def text(value: Any) -> bytes:
        content = plain(value).encode(encoding)
        return struct.pack(">i", len(content) // width) + content

    return text
