"""What other processes do in the tests of stores. Each is told by `started` what to do, and answers on its stdout."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skykey.credentials.stores.file import FileStore
from skykey.values.deadline import Deadline
from tests.credentials.stores.making import held, number_of
from tests.credentials.stores.steps import watched

ROOT = Path(__file__).parents[3]


@contextlib.contextmanager
def started(actor: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a function of this module in a process of its own, which ends with the block."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {__name__} import {actor}; {actor}(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that an actor says."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the actor ended with {process.wait()}"
    return line.strip()


def store_of(kind: str, folder: str) -> Any:
    if kind == "FileStore":
        return FileStore(folder)
    from tests.reliability import naive_credentials  # it brings an HTTP library along

    return getattr(naive_credentials, kind)(folder)


def hold(kind: str, folder: str) -> None:
    """Hold the lock until the standard input ends."""
    with store_of(kind, folder).exclusive("k", Deadline(None)):
        print("held", flush=True)
        sys.stdin.read()
    print("free", flush=True)


def hold_and_fork(folder: str) -> None:
    """Hold the lock, with a child that lives on."""
    with FileStore(folder).exclusive("k", Deadline(None)):
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        print(child, flush=True)
        time.sleep(30)


def count(folder: str, times: str) -> None:
    """Count up a number in a file, under the lock."""
    store, path = FileStore(folder), Path(folder, "count")
    for _ in range(int(times)):
        with store.exclusive("k", Deadline(None)):
            path.write_text(str(int(path.read_text() if path.exists() else 0) + 1))
    print("done", flush=True)


def write(kind: str, folder: str, first: str) -> None:
    """Write without a pause, without a lock, entries of changing length, until the standard input ends."""
    store, number, stop = store_of(kind, folder), int(first), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    print("ready", flush=True)
    while not stop.is_set():
        store.write("k", held(number, size=number * 37 % 3000))
        number += 1
    print(number - int(first), flush=True)


def read(kind: str, folder: str, seconds: str, least: str) -> None:
    """Read without a pause, for so long and so often; say how many reads there were, and how many gave no entry."""
    store, until, reads, broken = store_of(kind, folder), time.monotonic() + float(seconds), 0, 0
    while time.monotonic() < until or reads < int(least):
        reads += 1
        try:
            broken += number_of(store.read("k")) is None
        except Exception:  # noqa: BLE001 - whatever it is, it is no credential
            broken += 1
    print(reads, broken, flush=True)


def killed(kind: str, folder: str, rounds: str) -> None:
    """Let children write and kill themselves, each at another step; say how often what is there then is broken."""
    store = store_of(kind, folder)
    moments = _moments(store)
    broken = steps = 0
    for number in range(int(rounds)):
        store.write("k", held(1))
        child = os.fork()
        if child == 0:
            _write_and_die(store, number % moments, half=number // moments % 2 == 1)
        steps += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        try:
            broken += number_of(store_of(kind, folder).read("k")) not in {1, 2}
        except Exception:  # noqa: BLE001 - whatever it is, it is no credential
            broken += 1
    print(broken, steps, moments, flush=True)


def _moments(store: Any) -> int:
    seen: list[object] = []
    with watched(seen.append):
        store.write("k", held(1))
    return len(seen)


def _write_and_die(store: Any, position: int, *, half: bool) -> None:
    real_write, seen = os.write, 0

    def step(moment: Any) -> None:
        nonlocal seen
        if seen == position:
            if half and moment.name == "write" and moment.moment == "before":
                descriptor, data = moment.arguments
                real_write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    with watched(step):
        store.write("k", held(2, size=500))
    os._exit(0)
