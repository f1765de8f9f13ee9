"""Waiting for a job, with its phases on a terminal; and what becomes of it when nobody waits any more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.output import say, visible
from skykey.cli.progress import progress
from skykey.values.errors import SkykeyError, TimedOut

if TYPE_CHECKING:
    from skykey.tables.table import Table

# After so many seconds a terminal is told whether the phase has changed: more often at first, as phases do.
_LOOKS: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
_THEN: Final = 30.0


def result_of(job: Any, timeout: float) -> Table:
    """The result, as soon as it is there.

    Parameters
    ----------
    job
        The job.
    timeout
        For all of it, in seconds.
    """
    from skykey.values.deadline import within

    with progress(), within(timeout) as limit:
        if sys.stderr.isatty():
            _watch(job, limit)
        found: Table = job.result.table()
    return found


def _watch(job: Any, limit: Any) -> None:
    """Say each phase, until the job is over or the time is."""
    looks, said = iter(_LOOKS), ""
    while (phase := job.phase()) != "COMPLETED":
        if phase != said:
            said = phase
            say(f"the job is {visible(phase)}")
        try:
            job.wait(next(looks, _THEN))
        except TimedOut:
            if limit.remaining() == 0.0:
                raise


def forget(job: Any) -> bool:
    """Have the service forget a job; whether it said that it has."""
    try:
        job.delete()
    except SkykeyError:
        return False
    return True
