"""C8-C10: the disk is full, the file is garbage, the other program is newer: it goes on, and nothing is lost."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from skykey.credentials.stores.document import MOST
from skykey.credentials.stores.file import FileStore
from skykey.values.deadline import Deadline
from tests.credentials.stores.actors import ROOT
from tests.credentials.stores.making import held, new_process, number_of, said
from tests.credentials.stores.proof import proven
from tests.credentials.stores.steps import Step, failing, watched
from tests.reliability.naive_credentials import NaiveStore


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    new_process(monkeypatch)


def makes(step: Step) -> bool:
    return len(step.arguments) > 1 and bool(step.arguments[1] == "w" or step.arguments[1] & os.O_CREAT)


FAULTS: dict[str, tuple[str, int, Callable[[Step], bool]]] = {
    "the disk is full": ("write", errno.ENOSPC, lambda _: True),
    "the quota is used up": ("fsync", errno.EDQUOT, lambda _: True),
    "the disk is broken": ("fsync", errno.EIO, lambda _: True),
    "the home is read-only": ("open", errno.EROFS, makes),
    "nothing may be renamed": ("replace", errno.EACCES, lambda _: True),
}


def used(store: Any, *, first: int) -> None:
    """As keepers use it, several times."""
    for number in range(first, first + 3):
        with store.exclusive("k", Deadline(None)):
            store.write("k", held(number))
            assert number_of(store.read("k")) == number


def survived(make: Any, fault: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    name, number, when = FAULTS[fault]
    store = make(folder)
    store.write("k", held(1))
    os.chmod(folder, 0o700)
    try:
        with failing(name, number, when=when):
            used(store, first=2)
    except OSError as error:
        pytest.fail(f"{type(error).__name__}: {error.strerror}")
    before = number_of(make(folder).read("k"))
    print(f"C8: {fault}: {len(said(caplog))} warning; on disk is still number {before}: {said(caplog)[:1]}")
    assert len(said(caplog)) == 1
    assert before == 1
    assert [path.name for path in folder.iterdir() if path.name.endswith("new")] == []
    used(store, first=7)  # there is room again
    assert number_of(make(folder).read("k")) == 9


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "the home is read-only"])
def test_c8_a_disk_that_takes_nothing_is_said_once_and_memory_serves(
    fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    survived(FileStore, fault, tmp_path / "store", caplog)


@proven(FileStore, NaiveStore)
def test_c8_a_read_only_home_is_said_once_and_memory_serves(
    make: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    survived(make, "the home is read-only", tmp_path / "store", caplog)


@pytest.mark.parametrize("home", ["a file", "nowhere"])
@proven(FileStore, NaiveStore)
def test_c8_no_home_is_said_once_and_memory_serves(
    make: Any, home: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("")

    def unknown(_: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr(platformdirs, "user_state_path", unknown)
    folder = tmp_path / "a file" / "store"
    store = make(folder) if home == "a file" or make is NaiveStore else make()
    try:
        assert store.read("k") is None
        used(store, first=1)
    except OSError as error:
        pytest.fail(f"{type(error).__name__}: {error.strerror}")
    print(f"C8: home is {home}: {len(said(caplog))} warning: {said(caplog)[:1]}")
    assert len(said(caplog)) == 1


@proven(FileStore, NaiveStore)
def test_c8_a_disk_that_takes_only_a_part_keeps_the_old_entry_whole(make: Any, tmp_path: Path) -> None:
    code = f"""
import resource, sys; sys.path.insert(0, {str(ROOT)!r})
from tests.credentials.stores.actors import held, number_of, store_of
store = store_of({make.__name__!r}, {str(tmp_path / "store")!r})
store.write("k", held(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
store.write("k", held(2))
print(number_of(store.read("k")))
"""
    # The kernel stops each write after 100 bytes, as a disk does that has no room for more.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (path,) = (tmp_path / "store").iterdir()
    left = path.read_bytes()
    print(
        f"C8: {len(left)} bytes are left of {path.name}; in memory: {done.stdout.strip()}; {done.stderr[-200:].strip()}"
    )
    assert left.endswith((b"}", b"]")), f"{len(left)} bytes are left"
    assert done.stdout.split() == ["2"]
    assert number_of(make(tmp_path / "store").read("k")) == 1
    assert "File too large" in done.stderr


GARBAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "truncated": lambda whole: whole[: len(whole) // 2],
    "empty": lambda _: b"",
    "binary": lambda _: bytes(range(256)) * 100,
    "100 MB": lambda _: None,
    "deeply nested": lambda _: b"[" * 500_000,
    "nested objects": lambda _: b'{"skykey":' * 90_000,
    "a newer version's": lambda whole: whole.replace(b'"skykey": 1', b'"skykey": 2'),
    "of another program": lambda _: b'{"accessToken": "x"}',
}


@pytest.mark.parametrize("kind", GARBAGE)
@proven(FileStore, NaiveStore)
def test_c9_garbage_counts_as_empty_and_is_kept_aside(
    make: Any, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, ceiling: Callable[[float], float]
) -> None:
    store = make(tmp_path / "store")
    store.write("k", held(1))
    os.chmod(tmp_path / "store", 0o700)
    (path,) = (tmp_path / "store").glob("*.json")
    garbage = GARBAGE[kind](path.read_bytes())
    if garbage is None:
        os.truncate(path, 100 * 2**20)
    else:
        path.write_bytes(garbage)
    size, asked = path.stat().st_size, 0

    def count(step: Step) -> None:
        nonlocal asked
        asked += step.arguments[1] if step.moment == "before" else 0

    start = time.perf_counter()
    try:
        with watched(count, ("read",)):
            given = store.read("k")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        pytest.fail(f"{type(error).__name__} instead of nothing")
    took = time.perf_counter() - start
    warnings = said(caplog)
    print(f"C9: {kind}: {given} in {took * 1000:.1f} ms, {min(asked, size)} bytes read, {warnings[:1]}")
    assert given is None
    assert took < ceiling(0.1)
    assert min(asked, size) <= MOST <= 2**20
    assert store.read("k") is None
    assert len(said(caplog)) == 1
    assert str(path) in warnings[0]
    assert path.stat().st_size == size  # reading takes nothing away from a newer program
    store.write("k", held(2))
    assert number_of(store.read("k")) == 2
    (aside,) = path.parent.glob(f"{path.name}.unreadable-*")
    assert aside.stat().st_size == size
    assert garbage is None or aside.read_bytes() == garbage


def test_c9_only_a_few_unreadable_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "store")
    for number in range(1, 7):
        store.write("k", held(number))
        (path,) = (tmp_path / "store").glob("*.json")
        path.write_text(f"garbage {number}")
        new_process(monkeypatch)
        assert store.read("k") is None
    store.write("k", held(7))
    kept = sorted(path.read_text() for path in (tmp_path / "store").glob("*.unreadable-*"))
    print(f"C9: {len(kept)} of 6 are kept: {kept}")
    assert kept == ["garbage 4", "garbage 5", "garbage 6"]


@proven(FileStore, NaiveStore)
def test_c10_what_another_version_of_the_library_added_outlives_a_rewrite(make: Any, tmp_path: Path) -> None:
    store = make(tmp_path / "store")
    store.write("k", held(1))
    os.chmod(tmp_path / "store", 0o700)
    (path,) = (tmp_path / "store").glob("*.json")
    added = {"device": {"name": "laptop", "tags": [1, None]}, "life": {"grace": 5}, "reach": {"paths": ["/a"]}}
    document = json.loads(path.read_text())
    fields = document if isinstance(document, dict) else {}
    for name, value in added.items():
        fields[name] = fields.get(name, {}) | value
    path.write_text(json.dumps(fields or document))
    assert number_of(store.read("k")) == 1
    for number in (2, 3):
        store.write("k", held(number))
    assert number_of(store.read("k")) == 3
    now = json.loads(path.read_text())
    kept = [
        name for name, value in added.items() if isinstance(now, dict) and value.items() <= now.get(name, {}).items()
    ]
    print(f"C10: kept of what another version added: {kept}")
    assert kept == list(added), f"kept {kept} of {list(added)}"
