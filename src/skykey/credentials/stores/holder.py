"""Who holds a lock: a note beside it, for the words of whoever waited in vain. Nothing else depends on it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

from skykey.credentials.stores.folder import StoreRefused
from skykey.values.errors import TimedOut

if TYPE_CHECKING:
    from skykey.credentials.stores.folder import Folder
    from skykey.values.clock import Clock

_MOST: Final = 4096
_WAITED: Final = "another renewal of the same credential did not end in time"


def sign(folder: Folder, name: str, clock: Clock) -> None:
    """Leave a note about this process. It need not succeed."""
    import json

    note = json.dumps({"pid": os.getpid(), "host": _host(), "program": _program(), "since": clock.wall()}).encode()
    with contextlib.suppress(OSError):
        # Not waiting: a named pipe in the note's place must not hold up who has the lock.
        descriptor = folder.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0))
        try:
            os.write(descriptor, note)
        finally:
            os.close(descriptor)


def waited(folder: Folder, name: str, clock: Clock) -> TimedOut:
    """What to raise when another process did not give the lock back: it names it, if it left a note."""
    holder = _read(folder, name)
    if holder is None:
        return TimedOut(f"{_WAITED}: another process is at it")
    pid, host, program, since = holder
    remedy = f"ps -p {pid} shows it; kill -9 {pid} ends it" if host == _host() else None
    seconds = max(0.0, clock.wall() - since)
    return TimedOut(f"{_WAITED}: process {pid} ({program}) on {host} has been at it for {seconds:.0f} s", next=remedy)


def waited_for_thread() -> TimedOut:
    """What to raise when another thread of this process did not."""
    return TimedOut(f"{_WAITED}: another thread of this program is at it")


def _read(folder: Folder, name: str) -> tuple[int, str, str, float] | None:
    """What a note says; None if there is none, or not a whole one."""
    import json

    try:
        descriptor = folder.open_own(name)
        if descriptor is None:
            return None
        try:
            note = json.loads(os.read(descriptor, _MOST))
        finally:
            os.close(descriptor)
        return int(note["pid"]), str(note["host"]), str(note["program"]), float(note["since"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError, StoreRefused):
        return None


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def _program() -> str:
    """The interpreter and the script, without arguments: those may hold anything."""
    script = sys.argv[0] if sys.argv else ""
    name = os.path.basename(script)
    if name == "__main__.py":
        name = f"-m {os.path.basename(os.path.dirname(script))}"
    return f"{os.path.basename(sys.executable or 'python')} {name}".strip()
