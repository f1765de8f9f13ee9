"""What the upstream names mean while the drop-in is installed, beside upstream packages that lie on the path too."""

import subprocess
import sys
from pathlib import Path

import pytest

from skykey.dropin.names import NAMES, Alias


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A folder as pip would leave it: a rubin_nights, a rubin.repertoire, and a stranger below rubin."""
    for name in ("rubin_nights", "rubin/repertoire", "rubin/other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("theirs = True\n")
    for name in ("connections", "lfa_data"):
        (tmp_path / "rubin_nights" / f"{name}.py").write_text("theirs = True\n")
    return tmp_path


def run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


INSTALL = "import skykey.dropin; skykey.dropin.install()\n"


def test_every_name_is_our_module_and_stays_it(upstream: Path) -> None:
    """The same object under both names, whose own name and spec are as before: pickles and reloads still find it."""
    aliases = {name: entry.target for name, entry in NAMES.items() if isinstance(entry, Alias)}
    assert set(aliases) == {
        "descarteslabs.auth.auth",
        "descarteslabs.config",
        "descarteslabs.core.client.exceptions",
        "descarteslabs.exceptions",
        "earthdaily.earthone.auth.auth",
        "earthdaily.earthone.config",
        "earthdaily.earthone.exceptions",
        "ligo.gracedb.adapter",
        "ligo.gracedb.alias",
        "ligo.gracedb.cert",
        "ligo.gracedb.cli.client",
        "ligo.gracedb.client",
        "ligo.gracedb.exceptions",
        "ligo.gracedb.logging",
        "ligo.gracedb.rest",
        "ligo.gracedb.token",
        "ligo.gracedb.utils",
        "rubin.repertoire",
        "rubin_nights.connections",
        "rubin_nights.consdb_query",
        "rubin_nights.augment_visits",
        "rubin_nights.dayobs_utils",
        "rubin_nights.influx_query",
        "rubin_nights.logging_query",
        "rubin_nights.reference_values",
    }
    check = f"""
import importlib
for theirs, ours in {aliases!r}.items():
    module = importlib.import_module(theirs)
    assert module is importlib.import_module(ours) is importlib.import_module(theirs), theirs
    assert module.__name__ == module.__spec__.name == ours, module.__spec__
    assert module.__spec__.loader.name == ours
    parent, _, child = theirs.rpartition(".")
    assert getattr(importlib.import_module(parent), child) is module
    assert importlib.reload(module) is module
import rubin_nights
assert rubin_nights.__name__ == rubin_nights.__spec__.name == "rubin_nights"
assert rubin_nights.__version__ == "0.18.2+skykey", rubin_nights.__version__
assert not hasattr(rubin_nights, "theirs")
"""
    run(INSTALL + check, upstream)


def test_ours_may_be_imported_first(upstream: Path) -> None:
    run(
        "import skykey.rubin.connections as ours\n" + INSTALL + "from rubin_nights import connections\n"
        "assert connections is ours\n",
        upstream,
    )


def test_what_a_program_sets_in_a_module_has_effect(upstream: Path) -> None:
    (upstream / "mine").write_text("gt-mine\n")
    program = """
from rubin_nights import connections
connections.DEFAULT_TOKENFILE = "mine"
print(connections.get_access_token())
import rubin_nights.connections, skykey.rubin.connections
assert rubin_nights.connections.get_clients is skykey.rubin.connections.get_clients
"""
    assert run(INSTALL + program, upstream) == "gt-mine\n"


def test_what_is_not_built_yet_says_so_and_theirs_does_not_step_in(upstream: Path) -> None:
    program = """
import importlib
for name in ("rubin_nights.lfa_data", "rubin_nights.plot_utils", "rubin.repertoire.discovery"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as problem:
        assert str(problem).startswith(f"{name} is not built yet; skykey.dropin serves "), problem
    else:
        raise AssertionError(name)
try:
    from rubin_nights import lfa_data
except ImportError as problem:
    assert "not built yet" in str(problem), problem
else:
    raise AssertionError
"""
    run(INSTALL + program, upstream)


def test_others_below_a_shared_name_stay_reachable(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run(
        INSTALL + "import rubin.other, rubin.repertoire, skykey.repertoire\n"
        "assert rubin.other.theirs\nassert rubin.repertoire is skykey.repertoire\n",
        upstream,
    )
    nobody = """
import rubin
from rubin.repertoire import DiscoveryClient
try:
    import rubin.other
except ModuleNotFoundError as problem:
    assert str(problem) == "No module named 'rubin.other'", problem
"""
    run(INSTALL + nobody, tmp_path_factory.mktemp("without"))


def test_uninstall_gives_the_names_back(upstream: Path) -> None:
    program = """
import sys
before = list(sys.meta_path)
skykey.dropin.install()
assert len(sys.meta_path) == len(before)                     # a second call changes nothing
from rubin_nights import connections as ours
import rubin.repertoire
skykey.dropin.uninstall()
assert not any(name.startswith(("rubin_nights", "rubin.repertoire")) for name in sys.modules)
from rubin_nights import connections
import rubin.repertoire
assert connections.theirs and rubin.repertoire.theirs
assert ours.__name__ == "skykey.rubin.connections" and "skykey.rubin.connections" in sys.modules
skykey.dropin.uninstall()
"""
    run(INSTALL + program, upstream)


@pytest.mark.parametrize("first", ["rubin_nights", "rubin_nights.lfa_data", "rubin.repertoire"])
def test_a_program_is_not_run_half_on_theirs(upstream: Path, first: str) -> None:
    program = f"""
import {first}, skykey.dropin
try:
    skykey.dropin.install()
except ValueError as problem:
    assert "is imported already" in str(problem) and "before the first import" in str(problem), problem
else:
    raise AssertionError
import rubin_nights
assert rubin_nights.theirs
"""
    run(program, upstream)


def test_a_stranger_below_a_shared_name_is_no_reason_to_refuse(upstream: Path) -> None:
    run(
        "import rubin.other\n" + INSTALL + "import rubin.repertoire\nassert not hasattr(rubin.repertoire, 'theirs')",
        upstream,
    )


def test_import_is_cheap(tmp_path: Path) -> None:
    heavy = {"asyncio", "click", "concurrent.futures", "dataclasses", "httpcore2", "inspect", "msgpack", "pandas"}
    heavy |= {"pyarrow", "skykey.repertoire", "skykey.rubin", "skykey.wire", "ssl", "subprocess"}
    loaded = run(INSTALL + f"import sys; print(sorted({heavy!r} & set(sys.modules)))", tmp_path)
    assert loaded == "[]\n"
