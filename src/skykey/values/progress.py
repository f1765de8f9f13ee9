"""How far a long question has come, told to whoever wants to know.

::

    with watched(lambda progress: print(progress.rows, progress.parts)):
        frame = efd.select_time_series(...)
"""

from __future__ import annotations

import contextlib
import threading
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Progress:
    """What has come so far.

    Parameters
    ----------
    rows
        How many rows. A part that was asked for twice counts twice.
    done
        How many parts of the question are whole.
    parts
        In how many it is asked; 0 until that is known.
    moved
        How many bytes of files went up or came down. What was sent or read twice counts twice.
    size
        How many there are; 0 until that is known.
    """

    rows: int = 0
    done: int = 0
    parts: int = 0
    moved: int = 0
    size: int = 0


class Watch:
    """Counts, and tells each change.

    Parameters
    ----------
    tell
        Called from whichever thread made the progress, by one at a time; it should be quick.
    """

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._progress = Progress()

    def advance(self, **more: int) -> None:
        """Add to what is known."""
        with self._lock:
            now = self._progress
            self._progress = replace(now, **{name: getattr(now, name) + count for name, count in more.items()})
            self._tell(self._progress)


_watch: ContextVar[Watch | None] = ContextVar("skykey_watch", default=None)


@contextlib.contextmanager
def watched(tell: Callable[[Progress], None]) -> Iterator[None]:
    """Hear how far the questions of this block have come.

    Parameters
    ----------
    tell
        Called with a `Progress` at each step, from any thread, by one at a time.

    Examples
    --------
    >>> with watched(print):
    ...     advance(rows=1000)
    Progress(rows=1000, done=0, parts=0, moved=0, size=0)
    """
    token = _watch.set(Watch(tell))
    try:
        yield
    finally:
        _watch.reset(token)


def advance(*, rows: int = 0, done: int = 0, parts: int = 0, moved: int = 0, size: int = 0) -> None:
    """Tell progress to whoever watches this block; nothing if nobody does."""
    watch = _watch.get()
    if watch is not None:
        watch.advance(rows=rows, done=done, parts=parts, moved=moved, size=size)
