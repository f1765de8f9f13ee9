"""How the command ends: exit codes, the same error for people and for programs, pipes, Ctrl-C."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from skykey.cli.root import ENTRIES, skykey
from skykey.sandbox import Box
from skykey.values import errors

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
COMMAND = [sys.executable, "-m", "skykey"]
FOO = "lsst.sal.fooSubSys.test"


# -- H5: each class of failure


def unreachable(box: Box, patch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    patch.setenv("EXTERNAL_INSTANCE_URL", f"http://127.0.0.1:{port}")
    patch.setenv("REPERTOIRE_BASE_URL", f"http://127.0.0.1:{port}/repertoire")


def overloaded(box: Box, patch: pytest.MonkeyPatch) -> None:
    box.controls.fault(times=9, service="gafaelfawr", retry_after=3600)


def limited(box: Box, patch: pytest.MonkeyPatch) -> None:
    box.controls.fault(times=9, service="gafaelfawr", status=429, retry_after=3600)


def login_page(box: Box, patch: pytest.MonkeyPatch) -> None:
    box.controls.fault("html", times=9, service="gafaelfawr")


def forbidden(box: Box, patch: pytest.MonkeyPatch) -> None:
    box.controls.fault(times=9, service="gafaelfawr", status=403)


def expired(box: Box, patch: pytest.MonkeyPatch) -> None:
    box.controls.expire()


def few_scopes(box: Box, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ACCESS_TOKEN", box.controls.mint(["read:image"]))


def no_token(box: Box, patch: pytest.MonkeyPatch) -> None:
    patch.delenv("ACCESS_TOKEN_FILE")


def two_tokens(box: Box, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ACCESS_TOKEN", "gt-a gt-b")


def fine(box: Box, patch: pytest.MonkeyPatch) -> None:
    pass


TABLE = [
    (fine, ["whoami", "rubin"], 0, None),
    (fine, ["rubin", "query", "SELEKT"], 1, "query"),
    (fine, ["rubin", "query", f'SELECT foo FROM "{FOO}" LIMIT 1', "--out", "/no/such/x.csv"], 1, "file"),
    (forbidden, ["whoami", "rubin"], 1, "forbidden"),
    (login_page, ["whoami", "rubin"], 1, "unreadable"),
    (fine, ["whoami", "rubin", "--site", "nowhere"], 2, "unknown-site"),
    (fine, ["rubin", "fields", "nothing"], 2, "unknown-name"),
    (fine, ["rubin", "query", " "], 2, "usage"),
    (fine, ["rubin", "query"], 2, "usage"),
    (fine, ["whoami", "rubin", "--no-such-option"], 2, "usage"),
    (fine, ["no-such-command"], 2, "usage"),
    (no_token, ["whoami", "rubin"], 4, "no-credential"),
    (no_token, ["token", "rubin"], 4, "no-credential"),
    (no_token, ["rubin", "topics"], 4, "no-credential"),
    (two_tokens, ["token", "rubin"], 4, "source-failed"),
    (two_tokens, ["rubin", "topics"], 4, "source-failed"),
    (fine, ["token", "rubin", "--tokenfile", "/no/such/file"], 4, "token-file-missing"),
    (expired, ["whoami", "rubin"], 4, "not-authenticated"),
    (expired, ["rubin", "topics"], 4, "source-failed"),
    (few_scopes, ["rubin", "topics"], 4, "no-credential"),
    (unreachable, ["whoami", "rubin"], 8, "unreachable"),
    (overloaded, ["whoami", "rubin"], 8, "overloaded"),
    (limited, ["whoami", "rubin"], 8, "rate-limited"),
]


@pytest.mark.parametrize(("state", "arguments", "code", "name"), TABLE)
def test_h5_each_failure_has_its_exit_code(
    *,
    box: Box,
    run: Run,
    promised: Promised,
    monkeypatch: pytest.MonkeyPatch,
    state: Callable[[Box, pytest.MonkeyPatch], None],
    arguments: list[str],
    code: int,
    name: str | None,
) -> None:
    state(box, monkeypatch)
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.stderr
    if name is not None:
        told = promised("error", result.stdout)["error"]
        assert told["code"] == name
        assert result.stderr.startswith(f"error [{name}]: {told['message']}\n")
        assert told["next"] is None or f"Next: {told['next']}" in result.stderr


def test_h5_every_error_of_the_library_has_a_documented_exit_code() -> None:
    def below(kind: type[errors.SkykeyError]) -> Iterator[type[errors.SkykeyError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    assert {kind.exit_code for kind in below(errors.SkykeyError)} == {1, 2, 4, 8}


def test_usage_names_the_help_of_the_right_command(run: Run) -> None:
    assert run("rubin", "plot", "--nonsense").stderr.endswith("Next: skykey rubin plot --help\n")


@pytest.mark.parametrize("arguments", [[], ["rubin"]])
def test_without_a_command_the_help_is_talk(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: skykey")


def test_help_and_commands_agree(run: Run) -> None:
    import click

    context = click.Context(skykey)
    for name in ENTRIES:
        command = skykey.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert run(name, "--help").exit_code == 0
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                assert command.get_command(context, below).name == below  # type: ignore[union-attr]
                assert run(name, below, "--help").exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(run: Run, shell: str) -> None:
    assert "_SKYKEY_COMPLETE" in run("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [("skykey r", "rubin"), ("skykey rubin pl", "plot"), ("skykey why rubin --site sum", "summit"),
     ("skykey rubin query --site usdf-d", "usdf-dev"), ("skykey why r", "rubin")],
)  # fmt: skip
def test_completion_asks_no_service_and_knows_sites(box: Box, start: Any, words: str, expected: str) -> None:
    asked = {"_SKYKEY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    result = start(env=box.environment() | asked)
    assert result.stdout.splitlines() == [f"plain,{expected}"]
    assert box.controls.requests() == []


# -- Ctrl-C and pipes


def test_ctrl_c_prints_no_traceback(box: Box) -> None:
    box.controls.fault("stall", service="gafaelfawr")
    command = [*COMMAND, "whoami", "rubin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 20
        while not box.controls.requests("gafaelfawr") and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["why", "rubin"], ["why", "rubin", "--json"],
     ["rubin", "query", f'SELECT * FROM "{FOO}"']],
)  # fmt: skip
def test_h4_a_closed_pipe_ends_quietly(box: Box, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as nowhere:
        ended = subprocess.run([*COMMAND, *arguments], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Broken" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["why", "rubin"], ["rubin", "topics"]])
def test_h4_a_full_disk_is_a_sentence(box: Box, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "error [file]: No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_h4_stdout_that_is_not_utf8_does_not_crash(box: Box, start: Any, encoding: str, tmp_path: Path) -> None:
    strange = tmp_path / "t\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{SNOWMAN}"
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    command = [*COMMAND, "why", "rubin", "--tokenfile", os.fsencode(strange)]
    ended = subprocess.run(command, capture_output=True, env=env, check=False)
    assert ended.returncode == 4
    assert b"Traceback" not in ended.stderr


@contextlib.contextmanager
def terminal(columns: int) -> Iterator[tuple[int, int]]:
    main, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        yield main, inner
    finally:
        os.close(main)


def on_terminal(columns: int, *arguments: str) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with terminal(columns) as (main, inner):
        with subprocess.Popen(
            [*COMMAND, *arguments], stdin=inner, stdout=inner, stderr=inner, env=env | {"TERM": "xterm"}
        ) as process:
            os.close(inner)
            shown = b""
            with contextlib.suppress(OSError):  # Linux: the other side is closed
                while piece := os.read(main, 4096):
                    shown += piece
        return process.returncode, shown.decode()


@pytest.mark.parametrize("columns", [20, 80, 300])
def test_h4_any_width_of_a_terminal_will_do(box: Box, columns: int) -> None:
    for arguments in (["why", "rubin"], ["rubin", "query", f'SELECT * FROM "{FOO}"'], ["whoami", "rubin"]):
        code, shown = on_terminal(columns, *arguments)
        assert code == 0
        assert "Traceback" not in shown
    code, shown = on_terminal(columns, "rubin", "query", f'SELECT * FROM "{FOO}"', "--rows", "6")
    assert "994 rows in the middle are not shown" in shown
    assert shown.count("2020-01-28") == 6


def test_a_pipe_gets_no_colours_and_a_terminal_does(box: Box, start: Any) -> None:
    assert "\x1b[" not in start("why", "rubin").stdout
    assert "\x1b[" in on_terminal(80, "why", "rubin")[1]


HOSTILE = "\x1b\x07\x9b\x85\u202e\u2066\u200f\u2028\r\x7f"


def test_control_characters_of_an_answer_do_not_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from skykey.cli.grid import show

    monkeypatch.setattr("skykey.cli.grid.on_terminal", lambda: True)
    show([f"a{HOSTILE}", f"b{HOSTILE}"], [[f"x{HOSTILE}", f"y{HOSTILE}"]], folded=f"b{HOSTILE}")
    shown = capsys.readouterr().out
    assert "a\N{REPLACEMENT CHARACTER}" in shown
    assert [letter for letter in shown if letter in HOSTILE] == []


def test_control_characters_of_an_error_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from skykey.cli.failures import tell

    words = f"no column{HOSTILE}\nLINE 1: select\n        ^"
    tell(errors.QueryError(f"refused{HOSTILE}", words=words, next=f"use {HOSTILE}"), as_json=True)
    told = capsys.readouterr()
    assert [letter for letter in told.out + told.err if letter in HOSTILE] == []
    assert "\nLINE 1: select\n        ^\nNext: use " in told.err
    assert json.loads(told.out)["error"]["words"] == words


def test_control_characters_of_a_job_s_phase_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from skykey.cli.rubin.tap.waiting import _watch

    class Job:
        phases = iter([f"HELD{HOSTILE}", "COMPLETED"])

        def phase(self) -> str:
            return next(self.phases)

        def wait(self, _: float) -> None:
            pass

    _watch(Job(), None)
    said = capsys.readouterr().err
    assert said.startswith("the job is HELD\N{REPLACEMENT CHARACTER}")
    assert [letter for letter in said if letter in HOSTILE] == []


@pytest.mark.parametrize("arguments", [["topics"], ["fields", FOO], ["query", "SELECT 1"], ["report", "20260320"]])
def test_names_of_a_service_do_not_reach_the_terminal_as_they_are(
    box: Box, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    import pandas as pd
    import pyarrow as pa

    from skykey.tables.end import End
    from skykey.tables.table import Table

    class Evil:
        """In the place of a client."""

        site = db_name = "evil"

        def __init__(self, *_: object, **__: object) -> None:
            self.query = self

        def get_topics(self) -> list[str]:
            return [f"a{HOSTILE}"]

        def get_fields(self, _: str) -> pd.DataFrame:
            return pd.DataFrame({"fieldKey": [f"a{HOSTILE}"], "fieldType": [HOSTILE]})

        def table(self, _: str) -> Table:
            return Table(pa.table({f"a{HOSTILE}": [f"b{HOSTILE}"]}), End(complete=True, rows=1))

        def query_night_report(self, *_: object) -> object:
            return [{"day_obs": 20260320, "user_id": HOSTILE, "summary": HOSTILE, "observers_crew": [HOSTILE]}], HOSTILE

    # The others first: a module that loads while `output` is changed would keep the change.
    for name in ("grid", "rubin.topics", "rubin.report", "rubin.query", "output"):
        monkeypatch.setattr(f"skykey.cli.{name}.on_terminal", lambda: True)
    monkeypatch.setattr("skykey.rubin.connections.get_clients", lambda *_: {"efd": Evil(), "night_report": Evil()})
    for more in [[], ["--html"]] if arguments[0] == "report" else [[]]:
        result = run("rubin", *arguments, *more)
        assert result.exit_code == 0
        assert "\N{REPLACEMENT CHARACTER}" in result.output or more
        assert [letter for letter in result.output if letter in HOSTILE] == []


def test_cells_with_tabs_stay_one_cell(capsys: pytest.CaptureFixture[str]) -> None:
    from skykey.cli.grid import show

    show(["a", "b"], [["x\ty", "1\n2"], ["\\", ""]])
    assert capsys.readouterr().out == "a\tb\nx\\ty\t1\\n2\n\\\\\t\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600 + 60, "1 h 1 min"), (7200 + 5, "2 h"),
     (86_400 * 3 + 7200, "3 d 2 h"),
     (-90, "1 min 30 s")],
)  # fmt: skip
def test_lengths_of_time_read_well(seconds: float, text: str) -> None:
    from skykey.cli.lasting import lasting

    assert lasting(seconds) == text


# -- H9: what is not installed

BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
for name in {names!r}: sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
from skykey.__main__ import main
sys.exit(main())
"""
EXTRAS = {
    "rubin": {"msgpack", "pandas", "pyarrow"},
    "plot": {"matplotlib"},
    "sandbox": {"cryptography", "duckdb", "starlette", "uvicorn"},
}
EVERYTHING = set().union(*EXTRAS.values())


@pytest.mark.parametrize(
    ("absent", "arguments", "extra"),
    [
        (EVERYTHING, ["rubin", "topics"], "rubin"),
        ({"msgpack"}, ["rubin", "topics"], "rubin"),
        ({"pyarrow"}, ["rubin", "query", f'SELECT foo FROM "{FOO}"'], "tables"),
        ({"pandas"}, ["rubin", "fields", FOO], "tables"),
        (EVERYTHING, ["rubin", "plot", FOO, "foo"], "plot"),
        (EXTRAS["plot"], ["rubin", "plot", FOO, "foo"], "plot"),
        (EXTRAS["rubin"], ["rubin", "plot", FOO, "foo"], "rubin"),
        (EVERYTHING, ["sandbox", "up"], "sandbox"),
        ({"starlette"}, ["sandbox", "up", "--detach"], "sandbox"),
        ({"duckdb"}, ["sandbox", "run", "--", "true"], "sandbox"),
    ],
)
def test_h9_a_missing_package_is_said_with_its_extra(
    box: Box, tmp_path: Path, absent: set[str], arguments: list[str], extra: str
) -> None:
    command = [sys.executable, "-c", BLOCK.format(names=sorted(absent)), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error [missing-extra]: ")
    assert ended.stderr.endswith(f"Next: pip install 'skykey[{extra}]'\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["--version"], ["why", "rubin", "--ask"], ["whoami", "rubin"], ["token", "rubin"]]
)
def test_h9_without_optional_packages_credentials_work(box: Box, arguments: list[str]) -> None:
    command = [sys.executable, "-c", BLOCK.format(names=sorted(EVERYTHING)), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


def test_two_programs_get_the_same_error_by_json_and_by_words(box: Box, start: Any) -> None:
    ended = start("rubin", "query", "SELEKT", "--json")
    told = json.loads(ended.stdout)["error"]
    assert ended.stderr == f"error [query]: {told['message']}\nThe server said: {told['words']}\n"
