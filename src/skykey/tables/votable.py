"""From a VOTable, as TAP services send it, to Arrow batches.

All three serializations (TABLEDATA, BINARY, BINARY2). A service says in the document itself whether the query worked,
before the table and once more behind it: what comes behind decides.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.json_reader import JsonReader
from skykey.calls.refusals import refuse_page, shortened
from skykey.tables.end import End
from skykey.tables.packages import arrow
from skykey.tables.repeated import apart, repeats
from skykey.tables.votable_binary import BinaryRows
from skykey.tables.votable_document import CutVOTable, VOTableDocument
from skykey.tables.votable_fields import BadVOTable
from skykey.tables.votable_text import array_of
from skykey.values.errors import Interrupted, QueryError, Unreadable
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from skykey.wire.request import Head

# Rows of a batch, and characters of base64 that are worth decoding at a time.
_PIECE: Final = 2_000
_TEXT: Final = 2**19
_MOST_TEXT: Final = 2**22
_BLANKS: Final = b" \t\r\n"


class VOTableBatches:
    """Push decoder: bytes in, an Arrow table a few thousand rows out; whether that was all is decided at the end.

    Units, descriptions, UCDs, utypes and xtypes are in the fields' metadata. Times are ``timestamp[us]``, in the scale
    of the service; integers have the width of their datatype. NaN is null in BINARY, which has no other null for
    floats, and NaN elsewhere.

    Parameters
    ----------
    limit
        How many rows the question asked for (``MAXREC``); None if it did not say.
    time_scale
        Of the times in it; None if it has none, or nobody knows.
    """

    def __init__(self, *, limit: int | None = None, time_scale: str | None = None) -> None:
        self._limit = limit
        self._facts = {} if time_scale is None else {b"time_scale": time_scale.encode()}
        self._document = VOTableDocument()
        self._binary: BinaryRows | None = None
        self._schema: Any = None
        self._base64 = b""
        self._heard = 0
        self._rows = self._batches = 0
        self._is_drained = False
        self._url = "the service"

    def head(self, head: Head, /) -> None:
        """See `refuse_page`."""
        self._url = head.url.without_query()
        refuse_page(head, "a VOTable")

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Decode the rows that are complete.

        Columns of one name are ``name``, ``name_1``, … in each batch: that they are equal is not known before the end.

        Raises
        ------
        QueryError
            If the service says that the query failed; rows that came before are no result.
        Unreadable
            If it is not a VOTable, or one that does not hold what it promises.
        """
        try:
            self._document.feed(chunk)
            self._check()
            return self._made()
        except BadVOTable as problem:
            raise self._unreadable(problem) from None

    def finish(self) -> End:
        """Say how it ended.

        Raises
        ------
        Interrupted
            If the document is not closed.
        Unreadable
            If there is no table in it, or not as many rows as it promises.
        """
        document = self._document
        try:
            document.close()
            self._check()
        except CutVOTable:
            raise Interrupted(
                f"the answer of {self._url} ended before it was whole, after {self._rows:,} rows"
            ) from None
        except BadVOTable as problem:
            raise self._unreadable(problem) from None
        if not self._is_drained:
            raise Unreadable(f"{self._url} answered with a VOTable without a table", url=self._url)
        if document.promised not in {None, self._rows}:
            message = f"{self._url} sent {self._rows:,} rows in a table that should have {document.promised:,}"
            raise Unreadable(message, url=self._url)
        if any(value == "OVERFLOW" for value, _ in document.statuses):
            is_asked = self._limit is not None and self._rows == self._limit
            # The service says that there is more: whoever's limit it was, these are not all rows.
            cut_by = f"the question's limit of {self._limit:,} rows" if is_asked else "the service's row limit"
            return End(complete=False, rows=self._rows, cut_by=cut_by)
        return End(complete=True, rows=self._rows)

    def words(self, head: Head, body: bytes, /) -> str:
        """The text of ``QUERY_STATUS`` in a VOTable, else what JSON or plain text says; a page is not quoted."""
        document = VOTableDocument()
        try:
            document.feed(body)
            document.close()
        except BadVOTable:
            pass  # what it said before that counts
        said = [text.strip() for value, text in document.statuses if value == "ERROR" and text.strip()]
        if said or body.lstrip()[:1] == b"<":
            return shortened("; ".join(said))
        return JsonReader(lambda document: document).words(head, body)

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Names that the answer has more than once, with the names of their columns in the batches."""
        return repeats([field.name for field in self._document.fields])

    def _check(self) -> None:
        statuses = self._document.statuses
        for value, text in statuses[self._heard :]:
            if value == "ERROR":
                raise QueryError(f"{self._url} refuses the query", words=shortened(text) or None, url=self._url)
        self._heard = len(statuses)

    def _made(self) -> list[pa.Table]:
        document, made = self._document, []
        if document.serialization == "TABLEDATA":
            rows = document.rows
            whole = len(rows) if document.is_over else len(rows) - len(rows) % _PIECE
            for at in range(0, whole, _PIECE):
                piece = rows[at : min(at + _PIECE, whole)]
                columns = [array_of(*pair) for pair in zip(document.fields, zip(*piece, strict=True), strict=True)]
                made.append(self._table(columns, len(piece)))
            del rows[:whole]
        elif document.serialization is not None and not self._is_drained:
            made += self._from_binary(last=document.is_over)
        if document.is_over and not self._is_drained:
            self._is_drained = True
            if self._batches == 0:
                made.append(self._table(None, 0))
        return made

    def _from_binary(self, *, last: bool) -> list[pa.Table]:
        document = self._document
        if not last and len(document.stream) < _TEXT:
            return []
        text = bytes(document.stream)
        del document.stream[:]
        if self._binary is None:
            self._binary = BinaryRows(document.fields, flagged=document.serialization == "BINARY2")
        made = []
        for at in range(0, len(text) or 1, _MOST_TEXT):
            is_last = last and at + _MOST_TEXT >= len(text)
            data = self._decoded(text[at : at + _MOST_TEXT], last=is_last)
            count, columns = self._binary.feed(data, last=is_last)
            made += [self._table(columns, count)] if count else []
        if last and not self._binary.is_between_rows:
            raise BadVOTable("binary rows that end in the middle of one")
        return made

    def _decoded(self, text: bytes, *, last: bool) -> bytes:
        # Looking for four signs is faster than writing the text anew without them.
        text = text.translate(None, _BLANKS) if any(blank in text for blank in (b" ", b"\t", b"\r", b"\n")) else text
        data = self._base64 + text
        padding = data.find(b"=")
        if padding >= 0 and len(data) > padding - padding % 4 + 4:
            raise BadVOTable("base64 that goes on behind its end")
        # What is padded is the end: it waits, so that what comes behind it is an error.
        whole = len(data) if last else padding - padding % 4 if padding >= 0 else len(data) - len(data) % 4
        data, self._base64 = data[:whole], data[whole:]
        try:
            return binascii.a2b_base64(data, strict_mode=True)
        except binascii.Error as problem:
            raise BadVOTable(f"base64 that is damaged ({problem})") from None

    def _table(self, columns: list[pa.Array] | None, count: int) -> pa.Table:
        pa = arrow()
        if self._schema is None:
            fields = self._document.fields
            names = apart([field.name for field in fields])
            described = [field.field(name) for field, name in zip(fields, names, strict=True)]
            self._schema = pa.schema(described, metadata=self._facts or None)
        self._batches += 1
        self._rows += count
        if count:
            advance(rows=count)
        return self._schema.empty_table() if columns is None else pa.Table.from_arrays(columns, schema=self._schema)

    def _unreadable(self, problem: BadVOTable) -> Unreadable:
        return Unreadable(
            f"{self._url} answered with something that is no VOTable ({shortened(str(problem))})", url=self._url
        )
