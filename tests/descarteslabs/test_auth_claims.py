"""What a token says of its user: payload, namespace, names for access lists. Every answer is a copy of its own."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.descarteslabs.auth import Auth, base64url_decode
from skykey.descarteslabs.earthone.auth import Auth as EarthOneAuth
from skykey.descarteslabs.exceptions import AuthError
from skykey.descarteslabs.payload import claims_in, payload_of
from skykey.values.secret import Secret
from tests.descarteslabs.logins import PREFIX, jwt, part

SOME_USER = "20c90de9751087eb65e1c28674271ee417a7db03"

# The contract's example: one user, every kind of group.
ADMIN = {
    "org": "o",
    "groups": ["g", "G2", "o:team", "x:team", "o:org-admin", "acc-1:resource-admin", "z:org-admin", ":org-admin"],
    "email": "A@B.c",
}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def having(**claims: Any) -> Auth:
    return Auth(jwt_token=jwt(**claims))


def test_the_users_id_is_the_fingerprint_of_the_subject_where_no_claim_names_it() -> None:
    assert having(sub="asdf").namespace == "3da541559918a808c2402bba5012f6c60b27661c"
    assert having(sub="some|user").namespace == SOME_USER
    assert having(sub="asdf", userid="").namespace == "3da541559918a808c2402bba5012f6c60b27661c"


def test_a_claim_that_names_the_users_id_goes_before_the_subject() -> None:
    assert having(sub="asdf", userid="1234").namespace == "1234"
    assert having(sub="asdf", **{f"{PREFIX}userid": "1234"}).namespace == "1234"


def test_a_token_that_does_not_say_whose_it_is_is_an_auth_error() -> None:
    for claims in ({"sub": None}, {"sub": 5}, {"sub": ["a"]}):
        with pytest.raises(AuthError, match="does not say whose it is"):
            _ = having(**claims).namespace


def test_the_platforms_own_claims_come_without_their_prefix() -> None:
    auth = having(**{f"{PREFIX}name": "A", "name": "B", PREFIX: "bare", f"{PREFIX}groups": ["public"], "org": "o"})
    payload = auth.payload
    assert {name: payload[name] for name in ("name", "", "groups", "org")} == {
        "name": "A",
        "": "bare",
        "groups": ["public"],
        "org": "o",
    }
    assert not any(name.startswith(PREFIX) for name in payload)


@pytest.mark.parametrize("order", [1, -1])
def test_the_prefixed_claim_wins_in_either_order(order: int) -> None:
    claims = {f"{PREFIX}org": "theirs", "org": "plain"}
    assert having(**dict(list(claims.items())[::order])).payload["org"] == "theirs"


def test_the_payload_is_that_of_the_token_that_is_held_now() -> None:
    auth = having(sub="first")
    assert auth.payload["sub"] == "first"
    auth._token = jwt(sub="second", org="o", groups=["g"])
    assert auth.payload["sub"] == "second"
    assert auth.namespace == hashlib.sha1(b"second").hexdigest()
    assert auth.all_acl_subjects == [f"user:{auth.namespace}", "org:o", "group:g"]
    auth._token = jwt(sub="third").encode()
    assert auth.payload["sub"] == "third"
    assert auth.token == auth._token


def test_names_for_access_lists_as_the_contract_has_them() -> None:
    auth = having(**ADMIN)
    assert auth.all_acl_subjects == [
        f"user:{SOME_USER}",
        "email:a@b.c",
        "org:o",
        "group:g",
        "group:G2",
        "group:o:team",
        "group:o:org-admin",
    ]
    assert auth.all_owner_acl_subjects == [f"user:{SOME_USER}", "org:o", "org:z", "access-id:acc-1"]
    assert auth.get_org_admins() == ["o", "z", ""]
    assert auth.get_resource_admins() == ["acc-1"]
    assert auth.all_acl_subjects_as_set == set(auth.all_acl_subjects)
    assert auth.all_owner_acl_subjects_as_set == set(auth.all_owner_acl_subjects)


def test_the_prefixes_and_suffixes_are_documented_constants() -> None:
    auth = having(**ADMIN)
    assert auth.all_acl_subjects[:4] == [
        Auth.ACL_PREFIX_USER + auth.namespace,
        Auth.ACL_PREFIX_EMAIL + "a@b.c",
        Auth.ACL_PREFIX_ORG + "o",
        Auth.ACL_PREFIX_GROUP + "g",
    ]
    assert auth.all_owner_acl_subjects[-1] == Auth.ACL_PREFIX_ACCESS + "acc-1"
    assert (Auth.ORG_ADMIN_SUFFIX, Auth.RESOURCE_ADMIN_SUFFIX) == (":org-admin", ":resource-admin")


@pytest.mark.parametrize("groups", [None, "g", 5, {"g": 1}, [None, 5, ["g"]]], ids=repr)
def test_groups_that_are_none_leave_the_user_without_groups(groups: object) -> None:
    auth = having(groups=groups, org=None, email=None)
    assert auth.all_acl_subjects == auth.all_owner_acl_subjects == [f"user:{SOME_USER}"]
    assert auth.get_org_admins() == auth.get_resource_admins() == []
    assert having(org=5, email=["x"]).all_acl_subjects == [f"user:{SOME_USER}"]


def test_without_an_organisation_no_group_of_one_counts() -> None:
    assert having(groups=["o:team", ":team", "g"]).all_acl_subjects == [f"user:{SOME_USER}", "group:g"]


def test_what_is_handed_out_is_nobody_elses() -> None:
    auth = having(**ADMIN, nested={"a": [1]})
    auth.payload["sub"] = auth.payload["nested"]["a"].append(2)
    auth.payload.clear()
    auth.all_acl_subjects.clear()
    auth.all_owner_acl_subjects.append("x")
    auth.all_acl_subjects_as_set.clear()
    auth.all_owner_acl_subjects_as_set.clear()
    auth.get_org_admins().clear()
    auth.get_resource_admins().clear()
    assert auth.payload["nested"] == {"a": [1]}
    assert auth.payload["sub"] == "some|user"
    assert len(auth.all_acl_subjects) == len(auth.all_acl_subjects_as_set) == 7
    assert len(auth.all_owner_acl_subjects) == len(auth.all_owner_acl_subjects_as_set) == 4
    assert len(auth.get_org_admins() + auth.get_resource_admins()) == 4


def test_a_token_that_a_subclass_gives_is_the_one_that_is_read() -> None:
    class Fixed(Auth):
        @property
        def token(self) -> str:
            return jwt(sub="fixed", **ADMIN)

    assert Fixed(token_info_path=None, _suppress_warning=True).payload["sub"] == "fixed"


def test_earthone_knows_a_user_by_the_claim_alone() -> None:
    token = jwt(sub="asdf", **{f"{PREFIX}userid": "1234", f"{PREFIX}groups": ["g"]})
    assert EarthOneAuth(jwt_token=token).all_acl_subjects == ["user:1234", "group:g"]
    with pytest.raises(AuthError, match="does not say whose it is"):
        _ = EarthOneAuth(jwt_token=jwt(sub="asdf")).namespace


@pytest.mark.parametrize(
    "head", ["", "header", part({"alg": "none"})], ids=["no head", "a head that is no JSON", "unsigned"]
)
def test_only_the_middle_of_a_token_counts(head: str) -> None:
    """As programs' own tests make tokens up; who checks signatures is the service."""
    middle = json.dumps({"exp": 9e9, "aud": "foo", "sub": "ü?~"})
    for spelling in (base64.b64encode, base64.urlsafe_b64encode):
        token = f"{head}.{spelling(middle.encode()).decode()}.sig"
        assert Auth(jwt_token=token, client_id="foo").payload == json.loads(middle)


@pytest.mark.parametrize(
    "token", ["opaque-token", "aQ.bQ", "aQ.bQ.cQ", f"a.{part([1])}.c", f"a.{part('{')}.c", "é.é.é"]
)
def test_a_token_that_cannot_be_read_is_not_shown(token: str) -> None:
    class Fixed(Auth):
        @property
        def token(self) -> str:
            return token

    with pytest.raises(AuthError, match="no JSON Web Token") as raised:
        _ = Fixed(token_info_path=None, _suppress_warning=True).payload
    assert token not in str(raised.value)


@given(st.text() | st.lists(st.text(), min_size=2, max_size=4).map(".".join))
def test_any_text_can_be_tried(text: str) -> None:
    found = claims_in(Secret(text))
    assert found is None or isinstance(payload_of(found, PREFIX), dict)


@given(st.dictionaries(st.text() | st.text().map(PREFIX.__add__), st.none() | st.booleans() | st.text(), max_size=6))
def test_no_claim_is_lost_but_to_one_of_the_platforms_own(claims: dict[str, Any]) -> None:
    found = claims_in(Secret(f".{part(claims)}."))
    assert found is not None
    assert found.payload == claims
    payload = payload_of(found, PREFIX)
    assert set(payload) == {name.removeprefix(PREFIX) for name in claims}
    for name, value in payload.items():
        assert value == claims.get(PREFIX + name, claims.get(name))


@given(st.binary())
def test_base64url_is_undone_without_padding(raw: bytes) -> None:
    assert base64url_decode(base64.urlsafe_b64encode(raw).rstrip(b"=")) == raw
