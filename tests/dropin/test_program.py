"""``python -m skykey.dropin`` beside ``python``: a program must not see, and its user not notice, the difference."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SHOW = """\
import sys, pathlib, __main__
shown = [__name__, sys.argv, sys.path[0], __file__, __package__, __spec__ and __spec__.name, __cached__,
         sys.modules["__main__"].__dict__ is globals(), type(__loader__).__name__, sorted(vars(__builtins__))[:2]]
print(shown)
"""
DROPIN = ["-m", "skykey.dropin"]


def python(*arguments: str, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, check=False, capture_output=True, text=True, timeout=60, input=stdin
    )


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def same(*arguments: str, cwd: Path, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run it both ways; they must agree to the last character of a traceback."""
    plain = python(*options, *arguments, cwd=cwd)
    dropped = python(*options, *DROPIN, *arguments, cwd=cwd)
    assert outcome(dropped) == outcome(plain)
    return plain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "show.py").write_text(SHOW)
    (tmp_path / "sub" / "__init__.py").write_text("")
    (tmp_path / "link.py").symlink_to("sub/show.py")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text(SHOW)
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("__main__.py", SHOW)
    return tmp_path


@pytest.mark.parametrize("script", ["sub/show.py", "link.py", "./sub/../link.py", "app", "app.zip"])
@pytest.mark.parametrize("options", [(), ("-P",)])
def test_a_script_sees_what_it_always_sees(folder: Path, script: str, options: tuple[str, ...]) -> None:
    shown = same(script, "--flag", "a b", "-m", cwd=folder, options=options)
    assert shown.returncode == 0, shown.stderr
    assert f"['{script}', '--flag', 'a b', '-m']" in shown.stdout


def test_a_module_sees_what_it_always_sees(folder: Path) -> None:
    for module in ("sub.show", "app"):
        shown = python("-m", module, "-x", cwd=folder)
        dropped = python(*DROPIN, "-m", module, "-x", cwd=folder)
        assert outcome(dropped) == outcome(shown)
        assert shown.returncode == 0


ENDS = {
    "falls off the end": "print('done')",
    "exit code": "import sys; sys.exit(7)",
    "words": "raise SystemExit('no such night')",
    "nothing": "raise SystemExit",
    "error": "def f():\n    1 / 0\ntry:\n    f()\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e",
    "group": "raise ExceptionGroup('g', [ValueError(1), OSError(2)])",
    "note": "e = ValueError('x')\ne.add_note('look here')\nraise e",
    "syntax": "print(1\nx = = 2",
    "own hook": "import sys\nsys.excepthook = lambda k, e, t: print('mine', k, e, t.tb_lineno, t.tb_next)\n1 / 0",
    "broken hook": "import sys\nsys.excepthook = 5\nsys.exit(3)",
    "exit handler": "import atexit, pickle, sys\nclass C: pass\natexit.register(lambda: print(pickle.dumps(C())))\n",
    "thread": "import threading, time\nx = 5\ndef f():\n    time.sleep(0.1)\n    import __main__\n"
    "    print(__main__.x)\n"
    "threading.Thread(target=f).start()",
    "import error": "import no_such_module",
    "relative": "from . import x",
}


@pytest.mark.parametrize("program", ENDS.values(), ids=ENDS)
def test_it_ends_as_under_python(tmp_path: Path, program: str) -> None:
    (tmp_path / "program.py").write_text(program)
    same("program.py", cwd=tmp_path)


def test_ctrl_c_ends_it_as_under_python(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    ended = same("program.py", cwd=tmp_path)
    assert ended.returncode == -2  # by the signal, so that a shell's loop ends too
    assert "KeyboardInterrupt" in ended.stderr


def test_a_traceback_of_a_module_begins_in_the_module(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("1 / 0\n")
    failed = python(*DROPIN, "-m", "program", cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[:2] == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/program.py", line 1, in <module>',
    ]


@pytest.mark.parametrize("script", ["nope.py", "sub/nope.py", "sub"])
def test_a_missing_script_is_said_as_python_says_it(folder: Path, script: str) -> None:
    assert same(script, cwd=folder).returncode in {1, 2}


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("nope", "No module named nope"),
        ("nope.deeper", "No module named 'nope'"),
        ("sub", "No module named sub.__main__; 'sub' is a package and cannot be directly executed"),
        ("rubin_nights.lfa_data", "rubin_nights.lfa_data is not built yet"),
    ],
)
def test_a_missing_module_is_said_in_a_line(folder: Path, module: str, words: str) -> None:
    failed = python(*DROPIN, "-m", module, cwd=folder)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"{sys.executable}: {words}")
    assert len(failed.stderr.splitlines()) == 1


def test_a_module_whose_package_is_broken_shows_where(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("import no_such_module\n")
    (tmp_path / "broken" / "tool.py").write_text("")
    failed = python(*DROPIN, "-m", "broken.tool", cwd=tmp_path)
    assert failed.returncode == 1
    assert "broken/__init__.py" in failed.stderr
    assert "No module named 'no_such_module'" in failed.stderr


@pytest.mark.parametrize("arguments", [[], ["-m"], ["-x"], ["--"], [""], ["-c", "1"]])
def test_a_wrong_command_line_shows_the_right_one(tmp_path: Path, arguments: list[str]) -> None:
    failed = python(*DROPIN, *arguments, cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("usage: python -m skykey.dropin SCRIPT [ARGUMENTS]\n")


def test_help_is_no_error(tmp_path: Path) -> None:
    helped = python(*DROPIN, "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "-m MODULE" in helped.stdout
