"""The examples and promises of seed 003, "Authentication", in upstream's words; below a line of dashes stands ours.

What the page promises, and where it is tested (``table`` is test_decision_table.py in tests/descarteslabs, as …):

======================================================================== =============================================
credentials are retrieved from token_info.json by default                test_the_examples, table
that file is created by ``descarteslabs auth login``                     test_logging_in_makes_the_file
a variable changes the default location, also for logging in             test_logging_in_makes_the_file, table
a short-lived token by variable or parameter, not refreshed              test_a_short_lived_token, table
a long-lived refresh token by variables or parameters                    test_a_long_lived_secret, table
its access token is cached between instances                             test_a_long_lived_secret, …/test_auth_files.py
an additional valid access token is used until it expires                test_an_access_token_beside_a_secret
the refresh token is identical to the client secret                      test_a_long_lived_secret, table
one value as a variable, the other one as a parameter                    test_a_long_lived_secret, table
``token_info_path`` by itself switches between accounts                  test_switching_between_accounts
with credentials: written there, used if matching, else overwritten      test_credentials_for_a_file, table
``domain`` defaults to ``get_settings().IAM_URL``                        test_the_examples, …/test_config.py
``scope`` chooses the token's fields                                     test_the_payload, …/test_auth_renewal.py
``leeway`` of 500 seconds                                                …/test_auth_renewal.py, to the second
``token_info_path=None``: never from a file                              test_warnings, table
``client_id``, ``client_secret`` go before variables and file            table
tokens are cached without revealing the client secret                    …/test_auth_files.py, …/test_auth_rotation.py
a token that does not match the client id is discarded                   test_an_access_token_beside_a_secret, table
a discarded token without a secret: access is denied                     test_a_short_lived_token, table
a token beside id and secret is cached and updated                       test_an_access_token_beside_a_secret
the refresh token takes precedence over the client secret                test_warnings, table
``retries``: five, growing waits up to ten seconds                       …/test_auth_renewal.py
UserWarning: secrets differ, no file, no credentials                     test_warnings, table
``from_environment_or_token_json``, ``get_default_auth``, ``set_…``      test_the_default, …/test_auth_sharing.py
``all_acl_subjects``, ``all_owner_acl_subjects``                         test_the_payload, …/test_auth_claims.py
``namespace``, ``payload`` and its fields, ``token``                     test_the_examples, test_the_payload
AuthError: incomplete credentials                                        test_a_short_lived_token, table
OauthError: no token can be obtained or refreshed                        test_a_revoked_login, …/test_auth_renewal.py
======================================================================== =============================================
"""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from skykey.sandbox import Box
from tests.descarteslabs.logins import jwt

Play = Callable[..., str]

DEFAULT = """\
import descarteslabs
# Use default credentials obtained through 'descarteslabs auth login'
auth = descarteslabs.auth.Auth()
# Your Descartes Labs user id
auth.namespace
"""

GIVEN = """\
auth = descarteslabs.auth.Auth(
    client_id="ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c",
    client_secret="b70B_ozH6CaV23WQ-toFQ8CaujGHDs-eC39QEJTRnZa9Z",
)
auth.namespace
"""

# No variable of the sandbox's names a file: the one in the user's home counts.
AT_HOME = """\
import os
for name in ("DESCARTESLABS_TOKEN_INFO_PATH", "EARTHONE_TOKEN_INFO_PATH"):
    del os.environ[name]
# ---
"""


@pytest.fixture(autouse=True)
def _as_at_the_start(box: Box) -> None:
    box.controls.reset()
    box.controls.rotate()
    box.controls.forget()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def filed(box: Box, path: Path, user: str = "ada") -> dict[str, str]:
    """A login in a file, as logging in leaves it."""
    login = box.controls.login(user, system="descarteslabs")
    del login["paste"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(login))
    return login


def with_login(program: str, login: dict[str, str]) -> str:
    """Two names in the program stand for a login."""
    return program.replace("SOME_ID", repr(login["client_id"])).replace("SOME_SECRET", repr(login["client_secret"]))


def posts(box: Box) -> int:
    return sum(seen.path == "/token" for seen in box.controls.requests("iam"))


def test_the_examples(play: Play, box: Box, home: Path) -> None:
    filed(box, home / ".descarteslabs" / "token_info.json")
    old = box.controls.login("ben", client_id="ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c", system="descarteslabs")
    check = """
# ---
import hashlib, re
assert re.fullmatch("[0-9a-f]{40}", auth.namespace), auth.namespace
assert auth.namespace == hashlib.sha1(auth.payload["sub"].encode()).hexdigest()
assert auth.domain == descarteslabs.config.get_settings().IAM_URL == "https://iam.production.aws.descarteslabs.com"
print(auth.payload["name"])
"""
    given = GIVEN.replace("b70B_ozH6CaV23WQ-toFQ8CaujGHDs-eC39QEJTRnZa9Z", old["client_secret"])
    shown = play(AT_HOME + DEFAULT + check + given + check, home=home)
    assert shown == "Ada\nBen\n"
    assert {seen.host for seen in box.controls.requests("iam")} == {"iam.production.aws.descarteslabs.com"}
    assert posts(box) == 2


def test_the_examples_secret_itself_is_refused(play: Play, box: Box) -> None:
    check = """
# ---
import descarteslabs
from descarteslabs.exceptions import AuthError, OauthError
try:
    {}
except OauthError as problem:
    assert isinstance(problem, AuthError) and "b70B" not in str(problem), problem
else:
    raise AssertionError
"""
    play(check.format(GIVEN.strip().replace("\n", "\n    ")))


def test_the_names_in_the_seed_are_those_of_the_successor_too(play: Play, box: Box, home: Path) -> None:
    program = """
import earthdaily.earthone
auth = earthdaily.earthone.auth.Auth()
print(auth.namespace == auth.payload["userid"], auth.domain)
"""
    assert play(program, home=home) == "True https://iam.production.earthone.earthdaily.com\n"


def test_logging_in_makes_the_file(play: Play, box: Box, home: Path) -> None:
    program = """
# ---
import io, os, subprocess, sys
where = os.environ.get("DESCARTESLABS_TOKEN_INFO_PATH")
command = [sys.executable, "-m", "skykey", "descarteslabs", "auth", "login"]
done = subprocess.run(command, input={paste!r} + "\\n", capture_output=True, text=True)
assert done.returncode == 0, (done.stdout, done.stderr)
assert "Welcome, Ben!" in done.stdout + done.stderr, done
import descarteslabs
auth = descarteslabs.auth.Auth()
print(auth.payload["name"], auth.token_info_path)
"""
    paste = box.controls.login("ben", system="descarteslabs")["paste"]
    default = home / ".descarteslabs" / "token_info.json"
    assert play(AT_HOME + program.format(paste=paste), home=home) == f"Ben {default}\n"
    assert stat.S_IMODE(default.stat().st_mode) == 0o600
    paste = box.controls.login("ben", system="descarteslabs")["paste"]
    named = 'import os; os.environ["DESCARTESLABS_TOKEN_INFO_PATH"] = os.path.expanduser("~/other.json")'
    assert play(named + program.format(paste=paste), home=home) == f"Ben {home / 'other.json'}\n"


def test_a_short_lived_token(play: Play, box: Box, home: Path) -> None:
    filed(box, home / ".descarteslabs" / "token_info.json")
    program = """
import os
from descarteslabs.auth import Auth
from descarteslabs.exceptions import AuthError
token = Auth().token
auth = Auth(jwt_token=token)
assert (auth.token, auth.client_id, auth.client_secret) == (token, None, None)
os.environ["DESCARTESLABS_TOKEN"] = token
assert (Auth().token, Auth().client_id) == (token, None)
del os.environ["DESCARTESLABS_TOKEN"]

import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for over in (Auth(jwt_token="x.y.z"), Auth(jwt_token=token, client_id="another")):
        try:
            over.token
        except AuthError as problem:
            print(str(problem).partition(".")[0])
print(*(str(warning.message).partition(".")[0] for warning in caught), sep="\\n")
"""
    assert play(AT_HOME + program, home=home).splitlines() == [
        "No valid authentication info found (no client_id)",
        "No valid authentication info found (no client_secret or refresh_token)",
        "No valid authentication info found",
        "No valid authentication info found",
    ]
    assert posts(box) == 1


def test_a_long_lived_secret(play: Play, box: Box, home: Path) -> None:
    program = """
import os
from descarteslabs.auth import Auth
first = Auth(client_id=SOME_ID, client_secret=SOME_SECRET)
assert first.client_secret == first.refresh_token == SOME_SECRET
tokens = {first.token, Auth(client_id=SOME_ID, client_secret=SOME_SECRET).token}
tokens.add(Auth(client_id=SOME_ID, refresh_token=SOME_SECRET).token)
os.environ["DESCARTESLABS_CLIENT_ID"] = SOME_ID
tokens.add(Auth(client_secret=SOME_SECRET).token)
os.environ["DESCARTESLABS_CLIENT_SECRET"] = SOME_SECRET
tokens.add(Auth().token)
os.environ["DESCARTESLABS_REFRESH_TOKEN"] = os.environ.pop("DESCARTESLABS_CLIENT_SECRET")
tokens.add(Auth().token)
print(len(tokens), Auth().payload["name"])
"""
    login = box.controls.login("ben", system="descarteslabs")
    assert play(with_login(program, login), home=home) == "1 Ben\n"
    assert posts(box) == 1
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not any(login["client_secret"] in path.read_text() for path in files)


def test_an_access_token_beside_a_secret(play: Play, box: Box, home: Path) -> None:
    program = """
from descarteslabs.auth import Auth
login = {"client_id": SOME_ID, "client_secret": SOME_SECRET}
fresh = Auth(**login, token_info_path=None).token
assert Auth(**login, jwt_token=fresh).token == fresh  # used, and cached
assert Auth(**login).token == fresh
due = Auth(**login, jwt_token=SOON_OVER)
assert due._token == SOON_OVER
assert due.token not in {fresh, SOON_OVER} and Auth(**login).token == due.token  # renewed, and cached
other = Auth(**login, jwt_token="x.y.z")
assert other._token is None and other.token == due.token  # discarded
"""
    login = box.controls.login(system="descarteslabs")
    program = program.replace("SOON_OVER", repr(jwt(200, aud=login["client_id"])))
    play(with_login(program, login), home=home)
    assert posts(box) == 2


def test_switching_between_accounts(play: Play, box: Box, home: Path) -> None:
    for user in ("ada", "ben"):
        filed(box, home / f"{user}.json", user)
    program = """
import os, pathlib
from descarteslabs.auth import Auth
for user in ("ada", "ben"):
    named = [Auth(token_info_path=f"~/{user}.json"), Auth(token_info_path=pathlib.Path.home() / f"{user}.json")]
    os.environ["DESCARTESLABS_TOKEN_INFO_PATH"] = os.path.expanduser(f"~/{user}.json")
    print(*(auth.payload["name"] for auth in (*named, Auth())))
"""
    assert play(program, home=home) == "Ada Ada Ada\nBen Ben Ben\n"
    assert posts(box) == 2


def test_credentials_for_a_file(play: Play, box: Box, home: Path) -> None:
    program = """
import json, os, pathlib
from descarteslabs.auth import Auth
path = os.path.expanduser("~/kept.json")
login = {"client_id": SOME_ID, "client_secret": SOME_SECRET}
first = Auth(**login, token_info_path=path)
assert os.path.exists(path) == IS_THERE
token = first.token
kept = json.loads(pathlib.Path(path).read_text())
assert {name: kept[name] for name in login} == login and kept["jwt_token"] == token, kept
assert Auth(**login, token_info_path=path).token == token == Auth(token_info_path=path).token
print(first.payload["name"])
"""
    for user in ("Ada", "Ben"):  # the second one conflicts with what the first one has left there
        login = box.controls.login(user.lower(), system="descarteslabs")
        told = with_login(program.replace("IS_THERE", repr(user == "Ben")), login)
        assert play(told, home=home) == f"{user}\n"
    assert posts(box) == 2


def test_the_payload(play: Play, box: Box, home: Path) -> None:
    program = """
from descarteslabs.auth import Auth
auth = Auth()
documented = {"name", "groups", "org", "email", "email_verified", "sub", "exp"}
assert documented <= set(auth.payload), auth.payload
assert isinstance(auth.token, str) and auth.token.count(".") == 2
subjects = auth.all_acl_subjects
assert subjects[0] == f"user:{auth.namespace}" and "org:sandbox" in subjects, subjects
assert auth.all_acl_subjects_as_set == set(subjects)
print(*subjects[1:], *auth.all_owner_acl_subjects[1:])
assert not {"email", "org"} & set(Auth(scope=["openid", "name"]).payload)
"""
    shown = play(program, home=home).split()
    assert shown == [
        "email:ada@example.org", "org:sandbox", "group:public", "group:sandbox:observers", "group:sandbox:org-admin",
        "org:sandbox", "access-id:dome",
    ]  # fmt: skip


def test_the_default(play: Play, box: Box, home: Path) -> None:
    program = """
from descarteslabs.auth import Auth
auth = Auth.get_default_auth()
assert auth is Auth.get_default_auth()
other = Auth.from_environment_or_token_json(jwt_token=auth.token)
Auth.set_default_auth(other)
assert Auth.get_default_auth() is other
print(other.payload["name"])
"""
    assert play(program, home=home) == "Ada\n"


def test_warnings(play: Play, box: Box, home: Path) -> None:
    program = """
import os, warnings
from descarteslabs.auth import Auth
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    both = Auth(client_id="a", client_secret="b", refresh_token="c")
    Auth()
    Auth(token_info_path="~/nothing.json")
    Auth(token_info_path=None)
assert both.client_secret == both.refresh_token == "c"
for warning in caught:
    print(warning.category.__name__, os.path.basename(warning.filename), str(warning.message)[:29])
"""
    unread, nobody = (
        "UserWarning program.py Unable to read token_info fro",
        "UserWarning program.py No valid authentication info ",
    )
    assert play(AT_HOME + program, home=home).splitlines() == [
        "UserWarning program.py Authentication token mismatch",
        unread, nobody, unread, nobody, nobody,
    ]  # fmt: skip
    assert posts(box) == 0


def test_a_revoked_login(play: Play, box: Box, home: Path) -> None:
    program = """
from descarteslabs.auth import Auth
from descarteslabs.exceptions import AuthError, BadRequestError, OauthError
auth = Auth()
try:
    auth.token
except OauthError as problem:
    assert isinstance(problem, AuthError) and isinstance(problem, BadRequestError)
    print(problem.status, auth.client_secret in str(problem))
"""
    box.controls.revoke("ada")
    assert play(program, home=home) == "400 False\n"


def test_the_table_names_tests_that_exist() -> None:
    named = set(re.findall(r"\b(test_\w+(?:\.py)?)", __doc__ or ""))
    beside = Path(__file__).parents[1] / "descarteslabs"
    assert {name for name in named if not name.endswith(".py")} <= set(globals())
    assert all((beside / name).exists() for name in named if name.endswith(".py"))
