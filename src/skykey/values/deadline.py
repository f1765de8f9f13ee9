"""A point in time by which a whole piece of work is to end, however many requests it makes."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a steady clock; ``at`` is None for "none"."""

    at: float | None
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def after(cls, seconds: float | None, clock: Clock = SYSTEM_CLOCK) -> Deadline:
        """The moment so many seconds from now, or the block's own (`within`) if that is earlier."""
        own = None if seconds is None else clock.steady() + seconds
        outer = _current.get()
        if outer is not None and (own is None or outer.at is None or outer.at < own):
            return outer
        return cls(own, clock)

    def remaining(self) -> float | None:
        """Seconds left, never below zero; None if there is no limit."""
        return None if self.at is None else max(0.0, self.at - self.clock.steady())

    def sooner(self, other: Deadline) -> Deadline:
        """The one of the two that is over first."""
        return other if self.at is None or (other.at is not None and other.at < self.at) else self

    def check(self, doing: str) -> None:
        """Raise if the time is over.

        Raises
        ------
        TimedOut
            Saying what was going on.
        """
        if self.remaining() == 0.0:
            raise TimedOut(f"the time limit was over while {doing}")


_current: ContextVar[Deadline | None] = ContextVar("skykey_deadline", default=None)


@contextlib.contextmanager
def within(seconds: float, clock: Clock = SYSTEM_CLOCK) -> Iterator[Deadline]:
    """Give everything that Skykey does in this block one time limit together.

    Parameters
    ----------
    seconds
        The limit. An outer block's earlier limit stays in force.
    clock
        For tests.

    Raises
    ------
    TimedOut
        From the call that is under way when the time is over.

    Examples
    --------
    >>> from skykey import within
    >>> with within(30) as limit:
    ...     limit.remaining() <= 30
    True
    """
    deadline = Deadline.after(seconds, clock)
    token = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(token)
