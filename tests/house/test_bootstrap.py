"""tools/bootstrap.py: when it installs, what, and how it heals. The installers are stand-ins.

test_fresh_clone.py has real ones.
"""

import ast
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import bootstrap

ROOT = Path(__file__).parents[2]

DEMO = ["rubin", "plot", "sandbox"]


class Installers:
    """What was asked of them; they make an environment that looks right."""

    def __init__(self) -> None:
        self.made = 0
        self.installed: list[list[str]] = []
        self.fails = False

    def make_venv(self, folder: str, python: str, **_others: Any) -> None:
        self.made += 1
        (Path(folder) / "bin").mkdir()
        (Path(folder) / "bin" / "python").symlink_to(python)

    def install(self, _python: str, what: list[str], **_others: Any) -> None:
        assert bootstrap.read_state() == {"ready": False}
        self.installed.append(what)
        if self.fails:
            raise bootstrap.SetupError("made up")


@pytest.fixture
def installers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installers:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    monkeypatch.setattr(bootstrap, "ROOT", str(checkout))
    monkeypatch.setattr(bootstrap, "VENV", str(checkout / ".venv"))
    monkeypatch.setattr(bootstrap, "STATE", str(checkout / ".venv" / "skykey-env.json"))
    monkeypatch.setattr(bootstrap, "CONSTRAINTS", str(checkout / "constraints.txt"))
    monkeypatch.setattr(bootstrap, "find_python", lambda **_: os.path.realpath(sys.executable))
    stand_ins = Installers()
    monkeypatch.setattr(bootstrap, "make_venv", stand_ins.make_venv)
    monkeypatch.setattr(bootstrap, "install", stand_ins.install)
    return stand_ins


def test_the_first_call_installs_and_the_second_does_nothing(installers: Installers) -> None:
    assert [bootstrap.main(DEMO), bootstrap.main(DEMO), bootstrap.main(["plot"])] == [0, 0, 0]
    assert (installers.made, installers.installed) == (1, [["-e", ".[plot,rubin,sandbox,tables]"]])


def test_more_extras_leave_the_package_in_place_and_cover_what_they_name(installers: Installers) -> None:
    bootstrap.main(DEMO)
    bootstrap.main(["dev"])
    added = installers.installed[1]
    assert "-e" not in added
    assert any(requirement.startswith("pytest>=") for requirement in added)
    assert not any(requirement.startswith("skykey") for requirement in added)
    bootstrap.main(["all"])
    assert (installers.made, len(installers.installed)) == (1, 2)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_inputs_install_again_in_place(installers: Installers, name: str) -> None:
    bootstrap.main(["dev"])
    with (Path(bootstrap.ROOT) / name).open("a") as file:
        file.write("\n# changed\n")
    bootstrap.main(DEMO)
    assert installers.made == 1
    assert installers.installed[1] == ["-e", ".[all,dev,keyring,login,plot,polars,rubin,sandbox,tables,vo,x509]"]


def _killed() -> None:
    bootstrap.write_state(ready=False)


def _copied() -> None:
    bootstrap.write_state(**{**bootstrap.read_state(), "place": "/elsewhere"})


def _interpreter_gone() -> None:
    python = Path(bootstrap.VENV) / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.11")


def _garbled() -> None:
    Path(bootstrap.STATE).write_text('{"ready": tr')
    (Path(bootstrap.VENV) / "bin" / "python").unlink()


@pytest.mark.parametrize("harm", [_killed, _copied, _interpreter_gone, _garbled])
def test_what_is_not_whole_is_made_anew(installers: Installers, harm: Callable[[], None]) -> None:
    bootstrap.main(DEMO)
    left = Path(bootstrap.VENV) / "left-over"
    left.touch()
    harm()
    assert bootstrap.main(DEMO) == 0
    assert (installers.made, left.exists()) == (2, False)
    assert list((Path(bootstrap.ROOT) / ".cache").glob("trash/*")) == []


def test_an_environment_made_by_hand_is_kept(installers: Installers) -> None:
    (Path(bootstrap.VENV) / "bin").mkdir(parents=True)
    (Path(bootstrap.VENV) / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    assert [bootstrap.main(DEMO), bootstrap.main(DEMO)] == [0, 0]
    assert (installers.made, len(installers.installed)) == (0, 1)


def test_a_failed_install_is_tried_again_and_keeps_what_was_whole(
    installers: Installers, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.main(DEMO)
    installers.fails = True
    assert bootstrap.main(["dev"]) == 1
    assert capsys.readouterr().err.endswith("skykey: made up\n")
    installers.fails = False
    assert bootstrap.main(DEMO) == 0
    assert (installers.made, len(installers.installed)) == (1, 3)


def test_a_failed_first_install_starts_over(installers: Installers) -> None:
    installers.fails = True
    assert bootstrap.main(DEMO) == 1
    installers.fails = False
    assert bootstrap.main(DEMO) == 0
    assert installers.made == 2


def test_an_unknown_extra_is_named(installers: Installers, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(["demon"]) == 1
    assert "no extra named 'demon'" in capsys.readouterr().err
    assert installers.installed == []


def test_an_extra_that_is_gone_is_forgotten(installers: Installers) -> None:
    bootstrap.main(DEMO)
    bootstrap.write_state(**{**bootstrap.read_state(), "extras": ["rubin", "gone"]})
    assert bootstrap.main(DEMO) == 0
    assert bootstrap.read_state()["extras"] == sorted([*DEMO, "tables"])
    assert len(installers.installed) == 2


def test_nothing_in_the_environment_leads_an_install_astray(
    monkeypatch: pytest.MonkeyPatch, installers: Installers
) -> None:
    del installers
    for name in bootstrap.ASTRAY:
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in bootstrap.CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/our-ca.pem")
    clean = bootstrap.clean_environment()
    assert not bootstrap.ASTRAY - {"PIP_USER"} & set(clean)
    assert clean["PIP_USER"] == "0"
    assert clean["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert clean["SSL_CERT_FILE"] == clean["PIP_CERT"] == "/etc/our-ca.pem"
    assert Path(clean["HOME"]).is_dir()


def test_any_python_3_can_read_it() -> None:
    ast.parse((ROOT / "tools" / "bootstrap.py").read_text(), feature_version=(3, 6))


def test_an_up_to_date_environment_costs_no_time(
    installers: Installers, ceiling: Callable[[float], float], tmp_path: Path
) -> None:
    bootstrap.main(DEMO)
    checkout = tmp_path / "a checkout"
    (checkout / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "bootstrap.py", checkout / "tools")
    shutil.copy(ROOT / "Makefile", checkout)
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        done = subprocess.run(["make", "env-demo"], cwd=checkout, capture_output=True, text=True, check=False)
        took.append(time.perf_counter() - begun)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(installers.installed) == 1
    assert min(took) <= ceiling(0.05)


def test_without_venv_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "succeeds", lambda _: False)
    with pytest.raises(bootstrap.SetupError, match="apt install python3-venv"):
        bootstrap.find_python(with_pip=True)
