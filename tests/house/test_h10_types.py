"""H10: what users install has types, and strict checkers pass on their programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import textwrap
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Checker = "Callable[[Path, Path], subprocess.CompletedProcess[str]]"

USER_PROGRAM = """
import asyncio
from datetime import datetime, timezone

import pandas as pd

from skykey import Secret, SkykeyError, within
from skykey.repertoire import DiscoveryClient, InfluxDatabaseWithCredentials, SyncDiscoveryClient
from skykey.rubin.connections import get_access_token, get_clients
from skykey.rubin.influx_query import AsyncInfluxQueryClient, InfluxQueryClient


def night(start: datetime, end: datetime) -> pd.DataFrame:
    efd: InfluxQueryClient = get_clients(site="usdf")["efd"]
    with within(60):
        return efd.select_time_series("lsst.sal.ESS.temperature", ["temperatureItem0"], start, end, index=201)


def rows(efd: InfluxQueryClient) -> int:
    with efd.stream("SELECT 1") as batches:
        return sum(batch.num_rows for batch in batches)


async def databases(token: Secret) -> list[str]:
    async with DiscoveryClient(base_url="https://rsp.example.org/repertoire") as discovery:
        login: InfluxDatabaseWithCredentials | None = await discovery.influxdb_credentials("usdf_efd", token)
        if login is not None and login.password is not None:
            host: str = login.url.host
            port: int = login.url.port
            print(host, port, len(login.password.get_secret_value()))
        return await discovery.influxdb_databases(local=True)


async def latest(efd: AsyncInfluxQueryClient) -> pd.DataFrame:
    return await efd.select_top_n("topic", "*", 10)


def main() -> None:
    token: str = get_access_token()
    try:
        print(SyncDiscoveryClient().influxdb_databases(), asyncio.run(databases(Secret(token))))
        print(night(datetime(2026, 3, 20, tzinfo=timezone.utc), datetime(2026, 3, 21, tzinfo=timezone.utc)))
    except SkykeyError as problem:
        print(problem.code, problem.next)
"""

WRONG_PROGRAM = """
from skykey.repertoire import SyncDiscoveryClient

names: dict[str, str] = SyncDiscoveryClient().influxdb_databases()
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, beside this environment's other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = f"from setuptools import build_meta; print(build_meta.build_wheel({str(folder)!r}))"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=source, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=False)
    made = folder / "venv" / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    # The wheel's own package comes first: this file is read after the folder that it lies in.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def _mypy(python: Path, program: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable", str(python)]
    return subprocess.run(
        [*command, "--cache-dir", str(program.parent / "cache"), str(program)],
        capture_output=True, text=True, check=False, cwd=program.parent,
    )  # fmt: skip


def _pyright(python: Path, program: Path) -> subprocess.CompletedProcess[str]:
    (program.parent / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "reportMissingTypeStubs": false}'
    )
    return subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", str(python), str(program)],
        capture_output=True, text=True, check=False, cwd=program.parent,
    )  # fmt: skip


@pytest.mark.parametrize("checker", [_mypy, _pyright])
def test_h10_strict_checkers_pass_on_a_users_program(python: Path, tmp_path: Path, checker: Checker) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(USER_PROGRAM))
    result = checker(python, program)
    print(f"H10 {checker.__name__[1:]}: {result.stdout.strip().splitlines()[-1]}")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("checker", [_mypy, _pyright])
def test_h10_a_wrong_program_is_caught(python: Path, tmp_path: Path, checker: Checker) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(WRONG_PROGRAM))
    result = checker(python, program)
    assert result.returncode == 1, result.stdout
    assert "dict[str, str]" in result.stdout


def test_h10_the_wheel_says_that_it_is_typed(python: Path) -> None:
    code = "import skykey, os; print(os.path.exists(os.path.dirname(skykey.__file__) + '/py.typed'))"
    where = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert where.stdout.strip() == "True"
