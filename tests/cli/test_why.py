"""`skykey why`, `whoami` and `token`: they say which credential it is, and two of them never show it."""

import base64
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from skykey.sandbox import Box

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
SECRET = "gt-canary-canary-canary-1.canary-canary-canary-2"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".lsst").mkdir()
    return tmp_path


def test_why_asks_nobody(box: Box, run: Run) -> None:
    result = run("why", "rubin")
    assert result.exit_code == 0
    assert box.controls.requests() == []
    assert "the file named by ACCESS_TOKEN_FILE" in result.stdout
    assert "--ask asks the site" in result.stdout


def test_ask_asks_the_site_once(box: Box, run: Run, promised: Promised) -> None:
    document = promised("why", run("why", "rubin", "--ask", "--json").stdout)
    assert [seen.service for seen in box.controls.requests()] == ["gafaelfawr"]
    assert document["asked"]["username"] == "ada"
    assert 86_000 < document["asked"]["seconds_left"] <= 86_400
    shown = run("why", "rubin", "--ask").stdout
    assert "23 h 59 min left" in shown
    assert "read:image read:sasquatch read:tap" in shown


def test_every_source_has_its_row_and_its_reason(box: Box, run: Run, promised: Promised) -> None:
    document = promised("why", run("why", "rubin", "--json").stdout)
    outcomes = {row["source"]: row["outcome"] for row in document["sources"]}
    assert list(outcomes)[-4:-1] == [
        "the variable ACCESS_TOKEN",
        "the file named by ACCESS_TOKEN_FILE",
        "the file ~/.lsst/usdf_rsp",
    ]
    assert [source for source, outcome in outcomes.items() if outcome == "found"] == [document["winner"]]
    assert all(row["reason"] for row in document["sources"] if row["outcome"] == "unavailable")
    assert document["reach"]["origins"] == [box.site_url]
    shown = run("why", "rubin").stdout
    assert all(source in " ".join(shown.split()) for source in outcomes)


def test_a_shadowed_source_says_whether_it_holds_the_same_token(
    box: Box, run: Run, promised: Promised, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", box.token)
    (home / ".lsst" / "usdf_rsp").write_text(SECRET)
    result = run("why", "rubin")
    folded = " ".join(result.stdout.split())
    assert "used the variable ACCESS_TOKEN" in folded
    assert "behind the file named by ACCESS_TOKEN_FILE: the same token" in folded
    assert f"behind the file ~/.lsst/usdf_rsp: another token ({len(SECRET)} characters, #" in folded
    document = promised("why", run("why", "rubin", "--json").stdout)
    assert [row["same_as_winner"] for row in document["sources"][-4:-1]] == [True, True, False]


def test_without_a_token_all_rows_are_shown_and_the_code_is_4(
    run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("why", "rubin", "--site", "summit")
    assert result.exit_code == 4
    assert "the file ~/.lsst/usdf_rsp: it does not exist" in " ".join(result.stdout.split())
    assert result.stderr.startswith("error [no-credential]: a token for the site summit was not found\nNext: ")
    as_json = run("why", "rubin", "--site", "summit", "--json")
    assert as_json.exit_code == 4
    document = promised("why", as_json.stdout)
    assert (document["winner"], document["reach"]) == (None, None)
    assert document["error"]["code"] == "no-credential"
    assert "https://summit-lsp.lsst.codes/auth/tokens" in document["error"]["next"]


def test_a_broken_source_stops_and_is_named(
    box: Box, run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", f"{SECRET} {SECRET}")
    result = run("why", "rubin")
    assert result.exit_code == 4
    assert "FAILED the variable ACCESS_TOKEN" in result.stdout
    assert "behind the file named by ACCESS_TOKEN_FILE" in result.stdout
    assert "Next: unset ACCESS_TOKEN" in result.stderr
    document = promised("why", run("why", "rubin", "--json").stdout)
    assert document["error"]["code"] == "source-failed"
    assert [row["outcome"] for row in document["sources"][-4:-1]] == ["failed", "shadowed", "unavailable"]
    missing = run("why", "rubin", "--tokenfile", "/no/such/file", "--json")
    assert missing.exit_code == 4
    assert promised("why", missing.stdout)["error"]["code"] == "token-file-missing"


def test_a_refused_token_keeps_its_rows_and_its_next_step_is_no_circle(
    box: Box, run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", SECRET)
    result = run("why", "rubin", "--ask", "--json")
    assert result.exit_code == 4
    document = promised("why", result.stdout)
    assert (document["winner"], document["asked"]) == ("the variable ACCESS_TOKEN", None)
    assert document["error"]["code"] == "not-authenticated"
    assert document["error"]["next"].startswith(f"create a token at {box.site_url}/auth/tokens")


def jwt(subject: str, *, begins: float, ends: float) -> str:
    """A token that says whose it is, and when it lives; by seconds from now. Nobody signed it."""
    now = int(time.time())
    parts = [{"alg": "none"}, {"sub": subject, "iat": now + begins, "exp": now + ends}]
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "eHg"]
    )


def test_the_window_of_a_renewal_is_shown(
    box: Box, run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCESS_TOKEN", jwt("ada", begins=0, ends=7200))
    document = promised("why", run("why", "rubin", "--json").stdout)
    assert [row["renewed_before"] for row in document["sources"] if row["outcome"] == "found"] == [300]
    assert "left; renewed 300 s before its end\n" in run("why", "rubin").stdout
    monkeypatch.setenv("ACCESS_TOKEN", jwt("ada", begins=0, ends=60))
    folded = " ".join(run("why", "rubin").stdout.split())
    assert "renewed 30 s before its end, and not 300 s: it lives 1 min only" in folded
    monkeypatch.setenv("ACCESS_TOKEN", box.token)  # opaque: nobody knows
    assert "renewed" not in run("why", "rubin").stdout


def test_d5_a_stale_variable_that_hides_a_fresh_file_is_shown_with_both_lives(
    box: Box, start: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCESS_TOKEN_FILE")
    monkeypatch.setenv("ACCESS_TOKEN", jwt("ada", begins=-7200, ends=-60))
    fresh = jwt("ada", begins=0, ends=7203)
    (home / ".lsst" / "usdf_rsp").write_text(fresh)
    (home / ".lsst" / "usdf_rsp").chmod(0o600)
    result = start("why", "rubin")
    assert result.returncode == 0
    folded = " ".join(result.stdout.split())
    assert re.search(r"life ended 1 min( \d+ s)? ago", folded)  # a machine that has much to do takes a second or more
    assert f"behind the file ~/.lsst/usdf_rsp: another token ({len(fresh)} characters, #" in folded
    assert ", of ada); 2 h left" in folded
    assert re.search(r"what the variable ACCESS_TOKEN holds ended \d\d s ago", result.stderr)
    assert "take the old one away" in result.stderr


def test_d6_a_source_of_somebody_else_is_said(
    box: Box, start: Callable[..., Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCESS_TOKEN_FILE")
    monkeypatch.setenv("ACCESS_TOKEN", jwt("ada", begins=0, ends=7203))
    (home / ".lsst" / "usdf_rsp").write_text(jwt("ben", begins=0, ends=7203))
    (home / ".lsst" / "usdf_rsp").chmod(0o600)
    result = start("why", "rubin")
    assert result.returncode == 0
    assert ", of ben); 2 h left" in " ".join(result.stdout.split())
    assert "hold credentials of different people; the first one is used" in result.stderr
    monkeypatch.setenv("ACCESS_TOKEN", jwt("ben", begins=0, ends=7000))
    assert start("why", "rubin").stderr == ""


def test_whoami(box: Box, run: Run, promised: Promised) -> None:
    shown = run("whoami", "rubin")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"ada at loopback ({box.site_url})")
    document = promised("whoami", run("whoami", "rubin", "--json").stdout)
    assert document["source"] == "the file named by ACCESS_TOKEN_FILE"
    assert document["scopes"] == ["read:image", "read:sasquatch", "read:tap"]
    assert document["verified"] is True
    assert "nobody" not in shown.stdout


def test_token_prints_it_plain_and_follows_the_file(box: Box, run: Run, promised: Promised) -> None:
    assert run("token", "rubin").stdout == f"{box.token}\n"
    box.controls.rotate()
    assert promised("token", run("token", "rubin", "--json").stdout) == {"token": box.token}


def test_h3_no_other_command_shows_a_secret(
    box: Box, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (home / ".lsst" / "usdf_rsp").write_text(SECRET)
    shown = ""
    topic = "lsst.sal.fooSubSys.test"
    commands = (
        ["why", "rubin"],
        ["why", "rubin", "--ask"],
        ["why", "rubin", "--ask", "--json"],
        ["whoami", "rubin"],
        ["whoami", "rubin", "--json"],
        ["rubin", "topics"],
        ["rubin", "fields", topic],
        ["rubin", "query", f'SELECT foo FROM "{topic}" LIMIT 1', "--json"],
        ["rubin", "query", "SELEKT"],
        ["rubin", "plot", topic, "foo", "--out", str(tmp_path / "x.png")],
        ["whoami", "rubin", "--site", "summit", "--tokenfile", "/no/such/file"],
    )
    for token in (box.token, SECRET, f"{SECRET}\n{SECRET}"):
        monkeypatch.setenv("ACCESS_TOKEN", token)
        for command in commands:
            result = run(*command)
            shown += result.stdout + result.stderr
    assert len(shown) > 10_000
    for secret in (box.token, SECRET, box.token.partition(".")[2], SECRET.partition(".")[2]):
        assert secret not in shown
    assert os.environ["ACCESS_TOKEN"] not in shown
