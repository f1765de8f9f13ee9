"""Rows into a file that is whole or not there.

A file is written beside its target under a name of its own and takes the target's name at the end. Batches are gathered
into row groups, so that memory does not grow with the answer and small batches do not make a slow file. Its columns are
those of the first row group. What comes later is fitted to them where no digit is lost; what does not fit is an error,
for a file that lacks a column's values, or has rounded them, looks like one that does not.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from skykey.tables.metadata import SERIES, fact
from skykey.tables.packages import arrow, csv, ipc, parquet
from skykey.values.errors import Unreadable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GROUP_ROWS: Final = 65_536
GROUP_BYTES: Final = 64 * 2**20
"""A row group is written as soon as it has so many rows, or takes so much memory."""

# A folder takes names of 255 bytes, and a letter may have four.
_MOST_OF_NAME: Final = 40
_PACKAGES: Final[dict[str, Callable[[], Any]]] = {".parquet": parquet, ".csv": csv, ".arrow": ipc, ".feather": ipc}
_LESS: Final = "ask for named columns of one measurement, or collect the rows in a table first"


class Saving:
    """A file on its way: `add` and `write` by turns, then `seal` and `place`; `abandon` where that fails.

    All but `add` may run on another thread; they wait for one another.

    Parameters
    ----------
    path
        Its ending names the format. The temporary file is made here, so that a folder that is not there or not ours
        shows before anything is asked.

    Raises
    ------
    UsageError
        For an ending that names no format, and for a folder.
    MissingExtra
        If what writes the format is not installed.
    OSError
        If no file can be made there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        import secrets

        # Of a link the file that it leads to: the link stays one.
        self._path = Path(os.path.realpath(path))
        self._ending = self._path.suffix.lower()
        if self._ending not in _PACKAGES:
            what = self._ending or "a file without an ending"
            raise UsageError(f"cannot write {what}", next="use .parquet or .csv, .arrow or .feather")
        _PACKAGES[self._ending]()
        if self._path.is_dir():
            raise UsageError(f"{self._path} is a folder", next="name a file")
        # A name of its own: two programs that write the same file must not write into each other's.
        self._temporary = self._path.with_name(f".{self._path.name[:_MOST_OF_NAME]}.{secrets.token_hex(4)}.part")
        self._sink = self._temporary.open("xb")
        self._lock = threading.Lock()
        self._over = False
        self._writer: Any = None
        self._schema: Any = None
        self._series: str | None = None
        self._pieces: list[Any] = []
        self._rows = self._bytes = self._written = 0

    def add(self, batch: Any) -> bool:
        """Gather a batch; True if it is time to `write`.

        Raises
        ------
        Unreadable
            If its rows are of another series than those before, and no column would say so.
        """
        series = fact(batch.schema, SERIES)
        if self._series is not None and series != self._series:
            raise Unreadable(f"rows of {self._series} and of {series} cannot be told apart in a file", next=_LESS)
        self._series = series
        self._pieces.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        return self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES

    def write(self, *, rest: bool = False) -> None:
        """Write the row groups that are full, or all that is left.

        Raises
        ------
        Unreadable
            If batches do not fit together.
        UsageError
            If the format cannot hold a column.
        """
        with self._lock:
            if self._over:  # abandoned while this waited for its thread
                return
            gathered = self._fitted()
            whole = gathered.num_rows - gathered.num_rows % GROUP_ROWS
            # Fewer rows than a group has: the bytes filled it.
            count = whole if whole and not rest else gathered.num_rows
            left = gathered.slice(count)
            self._pieces, self._rows, self._bytes = [left], left.num_rows, left.nbytes
            self._put(gathered.slice(0, count))
            self._written += count

    def _fitted(self) -> Any:
        from skykey.tables.dtypes import decoded

        pa = arrow()
        # Batches may have different dictionaries, a file's column has one at most.
        pieces = [decoded(piece) for piece in self._pieces]
        begun = [] if self._schema is None else [self._schema.empty_table()]
        try:
            # Permissive: absent columns are null, nulls take the others' type, numbers widen if they keep every digit.
            together = pa.concat_tables([*begun, *pieces], promote_options="permissive") if pieces else pa.table({})
        except pa.ArrowException as problem:
            raise Unreadable(f"batches do not fit into one file ({problem})", next=_LESS) from None
        if self._schema is None:
            self._schema = together.schema
        elif not together.schema.equals(self._schema):
            changed = sorted({*map(_column, together.schema)} - {*map(_column, self._schema)})
            what = f"after {self._written:,} rows came {' and '.join(changed)}"
            raise Unreadable(f"batches do not fit into one file: {what}", next=_LESS)
        return together.combine_chunks() if len(pieces) > 1 else together

    def _put(self, group: Any) -> None:
        try:
            if self._writer is None:
                self._writer = self._format()
            self._writer.write_table(group, GROUP_ROWS)
        except arrow().ArrowException as problem:
            raise UsageError(f"{self._ending} cannot hold this table ({problem})", next="use .arrow") from None

    def _format(self) -> Any:
        match self._ending:
            case ".parquet":
                return parquet().ParquetWriter(self._sink, self._schema, compression="zstd")
            case ".csv":
                return csv().CSVWriter(self._sink, self._schema)
            case _:
                options = ipc().IpcWriteOptions(compression="zstd")
                return ipc().new_file(self._sink, self._schema, options=options)

    def seal(self) -> None:
        """Write what is left and bring the whole file to the disk; it has its columns also where no row came."""
        if self._rows or self._schema is None:
            self.write(rest=True)
        with self._lock:
            if self._over:
                return
            self._writer.close()
            self._sink.flush()
            # Before it takes the place of another one: after a power cut that must not be gone for an empty file.
            os.fsync(self._sink.fileno())
            self._sink.close()

    def place(self) -> None:
        """Give the sealed file its name."""
        with suppress(FileNotFoundError):  # whose file is replaced has said who may read it
            self._temporary.chmod(stat.S_IMODE(self._path.stat().st_mode))
        self._temporary.replace(self._path)
        self._over = True

    def abandon(self) -> None:
        """Take the temporary file away; nothing if the file has its name already."""
        with self._lock:
            if self._over:
                return
            self._over = True
            # Quietly: what went wrong is already on its way to the user.
            with suppress(Exception):
                if self._writer is not None:
                    self._writer.close()
            with suppress(OSError):
                self._sink.close()
            with suppress(OSError):
                self._temporary.unlink()


def _column(field: Any) -> str:
    return f"{field.name} as {field.type}"


def fill(saving: Saving, batches: Iterable[Any]) -> None:
    """Put all batches into a file, and nothing there if one of them fails."""
    try:
        for batch in batches:
            if saving.add(batch):
                saving.write()
        saving.seal()
        saving.place()
    finally:
        saving.abandon()


async def aside(work: Callable[[], None]) -> None:
    """Do blocking work on a thread; who is cancelled meanwhile goes when it has ended."""
    import asyncio

    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, or the loop would complain that nobody did
        raise
