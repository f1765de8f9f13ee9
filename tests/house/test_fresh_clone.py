"""A fresh clone in a folder with a space, real installers, the registry: `make test-long`."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    made = shutil.ignore_patterns(".git", ".venv", ".cache", ".*_cache", "__pycache__", "*.egg-info")
    return Path(shutil.copytree(ROOT, tmp_path / "a clone", ignore=made))


def _make(clone: Path, *targets: str) -> "subprocess.Popen[str]":
    astray = {
        "PIP_USER": "1",
        "PIP_TARGET": "/nonexistent",
        "VIRTUAL_ENV": "/nonexistent",
        "PYTHONPATH": "/nonexistent",
    }
    surroundings = {**os.environ, **astray, "HOME": "/nonexistent"}
    return subprocess.Popen(["make", *targets], cwd=clone, env=surroundings, stderr=subprocess.PIPE, text=True)


def test_two_first_calls_at_once_and_one_that_was_killed(clone: Path) -> None:
    killed = subprocess.Popen(["make", "env"], cwd=clone, start_new_session=True)
    time.sleep(3)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    runs = [_make(clone, "env-demo"), _make(clone, "-j2", "env-demo", "env"), _make(clone, "env-demo")]
    said = [run.communicate(timeout=900)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    assert sum("making .venv" in words for words in said) == 1, said
    code = "import duckdb, matplotlib, pandas, pytest, skykey; print(skykey.__file__)"
    found = subprocess.check_output([clone / ".venv" / "bin" / "python", "-c", code], text=True)
    assert found.strip() == str(clone / "src" / "skykey" / "__init__.py")
