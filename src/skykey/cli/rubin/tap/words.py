"""Errors of TAP with what to type next: clients speak of Python, and here commands are typed."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skykey.tap.next_step import NextStep
from skykey.values.errors import SkykeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAP: Final = "skykey rubin tap"


@contextmanager
def as_commands(site: str | None, tokenfile: str | None) -> Iterator[None]:
    """Say in the errors of this block which command is next.

    Parameters
    ----------
    site, tokenfile
        As given to the command; they belong to the next one too.
    """
    try:
        yield
    except SkykeyError as problem:
        step = problem.next
        if isinstance(step, NextStep):
            problem.next = step.lead + _typed(step, site, tokenfile)
        raise


def command(word: str, job: str, site: str | None, tokenfile: str | None) -> str:
    """The command that does something with a job, as it is typed."""
    words = [*_TAP.split(), word, job]
    words += ["--site", site] if site else []
    words += ["--tokenfile", tokenfile] if tokenfile else []
    return shlex.join(words)


def _typed(step: NextStep, site: str | None, tokenfile: str | None) -> str:
    match step.means:
        case "as_job":
            return f"{_TAP} --as-job ..."
        case "resume":
            return command("resume", step.of, site, tokenfile)
        case "tables":
            return f"{_TAP} tables"
        case "upload":
            return f"--upload {step.of}=FILE"
        case "value":
            return f"--value {step.of}=..."
