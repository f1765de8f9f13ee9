"""Which sources were asked, what each said, and why: the material of ``skykey why``."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What became of one attempt."""

    FOUND = "found"
    SHADOWED = "shadowed"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One source, asked once. Holds words only, never a secret.

    Parameters
    ----------
    source
        The provider's name.
    outcome
        What became of it.
    reason
        Why, as a sentence without the full stop; empty for the one that is used.
    """

    source: str
    outcome: Outcome
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.outcome.value}" + (f" ({self.reason})" if self.reason else "")


class Trace:
    """The attempts of the latest renewal, in order; safe to read while another thread writes."""

    offset: float | None = None
    """How far the issuer's clock is ahead of this machine's, in seconds, by its answer's ``Date``; None if unknown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        """Record one."""
        with self._lock:
            self._attempts.append(attempt)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """So far."""
        with self._lock:
            return tuple(self._attempts)
