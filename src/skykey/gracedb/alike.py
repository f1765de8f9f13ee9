"""Requests that look alike: which of them are under way, and what was answered lately.

After a lost answer a client finds what it has made by how that looks. A second one that looks the same, a moment before
or at the same time, must not pass for it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from skykey.values.clock import Clock

# Longer than two clocks with whole seconds can be apart, and an answer late.
_LATELY: Final = 30.0


@dataclass(eq=False)
class One:
    """A request among those that look like it.

    Attributes
    ----------
    is_alone
        Whether no other one was under way while it was.
    taken
        What was answered to others lately.
    answer
        What was answered to it: an id. None as long as there is none.
    """

    is_alone: bool = True
    taken: set[Any] = field(default_factory=set)
    answer: Any = None


class Alike:
    """What is known of requests."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know of none."""
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, list[One]] = {}
        self._answered: list[tuple[float, Hashable, Any]] = []

    @contextlib.contextmanager
    def one(self, key: Hashable, clock: Clock) -> Iterator[One]:
        """A request, for as long as it takes.

        Parameters
        ----------
        key
            How it looks.
        clock
            Tells what was lately.
        """
        made = One()
        with self._lock:
            earliest = clock.steady() - _LATELY
            self._answered = [each for each in self._answered if each[0] >= earliest]
            made.taken = {answer for _, other, answer in self._answered if other == key}
            others = self._under_way.setdefault(key, [])
            for other in others:
                other.is_alone = made.is_alone = False
            others.append(made)
        try:
            yield made
        finally:
            with self._lock:
                others.remove(made)
                if not others:
                    self._under_way.pop(key, None)
                if made.answer is not None:
                    self._answered.append((clock.steady(), key, made.answer))


ALIKE: Final = Alike()
"""Of the whole process: programs make a client a thread, and all of them write as the same user."""

# Whoever held the lock, or had a request under way, has stayed behind.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ALIKE.forget)
