"""The file that ``EFDAUTH`` names: what EFD clients expect, for its owner only, whole or not at all."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from skykey.repertoire import SyncDiscoveryClient
from skykey.repertoire.efdauth import InfluxLogins
from skykey.sandbox import Box


def sent(box: Box) -> Any:
    """What the list route answers, which users were told to copy from a browser."""
    url = f"{box.site_url}/repertoire/discovery/influxdb"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {box.token}"})) as answer:
        return json.load(answer)


def bought(box: Box) -> InfluxLogins:
    return SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire").list_influxdb_credentials(box.token)


def test_the_file_is_the_list_routes_answer_for_its_owner_only(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "new" / "efdauth.json"
    old = os.umask(0)
    try:
        bought(box).save_efdauth(path)
    finally:
        os.umask(old)
    assert json.loads(path.read_text()) == sent(box)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    # What EFD clients read of it.
    entry = json.loads(path.read_text())["usdf_efd"]
    assert {"url", "schema_registry", "username", "password"} <= set(entry)


def test_a_file_that_others_could_read_is_closed_and_one_that_cannot_be_written_stays(box: Box, tmp_path: Path) -> None:
    path = tmp_path / "efdauth.json"
    path.write_text("old")
    path.chmod(0o644)
    bought(box).save_efdauth(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["efdauth.json"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="not a plain file"):
        bought(box).save_efdauth(tmp_path / "folder")


def test_a_failure_to_write_shows_no_password(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    import traceback

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    logins = bought(box)
    passwords = {entry["password"] for entry in sent(box).values()}
    monkeypatch.setattr("skykey.credentials.stores.content.os.write", full)
    with pytest.raises(OSError, match="No space") as caught:
        logins.save_efdauth(tmp_path / "x")
    monkeypatch.undo()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "/tests/" not in frame.filename]
    assert not any(password in str(frame.locals) for frame in ours for password in passwords)
    assert list(tmp_path.iterdir()) == []


# -- the command


@pytest.fixture
def run(box: Box, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "skykey", "rubin", "efdauth", *arguments],
            env=box.environment() | {"HOME": str(tmp_path)} | variables,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )

    return command


def test_the_command_writes_it_and_says_what_to_type_next(run: Any, box: Box, tmp_path: Path) -> None:
    done = run("--out", "efdauth.json")
    assert (done.returncode, done.stdout) == (0, "")
    path = tmp_path / "efdauth.json"
    assert json.loads(path.read_text()) == sent(box)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "12 logins of loopback in efdauth.json; next: export EFDAUTH=efdauth.json" in done.stderr
    passwords = {entry["password"] for entry in sent(box).values()}
    assert not any(password in done.stderr for password in passwords)


def test_the_variable_names_the_file_too_and_json_holds_no_login(run: Any, box: Box, tmp_path: Path) -> None:
    done = run("--json", EFDAUTH=str(tmp_path / "named.json"))
    told = json.loads(done.stdout)
    assert (told["site"], told["file"], told["failed"]) == ("loopback", str(tmp_path / "named.json"), {})
    assert sorted(told["databases"]) == sorted(sent(box))
    assert (tmp_path / "named.json").exists()
    assert not any(entry["password"] in done.stdout for entry in sent(box).values())


def test_without_a_file_or_a_token_it_says_what_is_missing(run: Any, box: Box, tmp_path: Path) -> None:
    done = run()
    assert done.returncode == 2
    assert "--out" in done.stderr
    assert box.controls.requests() == []
    done = run("--out", "x.json", ACCESS_TOKEN_FILE=str(tmp_path / "nothing"))
    assert done.returncode == 4
    done = run("--out", "x.json", ACCESS_TOKEN=box.controls.mint(["read:tap"]), ACCESS_TOKEN_FILE="")
    assert done.returncode == 1
    assert "read:sasquatch" in done.stderr
    assert not (tmp_path / "x.json").exists()


def test_a_login_that_the_site_cannot_give_is_named_and_the_others_are_written(
    run: Any, box: Box, tmp_path: Path
) -> None:
    box.controls.fault("status", service="repertoire", path="/repertoire/discovery/influxdb", status=500, times=1)
    box.controls.fault("status", path="/repertoire/discovery/influxdb/base_efd", status=500, times=1)
    done = run("--out", "efdauth.json", "--json")
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)["failed"]) == ["base_efd"]
    assert "there is no login for base_efd" in done.stderr
    assert set(json.loads((tmp_path / "efdauth.json").read_text())) == set(sent(box)) - {"base_efd"}
