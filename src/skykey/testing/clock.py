"""Time that a test moves by hand, so that nobody sleeps for an expiry."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skykey.values.clock import Clock

# How often somebody who waits looks whether the test has moved the time, in real seconds.
_GLANCE = 0.001


class FakeClock:
    """A `skykey.values.clock.Clock` that stands still until it is moved.

    Parameters
    ----------
    wall
        What the world calls the time, in seconds since 1970 (UTC).
    steady
        Where durations start.
    hasty
        Whether waiting moves the clock itself and returns at once, for tests of pauses and polling. Otherwise whoever
        waits stays until the event is set or the test has moved the clock far enough.

    Attributes
    ----------
    waited
        The seconds of each wait and sleep, in order; None for one without a limit.

    Examples
    --------
    >>> clock = FakeClock(wall=0.0)
    >>> clock.advance(3600)
    >>> clock.wall()
    3600.0
    """

    def __init__(self, wall: float = 1_700_000_000.0, steady: float = 1_000.0, *, hasty: bool = False) -> None:
        self._lock = threading.Lock()
        self._wall = wall
        self._steady = steady
        self.hasty = hasty
        self.waited: list[float | None] = []

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self._wall

    def steady(self) -> float:
        """See `Clock.steady`."""
        return self._steady

    def advance(self, seconds: float) -> None:
        """Let time go by, on both clocks.

        Raises
        ------
        ValueError
            If it is to go backwards.
        """
        if seconds < 0:
            raise ValueError("a steady clock does not run backwards; jump() sets the wall clock back")
        with self._lock:
            self._wall += seconds
            self._steady += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock only: somebody corrected it, or the machine slept (which the steady one may not count)."""
        with self._lock:
            self._wall += seconds

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """See `Clock.wait`."""
        self.waited.append(seconds)
        if seconds is None:
            return event.wait()
        if self.hasty and not event.is_set():
            self.advance(seconds)
        until = self._steady + (0.0 if self.hasty else seconds)
        while not event.is_set() and self._steady < until:
            event.wait(_GLANCE)
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`; other tasks run at least once."""
        import asyncio

        self.waited.append(seconds)
        if self.hasty:
            self.advance(max(0.0, seconds))
        until = self._steady + (0.0 if self.hasty else seconds)
        await asyncio.sleep(0)
        while self._steady < until:  # noqa: ASYNC110 - an event would tie the clock to one loop
            await asyncio.sleep(_GLANCE)


if TYPE_CHECKING:
    _: Clock = FakeClock()
