"""D2, D3, D4, D8, D9, D10, D13: what sources may hold, what a program may do, and whose word counts."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.explanation import explain
from skykey.credentials.provider import Ask, Provider
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.file import File
from skykey.credentials.sources.function import Function
from skykey.credentials.sources.plugins import Plugins
from skykey.credentials.sources.program import Program
from skykey.rubin.connections import get_access_token
from skykey.testing import Canary
from skykey.values.errors import CredentialError, NoCredential
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.reliability import naive_sources as naive

REACH = Reach.named(Url("https://site.example"), said_by="the test")
TOKEN = "gt-token-of-this-test.aBcDeFgH"
VARIABLE = "TOKEN_OF_THIS_TEST"


def header(provider: Provider[Any]) -> str | None:
    """What goes out; None if it is refused or not there."""
    try:
        credential = provider.obtain(None, Ask()).credential
    except CredentialError:
        return None
    ((name, value),) = credential.parts()
    return f"{name}: {value.reveal()}"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[str]]:
    def write(text: str) -> list[str]:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return [str(path)]

    return write


Script = Callable[[str], list[str]]

# -- D2

CONTENTS = {
    "a token": (TOKEN.encode(), True),
    "byte order mark": (b"\xef\xbb\xbf" + TOKEN.encode(), True),
    "carriage return": (TOKEN.encode() + b"\r\n", True),
    "blanks": (b"  " + TOKEN.encode() + b"  \n\n", True),
    "no-break space": (TOKEN.encode() + "\u00a0".encode(), True),
    "json": (b'{"token": "' + TOKEN.encode() + b'"}\n', False),
    "two lines": (TOKEN.encode() + b"\n" + TOKEN.encode(), False),
    "another header": (TOKEN.encode() + b"\r\nX-Evil: 1", False),
    "form feed inside": (TOKEN.encode() + b"\x0cX", False),
    "line separator": (TOKEN.encode() + "\u2028X".encode(), False),
    "utf-16": (TOKEN.encode("utf-16"), False),
}


def wrong(send: Callable[[Path], str | None], folder: Path) -> list[str]:
    """The contents of which something else goes out than one token, or nothing where there is one."""
    faults = []
    for name, (content, is_token) in CONTENTS.items():
        path = folder / "token"
        path.write_bytes(content)
        sent = send(path)
        if sent != (f"Authorization: Bearer {TOKEN}" if is_token else None):
            faults.append(name)
    return faults


def test_d2_a_header_is_one_token_or_is_not_sent(tmp_path: Path) -> None:
    faults = wrong(lambda path: header(File(lambda: str(path), REACH, "a file")), tmp_path)
    print(f"D2: {len(CONTENTS)} contents of a file, wrong headers = {len(faults)}")
    assert faults == []


def test_d2_a_naive_reader_fails(tmp_path: Path) -> None:
    faults = wrong(naive.from_file, tmp_path)
    print(f"D2 naive: wrong headers = {len(faults)} ({', '.join(faults)})")
    assert {"byte order mark", "two lines", "another header", "json"} <= set(faults)


# -- D3

NOT_TEXT: list[Any] = [TOKEN.encode(), bytearray(TOKEN.encode()), [TOKEN], {"token": TOKEN}, 5, True]


def test_d3_what_is_not_text_never_becomes_a_header() -> None:
    sent = []
    for value in NOT_TEXT:
        sent.append(header(Function(lambda given=value: given, REACH, "a function")))
        with pytest.raises(TypeError):
            Argument(Secret(value), REACH)
    sent = [text for text in sent if text is not None]
    print(f"D3: {len(NOT_TEXT)} values that are not text, headers = {len(sent)}")
    assert sent == []


def test_d3_a_naive_header_fails() -> None:
    sent = [naive.header(value) for value in NOT_TEXT]
    print(f"D3 naive: {sent[0]!r}")
    assert "b'" in sent[0]


# -- D4

EMPTY = ["", " ", "\t\n", "\ufeff", "\u00a0"]


def test_d4_an_empty_variable_is_absent_and_why_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    chain = Chain("a token", (Variable(VARIABLE, REACH), File(lambda: str(path), REACH, "a file")), "skykey why")
    hidden = 0
    for value in EMPTY:
        monkeypatch.setenv(VARIABLE, value)
        hidden += chain.obtain(None, Ask()).credential.token != Secret(TOKEN)
        assert [(row.outcome.value, row.reason) for row in explain(chain).rows] == [
            ("unavailable", "it is set, and empty"),
            ("found", ""),
        ]
    print(f"D4: {len(EMPTY)} empty values, files hidden = {hidden}")
    assert hidden == 0


def test_d4_a_naive_search_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    hidden = 0
    for value in EMPTY:
        monkeypatch.setenv(VARIABLE, value)
        hidden += naive.found(VARIABLE, path) != TOKEN
    print(f"D4 naive: files hidden = {hidden}")
    assert hidden == len(EMPTY)


# -- D8

LIMIT = 0.8
HELPERS = {
    "hangs": "trap '' TERM; echo {secret}; sleep 60 & echo $! >> {pids}; wait; wait",
    "floods": "i=0; while [ $i -lt 400 ]; do head -c 8000 /dev/zero | tr '\\0' x; i=$((i+1)); done; sleep 60",
    "exits 1": "echo {secret}; exit 1",
    "prints the token to stderr": "echo {secret} >&2; exit 1",
    "prints nonsense": "echo {secret} {secret}",
}


@pytest.fixture
def none_left(tmp_path: Path) -> Iterator[Path]:
    pids = tmp_path / "pids"
    yield pids
    end = time.monotonic() + 5
    left: list[int] = []
    while time.monotonic() < end:
        left = [int(line) for line in pids.read_text().split() if is_running(int(line))] if pids.exists() else []
        if not left:
            return
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_d8_a_helper_that_misbehaves_is_ended_and_not_quoted(
    script: Script, none_left: Path, capfd: pytest.CaptureFixture[str], ceiling: Callable[[float], float]
) -> None:
    canary, slowest = Canary(), 0.0
    for text in HELPERS.values():
        program = Program(script(f"echo $$ >> {none_left}; " + filled(text, canary, none_left)), REACH, seconds=LIMIT)
        start = time.monotonic()
        with canary, pytest.raises(CredentialError) as caught:
            program.obtain(None, Ask())
        slowest = max(slowest, time.monotonic() - start)
        canary.note_error("the error", caught.value, inside="skykey/credentials")
    canary.note("the terminal", "".join(capfd.readouterr()))
    searched = canary.check()
    print(f"D8: {len(HELPERS)} helpers, slowest {slowest:.1f} s of {LIMIT} s, {searched} outputs, hits = 0")
    assert slowest <= ceiling(LIMIT + 0.2)
    assert Program(["/x"], REACH).seconds <= 10


def filled(text: str, canary: Canary, pids: Path) -> str:
    return text.replace("{secret}", canary.opaque).replace("{pids}", str(pids))


def test_d8_a_naive_helper_call_fails(script: Script, none_left: Path) -> None:
    canary, sizes = Canary(), []
    for name in ("exits 1", "prints the token to stderr"):
        with pytest.raises(subprocess.CalledProcessError) as caught:
            naive.from_program(script(filled(HELPERS[name], canary, none_left)))
        canary.note_error(name, caught.value)
    sizes.append(len(naive.from_program(script("head -c 3000000 /dev/zero | tr '\\0' x"))))
    command = script(f"echo $$ >> {none_left}; exec sleep 60")
    waiting = threading.Thread(target=quietly, args=(command,), daemon=True)
    waiting.start()
    waiting.join(LIMIT)
    hangs = waiting.is_alive()
    os.kill(int(none_left.read_text()), signal.SIGKILL)
    waiting.join(10)
    print(f"D8 naive: {len(canary.findings())} outputs show the token, {sizes[0]} bytes taken, still waiting = {hangs}")
    assert canary.findings()
    assert sizes[0] > 2**20
    assert hangs


def quietly(command: list[str]) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        naive.from_program(command)


# -- D9


def unsafe(folder: Path, mark: Path) -> list[list[str]]:
    """Commands that somebody else decides about; each leaves a mark when it runs."""
    text = f"#!/bin/sh\necho x >> {mark}\necho {TOKEN}\n"

    def put(below: str, mode: int, folder_mode: int = 0o700) -> Path:
        path = folder / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        path.parent.chmod(folder_mode)
        return path

    put("here", 0o700)
    (folder / "open2").mkdir()
    (folder / "open2" / "link").symlink_to(put("safe/program", 0o700))
    (folder / "open2").chmod(0o777)
    return [
        ["./here"],
        [put("writable/program", 0o777).as_posix()],
        [put("group/program", 0o770).as_posix()],
        [put("open/program", 0o700, 0o777).as_posix()],
        [(folder / "open2" / "link").as_posix()],
    ]


def started(run: Callable[[list[str]], object], commands: list[list[str]], mark: Path) -> int:
    for command in commands:
        try:
            run(command)
        except CredentialError:
            continue
    return len(mark.read_text().splitlines()) if mark.exists() else 0


def test_d9_a_helper_that_others_can_replace_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "mark"
    commands = unsafe(tmp_path, mark)
    count = started(lambda command: Program(command, REACH).obtain(None, Ask()), commands, mark)
    print(f"D9: {len(commands)} unsafe helpers, started = {count}")
    assert count == 0
    safe = [str(tmp_path / "safe" / "program")]
    assert started(lambda command: Program(command, REACH).obtain(None, Ask()), [safe], mark) == 1


def test_d9_a_naive_helper_call_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "mark"
    commands = unsafe(tmp_path, mark)
    count = started(naive.from_program, commands, mark)
    print(f"D9 naive: started = {count}")
    assert count == len(commands)


# -- D10


@pytest.fixture
def foreign(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that somebody else filled, with a configuration that names a program; gives its mark."""
    mark = tmp_path / "mark"
    command = script(f"echo x >> {mark}; echo {TOKEN}")
    for below in (".", "skykey", ".config/skykey", ".skykey"):
        (tmp_path / below).mkdir(parents=True, exist_ok=True)
        (tmp_path / below / "config.toml").write_text(f'[rubin.sites.usdf]\ntoken_program = ["{command[0]}"]\n')
    monkeypatch.chdir(tmp_path)
    for name in ("SKYKEY_RUBIN_TOKEN_PROGRAM", "SKYKEY_TOKEN_PROGRAM", "TOKEN_PROGRAM"):
        monkeypatch.setenv(name, command[0])
    return mark


@pytest.mark.parametrize("home", ["", ".", "./.config"])
def test_d10_a_configuration_in_the_working_directory_starts_nothing(
    foreign: Path, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", home)
    assert get_access_token() == ""
    print(f"D10: programs started = {int(foreign.exists())}")
    assert not foreign.exists()


def test_d10_a_naive_configuration_fails(foreign: Path) -> None:
    assert naive.from_configuration() == TOKEN
    print(f"D10 naive: programs started = {int(foreign.exists())}")
    assert foreign.exists()


# -- D13

PACKAGE = """
from skykey.credentials.sources.function import Function
make = lambda reach: Function(lambda: {token!r}, reach, "theirs")
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that raises when it is imported, and one that works."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, code in (("d13_broken", "raise RuntimeError('at import')"), ("d13_working", PACKAGE.format(token=TOKEN))):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[skykey.providers]\nrubin = {name}:make\n")
        (tmp_path / f"{name}.py").write_text(code)
    yield
    for name in ("d13_broken", "d13_working"):
        sys.modules.pop(name, None)


def test_d13_a_package_that_raises_at_import_is_reported_and_the_others_work(
    packages: None, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert header(Plugins("rubin", REACH)) == f"Authorization: Bearer {TOKEN}"
    reported = [record.getMessage() for record in caplog.records if "d13_broken" in record.getMessage()]
    print(f"D13: one of two packages is broken, tokens = 1, reports = {len(reported)}: {reported}")
    assert reported == ["the package d13_broken is left out: d13_broken:make raised RuntimeError"]
    (tmp_path / "d13_working-1.dist-info" / "entry_points.txt").unlink()
    with pytest.raises(NoCredential, match="d13_broken:make raised RuntimeError"):
        Chain("a token", (Plugins("rubin", REACH),), "skykey why").obtain(None, Ask())


def test_d13_a_naive_loader_fails(packages: None) -> None:
    with pytest.raises(RuntimeError, match="at import"):
        naive.from_packages("skykey.providers")
    print("D13 naive: tokens = 0")
