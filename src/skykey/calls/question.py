"""One question under way, and everybody who waits for its answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from skykey.credentials.ticket import own_copy
from skykey.values.errors import TimedOut

if TYPE_CHECKING:
    import asyncio

    from skykey.values.clock import Clock
    from skykey.values.deadline import Deadline

T = TypeVar("T")

# Whoever asks may sit on an event loop that somebody blocks: after this time the others ask for themselves.
_PATIENCE: Final = 60.0


class Question(Generic[T]):
    """What one caller asks and others want to know too.

    Whoever asks does so with its own means, in its own thread or task. The others wait; none of them can end it, and
    if the one who asks goes away (cancelled, interrupted, out of its own time) they wake and one of them asks anew.
    """

    def __init__(self) -> None:
        self._asker = threading.get_ident()
        self._lock = threading.RLock()  # for the garbage collector's sake, as in a memo
        self._done = threading.Event()
        self._answer: tuple[T] | None = None
        self._error: BaseException | None = None
        self._futures: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    def settle(self, answer: tuple[T] | None, error: BaseException | None = None) -> None:
        """Say how it ended: with an answer, with an error, or with neither because whoever asked went away."""
        with self._lock:
            self._answer, self._error = answer, error
            self._done.set()
            futures, self._futures = self._futures, {}
        for loop, waiting in futures.items():
            try:
                # One wake-up a loop, however many tasks wait on it.
                loop.call_soon_threadsafe(_wake, waiting)
            except RuntimeError:
                continue  # that loop was closed meanwhile, and its tasks with it

    def outcome(self) -> tuple[T] | None:
        """The answer; None if nobody has it.

        Raises
        ------
        BaseException
            The failure, in a copy of this caller's own.
        """
        if self._error is not None:
            raise own_copy(self._error)
        return self._answer

    def wait(self, deadline: Deadline, clock: Clock) -> None:
        """Block until it is settled, or has taken too long.

        Raises
        ------
        TimedOut
            If the waiter's own time is over first.
        """
        if self._asker == threading.get_ident() and not self._done.is_set():
            return  # a task of this very thread asks, and cannot go on while we block it
        if not clock.wait(self._done, _patience(deadline)):
            _check(deadline)

    async def await_(self, deadline: Deadline) -> None:
        """As `wait`, on the running event loop, which stays free."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._futures.setdefault(loop, []).append(future)
            if self._done.is_set():
                return
        try:
            async with asyncio.timeout(_patience(deadline)):
                await future
        except TimeoutError:
            _check(deadline)


def _patience(deadline: Deadline) -> float:
    remaining = deadline.remaining()
    return _PATIENCE if remaining is None else min(_PATIENCE, remaining)


def _check(deadline: Deadline) -> None:
    if deadline.remaining() == 0.0:
        raise TimedOut("the time limit was over while waiting for an answer that another caller had asked for")


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
