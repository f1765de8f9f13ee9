"""Errors of TAP with what to type next: clients speak of Python, and here commands are typed."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from skykey.values.errors import SkykeyError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAP: Final = "skykey rubin tap"
_JOB: Final = re.compile(r"client\.job\('([^']*)'\)\.(?:result|run)\(\)")
_MEANT: Final = (
    (re.compile(r"^leave it to a job: .*"), f"leave it to a job: {_TAP} --as-job ..."),
    (re.compile(r"^give one: values=\{'(\w+)': .*"), r"give one: --value \1=..."),
    (re.compile(r"uploads=\{'mine': .*"), "--upload mine=FILE"),
    (re.compile(r"^list them: tables\(\)"), f"{_TAP} tables"),
)


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
        if problem.next:
            problem.next = _JOB.sub(lambda found: command("resume", found[1], site, tokenfile), problem.next)
            for pattern, words in _MEANT:
                problem.next = pattern.sub(words, problem.next)
        raise


def command(word: str, job: str, site: str | None, tokenfile: str | None) -> str:
    """The command that does something with a job, as it is typed."""
    words = ["skykey", "rubin", "tap", word, job]
    words += ["--site", site] if site else []
    words += ["--tokenfile", tokenfile] if tokenfile else []
    return shlex.join(words)
