"""Tokens that another program prints: started safely, ended in time, never shown (rows D8, D9, A9, H1)."""

import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources import program as module
from skykey.credentials.sources.program import Program, _Output
from skykey.testing.clock import FakeClock
from skykey.values.deadline import Deadline
from skykey.values.errors import Failed, TimedOut, Unavailable
from skykey.values.life import Life
from tests.credentials.fakes import REACH, text_of
from tests.credentials.sources.checks import unseen
from tests.credentials.test_claims import jwt
from tests.values.canary import CANARY, leaks

Script = Callable[..., Program]
NOW = 1_700_000_000.0


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A program of a few lines of shell."""

    def make(text: str, *arguments: str, **options: float) -> Program:
        path = tmp_path / "prints-a-token"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o700)
        return Program([str(path), *arguments], REACH, **options)  # type: ignore[arg-type]

    return make


def prints(script: Script, text: str) -> Program:
    return script(f"printf %s {shlex.quote(text)}")


def life(script: Script, text: str) -> Life:
    clock = FakeClock(wall=NOW)
    return prints(script, text).obtain(None, Ask(clock)).credential.life


# -- what it prints


@pytest.mark.parametrize(
    "text",
    ["gt-1", "gt-1\n", "  gt-1 \r\n", "\ufeffgt-1", '{"token": "gt-1"}', '\n {"access_token": " gt-1 ", "more": [1]}\n',
     '{"token": "gt-1", "access_token": "gt-2"}', '\ufeff{"token": "gt-1", "expires_in": "never"}'],
)  # fmt: skip
def test_a_token_is_read_as_text_or_out_of_json(script: Script, text: str) -> None:
    held = prints(script, text).obtain(None, Ask())
    assert text_of(held) == "gt-1"
    assert re.fullmatch(r"the program /.*/prints-a-token", held.source)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\ufeff\n", '{"token": ""}', '{"access_token": " "}'])
def test_nothing_printed_is_nothing_found(script: Script, text: str) -> None:
    with pytest.raises(Unavailable, match=r"^it prints nothing$"):
        prints(script, text).obtain(None, Ask())


MALFORMED = [
    f"{CANARY}\n{CANARY}",
    f"{CANARY} X",
    f"Error: cannot find {CANARY}",
    f'{{"password": "{CANARY}"}}',
    f'{{"token": ["{CANARY}"]}}',
    f'{{"token": null, "access_token": "{CANARY}"}}',
    f'{{"token": "{CANARY}"',
    f'{{"token": "{CANARY}\\u00e4"}}',
    "{" * 3000,
]


@pytest.mark.parametrize("text", MALFORMED)
def test_d11_what_is_no_token_stops_the_search_and_is_not_shown(script: Script, text: str) -> None:
    with pytest.raises(Failed) as caught:
        prints(script, text).obtain(None, Ask())
    unseen(caught.value)
    assert CANARY not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(script: Script) -> None:
    with pytest.raises(Failed, match="prints neither a token nor a JSON object") as caught:
        script(rf"printf '\377{CANARY}'").obtain(None, Ask())
    unseen(caught.value)


def test_arguments_reach_it_as_they_are(script: Script) -> None:
    program = script('printf "gt-%s" "$#$1"', "a;b$(c)'*", "")
    assert text_of(program.obtain(None, Ask())) == "gt-2a;b$(c)'*"


# -- how long it lives


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ('"expires_in": 3600', NOW + 3600),
        ('"expires_in": "3600"', NOW + 3600),
        ('"expires_in": 1e12', NOW + 86_400),
        ('"expires_in": "soon"', NOW + 300),
        ('"expires_at": 1700000600', NOW + 600),
        ('"expires_at": "2023-11-14T22:23:20Z"', NOW + 600),
        ('"expiration": "2023-11-14T23:23:20+01:00"', NOW + 600),
        ('"Expiration": "2023-11-14T22:23:20"', NOW + 600),
        ('"expires_at": "1999-01-01"', 915_148_800.0),
        ('"expires_in": 3600, "expires_at": 1700000600', NOW + 600),
        ('"expires_in": null', None),
        ('"other": 1', None),
    ],
)
def test_the_life_is_what_json_says(script: Script, said: str, ends: float | None) -> None:
    assert life(script, f'{{"token": "gt-1", {said}}}') == Life(NOW, ends)


def test_the_life_is_what_the_token_says_if_nobody_else_does(script: Script) -> None:
    token = jwt({"exp": NOW + 900, "sub": "ada"}).reveal()
    assert life(script, token).ends == NOW + 900
    assert life(script, f'{{"token": " {token} "}}').ends == NOW + 900
    assert life(script, f'{{"token": "{token}", "expires_in": 3600}}').ends == NOW + 900
    assert life(script, f'{{"token": "{token}", "expires_in": 60}}').ends == NOW + 60
    assert life(script, jwt({"exp": NOW + 1e9}).reveal()).ends == NOW + 86_400
    assert prints(script, token).obtain(None, Ask()).credential.identity == "ada"


def test_an_opaque_token_has_no_known_end(script: Script) -> None:
    assert life(script, "gt-1") == Life(born=NOW, ends=None)


def test_it_runs_again_when_the_end_is_near_and_not_before(script: Script, tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = script(f"""echo x >> {count}; printf '{{"token": "gt-%s", "expires_in": 3600}}' $(wc -l < {count})""")
    assert program.keeping is Keeping.IN_PROCESS
    clock = FakeClock(wall=NOW)
    keeper = Keeper(program, clock=clock)
    for advance, token in ((0, "gt-1"), (3000, "gt-1"), (590, "gt-2"), (60, "gt-2")):
        clock.advance(advance)
        assert text_of(keeper.get()) == token
    assert keeper.reject(keeper.get(), "revoked"), "and after a refusal"
    assert text_of(keeper.get()) == "gt-3"
    assert not program.changed(keeper.get())


# -- failing


def test_d8_a_failure_names_the_program_and_its_status_and_nothing_else(
    script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    program = script(f"echo {CANARY}; echo {CANARY} >&2; exit 3", CANARY)
    with pytest.raises(Failed, match=r"^the program /.*/prints-a-token ended with status 3\nNext: run /") as caught:
        program.obtain(None, Ask())
    unseen(caught.value)
    assert CANARY not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_a_program_says_beside_its_token_is_not_shown(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    assert text_of(script(f"echo {CANARY} >&2; echo gt-1").obtain(None, Ask())) == "gt-1"
    assert capfd.readouterr() == ("", "")


def test_a_program_that_is_killed_says_by_what(script: Script) -> None:
    with pytest.raises(Failed, match="was ended by signal 9"):
        script("kill -9 $$").obtain(None, Ask())


@pytest.mark.parametrize("shebang", ["#!/no/such/interpreter", "", "\0\1"])
def test_a_file_that_is_no_program_is_named(script: Script, shebang: str) -> None:
    program = script("")
    Path(program.argv[0]).write_text(f"{shebang}\n")
    with pytest.raises(Failed, match=r"cannot be started \("):
        program.obtain(None, Ask())


def test_a_nul_byte_is_an_error_and_not_a_crash(script: Script) -> None:
    with pytest.raises(Failed, match="a NUL byte among its arguments"):
        script("echo gt-1", "a\0b").obtain(None, Ask())
    with pytest.raises(Unavailable):
        Program(["/a\0b"], REACH).obtain(None, Ask())


# -- taking too long


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Callable[[], list[int]]]:
    """The processes that a script has written down and that are still there; none survives the test."""
    pids = tmp_path / "pids"

    def running() -> list[int]:
        found = [int(line) for line in pids.read_text().split()] if pids.exists() else []
        return [pid for pid in found if is_running(pid)]

    yield running
    for pid in running():
        os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def none_left(left: Callable[[], list[int]]) -> bool:
    end = time.monotonic() + 5
    while left() and time.monotonic() < end:
        time.sleep(0.01)
    return not left()


HANGS = {
    "waits": "sleep 60",
    "ignores signals": "trap '' TERM INT HUP; sleep 60 & echo $! >> {pids}; wait; wait; sleep 60",
    "has children": "(echo $$ >> {pids}; sleep 60) & sleep 60 & echo $! >> {pids}; wait",
    "prints first": f"echo {CANARY}; sleep 60",
    "closes its output": "exec >&-; sleep 60",
    "drips": f"while :; do echo {CANARY}; sleep 0.05; done",
}


@pytest.mark.parametrize("how", HANGS)
def test_d8_a_program_that_hangs_is_ended_with_all_that_it_started(
    how: str, script: Script, tmp_path: Path, left: Callable[[], list[int]], ceiling: Callable[[float], float]
) -> None:
    text = HANGS[how].replace("{pids}", str(tmp_path / "pids"))
    program = script(f"echo $$ >> {tmp_path / 'pids'}; {text}", seconds=0.6)
    start = time.monotonic()
    with pytest.raises(Failed, match=r"was not done within 0\.6 s, and was ended") as caught:
        program.obtain(None, Ask())
    assert time.monotonic() - start <= ceiling(1.0)
    unseen(caught.value)
    assert none_left(left)
    assert (tmp_path / "pids").exists()


def test_d8_a_flood_is_ended_at_once(script: Script, tmp_path: Path, left: Callable[[], list[int]]) -> None:
    program = script(f"echo $$ >> {tmp_path / 'pids'}; yes {CANARY}")
    start = time.monotonic()
    with pytest.raises(Failed, match="prints more than 65536 bytes, and was ended") as caught:
        program.obtain(None, Ask())
    assert time.monotonic() - start < 5
    unseen(caught.value)
    assert none_left(left)


def test_the_earlier_deadline_counts(script: Script) -> None:
    clock = FakeClock()
    with pytest.raises(Failed, match=r"within 0\.4 s"):
        script("sleep 60").obtain(None, Ask(deadline=Deadline.after(0.4, clock)))
    with pytest.raises(TimedOut, match="while starting the program"):
        script("echo gt-1").obtain(None, Ask(deadline=Deadline.after(0.0, clock)))


def test_what_a_program_leaves_running_is_not_waited_for_and_not_ended(
    script: Script, tmp_path: Path, left: Callable[[], list[int]]
) -> None:
    """As gpg does with its agent."""
    program = script(f"echo gt-1; sleep 60 & echo $! > {tmp_path / 'pids'}", seconds=20.0)
    start = time.monotonic()
    assert text_of(program.obtain(None, Ask())) == "gt-1"
    assert time.monotonic() - start < 10
    assert len(left()) == 1


def test_ctrl_c_ends_the_program_too(
    script: Script, tmp_path: Path, left: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(_Output, "collect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        script(f"echo $$ > {tmp_path / 'pids'}; echo {CANARY}; sleep 60").obtain(None, Ask())
    assert none_left(left)


# -- which files are started


def test_a_program_that_is_not_there_is_no_error() -> None:
    for path in ("/no/such/program", "/dev/null/program", f"{__file__}/x"):
        with pytest.raises(Unavailable, match=f"^{path} does not exist$"):
            Program([path], REACH).obtain(None, Ask())


@pytest.mark.parametrize("named", ["prints-a-token", "./prints-a-token", "~/prints-a-token", "", "sh"])
def test_d9_a_program_without_an_absolute_path_is_refused(
    named: str, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    script(f"touch {tmp_path / 'ran'}; echo gt-1")
    with pytest.raises(Failed, match="is not started: name it by its absolute path"):
        Program([named], REACH).obtain(None, Ask())
    with pytest.raises(Failed, match="is not started"):
        Program([], REACH).obtain(None, Ask())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0o777, "other users may write into it"),
        (0o770, "other users may write into it"),
        (0o702, "other users may write into it"),
        (0o600, "it is not executable"),
    ],
)
def test_d9_a_file_that_others_may_write_is_refused(script: Script, mode: int, says: str, tmp_path: Path) -> None:
    program = script(f"touch {tmp_path / 'ran'}; echo gt-1")
    Path(program.argv[0]).chmod(mode)
    with pytest.raises(Failed, match=f"is not started: {says}\nNext: see ls -l /"):
        program.obtain(None, Ask())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("above", [0, 1])
@pytest.mark.parametrize(("mode", "is_started"), [(0o777, False), (0o770, False), (0o1777, True), (0o755, True)])
def test_d9_a_folder_in_which_others_may_replace_it_is_refused(
    mode: int, above: int, *, is_started: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a" / "b" / "program"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\necho gt-1\n")
    path.chmod(0o700)
    folder = path.parents[above]
    folder.chmod(mode)
    for named in (path, link(tmp_path / "safe", path)):
        program = Program([str(named)], REACH)
        if is_started:
            assert text_of(program.obtain(None, Ask())) == "gt-1"
        else:
            with pytest.raises(Failed, match=f"other users may replace it, because they may write into {folder}"):
                program.obtain(None, Ask())


def test_d9_a_link_that_others_may_replace_is_refused(script: Script, tmp_path: Path) -> None:
    named = link(tmp_path / "open", Path(script("echo gt-1").argv[0]))
    named.parent.chmod(0o777)
    with pytest.raises(Failed, match="may write into"):
        Program([str(named)], REACH).obtain(None, Ask())


def link(folder: Path, to: Path) -> Path:
    folder.mkdir(mode=0o700)
    (folder / "link").symlink_to(to)
    return folder / "link"


def test_d9_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(Failed, match="it is not a plain file"):
            Program([str(path)], REACH).obtain(None, Ask())


# -- what it finds when it runs


def test_it_has_no_input_no_terminal_and_a_session_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_text(
        f"#!{sys.executable} -I\n"
        "import os, sys\n"
        "assert sys.stdin.read() == ''\n"
        "assert os.getsid(0) == os.getpid() == os.getpgid(0)\n"
        "try: os.open('/dev/tty', os.O_RDWR)\n"
        "except OSError: print('gt-alone')\n"
    )
    path.chmod(0o700)
    assert text_of(Program([str(path)], REACH).obtain(None, Ask())) == "gt-alone"


def test_the_environment_goes_along_as_it_is(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_STORE_DIR", "/x y")
    script(f"cat /proc/$$/environ > {tmp_path / 'env'}; echo gt-1").obtain(None, Ask())
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    of_readline = {"COLUMNS", "LINES"}  # it sets them behind Python's back
    assert {name: seen[name] for name in seen if name not in of_readline} == {
        name: os.environ[name] for name in os.environ if name not in of_readline
    }


# -- nothing is shown


def test_h1_a_program_shows_neither_its_arguments_nor_what_it_printed(script: Script) -> None:
    program = script(f"echo {CANARY}", CANARY)
    held = program.obtain(None, Ask())
    assert text_of(held) == CANARY
    assert leaks(held, CANARY) == []
    shown = repr(program) + str(program)
    assert CANARY not in shown
    output = _Output()
    output._pieces.append(CANARY.encode())
    assert CANARY not in repr(output)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80) | st.text(alphabet='{}":, tokenacs_0123', max_size=60).map(str.encode))
def test_whatever_is_printed_there_is_a_token_or_an_error(printed: bytes) -> None:
    output = _Output()
    output._pieces.append(printed)
    said = output.said(NOW)
    assert said is None or type(said[0]) is module.Secret
