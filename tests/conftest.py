"""What holds for every test: no network, no settings of the user, no skip without a reason, no warning.

Options: `--backend` chooses what answers behind tests that take the `backend` fixture.
Fixtures: `backend`, `ceiling`, `sockets`.
"""

import fnmatch
import ipaddress
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

HERE = Path(__file__).parent
BACKENDS = ("sandbox", "influxdb")

# No test is a stop-watch: how long an example takes says something about the machine and what else it does.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

# -- backends


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="what answers the tests that take `backend`"
    )


@pytest.hookimpl(tryfirst=True)  # before -m deselects
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a real part behind them, tests that take `backend` are interop tests."""
    if config.getoption("--backend") != BACKENDS[0]:
        for item in items:
            if "backend" in getattr(item, "fixturenames", ()):
                item.add_marker("interop")


@pytest.fixture(scope="session")
def backend(pytestconfig: pytest.Config) -> str:
    """Name what stands behind the service: `sandbox`, or a real part of tools/parts."""
    return str(pytestconfig.getoption("--backend"))


# -- time


@pytest.fixture(scope="session")
def ceiling() -> Callable[[float], float]:
    """Relax a time limit threefold in CI: `assert took <= ceiling(0.5)`. Benchmarks show speed itself."""
    factor = 3.0 if os.environ.get("CI") else 1.0
    return lambda seconds: seconds * factor


# -- no network


class NotLoopbackError(RuntimeError):
    """A test tried to leave this machine."""


class Sockets:
    """The guard: refuses whatever is not loopback, and remembers it, in case the refusal is swallowed."""

    def __init__(self) -> None:
        self.blocked: list[str] = []
        self.on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or not event.startswith("socket."):
            return
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            target = arguments[1]
            host = target[0] if isinstance(target, tuple) else None  # a path, or already connected
        elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            host = arguments[0]
        elif event == "socket.getnameinfo":
            host = arguments[0][0]
        else:
            return
        if not self.is_here(host):
            self.blocked.append(f"{event} {host}")
            raise NotLoopbackError(f"tests stay on this machine: {event} {host}")

    @staticmethod
    def is_here(host: object) -> bool:
        """Whether this is loopback, "any", or one of the names for it."""
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("ascii", "replace")
        if host is None or host in {"", "localhost", "localhost."}:
            return True
        try:
            address = ipaddress.ip_address(str(host).partition("%")[0])
        except ValueError:
            return str(host).lower().endswith(".localhost")
        return address.is_loopback or address.is_unspecified


_sockets = Sockets()


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(_sockets)  # sees every library's sockets, and cannot be patched away
    _sockets.on = True
    config.pluginmanager.register(Skips(config), "skykey-skips")


def pytest_unconfigure() -> None:
    _sockets.on = False


@pytest.fixture(autouse=True)
def sockets() -> Iterator[Sockets]:
    """Fail a test that tried to leave this machine, even where something swallowed the refusal."""
    _sockets.blocked.clear()
    yield _sockets
    assert _sockets.blocked == [], "this test tried to leave this machine"


# -- no settings of the user

USERS_OWN = (
    "ACCESS_TOKEN",
    "ACCESS_TOKEN_FILE",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "EXTERNAL_INSTANCE_URL",
    "MAKEFLAGS",  # of the make that runs the tests
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "MFLAGS",
    "NUBLADO_RUNTIME_MOUNTS_DIR",
    "REPERTOIRE_BASE_URL",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)


@pytest.fixture(scope="session", autouse=True)
def _empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests a home without tokens, and an environment without settings that point to some."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            is_skykeys = name.startswith("SKYKEY_") and name != "SKYKEY_PARTS_CACHE"
            if name in USERS_OWN or is_skykeys or name.startswith(("DESCARTESLABS_", "EARTHONE_")):
                patch.delenv(name)
        for name in ("NO_PROXY", "no_proxy"):  # a proxy of this machine is not asked for loopback
            patch.setenv(name, ",".join(filter(None, [os.environ.get(name), "localhost,127.0.0.1,::1"])))
        if "MPLCONFIGDIR" not in os.environ:  # or matplotlib looks for fonts anew in each run
            patch.setenv("MPLCONFIGDIR", str(HERE.parent / ".cache" / "matplotlib"))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def _nothing_stays_selected() -> Iterator[None]:
    """Take back an environment that a test selected: it stays in the process and in a variable, as documented."""
    yield
    config = sys.modules.get("skykey.descarteslabs.config")
    if config is not None:
        config.Settings._settings = config.EarthOneSettings._settings = None
    for name in ("DESCARTESLABS_ENV", "EARTHONE_ENV"):
        os.environ.pop(name, None)


# -- no skip without a reason


class Skips:
    """Compares what was skipped with tests/allowed_skips.toml; a skip that is not listed there fails CI."""

    def __init__(self, config: pytest.Config) -> None:
        self.is_worker = hasattr(config, "workerinput")
        document = tomllib.loads((HERE / "allowed_skips.toml").read_text(encoding="utf-8"))
        self.allowed: list[dict[str, str]] = document.get("skip", [])
        self.unlisted: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not hasattr(report, "wasxfail"):
            self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not any(fnmatch.fnmatch(report.nodeid, entry["test"]) for entry in self.allowed):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.unlisted[report.nodeid] = reason

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted and os.environ.get("CI") and not self.is_worker and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unlisted:
            terminalreporter.section("skips that tests/allowed_skips.toml does not list", red=True)
            for name, reason in sorted(self.unlisted.items()):
                terminalreporter.line(f"{name}: {reason}")
            if not os.environ.get("CI"):
                terminalreporter.line("(these fail the run in CI)")
