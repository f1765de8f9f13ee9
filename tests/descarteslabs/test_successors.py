"""A secret that was given, and that the issuer has replaced: memory, or the keyring if the user consents."""

import logging
from pathlib import Path
from typing import Any

import keyring.core
import pytest

from skykey.credentials.stores import keyring as keyring_store
from skykey.credentials.stores.line import Line
from skykey.descarteslabs import successors
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.exceptions import AuthError
from tests.credentials.stores.rings import Ring
from tests.descarteslabs.logins import Home, everything_in, put

AN_HOUR = 3600


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    ring = Ring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    monkeypatch.setattr(keyring_store, "_line", Line())
    monkeypatch.setattr(successors, "_keyring", [])
    return ring


def given_of(login: dict[str, Any]) -> dict[str, Any]:
    return {name: login[name] for name in ("client_id", "client_secret")}


def forget_the_process() -> None:
    """As if it were another one: nothing is left of its memory."""
    successors._spent.clear()


def renewed(home: Home, given: dict[str, Any]) -> str | None:
    """A program's own life: it comes with the secret that its user gave long ago, and renews a few times."""
    auth = Auth(**given, token_info_path=None, _clock=home.clock)
    for _ in range(2):
        assert auth.payload["name"] == "Ada"
        home.later(AN_HOUR)
    forget_the_process()
    return auth.client_secret


def test_with_consent_the_next_program_goes_on_where_the_last_one_ended(
    home: Home, ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(successors.CONSENT, "yes")
    home.box.controls.iam(rotation=True)
    given = given_of(home.login())
    with caplog.at_level(logging.WARNING):
        latest = [renewed(home, given) for _ in range(3)]
    assert len({*latest, given["client_secret"]}) == 4, "each program moved it on"
    assert home.box.controls.iam_stats()["reuses"] == 0
    assert "lives in this process's memory only" not in caplog.text
    assert ring.items
    written = everything_in(tmp_path)
    for secret in latest:
        assert (secret or "?").encode() not in written


def test_without_consent_the_keyring_is_not_asked_and_the_next_program_must_log_in(home: Home, ring: Ring) -> None:
    home.box.controls.iam(rotation=True)
    given = given_of(home.login())
    renewed(home, given)
    assert ring.calls == []
    with pytest.raises(AuthError):
        renewed(home, given)


def test_a_keyring_that_fails_is_no_reason_to_write_a_file(
    home: Home, ring: Ring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(operation: str) -> None:
        raise OSError("locked")

    ring.before = fails
    monkeypatch.setenv(successors.CONSENT, "yes")
    home.box.controls.iam(rotation=True)
    given = given_of(home.login())
    latest = renewed(home, given)
    assert latest != given["client_secret"]
    assert (latest or "?").encode() not in everything_in(tmp_path)


@pytest.mark.parametrize("second", ["a file that is named", "the file of the login", "variables"])
def test_a_secret_that_was_spent_here_is_not_spent_again_by_another_way(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    home.box.controls.iam(rotation=True)
    given = given_of(home.login())
    first = Auth(**given, _clock=home.clock)
    assert first.payload["name"] == "Ada"
    home.later(AN_HOUR)
    match second:
        case "a file that is named":
            other = Auth(**given, token_info_path=tmp_path / "mine.json", _clock=home.clock)
        case "the file of the login":
            put(home.file, {**given, "refresh_token": given["client_secret"]})
            other = Auth(_clock=home.clock)
        case _:
            for name, value in given.items():
                monkeypatch.setenv(f"DESCARTESLABS_{name.upper()}", value)
            other = Auth(scope=["openid"], _clock=home.clock)
    assert other.payload["sub"]
    home.later(AN_HOUR)
    assert first.payload["name"] == "Ada"
    assert other.payload["sub"]
    assert home.box.controls.iam_stats()["reuses"] == 0
