"""The documented names of ``ligo.gracedb.token``."""

import time
from pathlib import Path
from typing import Any

import pytest

from skykey.gracedb.exceptions import IgwnAuthError
from skykey.gracedb.token import check_token_expiration, find_token_or_none
from tests.gracedb.wallets import ALBERT, empty_places, token
from tests.values.canary import leaks

HOST = "gracedb.ligo.org"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


def alive(**other: Any) -> str:
    return token(exp=int(time.time()) + 1000, nbf=None, iat=None, **other)


def test_without_a_token_there_is_none_or_an_error() -> None:
    assert find_token_or_none(HOST) is None
    with pytest.raises(IgwnAuthError, match="BEARER_TOKEN"):
        find_token_or_none(HOST, fail_if_noauth=True)


def test_a_token_is_found_as_a_mapping_of_its_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_TOKEN", alive())
    for host in (HOST, "https://gracedb.ligo.org/api/"):
        found = find_token_or_none(host)
        assert found is not None
        assert found["sub"] == ALBERT
        assert found.get("nothing") is None
        assert set(found) >= {"aud", "exp", "iss"}
        assert found.secret.reveal() == alive()
        assert leaks(found, alive().rpartition(".")[2]) == []


def test_another_scope_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_TOKEN", alive(scope="read:/ligo"))
    assert find_token_or_none(HOST) is None
    assert find_token_or_none(HOST, scopes="read:/ligo") is not None
    with pytest.raises(ValueError, match="one scope"):
        find_token_or_none(HOST, scopes="a b")


def test_the_end_is_told_with_the_window() -> None:
    now = time.time()
    assert not check_token_expiration({"exp": now + 100})
    assert check_token_expiration({"exp": now + 100}, 200)
    assert not check_token_expiration({"exp": now + 100}, reload_buffer=50)
    assert check_token_expiration({"exp": now - 1})
    for nothing in (None, {}, {"exp": "soon"}):
        assert check_token_expiration(nothing)
