"""Calls to something that may never answer: on threads of their own, with a limit, none after the first failure."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_lines: weakref.WeakSet[Line] = weakref.WeakSet()


class AwayError(Exception):
    """There is no answer, and there will be none in this process; says why."""


class Call(Generic[T]):
    """A piece of work that somebody waits for, until it is given up. What comes later is nobody's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._result: tuple[T] | None = None
        self._error: str | None = None
        self.given_up = False

    def settle(self, result: T) -> bool:
        """Give the result; whether anybody still waited for it. The work may tidy up afterwards."""
        with self._lock:
            if self._result is None and not self.given_up:
                self._result = (result,)
            self._over.set()
            return not self.given_up

    def run(self, work: Callable[[Call[T]], T]) -> None:
        """Do the work; for a thread of its own."""
        try:
            self.settle(work(self))
        except BaseException as problem:  # noqa: BLE001 - other people's code, and its words may hold anything
            self._error = type(problem).__name__
        self._over.set()

    def outcome(self, seconds: float) -> T:
        """Wait for the result.

        Raises
        ------
        AwayError
            If there is none by then, or the work failed.
        """
        self._over.wait(seconds)
        with self._lock:
            if self._result is not None:
                return self._result[0]
            self.given_up = True
        raise AwayError("gave no answer in time" if self._error is None else f"failed ({self._error})")


class Line:
    """One call at a time. After the first that fails or comes too late, there are no more."""

    def __init__(self) -> None:
        self._closed: str | None = None
        self.clear()
        _lines.add(self)

    def clear(self) -> None:
        """Let nobody speak: in a forked child, whoever spoke was not copied."""
        self._lock = threading.Lock()

    def ask(self, work: Callable[[Call[T]], T], seconds: float) -> T:
        """Have the work done, and wait for it.

        Parameters
        ----------
        work
            Gets the call, so that it can see whether it was given up.
        seconds
            The limit, with the wait for other callers.

        Raises
        ------
        AwayError
            If there is no answer in time, or was none before.
        """
        until = time.monotonic() + seconds
        if self._closed is not None:
            raise AwayError(self._closed)
        if not self._lock.acquire(timeout=seconds):
            raise AwayError("is busy with another call")
        try:
            if self._closed is not None:
                raise AwayError(self._closed)
            call: Call[T] = Call()
            try:
                threading.Thread(target=call.run, args=(work,), name="skykey-keyring", daemon=True).start()
                return call.outcome(max(0.0, until - time.monotonic()))
            except (AwayError, RuntimeError) as problem:  # RuntimeError: no thread to be had
                self._closed = str(problem)
                raise AwayError(self._closed) from None
        finally:
            self._lock.release()


def _after_fork_in_child() -> None:
    for line in list(_lines):
        line.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
