"""Python's logging, written into the log of an event or a superevent.

::

    handler = GraceDbLogHandler(client, "G1234")
    handler.setLevel(logging.ERROR)
    logging.getLogger("my.pipeline").addHandler(handler)
"""

from __future__ import annotations

import html
import logging
import os
import queue
import threading
from typing import Any

from skykey.calls.faces import Async
from skykey.gracedb.exceptions import WrongType

__all__ = ["GraceDbLogHandler"]


class _Preformatted(logging.Formatter):
    """Makes the text look in a browser as it was written."""

    def format(self, record: logging.LogRecord) -> str:
        return f'<div style="white-space:pre-wrap">{html.escape(super().format(record), quote=False)}</div>'


class GraceDbLogHandler(logging.Handler):
    """Write log records into the log of an event or a superevent, in their order, beside the program.

    Parameters
    ----------
    gracedb
        A `skykey.gracedb.rest.GraceDb`; anything with its `write_log` will do.
    graceid
        Of the event or superevent.

    Notes
    -----
    One thread writes. What cannot be written goes to `handleError`, as in all handlers, and never stops the program.
    `flush` waits until all has been written, and so does `close`, which `logging` calls when the program ends.

    Raises
    ------
    WrongType
        For a client of an event loop; also a ``TypeError``.

    Examples
    --------
    >>> import logging
    >>> from skykey.gracedb.logging import GraceDbLogHandler
    >>> from skykey.gracedb.rest import GraceDb
    >>> logging.getLogger("my.pipeline").addHandler(GraceDbLogHandler(GraceDb(), "G1234"))  # doctest: +SKIP
    """

    def __init__(self, gracedb: Any, graceid: str) -> None:
        if isinstance(gracedb, Async):
            raise WrongType("a handler writes on a thread of its own, without an event loop", next="give it a GraceDb")
        super().__init__()
        self.gracedb = gracedb
        self.graceid = graceid
        self._usual = _Preformatted(logging.BASIC_FORMAT)
        self._begin()

    def _begin(self) -> None:
        self._waiting: queue.Queue[tuple[logging.LogRecord, str] | None] = queue.Queue()
        self._writer: threading.Thread | None = None
        self._pid = os.getpid()

    def format(self, record: logging.LogRecord) -> str:
        """The text, by the formatter that was set; else one that keeps blanks and lines, and escapes HTML."""
        return (self.formatter or self._usual).format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record into the queue."""
        if threading.current_thread() is self._writer:
            return  # what writing has to say would be written, and would have something to say
        try:
            text = self.format(record)
            if self._pid != os.getpid():
                self._begin()  # a fork has no threads
            self._waiting.put((record, text))
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="gracedb-log", daemon=True)
                self._writer.start()
        except Exception:  # noqa: BLE001 - as handlers do
            self.handleError(record)

    def _write(self) -> None:
        while (item := self._waiting.get()) is not None:
            record, text = item
            try:
                self.gracedb.write_log(self.graceid, text)
            except Exception:  # noqa: BLE001 - as handlers do
                self.handleError(record)
            finally:
                self._waiting.task_done()
        self._waiting.task_done()

    def flush(self) -> None:
        """Wait until everything has been written."""
        if self._pid == os.getpid() and threading.current_thread() is not self._writer:
            self._waiting.join()

    def close(self) -> None:
        """Wait until everything has been written, and end."""
        self.flush()
        writer, self._writer = self._writer, None
        if writer is not None and self._pid == os.getpid() and threading.current_thread() is not writer:
            self._waiting.put(None)
            writer.join()
        super().close()
