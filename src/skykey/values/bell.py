"""Something that rings once, for threads and for the tasks of any event loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from skykey.values.calloff import LOOK, stop_flag
from skykey.values.errors import Interrupted

if TYPE_CHECKING:
    import asyncio

    from skykey.values.clock import Clock


class Bell:
    """Who waits hears it, whenever it rang. Nobody who waits can ring it by going away."""

    def __init__(self) -> None:
        # The garbage collector may end a generator that rings, in the middle of whatever holds the lock.
        self._lock = threading.RLock()
        self._rung = threading.Event()
        self._futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    @property
    def has_rung(self) -> bool:
        """Whether it has."""
        return self._rung.is_set()

    def ring(self) -> None:
        """Wake everybody; a second time there is nobody left to wake."""
        with self._lock:
            self._rung.set()
            futures, self._futures = self._futures, {}
        for loop, waiting in futures.items():
            try:
                # One wake-up a loop, however many tasks wait on it.
                loop.call_soon_threadsafe(_wake, waiting)
            except RuntimeError:
                continue  # that loop was closed meanwhile, and its tasks with it

    def wait(self, seconds: float | None, clock: Clock) -> bool:
        """Block until it has rung (True) or the seconds are over (False).

        Raises
        ------
        Interrupted
            If the stop flag is set meanwhile.
        """
        stop = stop_flag.get()
        if stop is None:
            return clock.wait(self._rung, seconds)
        ends = None if seconds is None else clock.steady() + seconds
        while not clock.wait(self._rung, LOOK if ends is None else max(0.0, min(LOOK, ends - clock.steady()))):
            if stop.is_set():
                raise Interrupted("called off while waiting for another caller")
            if ends is not None and clock.steady() >= ends:
                return False
        return True

    async def await_(self, seconds: float | None) -> bool:
        """As `wait`, on the running event loop, which stays free."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._rung.is_set():
                return True
            self._futures.setdefault(loop, []).append(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        return True


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
