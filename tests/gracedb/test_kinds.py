"""Places are looked at as often as it takes, and no oftener: each look costs several calls of the system."""

from pathlib import Path

import pytest

from skykey.calls.perform import perform
from skykey.gracedb.credentials import Credentials
from skykey.testing.clock import FakeClock
from skykey.wire.pools import PROCESS_POOLS
from tests.gracedb.wallets import NOW, REAL, empty_places, token


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


@pytest.fixture
def bt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(tmp_path / "bt"))
    return tmp_path / "bt"


def carried(credentials: Credentials) -> list[str]:
    clock = FakeClock(NOW)
    return [kept.get().credential.token.reveal() for kept in perform(credentials.keepers(), PROCESS_POOLS, clock)]


def looks(credentials: Credentials) -> list[int]:
    """Count from now on how often the places are looked at."""
    kind, seen = credentials.token, []
    assert kind is not None
    places = kind.places

    def counted() -> object:
        seen.append(1)
        return places()

    kind.places = counted  # type: ignore[assignment]
    return seen


def test_as_long_as_a_place_has_a_token_only_that_one_is_watched(bt: Path) -> None:
    bt.write_text(token())
    credentials = Credentials(REAL, use_auth="scitoken", clock=FakeClock(NOW))
    assert carried(credentials) == [token()]
    seen = looks(credentials)
    assert [carried(credentials) for _ in range(5)] == [[token()]] * 5
    assert seen == []


def test_a_token_that_came_back_counts_at_once(bt: Path) -> None:
    """How the places looked before the token was gone says nothing about what is in them."""
    credentials = Credentials(REAL, cred=False, clock=FakeClock(NOW))
    bt.write_text(token())
    assert carried(credentials) == [token()]
    for jti in ("first", "second"):
        bt.unlink()
        assert carried(credentials) == carried(credentials) == []
        bt.write_text(token(jti=jti))
        assert carried(credentials) == [token(jti=jti)]


def test_where_there_is_none_the_places_are_looked_at_before_each_call(bt: Path) -> None:
    credentials = Credentials(REAL, cred=False, clock=FakeClock(NOW))
    assert carried(credentials) == []
    seen = looks(credentials)
    assert [carried(credentials) for _ in range(3)] == [[]] * 3
    assert len(seen) == 3
