"""A scripted GraceDB, and an environment that points to it and holds no credential."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.gracedb.scripted_gracedb import ScriptedGraceDb

VARIABLES = ("SCITOKEN", "SCITOKEN_FILE", "BEARER_TOKEN", "BEARER_TOKEN_FILE", "_CONDOR_CREDS",
             "X509_USER_CERT", "X509_USER_KEY", "X509_USER_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
             "https_proxy")  # fmt: skip


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A place for tokens in which there is none."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "runtime"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return place


@pytest.fixture
def gracedb(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedGraceDb]:
    with ScriptedGraceDb() as server:
        monkeypatch.setenv("GRACEDB_SERVICE_URL", server.api)
        yield server
