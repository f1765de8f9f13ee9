"""Several pieces of work at once, in threads or in tasks: all of them, or the first failure with the others ended."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from skykey.values.calloff import LOOK, stop_flag
from skykey.values.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], at_once: int) -> list[R]:
    """Do the work for each item in a few threads, each with a copy of the caller's context (time limits are there).

    Parameters
    ----------
    work
        Blocks; it must heed `values.calloff.stop_flag`.
    items
        Begun in this order.
    at_once
        How many threads.

    Returns
    -------
    list
        One result an item, in their order.

    Raises
    ------
    BaseException
        The first failure, or what interrupts the caller. All threads have ended then.
    """
    course = _Course(items)
    outer = stop_flag.get()

    def worker() -> None:
        stop_flag.set(course.stop)
        while (number := course.begin()) is not None:
            try:
                course.end(number, work(items[number]))
            except BaseException as problem:  # noqa: BLE001 - raised again in the thread that waits
                course.fail(problem)
            finally:
                course.leave()

    threads: list[threading.Thread] = []
    try:
        for _ in range(min(at_once, len(items))):
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(worker,), name="skykey-gather", daemon=True)
            thread.start()
            threads.append(thread)
        # Not by `join`: a thread whose `join` was interrupted counts as ended for Python, and may be at work still.
        while not course.is_over(LOOK):
            if outer is not None and outer.is_set():
                course.fail(Interrupted("called off"))
    finally:
        course.stop.set()
        # Also for one that is in no list, because its start was interrupted.
        while not course.is_over(LOOK):
            pass
        for thread in threads:
            thread.join()
    return course.outcome()


async def in_tasks(work: Callable[[T], Awaitable[R]], items: Sequence[T], at_once: int) -> list[R]:
    """As `in_threads`, in tasks on the running event loop.

    Raises
    ------
    BaseException
        The first failure, or the caller's own cancellation. All tasks have ended then.
    """
    import asyncio

    course = _Course(items)

    async def worker() -> None:
        while (number := course.begin()) is not None:
            course.end(number, await work(items[number]))

    tasks = [asyncio.ensure_future(worker()) for _ in range(min(at_once, len(items)))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        # Who was cancelled has failed, too: look for the one that failed by itself before the others are ended.
        failed = [task for task in tasks if task.done() and not task.cancelled() and task.exception() is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in failed or tasks:
        task.result()
    return course.outcome()


class _Course:
    """Which items are begun, which are done, and what went wrong first."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._at_work = 0
        self._begun = 0
        self._results: dict[int, Any] = {}
        self._count = len(items)
        self._failure: BaseException | None = None

    def begin(self) -> int | None:
        """The next item's number; None when there is nothing more to do."""
        with self._lock:
            if self.stop.is_set() or self._begun == self._count:
                return None
            self._begun += 1
            self._at_work += 1
            return self._begun - 1

    def end(self, number: int, result: Any) -> None:
        """Keep a result."""
        self._results[number] = result

    def fail(self, problem: BaseException) -> None:
        """Keep the first failure, and call the others off."""
        with self._lock:
            if self._failure is None:
                self._failure = problem
        self.stop.set()

    def leave(self) -> None:
        """Nobody is at work on an item any more that was begun."""
        with self._left:
            self._at_work -= 1
            self._left.notify_all()

    def is_over(self, seconds: float) -> bool:
        """Whether nobody is at work and nobody will be; waits for it for some seconds."""
        with self._left:
            return self._left.wait_for(self._is_idle, seconds)

    def _is_idle(self) -> bool:
        return not self._at_work and (self.stop.is_set() or self._begun == self._count)

    def outcome(self) -> list[Any]:
        """The results in order, or the failure."""
        if self._failure is not None:
            raise self._failure
        return [self._results[number] for number in range(self._count)]
