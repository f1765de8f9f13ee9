"""``python -m skykey.sandbox FOLDER [PART...]``: serve until a signal or a control says stop.

This is the process behind ``skykey sandbox up --detach``; people type the command.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from skykey.sandbox.box import Box
from skykey.sandbox.errors import SandboxError


def foreground(folder: Path, real: Iterable[str] = (), ready: Callable[[Box], None] = lambda _: None) -> int:
    """Serve until told to stop; return the exit code (130 after Ctrl-C)."""
    return asyncio.run(_serve(folder, tuple(real), ready))


async def _serve(folder: Path, real: tuple[str, ...], ready: Callable[[Box], None]) -> int:
    from skykey.sandbox.server import serve

    stop = asyncio.Event()
    code = 0

    def interrupted() -> None:
        nonlocal code
        code = 130
        stop.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, interrupted)
    for name in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, stop.set)
    async with serve(folder, stop, real) as box:
        ready(box)
        await stop.wait()
    return code


if __name__ == "__main__":
    if len(sys.argv) == 1 or sys.argv[1].startswith("-"):
        sys.stderr.write("usage: python -m skykey.sandbox FOLDER [PART...]; see also `skykey sandbox --help`\n")
        sys.exit(2)
    try:
        sys.exit(foreground(Path(sys.argv[1]), sys.argv[2:]))
    except SandboxError as error:
        sys.exit(str(error))
