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

    threads: list[threading.Thread] = []
    try:
        for _ in range(min(at_once, len(items))):
            context = contextvars.copy_context()
            thread = threading.Thread(target=context.run, args=(worker,), name="skykey-gather", daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK)
                if outer is not None and outer.is_set():
                    course.fail(Interrupted("called off"))
    finally:
        course.stop.set()
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

    def outcome(self) -> list[Any]:
        """The results in order, or the failure."""
        if self._failure is not None:
            raise self._failure
        return [self._results[number] for number in range(self._count)]
