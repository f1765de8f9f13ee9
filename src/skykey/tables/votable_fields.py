"""What a VOTable says of its columns, and which Arrow type each of them has.

VOTable 1.1 to 1.5, as TAP services write it: numbers, booleans, text, arrays of numbers of one dimension or more.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.metadata import DESCRIPTION, UCD, UNIT
from skykey.tables.packages import arrow

if TYPE_CHECKING:
    import pyarrow as pa

WIDTHS: Final = {
    "boolean": 1,
    "bit": 1,
    "unsignedByte": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "char": 1,
    "unicodeChar": 2,
    "float": 4,
    "double": 8,
}
"""Bytes of one element by datatype."""
INTEGERS: Final = frozenset({"unsignedByte", "short", "int", "long"})
FLOATS: Final = frozenset({"float", "double"})
TEXTS: Final = frozenset({"char", "unicodeChar"})
_TIMES: Final = frozenset({"timestamp", "adql:timestamp"})
_ARRAYSIZE: Final = re.compile(r"(?:\d{1,9}x){0,8}(?:\d{1,9}\*?|\*)", re.ASCII)


class BadVOTable(ValueError):
    """It is no VOTable, or one that says things which cannot be so; the text says what."""


@dataclass(frozen=True, slots=True)
class VOField:
    """One ``FIELD``.

    Parameters
    ----------
    name, datatype, arraysize, xtype, unit, ucd, utype, description
        As written; None for what is not.
    null
        The value that stands for null (``<VALUES null=…>``).

    Raises
    ------
    BadVOTable
        For a datatype that cannot be read: complex numbers, arrays of bits, arrays of texts, and what does not exist.
    """

    name: str
    datatype: str
    arraysize: str | None = None
    null: str | None = None
    xtype: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        if self.datatype not in WIDTHS:
            raise BadVOTable(f"column {self.name} is of the datatype {self.datatype[:40]!r}, which cannot be read")
        size = self.arraysize
        if size is not None and not _ARRAYSIZE.fullmatch(size):
            raise BadVOTable(f"column {self.name} has the arraysize {size[:40]!r}")
        many = "x" in (size or "") or (self.datatype == "bit" and self.is_list)
        if many and (self.is_text or self.datatype == "bit"):
            raise BadVOTable(f"column {self.name} is an array of {self.datatype} ({size}), which cannot be read")

    @property
    def is_text(self) -> bool:
        """Whether an array of its elements is one text."""
        return self.datatype in TEXTS

    @property
    def is_time(self) -> bool:
        """Whether its texts are points in time."""
        return self.is_text and (self.xtype or "").lower() in _TIMES

    @property
    def length(self) -> int | None:
        """How many elements each value has; None if that varies."""
        size = self.arraysize or "1"
        return None if size.endswith("*") else math.prod(map(int, size.split("x")))

    @property
    def is_list(self) -> bool:
        """Whether a value is a list: services write ``arraysize="1"`` where they mean a single number."""
        return not self.is_text and self.arraysize not in {None, "1"}

    @property
    def element(self) -> pa.DataType:
        """The Arrow type of one element, of a text as a whole."""
        pa = arrow()
        kinds: dict[str, Any] = {
            "boolean": pa.bool_(),
            "bit": pa.bool_(),
            "unsignedByte": pa.uint8(),
            "short": pa.int16(),
            "int": pa.int32(),
            "long": pa.int64(),
            "char": pa.string(),
            "unicodeChar": pa.string(),
            "float": pa.float32(),
            "double": pa.float64(),
        }
        return kinds[self.datatype]

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        pa = arrow()
        if self.is_time:
            return pa.timestamp("us")
        return pa.list_(self.element) if self.is_list else self.element

    def field(self, name: str) -> Any:
        """The ``pyarrow.Field``, under a name that no other column has; all that was said of it is in the metadata."""
        told = {
            UNIT: self.unit,
            DESCRIPTION: self.description,
            UCD: self.ucd,
            b"utype": self.utype,
            b"xtype": self.xtype,
            # The only place where the shape of a list of several dimensions is.
            b"arraysize": self.arraysize if "x" in (self.arraysize or "") else None,
        }
        return arrow().field(name, self.type, metadata={key: text.encode() for key, text in told.items() if text})
