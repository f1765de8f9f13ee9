"""Which server and which token the command means."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skykey.gracedb.accounts import TokenAccount
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.values.errors import NoCredential, UnknownSite
from tests.gracedb.wallets import ALBERT, empty_places, token


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return empty_places(tmp_path, monkeypatch)


def test_the_server_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    def meant(site: str | None = None) -> tuple[str, str, str]:
        account = TokenAccount(site)
        return account.name, account.url, account.said_by

    assert meant() == ("production", "https://gracedb.ligo.org/api/", "built in")
    assert meant("playground") == ("playground", "https://gracedb-playground.ligo.org/api/", "--site")
    assert meant("https://gracedb-test.ligo.org/api") == ("test", "https://gracedb-test.ligo.org/api/", "--site")
    monkeypatch.setenv("GRACEDB_SERVICE_URL", "http://127.0.0.1:8/api")
    assert meant() == ("127.0.0.1", "http://127.0.0.1:8/api/", "the variable GRACEDB_SERVICE_URL")
    with pytest.raises(UnknownSite, match="'staging'"):
        meant("staging")


def test_the_token_is_found_as_a_client_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    account = TokenAccount()
    with pytest.raises(NoCredential, match=r"a SciToken for gracedb.ligo.org was not found\n") as caught:
        account.find()
    assert caught.value.next == account.remedy == "htgettoken -a vault.ligo.org -i igwn --scopes=gracedb.read"
    assert account.explain().remedy == account.remedy
    end = int(time.time()) + 1000
    monkeypatch.setenv("BEARER_TOKEN", token(exp=end, nbf=None, iat=None))
    account.find()
    owner = account.owner()
    assert (owner.subject, owner.scopes, owner.ends) == (ALBERT, ("gracedb.read",), end)
    assert (account.explain().winner or owner).source == "the variable BEARER_TOKEN"  # type: ignore[union-attr]


def test_a_named_file_is_the_only_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_TOKEN", token(exp=time.time() + 1000, nbf=None, iat=None))
    account = TokenAccount(tokenfile=str(tmp_path / "absent"))
    with pytest.raises(NoCredential):
        account.find()
    assert len(account.explain().rows) == 1
    (tmp_path / "mine").write_text(token(exp=time.time() + 1000, nbf=None, iat=None, sub="marie"))
    assert TokenAccount(tokenfile=str(tmp_path / "mine")).owner().subject == "marie"


def test_a_server_that_gets_no_token_at_all_says_why() -> None:
    account = TokenAccount("http://gracedb.ligo.org/api/")
    with pytest.raises(IgwnAuthError, match="plain http"):
        account.find()


def test_the_server_is_asked_with_the_token_of_the_named_file(tmp_path: Path) -> None:
    seen: list[tuple[str, str | None]] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            here = f"http://127.0.0.1:{self.server.server_port}/api/"  # type: ignore[attr-defined]
            told = {"links": {"user-info": f"{here}user-info/"}} if self.path == "/api/" else {"username": ALBERT}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    mine = token(exp=time.time() + 1000, nbf=None, iat=None, iss="http://127.0.0.1:9/issuer")
    (tmp_path / "mine").write_text(mine)
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            account = TokenAccount(f"http://127.0.0.1:{server.server_port}/api/", str(tmp_path / "mine"))
            assert account.user_info() == {"username": ALBERT}
            asked = len(seen)
            (tmp_path / "mine").unlink()
            with pytest.raises(IgwnAuthError, match="does not exist"):
                account.user_info()
            assert len(seen) == asked
        finally:
            server.shutdown()
    assert seen[-1] == ("/api/user-info/", f"Bearer {mine}")
