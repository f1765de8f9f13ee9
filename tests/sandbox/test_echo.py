import hashlib
from typing import Any

import pytest

from skykey.sandbox import Box

REALM = 'Bearer realm="platform"'


def bought(post: Any, box: Box, **more: str) -> str:
    login = box.login
    sent = {"client_id": login["client_id"], "grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    answer = post(f"{box.iam_url}/token", sent | more).json
    return str(answer["access_token"])


def challenge(words: str) -> str:
    return f'{REALM}, error="invalid_token", error_description="{words}"'


def test_it_tells_what_arrived_and_not_the_token(post: Any, ask: Any, box: Box) -> None:
    token, body = bought(post, box), b"\x00\xffbytes"
    answer = ask(f"{box.platform_url}/echo?a=1&b=%20", token, method="POST", body=body)
    assert answer.status == 200
    told = answer.json
    assert (told["method"], told["path"], told["query"]) == ("POST", "/echo", "a=1&b=%20")
    assert (told["length"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert (told["claims"]["name"], told["claims"]["aud"]) == ("Ada", box.login["client_id"])
    assert told["fingerprint"] == box.controls.requests("echo")[-1].fingerprint
    assert token.encode() not in answer.body
    assert token.rpartition(".")[2].encode() not in answer.body
    assert ask(f"{box.platform_url}/echo", token).json["length"] == 0


def test_two_tokens_have_two_fingerprints(post: Any, ask: Any, box: Box) -> None:
    tokens = [bought(post, box) for _ in range(2)]
    assert len({ask(f"{box.platform_url}/echo", token).json["fingerprint"] for token in tokens}) == 2


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic YTpi", "Digest a"])
def test_who_shows_no_token_is_told_the_way_only(ask: Any, box: Box, header: str | None) -> None:
    answer = ask(f"{box.platform_url}/echo", headers={} if header is None else {"Authorization": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, REALM)


def test_a_token_of_another_system_is_not_accepted(post: Any, ask: Any, box: Box) -> None:
    token = bought(post, box)
    for other in (box.token, "made-up", token[:-1], token + "A", token.rpartition(".")[0] + "."):
        answer = ask(f"{box.platform_url}/echo", other)
        expected = challenge("The access token was not made here")
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, expected)
        assert answer.json["error"] == "invalid_token"
    assert ask(f"{box.site_url}/auth/api/v1/token-info", token).status == 401


def test_a_token_ends_by_the_sandbox_clock(post: Any, ask: Any, box: Box) -> None:
    token = bought(post, box)
    box.controls.clock(3590)
    assert ask(f"{box.platform_url}/echo", token).status == 200
    box.controls.clock(3601)
    answer = ask(f"{box.platform_url}/echo", token)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, challenge("The access token expired"))
    assert ask(f"{box.platform_url}/echo", bought(post, box)).status == 200


def test_one_token_or_all_end_before_their_time(post: Any, ask: Any, box: Box) -> None:
    one, other = bought(post, box), bought(post, box)
    assert box.controls.expire(one) == 1
    statuses = [ask(f"{box.platform_url}/echo", token).status for token in (one, other)]
    assert statuses == [401, 200]
    assert box.controls.life(None, one) == 1  # and back to what it says itself
    assert ask(f"{box.platform_url}/echo", one).status == 200
    assert box.controls.expire() >= 2
    assert ask(f"{box.platform_url}/echo", other).status == 401
    assert box.controls.life(10_000, one) == 1
    box.controls.clock(3601)
    assert ask(f"{box.platform_url}/echo", one).status == 401  # never longer than it says


def test_a_revoked_login_closes_the_door(post: Any, ask: Any, box: Box) -> None:
    token = bought(post, box)
    box.controls.revoke("ada")
    answer = ask(f"{box.platform_url}/echo", token)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, challenge("The access token was revoked"))


def test_a_missing_scope_is_named(post: Any, ask: Any, box: Box) -> None:
    token = bought(post, box, scope="openid name")
    assert ask(f"{box.platform_url}/echo?need=name", token).status == 200
    answer = ask(f"{box.platform_url}/echo?need=groups", token)
    assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"].endswith(', scope="groups"')
    assert ask(f"{box.platform_url}/echo?need=groups", bought(post, box)).status == 200


@pytest.mark.parametrize(("asked", "answered"), [(400, 400), (418, 418), (503, 503), (200, 404), (799, 404)])
def test_a_status_is_answered_on_request(post: Any, ask: Any, box: Box, asked: int, answered: int) -> None:
    answer = ask(f"{box.platform_url}/status/{asked}", bought(post, box))
    assert (answer.status, answer.json["status"]) == (answered, answered)
    assert answer.json["detail"]
    assert ask(f"{box.platform_url}/status/{asked}").status == 401


def test_it_fails_for_one_user(post: Any, ask: Any, box: Box) -> None:
    token = bought(post, box)
    box.controls.fail("echo", "ben")
    assert ask(f"{box.platform_url}/echo", token).status == 200
    box.controls.fail("echo", "ada", status=409)
    assert [ask(f"{box.platform_url}/echo", token).status for _ in range(2)] == [409, 200]
