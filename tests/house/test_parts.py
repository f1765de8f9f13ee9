"""tools/parts without network: what the manifest must say, how parts are kept, run and ended."""

import contextlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import bootstrap, parts
from tools.parts import _debian, _influxdb, _manifest, _running

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKYKEY_PARTS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _document() -> dict[str, Any]:
    return tomllib.loads(_manifest.MANIFEST.read_text())


def test_the_manifest_of_this_checkout_is_whole() -> None:
    manifest = parts.load()
    assert manifest.part("influxdb").packages == ("influxdb",)
    assert manifest.guest("rubin-nights").requirements == ["rubin-nights==0.18.2"]
    assert manifest.guest("descarteslabs").requirements[0] == "--no-deps", "its two hundred imaging packages stay away"


@pytest.mark.parametrize(
    "change",
    [
        {"fetch": "curl"},
        {"stop": "SIGTERM"},
        {"packages": []},
        {"start": []},
        {"checksum": "an unknown key"},
    ],
    ids=str,
)
def test_a_manifest_with_a_mistake_is_refused(change: dict[str, Any]) -> None:
    document = _document()
    document["parts"]["influxdb"] |= change
    with pytest.raises(parts.PartError, match=r"manifest\.toml"):
        _manifest.parse(document)


def test_a_missing_key_is_named() -> None:
    document = _document()
    del document["parts"]["influxdb"]["version"]
    with pytest.raises(parts.PartError, match="version"):
        _manifest.parse(document)


def test_an_unknown_name_tells_the_known_ones() -> None:
    with pytest.raises(parts.PartError, match="'influx'; there are: influxdb, postgresql"):
        parts.load().part("influx")


@pytest.mark.usefixtures("cache")
def test_without_apt_the_error_says_where_the_part_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(parts.PartError, match="Debian's archive, and apt-get is not on this machine"):
        parts.fetch("influxdb")


@pytest.mark.parametrize("found", ["1.6.7~rc0-1+b13", "1.8.10-1"])
def test_a_fetch_is_checked_and_happens_once(cache: Path, monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    fetched = []

    def run(command: list[str], folder: Path, *, check: bool = True) -> str:
        del check
        words = " ".join(map(str, command))
        if " download " in words:
            fetched.append(words)
            (folder / "influxdb_1_amd64.deb").touch()
        return f"{found}\n" if "--field" in words else ""

    monkeypatch.setattr(_debian, "_run", run)
    monkeypatch.setattr("shutil.which", lambda tool: tool)
    if not found.startswith("1.6.7"):
        with pytest.raises(parts.PartError, match=r"has influxdb 1\.8\.10-1, the manifest wants 1\.6\.7"):
            parts.fetch("influxdb")
        assert parts.version("influxdb") == ""
        assert [path.name for path in cache.iterdir()] == ["influxdb.lock"]
        return
    assert parts.fetch("influxdb") == parts.fetch("influxdb") == cache / "influxdb-1.6.7" / "root"
    assert parts.version("influxdb") == found
    assert len(fetched) == 1
    assert "AllowUnauthenticated=false" in fetched[0]


@contextlib.contextmanager
def _something_that_runs(owner: tuple[int, int] | None, folder: Path) -> Iterator[parts.Running]:
    """Stand in for a part: a process that would run for a minute, with data and a note."""
    folder.mkdir()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid, born = _running.process(child.pid)
        run = parts.Running(
            name="influxdb",
            version="1.6.7",
            pid=pid,
            born=born,
            owner=owner,
            folder=str(folder),
            url="http://127.0.0.1:1",
            user="admin",
            password="made-up",
        )
        _running.remember(run)
        yield run
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()


def test_a_part_is_found_and_stopped_with_its_data(cache: Path, tmp_path: Path) -> None:
    with _something_that_runs(None, tmp_path / "data") as run:
        assert list(parts.running()) == [run]
        assert (cache / "runs" / f"influxdb-{run.pid}.json").stat().st_mode & 0o777 == 0o600
        parts.stop(run)
        assert not (tmp_path / "data").exists()
        assert list(parts.running()) == []
        parts.stop(run)  # twice is once


@pytest.mark.usefixtures("cache")
def test_a_part_whose_owner_was_killed_is_ended_by_the_next_look(tmp_path: Path) -> None:
    pid, born = _running.process(os.getpid())
    with _something_that_runs((pid, born), tmp_path / "kept") as run:
        assert list(parts.running()) == [run]
    with _something_that_runs((pid, born - 1), tmp_path / "data"):  # this id once was another process
        assert list(parts.running()) == []
        assert not (tmp_path / "data").exists()


def test_the_password_stays_out_of_sight(cache: Path, tmp_path: Path) -> None:
    with _something_that_runs(None, tmp_path / "data") as run:
        assert "made-up" not in repr(run)
    assert cache.exists()


def test_influxd_is_told_to_stay_on_loopback_and_to_report_nothing(tmp_path: Path) -> None:
    sections = _influxdb._sections(tmp_path / "a b", 0, auth=True)
    told = tomllib.loads(_influxdb._toml(sections))
    assert told["reporting-disabled"] is True
    assert told["bind-address"] == told["http"]["bind-address"] == "127.0.0.1:0"
    assert told["data"]["dir"] == str(tmp_path / "a b" / "data")
    assert told["http"]["auth-enabled"] is True


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        child = subprocess.Popen([sys.executable, "-c", "print('run: bad port'); exit(3)"], stdout=out)
    with pytest.raises(parts.PartError, match=r"ended with 3:\nrun: bad port"):
        _influxdb._address(child, log)


@pytest.mark.parametrize(("text", "quoted"), [("admin", '"admin"'), ('a"b\\c', '"a\\"b\\\\c"')])
def test_names_are_quoted_for_influxql(text: str, quoted: str) -> None:
    assert _influxdb._quoted(text, '"') == quoted


def test_a_guests_environment_is_made_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []

    def make_venv(folder: str, python: str, *, with_pip: bool, lock: int) -> None:
        made.append((with_pip, python, lock))
        (Path(folder) / "bin").mkdir(parents=True)
        (Path(folder) / "bin" / "python").symlink_to(sys.executable)

    def install(python: str, what: list[str], **_others: object) -> None:
        made.append((python, what))

    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "install", install)
    python = parts.guest("rubin-nights")
    assert python.is_relative_to(cache / "guests")
    assert parts.guest("rubin-nights") == python
    assert made[1:] == [(str(python), ["rubin-nights==0.18.2"])]
    stamp = next((cache / "guests").glob("*/skykey-guest.json"))
    stamp.unlink()  # as after a kill in the middle
    parts.guest("rubin-nights")
    assert len(made) == 4


@pytest.mark.parametrize("start", [["-m", "tools.parts"], ["tools/parts"]], ids=["module", "path"])
def test_the_command_lists_what_there_is(cache: Path, start: list[str]) -> None:
    command = [sys.executable, *start, "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "influxdb       1.6.7" in done.stdout
    assert not cache.exists()


def test_the_command_says_what_is_wrong_in_one_line(cache: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "parts"), "fetch", "nosuch"]
    done = subprocess.run(command, cwd=cache.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "parts: no part is named 'nosuch'; there are: influxdb, postgresql\n")


def test_a_note_is_json(cache: Path, tmp_path: Path) -> None:
    with _something_that_runs(None, tmp_path / "data") as run:
        note = json.loads((cache / "runs" / f"influxdb-{run.pid}.json").read_text())
    assert note["url"] == "http://127.0.0.1:1"
