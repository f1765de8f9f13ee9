"""The lock among processes: given back by the kernel, never kept by a child, never a file that lies around."""

import contextlib
import errno
import fcntl
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from skykey.credentials.stores import holder, lock
from skykey.credentials.stores.file import FileStore, stem
from skykey.credentials.stores.folder import StoreRefused, any_folder
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.errors import TimedOut
from tests.credentials.stores.actors import line_of, started
from tests.credentials.stores.making import held, number_of, said

FREE = Deadline(None)


def lock_file(folder: Path, key: str = "k") -> Path:
    return folder / f"{stem(key)}.lock"


def is_free(folder: Path) -> bool:
    """As another process sees it: by a descriptor of its own."""
    with open(lock_file(folder), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def in_child(work: Callable[[], int]) -> int:
    """What a forked child says, as its exit code; killed if it hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_is_held_inside_the_block_and_free_after_it_whatever_happens_in_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    def fails() -> None:
        with store.exclusive("k", FREE):
            assert not is_free(tmp_path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert is_free(tmp_path)
    with store.exclusive("k", FREE):
        assert not is_free(tmp_path)


def test_two_keys_do_not_wait_for_each_other(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with store.exclusive("k", FREE), store.exclusive("l", Deadline.after(0)):
        pass


def test_a_lock_file_that_lies_around_is_no_lock(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    lock_file(tmp_path).write_text("4711")
    with FileStore(tmp_path).exclusive("k", Deadline.after(0)):
        pass


def test_it_is_the_lock_that_the_library_takes_too(tmp_path: Path) -> None:
    with FileStore(tmp_path).exclusive("k", FREE), pytest.raises(filelock.Timeout):
        filelock.FileLock(lock_file(tmp_path)).acquire(timeout=0)
    with filelock.FileLock(lock_file(tmp_path)), pytest.raises(TimedOut, match="another process is at it"):
        FileStore(tmp_path, patience=0).exclusive("k", FREE).__enter__()


def test_a_deadline_that_is_over_still_gets_what_is_free(tmp_path: Path) -> None:
    with FileStore(tmp_path).exclusive("k", Deadline.after(0)):
        pass


@pytest.mark.parametrize("limit", ["the deadline", "the patience"])
def test_who_waits_gives_up_at_the_sooner_of_deadline_and_patience(limit: str, tmp_path: Path) -> None:
    patience, seconds = (10.0, 0.2) if limit == "the deadline" else (0.2, 10.0)
    with started("hold", "FileStore", tmp_path) as other:
        line_of(other)
        start = time.monotonic()
        deadline = Deadline.after(seconds)
        with pytest.raises(TimedOut, match=f"process {other.pid} "):
            FileStore(tmp_path, patience=patience).exclusive("k", deadline).__enter__()
        assert 0.2 <= time.monotonic() - start < 2


def test_a_deadline_on_another_clock_ends_the_wait_too(tmp_path: Path) -> None:
    clock = FakeClock()
    with started("hold", "FileStore", tmp_path) as other:
        line_of(other)
        threading.Timer(0.1, lambda: clock.advance(60)).start()
        with pytest.raises(TimedOut):
            FileStore(tmp_path).exclusive("k", Deadline.after(50, clock)).__enter__()


def test_threads_exclude_each_other_through_stores_of_their_own(tmp_path: Path) -> None:
    inside = most = turns = 0

    def work() -> None:
        nonlocal inside, most, turns
        for _ in range(20):
            with FileStore(tmp_path).exclusive("k", FREE):
                inside += 1
                most = max(most, inside)
                turns += 1
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, turns) == (1, 320)


def test_a_thread_that_waits_for_a_thread_is_told_so(tmp_path: Path) -> None:
    store = FileStore(tmp_path, patience=0.05)
    with store.exclusive("k", FREE), pytest.raises(TimedOut, match="another thread of this program"):
        store.exclusive("k", FREE).__enter__()


def test_the_holder_is_named_without_its_arguments_and_its_note_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/me/job.py", "--token", "gt-secret"])
    clock = FakeClock()
    with FileStore(tmp_path, clock=clock).exclusive("k", FREE):
        (note,) = tmp_path.glob("*.holder")
        assert note.stat().st_mode & 0o777 == 0o600
        said_there = json.loads(note.read_text())
        assert said_there["pid"] == os.getpid()
        assert said_there["program"].endswith(" job.py")
        assert "gt-secret" not in note.read_text()
        clock.advance(12)
        with any_folder(str(tmp_path)) as folder:
            words = str(holder.waited(folder, note.name, clock))
        assert f"process {os.getpid()} (" in words
        assert f" job.py) on {os.uname().nodename} has been at it for 12 s" in words
        assert f"kill -9 {os.getpid()}" in words
    assert list(tmp_path.glob("*.holder")) == []


@pytest.mark.parametrize(
    ("argv", "shown"),
    [(["/a/skykey/__main__.py"], "-m skykey"), (["-c"], "-c"), ([""], ""), ([], ""), (["/usr/bin/job"], "job")],
)
def test_a_program_is_named_however_it_was_started(
    argv: list[str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert holder._program() == f"{os.path.basename(sys.executable)} {shown}".strip()


@pytest.mark.parametrize("note", ["", "[]", "{}", "garbage", '{"pid": "x"}', "[" * 3000, "\udcff"])
def test_a_note_that_cannot_be_read_costs_only_the_name(note: str, tmp_path: Path) -> None:
    with started("hold", "FileStore", tmp_path) as other:
        line_of(other)
        (path,) = tmp_path.glob("*.holder")
        path.write_bytes(note.encode("utf-8", "surrogateescape"))
        with pytest.raises(TimedOut, match="another process is at it"):
            FileStore(tmp_path, patience=0).exclusive("k", FREE).__enter__()


def test_a_note_that_cannot_be_written_costs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = FileStore(tmp_path)
    tmp_path.chmod(0o700)
    (tmp_path / f"{stem('k')}.holder").mkdir()
    with store.exclusive("k", FREE):
        store.write("k", held(1))
    assert number_of(store.read("k")) == 1
    assert said(caplog) == []


def test_a_pipe_in_the_place_of_the_note_does_not_hold_up_who_has_the_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{stem('k')}.holder", 0o600)

    def work() -> int:
        with FileStore(tmp_path).exclusive("k", FREE):  # opening it would wait for a reader, for ever
            return int(is_free(tmp_path))

    assert in_child(work) == 0


def test_a_lock_file_that_was_removed_while_somebody_waited_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    entered: list[str] = []
    with started("hold", "FileStore", tmp_path) as other:
        line_of(other)

        def work(name: str) -> None:
            with FileStore(tmp_path).exclusive("k", FREE):
                entered.append(name)
                assert not is_free(tmp_path), "what is locked is another file"

        thread = threading.Thread(target=work, args=("waited",))
        thread.start()
        time.sleep(0.05)
        lock_file(tmp_path).unlink()
        assert other.stdin
        other.stdin.close()
        thread.join(10)
    assert entered == ["waited"]
    assert lock_file(tmp_path).exists()


def test_a_link_in_the_place_of_the_lock_file_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    lock_file(tmp_path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreRefused, match="is a symbolic link"):
        FileStore(tmp_path).exclusive("k", FREE).__enter__()
    assert not (tmp_path / "elsewhere").exists()


def test_an_error_that_is_not_about_missing_locks_is_not_taken_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", flock)
    with FileStore(tmp_path).exclusive("k", FREE):
        pass
    (warning,) = said(caplog)
    assert "cannot be kept" in warning
    assert "Input/output error" in warning


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_does_not_keep_its_parents_lock(tmp_path: Path) -> None:
    read, write = os.pipe()
    store = FileStore(tmp_path)
    with store.exclusive("k", FREE):
        child = os.fork()
        if child == 0:
            os.close(write)
            os.read(read, 1)  # lives until the parent says so
            os._exit(0)
        assert not is_free(tmp_path)
    try:
        assert is_free(tmp_path)
        with FileStore(tmp_path).exclusive("k", Deadline.after(0)):
            pass
    finally:
        os.close(write)
        os.close(read)
        os.waitpid(child, 0)


def test_a_forked_child_of_a_killed_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    with started("hold_and_fork", tmp_path) as other:
        child = int(line_of(other))
        other.kill()
        other.wait()
        try:
            with FileStore(tmp_path).exclusive("k", Deadline.after(1)):
                os.kill(child, 0)  # it is still there
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_that_was_forked_inside_the_block_leaves_the_lock_to_its_parent(tmp_path: Path) -> None:
    store = FileStore(tmp_path)

    def leave() -> int:
        manager.__exit__(None, None, None)
        return 0

    manager = store.exclusive("k", FREE)
    with manager:
        assert in_child(leave) == 0
        assert not is_free(tmp_path)
        assert len(list(tmp_path.glob("*.holder"))) == 1
        assert in_child(lambda: tries(tmp_path)) == 1
    assert in_child(lambda: tries(tmp_path)) == 0


def tries(folder: Path) -> int:
    try:
        with FileStore(folder, patience=0.05).exclusive("k", FREE):
            return 0
    except TimedOut as error:
        return 1 if f"process {os.getppid()} " in str(error) else 2


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_can_lock_though_another_thread_of_its_parent_holds_everything(tmp_path: Path) -> None:
    store, inside, go_on = FileStore(tmp_path), threading.Event(), threading.Event()

    def work() -> None:
        with store.exclusive("k", FREE):
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)

    def child() -> int:
        start = time.monotonic()
        while tries(tmp_path) and time.monotonic() - start < 3:
            os.kill(os.getppid(), signal.SIGUSR1)
        return tries(tmp_path)

    previous = signal.signal(signal.SIGUSR1, lambda *_: go_on.set())
    try:
        assert in_child(child) == 0
    finally:
        signal.signal(signal.SIGUSR1, previous)
        go_on.set()
        thread.join()


def test_a_program_that_is_started_gets_no_descriptor_of_the_lock(tmp_path: Path) -> None:
    with FileStore(tmp_path).exclusive("k", FREE):
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        assert is_free(tmp_path)
    finally:
        sleeper.kill()
        sleeper.communicate()


def test_nothing_is_left_open_and_no_lock_is_remembered(tmp_path: Path) -> None:
    store = FileStore(tmp_path, patience=0)
    gc.collect()  # what other tests have left must not go meanwhile
    before = len(os.listdir("/dev/fd"))
    for number in range(50):
        with store.exclusive(f"k{number}", FREE):
            store.write(f"k{number}", held(1))
    with store.exclusive("k", FREE), pytest.raises(TimedOut):
        store.exclusive("k", FREE).__enter__()
    gc.collect()
    assert len(os.listdir("/dev/fd")) <= before  # a server's thread may close its own
    assert lock._state.holds == set()
    assert dict(lock._state.alone) == {}


def test_processes_take_turns(tmp_path: Path) -> None:
    """Four processes count in a file, each step a read and a write: no step is lost."""
    with contextlib.ExitStack() as stack:
        actors = [stack.enter_context(started("count", tmp_path, 50)) for _ in range(4)]
        assert [line_of(actor) for actor in actors] == ["done"] * 4
    assert (tmp_path / "count").read_text() == "200"
