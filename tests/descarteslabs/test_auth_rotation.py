"""An issuer that replaces the renewal secret each time, and ends a login whose old one comes again."""

import json
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.stores import atomic
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.exceptions import ForbiddenError, OauthError
from tests.descarteslabs.logins import Home, everything_in, holds, put

AN_HOUR = 3600
RUN = """
    import json, sys
    from skykey.descarteslabs.auth import Auth
    auth = Auth(**json.loads(sys.argv[1]))
    print(auth.payload["name"], auth.token)
"""


@pytest.fixture(autouse=True)
def _rotating(home: Home) -> None:
    home.box.controls.iam(rotation=True)


def given_of(login: dict[str, Any]) -> dict[str, Any]:
    return {name: login[name] for name in ("client_id", "client_secret")}


def counts(home: Home) -> tuple[int, int]:
    """Refreshes that were granted, and old secrets that came again."""
    stats = home.box.controls.iam_stats()
    return stats.get("refreshes", 0), stats.get("reuses", 0)


def elsewhere(**arguments: Any) -> str:
    """Another process of this user: the name on its token, and the token."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(RUN), json.dumps(arguments)]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True).stdout.strip()


def test_a_file_gets_the_new_secret_before_its_token_is_used(home: Home) -> None:
    login = home.logged_in()
    auth = Auth(_clock=home.clock)
    seen = {login["client_secret"]}
    for _ in range(4):
        token = auth.token
        there = holds(home.file)
        assert there["client_secret"] == there["refresh_token"] == auth.client_secret == auth.refresh_token
        assert there["jwt_token"] == token
        assert there["name"] == login["name"]
        seen.add(there["client_secret"])
        home.later(AN_HOUR)
    assert len(seen) == 5
    assert counts(home) == (4, 0)


def test_another_process_with_the_same_file_goes_on(home: Home) -> None:
    home.logged_in()
    auth = Auth(_clock=home.clock)
    token = auth.token
    assert elsewhere() == f"Ada {token}"
    home.box.controls.clock(AN_HOUR)  # the other process keeps real time, by which the token is still good
    content = holds(home.file)
    put(home.file, content | {"jwt_token": None})
    assert elsewhere().startswith("Ada ")
    home.clock.advance(AN_HOUR)
    assert auth.token == holds(home.file)["jwt_token"]
    assert counts(home) == (2, 0)


def test_one_that_read_the_file_before_its_first_token_goes_on(home: Home) -> None:
    """Nothing but the file's fingerprint says that the new secret there is its own."""
    home.logged_in()
    first, second, third = Auth(), Auth(), Auth(scope=["openid", "name"])
    assert first.token == second.token
    assert third.payload["name"] == "Ada"
    assert first.client_secret != third.client_secret
    assert counts(home) == (2, 0)


def test_a_named_file_counts_as_a_login_in_a_file(home: Home) -> None:
    given = given_of(home.login()) | {"token_info_path": str(home.folder / "a.json")}
    first = Auth(**given, _clock=home.clock)
    for _ in range(3):
        _ = first.token
        assert holds(home.folder / "a.json")["client_secret"] == first.client_secret != given["client_secret"]
        home.later(AN_HOUR)
    # The secret that was given is used up; who comes with it finds its successor in the file.
    again = Auth(**given, _clock=home.clock)
    assert again.client_secret == first.client_secret
    assert again.payload["name"] == "Ada"
    home.later(AN_HOUR)
    assert first.payload["name"] == "Ada"
    assert elsewhere(**given).startswith("Ada ")
    assert counts(home)[1] == 0


def test_a_new_login_in_the_arguments_goes_before_an_old_one_in_the_named_file(home: Home) -> None:
    file = str(home.folder / "a.json")
    _ = Auth(**given_of(home.login()), token_info_path=file).token
    new = home.login()
    _ = Auth(**given_of(new), token_info_path=file).token
    assert given_of(home.box.controls.login())["client_id"] == new["client_id"]
    assert Auth(**given_of(new), token_info_path=file).payload["name"] == "Ada"
    assert counts(home) == (2, 0)


@pytest.mark.parametrize("way", ["arguments", "variables"])
def test_a_given_secret_and_its_successors_reach_no_file(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    login = given_of(home.login())
    if way == "variables":
        for name, value in login.items():
            monkeypatch.setenv(f"DESCARTESLABS_{name.upper()}", value)
    auth = Auth(**(login if way == "arguments" else {}), _clock=home.clock)
    secrets = {login["client_secret"]}
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            _ = auth.token
            secrets.add(auth.client_secret or "")
            home.later(AN_HOUR)
    assert len(secrets) == 4
    written = everything_in(tmp_path)
    assert b"jwt_token" in written
    for secret in secrets:
        assert secret.encode() not in written
        assert secret.encode().hex().encode() not in written
        assert secret not in caplog.text
    assert caplog.text.count("the issuer has replaced the renewal secret") == 1
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.name.startswith("skykey.")
    assert "skykey descarteslabs auth login" in record.getMessage()
    assert counts(home) == (3, 0)


def test_all_that_one_process_makes_of_a_given_secret_goes_on_with_its_successor(home: Home) -> None:
    login = given_of(home.login())
    first, second = Auth(**login, _clock=home.clock), Auth(**login, _clock=home.clock)
    bare = Auth(**login, token_info_path=None, _clock=home.clock)
    for auth in (first, second, bare, first, bare, second):
        assert auth.payload["name"] == "Ada"
        home.later(AN_HOUR)
    assert Auth(**login, scope=["openid", "name"]).payload["name"] == "Ada"
    assert counts(home) == (7, 0)


def test_a_passing_refusal_does_not_make_us_try_the_old_secret(home: Home) -> None:
    login = given_of(home.login())
    auth = Auth(**login, retries=0, _clock=home.clock)
    _ = auth.token
    home.later(AN_HOUR)
    home.box.controls.fault(status=403, service="iam", body="a firewall")
    with pytest.raises(ForbiddenError):
        _ = auth.token
    home.later(2)
    assert auth.payload["name"] == "Ada"
    assert counts(home) == (2, 0)


def test_a_replaced_secret_that_cannot_be_saved_lives_on_in_this_process(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    login = home.logged_in()

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "replace", full)
        auth = Auth(_clock=home.clock)
        with pytest.warns(UserWarning, match="^Failed to save token: no space left"):
            _ = auth.token
    assert f"could not be saved in {home.file}" in caplog.text, "a program that has sessions only sees no warning"
    assert holds(home.file) == login
    home.later(AN_HOUR)
    assert auth.payload["name"] == "Ada"
    assert holds(home.file)["client_secret"] == auth.client_secret
    assert counts(home) == (2, 0)


def test_a_backup_of_the_file_does_not_bring_a_used_secret_back(home: Home) -> None:
    login = home.logged_in()
    auth = Auth(_clock=home.clock)
    _ = auth.token
    put(home.file, login)
    home.later(AN_HOUR)
    assert auth.payload["name"] == "Ada"
    assert holds(home.file)["client_secret"] == auth.client_secret
    assert counts(home) == (2, 0)


def test_a_login_that_was_ended_says_what_to_do(home: Home) -> None:
    home.logged_in()
    auth = Auth(_clock=home.clock)
    _ = auth.token
    home.box.controls.revoke()
    home.later(AN_HOUR)
    with pytest.raises(OauthError, match="skykey descarteslabs auth login"):
        _ = auth.token


def test_without_rotation_no_fingerprint_is_written(home: Home) -> None:
    home.box.controls.iam(rotation=False)
    login = home.logged_in()
    token = Auth().token
    assert holds(home.file) == login | {"jwt_token": token}
