"""Start, find and stop sandboxes: in a thread of this process, or as a process of their own."""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from skykey.sandbox.box import Box
from skykey.sandbox.errors import AlreadyRunning, NotReady, NotRunning, SandboxError
from skykey.sandbox.state import LOG, default_folder, hold, is_held, make_folder

_PATIENCE = 20.0
_PATIENCE_WITH_PARTS = 180.0  # they may have to be fetched first
_LOOK = 0.01


@contextmanager
def running(state: Path | str | None = None, *, real: Iterable[str] = ()) -> Iterator[Box]:
    """Run a sandbox in a thread of this process for as long as the block lasts.

    Parameters
    ----------
    state
        Its state folder; a temporary one, removed afterwards, if None.
    real
        Names of the parts that shall be the real programs (``influxdb``).
    """
    if state is None:
        with (
            tempfile.TemporaryDirectory(prefix="skykey-sandbox-") as own,
            running(own, real=real) as box,
        ):
            yield box
        return
    ready: Future[_Running] = Future()
    folder, parts = Path(state).absolute(), tuple(real)
    thread = threading.Thread(
        target=lambda: asyncio.run(_main(folder, parts, ready)), name="skykey-sandbox", daemon=True
    )
    thread.start()
    try:
        yield ready.result().box
    finally:
        # At once if it runs; as soon as it does if we were interrupted while it was starting.
        ready.add_done_callback(_halt)
        thread.join()


@dataclass(frozen=True)
class _Running:
    box: Box
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


def _halt(ready: "Future[_Running]") -> None:
    if ready.exception() is None:
        with suppress(RuntimeError):  # the loop is closed: a control has stopped the sandbox before
            ready.result().loop.call_soon_threadsafe(ready.result().stop.set)


async def _main(folder: Path, real: tuple[str, ...], ready: "Future[_Running]") -> None:
    from skykey.sandbox.server import serve

    stop = asyncio.Event()
    try:
        async with serve(folder, stop, real) as box:
            ready.set_result(_Running(box, asyncio.get_running_loop(), stop))
            await stop.wait()
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)  # it belongs to the thread that asked


def attach(state: Path | str | None = None) -> Box:
    """Return the sandbox that runs with this state folder (default: the user's own)."""
    folder = default_folder() if state is None else Path(state).absolute()
    box = Box.load(folder)
    try:
        box.controls.hello()
    except NotRunning:
        if is_held(folder):
            raise NotReady(f"The sandbox in {folder} (process {box.pid}) does not answer.") from None
        raise NotRunning(f"No sandbox runs in {folder}; the one of process {box.pid} is gone.") from None
    return box


def attach_when_ready(state: Path | str | None = None) -> Box:
    """Return the sandbox that holds the folder, waiting for it if it is just starting."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return attach(state)
        except SandboxError:
            if time.monotonic() > end:
                raise
        time.sleep(_LOOK)


def detach(state: Path | str | None = None, *, real: Iterable[str] = ()) -> Box:
    """Start a sandbox as a process of its own and return it once it answers."""
    folder = default_folder() if state is None else Path(state).absolute()
    parts = tuple(real)
    make_folder(folder)
    hold(folder).release()  # says now, and here, that another one has it
    # -P: what lies in the working folder must not take the place of an installed module.
    command = [sys.executable, "-P", "-m", "skykey.sandbox", str(folder), *parts]
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter, our own module)
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    patience = _PATIENCE_WITH_PARTS if parts else _PATIENCE
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            if is_held(folder):
                raise AlreadyRunning(f"Another sandbox took {folder} at the same moment.")
            words = (folder / LOG).read_text(errors="replace").strip()
            raise SandboxError(f"The sandbox did not start:\n{words}")
        try:
            box = Box.load(folder)
        except NotRunning:
            time.sleep(_LOOK)
            continue
        if box.pid == process.pid:
            process.returncode = 0  # it outlives us on purpose, so Popen need not warn about it
            return box
        time.sleep(_LOOK)
    process.kill()
    process.wait()
    raise NotReady(f"The sandbox was not ready within {patience:.0f} s; its words are in {folder / LOG}.")


def stop(state: Path | str | None = None) -> None:
    """Stop the sandbox with this state folder and wait until it is gone."""
    box = attach(state)
    box.controls.stop()
    end = time.monotonic() + _PATIENCE
    while is_held(box.folder):
        if time.monotonic() > end:
            raise NotReady(f"The sandbox in {box.folder} (process {box.pid}) was told to stop, but still runs.")
        time.sleep(_LOOK)
    with suppress(ChildProcessError):  # the ordinary case: it is not ours to reap
        os.waitpid(box.pid, 0)
