from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from skykey.sandbox import Box

GUARDED = "/repertoire/discovery/influxdb/usdf_efd"
INFO = "/auth/api/v1/token-info"
NGINX_401 = (
    b"<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n"
    b"<center><h1>401 Authorization Required</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)
INVALID = 'Bearer realm="127.0.0.1", error="invalid_token", error_description="Token is not valid"'
UNKNOWN = "gt-" + "A" * 22 + "." + "B" * 22


def test_no_credential_gets_a_challenge_without_error(ask: Any, box: Box) -> None:
    answer = ask(box.site_url + GUARDED)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="127.0.0.1"'
    assert answer.body == NGINX_401

    answer = ask(box.site_url + INFO)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="127.0.0.1"'
    assert answer.body == b'{"detail":{"msg":"Authentication required","type":"no_authorization"}}'


@pytest.mark.parametrize("token", [UNKNOWN, "gt-short.short", "something-else"])
def test_unknown_token_is_invalid(ask: Any, box: Box, token: str) -> None:
    answer = ask(box.site_url + GUARDED, token)
    assert (answer.status, answer.headers["WWW-Authenticate"], answer.body) == (401, INVALID, NGINX_401)

    answer = ask(box.site_url + INFO, token)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, INVALID)
    assert answer.body == b'{"detail":[{"msg":"Token is not valid","type":"invalid_token"}]}'


def test_missing_scope_is_named_and_sorted(ask: Any, box: Box) -> None:
    token = box.controls.mint(["read:tap"])
    answer = ask(box.site_url + GUARDED, token)
    assert answer.status == 403
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="127.0.0.1", error="insufficient_scope", '
        'error_description="Token missing required scope", scope="read:sasquatch"'
    )
    assert b"403 Forbidden" in answer.body
    assert ask(box.site_url + INFO, token).status == 200  # no scope is needed to look at oneself


@pytest.mark.parametrize(
    "form", [("user", "T"), ("T", "x-oauth-basic"), ("x-oauth-basic", "T"), ("T", ""), ("", "T"), ("T", "T")]
)
def test_either_half_of_basic_is_the_token(ask: Any, box: Box, form: tuple[str, str]) -> None:
    halves = tuple(box.token if half == "T" else half for half in form)
    assert ask(box.site_url + GUARDED, basic=halves).status == 200


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_bearer_is_read_generously(ask: Any, box: Box, scheme: str) -> None:
    assert ask(box.site_url + GUARDED, headers={"Authorization": scheme + box.token}).status == 200


def test_basic_without_a_token_is_no_credential(ask: Any, box: Box) -> None:
    answer = ask(box.site_url + GUARDED, basic=("ada", "password"))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="127.0.0.1"')


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Bearer", "Malformed Authorization header"),
        ("Digest abc", "Unknown Authorization type Digest"),
        ("Basic !!!", "Invalid Basic auth string"),
        ("Basic YTpiOmM=", "Invalid Basic auth string"),  # a:b:c
        ("Basic YQ==", "Invalid Basic auth string"),  # a
    ],
)
def test_malformed_header_is_400_at_the_ingress_and_403_at_the_api(ask: Any, box: Box, header: str, words: str) -> None:
    challenge = f'Bearer realm="127.0.0.1", error="invalid_request", error_description="{words}"'
    answer = ask(box.site_url + GUARDED, headers={"Authorization": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (400, challenge)
    assert answer.json == {"detail": [{"msg": words, "type": "invalid_request"}]}  # a 400 keeps its body

    answer = ask(box.site_url + INFO, headers={"Authorization": header})
    assert (answer.status, answer.headers["X-Error-Status"]) == (403, "400")


def test_two_different_tokens_in_basic_conflict(ask: Any, box: Box) -> None:
    answer = ask(box.site_url + GUARDED, basic=(box.token, UNKNOWN))
    assert answer.status == 400


def test_a_script_in_a_page_gets_403_instead_of_a_login(ask: Any, box: Box) -> None:
    answer = ask(box.site_url + GUARDED, headers={"X-Requested-With": "XMLHttpRequest"})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (403, 'Bearer realm="127.0.0.1"')


def test_a_token_ends_by_the_sandbox_clock(ask: Any, box: Box) -> None:
    token = box.controls.mint(seconds=100)
    assert ask(box.site_url + GUARDED, token).status == 200
    box.controls.clock(99)
    assert ask(box.site_url + GUARDED, token).status == 200
    box.controls.clock(101)
    assert ask(box.site_url + GUARDED, token).headers["WWW-Authenticate"] == INVALID


def test_token_info_leaves_out_what_is_null(ask: Any, box: Box) -> None:
    info = ask(box.site_url + INFO, box.token).json
    assert info["token"] == box.token[3:25]
    assert info["scopes"] == ["read:image", "read:sasquatch", "read:tap"]
    assert (info["token_type"], info["username"]) == ("user", "ada")
    assert info["expires"] - info["created"] == 86_400
    assert not {"service", "parent", "last_used"} & set(info)

    delegated = box.controls.mint(["read:tap"], seconds=None, kind="internal", service="tap", parent=info["token"])
    info = ask(box.site_url + INFO, delegated).json
    assert (info["token_type"], info["service"]) == ("internal", "tap")
    assert not {"expires", "token_name"} & set(info)


def test_user_info(ask: Any, box: Box) -> None:
    info = ask(box.site_url + "/auth/api/v1/user-info", box.token).json
    assert info["username"] == "ada"
    assert {"name": "ada", "id": info["gid"]} in info["groups"]
    assert "quota" not in info


def test_quota_counts_down_and_then_names_a_date(ask: Any, box: Box) -> None:
    box.controls.quota(2)
    first = ask(box.site_url + GUARDED, box.token)
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert first.headers["X-RateLimit-Resource"] == "repertoire"
    assert ask(box.site_url + GUARDED, box.token).status == 200
    third = ask(box.site_url + GUARDED, box.token)
    assert third.status == 429
    assert third.json["detail"][0] == {"msg": "Rate limit (2/minute) exceeded", "type": "rate_limited"}
    assert third.headers["X-RateLimit-Used"] == "2"
    reset = int(third.headers["X-RateLimit-Reset"])
    assert parsedate_to_datetime(third.headers["Retry-After"]).timestamp() == reset
    assert reset % 60 == 0
    assert "WWW-Authenticate" not in third.headers
    box.controls.clock(61)
    assert ask(box.site_url + GUARDED, box.token).status == 200


def test_a_quota_of_zero_is_a_block_and_no_limit(ask: Any, box: Box) -> None:
    box.controls.quota(0)
    answer = ask(box.site_url + GUARDED, box.token)
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert "scope=" not in answer.headers["WWW-Authenticate"].replace("insufficient_scope", "")
