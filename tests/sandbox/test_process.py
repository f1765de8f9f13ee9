import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from skykey.sandbox import SandboxError, attach, detach, running, stop
from skykey.sandbox.errors import AlreadyRunning, NotReady, NotRunning
from skykey.sandbox.state import STATE, default_folder, hold, is_held


def test_a_thread_runs_one_and_leaves_nothing_behind(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    with running(tmp_path) as box:
        assert attach(tmp_path).site_url == box.site_url
        assert attach(tmp_path).controls.hello()["pid"] == os.getpid()
        port = int(box.site_url.rpartition(":")[2])
    assert {path.name for path in tmp_path.iterdir()} <= {"lock", "gracedb"}
    assert {path.name for path in (tmp_path / "gracedb").iterdir()} == {"gracedb-issuer.pem"}  # nobody asked for more
    assert set(threading.enumerate()) <= threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    with running(tmp_path):  # and the folder serves again
        pass


def test_one_folder_holds_one_sandbox(tmp_path: Path) -> None:
    with running(tmp_path) as box:
        with pytest.raises(AlreadyRunning, match="sandbox status"), running(tmp_path):
            pass
        with pytest.raises(AlreadyRunning):
            detach(tmp_path)
        assert box.token.startswith("gt-")  # the one that runs keeps its files


def test_two_side_by_side_share_nothing() -> None:
    with running() as one, running() as other:
        assert one.token != other.token
        assert one.ca_file.read_bytes() != other.ca_file.read_bytes()
        assert one.folder != other.folder
    assert not one.folder.exists()


def test_a_failure_to_start_is_raised_where_it_was_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="state folder"), running(tmp_path / "file"):
        pass


def test_a_stop_by_control_ends_the_block_in_peace(tmp_path: Path) -> None:
    with running(tmp_path) as box:
        box.controls.stop()
        stopped = threading.Event()
        while is_held(tmp_path):
            stopped.wait(0.01)
    with pytest.raises(NotRunning):
        attach(tmp_path)


def test_a_process_of_its_own(tmp_path: Path) -> None:
    box = detach(tmp_path)
    try:
        assert box.pid != os.getpid()
        assert attach(tmp_path) == box
        assert box.controls.hello()["pid"] == box.pid
        with pytest.raises(AlreadyRunning):
            detach(tmp_path)
    finally:
        stop(tmp_path)
    with pytest.raises(NotRunning, match="No sandbox runs"):
        stop(tmp_path)
    assert not box.token_file.exists()


def test_a_killed_sandbox_is_noticed_and_its_place_taken(tmp_path: Path) -> None:
    box = detach(tmp_path)
    token = box.token
    os.kill(box.pid, 9)
    while is_held(tmp_path):
        pass
    assert (tmp_path / STATE).exists()
    with pytest.raises(NotRunning, match=f"process {box.pid} is gone"):
        attach(tmp_path)
    with running(tmp_path) as again:
        assert again.token != token
        assert attach(tmp_path).site_url == again.site_url


def test_another_program_on_its_port_is_not_taken_for_it(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        saved = (two.folder / STATE).read_text()
        (tmp_path / "stale").mkdir()
        (tmp_path / "stale" / STATE).write_text(saved.replace(two.control_url, one.control_url))
        with pytest.raises(SandboxError):
            attach(tmp_path / "stale")


def test_one_that_holds_its_folder_but_does_not_answer_is_not_called_gone(tmp_path: Path) -> None:
    with running(tmp_path) as box:
        text = (tmp_path / STATE).read_text()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
        (tmp_path / STATE).write_text(text.replace(box.control_url, dead))
        with pytest.raises(NotReady, match="does not answer"):
            attach(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": 1}'])
def test_a_broken_state_file_is_no_sandbox(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE).write_text(text)
    with pytest.raises(NotRunning):
        attach(tmp_path)


def test_a_lock_is_free_after_its_release(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    lock = hold(tmp_path)
    assert is_held(tmp_path)
    lock.release()
    assert not is_held(tmp_path)


def test_a_user_without_a_home_is_told_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # what it does for a uid without passwd entry
    with pytest.raises(SandboxError, match="--state DIR"):
        default_folder()


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_module_takes_no_option_for_a_folder(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "skykey.sandbox", *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert ended.returncode == 2
    assert "usage" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def modules_after(code: str) -> set[str]:
    out = subprocess.check_output([sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], text=True)
    return set(out.split())


def test_import_is_cheap() -> None:
    heavy = {"starlette", "uvicorn", "duckdb", "cryptography", "click", "filelock", "asyncio", "http.client"}
    assert not heavy & modules_after("import skykey.sandbox")
    heavy = {"starlette", "uvicorn", "duckdb", "cryptography"}
    assert not heavy & modules_after("from skykey.cli.sandbox import sandbox; from skykey.sandbox import running")


def test_it_imports_nothing_of_the_rest_of_skykey() -> None:
    code = "import skykey.sandbox.server, skykey.sandbox.__main__, skykey.sandbox.influxdb"
    ours = {name for name in modules_after(code) if name.startswith("skykey")}
    assert {name for name in ours if not name.startswith("skykey.sandbox")} == {"skykey"}
