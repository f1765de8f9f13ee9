"""The decision table of the contract, row by row: what is given, and what shows of the decision.

In texts of a row, a name in braces stands for a value of that moment:

``{id}``, ``{secret}``
    A login that the token service accepts.
``{good}``, ``{soon}``, ``{over}``
    Tokens for that client: for an hour, inside the leeway, ended.
``{other}``, ``{several}``, ``{without}``
    Tokens of an hour for another client, for several with ours among them, for nobody.
``{named}``
    The path of a file of the test's own.
"""

import hashlib
import linecache
import os
import stat
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.exceptions import AuthError, OauthError
from tests.descarteslabs.logins import Home, holds, jwt, put

LOGIN = {"client_id": "{id}", "client_secret": "{secret}", "refresh_token": "{secret}"}
GIVEN = {"client_id": "{id}", "client_secret": "{secret}"}
ID, SECRET, REFRESH, TOKEN, FILE, NO_CACHE = (
    f"DESCARTESLABS_{name}"
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "TOKEN", "TOKEN_INFO_PATH", "NO_JWT_CACHE")
)
NO_ID, NO_SECRET = "(no client_id)", "(no client_secret or refresh_token)"


@dataclass(frozen=True)
class Row:
    """One row. Files are texts, or JSON; `older` is the file that older releases name after the secret alone."""

    what: str
    # (client id, both secrets, _token)
    has: tuple[str | None, str | None, str | None]
    # r: cannot be read, n: nothing usable, m: mismatch
    warns: str
    # "held", "post", "refused" (one request, answered with no), or the words in the error's brackets
    token: str
    arguments: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    file: Any = None
    named: Any = None
    older: Any = None
    # what is written after `token`: "", "cache", "file", "named"
    writes: str = ""
    # what `token_info_path` is: "file", "named", "cache" or itself
    path: str | None = "file"
    scope: list[str] | None = None


def rows() -> list[Row]:
    nobody = (None, None, None)
    whole = ("{id}", "{secret}", None)
    with_good = ("{id}", "{secret}", "{good}")
    in_cache: dict[str, Any] = {"writes": "cache", "path": "cache"}
    named: dict[str, Any] = {"path": "named"}
    path = {"token_info_path": "{named}"}
    return [
        # -- nothing is given: the file is the login
        Row("nothing, and no file", nobody, "rn", NO_ID),
        Row("nothing, no file, told to be silent", nobody, "", NO_ID, {"_suppress_warning": True}),
        Row("nothing, and no file wanted", nobody, "n", NO_ID, {"token_info_path": None}, path=None),
        Row("a file with a token", with_good, "", "held", file=LOGIN | {"jwt_token": "{good}"}),
        Row("a file whose token is over", whole, "", "post", file=LOGIN | {"jwt_token": "{over}"}, writes="file"),
        Row("a file with another's token", whole, "", "post", file=LOGIN | {"jwt_token": "{other}"}, writes="file"),
        Row(
            "a file with two tokens: the old key counts",
            whole, "", "post", file=LOGIN | {"JWT_TOKEN": "{other}", "jwt_token": "{good}"}, writes="file",
        ),
        Row("a file with client_secret alone", whole, "", "post", file=GIVEN, writes="file"),
        Row(
            "a file with refresh_token alone",
            whole, "", "post", file={"client_id": "{id}", "refresh_token": "{secret}"}, writes="file",
        ),
        Row(
            "a file with two secrets: refresh_token wins",
            whole, "m", "post", file=LOGIN | {"client_secret": "different"}, writes="file",
        ),
        Row("a file with a token alone", (None, None, "{good}"), "", "held", file={"jwt_token": "{good}"}),
        Row("a file that is no JSON", nobody, "rn", NO_ID, file="not JSON"),
        Row("an empty file", nobody, "rn", NO_ID, file=""),
        Row("a file with a list", nobody, "rn", NO_ID, file=[]),
        Row("a file with null", nobody, "rn", NO_ID, file="null"),
        Row("a file whose client_id is a number", nobody, "rn", NO_ID, file=LOGIN | {"client_id": 5}),
        Row("a file whose secret is a list", nobody, "rn", NO_ID, file=LOGIN | {"refresh_token": ["{secret}"]}),
        Row("a file whose token is a number", whole, "", "post", file=LOGIN | {"jwt_token": 5}, writes="file"),
        Row("a file for several clients' token", ("{id}", "{secret}", "{several}"), "", "held",
            file=LOGIN | {"jwt_token": "{several}"}),
        # -- a token is given
        Row("a token", (None, None, "{good}"), "", "held", {"jwt_token": "{good}"}),
        Row("a token, and a login in the file", (None, None, "{good}"), "", "held", {"jwt_token": "{good}"},
            file=LOGIN),
        Row("a token that is over", nobody, "n", NO_ID, {"jwt_token": "{over}"}),
        Row("a token that is over is no reason to take the file", nobody, "n", NO_ID, {"jwt_token": "{over}"},
            file=LOGIN),
        Row("garbage for a token", nobody, "n", NO_ID, {"jwt_token": "garbage"}, file=LOGIN),
        Row("a token that never ends", nobody, "n", NO_ID, {"jwt_token": "{endless}"}, file=LOGIN),
        Row("a token inside the leeway", (None, None, "{soon}"), "", "held", {"jwt_token": "{soon}"}),
        Row("a token, its client", ("{id}", None, "{good}"), "", "held", {"jwt_token": "{good}", "client_id": "{id}"}),
        Row("a token, another client", ("{id}", None, None), "n", NO_SECRET,
            {"jwt_token": "{other}", "client_id": "{id}"}),
        Row("a token for nobody, a client", ("{id}", None, None), "n", NO_SECRET,
            {"jwt_token": "{without}", "client_id": "{id}"}),
        Row("a token for several clients, one of them", ("{id}", None, "{several}"), "", "held",
            {"jwt_token": "{several}", "client_id": "{id}"}),
        Row("a token for several clients, another one", ("x", None, None), "n", NO_SECRET,
            {"jwt_token": "{several}", "client_id": "x"}),
        # -- half a login is given
        Row("a client id", ("{id}", None, None), "n", NO_SECRET, {"client_id": "{id}"}),
        Row("a client id, and a login in the file", ("{id}", None, None), "n", NO_SECRET,
            {"client_id": "{id}"}, file=LOGIN),
        Row("a client secret", (None, "{secret}", None), "n", NO_ID, {"client_secret": "{secret}"}, path="cache"),
        Row("a refresh token", (None, "{secret}", None), "n", NO_ID, {"refresh_token": "{secret}"}, path="cache"),
        Row("a client secret, and the file of older releases", (None, "{secret}", "{other}"), "", "held",
            {"client_secret": "{secret}"}, older={"jwt_token": "{other}"}, path="cache"),
        # -- a whole login is given
        Row("a login", whole, "", "post", GIVEN, **in_cache),
        Row("a login, and another one in the file", whole, "", "post", GIVEN, file=LOGIN | {"client_id": "x"},
            **in_cache),
        Row("a login by refresh_token", whole, "", "post", {"client_id": "{id}", "refresh_token": "{secret}"},
            **in_cache),
        Row("a login, both secrets the same", whole, "", "post", LOGIN, **in_cache),
        Row("a login, and the file of older releases", with_good, "", "held", GIVEN, older={"jwt_token": "{good}"},
            path="cache"),
        Row("a login with two secrets: refresh_token wins", whole, "m", "post",
            LOGIN | {"client_secret": "x"}, **in_cache),
        Row("a mismatch cannot be silenced", whole, "m", "post",
            LOGIN | {"client_secret": "x", "_suppress_warning": True}, **in_cache),
        Row("a login, garbage in the older file", whole, "", "post", GIVEN, older={"jwt_token": "x.y.z"}, **in_cache),
        Row("a login, a list in the older file", whole, "", "post", GIVEN, older=[], **in_cache),
        Row("a login, a token of another client in the older file", whole, "", "post", GIVEN,
            older={"jwt_token": "{other}"}, **in_cache),
        Row("a login and a token", with_good, "", "held", GIVEN | {"jwt_token": "{good}"}, **in_cache),
        Row("a login and a token that is over", whole, "", "post", GIVEN | {"jwt_token": "{over}"}, **in_cache),
        Row("a login and another's token", whole, "", "post", GIVEN | {"jwt_token": "{other}"}, **in_cache),
        Row("a login, no file wanted", whole, "", "post", GIVEN | {"token_info_path": None}, path=None),
        Row("a login, an empty path", whole, "", "post", GIVEN | {"token_info_path": ""}, path=""),
        # -- a file is named
        Row("a named file that is not there", nobody, "rn", NO_ID, path, **named),
        Row("a named file", with_good, "", "held", path, named=LOGIN | {"jwt_token": "{good}"}, **named),
        Row("a named file, a login, no such file", whole, "", "post", GIVEN | path, writes="named", **named),
        Row("a named file, its login", with_good, "", "held", GIVEN | path,
            named=LOGIN | {"jwt_token": "{good}"}, **named),
        Row("a named file with client_secret alone, its login", with_good, "", "held", GIVEN | path,
            named=GIVEN | {"jwt_token": "{good}"}, **named),
        Row("a named file, its login and scope", with_good, "", "held", GIVEN | path,
            named=LOGIN | {"jwt_token": "{good}", "scope": ["openid"]}, scope=["openid"], **named),
        Row("a named file, another login", whole, "", "post", GIVEN | path,
            named=LOGIN | {"refresh_token": "x", "client_secret": "x", "jwt_token": "{good}"}, writes="named", **named),
        Row("a named file, another login: its scope is not ours", whole, "", "post", GIVEN | path,
            named={"client_id": "x", "refresh_token": "x", "scope": ["openid"]}, writes="named", **named),
        Row("a named file that is no JSON, a login", whole, "r", "post", GIVEN | path, named="{",
            writes="named", **named),
        Row("a named file with a list, a login", whole, "r", "post", GIVEN | path, named=[], writes="named", **named),
        Row("a named file, a login and a token", with_good, "", "held", GIVEN | path | {"jwt_token": "{good}"},
            named=LOGIN | {"jwt_token": "{over}"}, **named),
        Row("a named file, a client id", ("{id}", None, None), "n", NO_SECRET, {"client_id": "{id}"} | path,
            named=LOGIN, **named),
        Row("a named file, a token", (None, None, "{good}"), "", "held", {"jwt_token": "{good}"} | path,
            named=LOGIN | {"scope": ["openid", "name"]}, scope=["openid", "name"], **named),
        Row("a variable names a file", with_good, "", "held", variables={FILE: "{named}"},
            named=LOGIN | {"jwt_token": "{good}"}, **named),
        Row("a variable names a file, a login is given", whole, "", "post", GIVEN, {FILE: "{named}"},
            named=LOGIN | {"jwt_token": "{good}"}, **in_cache),
        Row("a variable names no file", nobody, "n", NO_ID, variables={FILE: ""}, file=LOGIN, path=""),
        Row("a variable names no file, a login is given", whole, "", "post", GIVEN, {FILE: ""}, path=""),
        # -- variables
        Row("variables: id and secret", whole, "", "post", variables={ID: "{id}", SECRET: "{secret}"}, **in_cache),
        Row("variables: id and refresh token", whole, "", "post", variables={ID: "{id}", REFRESH: "{secret}"},
            **in_cache),
        Row("variables: old names", whole, "", "post",
            variables={"CLIENT_ID": "{id}", "CLIENT_SECRET": "{secret}"}, **in_cache),
        Row("variables: old and new names", whole, "", "post",
            variables={"CLIENT_ID": "x", "CLIENT_SECRET": "x", ID: "{id}", SECRET: "{secret}"}, **in_cache),
        Row("variables: there is no old name of the refresh token", nobody, "rn", NO_ID,
            variables={"REFRESH_TOKEN": "{secret}"}),
        Row("variables: an old name alone stands before the file", ("x", None, None), "n", NO_SECRET,
            variables={"CLIENT_ID": "x"}, file=LOGIN),
        Row("variables and arguments", whole, "", "post", GIVEN, {ID: "x", SECRET: "x"}, **in_cache),
        Row("a variable and an argument", whole, "", "post", {"client_secret": "{secret}"}, {ID: "{id}"}, **in_cache),
        Row("a variable's refresh token goes before an argument's secret", whole, "m", "post",
            {"client_id": "{id}", "client_secret": "x"}, {REFRESH: "{secret}"}, **in_cache),
        Row("an argument's refresh token goes before a variable's secret", whole, "m", "post",
            {"client_id": "{id}", "refresh_token": "{secret}"}, {SECRET: "x"}, **in_cache),
        Row("an empty variable is there", ("", "{secret}", None), "n", "refused",
            {"client_secret": "{secret}"}, {ID: "", "CLIENT_ID": "{id}"}, path="cache"),
        Row("an empty argument is there", whole, "", "post",
            {"refresh_token": "", "client_id": "{id}", "client_secret": "{secret}"}, {REFRESH: "x"}, **in_cache),
        Row("nothing but empty variables", with_good, "", "held", variables={ID: "", SECRET: "", REFRESH: ""},
            file=LOGIN | {"jwt_token": "{good}"}),
        Row("a variable with a token", (None, None, "{good}"), "", "held", variables={TOKEN: "{good}"}, file=LOGIN),
        Row("a variable and an argument with a token", (None, None, "{good}"), "", "held",
            {"jwt_token": "{good}"}, {TOKEN: "{soon}"}),
        Row("variables come with a line end", whole, "", "post",
            variables={ID: "{id}\n", SECRET: "{secret}\n"}, **in_cache),
        Row("no file is to be read", nobody, "n", NO_ID, variables={NO_CACHE: "True"}, file=LOGIN),
        Row("no file is to be read, 1 does not say so", whole, "", "post", variables={NO_CACHE: "1"},
            file=LOGIN, writes="file"),
        Row("no file is to be read, a login is given", whole, "", "post", GIVEN, {NO_CACHE: "true"},
            older={"jwt_token": "{good}"}, **in_cache),
        Row("no file is to be read, a file is named, a login is given", whole, "", "post", GIVEN | path,
            {NO_CACHE: "true"},
            named=LOGIN | {"jwt_token": "{good}"}, writes="named", **named),
    ]  # fmt: skip


ROWS = pytest.mark.parametrize("row", rows(), ids=lambda row: row.what)


class Scene:
    """A home in which the files and variables of a row are."""

    def __init__(self, home: Home, row: Row, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        login = home.box.controls.login()
        client = login["client_id"]
        self.home, self.row = home, row
        self.names = {
            "id": client,
            "secret": login["client_secret"],
            "good": jwt(aud=client),
            "soon": jwt(200, aud=client),
            "over": jwt(-1, aud=client),
            "endless": jwt(None, aud=client),
            "other": jwt(aud="somebody-else"),
            "several": jwt(aud=["somebody-else", client]),
            "without": jwt(),
            "named": str(folder / "elsewhere" / "login.json"),
        }
        older = home.ours / f"jwt_token_{hashlib.sha1(login['client_secret'].encode()).hexdigest()}.json"
        self.files = {"file": home.file, "named": Path(self.names["named"]), "older": older}
        for name, path in self.files.items():
            content = getattr(row, name)
            if content is not None:
                put(path, self.of(content))
        for name, text in row.variables.items():
            monkeypatch.setenv(name, self.of(text))
        self.before = self.bytes()

    def of(self, value: Any) -> Any:
        """The value with its names filled in."""
        if isinstance(value, dict):
            return {key: self.of(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        if isinstance(value, str):
            for name, text in self.names.items():
                value = value.replace(f"{{{name}}}", text)
        return value

    def bytes(self) -> dict[str, bytes | None]:
        return {name: path.read_bytes() if path.exists() else None for name, path in self.files.items()}

    @property
    def caches(self) -> list[Path]:
        found = self.home.ours.glob("jwt_token_*.json")
        return [path for path in found if path != self.files["older"]]


@pytest.fixture
def scene(home: Home, row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(home, row, tmp_path, monkeypatch)


def kind(text: str) -> str:
    if text.startswith("Unable to read token_info from ") and " with error " in text:
        return "r"
    if text == "No valid authentication info found. See https://docs.descarteslabs.com/authentication.html.":
        return "n"
    return "m" if text.startswith("Authentication token mismatch:") else text


@ROWS
def test_what_is_resolved_and_what_a_token_costs(row: Row, scene: Scene) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        auth = Auth(**scene.of(row.arguments))
    assert "".join(kind(str(warning.message)) for warning in caught) == row.warns
    assert (auth.client_id, auth.client_secret, auth._token) == tuple(map(scene.of, row.has))
    assert auth.refresh_token == auth.client_secret
    assert auth.scope == row.scope
    _check_path(auth, row, scene)
    assert scene.home.posts == 0
    assert scene.bytes() == scene.before, "making it writes into no file that was there"

    if row.token in {"held", "post"}:
        token = auth.token
        assert auth.token == token
        assert (token == scene.of(row.has[2])) == (row.token == "held")
        assert auth.payload["aud"] in (scene.names["id"], ["somebody-else", scene.names["id"]], "somebody-else")
    elif row.token == "refused":
        with pytest.raises(OauthError, match="client_id is missing"):
            _ = auth.token
    else:
        with pytest.raises(AuthError) as raised:
            _ = auth.token
        words = (
            f"No valid authentication info found {row.token}. See https://docs.descarteslabs.com/authentication.html."
        )
        assert raised.value.message == words
    assert scene.home.posts == (row.token in {"post", "refused"})
    _check_files(auth, row, scene)


def _check_path(auth: Auth, row: Row, scene: Scene) -> None:
    path = auth.token_info_path
    if row.path == "cache":
        assert path is not None
        assert Path(path).parent == scene.home.ours
        assert Path(path).name.startswith("jwt_token_")
        assert scene.names["secret"] not in path
    elif row.path in {"file", "named"}:
        assert path == str(scene.files[row.path])
    else:
        assert path == row.path


def _check_files(auth: Auth, row: Row, scene: Scene) -> None:
    """What is to be written is, and nothing else."""
    written = scene.files.get(row.writes)
    if written is not None:
        pair = {"client_secret": scene.names["secret"], "refresh_token": scene.names["secret"]}
        assert holds(written) == {"client_id": scene.names["id"], "jwt_token": auth.token} | pair
    assert {name: content for name, content in scene.bytes().items() if name != row.writes} == {
        name: content for name, content in scene.before.items() if name != row.writes
    }
    assert len(scene.caches) == (row.writes == "cache")
    if row.writes == "cache":
        assert scene.caches == [Path(auth.token_info_path or "")]
        assert holds(scene.caches[0]) == {"jwt_token": auth.token}
    for path in (*scene.caches, *([written] if written else [])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if row.file is None and row.older is None and scene.home.ours.exists():
        assert stat.S_IMODE(scene.home.ours.stat().st_mode) == 0o700


@pytest.mark.parametrize("row", [row for row in rows() if row.warns], ids=lambda row: row.what)
def test_a_warning_is_at_the_line_of_its_caller(row: Row, scene: Scene) -> None:
    arguments = scene.of(row.arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Auth(**arguments)  # this line
        Auth.from_environment_or_token_json(**arguments)  # this line
        if not arguments:
            Auth.get_default_auth()  # this line
            Auth.get_default_auth()
    assert len(caught) == len(row.warns) * (2 if arguments else 3)
    for warning in caught:
        assert warning.category is UserWarning
        assert warning.filename == __file__
        assert linecache.getline(__file__, warning.lineno).rstrip().endswith("# this line")
        if kind(str(warning.message)) == "r":
            assert str(scene.files[row.path or ""]) in str(warning.message)


def test_a_given_token_that_is_none_leaves_a_good_one_where_it_is(home: Home) -> None:
    login = home.box.controls.login()
    given = {"client_id": login["client_id"], "client_secret": login["client_secret"]}
    good = jwt(aud=login["client_id"])
    Auth(**given, jwt_token=good)
    for bad in (jwt(-1, aud=login["client_id"]), jwt(aud="somebody-else"), "garbage", ""):
        auth = Auth(**given, jwt_token=bad)
        assert auth.token == good
        assert holds(auth.token_info_path or "") == {"jwt_token": good}
    assert home.posts == 0


def test_making_one_again_does_not_write_the_shared_token_again(home: Home) -> None:
    """Another process may have put a newer one there meanwhile."""
    login = home.box.controls.login()
    given = {"client_id": login["client_id"], "client_secret": login["client_secret"]}
    path = Auth(**given, jwt_token=jwt(aud=login["client_id"])).token_info_path or ""
    before = os.stat(path)
    assert Auth(**given)._token is not None
    assert (os.stat(path).st_ino, os.stat(path).st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_user_without_a_home_has_no_files(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user nobody knows: a folder named ``~`` helps nobody."""
    monkeypatch.setenv("HOME", "~")
    with pytest.warns(UserWarning, match="No valid authentication info"):
        assert Auth().token_info_path == ""
    login = home.box.controls.login()
    auth = Auth(client_id=login["client_id"], client_secret=login["client_secret"])
    assert auth.payload["name"] == "Ada"
    assert auth.token_info_path == ""
    assert not (tmp_path / "~").exists()


@pytest.mark.parametrize("spelling", ["a Path", "a tilde", "a bare name", "a relative path", "a link", "bytes"])
def test_a_path_may_be_spelt_in_any_way(
    home: Home, spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = home.box.controls.login()
    real = tmp_path / "real.json"
    (tmp_path / "sub").mkdir()
    given: Any = {
        "a Path": real,
        "a tilde": "~/real.json",
        "a bare name": "real.json",
        "a relative path": "sub/../real.json",
        "a link": tmp_path / "link.json",
        "bytes": os.fsencode(real),
    }[spelling]
    if spelling == "a tilde":
        monkeypatch.setenv("HOME", str(tmp_path))
    if spelling == "a link":
        (tmp_path / "link.json").symlink_to("real.json")
    if spelling == "bytes":
        with pytest.raises(ValueError, match="token_info_path is a path, not bytes"):
            Auth(token_info_path=given)
        return
    auth = Auth(client_id=login["client_id"], client_secret=login["client_secret"], token_info_path=given)
    monkeypatch.chdir("/")  # what was meant is where it was
    token = auth.token
    assert holds(real)["jwt_token"] == token
    assert auth.token_info_path == os.fspath(given)
    assert (tmp_path / "link.json").is_symlink() == (spelling == "a link")
    monkeypatch.chdir(tmp_path)
    assert Auth(token_info_path=given)._token == token
    assert home.posts == 1
