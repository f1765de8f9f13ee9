"""How far a question has come: one line on stderr for people, gone before anything else is said.

The line is rich's `Live`: it keeps to the terminal's width, knows ``NO_COLOR``, and lets a warning that comes meanwhile
stand above it. click's own bar cannot be taken away again, and draws from the caller's loop only. rich takes a tenth of
a second to load, so that happens beside the question, and only if it takes long enough for a line.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from skykey.values.progress import Progress, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

# Short questions do not flicker.
_PATIENCE: Final = 0.4
_DRAWS_A_SECOND: Final = 8
_ENOUGH_FOR_A_RATE: Final = 1000
_MEGABYTE: Final = 1e6
_BAR: Final = 20
_ROOM_FOR_BAR: Final = 60


@contextmanager
def progress() -> Iterator[None]:
    """Show how far the questions of this block have come, if somebody sees it and it takes a while.

    Nothing is drawn if stderr is no terminal, or one that cannot move its cursor, which rich knows. ``--json`` makes
    no difference: stdout is not touched.
    """
    if not sys.stderr.isatty():
        yield
        return
    line = _Line()
    timer = threading.Timer(_PATIENCE, line.appear)
    timer.start()
    try:
        with watched(line.hear):
            yield
    finally:
        timer.cancel()
        line.vanish()


def said(so_far: Progress, seconds: float) -> str:
    """The line's words.

    Examples
    --------
    >>> said(Progress(rows=90_000, done=3, parts=12), 2.5)
    '90,000 rows, 36,000/s, 3 of 12 parts, 2 s'
    >>> said(Progress(moved=25_000_000, size=100_000_000), 10)
    '25.0 of 100.0 MB, 2.5 MB/s, 10 s'
    """
    if so_far.moved:
        # Of several files the sizes are known one by one, as they begin.
        whole = f" of {max(so_far.moved, so_far.size) / _MEGABYTE:,.1f}" if so_far.size and so_far.parts <= 1 else ""
        words = [f"{so_far.moved / _MEGABYTE:,.1f}{whole} MB", f"{_rate(so_far.moved / _MEGABYTE, seconds):,.1f} MB/s"]
    else:
        words = [f"{so_far.rows:,} rows" if so_far.rows else "asking"]
    if so_far.rows >= _ENOUGH_FOR_A_RATE:
        words.append(f"{_rate(so_far.rows, seconds):,.0f}/s")
    if so_far.parts > 1:
        words.append(f"{so_far.done:,} of {so_far.parts:,} parts")
    return ", ".join([*words, f"{seconds:.0f} s"])


def share(so_far: Progress) -> tuple[int, int] | None:
    """How much is done of how much, for a bar; None where nobody knows.

    Examples
    --------
    >>> share(Progress(done=3, parts=12, moved=5, size=10))
    (3, 12)
    """
    if so_far.parts > 1:
        return so_far.done, so_far.parts
    return (min(so_far.moved, so_far.size), so_far.size) if so_far.size else None


def _rate(count: float, seconds: float) -> float:
    return count / max(seconds, 1e-3)


class _Line:
    """Comes from a timer's thread and goes with the block; `hear` is called from any."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._so_far = Progress()
        self._lock = threading.Lock()
        self._over = False
        self._live: Any = None

    def hear(self, so_far: Progress) -> None:
        """Keep what is known; it is drawn at the line's own pace."""
        self._so_far = so_far

    def appear(self) -> None:
        """Draw it, and go on drawing."""
        from rich.live import Live

        console = _console()
        # stdout stays as it is: what goes there must not come out at the terminal of stderr.
        live = Live(
            get_renderable=lambda: self._shown(console.width),
            console=console,
            transient=True,
            refresh_per_second=_DRAWS_A_SECOND,
            redirect_stdout=False,
        )
        with self._lock:
            if not self._over:
                self._live = live
                live.start(refresh=True)

    def vanish(self) -> None:
        """Take it away for good."""
        with self._lock:
            self._over = True
            if self._live is not None:
                self._live.stop()

    def _shown(self, width: int) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        so_far = self._so_far
        words = Text(said(so_far, time.monotonic() - self._begun), no_wrap=True, overflow="ellipsis")
        # A Ctrl-C shows as ^C behind the words: with room for it the line stays one.
        row = Table.grid(padding=(0, 3, 0, 0), pad_edge=True)
        known = share(so_far)
        if known is not None and width >= _ROOM_FOR_BAR:
            row.add_row(ProgressBar(total=known[1], completed=known[0], width=_BAR), words)
        else:
            row.add_row(words)
        return row


def _console() -> Any:
    from rich.console import Console

    class Steady(Console):
        """Leaves the cursor alone: who is killed or suspended could not bring it back."""

        def show_cursor(self, show: bool = True) -> bool:
            return False

    return Steady(stderr=True)
