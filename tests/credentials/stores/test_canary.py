"""Whatever goes wrong in a store: no secret in what is raised, in the frames it went through, or in what is logged."""

import contextlib
import errno
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.held import Held
from skykey.credentials.store import MemoryStore
from skykey.credentials.stores import atomic, content, document, items, line
from skykey.credentials.stores.atomic import replace_file
from skykey.credentials.stores.file import FileStore
from skykey.credentials.stores.keyring import KeyringStore
from tests.credentials.stores.making import CANARY, held, login
from tests.credentials.stores.rings import Ring, put_in
from tests.credentials.stores.steps import failing

OURS = {module.__file__ for module in (atomic, content, document, items, line)} | {
    sys.modules[FileStore.__module__].__file__,
    sys.modules[KeyringStore.__module__].__file__,
}


def shown(error: BaseException) -> str:
    """An error with everything that hangs on it, and the local variables of the frames that are ours."""
    parts = []
    seen: list[BaseException | None] = [error, error.__cause__, error.__context__]
    for one in filter(None, seen):
        summary = traceback.TracebackException.from_exception(one, capture_locals=True)
        frames = [frame for frame in summary.stack if frame.filename in OURS]
        parts += [repr(one), str(vars(one)), repr(one.args), *(str(frame.locals) for frame in frames)]
    return "".join(parts)


@contextlib.contextmanager
def raised() -> Iterator[list[BaseException]]:
    """What was raised in the block, if anything was."""
    found: list[BaseException] = []
    try:
        yield found
    except BaseException as error:  # noqa: BLE001 - an interrupt is one of the cases
        found.append(error)


STEPS = [("open", errno.EROFS), ("write", errno.ENOSPC), ("fsync", errno.EIO), ("replace", errno.EACCES)]


@pytest.mark.parametrize(("name", "number"), STEPS)
@pytest.mark.parametrize("one", [held(), login()], ids=["bearer", "basic"])
def test_a_write_that_fails_shows_no_secret(
    name: str, number: int, one: Held[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", one)
    with raised() as found, failing(name, number):
        store.write("k", one)
    assert found == []
    assert CANARY not in caplog.text
    with raised() as found, failing(name, number):
        replace_file(tmp_path / "login", f"{CANARY}\n".encode())
    (error,) = found
    assert isinstance(error, OSError)
    assert CANARY not in shown(error)


@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace", "read", "close", "listdir"])
def test_an_interrupt_at_any_step_shows_no_secret(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    real, left = getattr(os, name), 1 if name != "read" else 2

    def interrupted(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with raised() as found, monkeypatch.context() as patch:
        patch.setattr("os." + name, interrupted)
        store.write("k", held(2))
    (error,) = found
    assert isinstance(error, KeyboardInterrupt)
    assert CANARY not in shown(error)


@pytest.mark.parametrize("spoil", [b"}", b"\xff", b"[" * 3000], ids=["not JSON", "not text", "deep"])
def test_a_document_that_cannot_be_read_shows_no_secret(
    spoil: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    (path,) = (tmp_path / "store").iterdir()
    path.write_bytes(path.read_bytes() + spoil)
    assert store.read("k") is None
    assert CANARY not in caplog.text
    facts: Any = {"number": {1}}
    with raised() as found:
        store.write("k", Held(held().credential, "a test", facts=facts))
    assert CANARY not in shown(found[0])


def test_a_keyring_that_repeats_what_it_was_told_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    class Talkative(Ring):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise RuntimeError(f"cannot keep {password}")

    put_in(Talkative(), monkeypatch)
    store = KeyringStore(fallback=MemoryStore())
    store.write("k", held(1))
    with raised() as found:
        store.forget("k")
    assert CANARY not in shown(found[0])
    assert CANARY not in caplog.text
    for thread in threading.enumerate():
        if thread.name == "skykey-keyring":
            thread.join(5)
    assert CANARY not in "".join(capsys.readouterr())


def test_the_canary_would_be_seen() -> None:
    def careless(data: bytes) -> None:
        raise OSError(data)

    with raised() as found:
        careless(CANARY.encode())
    assert CANARY in shown(found[0])
