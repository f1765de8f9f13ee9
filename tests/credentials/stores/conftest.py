import pytest

from tests.credentials.stores.making import new_process


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said once in a process is said once in a test."""
    new_process(monkeypatch)
