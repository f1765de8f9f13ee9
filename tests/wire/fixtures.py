"""Fixtures that several folders share; their conftest.py imports them."""

import time
from collections.abc import Iterator

import pytest

from skykey.sandbox import Box, running
from tests.wire.server import Authority, World


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def world(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A made-up internet: every host that is not loopback answers, and is kept an eye on."""
    with World(authority) as made:
        for name, value in made.variables().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture(scope="session")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    begin = time.monotonic()
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        print(f"sandbox ready in {time.monotonic() - begin:.2f} s")
        yield box


@pytest.fixture
def box(shared_box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    shared_box.controls.reset()
    shared_box.controls.rotate()
    shared_box.controls.forget()
    monkeypatch.setenv("SSL_CERT_FILE", str(shared_box.bundle_file))
    return shared_box
