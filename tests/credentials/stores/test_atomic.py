"""Replacing a file: whole or not at all, closed to others, and nothing left behind."""

import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from skykey.credentials.stores.atomic import replace, replace_file, sweep
from skykey.credentials.stores.content import drained, filled, sealed
from skykey.credentials.stores.folder import any_folder
from tests.credentials.stores.steps import failing, watched


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_and_the_folders_above_it_are_made_for_the_user_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    replace_file(tmp_path / "a" / "b" / "login", b"new")
    assert (tmp_path / "a" / "b" / "login").read_bytes() == b"new"
    assert [mode_of(tmp_path / name) for name in ("", "a", "a/b", "a/b/login")] == [0o755, 0o700, 0o700, 0o600]


def test_a_file_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o600)


def test_a_name_without_a_folder_is_in_the_working_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace_file("login", b"new")
    replace_file(Path("login"), b"newer")
    assert (tmp_path / "login").read_bytes() == b"newer"
    assert names(tmp_path) == ["login"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "login"
    real.write_bytes(b"old")
    (tmp_path / "one").symlink_to("dotfiles/login")
    (tmp_path / "two").symlink_to("one")
    replace_file(tmp_path / "two", b"new")
    assert real.read_bytes() == b"new"
    assert (tmp_path / "one").is_symlink()
    assert (tmp_path / "two").is_symlink()
    assert names(tmp_path / "dotfiles") == ["login"]


def test_a_link_that_leads_nowhere_leads_to_the_file_afterwards(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("missing/login")
    replace_file(tmp_path / "one", b"new")
    assert (tmp_path / "missing" / "login").read_bytes() == b"new"


def test_links_in_a_circle_are_an_error_and_stay(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="not a plain file"):
        replace_file(tmp_path / "one", b"new")
    assert names(tmp_path) == ["one", "two"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_plain_file_is_not_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "login"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    with pytest.raises(OSError, match="not a plain file"):
        replace_file(path, b"new")
    assert names(tmp_path) == ["login"]


def test_somebody_elses_file_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "login"
    path.write_bytes(b"old")
    ours = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)
    with pytest.raises(PermissionError, match="another user"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"


FAULTS = [("write", errno.ENOSPC), ("fsync", errno.EIO), ("replace", errno.EACCES), ("close", errno.EDQUOT)]


@pytest.mark.parametrize(("name", "number"), FAULTS)
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(name: str, number: int, tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_bytes(b"old")
    closed = 0

    def first_close(step: object) -> bool:
        nonlocal closed
        closed += 1
        return closed == 1 or name != "close"

    with pytest.raises(OSError, match=os.strerror(number).replace("(", ".")), failing(name, number, when=first_close):
        replace_file(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["login"]


def test_a_disk_that_takes_little_at_a_time_gets_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    replace_file(tmp_path / "login", bytes(range(256)))
    assert (tmp_path / "login").read_bytes() == bytes(range(256))


def test_the_file_is_on_disk_before_it_has_its_name_and_the_name_is_before_the_return(tmp_path: Path) -> None:
    order: list[str] = []
    with watched(lambda step: order.append(step.name) if step.moment == "before" else None, ("fsync", "replace")):
        replace_file(tmp_path / "login", b"new")
    assert order == ["fsync", "replace", "fsync"]


def test_a_file_system_that_cannot_flush_folders_is_no_error(tmp_path: Path) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        replace_file(tmp_path / "login", b"new")
    assert (tmp_path / "login").read_bytes() == b"new"


def test_what_killed_writers_left_is_removed_when_it_is_old_and_nothing_else_is(tmp_path: Path) -> None:
    left = {
        f".login.{'0123456789abcdef'}.skykey-new": True,
        ".login.short.skykey-new": False,
        f".login2.{'0' * 16}.skykey-new": False,
        f".login.{'0' * 16}.new": False,
        f"login.{'0' * 16}.skykey-new": False,
    }
    for name in left:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - 3600,) * 2)
    young = f".login.{'f' * 16}.skykey-new"
    (tmp_path / young).write_bytes(b"")
    replace_file(tmp_path / "login", b"new")
    assert set(names(tmp_path)) == {"login", young, *(name for name, goes in left.items() if not goes)}
    with any_folder(str(tmp_path)) as folder:
        sweep(folder, "login", older=-1)
    assert young not in names(tmp_path)


def test_what_somebody_put_where_the_new_file_is_made_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    planted = tmp_path / f".login.{'0' * 16}.skykey-new"
    planted.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        replace_file(tmp_path / "login", b"new")
    assert planted.read_bytes() == b"theirs"
    assert names(tmp_path) == [planted.name]


def test_a_name_as_long_as_names_may_be_is_replaced_too(tmp_path: Path) -> None:
    for name in ("x" * 255, "ä" * 127):
        replace_file(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_threads_that_replace_one_file_leave_one_of_theirs(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            replace_file(tmp_path / "login", bytes([number]) * 10_000)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set((tmp_path / "login").read_bytes())) == 1
    assert names(tmp_path) == ["login"]


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    for most, whole in ((999, False), (1000, True), (1001, True)):
        descriptor = os.open(path, os.O_RDONLY)
        content = drained(descriptor, most)
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.close(descriptor)
        assert at <= most + 1
        assert (content is not None) is whole
        assert not callable(content) or content() == b"x" * 1000


def test_a_failure_to_read_or_write_knows_no_frame_that_holds_the_bytes(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        problems = [drained(descriptor, 10), filled(descriptor, sealed(b"secret"))]
    finally:
        os.close(descriptor)
    for problem in problems:
        assert isinstance(problem, OSError)
        assert problem.__traceback__ is None


def test_without_descriptors_of_folders_it_works_by_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skykey.credentials.stores.folder._BY_DESCRIPTOR", False)
    with any_folder(str(tmp_path)) as folder:
        replace(folder, "login", sealed(b"new"))
    assert (tmp_path / "login").read_bytes() == b"new"
    assert names(tmp_path) == ["login"]
