"""What is read from files and written into them, and that nobody's login gets lost on the way."""

import errno
import hashlib
import linecache
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.stores import atomic
from skykey.descarteslabs.auth import Auth
from skykey.descarteslabs.exceptions import AuthError, OauthError
from tests.descarteslabs.logins import Home, Issuer, everything_in, holds, jwt, put

GIVEN = {"client_id": "some-id", "client_secret": "some-secret"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def given_of(login: dict[str, Any]) -> dict[str, Any]:
    return {name: login[name] for name in ("client_id", "client_secret")}


# -- what is written


def test_a_matching_file_keeps_what_is_not_ours(home: Home) -> None:
    login = home.logged_in(scope=["openid", "name"], JWT_TOKEN="x.y.z", note={"a": [1]})
    token = Auth().token
    del login["JWT_TOKEN"]
    assert holds(home.file) == login | {"jwt_token": token}
    assert {"id", "name", "revoke_url"} <= set(login)


def test_a_named_file_with_the_given_login_keeps_what_is_not_ours(home: Home) -> None:
    login = home.login(note=1)
    file = put(home.folder / "a.json", login)
    token = Auth(**given_of(login), token_info_path=file).token
    assert holds(file) == login | {"jwt_token": token}


def test_a_named_file_with_another_login_is_replaced_as_a_whole(home: Home) -> None:
    file = put(home.folder / "a.json", home.login("ben", note=1, scope=["openid"]) | {"jwt_token": jwt()})
    login = home.login()
    token = Auth(**given_of(login), token_info_path=file).token
    assert holds(file) == given_of(login) | {"refresh_token": login["client_secret"], "jwt_token": token}


def test_an_older_login_of_the_same_user_in_a_named_file_is_replaced_too(home: Home) -> None:
    old, new = home.login(note=1), home.login()
    assert old["client_id"] == new["client_id"]
    home.file.parent.mkdir()
    put(home.file, old)
    _ = Auth(token_info_path=home.file).token  # so that a token in it says whose it is
    token = Auth(**given_of(new), token_info_path=home.file).token
    assert holds(home.file) == given_of(new) | {"refresh_token": new["client_secret"], "jwt_token": token}


def test_a_scope_that_was_asked_for_is_not_written(home: Home) -> None:
    home.logged_in()
    auth = Auth(scope=["openid", "name"])
    assert "email" not in auth.payload
    assert "scope" not in holds(home.file)


def test_a_token_for_another_scope_is_not_shared_through_the_file(home: Home) -> None:
    home.logged_in()
    whole = Auth().token
    auth = Auth(scope=["openid", "name"])
    assert auth._token is None
    assert "email" not in auth.payload
    assert holds(home.file)["jwt_token"] == whole
    assert Auth().token == whole
    assert home.posts == 2


def test_new_folders_are_private_and_old_ones_stay_as_they_are(home: Home) -> None:
    login = home.login()
    os.umask(os.umask(0o022))
    home.folder.chmod(0o755)
    file = home.folder / "a" / "b" / "login.json"
    _ = Auth(**given_of(login), token_info_path=file).token
    assert [mode(path) for path in (file, file.parent, file.parent.parent, home.folder)] == [0o600, 0o700, 0o700, 0o755]


def test_a_file_that_others_could_read_is_private_afterwards(home: Home) -> None:
    home.logged_in()
    home.file.chmod(0o644)
    _ = Auth().token
    assert mode(home.file) == 0o600


def test_links_stay_and_what_they_lead_to_is_replaced(home: Home) -> None:
    real = put(home.folder / "real" / "login.json", home.login())
    home.ours.mkdir()
    (home.ours / "middle.json").symlink_to(real)
    home.file.symlink_to("middle.json")
    token = Auth().token
    assert holds(real)["jwt_token"] == token
    assert home.file.is_symlink()
    assert (home.ours / "middle.json").is_symlink()
    assert not real.is_symlink()


def test_a_folder_named_like_the_shared_tokens_does_not_cost_the_login(home: Home) -> None:
    login = home.login()
    file = home.folder / "my_jwt_token_dir" / "jwt_token_.json"
    token = Auth(**given_of(login), token_info_path=file).token
    assert holds(file)["client_secret"] == login["client_secret"]
    assert Auth(token_info_path=file).token == token
    assert home.posts == 1


def test_nothing_is_left_over(home: Home) -> None:
    home.logged_in()
    _ = Auth().token
    names = {path.name for path in home.ours.iterdir()}
    assert names - {".token_info.json.lock"} == {"token_info.json"}


@pytest.mark.parametrize("way", ["token", "payload", "namespace", "all_acl_subjects"])
def test_a_token_that_cannot_be_saved_is_handed_out_and_its_reader_warned(home: Home, way: str) -> None:
    home.ours.write_text("a file where a folder should be")
    auth = Auth(**given_of(home.login()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert getattr(auth, way)  # this line
        assert getattr(auth, way)
        home.clock.advance(1)
    (warning,) = caught
    assert warning.category is UserWarning
    assert str(warning.message).startswith("Failed to save token: ")
    assert warning.filename == __file__
    assert linecache.getline(__file__, warning.lineno).rstrip().endswith("# this line")
    assert home.posts == 1


def test_a_file_of_a_login_that_cannot_be_written_is_warned_of_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    login = home.logged_in()
    monkeypatch.setattr(atomic, "replace", read_only)
    auth = Auth()
    with pytest.warns(UserWarning, match=r"^Failed to save token: \[Errno 30\] Read-only file system$"):
        token = auth.token
    assert auth.token == token
    assert holds(home.file) == login


def test_a_given_token_that_cannot_be_shared_is_warned_of_at_once(home: Home) -> None:
    home.ours.write_text("a file where a folder should be")
    login = home.login()
    good = jwt(aud=login["client_id"])
    with pytest.warns(UserWarning, match="^Failed to save token: ") as caught:
        auth = Auth(**given_of(login), jwt_token=good, _suppress_warning=True)
    assert caught[0].filename == __file__
    assert auth.token == good


# -- what somebody else has put there meanwhile


def test_a_newer_login_of_somebody_else_is_kept(home: Home) -> None:
    home.logged_in()
    auth = Auth(_clock=home.clock)
    ada = auth.namespace
    ben = home.logged_in("ben")
    home.later(3600)
    with pytest.warns(UserWarning, match="^Failed to save token: somebody else has changed or removed the login in "):
        assert auth.namespace == ada
    assert holds(home.file) == ben
    assert Auth().payload["name"] == "Ben"
    home.later(3600)
    with pytest.warns(UserWarning, match="^Failed to save token: somebody else"):
        assert auth.namespace == ada
    assert holds(home.file)["client_id"] == ben["client_id"]


def test_a_newer_login_of_the_same_user_is_gone_on_with(home: Home) -> None:
    old = home.logged_in()
    auth = Auth(_clock=home.clock)
    ada = auth.namespace
    new = home.logged_in()
    _ = Auth().token  # as logging in does: it puts a token beside it
    home.box.controls.forget()
    home.later(3600)
    assert auth.namespace == ada
    assert auth.client_secret == new["client_secret"] != old["client_secret"]
    assert holds(home.file)["client_secret"] == new["client_secret"]
    assert home.posts == 1


def test_a_token_that_another_process_has_put_there_is_taken(home: Home) -> None:
    home.logged_in()
    first, second = Auth(_clock=home.clock), Auth(_clock=home.clock)
    begin = first.token
    assert second.token == begin
    home.later(3600)
    renewed = first.token
    assert second.token == renewed != begin
    assert home.posts == 2


def test_a_named_file_that_somebody_has_written_since_is_not_overwritten(home: Home) -> None:
    file = home.folder / "a.json"
    auth = Auth(**given_of(home.login()), token_info_path=file)
    ben = put(file, home.login("ben")).read_bytes()
    with pytest.warns(UserWarning, match="^Failed to save token: somebody else"):
        assert auth.payload["name"] == "Ada"
    assert file.read_bytes() == ben


def test_a_given_login_does_not_end_with_its_file(home: Home) -> None:
    file = home.folder / "a.json"
    auth = Auth(**given_of(home.login()), token_info_path=file, _clock=home.clock)
    _ = auth.token
    file.unlink()
    home.later(3600)
    token = auth.token
    assert holds(file)["jwt_token"] == token


# -- logging out


def test_a_login_that_is_removed_is_over_and_does_not_come_back(home: Home) -> None:
    home.logged_in()
    auth = Auth(_clock=home.clock)
    begin = auth.token
    home.file.unlink()
    home.later(3200)
    assert auth.token == begin, "it is still valid, and nothing was revoked"
    home.later(401)
    for _ in range(2):
        with pytest.raises(AuthError, match="No valid authentication info found") as raised:
            _ = auth.token
        assert not isinstance(raised.value, OauthError)
        home.later(2)
    assert home.posts == 1
    assert not home.file.exists()


def test_after_a_logout_the_login_of_somebody_else_is_not_taken_and_that_of_the_same_user_is(home: Home) -> None:
    home.logged_in()
    auth = Auth(_clock=home.clock)
    _ = auth.token
    home.file.unlink()
    home.later(3600)
    with pytest.raises(AuthError):
        _ = auth.token
    home.logged_in("ben")
    _ = Auth().token
    home.later(2)
    with pytest.raises(AuthError):
        _ = auth.token
    home.logged_in("ada")
    _ = Auth(_clock=home.clock).token
    home.later(2)
    assert auth.payload["name"] == "Ada"


def test_a_login_that_is_removed_before_its_first_use_is_over_too(home: Home) -> None:
    home.logged_in()
    auth = Auth()
    home.file.unlink()
    with pytest.raises(AuthError, match="No valid authentication info found"):
        _ = auth.token
    assert home.posts == 0
    assert not home.file.exists()


def test_a_login_that_is_removed_during_a_renewal_is_not_written_back(issuer: Issuer, tmp_path: Path) -> None:
    file = put(tmp_path / "login.json", GIVEN)
    grant = issuer.answer

    def removing(seen: Any) -> Any:
        file.unlink()
        return grant(seen)

    issuer.answer = removing
    auth = Auth(token_info_path=file)
    with pytest.warns(UserWarning, match="^Failed to save token"):
        assert auth.token.count(".") == 2
    assert not file.exists()


# -- the tokens that are shared without their login


def test_the_shared_file_holds_a_token_and_nothing_else(issuer: Issuer, tmp_path: Path) -> None:
    auth = Auth(**GIVEN)
    token = auth.token
    assert holds(auth.token_info_path or "") == {"jwt_token": token}
    assert b"some-secret" not in everything_in(tmp_path)
    assert hashlib.sha1(b"some-secret").hexdigest().encode() not in everything_in(tmp_path)
    assert Auth(**GIVEN)._token == auth.token
    assert len(issuer.seen) == 1


def test_another_client_scope_service_or_secret_has_another_file(issuer: Issuer) -> None:
    ways: list[dict[str, Any]] = [
        {},
        {"client_id": "other-id"},
        {"client_secret": "other-secret"},
        {"scope": ["openid"]},
        {"scope": []},
        {"scope": ["openid", "name"]},
        {"domain": f"{issuer.url}/other"},
    ]
    for _ in range(3):
        tokens = [Auth(**(GIVEN | way)).token for way in ways]
    assert len({Auth(**(GIVEN | way)).token_info_path for way in ways}) == len(ways)
    assert len(issuer.seen) == len(ways), "nobody evicts anybody"
    assert len(tokens) == len(ways)


def test_the_order_of_a_scope_and_a_slash_make_no_difference(issuer: Issuer) -> None:
    one = Auth(**GIVEN, domain=issuer.url, scope=["openid", "name"])
    two = Auth(**GIVEN, domain=f"{issuer.url}/", scope=["name", "openid"])
    assert one.token == two.token
    assert len(issuer.seen) == 1


OLDER = hashlib.sha1(b"some-secret").hexdigest()


@pytest.mark.parametrize(
    ("claims", "way", "is_read"),
    [
        ({}, {}, True),
        ({"iss": "{url}"}, {}, True),
        ({"iss": "{url}/"}, {}, True),
        ({"iss": "https://iam.elsewhere.example"}, {}, False),
        ({}, {"scope": ["openid"]}, False),
        ({}, {"domain": "{url}/other"}, False),
        ({"iss": "{url}/other"}, {"domain": "{url}/other"}, True),
        ({"aud": "other-id"}, {}, False),
        ({"aud": ["other-id", "some-id"]}, {}, True),
    ],
    ids=str,
)
def test_the_file_of_older_releases_is_read_where_it_fits(
    issuer: Issuer, tmp_path: Path, claims: dict[str, Any], way: dict[str, Any], is_read: bool
) -> None:
    claims = {name: value.format(url=issuer.url) if name == "iss" else value for name, value in claims.items()}
    way = {name: value.format(url=issuer.url) if name == "domain" else value for name, value in way.items()}
    old = jwt(**({"aud": "some-id"} | claims))
    file = put(tmp_path / "home" / ".descarteslabs" / f"jwt_token_{OLDER}.json", {"jwt_token": old})
    auth = Auth(**GIVEN, **way)
    assert (auth.token == old) == is_read
    assert len(issuer.seen) == (not is_read)
    assert holds(file) == {"jwt_token": old}


def test_a_newer_shared_token_goes_before_that_of_older_releases(issuer: Issuer, tmp_path: Path) -> None:
    new, old = jwt(aud="some-id"), jwt(aud="some-id", iat=1)
    put(tmp_path / "home" / ".descarteslabs" / f"jwt_token_{OLDER}.json", {"jwt_token": old})
    _ = Auth(**GIVEN, jwt_token=new).token
    assert Auth(**GIVEN).token == new
    assert issuer.seen == []


@pytest.mark.parametrize("value", ["true", "TRUE", "True"])
def test_without_reading_files_tokens_are_still_written(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DESCARTESLABS_NO_JWT_CACHE", value)
    tokens = [Auth(**GIVEN).token for _ in range(2)]
    assert len(set(tokens)) == len(issuer.seen) == 2
    assert holds(Auth(**GIVEN).token_info_path or "") == {"jwt_token": tokens[-1]}


def test_without_reading_files_a_named_one_keeps_what_is_not_ours(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    login = home.login(note=1)
    file = put(home.folder / "a.json", login)
    monkeypatch.setenv("DESCARTESLABS_NO_JWT_CACHE", "true")
    token = Auth(**given_of(login), token_info_path=file).token
    assert holds(file) == login | {"jwt_token": token}
    other = home.login("ben")
    token = Auth(**given_of(other), token_info_path=file).token
    assert holds(file)["client_id"] == other["client_id"]
