"""C5-C7: nobody else may read what is kept, not for a moment, and nobody may put something else in its place."""

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.stores.atomic import replace_file
from skykey.credentials.stores.file import FileStore
from skykey.credentials.stores.folder import StoreRefused
from skykey.values.deadline import Deadline
from tests.credentials.stores.making import CANARY, held, number_of
from tests.credentials.stores.proof import proven
from tests.credentials.stores.steps import at, counted, watched
from tests.reliability.naive_credentials import NaiveStore

OTHERS = stat.S_IRWXG | stat.S_IRWXO


@pytest.fixture
def umask_000() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(top: Path) -> dict[str, str]:
    """What others may use in some way below a folder, with its mode."""
    found = {}
    for where, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(where, name)
            mode = path.lstat().st_mode
            if mode & OTHERS:
                found[str(path.relative_to(top))] = oct(stat.S_IMODE(mode))
    return found


@pytest.mark.usefixtures("umask_000")
@proven(FileStore, NaiveStore)
def test_c5_nothing_is_open_to_others_at_any_moment(make: Any, tmp_path: Path) -> None:
    store = make(tmp_path / "new" / "store")
    seen: dict[str, str] = {}
    moments = 0

    def look(_: object) -> None:
        nonlocal moments
        moments += 1
        seen.update(open_to_others(tmp_path))

    with watched(look), store.exclusive("k", Deadline(None)):
        store.write("k", held(1))
        store.write("k", held(2))
    print(f"C5: umask 000, {len(seen)} open to others at {moments} moments {sorted(seen.items())[:3]}")
    assert seen == {}, f"open to others: {seen}"
    assert moments > 30


@pytest.mark.usefixtures("umask_000")
def test_c5_a_login_file_of_the_users_own_is_closed_from_its_first_byte_too(tmp_path: Path) -> None:
    seen: dict[str, str] = {}
    with watched(lambda _: seen.update(open_to_others(tmp_path))):
        replace_file(tmp_path / "new" / "login", b"secret")
    print(f"C5: umask 000, {len(seen)} open to others")
    assert seen == {}
    assert stat.S_IMODE((tmp_path / "new" / "login").stat().st_mode) == 0o600


def entry_of(folder: Path) -> Path:
    (entry,) = folder.glob("*.json")
    return entry


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def readable_by_the_group(path: Path) -> None:
    path.chmod(path.stat().st_mode | stat.S_IRGRP)


def writable_by_others(path: Path) -> None:
    path.chmod(path.stat().st_mode | stat.S_IWOTH)


CASES: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None], str]] = {
    "the folder is a link": (Path, linked, "rm "),
    "the folder is open to the group": (Path, readable_by_the_group, "chmod 700 "),
    "others may write into the folder": (Path, writable_by_others, "chmod 700 "),
    "the file is a link": (entry_of, linked, "rm "),
    "the file is open to the group": (entry_of, readable_by_the_group, "chmod 600 "),
    "others may write the file": (entry_of, writable_by_others, "chmod 600 "),
}


def refused(store: Any, ways: dict[str, Callable[[], Any]], command: str, path: Path) -> None:
    given: dict[str, object] = {}
    for way, use in ways.items():
        try:
            given[way] = use()
        except StoreRefused as error:
            given[way] = error
    words = [str(error.next) for error in given.values() if isinstance(error, StoreRefused)]
    print(f"C6: refused by {len(words)} of {len(ways)}: {words[:1]}")
    assert len(words) == len(ways), f"refused by {len(words)} of {len(ways)}"
    assert all(one.startswith(command) and str(path) in shlex.split(one) for one in words), words


@pytest.mark.parametrize("case", CASES)
@proven(FileStore, NaiveStore)
def test_c6_what_is_not_the_users_alone_is_refused_with_the_command_that_repairs_it(
    make: Any, case: str, tmp_path: Path
) -> None:
    find, spoil, command = CASES[case]
    store = make(tmp_path / "store")
    store.write("k", held(1))
    path = find(tmp_path / "store")
    spoil(path)
    ways = {"read": lambda: store.read("k"), "write": lambda: store.write("k", held(2))}
    refused(store, ways, command, path)
    if command == "chmod 600 ":
        path.chmod(0o600)
        assert number_of(store.read("k")) == 1


def test_c6_a_pipe_in_the_place_of_the_file_is_refused_and_holds_nobody_up(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    store.write("k", held(1))
    path = entry_of(tmp_path / "store")
    path.unlink()
    os.mkfifo(path, 0o600)
    refused(store, {"read": lambda: store.read("k"), "write": lambda: store.write("k", held(2))}, "mv ", path)


@pytest.mark.parametrize("which", ["folder", "file"])
@proven(FileStore, NaiveStore)
def test_c6_what_belongs_to_another_user_is_refused(
    make: Any, which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path / "store")
    store.write("k", held(1))
    path = tmp_path / "store" if which == "folder" else entry_of(tmp_path / "store")
    real, ours = os.fstat, os.geteuid()

    def fstat(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if status.st_ino != path.stat().st_ino:
            return status
        return os.stat_result((*status[:4], ours + 1, *status[5:]))

    monkeypatch.setattr(os, "fstat", fstat)
    ways = {"read": lambda: store.read("k"), "write": lambda: store.write("k", held(2))}
    refused(store, ways, f"sudo chown -R {ours} ", path)


def test_c6_a_folder_that_was_made_before_by_the_user_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o700)
    store = FileStore(f"{tmp_path / 'store'}/")
    store.write("k", held(1))
    assert number_of(store.read("k")) == 1


def swapped(make: Any, folder: Path, use: Callable[[Any], Any], position: int) -> tuple[object, bytes]:
    """What comes of it if another folder is put in the store's place at one moment, and what is in that one then."""
    store, evil, away = make(folder), folder.with_name("evil"), folder.with_name("away")
    store.write("k", held(1))
    os.chmod(folder, 0o700)
    make(evil).write("k", held(666))
    planted = entry_of(evil)
    evil.chmod(0o777)
    planted.chmod(0o666)

    def swap() -> None:
        folder.rename(away)
        evil.rename(folder)

    with at(position, swap):
        try:
            result = use(store)
        except StoreRefused as error:
            result = error
    there = folder if away.exists() else evil
    return result, b"".join(path.read_bytes() for path in there.iterdir())


@pytest.mark.parametrize("way", ["read", "write"])
@proven(FileStore, NaiveStore)
def test_c7_a_folder_that_is_swapped_between_any_two_steps_gives_and_gets_nothing(
    make: Any, way: str, tmp_path: Path
) -> None:
    uses = {"read": lambda store: store.read("k"), "write": lambda store: store.write("k", held(2))}
    rehearsal = make(tmp_path / "rehearsal")
    rehearsal.write("k", held(1))
    os.chmod(tmp_path / "rehearsal", 0o700)
    moments = counted(lambda: uses[way](rehearsal))
    wrong = refusals = 0
    for position in range(moments):
        (tmp_path / str(position)).mkdir()
        result, there = swapped(make, tmp_path / str(position) / "store", uses[way], position)
        refusals += isinstance(result, StoreRefused)
        taken = not isinstance(result, StoreRefused) and result is not None and result.generation == 666
        wrong += taken or f"token-2-{CANARY}".encode() in there
    print(f"C7: {way}: {wrong} times wrong, {refusals} times refused, at {moments} moments")
    assert wrong == 0, f"{wrong} of {moments} swaps gave or got a token"
    assert moments >= 8
