"""A token file in every state that files get into: required (an argument) and not (rows C9, D1, D2, D11)."""

import copy
import errno
import os
import pickle
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.sources.file import File
from skykey.testing.clock import FakeClock
from skykey.values.errors import CredentialError, Failed, SkykeyError, Unavailable
from tests.credentials.fakes import REACH, text_of
from tests.credentials.sources.checks import as_nobody, open_to_all, unseen
from tests.values.canary import CANARY


def source(path: object, *, required: bool = False) -> File:
    return File(lambda: str(path), REACH, "the argument tokenfile", required=required)


def read(path: object, *, required: bool = True) -> str:
    return text_of(source(path, required=required).obtain(None, Ask()))


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


GOOD = {
    "plain": b"gt-tok",
    "blanks": b"  \tgt-tok \n",
    "crlf": b"gt-tok\r\n",
    "bom": b"\xef\xbb\xbfgt-tok\n",
    "two boms": b"\xef\xbb\xbf\xef\xbb\xbfgt-tok",
    "blank lines": b"\n\n\r\n gt-tok\n\n",
    "form feed": b"\x0cgt-tok\x0b",
    "no-break space": "\u00a0gt-tok\u00a0".encode(),
}
EMPTY = {"empty": b"", "blanks": b" \n\t\r\n", "only a bom": b"\xef\xbb\xbf", "bom and blanks": b"\xef\xbb\xbf \r\n"}
MALFORMED = {
    "two lines": f"{CANARY}\n{CANARY}".encode(),
    "two lines crlf": f"{CANARY}\r\n{CANARY}\r\n".encode(),
    "carriage return": f"{CANARY}\rX".encode(),
    "blank inside": f"{CANARY} {CANARY}".encode(),
    "nul": f"{CANARY}\0".encode(),
    "escape": f"\x1b[31m{CANARY}".encode(),
    "json": f'{{"token":\n "{CANARY}"}}'.encode(),
    "not ascii": f"{CANARY}é".encode(),
    "zero width": f"{CANARY}\u200bX".encode(),
    "line separator": f"{CANARY}\u2028X".encode(),
    "too large": CANARY.encode() * 4000,
}
BINARY = {
    "latin-1": CANARY.encode() + b"\xe9",
    "utf-16": ("\ufeff" + CANARY).encode("utf-16-le"),
    "bytes": b"\xff\xfe\x00\x80",
}


@pytest.mark.parametrize("name", GOOD)
def test_d2_what_surrounds_a_token_is_taken_away(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "token", GOOD[name])
    assert read(path) == "gt-tok"
    assert read(path, required=False) == "gt-tok"


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_file_is_absent_unless_it_was_named_explicitly(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "token", EMPTY[name])
    with pytest.raises(Unavailable, match="is empty"):
        read(path, required=False)
    with pytest.raises(ValueError, match="is empty") as caught:
        read(path)
    assert isinstance(caught.value, Failed)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("name", MALFORMED)
def test_d2_d11_a_malformed_file_is_named_and_not_shown(name: str, tmp_path: Path, required: bool) -> None:
    path = written(tmp_path / "token", MALFORMED[name])
    with pytest.raises(ValueError, match="token") as caught:
        read(path, required=required)
    assert isinstance(caught.value, Failed)
    assert not isinstance(caught.value, UnicodeDecodeError)
    assert str(path) in str(caught.value)
    unseen(caught.value)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("name", BINARY)
def test_a_binary_file_is_named_and_not_shown(name: str, tmp_path: Path, required: bool) -> None:
    path = written(tmp_path / "token", BINARY[name])
    with pytest.raises(UnicodeDecodeError) as caught:
        read(path, required=required)
    assert isinstance(caught.value, Failed)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"{path} is not a text file\nNext: ")
    assert caught.value.object == b""
    unseen(caught.value)


@pytest.mark.parametrize(
    "path", ["/nonexistent/token", "", "/dev/null/token", "a\0b", "~nobody-of-that-name/token"], ids=repr
)
def test_a_missing_file_is_absent_unless_it_was_named_explicitly(path: str) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        read(path, required=False)
    with pytest.raises(FileNotFoundError, match="does not exist") as caught:
        read(path)
    assert isinstance(caught.value, Failed)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)


@pytest.mark.parametrize("required", [True, False])
def test_a_folder_in_the_files_place_stops_the_search(tmp_path: Path, required: bool) -> None:
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(5):
        with pytest.raises(IsADirectoryError, match="is a folder") as caught:
            read(tmp_path, required=required)
        assert isinstance(caught.value, Failed)
        assert (caught.value.errno, caught.value.filename) == (errno.EISDIR, str(tmp_path))
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before, "descriptors leak"


@pytest.mark.parametrize("required", [True, False])
def test_an_unreadable_file_stops_the_search_also_where_the_tests_run_as_root(tmp_path: Path, required: bool) -> None:
    open_to_all(tmp_path)
    path = written(tmp_path / "token", CANARY.encode())
    path.chmod(0o000)

    def work() -> None:
        with pytest.raises(PermissionError, match=r"token cannot be read \(Permission denied\)") as caught:
            read(path, required=required)
        assert isinstance(caught.value, Failed)
        assert (caught.value.errno, caught.value.filename) == (errno.EACCES, str(path))
        assert str(caught.value).endswith(f"Next: chmod 600 {path}")

    assert as_nobody(work) == 0


def test_the_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "token", b"gt-home")
    assert read("~/token") == "gt-home"


def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token")
    begin = time.monotonic()
    with pytest.raises(PermissionError, match="not a plain file") as caught:
        read(tmp_path / "token", required=False)
    assert isinstance(caught.value, Failed)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty"])
def test_a_device_does_not_flood_or_hang(path: str) -> None:
    with pytest.raises(CredentialError) as caught:
        read(path)
    assert isinstance(caught.value, PermissionError)


def test_a_socket_in_the_files_place_stops_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("token")
        with pytest.raises(PermissionError):
            read("token")


def test_c9_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with path.open("wb") as file:
        file.truncate(100 * 2**30)
    begin = time.monotonic()
    with pytest.raises(ValueError, match="larger than any token"):
        read(path)
    assert time.monotonic() - begin < 5


def test_a_link_in_circles_stops_the_search(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(PermissionError, match="cannot be read"):
        read(tmp_path / "a", required=False)


def test_nobody_names_a_file() -> None:
    with pytest.raises(Unavailable, match=r"^nobody says$"):
        File(lambda: None, REACH, "the file", absent="nobody says").obtain(None, Ask())


# -- read again while running (D1)


def test_d1_a_file_that_changes_is_read_again_while_running(tmp_path: Path) -> None:
    """In place, with the same length and at once: a modification time may be too coarse to tell."""
    clock, path = FakeClock(), tmp_path / "token"
    keeper = Keeper(source(path), clock=clock)
    for n in range(20):
        path.write_text(f"gt-{n:04}\n")
        assert text_of(keeper.get()) == f"gt-{n:04}"
        clock.advance(1)


def test_d1_a_file_that_is_replaced_or_linked_elsewhere_is_read_again(tmp_path: Path) -> None:
    """As Kubernetes does with secrets."""
    clock, path = FakeClock(), tmp_path / "token"
    for n in range(2):
        old = written(tmp_path / f"data{n}", f"gt-{n}".encode())
        os.utime(old, (1_700_000_000, 1_700_000_000))
    path.symlink_to("data0")
    keeper = Keeper(source(path), clock=clock)
    assert text_of(keeper.get()) == "gt-0"
    (tmp_path / "new").symlink_to("data1")
    os.replace(tmp_path / "new", path)
    clock.advance(1)
    assert text_of(keeper.get()) == "gt-1"


def test_an_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, path = FakeClock(), written(tmp_path / "token", b"gt-0")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    keeper = Keeper(source(path), clock=clock)
    held = keeper.get()
    monkeypatch.setattr(os, "open", None)
    for _ in range(5):
        clock.advance(1)
        assert keeper.get() is held
    assert not keeper.reject(held, "revoked")


def test_a_file_that_was_only_just_written_is_not_renewed_at_each_look(tmp_path: Path) -> None:
    clock, path = FakeClock(), written(tmp_path / "token", b"gt-0")
    keeper = Keeper(source(path), clock=clock)
    held = keeper.get()
    for _ in range(5):
        clock.advance(1)
        assert keeper.get() is held
    assert not keeper.reject(held, "revoked")


def test_a_file_that_goes_away_or_breaks_is_an_error_and_heals(tmp_path: Path) -> None:
    clock, path = FakeClock(), written(tmp_path / "token", b"gt-0")
    keeper = Keeper(source(path, required=True), clock=clock)
    keeper.get()
    path.unlink()
    clock.advance(1)
    with pytest.raises(FileNotFoundError) as caught:
        keeper.get()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(path))
    path.write_text("two\nlines")
    clock.advance(1)
    with pytest.raises(ValueError, match="2 lines"):
        keeper.get()
    path.write_text("gt-1")
    clock.advance(1)
    assert text_of(keeper.get()) == "gt-1"


def test_a_reader_beside_a_writer_sees_whole_tokens_or_an_error(tmp_path: Path) -> None:
    path, stop, seen = written(tmp_path / "token", b"gt-" + b"0" * 40), threading.Event(), set()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n = (n + 1) % 10
            (tmp_path / "new").write_text("gt-" + str(n) * 40)
            os.replace(tmp_path / "new", path)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(300):
        seen.add(read(path))
    stop.set()
    writer.join(10)
    assert seen <= {"gt-" + str(n) * 40 for n in range(10)}


def errors(tmp_path: Path) -> list[SkykeyError]:
    found = []
    for path in (
        "/nonexistent",
        tmp_path,
        written(tmp_path / "two", b"a\nb"),
        written(tmp_path / "binary", b"\xff"),
        "/dev/zero",
    ):
        try:
            read(path)
        except SkykeyError as problem:
            found.append(problem)
    return found


def test_errors_keep_what_they_say_when_copied_or_sent_to_another_process(tmp_path: Path) -> None:
    for problem in errors(tmp_path):
        for twin in (copy.copy(problem), pickle.loads(pickle.dumps(problem))):
            assert type(twin) is type(problem)
            assert str(twin) == str(problem)
            assert (twin.code, twin.next, twin.exit_code) == (problem.code, problem.next, 4)
    assert len({problem.code for problem in errors(tmp_path)}) == 5
