"""What cannot be a login is refused at once, in words that hold nothing of it; nothing is written, nobody is asked."""

import inspect
import json
import os
import subprocess
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.descarteslabs import token_info
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.retrying import retries_of
from skykey.descarteslabs.token_info import EMPTY, MissingError, UnreadableError
from skykey.values.errors import BadUrl, OutOfReach, UsageError
from tests.descarteslabs.logins import Issuer, everything_in, granting, holds, jwt, part, put

CANARY = "s3cr3t-cAnArY-5f"
LOGIN = {"client_id": "some-id", "client_secret": "some-secret"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"client_secret": CANARY.encode()}, "client_secret is text, not bytes"),
        ({"refresh_token": [CANARY]}, "refresh_token is text, not list"),
        ({"client_secret": 5}, "client_secret is text, not int"),
        ({"client_secret": f"{CANARY}\nX-Header: x"}, "client_secret has control characters in it"),
        ({"refresh_token": f"a\0{CANARY}"}, "refresh_token has control characters in it"),
        ({"jwt_token": 5}, "jwt_token is text, not int"),
        ({"jwt_token": {"a": CANARY}}, "jwt_token is text, not dict"),
        ({"jwt_token": f"{CANARY}\r\nX: x"}, "jwt_token has control characters in it"),
        ({"client_id": f"{CANARY}\n"}, "client_id has blanks or control characters in it"),
        ({"client_id": f"some {CANARY}"}, "client_id has blanks or control characters in it"),
        ({"client_id": CANARY.encode()}, "client_id is text, not bytes"),
        ({"client_id": 5}, "client_id is text, not int"),
        ({"scope": 5}, "scope is a list of names"),
        ({"scope": ["openid", None]}, "scope is a list of names"),
        ({"leeway": "500"}, "leeway is a number of seconds"),
        ({"leeway": None}, "leeway is a number of seconds"),
        ({"leeway": float("nan")}, "leeway is a number of seconds"),
        ({"token_info_path": 5}, "token_info_path is a path, not int"),
        ({"token_info_path": "a\0b"}, "token_info_path has a NUL in it"),
        ({"retries": "5"}, "retries is a number or an object like urllib3's Retry, not str"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode().replace("\0", "-"),
)
def test_an_argument_of_the_wrong_kind_is_an_error_at_once(
    issuer: Issuer, tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    canaries = {CANARY: CANARY} | arguments
    del canaries[CANARY]
    with pytest.raises(ValueError, match=words) as raised:
        Auth(**(LOGIN | canaries))
    assert isinstance(raised.value, UsageError)
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    ours = shown[shown.index("descarteslabs/auth.py") :]  # the test's own frame holds it as well
    assert CANARY not in ours + repr(raised.value) + repr(raised.value.args)
    assert issuer.seen == []
    assert everything_in(tmp_path) == b""


def test_a_keyword_that_does_not_exist_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="clientid"):
        Auth(clientid="x")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("domain", "kind"),
    [("http://iam.example", OutOfReach), ("iam.example", BadUrl), ("https://a:b@iam.example", BadUrl)],
)
def test_a_token_service_that_a_secret_must_not_go_to_is_refused_at_once(domain: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Auth(domain, **LOGIN)


def test_blanks_around_a_secret_are_not_part_of_it(issuer: Issuer) -> None:
    auth = Auth(client_id="some-id", client_secret=" some-secret\n", token_info_path=None)
    assert auth.client_secret == "some-secret"
    _ = auth.token
    assert issuer.bodies[0]["refresh_token"] == "some-secret"


@pytest.mark.parametrize(
    "middle",
    [part([1, 2]), part('"text"'), part({"exp": "9999999999"}), part({}), part({"exp": True}), part({"exp": None})],
    ids=["a list", "a text", "exp as text", "no exp", "exp as a boolean", "exp as null"],
)
@pytest.mark.parametrize("login", [{}, LOGIN], ids=["alone", "beside a login"])
def test_a_token_with_claims_of_the_wrong_kind_counts_as_none(
    issuer: Issuer, tmp_path: Path, middle: str, login: dict[str, str]
) -> None:
    token = f"a.{middle}.c"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        auth = Auth(jwt_token=token, **login)
    assert [str(warning.message)[:35] for warning in caught] == (
        [] if login else ["No valid authentication info found."]
    )
    assert auth._token is None
    assert token.encode() not in everything_in(tmp_path)
    if login:
        assert auth.token.count(".") == 2
        assert len(issuer.seen) == 1
    else:
        with pytest.raises(AuthError, match=r"\(no client_id\)"):
            _ = auth.token
        assert issuer.seen == []


def test_a_token_may_be_bytes(issuer: Issuer) -> None:
    token = jwt(aud="some-id")
    assert Auth(jwt_token=token.encode()).token == token
    assert holds(Auth(**LOGIN, jwt_token=token.encode()).token_info_path or "") == {"jwt_token": token}
    auth = Auth(**LOGIN)
    auth._token = token.encode()
    assert auth.token == auth._token == token
    with pytest.raises(UsageError, match="jwt_token is text, not int"):
        auth._token = 5  # type: ignore[assignment]
    assert auth.token == token


BROKEN = {
    "nothing": "",
    "no JSON": "{",
    "a list": [],
    "null": "null",
    "a number": "5",
    "a text": '"refresh_token"',
    "no UTF-8": "\udcff",
    "brackets to no end": "[" * 100_000,
    "a number of ten thousand digits": f'{{"a": {"1" * 10_000}}}',
    "too large": " " * (token_info.LARGEST + 1),
    "client_id as a number": {"client_id": 5},
    "secret as an object": {"client_id": "a", "client_secret": {}},
    "scope as a number": {"client_id": "a", "client_secret": CANARY, "scope": 5},
    "scope of numbers": {"client_id": "a", "client_secret": CANARY, "scope": [5]},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_file_that_holds_no_login_is_warned_of_counts_as_none_and_stays(
    issuer: Issuer, tmp_path: Path, broken: Any
) -> None:
    file = tmp_path / "login.json"
    file.write_bytes((broken if isinstance(broken, str) else json.dumps(broken)).encode("utf-8", "surrogateescape"))
    before = file.read_bytes()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        auth = Auth(token_info_path=file)
    texts = [str(warning.message) for warning in caught]
    assert texts[0].startswith(f"Unable to read token_info from {file} with error ")
    assert CANARY not in "".join(texts)
    assert texts[1].startswith("No valid authentication info found.")
    assert (auth.client_id, auth.client_secret, auth._token, auth.scope) == (None, None, None, None)
    with pytest.raises(AuthError, match=r"\(no client_id\)"):
        _ = auth.token
    assert issuer.seen == []
    assert file.read_bytes() == before


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link to nothing", "a link to itself"])
def test_something_that_is_no_plain_file_is_warned_of(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "login.json"
    match kind:
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere" if kind == "a link to nothing" else path)
    open_before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Auth(token_info_path=path)
        assert str(caught[0].message).startswith(f"Unable to read token_info from {path} with error")
    assert len(os.listdir("/proc/self/fd")) == open_before


def test_words_about_a_broken_file_never_say_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "login.json"
    for content in ('{{"client_secret": "{}"', '{{"client_secret": ["{}"]}}', '"{}"'):
        path.write_text(content.format(CANARY))
        with pytest.raises(UnreadableError) as raised:
            token_info.read(str(path))
        shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
        assert CANARY not in shown


def test_a_missing_file_is_told_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        token_info.read(str(tmp_path / "nothing"))
    with pytest.raises(UnreadableError) as raised:
        token_info.read(str(tmp_path))
    assert not isinstance(raised.value, MissingError)


@given(
    st.binary(max_size=300)
    | st.dictionaries(
        st.sampled_from(["client_id", "client_secret", "refresh_token", "jwt_token", "JWT_TOKEN", "scope", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text() | st.lists(st.text()),
    ).map(lambda document: json.dumps(document).encode())
)
def test_any_file_is_read_or_said_to_be_unreadable_and_writing_it_again_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(raw)
    try:
        info = token_info.read(str(path))
    except UnreadableError:
        return
    text = token_info.written(info, token_only=False).reveal()
    path.write_text(text)
    again = token_info.read(str(path))
    assert token_info.written(again, token_only=False).reveal() == text
    assert (again.renewal, again.jwt_token, again.client_id) == (info.renewal, info.jwt_token, info.client_id)


def test_an_empty_object_is_an_empty_login(tmp_path: Path) -> None:
    assert token_info.read(str(put(tmp_path / "a", {}))) == EMPTY


class Shaped:
    """As an object of urllib3's ``Retry``."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


def test_an_object_like_urllib3s_is_read() -> None:
    made = retries_of(
        Shaped(total=7, status_forcelist=[500], backoff_factor=2, backoff_max=9, RETRY_AFTER_STATUS_CODES={413, 429})
    )
    assert (made.total, made.statuses, made.first, made.longest, made.asked) == (7, {500}, 2, 9, {413, 429})
    assert retries_of(Shaped(total=1, respect_retry_after_header=False, RETRY_AFTER_STATUS_CODES={429})).asked == set()
    assert retries_of(Shaped(total=1, retry_after_status_codes=[403])).asked == {403}
    assert retries_of(Shaped(total=False)).total == 0
    assert retries_of(Shaped(total=None)).total == 100
    assert retries_of(made) is made


@pytest.mark.parametrize(
    "shape", [{"total": "x"}, {"total": 1, "status_forcelist": 5}, {"total": 1, "backoff_factor": "x"}]
)
def test_an_object_that_only_looks_like_urllib3s_is_refused(shape: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="retries is not shaped like"):
        retries_of(Shaped(**shape))


def test_the_documented_signature() -> None:

    parameters = list(inspect.signature(Auth).parameters.values())
    documented = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    assert [parameter.name for parameter in documented] == [
        "domain", "scope", "leeway", "token_info_path", "client_id",
        "client_secret", "jwt_token", "refresh_token", "retries", "_suppress_warning",
    ]  # fmt: skip
    defaults = {parameter.name: parameter.default for parameter in documented}
    assert defaults.pop("token_info_path") is Auth._default_token_info_path
    assert defaults.pop("leeway") == 500
    assert defaults.pop("_suppress_warning") is False
    assert set(defaults.values()) == {None}


def test_what_was_resolved_cannot_be_changed_without_effect() -> None:
    """As plain attributes they could be assigned, and nothing would come of it."""
    auth = Auth(**LOGIN, scope="openid name", token_info_path=None)  # type: ignore[arg-type]
    assert (auth.scope, auth.leeway, auth.domain.startswith("https://iam."), auth.token_info_path) == (
        ["openid", "name"], 500, True, None,
    )  # fmt: skip
    for name in ("domain", "scope", "leeway", "token_info_path", "client_id", "client_secret", "refresh_token"):
        with pytest.raises(AttributeError):
            setattr(auth, name, "x")
    (auth.scope or []).clear()
    assert auth.scope == ["openid", "name"]


def test_names_that_programs_import() -> None:
    from skykey.descarteslabs import auth

    assert auth.__all__ == ["Auth"]
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "TOKEN", "TOKEN_INFO_PATH"):
        assert getattr(auth, f"DESCARTESLABS_{name}") == f"DESCARTESLABS_{name}"
    assert auth.DESCARTESLABS_CUSTOM_CLAIM_PREFIX == "earthdaily__dl__"
    assert auth.LEGACY_DELEGATION_CLIENT_IDS == ["ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c"]
    assert auth.JWT_TOKEN_PREFIX == "jwt_token_"
    assert auth.get_default_domain() == "https://iam.production.aws.descarteslabs.com"
    assert auth.get_app_domain() == "https://app.descarteslabs.com"
    assert Path(auth.DEFAULT_TOKEN_INFO_PATH) == Path.home() / ".descarteslabs" / "token_info.json"
    assert Path(auth.DEFAULT_TOKEN_INFO_DIR) == Path.home() / ".descarteslabs"
    assert Auth.AUTHORIZATION_ERROR.format(" (x)").startswith(
        "No valid authentication info found (x). See https://docs."
    )
    keys = {name: value for name, value in vars(auth.Names).items() if name.startswith("KEY_")}
    kept = {name: keys.pop(name) for name in list(keys) if name.startswith(("KEY_PAYLOAD", "KEY_ALL_"))}
    assert set(kept.values()) == {"_payload", "_aas", "_aasas", "_aoas", "_aoasas"}
    assert keys.pop("KEY_ALT_JWT_TOKEN") == "JWT_TOKEN"
    assert keys == {f"KEY_{value.upper()}": value for value in keys.values()}
    with pytest.raises(AttributeError):
        _ = auth.nothing  # type: ignore[attr-defined]


def test_the_module_is_a_program_that_gives_the_default_token(issuer: Issuer, tmp_path: Path) -> None:

    issuer.answer = granting()
    environment = os.environ | {f"DESCARTESLABS_{name.upper()}": value for name, value in LOGIN.items()}
    command = [sys.executable, "-W", "error", "-m", "skykey.descarteslabs.auth"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.count("."), done.stderr) == (2, "")
    assert len(issuer.seen) == 1
