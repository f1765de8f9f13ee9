"""Whether to ask again, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.values.errors import Interrupted, Overloaded, RateLimited, SkykeyError, Unreachable

if TYPE_CHECKING:
    from skykey.values.deadline import Deadline

_MOST_REPEATS = 3
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0


class Repeats:
    """Counts repeats of one call; waits grow, are spread by chance, and end with the deadline.

    Parameters
    ----------
    deadline
        No wait goes beyond it.
    allowed
        Whether the call may be repeated at all.
    """

    def __init__(self, deadline: Deadline, *, allowed: bool) -> None:
        self._deadline = deadline
        self._left = _MOST_REPEATS if allowed else 0
        self._next = _FIRST_WAIT

    def wait_after(self, problem: SkykeyError) -> float | None:
        """Seconds to wait before the next try; None to give up."""
        if self._left == 0 or not isinstance(problem, Unreachable | Interrupted | Overloaded | RateLimited):
            return None
        self._left -= 1
        asked = problem.retry_after if isinstance(problem, Overloaded | RateLimited) else None
        if asked is None:
            import random

            # Full jitter: clients that met the same outage must not come back together.
            asked = random.uniform(self._next / 2, self._next)  # noqa: S311 - not a secret
            self._next *= 2
        remaining = self._deadline.remaining()
        return None if asked > _LONGEST_WAIT or (remaining is not None and asked >= remaining) else asked
