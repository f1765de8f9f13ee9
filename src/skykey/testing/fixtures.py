"""Fixtures for pytest; a package takes them with ``pytest_plugins = ["skykey.testing.fixtures"]`` in conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.sandbox import Box
    from skykey.testing.canary import Canary
    from skykey.testing.clock import FakeClock
    from skykey.testing.faults_proxy import FaultProxy


@pytest.fixture(scope="session")
def skykey_box() -> Iterator[Box]:
    """Run one sandbox for the whole session, in a thread of this process."""
    from skykey.sandbox import running

    with running() as box:
        yield box


@pytest.fixture
def skykey_site(skykey_box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Box:
    """Let this test's programs meet the sandbox instead of the world, as it was at its start.

    Its `controls` move the clock, end, revoke and rotate credentials, and let a user's next action fail.
    """
    skykey_box.controls.reset()
    skykey_box.controls.rotate()  # new tokens and logins, in case a test ended the last ones
    skykey_box.controls.forget()
    changes = skykey_box.changes()
    for name in changes.unset:
        monkeypatch.delenv(name, raising=False)
    for name, value in changes.set.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))  # no login of the developer's own, and none left behind
    return skykey_box


@pytest.fixture
def skykey_faults(skykey_site: Box, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Put a proxy between this test's programs and the sandbox's site, which misbehaves as the test says.

    `skykey.testing.faults` has what it can do: ``skykey_faults.fault(Reset(), path="*/query", times=2)``.
    """
    from skykey.testing.faults_proxy import FaultProxy

    with FaultProxy(skykey_site.site_url) as proxy:
        monkeypatch.setenv("EXTERNAL_INSTANCE_URL", proxy.url)
        monkeypatch.setenv("REPERTOIRE_BASE_URL", f"{proxy.url}/repertoire")
        yield proxy


@pytest.fixture
def skykey_clock() -> FakeClock:
    """Give a clock that stands still until the test moves it."""
    from skykey.testing.clock import FakeClock

    return FakeClock()


@pytest.fixture
def skykey_canary() -> Iterator[Canary]:
    """Give secrets to use in this test, and fail it if one of them comes out anywhere."""
    from skykey.testing.canary import Canary

    canary = Canary()
    with canary:
        yield canary
    canary.check()
