"""The line that says how far a question has come: seen on a terminal only, and gone when anything else is said."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skykey.cli.progress import said, share
from skykey.sandbox import Box
from skykey.values.progress import Progress

LONG = """
import logging, threading, time
from skykey.cli.progress import progress
from skykey.values.progress import advance
with progress():
    advance(parts=4)
    for _ in range(4):
        time.sleep(0.4)
        advance(rows=12_345, done=1)
    %s
print("the data")
"""
NIGHT = 'SELECT * FROM "lsst.sal.MTMount.elevation"'


class Shown(NamedTuple):
    code: int
    stdout: str
    drawn: str

    @property
    def screen(self) -> list[str]:
        """What is left on the terminal in the end."""
        lines, row, column = [""], 0, 0
        for found in re.finditer(r"\x1b\[(\d*)([A-Za-z])|(.)", self.drawn, re.DOTALL):
            amount, control, letter = found.groups()
            if control == "A":
                row -= int(amount or 1)
            elif control == "K":
                assert amount == "2"
                lines[row] = ""
            elif letter == "\r":
                column = 0
            elif letter == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif letter:
                lines[row] = f"{lines[row]:{column}}"[:column] + letter + lines[row][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines if line.strip()]


def shown(
    command: list[str],
    *,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    at: bytes | None = None,
    then: Callable[["subprocess.Popen[bytes]"], Any] = lambda _: None,
) -> Shown:
    """Run with stderr on a terminal; do something as soon as that shows a text."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    hidden = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    around = {name: value for name, value in os.environ.items() if name not in hidden} | {"TERM": "xterm-256color"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=around | dict(env or {}), start_new_session=True
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # nobody has the other end any more
                piece = b""
            if not piece:
                break
            drawn += piece
            if at is not None and at in drawn:
                at = None
                then(process)
        os.close(ours)
        stdout, _ = process.communicate(timeout=60)
    return Shown(process.returncode, stdout.decode(), drawn.decode())


def program(last: str = "pass") -> list[str]:
    return [sys.executable, "-c", LONG % last]


def test_a_long_question_is_followed_and_leaves_no_trace() -> None:
    seen = shown(program())
    assert (seen.code, seen.stdout, seen.screen) == (0, "the data\n", [])
    assert " of 4 parts" in seen.drawn
    assert "49,380 rows" in seen.drawn
    assert "\u2501" in seen.drawn  # the bar


def test_the_cursor_is_not_hidden_from_whoever_is_killed() -> None:
    seen = shown(program("import os; os.kill(os.getpid(), 9)"))
    assert " of 4 parts" in seen.drawn
    assert "?25" not in seen.drawn


def test_it_draws_no_more_often_than_an_eye_follows() -> None:
    assert 2 <= shown(program()).drawn.count("\x1b[2K") <= 18


def test_short_questions_do_not_flicker() -> None:
    short = (
        "from skykey.cli.progress import progress\nwith progress(): pass\nimport sys; assert 'rich' not in sys.modules"
    )
    assert shown([sys.executable, "-c", short]) == (0, "", "")


@pytest.mark.parametrize("terminal", ["dumb", "unknown"])
def test_a_terminal_that_cannot_erase_sees_nothing(terminal: str) -> None:
    assert shown(program(), env={"TERM": terminal}) == (0, "the data\n", "")


def test_in_a_pipe_there_is_nothing() -> None:
    ended = subprocess.run(program(), capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("the data\n", "")


def test_no_colour_is_respected() -> None:
    coloured = re.compile(r"\x1b\[[0-9;]*m")
    assert coloured.search(shown(program()).drawn)
    assert not coloured.search(shown(program(), env={"NO_COLOR": "1"}).drawn)


@pytest.mark.parametrize("columns", [10, 24, 59])
def test_a_narrow_terminal_gets_one_line(columns: int) -> None:
    seen = shown(program(), columns=columns, env={"NO_COLOR": "1"})
    frames = re.split(r"[\r\n]|\x1b\[[0-9;]*[A-Za-z]", seen.drawn)
    assert max(map(len, frames)) <= columns
    assert any("rows" in frame or "\u2026" in frame for frame in frames)
    assert seen.screen == []


def test_a_warning_stands_above_the_line_and_stays() -> None:
    seen = shown(program("logging.getLogger('skykey').warning('a renewal failed'); time.sleep(0.3)"))
    assert seen.screen == ["a renewal failed"]


def test_progress_from_other_threads_is_drawn() -> None:
    last = """import contextvars
    told = [contextvars.copy_context() for _ in range(40)]
    threads = [threading.Thread(target=each.run, args=(lambda: advance(rows=1000),)) for each in told]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    time.sleep(0.3)"""
    assert "89,380 rows" in shown(program(last)).drawn


def test_an_error_is_said_on_a_clean_line() -> None:
    seen = shown(program("raise SystemExit('what failed')"))
    assert (seen.code, seen.screen) == (1, ["what failed"])


def test_words_say_what_is_known() -> None:
    assert said(Progress(), 3.2) == "asking, 3 s"
    assert said(Progress(rows=5), 3.2) == "5 rows, 3 s"
    assert said(Progress(rows=5000, parts=1, done=0), 2) == "5,000 rows, 2,500/s, 2 s"
    assert said(Progress(rows=5000, parts=3, done=2), 0) == "5,000 rows, 5,000,000/s, 2 of 3 parts, 0 s"
    assert said(Progress(moved=1_500_000), 3) == "1.5 MB, 0.5 MB/s, 3 s"
    assert said(Progress(moved=1_500_000, size=3_000_000, parts=4, done=1), 3) == "1.5 MB, 0.5 MB/s, 1 of 4 parts, 3 s"
    assert said(Progress(moved=1_500_000, size=3_000_000), 3) == "1.5 of 3.0 MB, 0.5 MB/s, 3 s"
    assert said(Progress(moved=4_000_000, size=3_000_000), 1) == "4.0 of 4.0 MB, 4.0 MB/s, 1 s"  # some went twice


def test_the_bar_shows_bytes_where_they_are_known_and_parts_else() -> None:
    assert share(Progress()) is None
    assert share(Progress(rows=5, parts=1)) is None
    assert share(Progress(parts=4, done=1)) == (1, 4)
    assert share(Progress(parts=4, done=1, moved=7, size=9)) == (1, 4)
    assert share(Progress(moved=11, size=9)) == (9, 9)


# -- the commands


def skykey(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "skykey", *arguments]


@pytest.mark.parametrize(
    "arguments",
    [
        ["topics"],
        ["fields", "lsst.sal.MTMount.elevation"],
        ["schema", "lsst.sal.MTMount.elevation"],
        ["query", f"{NIGHT} LIMIT 3", "--json"],
        ["plot", "lsst.sal.MTMount.elevation", "actualPosition"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_question_shows_that_it_is_under_way(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    service = "schema-registry" if arguments[0] == "schema" else "influxdb"
    box.controls.fault("stall", service=service, seconds=1.0)
    seen = shown(skykey("rubin", *arguments))
    assert seen.code == 0, seen.drawn
    assert re.search(r"asking|rows, \d", seen.drawn)
    assert seen.stdout
    assert "\x1b" not in seen.stdout
    assert len(seen.screen) == 1  # the summary


def test_ctrl_c_leaves_a_clean_line_and_no_file(box: Box, tmp_path: Path) -> None:
    box.controls.fault("stall", service="influxdb")
    out = tmp_path / "night.parquet"
    seen = shown(
        skykey("rubin", "query", NIGHT, "--out", str(out)),
        at=b"asking",
        then=lambda process: os.killpg(process.pid, signal.SIGINT),
    )
    assert (seen.code, seen.stdout, seen.screen) == (130, "", [])
    assert list(tmp_path.iterdir()) == []
