"""Time as something that is handed in, so that no test has to sleep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading


class Clock(Protocol):
    """Three kinds of time: what the world calls it, what never runs backwards, and waiting."""

    def wall(self) -> float:
        """Seconds since 1970 (UTC): what issuers mean by an expiry. It may jump."""
        ...

    def steady(self) -> float:
        """Seconds since some start: for durations. It never runs backwards."""
        ...

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Block until the event is set (True) or the seconds are over (False)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""
        ...


class SystemClock:
    """The machine's own time."""

    __slots__ = ()

    wall = staticmethod(time.time)
    steady = staticmethod(time.monotonic)

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Block until the event is set or the seconds are over; Ctrl-C ends it."""
        return event.wait(seconds)

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running event loop."""
        import asyncio

        await asyncio.sleep(seconds)


SYSTEM_CLOCK: Clock = SystemClock()
