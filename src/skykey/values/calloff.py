"""A flag by which whoever runs several blocking things side by side ends them all."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

stop_flag: ContextVar[threading.Event | None] = ContextVar("skykey_stop", default=None)
"""Set for the threads that do the work: every wait and every blocking read of theirs looks at it."""

LOOK = 0.1
"""Seconds from one look to the next."""
