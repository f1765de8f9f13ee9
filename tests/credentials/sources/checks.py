"""What tests of sources look at: whether an error shows its token, and what a user without rights sees."""

import os
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from tests.values.canary import CANARY

NOBODY = 65534


def unseen(problem: BaseException) -> None:
    """Neither the error, nor what led to it, nor any local variable of the frames that raised it shows the content."""
    at: BaseException | None = problem
    while at is not None:
        shown = "".join(traceback.TracebackException.from_exception(at, capture_locals=True).format())
        inside = shown.partition("skykey/credentials/sources")[2]
        assert CANARY not in inside + str(at) + repr(at) + repr(at.args) + repr(vars(at))
        at = at.__context__


def open_to_all(folder: Path) -> None:
    """Let other users pass through pytest's own folders, which it keeps to its user; nothing above them is touched."""
    below = Path(tempfile.gettempdir())
    for parent in (folder, *folder.parents):
        if below in parent.parents and parent.stat().st_uid == os.geteuid():
            parent.chmod(0o755)


def as_nobody(work: Callable[[], object]) -> int:
    """Run where permissions count: as this user, or in a forked child without root's rights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads: from 3.12 on
        child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent reads it from the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
