"""Run one command inside a sandbox's environment, as if it had been typed without the sandbox."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

# What may reach us alone and is meant for the command. Ctrl-C is a case of its own.
_FORWARDED = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
]
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``command``, hand signals on to it, and return its exit code (128 + n if signal n ended it)."""
    try:
        process = subprocess.Popen(command, env=dict(environment))  # noqa: S603 (what the user typed)
    except (FileNotFoundError, PermissionError):
        # A folder on PATH that may not be read makes a missing command look like a forbidden one.
        found = shutil.which(command[0], os.F_OK, environment.get("PATH"))
        sys.stderr.write(f"skykey: {'cannot execute' if found else 'command not found'}: {command[0]}\n")
        return _NOT_EXECUTABLE if found else _NOT_FOUND
    with _forwarding(process):
        code = process.wait()
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _forwarding(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    def forward(number: int, _frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C and Ctrl-\ to the whole group: the command has it already, and a second one
        # would break off its tidying up.
        if number in (signal.SIGINT, signal.SIGQUIT) and _in_foreground():
            return
        process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, *_FORWARDED)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Say whether we belong to the group that the terminal talks to."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
