"""From Arrow to a VOTable, as services take tables that go along with a query.

TABLEDATA, which every service reads. It has no difference between null and a text without letters: both are an empty
cell, and null when they are read again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr

from skykey.tables.dtypes import decoded
from skykey.tables.metadata import DESCRIPTION, UCD, UNIT
from skykey.tables.packages import arrow, pandas
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

# What XML 1.0 cannot hold, however it is written.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ROWS: Final = 10_000
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results"><TABLE name={name}>'
)
_TAIL: Final = "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"
_MOST_INT64: Final = 2**63 - 1


def written(given: Any, name: str) -> bytes:
    """Write a table.

    Parameters
    ----------
    given
        A `Table`, a ``pyarrow.Table``, a DataFrame of pandas or polars, an astropy ``Table``, or a mapping of columns.
    name
        What the table is called in messages, and in the document.

    Raises
    ------
    UsageError
        If it is no table, or a column holds what a VOTable cannot: times with a time zone or finer than
        microseconds, decimals, lists of texts, structures; numbers beyond 64 bits; letters that XML does not have;
        two columns of one name.
    """
    table = decoded(_arrow_of(given, name))
    if not table.num_columns:
        raise UsageError(f"the table {name} has no columns")
    if len(set(table.column_names)) != table.num_columns:
        raise UsageError(f"the table {name} has two columns of one name")
    columns = [_Column(field, table.column(at), name) for at, field in enumerate(table.schema)]
    parts = [_HEAD.format(name=quoteattr(name)), *(column.field for column in columns), "<DATA><TABLEDATA>\n"]
    for begin in range(0, table.num_rows, _ROWS):
        cells = [column.cells(begin, _ROWS) for column in columns]
        parts += [f"<TR><TD>{'</TD><TD>'.join(row)}</TD></TR>\n" for row in zip(*cells, strict=True)]
    return "".join([*parts, _TAIL]).encode()


def _arrow_of(given: Any, name: str) -> Any:
    pa = arrow()
    try:
        if isinstance(given, Mapping):
            return pa.table(dict(given))
        if type(given).__module__.partition(".")[0] == "astropy" and hasattr(given, "to_pandas"):
            return _with_units(pa.Table.from_pandas(given.to_pandas(index=False), preserve_index=False), given)
        if isinstance(given, pa.Table):
            return given
        if type(given).__module__.partition(".")[0] == "pandas" and isinstance(given, pandas().DataFrame):
            _check_index(given, name)
            found = pa.Table.from_pandas(given)
            # An index without a name is row numbers, and no column of anybody's.
            unnamed = [each for each in found.column_names if each.startswith("__index_level_")]
            return found.drop_columns(unnamed).replace_schema_metadata(None)
        if hasattr(given, "__arrow_c_stream__"):
            return pa.table(given)
    except UsageError:
        raise
    except (pa.ArrowException, TypeError, ValueError) as problem:
        raise UsageError(f"the table {name} cannot be read ({problem})") from None
    raise UsageError(
        f"the table {name} is no table but a {type(given).__name__}",
        next="give a DataFrame, an Arrow table, or a mapping of columns",
    )


def _check_index(given: Any, name: str) -> None:
    if given.index.nlevels > 1 and None in given.index.names:
        raise UsageError(f"the table {name} has an index of levels without names", next="name them, or reset_index()")


def _with_units(table: Any, given: Any) -> Any:
    """What astropy knows of the columns of a table."""
    for at, field in enumerate(table.schema):
        column = given[field.name]
        unit, note = getattr(column, "unit", None), getattr(column.info, "description", None)
        told = {UNIT: None if unit is None else str(unit), DESCRIPTION: note}
        found = {key: text.encode() for key, text in told.items() if text}
        if found:
            table = table.set_column(at, field.with_metadata(found), table.column(at))
    return table.replace_schema_metadata(None)


class _Column:
    """One column: how it is declared, and its cells as XML."""

    def __init__(self, field: pa.Field, values: Any, table: str) -> None:
        self._name = field.name
        self._table = table
        self._values = values
        self._is_float = self._is_text = False
        if not field.name or _NOT_XML.search(field.name):
            raise self._refused("a name that a VOTable cannot hold")
        datatype = self._cast(field.type)
        told = {
            b"name": field.name.encode(),
            b"datatype": datatype.encode(),
            **self._shape,
            **{key: text for key in (UNIT, UCD, b"utype") if (text := (field.metadata or {}).get(key))},
        }
        attributes = " ".join(f"{key.decode()}={quoteattr(self._letters(text))}" for key, text in told.items())
        note = (field.metadata or {}).get(DESCRIPTION)
        inside = f"<DESCRIPTION>{escape(self._letters(note))}</DESCRIPTION>" if note else ""
        self.field = f"<FIELD {attributes}>{inside}</FIELD>\n"

    def cells(self, begin: int, count: int) -> list[str]:
        """Some of them, in order."""
        texts = self._values.slice(begin, count).to_pylist()
        if self._is_text:
            if _NOT_XML.search("".join(text for text in texts if text)):
                raise self._refused("letters that XML does not have")
            # A carriage return that stands as it is becomes a line's end when it is read.
            return ["" if text is None else escape(text, {"\r": "&#13;"}) for text in texts]
        if self._is_float:
            return ["" if text is None else _number(text) for text in texts]
        return ["" if text is None else text for text in texts]

    def _cast(self, kind: Any) -> str:
        """Make texts of the values; how VOTable calls what they are."""
        pa = arrow()
        types = pa.types
        self._shape: dict[bytes, bytes] = {}
        if types.is_boolean(kind):
            self._values = self._mapped({True: "T", False: "F", None: None})
            return "boolean"
        if types.is_integer(kind):
            return self._integers(kind)
        if types.is_floating(kind):
            return self._floats(kind)
        self._shape = {b"arraysize": b"*"}
        if types.is_timestamp(kind):
            return self._times(kind)
        if _is_list(types, kind):
            return self._lists(kind)
        if types.is_null(kind) or types.is_date(kind) or _is_text(types, kind):
            self._is_text = True
            self._values = self._values.cast(pa.string())
            is_plain = all(text is None or text.isascii() for text in self._values.to_pylist())
            return "char" if is_plain else "unicodeChar"
        raise self._refused(f"{kind}, which a VOTable cannot hold")

    def _integers(self, kind: Any) -> str:
        pa = arrow()
        if kind == pa.uint64():
            try:
                self._values = self._values.cast(pa.int64())
            except pa.ArrowInvalid:
                raise self._refused(f"numbers beyond {_MOST_INT64}") from None
        self._values = self._values.cast(pa.string())
        return _INTEGERS[str(kind)]

    def _floats(self, kind: Any) -> str:
        pa = arrow()
        self._is_float = True
        if kind == pa.float16():
            self._values = self._values.cast(pa.float32())
        self._values = self._values.cast(pa.string())
        return "double" if kind == pa.float64() else "float"

    def _times(self, kind: Any) -> str:
        pa = arrow()
        if kind.tz is not None:
            raise self._refused(
                f"times in the zone {kind.tz}, and those of TAP have none",
                "take the zone away when they are in the scale of the service's own times",
            )
        try:
            micros = self._values.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            raise self._refused("times finer than microseconds", "round them") from None
        try:
            texts = [None if when is None else when.isoformat(timespec="microseconds") for when in micros.to_pylist()]
        except (OverflowError, ValueError):
            raise self._refused("times before the year 1 or behind the year 9999") from None
        self._values = pa.chunked_array([pa.array(texts, pa.string())])
        self._shape[b"xtype"] = b"timestamp"
        return "char"

    def _lists(self, kind: Any) -> str:
        pa = arrow()
        element = kind.value_type
        datatype = _INTEGERS.get(str(element)) or {"float": "float", "double": "double"}.get(str(element))
        if datatype is None:
            raise self._refused(f"{kind}, which a VOTable cannot hold")
        texts = [None if each is None else self._joined(each, element) for each in self._values.to_pylist()]
        self._values = pa.chunked_array([pa.array(texts, pa.string())])
        return datatype

    def _joined(self, values: list[Any], element: Any) -> str:
        pa = arrow()
        if None in values:
            raise self._refused("a list with a null in it")
        texts = pa.array(values, element).cast(pa.string()).to_pylist()
        return " ".join(map(_number, texts))

    def _mapped(self, meanings: Mapping[Any, str | None]) -> Any:
        pa = arrow()
        return pa.chunked_array([pa.array([meanings[value] for value in self._values.to_pylist()], pa.string())])

    def _letters(self, text: bytes) -> str:
        letters = text.decode()
        if _NOT_XML.search(letters):
            raise self._refused("a description with letters that XML does not have")
        return letters

    def _refused(self, what: str, remedy: str | None = None) -> UsageError:
        return UsageError(f"the column {self._name!r} of the table {self._table} has {what}", next=remedy)


_INTEGERS: Final = {
    "int8": "short",
    "uint8": "unsignedByte",
    "int16": "short",
    "uint16": "int",
    "int32": "int",
    "uint32": "long",
    "int64": "long",
    "uint64": "long",
}
_SPECIAL: Final = {"nan": "NaN", "-nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


def _number(text: str) -> str:
    return _SPECIAL.get(text, text)


def _is_text(types: Any, kind: Any) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
