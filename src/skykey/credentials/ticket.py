"""One renewal under way, and everybody who waits for it."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.values.errors import Failed, TimedOut

if TYPE_CHECKING:
    import asyncio

    from skykey.credentials.held import Held
    from skykey.values.clock import Clock
    from skykey.values.deadline import Deadline


class Ticket(Generic[C]):
    """The outcome of a renewal that runs on its own thread.

    Nobody who waits can end it: a waiter that is cancelled or runs out of time leaves, and the renewal goes on for the
    others. Each waiter gets its own copy of a failure, because raising one object in two places mixes up its traceback.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._held: Held[C] | None = None
        self._error: BaseException | None = None
        self._futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    def settle(self, held: Held[C] | None, error: BaseException | None) -> None:
        """Say how it went; called once, by the renewal's thread."""
        with self._lock:
            self._held, self._error = held, error
            self._done.set()
            futures, self._futures = self._futures, {}
        for loop, waiting in futures.items():
            try:
                # One wake-up a loop, however many tasks wait on it.
                loop.call_soon_threadsafe(_wake, waiting)
            except RuntimeError:
                continue  # that loop was closed meanwhile, and its tasks with it

    def wait(self, deadline: Deadline, clock: Clock) -> Held[C]:
        """Block until it is settled.

        Raises
        ------
        TimedOut
            If the waiter's own time is over first.
        """
        if not clock.wait(self._done, deadline.remaining()):
            raise TimedOut("the time limit was over while waiting for the credential's renewal")
        return self._outcome()

    def ended(self, seconds: float) -> bool:
        """Block until it is settled, for so many real seconds at most; whether it is."""
        return self._done.wait(seconds)

    async def await_(self, deadline: Deadline) -> Held[C]:
        """Wait on the running event loop, which stays free.

        Raises
        ------
        TimedOut
            As `wait`.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._done.is_set():
                return self._outcome()
            self._futures.setdefault(loop, []).append(future)
        try:
            async with asyncio.timeout(deadline.remaining()):
                await future
        except TimeoutError:
            raise TimedOut("the time limit was over while waiting for the credential's renewal") from None
        return self._outcome()

    def _outcome(self) -> Held[C]:
        if self._error is not None:
            raise own_copy(self._error)
        if self._held is None:
            raise Failed("the renewal ended without a credential")
        return self._held


def own_copy(error: BaseException) -> BaseException:
    """A failure that one waiter can raise without touching the others'.

    What is no `Exception` (an exit, a cancellation) concerned the renewal, not those who wait: they get a `Failed`.
    """
    twin: BaseException
    if not isinstance(error, Exception):
        twin = Failed(f"the renewal was ended by {type(error).__name__}")
    else:
        try:
            twin = copy.copy(error)
        except Exception:  # noqa: BLE001 - an exception class may refuse to be copied in any way it likes
            twin = Failed(f"the renewal failed: {type(error).__name__}: {error}")
    if isinstance(error, OSError) and isinstance(twin, OSError):  # these do not live in its __dict__
        twin.errno, twin.strerror, twin.filename = error.errno, error.strerror, error.filename
    if hasattr(error, "__notes__"):
        twin.__notes__ = list(error.__notes__)
    twin.__cause__ = error.__cause__
    twin.__suppress_context__ = True
    return twin


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
