"""Programs in upstream's words, run as their authors would: unchanged, under the real host names."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skykey.sandbox import Box, running

# What Jupyter does with a cell: `await` may stand at its top.
NOTEBOOK = """
import ast, asyncio, inspect, sys
with open(sys.argv[1]) as file:
    code = compile(file.read(), sys.argv[1], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
names = {"__name__": "__main__"}
async def run():
    answer = eval(code, names)
    if inspect.isawaitable(answer):
        await answer
asyncio.run(run())
"""

Play = Callable[..., str]


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture
def play(box: Box, tmp_path: Path) -> Play:
    """Run a program with ``skykey sandbox run --as-real -- python -m skykey.dropin``; it must be silent on stderr."""

    def played(program: str, *, notebook: bool = False, home: Path | None = None, on_a_platform: bool = True) -> str:
        (tmp_path / "program.py").write_text(program)
        (tmp_path / "notebook.py").write_text(NOTEBOOK)
        inner = [sys.executable, "-W", "error", "-m", "skykey.dropin"]
        inner += ["notebook.py", "program.py"] if notebook else ["program.py"]
        if not on_a_platform:  # a laptop: nothing in the environment says where we are, or names a token
            names = ("EXTERNAL_INSTANCE_URL", "REPERTOIRE_BASE_URL", "ACCESS_TOKEN_FILE")
            inner = ["env", *(f"--unset={name}" for name in names), *inner]
        done = subprocess.run(
            [sys.executable, "-m", "skykey", "sandbox", "run", "--as-real", "--state", str(box.folder), "--", *inner],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(home or tmp_path)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    box.controls.forget()
    return played


@pytest.fixture
def laptop(box: Box, tmp_path: Path) -> Path:
    """A home with the token in the default file."""
    home = tmp_path / "home"
    (home / ".lsst").mkdir(parents=True)
    (home / ".lsst" / "usdf_rsp").write_text(f"{box.token}\n")
    return home
