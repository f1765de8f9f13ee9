"""`skykey why|whoami|token gracedb`, and a day's work with the command at the local GraceDB."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skykey.cli.root import skykey
from skykey.sandbox import Box

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]

BURST = "nevent: 1\ntime: 1126259462.3910 1126259462.4105\nifo: L1 H1\nfar: 1e-8\n"


@pytest.fixture(autouse=True)
def _no_other_tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_whose_the_token_is(run: Run, box: Box, promised: Promised) -> None:
    told = promised("whoami", run("whoami", "gracedb", "--json").stdout)
    assert told["username"] == "albert.einstein@ligo.org"
    assert (told["site"]["url"], told["site"]["said_by"]) == (box.gracedb_url, "the variable GRACEDB_SERVICE_URL")
    assert told["scopes"] == ["gracedb.read"]
    assert 0 < told["seconds_left"] < 24 * 3600
    assert told["verified"]
    assert run("whoami", "gracedb").stdout.startswith("albert.einstein@ligo.org at 127.0.0.1")


def test_why_this_token(run: Run, box: Box, promised: Promised) -> None:
    told = promised("why", run("why", "gracedb", "--ask", "--json").stdout)
    assert told["winner"] == "the file named by BEARER_TOKEN_FILE"
    assert told["asked"]["username"] == "albert.einstein@ligo.org"
    assert told["reach"]["origins"] == [box.gracedb_url.removesuffix("/api/")]
    assert box.gracedb_token not in run("why", "gracedb").output


def test_the_token_itself(run: Run, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("token", "gracedb").stdout == f"{box.gracedb_token}\n"
    file = tmp_path / "mine"
    file.write_text(f"{box.gracedb_token}\n")
    monkeypatch.delenv("BEARER_TOKEN_FILE")
    assert run("token", "gracedb").exit_code == 4
    assert run("token", "gracedb", "--tokenfile", str(file)).stdout == f"{box.gracedb_token}\n"
    assert run("whoami", "gracedb", "--tokenfile", str(file)).exit_code == 0


def test_a_token_that_the_server_does_not_know_is_nobody_s(
    run: Run, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.gracedb.scripted_gracedb import scitoken

    file = tmp_path / "forged"
    file.write_text(scitoken())
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(file))
    result = run("whoami", "gracedb")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "takes you for nobody" in result.stderr
    assert json.loads(run("gracedb", "credentials", "server").stdout) == {"username": "AnonymousUser"}


@pytest.mark.parametrize(
    ("site", "host"),
    [
        ("playground", "gracedb-playground.ligo.org"),
        ("test", "gracedb-test.ligo.org"),
        ("production", "gracedb.ligo.org"),
    ],
)
def test_servers_have_names(run: Run, box: Box, promised: Promised, site: str, host: str) -> None:
    result = run("why", "gracedb", "--site", site, "--json")
    told = promised("why", result.stdout)
    assert told["site"] == {"name": site, "url": f"https://{host}/api/", "said_by": "--site"}
    assert result.exit_code == 4  # a token of this machine's issuer goes to no real server
    assert run("why", "gracedb", "--site", "nowhere").exit_code == 2


def test_a_day_s_work(run: Run, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload, annotate, combine, look, search, read: with the local GraceDB, which does what the real one does."""

    def did(*arguments: str) -> Any:
        result = run("gracedb", *arguments)
        assert result.exit_code == 0, (arguments, result.stderr)
        return json.loads(result.stdout)

    monkeypatch.chdir(tmp_path)
    Path("trigger.txt").write_text(BURST)
    Path("map.fits.gz").write_bytes(gzip.compress(b"\x00\xffSIMPLE"))
    event = did("create", "event", "Test", "CWB", "AllSky", "trigger.txt")
    graceid, time = event["graceid"], event["gpstime"]
    assert event["search"] == "AllSky"
    assert (
        did("create", "log", graceid, "-0.5 is too low", "map.fits.gz", "-t", "sky_loc")["comment"] == "-0.5 is too low"
    )
    assert did("add", "label", graceid, "INJ") is not None
    assert did("get", "label", graceid, "INJ")["name"] == "INJ"
    assert did("remove", "label", graceid, "INJ") == {}
    assert did("add", "tag", graceid, "1", "pe") is not None
    assert did("remove", "tag", graceid, "1", "pe") == {}
    superevent = did("create", "superevent", str(time - 1), str(time), str(time + 1), graceid, "--category", "test")
    sid = superevent["superevent_id"]
    assert did("update", "superevent", sid, "--t-end", str(time + 2))["t_end"] == time + 2
    second = did("create", "event", "Test", "CWB", "AllSky", "trigger.txt")["graceid"]
    assert did("add", "event", sid, second)["graceid"] == second
    assert second in did("get", "superevent", sid)["gw_events"]
    assert did("remove", "event", sid, second) == {}
    assert did("list", "permissions", sid) is not None
    read = CliRunner().invoke(skykey, ["gracedb", "get", "file", graceid, "map.fits.gz"])
    assert read.stdout_bytes == Path("map.fits.gz").read_bytes()
    assert run("gracedb", "get", "file", graceid, "map.fits.gz,0", "again.gz").exit_code == 0
    assert Path("again.gz").read_bytes() == Path("map.fits.gz").read_bytes()
    found = run("gracedb", "search", "events", graceid, "--columns", "graceid,far").stdout
    assert found.splitlines() == ["#graceid\tfar", f"{graceid}\t{event['far']}"]
    assert run("gracedb", "count", "events", graceid).stdout == "1\n"
    listed = run("gracedb", "list", "files", graceid, "--output-type", "table").stdout
    assert "map.fits.gz" in listed
    assert did("update", "event", graceid, "trigger.txt") == {}
    refused = run("gracedb", "-n", "add", "label", graceid, "INJ")
    assert (refused.exit_code, "error [forbidden]" in refused.stderr) == (1, True)
    assert os.listdir(tmp_path / "cache")  # the API's root is remembered where caches belong
