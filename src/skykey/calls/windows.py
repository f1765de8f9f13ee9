"""Long ranges cut into windows: a pure plan, and the flow that asks them side by side.

Services stop what takes too long, and hundreds of such statements have slowed the observatory's writes. So a long range
becomes windows of a size that an answer can have, few are under way at once, and a window that is too much all the
same is halved rather than asked again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from skykey.calls.flow import Flow, gather
from skykey.values.errors import LimitExceeded
from skykey.values.progress import advance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """A range of whole numbers, such as nanoseconds; both ends belong to it.

    Parameters
    ----------
    first, last
        `last` is not before `first`.
    """

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many numbers; a method of that name would end at 2^63."""
        return self.last - self.first + 1

    def cut(self, length: int) -> list[Window]:
        """Windows of a length, the last perhaps shorter, that together are this one without gap or overlap.

        Examples
        --------
        >>> Window(0, 9).cut(4)
        [Window(first=0, last=3), Window(first=4, last=7), Window(first=8, last=9)]
        """
        starts = range(self.first, self.last + 1, length)
        return [Window(start, min(start + length - 1, self.last)) for start in starts]

    def halves(self) -> list[Window]:
        """Two windows, of which the first may be longer by one; one where there is one number only."""
        return self.cut(-(-self.length // 2))


# An estimate may be wrong by orders of magnitude; windows that are too long are halved when they show it.
_MOST_WINDOWS: Final = 1000


def plan(window: Window, *, amount: float, most: float, step: int = 1) -> list[Window]:
    """Cut a window by what is expected in it.

    Parameters
    ----------
    window
        The whole range.
    amount
        What is expected in it, in any unit.
    most
        How much of that one answer should have.
    step
        Lengths are multiples of it.

    Returns
    -------
    list of Window
        Of equal length but for the last one, and no more than a thousand; `window` itself if not too much is expected.

    Examples
    --------
    >>> plan(Window(0, 99), amount=25, most=10)
    [Window(first=0, last=33), Window(first=34, last=67), Window(first=68, last=99)]
    """
    if amount <= most:
        return [window]
    count = min(math.ceil(amount / most), _MOST_WINDOWS)
    length = -(-window.length // (count * step)) * step
    return window.cut(length)


def ask_windows(
    windows: Sequence[Window], ask: Callable[[Window], Flow[T]], *, at_once: int, least: int
) -> Flow[list[T]]:
    """Ask each window, several side by side.

    Parameters
    ----------
    windows
        In order.
    ask
        The question for one of them.
    at_once
        How many are under way at any time.
    least
        Windows up to this length are not halved any more.

    Returns
    -------
    list
        The answers, in the order of the windows; of a window that was halved, those of its parts.

    Raises
    ------
    LimitExceeded
        If a window of the least length is still too much.
    SkykeyError
        The first failure of any window; the others are called off.
    """
    advance(parts=len(windows))
    answers = yield from gather([_asked(window, ask, least) for window in windows], at_once=at_once)
    return [answer for several in answers for answer in several]


def _asked(window: Window, ask: Callable[[Window], Flow[T]], least: int) -> Flow[list[T]]:
    """One window, or its halves one after the other: what has just been too much is not doubled."""
    try:
        answer = yield from ask(window)
    except LimitExceeded:
        if window.length <= least:
            raise
    else:
        advance(done=1)
        return [answer]
    advance(parts=1)
    answers: list[T] = []
    for half in window.halves():
        answers += yield from _asked(half, ask, least)
    return answers
