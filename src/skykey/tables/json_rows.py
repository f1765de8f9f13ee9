"""From ``{"columns": [names], "data": [[values of a row], …]}`` to Arrow batches, as the answer comes.

A document of 90 MB is several times as much in Python objects. So it is read row by row, and a few thousand rows at a
time become columns; the document as a whole never is one object.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.json_reader import JsonReader
from skykey.calls.refusals import shortened
from skykey.tables.end import End
from skykey.tables.json_scanner import JsonScanner, NotJson
from skykey.tables.json_values import Misfit, array_of
from skykey.tables.metadata import described
from skykey.tables.packages import arrow
from skykey.tables.repeated import apart, once, repeats
from skykey.tables.table import Table
from skykey.values.errors import Interrupted, Unreadable
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from skykey.tables.columns import Column
    from skykey.wire.request import Head

_PIECE: Final = 2_000
_ROWS: Final = "data"
_NAMES: Final = "columns"
_WORDS: Final = ("message", "detail", "error")


class JsonBatches:
    """Push decoder: bytes in, an Arrow table a few thousand rows out; whether that was all is decided at the end.

    Parameters
    ----------
    types
        Arrow types by column name, from the service's own schema: text becomes a time (in ISO 8601) or a number where
        it says so. Columns that it does not know are typed by the JSON values of each batch.
    columns
        Units and descriptions, as far as they are known; each batch has them.
    limit
        Of how many rows the server keeps the rest to itself without a word. An answer that has exactly as many may
        be cut.
    time_scale
        Of the times in it; None if it has none, or nobody knows.
    """

    def __init__(
        self,
        types: Mapping[str, pa.DataType] | None = None,
        columns: Sequence[Column] = (),
        *,
        limit: int | None = 1_000_000,
        time_scale: str | None = None,
    ) -> None:
        self._types = dict(types or {})
        self._known = {column.name: column for column in columns}
        self._limit = limit
        self._facts = {} if time_scale is None else {"time_scale": time_scale}
        self._scanner = JsonScanner(_ROWS)
        self._names: list[str] | None = None
        self._waiting: list[list[Any]] = []
        self._rows = self._batches = 0
        self._url = "the service"

    def head(self, head: Head, /) -> None:
        """Refuse what calls itself a page.

        Raises
        ------
        Unreadable
            If it is one.
        """
        JsonReader(lambda document: document).head(head)
        self._url = head.url.without_query()

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Decode the rows that are complete.

        Columns of one name are ``name``, ``name_1``, … in each batch: that they are equal is not known before the end.

        Raises
        ------
        Unreadable
            If it is not such a document, or a column's values do not fit together or do not fit its type.
        """
        try:
            rows = self._scanner.feed(chunk)
        except NotJson as problem:
            raise self._unreadable(f"answered with something that is not JSON of rows ({problem})") from None
        self._waiting += rows
        self._rows += len(rows)
        if rows:
            advance(rows=len(rows))
        return self._cut()

    def finish(self) -> End:
        """Say how it ended.

        Raises
        ------
        Interrupted
            If the document is not closed.
        Unreadable
            If it is one of another kind.
        """
        if not self._scanner.is_over:
            raise Interrupted(f"the answer of {self._url} ended before it was whole, after {self._rows:,} rows")
        if self._names is None or not self._scanner.has_rows:
            raise self._unreadable("answered without columns and rows", self._said())
        if any(self._scanner.members.get(name) is not None for name in _WORDS):
            raise self._unreadable("sent words beside its rows, which may not be all of them", self._said())
        is_cut = self._limit is not None and self._rows == self._limit
        return End(
            complete=True, rows=self._rows, cut_by=f"the server's limit of {self._limit:,} rows" if is_cut else None
        )

    def words(self, head: Head, body: bytes, /) -> str:
        """``{"message": …}``, ``{"detail": …}``, or plain text; a page is not quoted."""
        return JsonReader(lambda document: document).words(head, body)

    def _said(self) -> str | None:
        """The service's own words; those of whoever else might have answered are not repeated."""
        words = self._scanner.members.get(_WORDS[0])
        return words if isinstance(words, str) else None

    @property
    def repeated(self) -> dict[str, list[str]]:
        """Names that the answer has more than once, with the names of their columns in the batches."""
        return repeats(self._names or ())

    def _cut(self) -> list[pa.Table]:
        """Make the rows that wait into tables, as soon as their columns have names."""
        if self._names is None:
            if _NAMES not in self._scanner.members:
                return []
            self._names = self._named(self._scanner.members[_NAMES])
        whole = len(self._waiting) - len(self._waiting) % _PIECE
        made = [self._table(self._waiting[at : at + _PIECE]) for at in range(0, whole, _PIECE)]
        del self._waiting[:whole]
        is_last = self._scanner.has_rows
        if is_last and (self._waiting or self._batches + len(made) == 0):
            made.append(self._table(self._waiting))
            self._waiting = []
        self._batches += len(made)
        return made

    def _named(self, names: Any) -> list[str]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._unreadable("names its columns in another way than by a list of texts")
        return names

    def _table(self, rows: list[list[Any]]) -> pa.Table:
        pa, names = arrow(), self._names or []
        if any(len(row) != len(names) for row in rows):
            raise self._unreadable(f"sent rows that do not have the {len(names)} values of its columns")
        # Transposing by zip and converting whole columns is several times faster than touching single values.
        values: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        news, arrays, notes = apart(names), [], []
        for name, new, column in zip(names, news, values, strict=True):
            try:
                arrays.append(array_of(column, self._types.get(name)))
            except Misfit as problem:
                raise self._unreadable(
                    f"sent values in column {name} that do not fit ({shortened(str(problem))})"
                ) from None
            if name in self._known:
                notes.append(replace(self._known[name], name=new))
        return described(pa.Table.from_arrays(arrays, names=news), notes, **self._facts)

    def _unreadable(self, what: str, words: str | None = None) -> Unreadable:
        return Unreadable(f"{self._url} {what}", words=shortened(words) if words else None, url=self._url)


class JsonTable(JsonBatches):
    """The same decoder, collecting: all rows in one table, in which equal columns of one name are one."""

    def __init__(
        self,
        types: Mapping[str, pa.DataType] | None = None,
        columns: Sequence[Column] = (),
        *,
        limit: int | None = 1_000_000,
        time_scale: str | None = None,
    ) -> None:
        super().__init__(types, columns, limit=limit, time_scale=time_scale)
        self._pieces: list[pa.Table] = []

    def feed(self, chunk: bytes, /) -> Sequence[pa.Table]:
        """Collect the batches; none goes on."""
        self._pieces += super().feed(chunk)
        return ()

    def finish(self) -> Table:  # type: ignore[override]  # another result of the same protocol
        """Put the pieces together.

        Returns
        -------
        Table
            Its fact ``repeated_columns`` has the names that came more than once, each with the columns that hold it
            now: one if all of them were equal.

        Raises
        ------
        Unreadable
            If a column's values have no type in common.
        """
        end = super().finish()
        pa = arrow()
        try:
            self._compare()
            # Permissive: an all-null piece takes the others' type, and integers join floats if they keep every digit.
            data = pa.concat_tables(self._pieces, promote_options="permissive")
        except (pa.ArrowException, Misfit) as problem:
            raise self._unreadable(f"sent values that do not fit into one table ({shortened(str(problem))})") from None
        data, kept = once(data, self.repeated)
        return Table(data, end, facts={"repeated_columns": kept} if kept else {})

    def _compare(self) -> None:
        """Refuse decimals in one piece and floats in another: Arrow would round the decimals."""
        types, names = arrow().types, self._pieces[0].schema.names
        for name, *kinds in zip(names, *(piece.schema.types for piece in self._pieces), strict=True):
            if any(map(types.is_decimal, kinds)) and any(map(types.is_floating, kinds)):
                raise Misfit(f"in column {name} integers of more than 64 bits, and floats")
