"""One question under way, and everybody who waits for its answer."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from skykey.credentials.ticket import own_copy
from skykey.values.bell import Bell
from skykey.values.errors import TimedOut

if TYPE_CHECKING:
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
        self._settled = Bell()
        self._answer: tuple[T] | None = None
        self._error: BaseException | None = None

    def settle(self, answer: tuple[T] | None, error: BaseException | None = None) -> None:
        """Say how it ended: with an answer, with an error, or with neither because whoever asked went away."""
        self._answer, self._error = answer, error
        self._settled.ring()

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
        if self._asker == threading.get_ident() and not self._settled.has_rung:
            return  # a task of this very thread asks, and cannot go on while we block it
        if not self._settled.wait(_patience(deadline), clock):
            _check(deadline)

    async def await_(self, deadline: Deadline) -> None:
        """As `wait`, on the running event loop, which stays free."""
        if not await self._settled.await_(_patience(deadline)):
            _check(deadline)


def _patience(deadline: Deadline) -> float:
    remaining = deadline.remaining()
    return _PATIENCE if remaining is None else min(_PATIENCE, remaining)


def _check(deadline: Deadline) -> None:
    if deadline.remaining() == 0.0:
        raise TimedOut("the time limit was over while waiting for an answer that another caller had asked for")
