import base64
import hashlib
import html
import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skykey.sandbox import Box, SandboxError

LEGACY_CLIENT = "ZOBAi4UROl5gKZIpxxlwOEfx8KpqXf2c"
LEGACY_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REGISTERED = {"iss", "aud", "sub", "iat", "exp", "jti", "scope"}


def refresh(login: dict[str, str], **more: str) -> dict[str, str]:
    """Return the parameters that the official clients send."""
    sent = {"client_id": login["client_id"], "grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    return sent | more


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def payload(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def error(answer: Any) -> tuple[int, str]:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["error_description"]
    return answer.status, answer.json["error"]


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_a_login_buys_an_access_token(post: Any, box: Box, form: bool) -> None:
    answer = post(f"{box.iam_url}/token", refresh(box.login), form=form)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    claims = payload(answer.json["access_token"])
    assert set(claims) == REGISTERED | {"userid", "name", "groups", "org", "email", "email_verified"}
    assert (claims["iss"], claims["aud"]) == (box.iam_url, box.login["client_id"])
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["userid"] == hashlib.sha1(claims["sub"].encode()).hexdigest()
    assert (claims["name"], claims["org"], claims["email_verified"]) == ("Ada", "sandbox", True)
    assert "sandbox:org-admin" in claims["groups"]


def test_the_key_set_proves_a_token(post: Any, ask: Any, box: Box) -> None:
    token = post(f"{box.iam_url}/token", refresh(box.login)).json["access_token"]
    document = ask(f"{box.iam_url}/.well-known/openid-configuration").json
    assert document["issuer"] == box.iam_url
    (key,) = ask(document["jwks_uri"]).json["keys"]
    head, body, signature = token.split(".")
    assert json.loads(decode(head)) == {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    numbers = {name: int.from_bytes(decode(key[name])) for name in ("e", "n")}
    public = rsa.RSAPublicNumbers(**numbers).public_key()
    public.verify(decode(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    assert numbers["n"].bit_length() == 2048
    canonical = f'{{"e":"{key["e"]}","kty":"RSA","n":"{key["n"]}"}}'
    assert decode(key["kid"]) == hashlib.sha256(canonical.encode()).digest()


def test_two_tokens_of_one_second_are_two_tokens(post: Any, box: Box) -> None:
    tokens = {post(f"{box.iam_url}/token", refresh(box.login)).json["access_token"] for _ in range(3)}
    assert len(tokens) == 3


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("openid", {"userid"}),
        ("openid email", {"userid", "email", "email_verified"}),
        ("org groups name", {"userid", "org", "groups", "name"}),
    ],
)
def test_scope_narrows_the_claims(post: Any, box: Box, scope: str, left: set[str]) -> None:
    answer = post(f"{box.iam_url}/token", refresh(box.login, scope=scope)).json
    assert answer["scope"] == scope
    assert set(payload(answer["access_token"])) - REGISTERED == left


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"client_id": None}, (400, "invalid_request")),
        ({"client_id": ""}, (400, "invalid_request")),
        ({"grant_type": ""}, (400, "invalid_request")),
        ({"refresh_token": ""}, (400, "invalid_request")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
        ({"grant_type": LEGACY_GRANT}, (400, "unauthorized_client")),
        ({"refresh_token": "made-up"}, (400, "invalid_grant")),
        ({"client_id": "made-up"}, (401, "invalid_client")),
        ({"scope": "o p e n i d"}, (400, "invalid_scope")),
        ({"refresh_token": 5}, (400, "invalid_request")),
        ({"refresh_token": ["a"]}, (400, "invalid_request")),
    ],
    ids=str,
)
def test_refusals_are_worded_as_the_standard_has_them(post: Any, box: Box, change: Any, expected: Any) -> None:
    answer = post(f"{box.iam_url}/token", refresh(box.login) | change)
    assert error(answer) == expected
    assert ("WWW-Authenticate" in answer.headers) == (answer.status == 401)


def test_another_clients_refresh_token_is_refused(post: Any, box: Box) -> None:
    ben = box.controls.login("ben")
    assert ben["client_id"] != box.login["client_id"]
    mixed = refresh(box.login, refresh_token=ben["refresh_token"])
    assert error(post(f"{box.iam_url}/token", mixed)) == (400, "invalid_grant")
    assert payload(post(f"{box.iam_url}/token", refresh(ben)).json["access_token"])["name"] == "Ben"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"\xff"),
        ("application/json", b"[]"),
        ("application/json", b"[" * 100_000),
        ("application/json", b'[["client_id", "x"], ["grant_type", "y"]]'),
        ("application/json", b'{"client_id": "a", "client_id": "b"}'),
        ("application/x-www-form-urlencoded", b"client_id=a&client_id=b"),
        ("application/x-www-form-urlencoded", b"\xff=\xff"),
        ("text/plain", b"{}"),
        ("", b"{}"),
    ],
)
def test_a_body_that_is_no_list_of_parameters_is_said(ask: Any, box: Box, kind: str, body: bytes) -> None:
    answer = ask(f"{box.iam_url}/token", method="POST", body=body, headers={"Content-Type": kind})
    assert error(answer) == (400, "invalid_request")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["client_id", "grant_type", "refresh_token", "client_secret", "scope", "target"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=JSON | st.dictionaries(NAMES, JSON | st.text()))
def test_no_json_breaks_it(post: Any, box: Box, sent: Any) -> None:
    assert error(post(f"{box.iam_url}/token", sent))[0] in (400, 401)


def test_the_legacy_client_has_a_grant_of_its_own(post: Any, box: Box) -> None:
    login = box.controls.login("ben", client_id=LEGACY_CLIENT)
    sent = refresh(login, grant_type=LEGACY_GRANT, target=LEGACY_CLIENT, api_type="app")
    answer = post(f"{box.iam_url}/token", sent | {"scope": "openid name groups org email"})
    claims = payload(answer.json["access_token"])
    assert (claims["name"], claims["aud"], claims["azp"]) == ("Ben", LEGACY_CLIENT, LEGACY_CLIENT)
    assert error(post(f"{box.iam_url}/token", refresh(login))) == (400, "unauthorized_client")
    for name in ("target", "api_type"):
        assert error(post(f"{box.iam_url}/token", sent | {name: "other"})) == (400, "invalid_request")


@pytest.mark.parametrize("basic", [False, True], ids=["in the body", "basic"])
def test_a_client_acts_on_its_own(post: Any, box: Box, basic: bool) -> None:
    login = box.login
    names = {"client_id": login["client_id"], "client_secret": login["client_secret"]}
    asked = {"grant_type": "client_credentials"} | ({} if basic else names)
    proof = tuple(names.values()) if basic else None
    answer = post(f"{box.iam_url}/token", asked, form=True, basic=proof)
    claims = payload(answer.json["access_token"])
    assert set(claims) == REGISTERED  # nobody's name
    assert claims["sub"] == claims["aud"] == login["client_id"]
    assert "refresh_token" not in answer.json
    wrong = post(f"{box.iam_url}/token", asked | names | {"client_secret": "wrong"}, form=True)
    assert error(wrong) == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic !", "Basic /////w==", "Basic"])
def test_an_unreadable_name_of_a_client_is_said(ask: Any, box: Box, header: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": header}
    answer = ask(f"{box.iam_url}/token", method="POST", body=b"grant_type=client_credentials", headers=kind)
    assert error(answer) == (400, "invalid_request")


def test_only_get_or_only_post(ask: Any, box: Box) -> None:
    assert ask(f"{box.iam_url}/token").status == 405
    assert ask(f"{box.iam_url}/.well-known/jwks.json", method="POST").status == 405
    assert ask(f"{box.iam_url}/").status == 404


# -- how it answers


def test_the_shape_of_the_answer_is_switched_and_taken_back(post: Any, box: Box) -> None:
    box.controls.iam(shape="id_token", prefix=True, seconds=60)
    box.controls.iam(put={"expires_in": "soon", "more": None})  # and the others stay
    answer = post(f"{box.iam_url}/token", refresh(box.login)).json
    assert set(answer) == {"id_token", "token_type", "expires_in", "scope", "more"}
    assert (answer["expires_in"], answer["more"]) == ("soon", None)
    claims = payload(answer["id_token"])
    assert claims["exp"] - claims["iat"] == 60
    assert {name for name in claims if name.startswith("earthdaily__dl__")} == set(claims) - REGISTERED
    assert claims["earthdaily__dl__name"] == "Ada"
    box.controls.reset()
    assert "access_token" in post(f"{box.iam_url}/token", refresh(box.login)).json


def test_fields_of_the_answer_are_left_out(post: Any, box: Box) -> None:
    box.controls.iam(drop=["expires_in", "access_token"])
    assert set(post(f"{box.iam_url}/token", refresh(box.login)).json) == {"token_type", "scope"}


def test_a_switch_that_is_none_is_said(box: Box) -> None:
    with pytest.raises(SandboxError, match="shape is one of"):
        box.controls.iam(shape="jwt")
    with pytest.raises(SandboxError, match="nonsense"):
        box.controls._do("iam", nonsense=True)


def test_a_new_user_is_what_the_control_says(post: Any, box: Box) -> None:
    login = box.controls.login("cleo", org="elsewhere", groups=["elsewhere:team"])
    claims = payload(post(f"{box.iam_url}/token", refresh(login)).json["access_token"])
    assert (claims["name"], claims["org"], claims["groups"]) == ("Cleo", "elsewhere", ["elsewhere:team"])
    again = box.controls.login("cleo")
    assert again["client_id"] == login["client_id"]
    assert again["refresh_token"] != login["refresh_token"]
    assert payload(post(f"{box.iam_url}/token", refresh(again)).json["access_token"])["org"] == "elsewhere"


# -- rotation and revocation


def test_without_rotation_a_refresh_token_serves_for_good(post: Any, box: Box) -> None:
    for _ in range(3):
        answer = post(f"{box.iam_url}/token", refresh(box.login))
        assert answer.status == 200
        assert "refresh_token" not in answer.json
    stats = box.controls.iam_stats()
    assert (stats["refreshes"], stats["revocations"], stats["reuses"]) == (3, 0, 0)
    assert stats[f"{box.login['client_id']} refresh_token"] == 3


def test_a_reused_refresh_token_ends_its_family_and_no_other(post: Any, ask: Any, box: Box) -> None:
    box.controls.iam(rotation=True)
    login, bystander = box.login, box.controls.login("ada")
    first = post(f"{box.iam_url}/token", refresh(login)).json
    second = post(f"{box.iam_url}/token", refresh(login, refresh_token=first["refresh_token"])).json
    assert len({login["refresh_token"], first["refresh_token"], second["refresh_token"]}) == 3
    for _ in range(2):  # and it stays one reuse
        assert error(post(f"{box.iam_url}/token", refresh(login))) == (400, "invalid_grant")
    newest = refresh(login, refresh_token=second["refresh_token"])
    assert error(post(f"{box.iam_url}/token", newest)) == (400, "invalid_grant")
    assert ask(f"{box.platform_url}/echo", second["access_token"]).status == 401
    assert post(f"{box.iam_url}/token", refresh(bystander)).status == 200
    stats = box.controls.iam_stats()
    assert (stats["refreshes"], stats["revocations"], stats["reuses"]) == (3, 1, 1)


def test_what_was_rotated_out_stays_out_when_rotation_is_off_again(post: Any, box: Box) -> None:
    box.controls.iam(rotation=True)
    newest = post(f"{box.iam_url}/token", refresh(box.login)).json["refresh_token"]
    box.controls.iam(rotation=False)
    assert post(f"{box.iam_url}/token", refresh(box.login, refresh_token=newest)).status == 200
    assert error(post(f"{box.iam_url}/token", refresh(box.login))) == (400, "invalid_grant")


def test_an_answer_that_is_lost_has_rotated_all_the_same(post: Any, box: Box) -> None:
    box.controls.iam(rotation=True)
    box.controls.fault("truncate", service="iam")
    with pytest.raises(Exception, match="IncompleteRead"):
        post(f"{box.iam_url}/token", refresh(box.login))
    assert error(post(f"{box.iam_url}/token", refresh(box.login))) == (400, "invalid_grant")
    assert box.controls.iam_stats()["reuses"] == 1


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_the_revoke_url_ends_a_login_and_its_access_tokens(post: Any, ask: Any, box: Box, form: bool) -> None:
    login = box.login
    token = post(f"{box.iam_url}/token", refresh(login)).json["access_token"]
    sent = {"client_id": login["client_id"], "token": login["refresh_token"]}
    for _ in range(2):  # what is revoked already is no error
        answer = post(login["revoke_url"], sent, form=form)
        assert (answer.status, answer.body) == (200, b"")
    assert error(post(f"{box.iam_url}/token", refresh(login))) == (400, "invalid_grant")
    assert ask(f"{box.platform_url}/echo", token).status == 401
    assert box.controls.iam_stats()["revocations"] == 1


def test_the_newest_of_a_rotated_family_revokes_it(post: Any, box: Box) -> None:
    box.controls.iam(rotation=True)
    newest = post(f"{box.iam_url}/token", refresh(box.login)).json["refresh_token"]
    sent = {"client_id": box.login["client_id"], "token": newest}
    assert post(f"{box.iam_url}/revoke", sent).status == 200
    assert error(post(f"{box.iam_url}/token", refresh(box.login, refresh_token=newest))) == (400, "invalid_grant")


def test_revocation_is_refused_to_others_and_for_access_tokens(post: Any, box: Box) -> None:
    ben, token = box.controls.login("ben"), box.login["refresh_token"]
    url = f"{box.iam_url}/revoke"
    assert error(post(url, {"client_id": ben["client_id"], "token": token})) == (400, "invalid_grant")
    assert error(post(url, {"client_id": "made-up", "token": token})) == (401, "invalid_client")
    assert error(post(url, {"token": token})) == (400, "invalid_request")
    access = post(f"{box.iam_url}/token", refresh(box.login)).json["access_token"]
    sent = {"client_id": box.login["client_id"], "token": access}
    assert error(post(url, sent)) == (400, "unsupported_token_type")
    assert post(url, sent | {"token": "made-up"}).status == 200
    assert post(f"{box.iam_url}/token", refresh(box.login)).status == 200


def test_a_control_revokes_a_user_and_nobody_else(post: Any, box: Box) -> None:
    dan, eve, again = (box.controls.login(name) for name in ("dan", "eve", "dan"))
    assert box.controls.revoke("dan") == 2
    assert box.controls.revoke("dan") == 0
    for login in (dan, again):
        assert error(post(f"{box.iam_url}/token", refresh(login))) == (400, "invalid_grant")
    assert post(f"{box.iam_url}/token", refresh(eve)).status == 200
    names = {"grant_type": "client_credentials", "client_secret": dan["client_secret"], "client_id": dan["client_id"]}
    assert error(post(f"{box.iam_url}/token", names)) == (401, "invalid_client")


# -- failing


def test_it_fails_for_one_user_and_one_action(post: Any, box: Box) -> None:
    url, ben = f"{box.iam_url}/token", box.controls.login("ben")
    box.controls.fail("refresh", "ada", status=503, times=2)
    assert post(url, refresh(ben)).status == 200
    assert error(post(url, refresh(box.login))) == (503, "server_error")
    revoke = {"client_id": ben["client_id"], "token": "made-up"}
    assert post(f"{box.iam_url}/revoke", revoke).status == 200
    assert error(post(url, refresh(box.login))) == (503, "server_error")
    assert post(url, refresh(box.login)).status == 200
    box.controls.fail("refresh", status=401)  # anybody
    assert error(post(url, refresh(ben))) == (401, "invalid_client")
    box.controls.fail("revoke")
    box.controls.reset()
    assert post(f"{box.iam_url}/revoke", revoke).status == 200


def test_a_failed_refresh_uses_no_refresh_token_up(post: Any, box: Box) -> None:
    box.controls.iam(rotation=True)
    box.controls.fail("refresh", "ada")
    assert post(f"{box.iam_url}/token", refresh(box.login)).status == 503
    assert post(f"{box.iam_url}/token", refresh(box.login)).status == 200


@pytest.mark.parametrize(("action", "status"), [("sleep", 503), ("refresh", 200), ("refresh", 999)])
def test_a_failure_that_is_none_is_said(box: Box, action: Any, status: int) -> None:
    with pytest.raises(SandboxError, match="ValueError"):
        box.controls.fail(action, status=status)


def test_faults_and_the_log_know_the_services(post: Any, ask: Any, box: Box) -> None:
    box.controls.fault(status=502, service="iam")
    assert post(f"{box.iam_url}/token", refresh(box.login)).status == 502
    box.controls.fault("html", service="echo")
    assert ask(f"{box.platform_url}/echo").status == 200
    ask(f"{box.app_url}/account/refresh-token")
    seen = [(one.service, one.method, one.path, one.fault) for one in box.controls.requests()]
    assert seen == [
        ("iam", "POST", "/token", "status"),
        ("echo", "GET", "/echo", "html"),
        ("account", "GET", "/account/refresh-token", None),
    ]
    assert box.login["refresh_token"] not in repr(box.controls.requests())


# -- where logins come from


def test_the_page_shows_a_login_to_paste(post: Any, ask: Any, box: Box) -> None:
    answer = ask(f"{box.app_url}/account/refresh-token?user=ben")
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")
    word = re.search(r'<pre id="token">([A-Za-z0-9_-]+)</pre>', answer.body.decode())
    assert word
    login = json.loads(decode(word[1]))
    assert set(login) == {"id", "client_id", "name", "revoke_url", "client_secret"}
    assert (login["name"], login["revoke_url"]) == ("Ben", f"{box.iam_url}/revoke")
    sent = refresh(login | {"refresh_token": login["client_secret"]})
    assert payload(post(f"{box.iam_url}/token", sent).json["access_token"])["name"] == "Ben"
    other = ask(f"{box.app_url}/account/refresh-token?user=ben").body
    assert other != answer.body  # each look is a login of its own
    assert ask(f"{box.app_url}/account/refresh-token?user=nobody").status == 404


def test_the_page_survives_any_name(ask: Any, box: Box) -> None:
    name = "<script>&{token}"
    box.controls.login(name)
    answer = ask(f"{box.app_url}/account/refresh-token?user=%3Cscript%3E%26%7Btoken%7D")
    assert html.escape(name.capitalize()).encode() in answer.body
    assert b"<script>" not in answer.body


@pytest.mark.parametrize(
    ("system", "issuer"),
    [
        (None, None),
        ("descarteslabs", "https://iam.production.aws.descarteslabs.com"),
        ("earthone", "https://iam.production.earthone.earthdaily.com"),
    ],
)
def test_a_control_hands_out_the_same_as_the_page(box: Box, system: Any, issuer: str | None) -> None:
    login = box.controls.login("ada", system=system)
    assert login["revoke_url"] == f"{issuer or box.iam_url}/revoke"
    pasted = json.loads(decode(login.pop("paste")))
    assert login == pasted | {"refresh_token": pasted["client_secret"]}


def test_rotate_writes_new_logins_before_the_old_ones_end(post: Any, box: Box) -> None:
    old = box.login
    box.controls.rotate()
    assert box.login["refresh_token"] != old["refresh_token"]
    assert box.login["client_id"] == old["client_id"]
    assert error(post(f"{box.iam_url}/token", refresh(old))) == (400, "invalid_grant")
    assert post(f"{box.iam_url}/token", refresh(box.login)).status == 200
    assert box.controls.iam_stats()["revocations"] == 0  # nobody's fault


def test_no_secret_is_shown(box: Box) -> None:
    assert box.login["client_secret"] not in repr(box)
    assert box.login["client_secret"] not in str(box.public())
