"""From a Parquet file, as TAP services send it, to Arrow batches.

What a column is (its unit, its UCD) and whether the query was cut stand in a VOTable without rows in the file's
metadata (VOParquet 1.0). All metadata are at the file's end: so a file that was cut is none, and nothing of it can be
read before it is whole.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.refusals import shortened
from skykey.tables.end import End
from skykey.tables.packages import arrow, parquet
from skykey.tables.repeated import apart, repeats
from skykey.tables.votable import VOTableBatches
from skykey.tables.votable_document import VOTableDocument
from skykey.tables.votable_fields import BadVOTable
from skykey.tables.votable_text import times
from skykey.values.errors import Interrupted, QueryError, Unreadable
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skykey.tables.votable_fields import VOField
    from skykey.wire.request import Head

_MAGIC: Final = b"PAR1"
_NUMBER: Final = re.compile(r"[^0-9A-Za-z]{0,2}[0-9]{1,6}", re.ASCII)
# The beginning, a footer's length, the end.
_LEAST: Final = 3 * len(_MAGIC)
_CONTENT: Final = b"IVOA.VOTable-Parquet.content"
# What is larger waits on disk until it is whole.
_IN_MEMORY: Final = 64 * 2**20


class ParquetReader:
    """Push decoder: bytes in; the rows when it is whole.

    Parameters
    ----------
    time_scale
        Of the times in it; None if it has none, or nobody knows.
    """

    def __init__(self, *, time_scale: str | None = None) -> None:
        self._time_scale = time_scale
        self._spool = _Spool()
        self._url = "the service"
        self._rows: ParquetRows | None = None

    def head(self, head: Head, /) -> None:
        """Refuse what calls itself a page.

        Raises
        ------
        Unreadable
            If it is one.
        """
        VOTableBatches().head(head)
        self._url = head.url.without_query()

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Keep the bytes; no row can be read before the last of them."""
        self._spool.file.write(chunk)
        return ()

    def finish(self) -> ParquetRows:
        """Open the file.

        Raises
        ------
        Interrupted
            If its end is missing.
        QueryError
            If the service says in it that the query failed.
        Unreadable
            If it is no Parquet file, or one whose description is not that of its columns.
        """
        file = self._spool.file
        size = file.tell()
        file.seek(0)
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Unreadable(f"{self._url} answered with something that is no Parquet file", url=self._url)
        file.seek(max(0, size - len(_MAGIC)))
        if size < _LEAST or file.read() != _MAGIC:
            raise Interrupted(f"the answer of {self._url} ended before it was whole: the Parquet file has no end")
        self._rows = ParquetRows(self._spool, self._url, self._time_scale)
        return self._rows

    def words(self, head: Head, body: bytes, /) -> str:
        """TAP services refuse in a VOTable, whatever was asked for."""
        return VOTableBatches().words(head, body)

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Names that the answer has more than once, with the names of their columns in the batches."""
        return {} if self._rows is None else self._rows.repeated


class _Spool:
    """Bytes in memory, and on disk when they become many; gone with the last who holds them."""

    def __init__(self) -> None:
        from tempfile import SpooledTemporaryFile
        from weakref import finalize

        self.file: Any = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - it lives as long as this object
        # Not __del__: where errors hold each other in a circle, the file would go first, and complain.
        finalize(self, self.file.close)


class ParquetRows:
    """A whole file; iterating reads it, one row group at a time.

    Parameters
    ----------
    spool
        Its bytes.
    url
        Where it came from, for messages.
    time_scale
        As in `ParquetReader`.

    Attributes
    ----------
    end
        How the answer ended.
    says_all
        Whether the service has said that: otherwise an answer that was cut looks like any other.
    repeated
        As in `ParquetReader`.
    """

    def __init__(self, spool: _Spool, url: str, time_scale: str | None = None) -> None:
        pa = arrow()
        self._url = url
        self._spool = spool
        try:
            self._file = parquet().ParquetFile(spool.file)
            schema = self._file.schema_arrow
            there = schema.names
            self._count = self._file.num_row_groups
            rows = self._file.metadata.num_rows
        except (pa.ArrowException, OSError, ValueError) as problem:  # names that are no UTF-8 are errors of Python's
            raise self._unreadable(str(problem)) from None
        document = self._described(schema.metadata or {})
        fields = document.fields
        statuses = [value for value, _ in document.statuses]
        if "ERROR" in statuses:
            words = "; ".join(text for value, text in document.statuses if value == "ERROR")
            raise QueryError(f"{url} refuses the query", words=shortened(words) or None, url=url)
        if fields and len(fields) != len(there):
            raise self._unreadable(f"{len(there)} columns, of which {len(fields)} are described")
        fields = self._placed(fields, there)
        names = [field.name for field in fields] or there
        self.repeated = repeats(names)
        self.says_all = bool(statuses)
        is_cut = "OVERFLOW" in statuses
        self.end = End(complete=not is_cut, rows=rows, cut_by="the service's row limit" if is_cut else None)
        self._fields: Sequence[VOField | None] = fields or [None] * len(names)
        self._names = apart(names)
        self._facts = None if time_scale is None else {b"time_scale": time_scale.encode()}

    def __iter__(self) -> Iterator[Any]:
        pa = arrow()
        for number in range(self._count):
            try:
                group = self._file.read_row_group(number)
            except (pa.ArrowException, OSError, ValueError) as problem:
                raise self._unreadable(str(problem)) from None
            advance(rows=group.num_rows)
            yield self._made(group)
        if self._count == 0:
            yield self._made(self._file.schema_arrow.empty_table())

    def _made(self, group: Any) -> Any:
        pa = arrow()
        arrays, fields = [], []
        for name, field, column in zip(self._names, self._fields, group.columns, strict=True):
            try:
                array = _plain(column) if field is None else _fitted(field, _plain(column))
            except (BadVOTable, pa.ArrowException) as problem:
                raise self._unreadable(str(problem)) from None
            arrays.append(array)
            described = pa.field(name, array.type) if field is None else field.field(name).with_type(array.type)
            fields.append(described)
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=self._facts))

    def _described(self, metadata: dict[bytes, bytes]) -> VOTableDocument:
        document = VOTableDocument()
        content = metadata.get(_CONTENT)
        if content is not None:
            try:
                document.feed(content)
                document.close()
            except BadVOTable as problem:
                raise self._unreadable(f"its description is no VOTable: {problem}") from None
        return document

    def _placed(self, fields: list[VOField], names: list[str]) -> list[VOField]:
        """The descriptions in the order of the columns that they describe."""
        described = Counter(field.name for field in fields)
        if all(_is_of(field.name, name, described[field.name]) for field, name in zip(fields, names, strict=False)):
            return fields
        by_name = {field.name: field for field in fields}
        if len(by_name) == len(fields) and set(by_name) == set(names):
            return [by_name[name] for name in names]
        raise self._unreadable("other columns than those that are described")

    def _unreadable(self, what: str) -> Unreadable:
        message = f"{self._url} answered with a Parquet file that cannot be read ({shortened(what)})"
        return Unreadable(message, url=self._url)


def _is_of(described: str, name: str, times: int) -> bool:
    """Whether a column can be the one that is described: files have each name once, and number the second one."""
    if name.casefold() == described.casefold():
        return True
    return times > 1 and name.startswith(described) and bool(_NUMBER.fullmatch(name, len(described)))


def _plain(column: Any) -> Any:
    """Without what is about storage only: dictionaries, large offsets, bytes that are text."""
    pa = arrow()
    types, kind = pa.types, column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if types.is_large_string(kind) or types.is_string_view(kind):
        return column.cast(pa.string())
    return column


def _fitted(field: VOField, column: Any) -> Any:
    """As the same column of a VOTable would be: storage has wider types, and times that are text."""
    pa = arrow()
    types, kind, wanted = pa.types, column.type, field.type
    if kind == wanted:
        return column
    if field.is_time:
        if types.is_binary(kind):
            column = column.cast(pa.string())
        if types.is_string(column.type):
            return pa.chunked_array([times(field, chunk) for chunk in column.chunks], wanted)
        if types.is_timestamp(kind) or types.is_date(kind):
            # The zone is a property of how it is stored: TAP's times have none.
            naive = column.cast(pa.timestamp(kind.unit)) if types.is_timestamp(kind) else column
            return naive.cast(wanted)
        return column
    is_number = types.is_integer(kind) and types.is_integer(wanted)
    is_number = is_number or (types.is_floating(kind) and types.is_floating(wanted))
    is_text = (types.is_binary(kind) or types.is_date(kind)) and types.is_string(wanted)
    if is_number or is_text or types.is_null(kind):
        return column.cast(wanted)
    return column
