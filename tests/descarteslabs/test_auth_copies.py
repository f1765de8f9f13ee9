"""No credential travels unseen: what copies share, what a pickle holds, and what is lent on request."""

import base64
import copy
import json
import os
import pickle
import pprint
import subprocess
import sys
import textwrap
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest

from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.earthone.auth import Auth as EarthOneAuth
from skykey.descarteslabs.exceptions import AuthError
from skykey.testing.clock import FakeClock
from tests.descarteslabs.logins import Home, Issuer, granting, holds, jwt, part, put
from tests.values.canary import displays

SECRET = "s3cr3t-cAnArY-91"
GIVEN = {"client_id": "some-id", "client_secret": SECRET}
PROTOCOLS = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


def spellings(secret: str) -> set[bytes]:
    """As it may stand in a pickle: plain, in hexadecimal, in base64 with any neighbours."""
    raw = secret.encode()
    inner = {base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)}
    return {raw, raw.hex().encode(), raw[::-1], *inner}


def shows(data: bytes, *secrets: str) -> bool:
    return any(spelling in data for secret in secrets for spelling in spellings(secret))


def test_the_search_would_find_a_secret() -> None:
    for hidden in (SECRET.encode(), SECRET.encode().hex().encode(), base64.b64encode(f"ab{SECRET}cd".encode())):
        assert shows(b"..." + hidden + b"...", SECRET)


@PROTOCOLS
@pytest.mark.parametrize("way", ["file", "cache", "memory", "token", "named"])
def test_a_pickle_holds_no_credential(issuer: Issuer, tmp_path: Path, protocol: int, way: str) -> None:
    arguments: dict[str, Any] = {
        "file": {},
        "cache": GIVEN,
        "memory": GIVEN | {"token_info_path": None},
        "token": {"jwt_token": jwt(aud="some-id")},
        "named": GIVEN | {"token_info_path": tmp_path / "login.json"},
    }[way]
    if way == "file":
        put(tmp_path / "home" / ".descarteslabs" / "token_info.json", GIVEN)
    auth = Auth(**arguments)
    token = auth.token
    data = pickle.dumps({"nested": [auth]}, protocol)
    assert not shows(data, SECRET, token, token.split(".")[1])
    assert not shows(pickle.dumps(copy.deepcopy(auth), protocol), SECRET, token)


def test_no_display_shows_a_credential(issuer: Issuer) -> None:
    auth = Auth(**GIVEN)
    token = auth.token
    shown = displays(auth)
    for name in ("members", "copy", "deepcopy"):
        shown.pop(name)  # the documented attributes are text
    everything = "".join(shown.values()) + repr(vars(auth)) + pprint.pformat(vars(auth))
    assert SECRET not in everything
    assert token not in everything
    assert repr(auth) == f"<Auth of some-id at {issuer.url}>"


@PROTOCOLS
def test_the_receiver_finds_its_own_login(
    issuer: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    sent = pickle.dumps(Auth(**GIVEN, scope=["openid"], leeway=60, retries=2), protocol)
    nobody: Auth = pickle.loads(sent)
    assert nobody.client_id is None
    with pytest.raises(AuthError, match=r"\(no client_id\)"):
        _ = nobody.token
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", "their-id")
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", "their-secret")
    received: Auth = pickle.loads(sent)
    assert (received.client_id, received.client_secret) == ("their-id", "their-secret")
    assert (received.scope, received.leeway, received.domain) == (["openid"], 60, issuer.url)
    assert received.token.count(".") == 2
    assert issuer.bodies[-1]["client_id"] == "their-id"


def test_the_receiver_reads_the_file_that_was_named(issuer: Issuer, tmp_path: Path) -> None:
    file = put(tmp_path / "login.json", GIVEN)
    received: Auth = pickle.loads(pickle.dumps(Auth(token_info_path=file)))
    assert received.client_secret == SECRET
    assert received.token == holds(file)["jwt_token"]


def test_what_was_asked_for_stays_open_where_it_was_left_open(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver's own settings say which service it is."""
    sent = pickle.dumps(Auth(**GIVEN))
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", "https://iam.example")
    assert pickle.loads(sent).domain == "https://iam.example"


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_copies_share_their_token(issuer: Issuer, make: Any) -> None:
    auth = Auth(**GIVEN)
    twin = make(auth)
    assert twin is not auth
    assert type(twin) is Auth
    assert twin.token == auth.token
    assert (twin.client_id, twin.client_secret, twin.domain) == (auth.client_id, auth.client_secret, auth.domain)
    assert len(issuer.seen) == 1


class Mine(Auth):
    """A user's own, with a constructor and an attribute of its own."""

    def __init__(self, project: str, **more: Any) -> None:
        super().__init__(**more)
        self.project = project


@PROTOCOLS
def test_a_subclass_stays_itself_with_what_it_has(issuer: Issuer, protocol: int) -> None:
    mine = Mine("night", **GIVEN)
    mine.note = ["a"]  # type: ignore[attr-defined]
    for made in (
        copy.copy(mine),
        copy.deepcopy(mine),
        mine.lend(),
        pickle.loads(pickle.dumps(mine, protocol)),
        pickle.loads(pickle.dumps(mine.lend(), protocol)),
    ):
        assert type(made) is Mine
        assert (made.project, made.note) == ("night", ["a"])
        assert made.domain == issuer.url
    assert isinstance(Mine.from_environment_or_token_json(project="x", jwt_token=jwt()), Mine)


def test_all_own_attributes_are_made_anew(issuer: Issuer) -> None:
    """One that is forgotten in the list would travel with every pickle."""
    auth = Auth(**GIVEN)
    _ = auth.token, auth.payload, auth.session
    assert set(vars(auth)) == Auth._own


# -- lending


def test_what_is_lent_holds_the_token_and_nothing_else(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = Auth(**GIVEN, scope=["openid"])
    lent = auth.lend()
    assert lent.token == auth.token
    assert (lent.client_id, lent.client_secret, lent.token_info_path) == (None, None, None)
    assert (lent.domain, lent.scope) == (auth.domain, ["openid"])
    assert not shows(pickle.dumps(lent), SECRET)
    assert len(issuer.seen) == 1


@PROTOCOLS
def test_what_is_lent_travels_with_its_token(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    token = Auth(**GIVEN).token
    sent = pickle.dumps(Auth(**GIVEN).lend(), protocol)
    assert token.encode() in sent
    assert not shows(sent, SECRET)
    # Nothing of the receiver's own counts: its client is another one, for which the token would be none.
    monkeypatch.setenv("CLIENT_ID", "their-id")
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", "their-secret")
    monkeypatch.setenv("DESCARTESLABS_TOKEN", jwt(sub="they"))
    monkeypatch.setenv("DESCARTESLABS_IAM_URL", "https://iam.example")
    received: Auth = pickle.loads(sent)
    assert received.token == token
    assert (received.client_id, received.domain) == (None, issuer.url)
    assert received.lend().token == token
    assert pickle.loads(pickle.dumps(received)).token == token
    assert len(issuer.seen) == 1


def test_what_is_lent_ends_with_its_token(issuer: Issuer) -> None:
    clock = FakeClock(wall=time.time())
    lent = Auth(**GIVEN, token_info_path=None, _clock=clock).lend()
    _ = lent.token
    clock.advance(3601)
    with pytest.raises(AuthError, match=r"\(no client_id\)"):
        _ = lent.token
    assert len(issuer.seen) == 1
    assert pickle.loads(pickle.dumps(lent)).client_secret is None


def test_lending_renews_first(issuer: Issuer) -> None:
    auth = Auth(**GIVEN, jwt_token=jwt(100, aud="some-id"), token_info_path=None)
    assert auth.lend().payload["exp"] > time.time() + 3000
    assert len(issuer.seen) == 1


def test_what_cannot_be_had_cannot_be_lent() -> None:
    with pytest.raises(AuthError, match=r"\(no client_id\)"):
        Auth(token_info_path=None, _suppress_warning=True).lend()


def test_a_pickle_that_fails_shows_no_token(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pickle.dumps(Auth(**GIVEN).lend())
    monkeypatch.setenv("DESCARTESLABS_ENV", "no-such-environment")
    with pytest.raises(ValueError, match="doesn't exist") as raised:
        _load(sent)
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    shown = shown[shown.index("descarteslabs/copies.py") :]
    assert part({"alg": "RS256"}) not in shown


def _load(data: bytes) -> object:
    return pickle.loads(data)


def test_a_worker_process_without_a_login_uses_what_is_lent(home: Home, tmp_path: Path) -> None:
    home.logged_in()
    (tmp_path / "sent").write_bytes(pickle.dumps(Auth().lend()))
    program = """
        import pickle, sys
        auth = pickle.load(open(sys.argv[1], "rb"))
        print(auth.payload["name"], auth.client_id)
    """
    environment = {**os.environ, "HOME": str(tmp_path / "nowhere")}
    command = [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(program), str(tmp_path / "sent")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Ada None\n"


# -- the other brand


def test_earthone_has_names_files_and_settings_of_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", "x")
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", "x")
    monkeypatch.setenv("DESCARTESLABS_TOKEN", jwt())
    monkeypatch.setenv("DESCARTESLABS_TOKEN_INFO_PATH", "x")
    home.logged_in()
    file = home.folder / ".earthone" / "token_info.json"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nobody = EarthOneAuth()
    assert [str(warning.message).partition(" with error")[0] for warning in caught] == [
        f"Unable to read token_info from {file}",
        "No valid authentication info found. See https://earthone.earthdaily.com/docs/authentication.html.",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    with pytest.raises(AuthError, match=r"earthone\.earthdaily\.com/docs") as raised:
        _ = nobody.token
    assert raised.value.next == "skykey earthone auth login"
    login = home.login()
    put(file, login)
    assert EarthOneAuth().payload["name"] == "Ada"
    assert holds(file)["jwt_token"]
    monkeypatch.setenv("EARTHONE_CLIENT_ID", login["client_id"])
    monkeypatch.setenv("EARTHONE_REFRESH_TOKEN", login["client_secret"])
    auth = EarthOneAuth()
    assert auth.token
    assert str(auth.token_info_path).startswith(str(home.folder / ".earthone" / "jwt_token_"))
    monkeypatch.setenv("EARTHONE_TOKEN", jwt(aud=login["client_id"], userid="u"))
    assert EarthOneAuth().namespace == "u"
    monkeypatch.setenv("EARTHONE_TOKEN_INFO_PATH", str(home.folder / "e.json"))
    for name in ("CLIENT_ID", "REFRESH_TOKEN", "TOKEN"):
        monkeypatch.delenv(f"EARTHONE_{name}")
    put(home.folder / "e.json", login)
    assert EarthOneAuth().token_info_path == str(home.folder / "e.json")
    monkeypatch.setenv("EARTHONE_NO_JWT_CACHE", "true")
    with pytest.warns(UserWarning, match="No valid authentication info found"):
        assert EarthOneAuth().client_id is None


def test_earthone_knows_no_old_web_client(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer.answer = granting()
    monkeypatch.setenv("EARTHONE_IAM_URL", issuer.url)
    auth = EarthOneAuth(client_id="ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c", client_secret=SECRET, token_info_path=None)
    _ = auth.token
    assert issuer.bodies[0]["grant_type"] == "refresh_token"
    assert "scope" not in issuer.bodies[0]


@PROTOCOLS
def test_earthone_stays_itself_in_a_pickle(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, protocol: int) -> None:
    monkeypatch.setenv("EARTHONE_IAM_URL", issuer.url)
    received = pickle.loads(pickle.dumps(EarthOneAuth(**GIVEN, token_info_path=None).lend(), protocol))
    assert type(received) is EarthOneAuth
    assert json.loads(issuer.seen[0].body)["refresh_token"] == SECRET
