"""From InfluxDB 1.x chunked MessagePack to Arrow batches.

MessagePack because it alone keeps the difference between 1 and 1.0, between null and an empty string, and because a cut
or killed answer shows: CSV just ends. Chunked with ``epoch=ns`` because the server then needs a tenth of the time and
memory. An answer is a row of documents; all but the last carry ``partial``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from skykey.calls.refusals import shortened
from skykey.tables.end import End
from skykey.tables.metadata import SERIES, described, fact
from skykey.tables.packages import arrow
from skykey.tables.table import Table
from skykey.values.errors import (
    Interrupted,
    LimitExceeded,
    MissingExtra,
    Overloaded,
    QueryError,
    ServiceError,
    Unreadable,
)
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from skykey.tables.columns import Column
    from skykey.wire.request import Head

MEDIA_TYPE = "application/x-msgpack"
_TIME = "time"
_TIME_SCALE = "utc"
_MOST_DOCUMENT = 32 * 2**20
# Rows of a piece of a collected answer, and of one that is too small to be one.
_PIECE = 4_000
_SMALL = 1_000
# As 1.6.7 words them ("exceeed" included). An operator's KILL QUERY reads "query interrupted", and is obeyed.
_BUSY = ("max-concurrent-queries limit exceeded", "query engine shutdown")
_TOO_MUCH = re.compile("(query-timeout|max-select-[a-z]+) limit exceee?d")


def unpacker() -> Any:
    """The compiled streaming unpacker.

    Raises
    ------
    MissingExtra
        If msgpack is missing, or only its pure-Python fallback is there, which reads each document from its start at
        every piece that arrives.
    """
    try:
        from msgpack._cmsgpack import Unpacker
    except ImportError as missing:
        raise MissingExtra.of("rubin", "InfluxDB's MessagePack (compiled)") from missing
    # Tuples take a quarter less time than lists.
    return Unpacker(raw=False, use_list=False, strict_map_key=False, max_buffer_size=_MOST_DOCUMENT)


class InfluxBatches:
    """Push decoder: bytes in, one Arrow table a series piece out; whether the answer was whole is decided at the end.

    Parameters
    ----------
    types
        Arrow types by column name, from the service's own schema. Columns that it does not know are typed by their
        wire type.
    columns
        Units and descriptions, as far as they are known; each batch has them.
    limit
        How many rows the statement lets a series have; one that has as many may be cut.
    """

    def __init__(
        self,
        types: Mapping[str, pa.DataType] | None = None,
        columns: Sequence[Column] = (),
        *,
        limit: int | None = None,
    ) -> None:
        self._types = dict(types or {})
        self._columns = tuple(columns)
        self._unpacker = unpacker()
        self._limit = limit
        self._documents = 0
        self._rows = 0
        self._current: tuple[Any, ...] = ()
        self._in_current = self._in_longest = 0
        self._open = False
        self._fed = self._decoded = 0
        self._url = "the service"

    def head(self, head: Head, /) -> None:
        """Refuse another format than was asked for.

        Raises
        ------
        Unreadable
            It names the format that came.
        """
        self._url = head.url.without_query()
        if head.media_type != MEDIA_TYPE:
            kind = head.media_type or "nothing that says its format"
            raise Unreadable(f"{self._url} answered with {kind} where MessagePack was asked for", url=self._url)

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Decode what is complete.

        Raises
        ------
        QueryError
            If the server refuses or stops the statement; rows that came before are no result.
        Unreadable
            If it is not the promised format.
        """
        try:
            self._unpacker.feed(chunk)
            self._fed += len(chunk)
            return [batch for document in self._unpacker for batch in self._document(document)]
        except ServiceError:
            raise
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OverflowError,
            _unpack_error(),
            arrow().ArrowException,
        ) as problem:
            raise Unreadable(f"{self._url} sent MessagePack that is not an answer ({type(problem).__name__})") from None

    def finish(self) -> End:
        """Say how it ended.

        Raises
        ------
        Interrupted
            If the last document promised more or is not whole, or there was none.
        """
        if self._open or self._documents == 0 or self._decoded != self._fed:
            raise Interrupted(f"the answer of {self._url} ended before it was whole, after {self._rows:,} rows")
        is_cut = self._limit is not None and self._in_longest >= self._limit
        return End(complete=True, rows=self._rows, cut_by="the statement's LIMIT" if is_cut else None)

    def words(self, head: Head, body: bytes, /) -> str:
        """``{"error": …}``, packed as it was asked for, or as JSON by a proxy in between."""
        if head.media_type == MEDIA_TYPE:
            try:
                reader = unpacker()
                reader.feed(body)
                return shortened(str(reader.unpack()["error"]))
            except Exception:  # noqa: BLE001 - a broken explanation must not hide what it explains
                return ""
        return "" if head.media_type == "text/html" else shortened(body.decode("utf-8", "replace"))

    def _document(self, document: dict[str, Any]) -> list[pa.Table]:
        self._documents += 1
        self._decoded = self._unpacker.tell()
        if error := document.get("error"):
            raise _problem("stopped", str(error), self._url)
        batches = []
        self._open = False
        for result in document["results"]:
            if error := result.get("error"):
                raise _problem("refuses", str(error), self._url)
            if result.get("statement_id", 0) != 0:
                raise QueryError("several statements came back", next="send one statement at a time", url=self._url)
            batches += [self._series(series) for series in result.get("series", ())]
            self._open = self._open or bool(result.get("partial"))
        return batches

    def _series(self, series: dict[str, Any]) -> pa.Table:
        pa = arrow()
        names = apart(series["columns"])
        rows: Sequence[Sequence[Any]] = series.get("values") or ()
        tags: dict[str, str] = series.get("tags") or {}
        self._count(len(rows), (series.get("name"), *tags.items()))
        if _TIME in names:  # the rest is about the data, and not what somebody waits for
            advance(rows=len(rows))
        # Transposing by zip and converting whole columns is several times faster than touching single values.
        values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        columns = {
            name: _array(column, self._types.get(name), is_time=name == _TIME)
            for name, column in zip(names, values, strict=True)
        }
        # Tags stand after the time: they say which series a row belongs to. The server sends them in any order.
        leading = {_TIME: columns.pop(_TIME)} if _TIME in columns else {}
        tagged: dict[str, Any] = {}
        for tag, value in sorted(tags.items()):
            array = pa.array([value] * len(rows), pa.string())
            # A field may be called like a tag; a tag that was selected by name is the same column again.
            clash = tag in columns and not columns[tag].equals(array)
            tagged[apart((*columns, *tagged, tag))[-1] if clash else tag] = array
        made = pa.table(leading | tagged | columns)
        return described(made, self._columns, series=str(series.get("name", "")), time_scale=_TIME_SCALE)

    def _count(self, rows: int, series: tuple[Any, ...]) -> None:
        self._rows += rows
        self._in_current = rows + (self._in_current if series == self._current else 0)
        self._current, self._in_longest = series, max(self._in_longest, self._in_current)


def _problem(verb: str, error: str, url: str) -> ServiceError:
    """What the server says in an answer that began well."""
    message, words = f"{url} {verb} the statement", shortened(error)
    if error.startswith(_BUSY):
        return Overloaded(f"{url} has no room for another statement now", words=words, url=url)
    too_much = _TOO_MUCH.match(error) is not None
    return (LimitExceeded if too_much else QueryError)(message, words=words, url=url)


def apart(names: Sequence[str]) -> list[str]:
    """Names that differ: a name that stands there already gets ``_1``, ``_2``, …, as the server does it itself.

    It does so for plain projections, and not for aliases.

    Examples
    --------
    >>> apart(["time", "f", "f", "time"])
    ['time', 'f', 'f_1', 'time_1']
    """
    if len(set(names)) == len(names):
        return list(names)
    different: list[str] = []
    for name in names:
        new, number = name, 0
        while new in different:
            number += 1
            new = f"{name}_{number}"
        different.append(new)
    return different


def _array(values: Sequence[Any], known: pa.DataType | None, *, is_time: bool) -> pa.Array:
    pa = arrow()
    if is_time:
        return pa.array(values, pa.timestamp("ns", "UTC"))
    if known == pa.int64():
        # Told to make integers, Arrow would cut the fraction off a float without a word; a cast refuses to.
        return pa.array(values).cast(known)
    if known is not None:
        return pa.array(values, known)
    array = pa.array(values)
    if array.type == pa.null():
        return array
    return array if array.type in {pa.int64(), pa.float64(), pa.string(), pa.bool_()} else array.cast(pa.string())


def _unpack_error() -> type[Exception]:
    from msgpack.exceptions import UnpackException

    kind: type[Exception] = UnpackException
    return kind


def joined(batches: Sequence[pa.Table]) -> pa.Table:
    """One table of an answer's pieces, rows in wire order.

    Columns that some series lack are null there. If the pieces come from several measurements, the first column says
    from which.
    """
    pa = arrow()
    names = [fact(batch.schema, SERIES) for batch in batches]
    if len(set(names)) > 1:
        taken = {column for batch in batches for column in batch.column_names}
        label = apart([*taken, "measurement"])[-1]
        batches = [
            batch.add_column(0, label, pa.array([name] * batch.num_rows, pa.string()))
            for name, batch in zip(names, batches, strict=True)
        ]
    if not batches:
        return pa.table({})
    # Permissive: an all-null piece takes the type of the others, and integers join floats as floats.
    together = pa.concat_tables(batches, promote_options="permissive")
    if together.num_rows < _SMALL * len(batches):
        together = together.combine_chunks()
    # What was said of each piece alone is in the first column now, or is the same for all.
    kept = {key: value for key, value in together.schema.metadata.items() if key != SERIES}
    return together.replace_schema_metadata(kept)


def empty(columns: Sequence[Column]) -> pa.Table:
    """No rows, with the columns, types, units and descriptions that the service's schema promises."""
    table = arrow().schema([(column.name, column.type) for column in columns]).empty_table()
    return described(table, columns, time_scale=_TIME_SCALE)


def valueless(table: pa.Table) -> list[str]:
    """The columns that have no value, and therefore no type on the wire."""
    return [field.name for field in table.schema if field.type == arrow().null()]


def typed(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Give columns without any value the types that the service's schema promises."""
    for name in valueless(table):
        if name in types:
            at = table.schema.get_field_index(name)
            field = table.schema.field(at).with_type(types[name])
            table = table.set_column(at, field, table.column(at).cast(types[name]))
    return table


def arrow_type(field_type: str) -> pa.DataType:
    """From ``SHOW FIELD KEYS`` to Arrow: ``float``, ``integer``, ``string``, ``boolean``; null for others: unknown."""
    pa = arrow()
    known: dict[str, Any] = {
        "float": pa.float64(),
        "integer": pa.int64(),
        "string": pa.string(),
        "boolean": pa.bool_(),
    }
    return known.get(field_type, pa.null())


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type of a field that has two: numbers come as floats; what becomes of others only the server knows (null)."""
    pa = arrow()
    if one == other:
        return one
    return pa.float64() if {one, other} == {pa.float64(), pa.int64()} else pa.null()


class InfluxTable(InfluxBatches):
    """The same decoder, collecting: all series of an answer in one table, in wire order."""

    def __init__(
        self,
        types: Mapping[str, pa.DataType] | None = None,
        columns: Sequence[Column] = (),
        *,
        limit: int | None = None,
    ) -> None:
        super().__init__(types, columns, limit=limit)
        self._batches: list[pa.Table] = []
        self._latest: list[pa.Table] = []
        self._in_latest = 0

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Collect the batches; none goes on."""
        for batch in super().feed(chunk):
            # In the metadata is the measurement: what is gathered has that of its first batch.
            is_other = self._latest and not self._latest[-1].schema.equals(batch.schema, check_metadata=True)
            if self._in_latest >= _PIECE or is_other:
                self._gather()
            self._latest.append(batch)
            self._in_latest += batch.num_rows
        return ()

    def _gather(self) -> None:
        """Make one piece of the latest batches: at the end, that would take the memory of the whole answer again."""
        if self._latest:
            self._batches.append(arrow().concat_tables(self._latest).combine_chunks())
        self._latest, self._in_latest = [], 0

    def finish(self) -> Table:  # type: ignore[override]  # another result of the same protocol
        """Put the pieces together.

        Raises
        ------
        Unreadable
            If one column has types in different series that have no type in common.
        """
        end = super().finish()
        self._gather()
        try:
            data = joined(self._batches)
            return Table(data, end, columns_known=bool(self._batches), time_scale=_TIME_SCALE)
        except arrow().ArrowException as problem:
            what = shortened(str(problem))
            raise Unreadable(f"the series of {self._url} do not fit into one table ({what})", url=self._url) from None
