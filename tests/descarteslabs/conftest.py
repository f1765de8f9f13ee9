import os
from collections.abc import Iterator

import pytest

from skykey.descarteslabs.config import EarthOneSettings, Settings
from tests.descarteslabs.logins import home, issuer
from tests.wire.fixtures import authority, box, shared_box, world

__all__ = ["authority", "box", "home", "issuer", "shared_box", "world"]

OURS = ("DESCARTESLABS_", "EARTHONE_")
OLD = ("CLIENT_ID", "CLIENT_SECRET")


@pytest.fixture(autouse=True)
def _nothing_selected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of the user, and none of the test before; what a test selects does not outlive it."""

    for name in _settings():
        monkeypatch.delenv(name)
    Settings._settings = EarthOneSettings._settings = None
    yield
    for name in _settings():
        del os.environ[name]  # before monkeypatch gives back what was there
    Settings._settings = EarthOneSettings._settings = None


def _settings() -> list[str]:
    return [name for name in os.environ if name.startswith(OURS) or name in OLD]
