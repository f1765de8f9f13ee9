"""What holds for every test of GraceDB: nothing is remembered from another test, and no credential of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from skykey.gracedb import root_memory
from skykey.gracedb.alike import ALIKE
from skykey.sandbox import Box, running

FOUND = ("BEARER_TOKEN", "BEARER_TOKEN_FILE", "SCITOKEN", "SCITOKEN_FILE", "_CONDOR_CREDS", "KRB5CCNAME", "NETRC")


@pytest.fixture(autouse=True)
def _nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in list(os.environ):
        if name in FOUND or name.startswith(("X509_", "IGWN_AUTH_UTILS_", "GRACEDB_")):
            monkeypatch.delenv(name)
    root_memory.forget()
    ALIKE.forget()
    yield
    root_memory.forget()


@pytest.fixture(scope="session")
def _shared_box() -> Iterator[Box]:
    with running() as made:
        yield made


@pytest.fixture
def box(_shared_box: Box, monkeypatch: pytest.MonkeyPatch, _nothing_remembered: None) -> Box:
    """The sandbox, with the token of somebody who may do everything."""
    _shared_box.controls.reset()
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(_shared_box.gracedb_token_file))
    return _shared_box
