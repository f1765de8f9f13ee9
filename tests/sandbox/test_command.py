"""The command as a process: what it prints, what it passes on, how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "skykey", "sandbox"]
PRINT_ENV = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


def sandbox(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | env, timeout=60)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state with a blank")
    begin = time.monotonic()
    up = sandbox("up", "--detach", "--json", "--state", folder)
    assert up.returncode == 0, up.stderr
    print(f"`up --detach` took {time.monotonic() - begin:.2f} s, interpreter included")
    yield folder
    assert sandbox("down", "--state", folder).returncode == 0


def test_up_prints_data_on_stdout_and_talk_on_stderr(state: Path) -> None:
    again = sandbox("up", "--detach", "--json", "--state", state)
    assert again.returncode == 0
    shown = json.loads(again.stdout)
    assert "already runs" in again.stderr
    assert "control_key" not in shown
    assert shown["site_url"].startswith("http://127.0.0.1:")
    foreground = sandbox("up", "--state", state)
    assert "already runs" in foreground.stderr
    assert shown["site_url"] in foreground.stdout


def test_one_without_the_real_part_is_not_passed_off_as_one_with_it(state: Path) -> None:
    up = sandbox("up", "--detach", "--real", "influxdb", "--state", state)
    assert (up.returncode, up.stdout) == (1, "")
    assert f"skykey sandbox down --state '{state}'" in up.stderr  # the next command, ready to paste
    assert sandbox("run", "--real", "influxdb", "--state", state, "--", "true").returncode == 1
    assert sandbox("up", "--real", "nonsense", "--state", state).returncode == 2


def test_status(state: Path, tmp_path: Path) -> None:
    assert json.loads(sandbox("status", "--json", "--state", state).stdout)["running"] is True
    assert "second origin  https://127.0.0.1:" in sandbox("status", "--state", state).stdout
    none = sandbox("status", "--json", "--state", tmp_path)
    assert (none.returncode, json.loads(none.stdout)) == (1, {"running": False})
    assert f"skykey sandbox up --detach --state {tmp_path}" in none.stderr


def test_env(state: Path, tmp_path: Path) -> None:
    shown = json.loads(sandbox("env", "--json", "--state", state, ACCESS_TOKEN="gt-real").stdout)
    assert shown["unset"] == ["ACCESS_TOKEN"]
    assert shown["set"]["ACCESS_TOKEN_FILE"] == str(state / "token")
    lines = sandbox("env", "--as-real", "--state", state).stdout.splitlines()
    assert "export EXTERNAL_INSTANCE_URL=https://usdf-rsp.slac.stanford.edu" in lines
    assert sandbox("env", "--state", tmp_path).returncode == 1


def test_run_uses_the_one_that_runs(state: Path) -> None:
    site = json.loads(sandbox("status", "--json", "--state", state).stdout)["site_url"]
    ran = sandbox("run", "--state", state, "--", *PRINT_ENV, ACCESS_TOKEN="gt-real", NUBLADO_TOKEN="gt-real")
    env = json.loads(ran.stdout)
    assert env["EXTERNAL_INSTANCE_URL"] == site
    assert "gt-real" not in env.values()
    assert ran.stderr == ""
    assert sandbox("status", "--state", state).returncode == 0  # and leaves it running


@pytest.mark.parametrize("code", [0, 3, 255])
def test_run_passes_the_exit_code_on(state: Path, code: int) -> None:
    assert sandbox("run", "--state", state, sys.executable, "-c", f"raise SystemExit({code})").returncode == code


def test_run_passes_a_death_by_signal_on(state: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert sandbox("run", "--state", state, "--", sys.executable, "-c", code).returncode == 128 + 9


def test_run_says_what_it_cannot_run(state: Path, tmp_path: Path) -> None:
    missing = sandbox("run", "--state", state, "--", "no-such-command")
    assert (missing.returncode, missing.stderr) == (127, "skykey: command not found: no-such-command\n")
    (tmp_path / "plain").write_text("")
    assert sandbox("run", "--state", state, "--", tmp_path / "plain").returncode == 126


def test_run_leaves_the_options_of_the_command_alone(state: Path) -> None:
    ran = sandbox("run", "--state", state, sys.executable, "-c", "import sys; print(sys.argv[1:])", "--json", "--help")
    assert ran.stdout == "['--json', '--help']\n"
    assert sandbox("run", "--no-such-option", "true").returncode == 2
    assert sandbox("run").returncode == 2


def test_run_starts_one_if_none_runs_and_stops_it(tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    ran = sandbox("run", "--", *PRINT_ENV, **home)
    env = json.loads(ran.stdout)
    assert env["EXTERNAL_INSTANCE_URL"].startswith("http://127.0.0.1:")
    assert not Path(env["ACCESS_TOKEN_FILE"]).parent.exists()
    assert sandbox("status", **home).returncode == 1
    # as a named folder
    ran = sandbox("run", "--state", tmp_path / "own", "--", *PRINT_ENV)
    assert json.loads(ran.stdout)["ACCESS_TOKEN_FILE"] == str(tmp_path / "own" / "token")
    assert not (tmp_path / "own" / "token").exists()


def test_as_real_refuses_what_it_does_not_play(state: Path) -> None:
    code = "import urllib.request; urllib.request.urlopen('https://example.org')"
    ran = sandbox("run", "--as-real", "--state", state, "--", sys.executable, "-c", code)
    assert ran.returncode == 1
    assert "403 Forbidden" in ran.stderr


WAITING = (
    "import signal, sys, time\n"
    "def on(number, frame): print('got', number, flush=True); sys.exit(9)\n"
    "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, on)\n"
    "print('ready', flush=True); time.sleep(60)\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_forwards_signals(state: Path, number: signal.Signals) -> None:
    command = [*COMMAND, "run", "--state", str(state), "--", sys.executable, "-c", WAITING]
    # A session of its own has no terminal, so that a Ctrl-C meant for one process goes to one process.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == f"got {number.value}\n"
    assert process.returncode == 9


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_up_in_the_foreground_ends_in_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [*COMMAND, "up", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "Stop it with Ctrl-C.\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert out.startswith("site           http://127.0.0.1:")
    assert err == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"lock", "gracedb"}  # what GraceDB knows stays


def test_two_first_calls_at_once_start_one(tmp_path: Path) -> None:
    command = [*COMMAND, "up", "--detach", "--json", "--state", str(tmp_path)]
    pipe = subprocess.PIPE
    calls = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    ends = [(*call.communicate(timeout=60), call.returncode) for call in calls]
    try:
        assert [code for _, _, code in ends] == [0, 0, 0], ends
        assert len({json.loads(out)["pid"] for out, _, _ in ends}) == 1
    finally:
        sandbox("down", "--state", tmp_path)


def test_down_without_a_sandbox_is_no_error(tmp_path: Path) -> None:
    ended = sandbox("down", "--state", tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "No sandbox runs" in ended.stderr


COUNTING = (
    "import signal, sys, time\n"
    "count = 0\n"
    "def on(number, frame):\n"
    "    global count; count += 1\n"
    "signal.signal(signal.SIGINT, on); print('ready', flush=True)\n"
    "end = time.monotonic() + 0.7\n"
    "while time.monotonic() < end: time.sleep(0.05)\n"
    "sys.exit(count)\n"
)


def test_a_ctrl_c_in_a_terminal_reaches_the_command_once(state: Path) -> None:
    main, terminal = pty.openpty()
    command = [*COMMAND, "run", "--state", str(state), "--", sys.executable, "-c", COUNTING]
    # The way a shell starts a program: in a session whose terminal this is.
    adopt = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    with subprocess.Popen([sys.executable, "-c", adopt, *command], stdin=terminal, stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        while b"ready" not in shown:
            shown += os.read(main, 100)
        os.write(main, b"\x03")
        assert process.wait(timeout=20) == 1
    os.close(main)
