"""Downloads: an answer that is read while it comes, goes on where it broke off, or goes into a file.

::

    class ArchiveFlows:
        @download
        def file(self, name: str) -> Flow[None]:
            yield from Transfer(Request("GET", ...), auth=...).flow()

    archive.file("map.fits").save("map.fits")                   # Download
    await (await asynchronous.file("map.fits")).save("map.fits")    # AsyncDownload
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, Generic, ParamSpec, Self, cast
from urllib.parse import unquote

from skykey.calls.faces import Async, Facet, Sync, bound
from skykey.calls.perform import AsyncPerformance, Performance
from skykey.calls.response import Response
from skykey.calls.target import Target, path_in
from skykey.calls.transfer import Sink, Transfer
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterator, Sequence
    from types import TracebackType

    from skykey.calls.flow import Flow
    from skykey.values.clock import Clock
    from skykey.wire.exchange import Carrier
    from skykey.wire.request import Head

P = ParamSpec("P")

_PIECE: Final = 64 * 1024


class _Downloading(Response):
    """What both faces know of a download."""

    __slots__ = ("_buffer", "_is_closed", "_is_over", "_transfer", "_whole")

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer
        self._buffer = bytearray()
        self._whole: bytes | None = None
        self._is_over = self._is_closed = False

    @property
    def _head(self) -> Head:  # type: ignore[override]  # of the latest version, where it changed before it was read
        head = self._transfer.head
        if head is None:
            raise UsageError("there is no answer yet")
        return head

    @property
    def size(self) -> int | None:
        """How many bytes the file has; None if that shows at its end only."""
        return self._transfer.size

    @property
    def closed(self) -> bool:
        """Whether it was closed. At its end the connection is let go, and this is still an open file, as any is."""
        return self._is_closed

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def seekable(self) -> bool:
        """It is not."""
        return False

    def flush(self) -> None:
        """Do nothing: wrappers of files call it when they are closed."""

    def _check_open(self) -> None:
        if self._is_closed and not self._is_over:
            # To end quietly here would pass off a part of a file as the whole.
            raise UsageError("the download was closed before its end; ask again to read it")

    def _check_unread(self) -> None:
        self._check_open()
        if self._whole is not None or self._transfer.offset > len(self._buffer):
            raise UsageError("some of the file has been read already; the rest would look like the whole")

    def _take(self, count: int | None) -> bytes:
        if count is None or count >= len(self._buffer):
            taken = bytes(self._buffer)
            self._buffer.clear()
        else:
            taken = bytes(memoryview(self._buffer)[:count])  # a slice of the buffer would be one copy more
            del self._buffer[:count]
        return taken

    def _has(self, count: int | None) -> bool:
        return self._is_over or (count is not None and len(self._buffer) >= count)

    def _so_far(self) -> Sequence[object] | None:
        return (self._transfer, self._take(None)) if self._buffer else (self._transfer,)

    def _target(self, path: str | os.PathLike[str]) -> Path:
        """A file's path; in a folder the server's own name for it."""
        if not Path(path).is_dir():
            return Path(path)
        name = unquote(self.url.path.rpartition("/")[2])
        return path_in(path, re.sub(r",\d+$", "", name))

    def __repr__(self) -> str:
        # Also before there is an answer: tracebacks show local variables.
        head = getattr(getattr(self, "_transfer", None), "head", None)
        return f"<{type(self).__name__} of {'nothing yet' if head is None else head.url.without_query()}>"


def _transfer_in(items: Sequence[object] | None) -> Transfer:
    """What the flow of a download passes on first."""
    if items and isinstance(items[0], Transfer):
        return items[0]
    raise UsageError("this is no download")


class Download(_Downloading):
    """A file that comes, for blocking callers: a response whose body is read when it is asked for.

    Parameters
    ----------
    performance
        Of the flow.
    perform
        Makes another one, for a flow that goes on elsewhere.

    Raises
    ------
    ServiceError, TransportError
        If there is no file to come.
    """

    __slots__ = ("_perform", "_performance")

    def __init__(self, performance: Performance[None], perform: Callable[[Flow[None]], Performance[None]]) -> None:
        self._performance = performance
        self._perform = perform
        try:
            super().__init__(_transfer_in(performance.advance()))
            self._more()  # a refusal is raised here, and not where the file is read
        except BaseException:
            performance.close()
            raise

    def _more(self) -> None:
        """Get the next piece into the buffer."""
        try:
            items = self._performance.advance()
        except BaseException:
            self.close()
            raise
        if items is None:
            self._is_over = True
            self._performance.close()
        for item in items or ():
            self._buffer += cast("bytes", item)

    def _fill(self, count: int | None) -> None:
        self._check_open()
        while not self._has(count):
            self._more()

    def read(self, amt: int | None = None, **_: Any) -> bytes:
        """Read.

        Parameters
        ----------
        amt
            At most so many bytes, and fewer only at the end; all that is left for None or a negative number.

        Raises
        ------
        Interrupted, TimedOut
            If it broke off and cannot go on.
        Unreadable
            If the file changed on the server meanwhile.
        """
        if self._whole is not None:
            return b""
        count = None if amt is None or amt < 0 else amt
        self._fill(count)
        return self._take(count)

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer."""
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    @property
    def content(self) -> bytes:  # type: ignore[override]  # read when it is asked for
        """All of it, in memory; once read, it stays."""
        if self._whole is None:
            self._check_unread()
            self._whole = self.read()
        return self._whole

    data = content

    def stream(self, amt: int | None = _PIECE, **_: Any) -> Iterator[bytes]:
        """The file in pieces of so many bytes, the last one shorter; None for as they come."""
        if self._whole is not None:
            yield from super().iter_content(amt)
            return
        while piece := self.read(amt) if amt is not None else self._as_it_comes():
            yield piece

    def _as_it_comes(self) -> bytes:
        self._fill(1)
        return self._take(None)

    def iter_content(self, chunk_size: int | None = 1, **_: Any) -> Iterator[bytes]:
        """As `stream`."""
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"a piece has at least one byte, not {chunk_size}")
        return self.stream(chunk_size)

    def __iter__(self) -> Iterator[bytes]:
        """Line by line, with their ends, as a file."""
        rest: list[bytes] = []
        for piece in self.stream(None):
            *lines, last = piece.split(b"\n")
            for line in lines:
                yield b"".join((*rest, line, b"\n"))
                rest.clear()
            if last:
                rest.append(last)
        if rest:
            yield b"".join(rest)

    def iter_lines(self) -> Iterator[bytes]:
        """Line by line, without their ends."""
        return (line.rstrip(b"\r\n") for line in self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it into a file, in memory that does not grow with it.

        A download that breaks off goes on where it was (RFC 9110, 14.2), also in a later process: what came of it lies
        beside the target, in a hidden file that ends in ``.part``. If the file changes on the server, it begins anew.

        Parameters
        ----------
        path
            A file, which has its name only when it is whole; until then one that was there before stays as it is. In a
            folder it takes the server's name, if that is a plain one.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        UsageError
            If the folder is not there, or some of the download has been read already.
        Interrupted, TimedOut, ServiceError
            If it cannot be had.
        OSError
            If it cannot be written.
        """
        self._check_unread()
        with Target(self._target(path)) as target:
            sink, items = Sink(target), self._so_far()
            try:
                while items is not None:
                    further = sink.take(items)
                    if further is not None:
                        self._performance.close()
                        self._performance, self._is_over = self._perform(further), False
                    items = None if self._is_over else self._performance.advance()
                self._is_over = True
                return sink.place()
            finally:
                self.close()

    def close(self) -> None:
        """Let the connection go; what was not read is dropped."""
        self._is_closed = True
        self._performance.close()

    release_conn = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncDownload(_Downloading):
    """A file that comes, for asynchronous callers; made by `begun`."""

    __slots__ = ("_perform", "_performance")

    def __init__(
        self,
        transfer: Transfer,
        performance: AsyncPerformance[None],
        perform: Callable[[Flow[None]], AsyncPerformance[None]],
    ) -> None:
        super().__init__(transfer)
        self._performance = performance
        self._perform = perform

    @classmethod
    async def begun(
        cls, performance: AsyncPerformance[None], perform: Callable[[Flow[None]], AsyncPerformance[None]]
    ) -> Self:
        """Ask for it; see `Download`."""
        try:
            made = cls(_transfer_in(await performance.advance()), performance, perform)
            await made._more()
        except BaseException:
            await performance.close()
            raise
        return made

    async def _more(self) -> None:
        try:
            items = await self._performance.advance()
        except BaseException:
            await self.close()
            raise
        if items is None:
            self._is_over = True
            await self._performance.close()
        for item in items or ():
            self._buffer += cast("bytes", item)

    async def read(self, amt: int | None = None) -> bytes:
        """As `Download.read`."""
        if self._whole is not None:
            return b""
        count = None if amt is None or amt < 0 else amt
        self._check_open()
        while not self._has(count):
            await self._more()
        return self._take(count)

    @property
    def content(self) -> bytes:  # type: ignore[override]  # of what has been read
        """All of it, once `load` has read it.

        Raises
        ------
        UsageError
            Before that.
        """
        if self._whole is None:
            raise UsageError("the file has not been read yet", next="await response.load()")
        return self._whole

    data = content

    async def load(self) -> Self:
        """Read all of it into memory; `content`, `text` and `json` have it then."""
        if self._whole is None:
            self._check_unread()
            self._whole = await self.read()
        return self

    async def stream(self, amt: int | None = _PIECE) -> AsyncIterator[bytes]:
        """As `Download.stream`."""
        if self._whole is not None:
            for piece in super().iter_content(amt):
                yield piece
            return
        self._check_open()
        while True:
            if amt is None and not self._buffer and not self._is_over:
                await self._more()
            piece = self._take(None) if amt is None else await self.read(amt)
            if not piece and self._is_over:
                return
            yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces as they come."""
        return self.stream(None)

    async def save(self, path: str | os.PathLike[str]) -> Path:
        """As `Download.save`."""
        self._check_unread()
        with Target(self._target(path)) as target:
            sink, items = Sink(target), self._so_far()
            try:
                while items is not None:
                    further = sink.take(items)
                    if further is not None:
                        await self._performance.close()
                        self._performance, self._is_over = self._perform(further), False
                    items = None if self._is_over else await self._performance.advance()
                self._is_over = True
                return sink.place()
            finally:
                await self.close()

    async def close(self) -> None:
        """Let the connection go; what was not read is dropped."""
        self._is_closed = True
        await self._performance.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class download(  # noqa: N801 - a decorator, like property
    Facet[Callable[P, Download], Callable[P, Coroutine[Any, Any, AsyncDownload]], Callable[P, "Flow[None]"]], Generic[P]
):
    """Make a flow that passes a `Transfer` on a method of both faces.

    On a `Sync` object it returns a `Download` (of its ``download_class``, where it has one), on an `Async` one the
    coroutine of an `AsyncDownload`.
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[None]]) -> None:
        super().__init__(flow)

    def _blocking(self, obj: Sync) -> Any:
        def perform(flow: Flow[None], carrier: Carrier, clock: Clock) -> Download:
            def again(flow: Flow[None]) -> Performance[None]:
                return Performance(flow, carrier, clock)

            kind: type[Download] = getattr(obj, "download_class", Download)
            return kind(again(flow), again)

        return bound(self.flow, obj, perform)

    def _asynchronous(self, obj: Async) -> Any:
        def aperform(flow: Flow[None], carrier: Carrier, clock: Clock) -> Coroutine[Any, Any, AsyncDownload]:
            def again(flow: Flow[None]) -> AsyncPerformance[None]:
                return AsyncPerformance(flow, carrier, clock)

            return AsyncDownload.begun(again(flow), again)

        return bound(self.flow, obj, aperform)
