"""The options and fixtures that every test can rely on, tried in small test runs of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Inner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def inner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inner:
    """Run pytest on one made-up test module below a copy of our conftest."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "allowed_skips.toml").write_text("")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.delenv("CI", raising=False)

    def run(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_made_up.py").write_text(code)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, "test_made_up.py"]
        surroundings = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}  # for speed
        return subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)

    return run


SKIPPING = """
import pytest
def test_that_skips(): pytest.skip("no such part here")
def test_that_fails_as_expected(): pytest.xfail("known")
"""


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")], ids=["plain", "xdist"])
def test_an_unlisted_skip_is_shown_and_fails_only_ci(inner: Inner, options: tuple[str, ...]) -> None:
    here = inner(SKIPPING, *options)
    assert here.returncode == 0, here.stdout
    assert "allowed_skips.toml does not list" in here.stdout
    assert "test_that_skips: Skipped: no such part here" in here.stdout
    ci = inner(SKIPPING, *options, CI="true")
    assert ci.returncode == 1, ci.stdout


def test_a_listed_skip_passes_in_ci(inner: Inner, tmp_path: Path) -> None:
    listed = '[[skip]]\ntest = "test_made_up.py::test_that_*"\nreason = "made up"\n'
    (tmp_path / "allowed_skips.toml").write_text(listed)
    assert inner(SKIPPING, CI="true").returncode == 0


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")], ids=["plain", "xdist"])
def test_a_module_that_skips_itself_counts_too(inner: Inner, options: tuple[str, ...]) -> None:
    code = "import pytest\npytest.importorskip('no_such_module')\ndef test_nothing(): pass\n"
    ci = inner(code, *options, CI="true")
    assert ci.returncode != 0, ci.stdout
    assert "test_made_up.py: Skipped: could not import" in ci.stdout


BACKEND = """
def test_ours(backend): assert backend == "{}"
def test_plain(): pass
"""


def test_tests_that_take_backend_are_interop_with_a_real_part(inner: Inner) -> None:
    assert "2 passed" in inner(BACKEND.format("sandbox")).stdout
    assert "1 passed, 1 deselected" in inner(BACKEND.format(""), "--backend=influxdb").stdout
    real = inner(BACKEND.format("influxdb"), "--backend=influxdb", "-m", "interop")
    assert "1 passed, 1 deselected" in real.stdout, real.stdout


def test_interop_and_long_tests_wait_to_be_asked_for(inner: Inner) -> None:
    code = "import pytest\n@pytest.mark.interop\ndef test_a(): pass\n@pytest.mark.long\ndef test_b(): pass\n"
    assert "2 deselected" in inner(code).stdout
    assert "1 passed" in inner(code, "-m", "long").stdout


def test_a_swallowed_connection_fails_the_test(inner: Inner) -> None:
    code = (
        "import contextlib, socket\n"
        "def test_a():\n"
        "    with contextlib.suppress(Exception):\n"
        "        socket.create_connection(('192.0.2.1', 80))\n"
    )
    done = inner(code)
    assert done.returncode == 1
    assert "this test tried to leave this machine" in done.stdout


def test_a_warning_is_an_error(inner: Inner) -> None:
    assert inner("import warnings\ndef test_a(): warnings.warn('old')\n").returncode == 1


def test_the_users_own_settings_are_out_of_sight(inner: Inner) -> None:
    code = (
        "import os, pathlib\n"
        "def test_a():\n"
        "    assert not {'ACCESS_TOKEN', 'SKYKEY_RUBIN_SITES'} & set(os.environ)\n"
        "    assert list(pathlib.Path.home().iterdir()) == []\n"
    )
    done = inner(code, ACCESS_TOKEN="gt-real", SKYKEY_RUBIN_SITES="a=https://b", HOME="/nonexistent")
    assert done.returncode == 0, done.stdout


def test_a_ceiling_is_relaxed_threefold_in_ci(inner: Inner) -> None:
    code = "def test_a(ceiling): assert ceiling(0.5) == {}\n"
    assert inner(code.format(0.5)).returncode == 0
    assert inner(code.format(1.5), CI="true").returncode == 0
