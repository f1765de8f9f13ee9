"""An answer in whichever format it comes, read as it comes: what was asked for is not always what is sent.

Services ignore the format that they were asked for, send errors as VOTables with status 200, and leave results on hosts
that know of no media types. So the first bytes decide, and where they say nothing, the head does.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from skykey.calls.refusals import refuse_page, shortened
from skykey.tables.end import End
from skykey.tables.packages import arrow
from skykey.tables.repeated import once
from skykey.tables.table import Table
from skykey.tables.votable import VOTableBatches
from skykey.tap import formats
from skykey.values.errors import Interrupted, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from skykey.tap.capabilities import Capabilities
    from skykey.wire.request import Head

_PARQUET: Final = b"PAR1"
# How an XML document begins in UTF-16.
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, "<".encode("utf-16-le"), "<".encode("utf-16-be"))
# How hosts call CSV that do not know what they hold. Its names are compared with what the service promises.
_MAY_BE_CSV: Final = frozenset({"text/plain", "application/octet-stream", "binary/octet-stream", ""})
_ENOUGH: Final = len(b"\xef\xbb\xbf" + _PARQUET)


class _Batches(Protocol):
    """What the readers of the three formats have in common."""

    def head(self, head: Head, /) -> None: ...
    def feed(self, chunk: bytes, /) -> Sequence[Any]: ...
    def finish(self) -> Any: ...
    @property
    def repeated(self) -> dict[str, list[str]]: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of an answer before it comes.

    Parameters
    ----------
    maxrec
        How many rows the question asked for; None if it did not say.
    able
        What the service said of itself.
    top
        How many rows the statement itself lets through; None for all.
    time_scale
        Of its times.
    treat
        See `Customs`.
    asked
        The kind of format that was asked for. CSV is read only where it was: what its columns are is known then, from
        the schema, or by `AnswerTable.typed`.
    schema
        The answer's Arrow schema, where CSV needs it; None if it is not known.
    """

    maxrec: int | None = None
    able: Capabilities | None = None
    top: int | None = None
    time_scale: str | None = None
    treat: Callable[[Any], Any] = lambda batch: batch
    asked: str = "votable"
    schema: Any = None

    def ended(self, end: End, *, says_all: bool) -> End:
        """How the answer ended, with what limited it.

        Parameters
        ----------
        end
            As its reader knows it.
        says_all
            Whether the format itself would have said that it was cut.
        """
        limit = self.maxrec if self.able is None else self.able.row_limit(self.maxrec)
        at_limit = limit is not None and end.rows >= limit
        if not end.complete or (at_limit and not says_all):
            return replace(end, cut_by=self._cut_by(end.rows, limit))
        if self.top is not None and end.rows >= self.top:
            return replace(end, cut_by="the statement's TOP")
        return end

    def _cut_by(self, rows: int, limit: int | None) -> str:
        asked = self.maxrec
        if asked is not None and rows >= asked:
            return f"the question's limit of {asked:,} rows"
        if rows != limit:
            return "the service's row limit"
        more = "" if asked is None else f", less than the {asked:,} that the question asked for"
        return f"the service's limit of {rows:,} rows{more}"


@dataclass(slots=True)
class Ending:
    """How an answer ended, and what came out of it last.

    Parameters
    ----------
    end
        Whether that is all.
    repeated
        Names that it has more than once, as in `skykey.tables.repeated`.
    rest
        Batches that could be read only when it was whole.
    """

    end: End
    repeated: Mapping[str, list[str]] = field(default_factory=dict)
    rest: Iterable[Any] = ()


class Answer:
    """Push decoder for all formats (see `Reader`): batches as they come, then their `Ending`."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._head: Head | None = None
        self._first = b""
        self._reader: _Batches | None = None
        self._is_csv = False

    def head(self, head: Head, /) -> None:
        """See `refuse_page`."""
        self._head = head
        refuse_page(head, "a table")

    def feed(self, chunk: bytes, /) -> Sequence[Any]:
        """Decode the rows that are complete."""
        if self._reader is None:
            self._first += chunk
            if len(self._first) < _ENOUGH:
                return ()
            chunk, self._first = self._first, b""
            self._reader = self._chosen(chunk)
        return [self._treated(batch) for batch in self._reader.feed(chunk)]

    def finish(self) -> Ending:
        """Say how it ended.

        Raises
        ------
        Interrupted, Unreadable, QueryError
            As the format's own reader.
        """
        batches: list[Any] = []
        if self._reader is None:
            self._reader = self._chosen(self._first)
            batches += self._reader.feed(self._first)
        finished = self._reader.finish()
        end: End = finished if isinstance(finished, End) else finished.end
        rest = (self._treated(batch) for several in (batches, _rest(finished)) for batch in several)
        who: Any = self._reader if isinstance(finished, End) else finished
        return Ending(self._expected.ended(end, says_all=who.says_all), self._reader.repeated, rest)

    def words(self, head: Head, body: bytes, /) -> str:
        """TAP services refuse in a VOTable, whatever was asked for; others in plain text."""
        return VOTableBatches().words(head, body)

    def _treated(self, batch: Any) -> Any:
        try:
            return self._expected.treat(batch)
        except arrow().ArrowException as problem:
            url = None if self._head is None else self._head.url.without_query()
            message = f"{url or 'the service'} answered with values that have no place here ({shortened(str(problem))})"
            raise Unreadable(message, url=url) from None

    def _chosen(self, first: bytes) -> _Batches:
        told, head = self._expected, self._head
        if head is None:
            raise Unreadable("there is no answer")
        start = first.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
        media, url = head.media_type, head.url.without_query()
        if first.startswith(_PARQUET):
            from skykey.tables.parquet_answer import ParquetReader

            reader: _Batches = ParquetReader(time_scale=told.time_scale)
        elif start.startswith((b"<", *_WIDE)):
            reader = _VOTable(limit=told.maxrec, time_scale=told.time_scale)
        elif told.asked == "csv" and (media in formats.CSV or media in _MAY_BE_CSV):
            from skykey.tables.csv_rows import CsvBatches

            reader, self._is_csv = CsvBatches(told.schema, time_scale=told.time_scale), True
        elif not start:
            raise Interrupted(f"the answer of {url} is empty")
        elif media in formats.CSV:
            message = f"{url} answered with CSV, which does not say what its columns hold"
            raise Unreadable(message, url=url, next='ask again, with response_format="csv" or another one')
        else:
            kind = media or "nothing that it names"
            raise Unreadable(f"{url} answered with something that cannot be read here ({kind[:80]})", url=url)
        reader.head(head)
        return reader


class _VOTable(VOTableBatches):
    """The reader, which also knows whether the service has said how the query went."""

    @property
    def says_all(self) -> bool:
        return bool(self._document.statuses)


def _rest(finished: Any) -> Iterable[Any]:
    return () if isinstance(finished, End) else finished


class AnswerTable(Answer):
    """The same, collecting: all rows in one table.

    Parameters
    ----------
    expected
        See there.
    facts
        For the table.
    is_apart
        Whether equal columns of one name stay what they are, instead of becoming one.
    """

    def __init__(self, expected: Expected, facts: Mapping[str, Any], *, is_apart: bool = False) -> None:
        super().__init__(expected)
        self._facts = facts
        self._is_apart = is_apart
        self._pieces: list[Any] = []

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Collect the batches; none goes on."""
        self._pieces += super().feed(chunk)
        return ()

    def finish(self) -> Table:  # type: ignore[override]  # another result of the same protocol
        """Put the pieces together.

        Returns
        -------
        Table
            Its fact ``repeated_columns`` has the names that came more than once, each with the columns that hold it
            now: one if all of them were equal, unless they stay apart.
        """
        ending = super().finish()
        self._pieces += ending.rest
        repeated = {"repeated_columns": dict(ending.repeated)} if ending.repeated else {}
        table = Table(arrow().concat_tables(self._pieces), ending.end, facts={**self._facts, **repeated})
        return table if self._is_apart else merged(table)

    def typed(self, table: Table, schema: Any) -> Table:
        """The table that came of it, with the types of its columns if they were only named.

        Parameters
        ----------
        table
            From `finish`, with its columns apart.
        schema
            What the service promises.

        Raises
        ------
        Unreadable
            If these are other columns, or a cell is not what its column holds.
        """
        if not self._is_csv or self._head is None:
            return table
        from skykey.tables.csv_rows import agreed, typed

        url, data = self._head.url.without_query(), table.arrow
        try:
            fields = agreed(data.column_names, schema, is_repeated="repeated_columns" in table.facts)
            return replace(table, arrow=typed(data, fields))
        except Unreadable as problem:
            message = f"{url} answered with CSV that is not what it promises ({problem.message})"
            raise Unreadable(message, url=url) from None


def merged(table: Table) -> Table:
    """The same table, in which equal columns of one name are one."""
    repeated = table.facts.get("repeated_columns")
    if not repeated:
        return table
    data, kept = once(table.arrow, repeated)
    return replace(table, arrow=data, facts={**table.facts, "repeated_columns": kept})
