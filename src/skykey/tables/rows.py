"""Rows while they come, in both faces.

    with client.stream("SELECT …") as rows:
        for batch in rows:          # pyarrow.Table pieces, in order, once; an empty answer gives one without rows
            ...
        rows.end                    # how the answer ended

    with client.stream("SELECT …") as rows:
        rows.save("night.parquet")  # the same, into a file that is whole or not there

Leaving the block early closes the connection; an answer that ends before it is whole raises where it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, cast

from skykey.calls.faces import Async, Facet, Sync, bound
from skykey.calls.perform import AsyncPerformance, Performance
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from types import TracebackType

    from skykey.calls.flow import Flow
    from skykey.tables.arrow import ArrowTable
    from skykey.tables.end import End

P = ParamSpec("P")


class _Progress:
    """What both kinds of rows know about themselves."""

    _end: End | None = None
    _closed = False
    _begun = False

    @property
    def end(self) -> End:
        """How the answer ended.

        Raises
        ------
        UsageError
            If it has not ended yet.
        """
        if self._end is None:
            raise UsageError("the rows have not been read to their end")
        return self._end

    def _check_unread(self) -> None:
        if self._end is not None:
            raise UsageError("rows are read once; ask again for a second pass")

    def _check_whole(self) -> None:
        self._check_unread()
        self._check_open()
        if self._begun:
            raise UsageError("some rows have been read already; a file of the others would look whole")

    def _check_open(self) -> None:
        # To end quietly here would pass off a part of an answer, or nothing of it, as the whole.
        if self._closed:
            raise UsageError("the rows were closed before their end; ask again to read them")


class Rows(_Progress):
    """Batches of one answer, for blocking callers."""

    def __init__(self, performance: Performance[End]) -> None:
        self._performance = performance
        self._ready: list[ArrowTable] = []

    def __iter__(self) -> Self:
        self._check_unread()
        return self

    def __next__(self) -> ArrowTable:
        while not self._ready:
            if self._end is not None:
                raise StopIteration
            self._check_open()
            try:
                batches = self._performance.advance()
            except BaseException:
                self.close()
                raise
            if batches is None:
                self._end = self._performance.result
                self.close()
                raise StopIteration
            self._ready += cast("Sequence[ArrowTable]", batches)  # a flow of rows passes tables on
        self._begun = True
        return self._ready.pop(0)

    def save(self, path: str | os.PathLike[str]) -> End:
        """Write all rows as they come, in memory that does not grow with their number.

        Parameters
        ----------
        path
            Ends in ``.parquet`` (compressed with zstd), ``.csv``, ``.arrow`` or ``.feather``. The file has its name
            only when the answer was whole; until then one that was there before stays as it is.

        Returns
        -------
        End
            How the answer ended. One without rows gives a file with its columns.

        Raises
        ------
        UsageError
            For another ending, for rows of which some have been read, and for a column that the format cannot hold.
        Unreadable
            If a later batch does not fit to the columns of the first row group (65,536 rows, or 64 MiB) without losing
            something.
        OSError
            If it cannot be written.
        """
        from skykey.tables.saving import Saving, fill

        self._check_whole()
        saving = Saving(path)
        try:
            fill(saving, self)
        finally:
            self.close()
        return self.end

    def close(self) -> None:
        """Let the connection go; what was not read is dropped."""
        self._closed, self._ready = True, []
        self._performance.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncRows(_Progress):
    """Batches of one answer, for asynchronous callers."""

    def __init__(self, performance: AsyncPerformance[End]) -> None:
        self._performance = performance
        self._ready: list[ArrowTable] = []

    def __aiter__(self) -> Self:
        self._check_unread()
        return self

    async def __anext__(self) -> ArrowTable:
        while not self._ready:
            if self._end is not None:
                raise StopAsyncIteration
            self._check_open()
            try:
                batches = await self._performance.advance()
            except BaseException:
                await self.close()
                raise
            if batches is None:
                self._end = self._performance.result
                await self.close()
                raise StopAsyncIteration
            self._ready += cast("Sequence[ArrowTable]", batches)  # a flow of rows passes tables on
        self._begun = True
        return self._ready.pop(0)

    async def save(self, path: str | os.PathLike[str]) -> End:
        """As `Rows.save`; the file is written on a thread, so that the event loop goes on.

        Who cancels it finds no file, or the old one.
        """
        from skykey.tables.saving import Saving, aside

        self._check_whole()
        saving = Saving(path)
        try:
            async for batch in self:
                if saving.add(batch):
                    await aside(saving.write)
            await aside(saving.seal)
            saving.place()
        finally:
            saving.abandon()
            await self.close()
        return self.end

    async def close(self) -> None:
        """Let the connection go; what was not read is dropped."""
        self._closed, self._ready = True, []
        await self._performance.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class rows(  # noqa: N801 - a decorator, like property
    Facet[Callable[P, Rows], Callable[P, AsyncRows], Callable[P, "Flow[End]"]], Generic[P]
):
    """Make a flow that streams a method of both faces: `Rows` on a `Sync` object, `AsyncRows` on an `Async` one."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[End]]) -> None:
        super().__init__(flow)

    def _blocking(self, obj: Sync) -> Any:
        return bound(self.flow, obj, lambda *course: Rows(Performance(*course)))

    def _asynchronous(self, obj: Async) -> Any:
        return bound(self.flow, obj, lambda *course: AsyncRows(AsyncPerformance(*course)))
