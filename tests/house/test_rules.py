"""Rules of the house that a file can break: bounds, registry hosts, directions, skips, the environment."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()


def _requirements() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [entry for extra in project["optional-dependencies"].values() for entry in extra]
    return [Requirement(entry) for entry in [*PROJECT["build-system"]["requires"], *project["dependencies"], *extras]]


def test_every_requirement_has_a_lower_bound() -> None:
    unbound = [
        str(requirement)
        for requirement in _requirements()
        if requirement.name != "skykey"
        and not any(limit.operator in {">=", ">", "==", "~="} for limit in requirement.specifier)
    ]
    assert unbound == []


def test_constraints_name_versions_and_no_hosts() -> None:
    assert CONSTRAINTS
    assert [line for line in CONSTRAINTS if "://" in line] == []
    assert [line for line in CONSTRAINTS if not re.match(r"[a-z0-9.-]+==[^ ;\[]+( ; .+)?$", line)] == []


def test_constraints_cover_every_requirement() -> None:
    pinned = {Requirement(line).name for line in CONSTRAINTS}
    wanted = {requirement.name for requirement in _requirements()} - {"skykey", "setuptools", "cython"}
    assert wanted - pinned == set(), "run `make constraints`"


def test_constraints_fulfil_every_requirement() -> None:
    pins = [Requirement(line) for line in CONSTRAINTS]
    for requirement in _requirements():
        for pin in pins:
            if pin.name == requirement.name:
                (limit,) = pin.specifier
                assert requirement.specifier.contains(limit.version, prereleases=True), f"{pin} and {requirement}"


def test_the_environment_is_consistent() -> None:
    """As `pip check`, which an environment made by uv does not have."""
    broken = []
    for distribution in importlib.metadata.distributions():
        for entry in distribution.requires or []:
            requirement = Requirement(entry)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                found = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                found = None
            if found is None or not requirement.specifier.contains(found, prereleases=True):
                broken.append(f"{distribution.name} needs {requirement}, found {found}")
    assert broken == []


def test_imports_keep_to_the_floors() -> None:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_allowed_skip_has_a_reason_and_a_file() -> None:
    for entry in tomllib.loads((ROOT / "tests" / "allowed_skips.toml").read_text()).get("skip", []):
        assert set(entry) == {"test", "reason"}
        assert len(entry["reason"]) > 20
        assert list(ROOT.glob(entry["test"].partition("::")[0]))
