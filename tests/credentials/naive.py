"""Keepers as one writes them in ten minutes. The tests of the real one run against them too, and must fail.

They have what most clients have: a check and a renewal; no ticket, no generation, no pause, no own deadline.
"""

import asyncio
import threading
from typing import Any

from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping, Provider
from skykey.credentials.store import MemoryStore, Store
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.deadline import Deadline


class Naive:
    """Renews in whichever thread asks; tasks share one task."""

    def __init__(
        self, provider: Provider[Any], *, clock: Clock = SYSTEM_CLOCK, store: Store | None = None, key: str = ""
    ) -> None:
        self.provider, self._clock, self._key = provider, clock, key
        self._store = MemoryStore() if store is None else store
        self._held: Held[Any] | None = None
        self._task: asyncio.Task[Held[Any]] | None = None

    def get(self, deadline: Deadline = Deadline(None)) -> Held[Any]:
        held = self._held
        ends = None if held is None else held.credential.life.ends
        if held is None or (ends is not None and ends - self._clock.wall() < 300):
            self._held = held = self.provider.obtain(held, Ask(self._clock, deadline))
            if self.provider.keeping is Keeping.STORED:
                self._store.write(self._key, held)
        return held

    async def aget(self, deadline: Deadline = Deadline(None)) -> Held[Any]:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(asyncio.to_thread(self.get))
        return await self._task

    def reject(self, held: Held[Any], challenge: str) -> bool:
        self._held = None
        return True


class Locked(Naive):
    """Renews under a lock, and blocks the event loop."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lock = threading.Lock()

    def get(self, deadline: Deadline = Deadline(None)) -> Held[Any]:
        with self._lock:
            return super().get(deadline)

    async def aget(self, deadline: Deadline = Deadline(None)) -> Held[Any]:
        return self.get()
