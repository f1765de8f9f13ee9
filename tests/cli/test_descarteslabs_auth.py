"""`skykey descarteslabs auth`, as its users type it: a login that fails destroys none, no secret is shown unasked."""

import base64
import json
import os
import pty
import re
import shutil
import socket
import stat
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skykey.credentials.stores.lock import Limit
from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE
from skykey.descarteslabs.config import EarthOneSettings, Settings
from skykey.descarteslabs.signing_in import LARGEST, login_of, name_of
from skykey.sandbox import Box
from skykey.values.secret import Secret
from tests.descarteslabs.logins import jwt

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
COMMAND = [sys.executable, "-m", "skykey"]
FOLLOW = "Follow this link to login and request a token:"
WRONG = "You entered the wrong token. Please go to"
EXITING = "Exiting without logging in"


@pytest.fixture(autouse=True)
def home(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A home without a login, the sandbox's addresses, and nothing selected before or after."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for brand in (DESCARTESLABS, EARTHONE):
        monkeypatch.delenv(brand.token_info_path_variable)
    Settings._settings = EarthOneSettings._settings = None
    yield tmp_path
    Settings._settings = EarthOneSettings._settings = None
    for brand in (DESCARTESLABS, EARTHONE):
        os.environ.pop(brand.environment_variable, None)


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".descarteslabs" / "token_info.json"


@pytest.fixture
def auth(run: Run) -> Run:
    def call(*arguments: str, text: str | None = None) -> Result:
        return run("descarteslabs", "auth", *arguments, text=text)

    return call


def written(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def shown(result: Result) -> str:
    return result.stdout + result.stderr


# -- login


def test_a_login_that_works_is_written_and_greeted(box: Box, auth: Run, file: Path) -> None:
    login = box.controls.login()
    result = auth("login", text=f"{login['paste']}\n")
    assert (result.exit_code, result.stdout) == (0, "Welcome, Ada!\n")
    assert result.stderr.startswith(f"{FOLLOW}\n\n    {box.app_url}/account/refresh-token\n\n")
    content = written(file)
    assert content.pop("jwt_token").count(".") == 2
    # What came along and is not ours (id, name, revoke_url) is there too.
    assert content == {name: value for name, value in login.items() if name != "paste"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_token_bought_to_verify_is_the_one_that_is_used(box: Box, auth: Run, file: Path) -> None:
    assert auth("login", text=box.controls.login()["paste"]).exit_code == 0
    box.controls.forget()
    assert auth("token").stdout == f"{written(file)['jwt_token']}\n"
    assert box.controls.requests("iam") == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda paste: paste + "==",
        lambda paste: paste + "=" * (-len(paste) % 4),
        lambda paste: f"  \t{paste} \r\n\n",
        lambda paste: f'"{paste}"',
        lambda paste: "\n".join(re.findall(".{1,60}", paste)),
        lambda paste: f"\ufeff{paste}\u200b",
        lambda paste: paste.replace("-", "+").replace("_", "/"),
    ],
    ids=["padding", "right padding", "blanks", "quotes", "folded", "invisible", "other alphabet"],
)
def test_a_paste_is_read_however_it_was_copied(box: Box, auth: Run, file: Path, spoil: Callable[[str], str]) -> None:
    login = box.controls.login()
    result = auth("login", text=spoil(login["paste"]))
    assert (result.exit_code, result.stdout) == (0, "Welcome, Ada!\n")
    assert written(file)["refresh_token"] == login["refresh_token"]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "e",
        encoded([]),
        encoded(5),
        encoded("refresh_token"),
        encoded(None),
        encoded({}),
        encoded({"client_id": "a"}),
        encoded({"client_secret": "b"}),
        encoded({"client_id": "a", "client_secret": ""}),
        encoded({"client_id": "a", "client_secret": 5}),
        encoded({"client_id": ["a"], "client_secret": "b"}),
        encoded({"client_id": "a", "client_secret": "b\nc"}),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        "x" * (LARGEST + 1),
    ],
)
def test_what_is_no_login_is_refused_and_nothing_written(box: Box, auth: Run, file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_bytes(b"as it was")
    result = auth("login", text=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error [wrong-paste]: {WRONG} {box.app_url}/account/refresh-token to retrieve your token\n" in result.stderr
    assert file.read_bytes() == b"as it was"
    assert box.controls.requests("iam") == []


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_pasted_raises(raw: bytes) -> None:
    for text in (raw.decode("latin-1"), base64.urlsafe_b64encode(raw).decode()):
        login = login_of(Secret(text))
        assert login is None or (login.client_id and login.renewal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["client_id", "client_secret", "refresh_token", "scope", "name", "jwt_token"])


@given(st.dictionaries(KEYS, JSON))
def test_a_paste_of_any_json_is_a_whole_login_or_none(document: dict[str, Any]) -> None:
    login = login_of(Secret(encoded(document)))
    if login is not None:
        assert isinstance(login.client_id, str)
        assert login.client_id.isprintable()
        assert login.renewal is not None
        assert login.jwt_token is None
        assert set(login.others) <= {"name"}


@pytest.mark.parametrize(
    ("text", "code", "words"), [("\n", 0, EXITING), ("  \n", 0, EXITING), ("", 1, "nothing-pasted")]
)
def test_an_empty_line_is_a_change_of_mind_and_the_end_is_an_error(
    auth: Run, file: Path, text: str, code: int, words: str
) -> None:
    result = auth("login", text=text)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr
    assert not file.exists()


def revoked(box: Box) -> None:
    box.controls.revoke()


def unavailable(box: Box) -> None:
    box.controls.fault(times=9, service="iam", status=503)


def silly(box: Box) -> None:
    box.controls.iam(drop=["access_token"])


def forbidden(box: Box) -> None:
    box.controls.fail("refresh", status=403)


def elsewhere(box: Box) -> None:
    box.controls.fault(times=1, service="iam", status=307, headers={"Location": "https://example.org/token"})


@pytest.mark.parametrize(
    ("state", "code", "name"),
    [
        (revoked, 4, "not-authenticated"),
        (unavailable, 8, "overloaded"),
        (silly, 1, "unreadable"),
        (forbidden, 4, "forbidden"),
        (elsewhere, 1, "redirected"),
    ],
)
def test_a_login_that_fails_leaves_the_old_one_to_the_byte(
    *, box: Box, auth: Run, file: Path, promised: Promised, state: Callable[[Box], None], code: int, name: str
) -> None:
    old, new = box.controls.login("ben"), box.controls.login("ada")
    assert auth("login", text=old["paste"]).exit_code == 0
    before, stamp = file.read_bytes(), file.stat().st_mtime_ns
    state(box)
    result = auth("login", "--json", text=new["paste"])
    assert result.exit_code == code, result.stderr
    assert promised("error", result.stdout)["error"]["code"] == name
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, stamp)
    if code == 4:
        assert f"Next: get a new one at {box.app_url}/account/refresh-token" in result.stderr
    for secret in (new["paste"], new["client_secret"]):
        assert secret not in shown(result)


def test_a_naive_login_destroys_the_old_one(box: Box, file: Path) -> None:
    """What the release does: it writes first. If this passed, the test above would prove nothing."""
    login = box.controls.login()
    file.parent.mkdir()
    file.write_text(json.dumps(box.controls.login("ben")))
    before = file.read_bytes()
    box.controls.revoke("ada")
    pasted = json.loads(base64.urlsafe_b64decode(login["paste"] + "=="))
    file.write_text(json.dumps(pasted | {"refresh_token": pasted["client_secret"]}))
    assert file.read_bytes() != before


def test_an_issuer_that_cannot_be_reached_is_temporary(
    auth: Run, box: Box, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DESCARTESLABS_IAM_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    result = auth("login", text=box.controls.login()["paste"])
    assert result.exit_code == 8
    assert not file.exists()


def test_a_rotating_issuer_has_its_new_secret_in_the_file(box: Box, auth: Run, file: Path) -> None:
    box.controls.iam(rotation=True, seconds=2)
    login = box.controls.login()
    assert auth("login", text=login["paste"]).exit_code == 0
    assert written(file)["refresh_token"] != login["refresh_token"]
    assert auth("token").exit_code == 0  # the pasted secret again would end the login
    assert box.controls.iam_stats()["reuses"] == 0


def test_the_name_in_the_greeting_is_one_line_of_letters() -> None:
    assert name_of({"name": "Ada\x1b[2J\nLovelace"}) == "Ada [2J Lovelace"
    assert name_of({"name": " ", "email": "a@b.c"}) == "a@b.c"
    assert name_of({"name": 5, "userid": "e49"}) == "e49"
    assert name_of({}) == "somebody"


def test_a_token_without_a_name_is_no_crash(box: Box, auth: Run, file: Path) -> None:
    paste = json.loads(base64.urlsafe_b64decode(box.controls.login()["paste"] + "=="))
    assert auth("login", text=encoded(paste | {"scope": ["openid"]})).stdout.startswith("Welcome, ")
    assert written(file)["scope"] == ["openid"]
    assert auth("name").stdout == "\n"
    groups = auth("groups", "--json")
    assert (groups.exit_code, json.loads(groups.stdout)["error"]["code"]) == (1, "no-such-claim")


def test_variables_that_win_are_named(
    box: Box, auth: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", "other")
    monkeypatch.setenv("CLIENT_SECRET", "secret-canary")
    monkeypatch.setenv("DESCARTESLABS_TOKEN", "")
    monkeypatch.setenv("DESCARTESLABS_NO_JWT_CACHE", "True")
    result = auth("login", text=box.controls.login()["paste"])
    assert result.exit_code == 0
    assert (
        "warning: DESCARTESLABS_CLIENT_ID, CLIENT_SECRET are set and will be used in place of this login; "
        "unset DESCARTESLABS_CLIENT_ID CLIENT_SECRET\n"
    ) in result.stderr
    assert "warning: DESCARTESLABS_NO_JWT_CACHE is true" in result.stderr
    assert "secret-canary" not in shown(result)
    document = promised("login", auth("login", "--json", text=box.controls.login()["paste"]).stdout)
    named = ["DESCARTESLABS_CLIENT_ID", "CLIENT_SECRET", "DESCARTESLABS_NO_JWT_CACHE"]
    assert document["shadowed_by"] == named
    assert (document["logged_in"], document["name"], document["file"]) == (True, "Ada", str(file))
    nobody = promised("login", auth("login", "--json", text="\n").stdout)
    assert (nobody["logged_in"], nobody["file"]) == (False, None)


def test_a_paste_lies_in_a_file(box: Box, auth: Run, tmp_path: Path) -> None:
    paste = tmp_path / "paste"
    paste.write_text(f"\n{box.controls.login()['paste']}\n")
    result = auth("login", "--paste-file", str(paste))
    assert (result.exit_code, result.stdout) == (0, "Welcome, Ada!\n")
    assert FOLLOW not in result.stderr
    assert auth("login", "--paste-file", "-", text=paste.read_text()).stdout == "Welcome, Ada!\n"
    missing = auth("login", "--paste-file", str(tmp_path / "none"))
    assert (missing.exit_code, missing.stderr) == (1, f"error [file]: {tmp_path}/none: No such file or directory\n")


def test_a_link_stays_a_link(box: Box, auth: Run, file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "login.json"
    real.parent.mkdir()
    real.write_text("{}")
    file.parent.mkdir()
    file.symlink_to(real)
    login = box.controls.login()
    assert auth("login", text=login["paste"]).exit_code == 0
    assert file.is_symlink()
    assert written(real)["client_secret"] == login["client_secret"]
    assert auth("logout").exit_code == 0
    assert not real.exists()
    assert auth("logout").stdout.startswith("Nobody is logged in")  # the link leads nowhere now
    assert auth("login", text=box.controls.login()["paste"]).exit_code == 0
    assert file.is_symlink()
    assert real.exists()


@pytest.mark.parametrize("broken", ["no folder", "a folder in its place", "an empty variable"])
def test_a_file_that_cannot_be_is_said_before_the_login_is_used(
    box: Box, auth: Run, home: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A rotating issuer would have replaced its secret meanwhile."""
    match broken:
        case "no folder":
            (home / "plain").write_text("")
            monkeypatch.setenv("HOME", str(home / "plain"))
        case "a folder in its place":
            (home / ".descarteslabs" / "token_info.json").mkdir(parents=True)
        case _:
            monkeypatch.setenv("DESCARTESLABS_TOKEN_INFO_PATH", "")
    result = auth("login", text=box.controls.login()["paste"])
    assert result.exit_code == (2 if broken == "an empty variable" else 1)
    assert result.stderr.splitlines()[-1].startswith(("error [file]: ", "Next: unset DESCARTESLABS_TOKEN_INFO_PATH"))
    assert box.controls.requests("iam") == []


def test_the_variable_that_names_the_file_is_obeyed(
    box: Box, auth: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("DESCARTESLABS_TOKEN_INFO_PATH", str(tmp_path / "deep" / "er" / "mine.json"))
    assert auth("login", text=box.controls.login()["paste"]).exit_code == 0
    assert (tmp_path / "deep" / "er" / "mine.json").exists()
    assert not file.exists()
    assert auth("name").stdout == "Ada\n"


# -- at a terminal


def at_terminal(*typed: str, env: dict[str, str]) -> tuple[int, str]:
    """Run login with a terminal of its own; each text is typed after a prompt."""
    main, inner = pty.openpty()
    env = env | {"TERM": "xterm"}
    command = [sys.executable, "-c", "import sys; from skykey.__main__ import main; sys.exit(main())"]
    take = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", take, *command, "descarteslabs", "auth", "login"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=env,
        start_new_session=True,
    )
    os.close(inner)
    seen, waiting, end = b"", list(typed), time.monotonic() + 30
    try:
        while time.monotonic() < end:
            if waiting and seen.count(b"generated token: ") > len(typed) - len(waiting):
                while termios.tcgetattr(main)[3] & termios.ECHO:  # not before it has stopped showing what is typed
                    time.sleep(0.01)
                os.write(main, waiting.pop(0).encode())
            try:
                piece = os.read(main, 4096)
            except OSError:  # Linux: the other side is closed
                break
            seen += piece
        return process.wait(timeout=10), seen.decode().replace("\r\n", "\n")
    finally:
        process.kill()
        process.wait()
        os.close(main)


def test_a_person_is_asked_again_after_a_wrong_paste_and_sees_no_secret(box: Box, file: Path) -> None:
    login = box.controls.login()
    code, seen = at_terminal("nonsense\n", encoded([]) + "\n", f" {login['paste']}\n", env=dict(os.environ))
    assert code == 0, seen
    assert seen.startswith(f"{FOLLOW}\n\n    {box.app_url}/account/refresh-token\n\n...then come back here and paste")
    assert seen.count(f"{WRONG}\n\n    {box.app_url}/account/refresh-token\n\nto retrieve your token\n") == 2
    assert "Welcome, Ada!\n" in seen
    assert written(file)["client_secret"] == login["client_secret"]
    assert login["paste"] not in seen
    assert "nonsense" not in seen


@pytest.mark.parametrize(
    ("typed", "code", "words"), [("\n", 0, EXITING), ("\x03", 0, EXITING), ("\x04", 1, "nothing-pasted")]
)
def test_a_person_may_think_better_of_it(box: Box, file: Path, typed: str, code: int, words: str) -> None:
    ended, seen = at_terminal(typed, env=dict(os.environ))
    assert ended == code, seen
    assert words in seen
    assert "Traceback" not in seen
    assert not file.exists()


# -- logout


def test_a_logout_ends_the_login_where_it_came_from(box: Box, auth: Run, file: Path, promised: Promised) -> None:
    login = box.controls.login()
    auth("login", text=login["paste"])
    copy = file.read_bytes()
    left = file.parent / ".token_info.json.0123456789abcdef.skykey-new"  # of a writer that was killed
    left.write_bytes(copy)
    os.utime(left, (time.time() + 3600, time.time() + 3600))  # by a clock that was set back since
    result = auth("logout")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"Logged out of Descartes Labs: {file} is removed, and the login is ended at {box.iam_url}.\n"
    )
    assert not file.exists()
    assert not left.exists()
    assert box.controls.iam_stats()["revocations"] == 1
    (seen,) = [entry for entry in box.controls.requests("iam") if entry.path == "/revoke"]
    assert (seen.method, seen.status) == ("POST", 200)
    file.write_bytes(re.sub(rb'"jwt_token": "[^"]+"', b'"jwt_token": "over"', copy))
    assert auth("token").exit_code == 4  # whoever has a copy cannot use it
    again = promised("logout", auth("logout", "--json").stdout)
    assert (again["logged_out"], again["server_told"]) == (True, True)


@pytest.mark.parametrize("content", [None, "{}"])
def test_with_nothing_to_log_out_from_it_says_so(
    box: Box, auth: Run, file: Path, promised: Promised, content: str | None
) -> None:
    if content is not None:
        file.parent.mkdir()
        file.write_text(content)
    result = auth("logout")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Nobody is logged in to Descartes Labs here: there is nothing to log out from.\n"
    document = promised("logout", auth("logout", "--json").stdout)
    assert document == {"logged_out": False, "file": None, "server_told": False, "error": None}
    assert box.controls.requests("iam") == []


def test_keep_server_tells_nobody(box: Box, auth: Run, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    box.controls.forget()
    result = auth("logout", "--keep-server")
    assert result.exit_code == 0
    assert "the token service was not told" in result.stdout
    assert not file.exists()
    assert box.controls.requests("iam") == []


def test_a_token_alone_is_removed_and_nobody_asked(box: Box, auth: Run, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    file.write_text(json.dumps({"jwt_token": written(file)["jwt_token"]}))
    box.controls.forget()
    assert "a token only, which ends by itself" in auth("logout").stdout
    assert not file.exists()
    assert box.controls.requests("iam") == []


@pytest.mark.parametrize(
    ("state", "code", "name"),
    [
        (lambda box: box.controls.fault("close", times=9, service="iam"), 8, "interrupted"),
        (lambda box: box.controls.fault(times=9, service="iam", status=503), 8, "overloaded"),
        (lambda box: box.controls.fail("revoke", status=403), 1, "service"),
        (lambda box: box.controls.fail("revoke", status=429), 8, "rate-limited"),
        (
            lambda box: box.controls.fault(times=1, service="iam", status=307, headers={"Location": "/x"}),
            1,
            "redirected",
        ),
    ],
    ids=["closed", "unavailable", "forbidden", "limited", "redirected"],
)
def test_where_nobody_can_be_told_the_local_part_is_done_and_said(
    *, box: Box, auth: Run, file: Path, promised: Promised, state: Callable[[Box], None], code: int, name: str
) -> None:
    login = box.controls.login()
    auth("login", text=login["paste"])
    state(box)
    result = auth("logout", "--json")
    assert result.exit_code == code, result.stderr
    document = promised("logout", result.stdout)
    assert (document["logged_out"], document["server_told"]) == (True, False)
    assert document["error"]["code"] == name
    assert f"Next: end it by hand at {box.app_url}\n" in result.stderr
    assert not file.exists()
    assert login["client_secret"] not in shown(result)


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("DESCARTESLABS_IAM_URL", "http://iam.example.org", 1),
        ("DESCARTESLABS_IAM_URL", "nonsense", 2),
        ("DESCARTESLABS_ENV", "nonsense", 2),
    ],
)
def test_settings_that_are_wrong_keep_no_login_here(
    *, box: Box, auth: Run, file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: int
) -> None:
    paste = json.loads(base64.urlsafe_b64decode(box.controls.login()["paste"] + "=="))
    del paste["revoke_url"]
    assert auth("login", text=encoded(paste)).exit_code == 0
    monkeypatch.setenv(variable, value)
    result = auth("logout")
    assert result.exit_code == code, result.stderr
    assert "the token service was not told" in result.stdout
    assert not file.exists()
    refused = auth("login", text=box.controls.login()["paste"])
    assert refused.exit_code == code
    assert not file.exists()


def test_what_passes_by_itself_is_waited_for(box: Box, auth: Run, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    box.controls.fault(times=2, service="iam", status=503)
    assert auth("logout").exit_code == 0
    assert box.controls.iam_stats()["revocations"] == 1


@pytest.mark.parametrize(
    "named",
    ["https://evil.example/revoke", "http://127.0.0.1:9/revoke", "http://localhost/revoke", "//x", "", None, 5, ["x"]],
)
def test_a_login_does_not_say_where_its_secret_goes(box: Box, auth: Run, file: Path, named: object) -> None:
    paste = json.loads(base64.urlsafe_b64decode(box.controls.login()["paste"] + "=="))
    assert auth("login", text=encoded(paste | {"revoke_url": named})).exit_code == 0
    result = auth("logout")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"ended at {box.iam_url}." in result.stdout
    assert box.controls.iam_stats()["revocations"] == 1


@pytest.mark.parametrize("content", ["", "not JSON", "[]", '{"client_id": 5}', '{"colour": "blue"}'])
def test_a_file_that_is_no_login_is_not_removed(box: Box, auth: Run, file: Path, content: str) -> None:
    """The variable may name any file of the user's."""
    file.parent.mkdir()
    file.write_text(content)
    result = auth("logout")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error [not-a-login]: {file} holds no login, and stays: ")
    assert f"rm {file}" in result.stderr
    assert file.read_text() == content


def test_a_login_in_variables_is_not_gone_by_a_logout(
    box: Box, auth: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth("login", text=box.controls.login()["paste"])
    monkeypatch.setenv("DESCARTESLABS_REFRESH_TOKEN", "secret-canary")
    result = auth("logout")
    assert result.stderr == (
        "warning: DESCARTESLABS_REFRESH_TOKEN still holds a login; unset DESCARTESLABS_REFRESH_TOKEN\n"
    )
    assert "secret-canary" not in shown(result)


# -- what a login says


def test_the_documented_outputs(box: Box, auth: Run, run: Run, file: Path) -> None:
    login = box.controls.login()
    auth("login", text=login["paste"])
    token = written(file)["jwt_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert auth("token").stdout == f"{token}\n"
    assert auth("payload").stdout == json.dumps(claims, indent=4, sort_keys=True) + "\n"
    assert auth("name").stdout == "Ada\n"
    assert auth("groups").stdout == json.dumps(sorted(claims["groups"]), indent=4) + "\n"
    assert auth("env").stdout == (
        f"DESCARTESLABS_CLIENT_ID={login['client_id']}\n"
        f"DESCARTESLABS_CLIENT_SECRET={login['client_secret']}\n"
        f"DESCARTESLABS_REFRESH_TOKEN={login['client_secret']}\n"
    )
    assert run("descarteslabs", "version").stdout == "4.0.0\n"
    assert run("descarteslabs", "env").stdout == "aws-production\n"
    assert json.loads(auth("token", "--json").stdout) == {"token": token}
    assert json.loads(auth("name", "--json").stdout) == {"name": "Ada"}
    assert list(json.loads(auth("env", "--json").stdout).values()) == [
        login["client_id"],
        *[login["client_secret"]] * 2,
    ]
    assert auth("payload", "--json").stdout == auth("payload").stdout


def test_the_platforms_prefix_is_taken_off(box: Box, auth: Run) -> None:
    box.controls.iam(prefix=True)
    assert auth("login", text=box.controls.login()["paste"]).stdout == "Welcome, Ada!\n"
    assert auth("name").stdout == "Ada\n"
    assert "earthdaily__dl__" not in auth("payload").stdout


def test_letters_beyond_ascii_are_escaped(box: Box, auth: Run) -> None:
    auth("login", text=box.controls.login("zoë")["paste"])
    assert '"name": "Zo\\u00eb"' in auth("payload").stdout
    assert auth("name").stdout == "Zoë\n"


def test_lines_of_env_survive_a_shell(auth: Run, file: Path, start: Any) -> None:
    secret = "a b'c\"d$(touch x)`e`;\\f"
    file.parent.mkdir()
    file.write_text(json.dumps({"client_id": "id", "refresh_token": secret}))
    script = (
        f'{sys.executable} -m skykey descarteslabs auth env > vars; . ./vars; printf %s "$DESCARTESLABS_CLIENT_SECRET"'
    )
    done = subprocess.run(["sh", "-c", script], cwd=file.parent, capture_output=True, text=True, check=True)
    assert done.stdout == secret
    assert not (file.parent / "x").exists()


@pytest.mark.parametrize("command", ["token", "payload", "name", "groups", "env", "status"])
def test_logged_out_it_ends_with_4_and_prints_nothing(
    box: Box, auth: Run, promised: Promised, file: Path, command: str
) -> None:
    result = auth(command)
    assert (result.exit_code, result.stdout) == (4, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"warning: Unable to read token_info from {file} with error ")
    assert lines[1:] == [
        f"error [credential]: No valid authentication info found (no client_id). See {DESCARTESLABS.documentation}.",
        "Next: skykey descarteslabs auth login",
    ]
    assert promised("error", auth(command, "--json").stdout)["error"]["code"] == "credential"
    assert box.controls.requests("iam") == []


@pytest.mark.parametrize("command", ["token", "payload", "name", "groups"])
def test_a_revoked_login_is_said_with_what_helps(box: Box, auth: Run, file: Path, command: str) -> None:
    auth("login", text=box.controls.login()["paste"])
    box.controls.revoke()
    file.write_text(json.dumps(written(file) | {"jwt_token": "over"}))
    result = auth(command)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error [not-authenticated]: Could not retrieve token: ")
    assert "The server said: The refresh token was revoked\nNext: skykey descarteslabs auth login\n" in result.stderr


def test_a_token_alone_has_no_login_to_print(box: Box, auth: Run, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    file.write_text(json.dumps({"jwt_token": written(file)["jwt_token"]}))
    assert auth("name").stdout == "Ada\n"
    result = auth("env")
    assert (result.exit_code, result.stdout) == (4, "")
    status = auth("status")
    assert status.exit_code == 0
    assert "it cannot be renewed" in status.stdout


def test_status_asks_nobody(box: Box, auth: Run, promised: Promised, file: Path) -> None:
    login = box.controls.login()
    auth("login", text=login["paste"])
    box.controls.forget()
    document = promised("status", auth("status", "--json").stdout)
    assert (document["client_id"], document["file"]) == (login["client_id"], str(file))
    assert document["environment"] == {"name": "aws-production", "url": box.iam_url, "said_by": "the default"}
    assert document["login_hint"] == Secret(login["client_secret"]).hint()
    assert (document["identity"], document["renewed_before"]) == ("sandbox|ada", 500)
    assert 3500 < document["seconds_left"] <= 3600
    text = " ".join(auth("status").stdout.split())
    assert f"login the file {file}; client {login['client_id']}; its secret has 43 characters, #" in text
    assert "min 59 s left; renewed 500 s before its end" in text or "min 58 s left; renewed 500 s" in text
    file.write_text(json.dumps({key: value for key, value in written(file).items() if key != "jwt_token"}))
    assert "none yet: the first use buys one" in " ".join(auth("status").stdout.split())
    assert box.controls.requests("iam") == []


def test_without_a_place_to_write_a_token_is_still_printed(
    box: Box, auth: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No home: tokens of a login in variables are shared through nothing, and bought each time."""
    login = box.controls.login()
    (home / "plain").write_text("")
    monkeypatch.setenv("HOME", str(home / "plain"))
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", login["client_id"])
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", login["client_secret"])
    result = auth("token")
    assert (result.exit_code, result.stdout.count(".")) == (0, 2)
    assert login["client_secret"] not in shown(result)


# -- environments, and the second brand


def test_an_environment_is_chosen_and_an_unknown_one_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("descarteslabs", "--env", "aws-staging", "env").stdout == "aws-staging\n"
    bogus = run("descarteslabs", "--env", "aws-dev", "env")  # selected once in a process
    assert bogus.exit_code == 2
    Settings._settings = None
    bogus = run("descarteslabs", "--env", "bogus", "env")
    assert (bogus.exit_code, bogus.stdout) == (2, "")
    assert bogus.stderr.startswith(
        "error [config]: Client configuration 'bogus' doesn't exist!\nNext: choose one of aws-p"
    )
    monkeypatch.setenv("DESCARTESLABS_ENV", "nonsense")
    told = run("descarteslabs", "auth", "status")
    assert told.exit_code == 2
    assert "Check your DESCARTESLABS_ENV environment variable" in told.stderr


def test_the_link_follows_the_environment_and_its_settings(
    run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IAM_URL", "APP_URL", "PLATFORM_URL"):
        monkeypatch.delenv(f"DESCARTESLABS_{name}")
    document = promised("environment", run("descarteslabs", "--env", "aws-staging", "env", "--json").stdout)
    assert document["iam_url"] == "https://iam.staging.aws.descarteslabs.com"
    Settings._settings = None
    monkeypatch.setenv("DESCARTESLABS_DOMAIN", "example.org")
    assert "https://app.example.org/account/refresh-token" in run("descarteslabs", "auth", "login", text="\n").stderr


def test_the_successor_has_the_same_words_and_its_own_names(box: Box, run: Run, home: Path, promised: Promised) -> None:
    login = box.controls.login(system="earthone")
    assert run("earthone", "auth", "login", text=login["paste"]).stdout == "Welcome, Ada!\n"
    file = home / ".earthone" / "token_info.json"
    assert written(file)["client_id"] == login["client_id"]
    assert run("earthone", "auth", "env").stdout.startswith(
        f"EARTHONE_CLIENT_ID={login['client_id']}\nEARTHONE_CLIENT_SE"
    )
    assert run("earthone", "env").stdout == "production\n"
    assert promised("version", run("earthone", "version", "--json").stdout)["version"] == "6.2.0"
    assert run("descarteslabs", "auth", "status").exit_code == 4
    # Its revoke_url names the platform's real host.
    assert run("earthone", "auth", "logout", "--keep-server").exit_code == 0
    assert not file.exists()
    assert "Next: skykey earthone auth login\n" in run("earthone", "auth", "token").stderr


# -- why, whoami, token


def test_why_explains_a_login(box: Box, auth: Run, run: Run, promised: Promised, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    box.controls.forget()
    document = promised("why", run("why", "descarteslabs", "--json").stdout)
    assert [row["outcome"] for row in document["sources"]] == ["unavailable", "found"]
    assert document["winner"] == f"the file {file}"
    assert document["sources"][1]["renewed_before"] == 500
    assert document["reach"]["origins"] == [box.iam_url]
    text = " ".join(run("why", "descarteslabs").stdout.split())
    assert f"aws-production: {box.iam_url} (the default)" in text
    assert "s left; renewed 500 s before its end kept in" in text
    assert box.controls.requests("iam") == []


def test_a_short_life_shrinks_the_window_and_why_says_it(box: Box, auth: Run, run: Run) -> None:
    box.controls.iam(seconds=60)
    auth("login", text=box.controls.login()["paste"])
    text = " ".join(run("why", "descarteslabs").stdout.split())
    assert "renewed 30 s before its end, and not 500 s: it lives 1 min only" in text


def test_d5_a_stale_variable_that_hides_a_fresh_file_is_shown_with_both_lives(
    *, box: Box, auth: Run, run: Run, promised: Promised, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth("login", text=box.controls.login()["paste"])
    stale = f"{encoded({'alg': 'none'})}.{encoded({'sub': 'sandbox|ben', 'exp': int(time.time()) - 7500})}.x"
    monkeypatch.setenv("DESCARTESLABS_TOKEN", stale)
    result = run("why", "descarteslabs")
    assert result.exit_code == 4
    text = " ".join(result.stdout.split())
    assert "FAILED the variable DESCARTESLABS_TOKEN: there is no client_id, and no token that is still valid; " in text
    assert "its token: ended 2 h 5 min ago" in text
    assert f"behind the file {file}: another token (" in text
    assert ", of sandbox|ada); 59 min " in text
    assert result.stderr.endswith("Next: unset DESCARTESLABS_TOKEN\n")
    rows = promised("why", run("why", "descarteslabs", "--json").stdout)["sources"]
    assert rows[0]["seconds_left"] < -7000
    assert rows[1]["seconds_left"] > 3500
    for command in (["token", "descarteslabs"], ["whoami", "descarteslabs"], ["descarteslabs", "auth", "token"]):
        refused = run(*command)
        assert (refused.exit_code, refused.stdout) == (4, "")
        assert "Next: unset DESCARTESLABS_TOKEN\n" in refused.stderr
    assert stale not in shown(result)


def test_a_login_in_variables_goes_before_the_file(
    *, box: Box, auth: Run, run: Run, promised: Promised, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth("login", text=box.controls.login("ada")["paste"])
    ben = box.controls.login("ben")
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", ben["client_id"])
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", ben["client_secret"])
    document = promised("why", run("why", "descarteslabs", "--json").stdout)
    assert document["winner"] == "the variables DESCARTESLABS_CLIENT_ID, DESCARTESLABS_CLIENT_SECRET"
    assert [row["outcome"] for row in document["sources"]] == ["found", "shadowed"]
    text = " ".join(run("why", "descarteslabs").stdout.split())
    assert "life no token yet: the first use buys one" in text
    assert "its secret is not written" in text
    assert run("token", "descarteslabs").stdout.count(".") == 2
    assert "Ben at aws-production" in run("whoami", "descarteslabs").stdout
    assert ben["client_secret"] not in "".join(path.read_text() for path in file.parent.iterdir())


def test_a_variable_that_forbids_reading_is_named(
    box: Box, auth: Run, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth("login", text=box.controls.login()["paste"])
    monkeypatch.setenv("DESCARTESLABS_NO_JWT_CACHE", "true")
    result = run("why", "descarteslabs")
    assert result.exit_code == 4
    assert "DESCARTESLABS_NO_JWT_CACHE is true, so that no file is read" in " ".join(result.stdout.split())


def test_whoami_says_that_nobody_verified_it(box: Box, auth: Run, run: Run, promised: Promised) -> None:
    login = box.controls.login()
    auth("login", text=login["paste"])
    document = promised("whoami", run("whoami", "descarteslabs", "--json").stdout)
    assert (document["username"], document["verified"]) == ("Ada", False)
    assert document["scopes"] == ["openid", "name", "groups", "org", "email"]
    text = " ".join(run("whoami", "descarteslabs").stdout.split())
    assert f"Ada at aws-production ({box.iam_url})" in text
    assert "the token says so of itself; nobody has verified it" in text
    asked = promised("why", run("why", "descarteslabs", "--ask", "--json").stdout)["asked"]
    assert asked["verified"] is False


@pytest.mark.parametrize("ends", [1e15, 9e18, 253_402_300_800])
def test_an_end_that_no_calendar_has_is_no_crash(ends: float, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DESCARTESLABS.token_variable, jwt(None, exp=ends))
    for command in (("whoami",), ("why", "--ask")):
        result = run(*command[:1], "descarteslabs", *command[1:])
        assert (result.exit_code, result.exception) == (0, None)
    assert "at no time that a calendar has" in run("whoami", "descarteslabs").stdout


def test_what_a_token_says_of_itself_does_not_command_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "a\x07\x1b]0;title\x9b2J\u202eb"
    monkeypatch.setenv(DESCARTESLABS.token_variable, jwt(sub=evil, scope=[evil]))
    for command in (
        ["whoami", "descarteslabs"],
        ["why", "descarteslabs", "--ask"],
        ["descarteslabs", "auth", "status"],
    ):
        result = run(*command)
        assert result.exit_code == 0
        assert [letter for letter in result.stdout if not letter.isprintable() and letter != "\n"] == []


def test_a_named_file_counts_alone_and_is_not_written_over(
    box: Box, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = box.controls.login("ada"), box.controls.login("ben")
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(ada))
    monkeypatch.setenv("DESCARTESLABS_CLIENT_ID", ben["client_id"])
    monkeypatch.setenv("DESCARTESLABS_CLIENT_SECRET", ben["client_secret"])
    assert run("whoami", "descarteslabs", "--tokenfile", str(mine)).stdout.startswith("Ada at ")
    assert written(mine)["client_id"] == ada["client_id"]
    assert os.environ["DESCARTESLABS_CLIENT_ID"] == ben["client_id"]
    missing = run("token", "descarteslabs", "--tokenfile", str(tmp_path / "none"))
    assert missing.exit_code == 4
    assert f"{tmp_path}/none" in missing.stderr


def test_site_names_the_environment(run: Run, promised: Promised) -> None:
    document = promised("why", run("why", "descarteslabs", "--site", "aws-dev", "--json").stdout)
    assert (document["site"]["name"], document["site"]["said_by"]) == ("aws-dev", "the option --site")
    Settings._settings = None
    assert run("why", "descarteslabs", "--site", "usdf").exit_code == 2


# -- secrets, and the start


def test_h3_only_what_is_asked_for_a_secret_prints_one(
    box: Box, run: Run, auth: Run, file: Path, tmp_path: Path
) -> None:
    login, other = box.controls.login("ada"), box.controls.login("ben")
    everything = ""

    def note(*arguments: str, text: str | None = None) -> None:
        nonlocal everything
        everything += shown(run(*arguments, text=text))

    paste = tmp_path / "paste"
    paste.write_text(login["paste"])
    for brand in ("descarteslabs", "earthone"):
        note(brand, "auth", "login", text=login["paste"])
        note(brand, "auth", "login", "--json", text=login["paste"])
        note(brand, "auth", "login", "--paste-file", str(paste))
        note(brand, "auth", "login", text=login["paste"][:-8])
        for option in ([], ["--json"]):
            for command in ("status", "payload", "name", "groups"):
                note(brand, "auth", command, *option)
            note("why", brand, *option)
            note("why", brand, "--ask", *option)
            note("whoami", brand, *option)
    tokens = [written(file)["jwt_token"]]
    box.controls.revoke("ben")
    note("descarteslabs", "auth", "login", text=other["paste"])
    box.controls.fail("revoke", status=500)
    note("descarteslabs", "auth", "logout", "--json")
    note("earthone", "auth", "logout", "--keep-server")
    note("descarteslabs", "auth", "logout")
    assert len(everything) > 10_000
    for secret in (*tokens, login["paste"], login["client_secret"], other["paste"], other["client_secret"]):
        assert secret not in everything
        assert secret[-20:] not in everything


def test_no_traceback_holds_what_was_pasted(box: Box, auth: Run) -> None:
    """With the local variables of every frame, as debuggers and error reporters show them."""
    import traceback

    from skykey.descarteslabs.exceptions import OauthError
    from skykey.descarteslabs.signing_in import sign_in

    login = box.controls.login()
    box.controls.revoke()
    found = login_of(Secret(login["paste"]))
    assert found is not None
    with pytest.raises(OauthError) as caught:
        sign_in(DESCARTESLABS, found)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    inner = told.partition("in sign_in")[2]
    assert "renewal" in inner
    assert login["client_secret"] not in inner


def test_h7_a_token_from_a_warm_file_loads_no_http_library(box: Box, auth: Run) -> None:
    auth("login", text=box.controls.login()["paste"])
    for arguments in (["token", "descarteslabs"], ["descarteslabs", "auth", "token"], ["why", "descarteslabs"]):
        code = (
            "import sys, io, contextlib\nfrom skykey.__main__ import main\n"
            "with contextlib.redirect_stdout(io.StringIO()):\n"
            f"    try: main({arguments!r})\n    except SystemExit: pass\n"
            "print(*sorted({'httpcore2', 'asyncio', 'ssl', 'socket', 'subprocess', 'filelock'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("\n", ""), arguments


def test_the_locks_of_a_logout_and_of_a_renewal_are_one(box: Box, auth: Run, file: Path) -> None:
    """A logout that waited for another lock would wait for nobody."""
    from skykey.credentials.stores.folder import any_folder
    from skykey.credentials.stores.lock import locked
    from skykey.values.clock import SYSTEM_CLOCK
    from skykey.values.deadline import Deadline

    auth("login", text=box.controls.login()["paste"])
    limit = Limit(Deadline(None), 5.0)
    with any_folder(str(file.parent)) as folder, locked(folder, ".token_info.json", limit, SYSTEM_CLOCK):
        process = subprocess.Popen(
            [*COMMAND, "descarteslabs", "auth", "logout"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.5)
        assert file.exists()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Logged out")


def test_everything_else_in_the_folder_stays(box: Box, auth: Run, file: Path) -> None:
    auth("login", text=box.controls.login()["paste"])
    (file.parent / "token_info.json.bak").write_text("mine")
    shutil.copy(file, file.parent / "copy.json")
    auth("logout")
    assert sorted(path.name for path in file.parent.iterdir()) == [
        ".token_info.json.lock",
        "copy.json",
        "token_info.json.bak",
    ]
