"""H7: what starting must not load. Module lists and no times; benchmarks/startup.py shows those."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

HTTP = {"httpcore", "httpcore2", "httpx", "httpx2", "h11", "http", "requests", "urllib3", "aiohttp"}
TABLES = {"numpy", "pandas", "polars", "pyarrow", "msgpack", "matplotlib", "astropy"}
SLOW = {"asyncio", "concurrent.futures", "email", "importlib.metadata", "socket", "ssl", "subprocess", "urllib.request"}
LATE = {"click", "filelock", "platformdirs", "rich", "tempfile", "tomllib"}
SANDBOX = {"cryptography", "duckdb", "starlette", "uvicorn", "skykey.sandbox.server"}
METADATA = {"email", "importlib.metadata", "socket", "tempfile"}  # what reading the version needs
EVERYTHING = HTTP | TABLES | SLOW | LATE | SANDBOX


def loaded(code: str, arguments: Iterable[str] = ()) -> set[str]:
    """The modules of a fresh interpreter after some code, without those that it loads for itself."""
    told = f"import sys; before = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before), sep='\\n')"
    # -S: what .pth files of other packages load is not ours; the path of this interpreter is.
    path = f"import sys; sys.path[:] = {sys.path!r}\n"
    command = [sys.executable, "-S", "-c", path + told, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def command(*arguments: str) -> str:
    return (
        "from skykey.__main__ import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        f"    try: main({list(arguments)!r})\n"
        "    except SystemExit: pass"
    )


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        pytest.param("import skykey; dir(skykey)", EVERYTHING | {"dataclasses", "logging"}, id="import skykey"),
        pytest.param(command("--version"), EVERYTHING - METADATA, id="--version"),
        pytest.param("import skykey.rubin.connections", EVERYTHING, id="connections"),
        pytest.param("import skykey.repertoire", EVERYTHING, id="repertoire"),
        pytest.param("import skykey.rubin.influx_query", EVERYTHING, id="influx_query"),
        pytest.param("import skykey.descarteslabs.auth", EVERYTHING | {"hashlib", "logging", "random"}, id="auth"),
        pytest.param("import skykey.descarteslabs.earthone.auth", EVERYTHING | {"logging"}, id="earthone"),
        pytest.param("from skykey.gracedb.rest import GraceDb", EVERYTHING | {"hashlib", "logging"}, id="gracedb"),
        pytest.param(command("gracedb", "--version"), EVERYTHING - METADATA - {"click"}, id="gracedb --version"),
    ],
)  # fmt: skip
def test_h7_starting_loads_nothing_heavy(code: str, forbidden: set[str]) -> None:
    assert loaded(code) & forbidden == set()


@pytest.mark.parametrize("token", ["gt-1", ""])
def test_h7_get_clients_loads_no_http_library_and_no_tables(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", token)
    code = "from skykey.rubin.connections import get_clients; get_clients(); get_clients(site='summit')"
    assert loaded(code) & (EVERYTHING - {"platformdirs", "tomllib"}) == set()


def test_h7_making_an_auth_loads_no_http_library_and_no_asyncio(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    login = "client_id='a', client_secret='b'"
    code = f"from skykey.descarteslabs.auth import Auth; Auth({login}); Auth({login}, token_info_path=None)"
    assert loaded(code) & (EVERYTHING | {"logging"}) == set()


def test_h7_making_a_gracedb_client_looks_for_credentials_and_loads_nothing_to_ask_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    code = "from skykey.gracedb.rest import AsyncGraceDb, GraceDb; GraceDb(); AsyncGraceDb(force_noauth=True)"
    assert loaded(code) & (EVERYTHING | {"hashlib", "logging"}) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["rubin", "--help"], ["why", "rubin"], ["token", "rubin"], ["rubin", "nonsense"],
        ["gracedb", "--help"], ["gracedb", "search", "--help"], ["gracedb", "credentials", "client"],
    ],
)  # fmt: skip
def test_h7_commands_that_ask_nobody_load_no_http_library_and_no_tables(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", "gt-1")
    heavy = (HTTP | TABLES | SANDBOX | SLOW | {"rich"}) - {"email", "subprocess"}
    assert loaded(command(*arguments)) & heavy == set()


def test_h7_the_help_loads_no_command() -> None:
    modules = {name for name in loaded(command("--help")) if name.startswith("skykey.")}
    assert not any(name.startswith(("skykey.rubin", "skykey.sandbox", "skykey.cli.rubin")) for name in modules)
    assert "skykey.cli.why" not in modules


def test_h7_the_check_would_notice() -> None:
    assert {"asyncio", "ssl"} <= loaded("import asyncio")
