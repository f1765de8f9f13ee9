"""From CSV, as TAP services send it (DALI, RFC 4180), to Arrow batches.

CSV says what its columns are called and nothing else: neither what they hold, nor whether it was cut, nor that the
query failed in its middle. Null is an empty cell without quotes; a cell of two quotes is a text without letters.
"""

from __future__ import annotations

import io
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.refusals import shortened
from skykey.tables.end import End
from skykey.tables.packages import arrow, csv
from skykey.tables.repeated import apart, repeats
from skykey.tables.votable import VOTableBatches
from skykey.tables.votable_fields import BadVOTable, VOField
from skykey.tables.votable_text import array_of, times
from skykey.values.errors import Interrupted, Unreadable
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from skykey.wire.request import Head

_BOM: Final = b"\xef\xbb\xbf"
_QUOTE: Final = b'"'
_BEFORE_QUOTE: Final = b',\r\n"'
# Bytes that are worth making a batch of, and of a row: more is a quote that nobody closed.
_PIECE: Final = 2**20
_MOST_ROW: Final = 16 * 2**20


class CsvBatches:
    """Push decoder: bytes in, an Arrow table a megabyte or so out.

    Parameters
    ----------
    schema
        What the columns hold, with all that is known of them; None if nothing is: they are text then, and `agreed` and
        `typed` make of them what they are.
    time_scale
        Of the times in it; None if it has none, or nobody knows.
    """

    def __init__(self, schema: pa.Schema | None = None, *, time_scale: str | None = None) -> None:
        self._schema = schema
        self._facts = None if time_scale is None else {b"time_scale": time_scale.encode()}
        self._names: list[str] | None = None
        self._waiting = bytearray()
        self._seen = 0
        self._whole = 0
        self._is_quoted = False
        self._rows = self._batches = 0
        self._url = "the service"

    def head(self, head: Head, /) -> None:
        """Refuse what calls itself a page.

        Raises
        ------
        Unreadable
            If it is one.
        """
        VOTableBatches().head(head)
        self._url = head.url.without_query()

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Decode the rows that are complete.

        Raises
        ------
        Unreadable
            If it is no CSV of these columns, or a cell is not what its column holds.
        """
        self._waiting += chunk
        self._look()
        if len(self._waiting) - self._whole > _MOST_ROW:
            raise self._unreadable(f"a row of more than {_MOST_ROW:,} bytes")
        return self._made() if self._whole >= _PIECE else []

    def finish(self) -> _Finished:
        """Say how it ended, and give the last rows.

        Raises
        ------
        Interrupted
            If it ends inside of a quoted cell, or before its first line does.
        Unreadable
            As `feed`.
        """
        if self._is_quoted:
            raise Interrupted(f"the answer of {self._url} ended before it was whole, after {self._rows:,} rows")
        if self._names is None and not self._waiting:
            raise Interrupted(f"the answer of {self._url} is empty")
        if self._waiting and not self._waiting.endswith(b"\n"):
            self._waiting += b"\n"  # it need not have one; but Arrow takes a null at the very end for a text
        self._whole = len(self._waiting)
        last = self._made()
        if self._batches == 0:
            last.append(self._table(None))
        return _Finished(End(complete=True, rows=self._rows), last)

    def words(self, head: Head, body: bytes, /) -> str:
        """TAP services refuse in a VOTable, whatever was asked for."""
        return VOTableBatches().words(head, body)

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Names that the answer has more than once, with the names of their columns in the batches."""
        return repeats(self._names or ())

    def _look(self) -> None:
        """Find the end of the last row that is whole: a line's end outside of quotes. Each byte is seen once."""
        data, at = self._waiting, self._seen
        while True:
            if self._is_quoted:
                found = data.find(_QUOTE, at)
                if found < 0:
                    break
                self._is_quoted, at = False, found + 1
                continue
            found = data.find(_QUOTE, at)
            stop = len(data) if found < 0 else found
            line = data.rfind(b"\n", at, stop)
            if line >= 0:
                self._whole = line + 1
            if found < 0:
                break
            if not self._begins_cell(found):
                # Some read it as a letter, others as the beginning of a text: what follows would be anybody's guess.
                raise self._unreadable(f"a quote inside of a cell, after {self._rows:,} rows")
            self._is_quoted, at = True, found + 1
        self._seen = len(data)

    def _begins_cell(self, at: int) -> bool:
        """Whether a quote stands where a cell begins, or behind another one, with which it is a letter."""
        if at == 0 or self._waiting[at - 1] in _BEFORE_QUOTE:
            return True
        return self._names is None and self._waiting[:at] == _BOM

    def _made(self) -> list[pa.Table]:
        data = bytes(self._waiting[: self._whole])
        del self._waiting[: self._whole]
        self._seen -= self._whole
        self._whole = 0
        if self._names is None:
            data = self._without_names(data)
        if not data:
            return []
        return [self._table(data)]

    def _without_names(self, data: bytes) -> bytes:
        """Read the first line; what is left."""
        import csv as lines

        data = data.removeprefix(_BOM)
        end = _line_end(data)
        try:
            self._names = next(lines.reader([data[:end].decode().rstrip("\r\n")], strict=True), [""])
        except (UnicodeDecodeError, lines.Error) as problem:
            raise self._unreadable(f"the names of its columns: {problem}") from None
        if self._schema is not None:
            try:
                self._schema = agreed(apart(self._names), self._schema, is_repeated=bool(self.repeated))
            except Unreadable as problem:
                raise self._unreadable(problem.message) from None
        return data[end:]

    def _table(self, data: bytes | None) -> pa.Table:
        pa, names = arrow(), apart(self._names or [])
        strings = pa.schema([pa.field(name, pa.string()) for name in names])
        table = strings.empty_table() if data is None else self._read(data, names)
        self._batches += 1
        self._rows += table.num_rows
        advance(rows=table.num_rows)
        if self._schema is not None:
            try:
                table = typed(table, self._schema)
            except Unreadable as problem:
                raise self._unreadable(problem.message) from None
        return table.replace_schema_metadata(self._facts)

    def _read(self, data: bytes, names: list[str]) -> Any:
        pa, reader = arrow(), csv()
        try:
            return reader.read_csv(
                io.BytesIO(data),
                reader.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1024),
                # An empty line is a null where there is one column, and nothing where there are more.
                reader.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) != 1),
                reader.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        except (pa.ArrowException, OSError) as problem:
            raise self._unreadable(str(problem)) from None

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable(f"{self._url} answered with CSV that cannot be read ({shortened(what)})", url=self._url)


class _Finished:
    """The end of a CSV answer, with the rows that came last."""

    says_all = False

    def __init__(self, end: End, last: Sequence[Any]) -> None:
        self.end = end
        self._last = last

    def __iter__(self) -> Any:
        return iter(self._last)


def _line_end(data: bytes) -> int:
    """Where the first row ends, its line's end included."""
    at = quotes = 0
    while (line := data.find(b"\n", at)) >= 0:
        quotes += data.count(_QUOTE, at, line)
        if quotes % 2 == 0:
            return line + 1
        at = line + 1
    return len(data)


def agreed(names: Sequence[str], schema: pa.Schema, *, is_repeated: bool) -> pa.Schema:
    """What columns of these names hold, in their order.

    A line of words (an error, a proxy's page) is CSV too, of one column: only what was promised tells it from a table.

    Parameters
    ----------
    names
        Those that differ, as `apart` gives them.
    schema
        What the service promises, likewise.
    is_repeated
        Whether a name comes twice. In another order it is not known then which of its columns is which.

    Raises
    ------
    Unreadable
        If these are not the names.
    """
    promised = schema.names
    if list(names) == promised:
        return schema
    if len(names) != len(promised):
        raise Unreadable(f"{len(names):,} columns where the service promises {len(promised):,}")
    if is_repeated or sorted(names) != sorted(promised):
        other = next(pair for pair in zip(names, promised, strict=True) if pair[0] != pair[1])
        raise Unreadable(f"a column {other[0][:80]!r} where the service promises {other[1][:80]!r}")
    return arrow().schema([schema.field(name) for name in names], metadata=schema.metadata)


def typed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Make of texts what their columns hold.

    Parameters
    ----------
    table
        Columns that are no text stay what they are.
    schema
        Columns by name (see `agreed`).

    Raises
    ------
    Unreadable
        If a cell is not what its column holds.
    """
    pa = arrow()
    arrays, fields = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        field, is_read = schema.field(name), not pa.types.is_string(column.type)
        if is_read or field.type == column.type:
            arrays.append(column)
        else:
            arrays.append(pa.chunked_array([_values(field, chunk) for chunk in column.chunks], field.type))
        fields.append(field.with_type(arrays[-1].type))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=table.schema.metadata))


# The datatypes whose texts are read as they are in a VOTable.
_DATATYPES: Final = {
    "bool": "boolean",
    "uint8": "unsignedByte",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "float": "float",
    "double": "double",
}


def _is_odd(texts: Any, made: Any) -> bool:
    """Whether Arrow may have read a number that is not written there: -1 for 0xFFFF in 16 bits, infinity for 1e400."""
    compute: Any = import_module("pyarrow.compute")
    if arrow().types.is_floating(made.type):
        return bool(compute.any(compute.is_inf(made)).as_py())
    return bool(compute.any(compute.match_substring(texts, "x", ignore_case=True)).as_py())


def _values(field: Any, texts: Any) -> Any:
    pa = arrow()
    kind = field.type
    is_list = pa.types.is_list(kind)
    datatype = _DATATYPES.get(str(kind.value_type if is_list else kind))
    try:
        if pa.types.is_timestamp(kind):
            return times(VOField(field.name, "char", "*"), texts).cast(kind)
        if datatype is None:
            return texts.cast(kind)
        if datatype != "boolean" and not is_list:
            with suppress(pa.ArrowInvalid):
                made = texts.cast(kind)
                if not _is_odd(texts, made):
                    return made
        # Blanks around a number, a plus sign, capitals, and what Arrow reads in its own way: rare, and slower.
        read = VOField(field.name, datatype, "*" if is_list else None)
        return array_of(read, ["" if text is None else text for text in texts.to_pylist()])
    except (BadVOTable, pa.ArrowException) as problem:
        raise Unreadable(shortened(str(problem))) from None
