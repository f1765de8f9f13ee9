"""What a site's gatekeeper answers, as errors that say what is missing and where to get it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.login import RepertoireLogin
from skykey.rubin.gafaelfawr import Gafaelfawr
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.sandbox import Box
from skykey.testing import Canary
from skykey.values.errors import (
    Failed,
    Forbidden,
    NotAuthenticated,
    QueryError,
    RateLimited,
    Redirected,
    SkykeyError,
    Unavailable,
    Unreadable,
)
from tests.wire import fixtures

shared_box, box = fixtures.shared_box, fixtures.box
REALM = {"WWW-Authenticate": 'Bearer realm="rsp.example.org"'}
Way = Callable[[Box, str], Any]


def keeper(box: Box, token: str) -> Keeper[Any]:
    return Keeper(token_chain(find_site(), auth_token=token))


def discovery(box: Box) -> SyncDiscoveryClient:
    return SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire")


async def async_login(box: Box, token: str) -> Any:
    async with DiscoveryClient(base_url=f"{box.site_url}/repertoire") as client:
        return await client.login("usdf_efd", keeper(box, token))


WAYS: dict[str, Way] = {
    "token-info": lambda box, token: Gafaelfawr(find_site(), keeper(box, token)).token_info(),
    "a login": lambda box, token: discovery(box).login("usdf_efd", keeper(box, token)),
    "a login, async": lambda box, token: asyncio.run(async_login(box, token)),
    "a login, by text": lambda box, token: discovery(box).influxdb_credentials("usdf_efd", token),
    "all logins": lambda box, token: discovery(box).logins(keeper(box, token)),
}
GUARDED = [way for way in WAYS if way != "token-info"]  # which any token may ask


@pytest.fixture(autouse=True)
def here(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", box.site_url)


def refused(way: str, box: Box, token: str | None = None) -> Any:
    """The error of one way; nothing of the token is in it, and it is sent once."""
    token = token or box.token
    box.controls.forget()
    with pytest.raises(SkykeyError) as caught:
        WAYS[way](box, token)
    assert not Canary.of(token).hits(f"{caught.value}\n{caught.value!r}\n{vars(caught.value)}")
    assert len([seen for seen in box.controls.requests() if seen.credential]) == 1
    return caught.value


def answer(box: Box, **how: Any) -> None:
    """Let the guarded routes answer so."""
    for path in ("/auth/api/v1", "/repertoire/discovery/influxdb"):
        box.controls.fault(times=9, path=path, **how)


# -- 401


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_is_not_accepted_is_told_where_another_one_is_made(way: str, box: Box) -> None:
    token = box.controls.mint()
    box.controls.expire(token)
    problem = refused(way, box, token)
    assert isinstance(problem, NotAuthenticated)
    assert "does not accept the credential (401)" in problem.message
    assert problem.words == "Token is not valid"
    assert f"at {box.site_url}/auth/tokens" in problem.next
    assert problem.next.endswith("skykey why rubin")
    assert "does not look like one" not in problem.next
    assert ("read:sasquatch" in problem.next) == (way != "token-info")


@pytest.mark.parametrize("way", WAYS)
def test_a_token_of_no_known_shape_is_sent_and_told_so_when_it_is_refused(way: str, box: Box) -> None:
    problem = refused(way, box, "an-odd-token-of-this-test")
    assert isinstance(problem, NotAuthenticated)
    assert "what was sent does not look like one" in problem.next


@pytest.mark.parametrize("way", WAYS)
def test_a_token_that_did_not_arrive_is_not_called_a_bad_one(way: str, box: Box) -> None:
    """A proxy took the header away: the challenge has no error then (RFC 6750, 3.1)."""
    answer(box, status=401, headers=REALM)
    problem = refused(way, box)
    assert isinstance(problem, NotAuthenticated)
    assert "asks for a credential (401)" in problem.message
    assert f"at {box.site_url}/auth/tokens" in problem.next


# -- 403


@pytest.mark.parametrize("way", GUARDED)
def test_a_missing_scope_is_named_with_the_page_where_it_is_ticked(way: str, box: Box) -> None:
    problem = refused(way, box, box.controls.mint(["read:tap"]))
    assert isinstance(problem, Forbidden)
    assert problem.scopes == ("read:sasquatch",)
    assert "lacks the scope read:sasquatch" in problem.message
    assert problem.next.startswith(f"create a token with the scope read:sasquatch at {box.site_url}/auth/tokens")


@pytest.mark.parametrize("way", WAYS)
def test_the_scopes_are_those_that_the_site_names_and_not_those_that_we_expect(way: str, box: Box) -> None:
    challenge = 'Bearer realm="h", error="insufficient_scope", scope="exec:admin  read:tap \x7f"'
    answer(box, status=403, headers={"WWW-Authenticate": challenge})
    problem = refused(way, box)
    assert problem.scopes == ("exec:admin", "read:tap")
    assert problem.next.startswith(f"create a token with the scopes exec:admin read:tap at {box.site_url}/auth/tokens")


@pytest.mark.parametrize("way", GUARDED)
def test_who_is_blocked_is_not_sent_to_make_another_token(way: str, box: Box) -> None:
    box.controls.quota(0)
    problem = refused(way, box)
    assert type(problem).__mro__.count(Forbidden) == 1
    assert problem.scopes == ()
    assert problem.words == "Access to repertoire is blocked"
    assert "create" not in problem.next
    assert "skykey whoami rubin" in problem.next


def test_a_login_that_is_passed_over_still_says_what_the_token_lacks(box: Box) -> None:
    """Segwarides may have one: the search goes on, and its list of reasons is all that is left of this one."""
    provider = RepertoireLogin(discovery(box), ("usdf_efd",), keeper(box, box.controls.mint(["read:tap"])))
    with pytest.raises(Unavailable) as caught:
        Keeper(provider).get()
    assert f"create a token with the scope read:sasquatch at {box.site_url}/auth/tokens" in caught.value.message


def test_a_login_for_which_the_token_is_not_accepted_ends_the_search(box: Box) -> None:
    token = box.controls.mint()
    box.controls.expire(token)
    with pytest.raises(Failed) as caught:
        Keeper(RepertoireLogin(discovery(box), ("usdf_efd",), keeper(box, token))).get()
    assert f"create a token with the scope read:sasquatch at {box.site_url}/auth/tokens" in str(caught.value)


# -- too many requests


def precise(problem: Any) -> Any:
    """The error of the call, which the documented class has as its cause."""
    return problem.__cause__ if problem.__cause__ is not None else problem


@pytest.mark.parametrize("way", GUARDED)
def test_a_spent_quota_says_how_much_and_until_when(way: str, box: Box) -> None:
    box.controls.clock(60 - time.time() % 60 + 1)  # a window has just begun, and its end is too far to be waited for
    box.controls.quota(1)
    discovery(box).influxdb_credentials("usdf_efd", box.token)
    problem = refused(way, box)
    assert isinstance(problem, RateLimited)
    assert problem.words == "Rate limit (1/minute) exceeded"
    assert problem.retry_after is not None
    assert 30 < problem.retry_after <= 120
    said = precise(problem)
    assert (said.limit, said.used, said.remaining, said.resource) == (1, 1, 0, "repertoire")
    assert said.resets % 60 == 0
    assert 0 < said.resets - time.time() <= 120


@pytest.mark.parametrize("way", WAYS)
def test_a_403_with_nothing_left_is_a_limit_where_the_ingress_knows_no_429(way: str, box: Box) -> None:
    resets = int(time.time()) + 50
    numbers = {"X-RateLimit-Limit": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(resets)}
    answer(box, status=403, headers=numbers)
    problem = refused(way, box)
    assert isinstance(problem, RateLimited)
    assert problem.status == 403
    assert problem.retry_after is not None
    assert 45 <= problem.retry_after <= 51
    assert precise(problem).resets == resets


@pytest.mark.parametrize("way", WAYS)
def test_a_403_that_means_a_malformed_header_is_no_question_of_rights(way: str, box: Box) -> None:
    answer(box, status=403, headers={"X-Error-Status": "400", "WWW-Authenticate": 'Bearer error="invalid_request"'})
    assert isinstance(refused(way, box), QueryError)


# -- login pages

LOGINS = {
    "at home": "/login?rd=https%3A%2F%2Frsp.example.org%2F",
    "elsewhere": "https://idp.example/login",
    "oauth": "https://idp.example/oauth2/auth?response_type=code&client_id=secret-canary",
    "cilogon": "https://cilogon.example/authorize/?client_id=secret-canary",
    "saml": "https://idp.example/saml2?SAMLRequest=secret-canary",
}


@pytest.mark.parametrize("status", [302, 303, 307])
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_to_a_login_is_said_and_not_followed(way: str, login: str, status: int, box: Box) -> None:
    answer(box, status=status, headers={"Location": LOGINS[login]})
    problem = refused(way, box)
    assert isinstance(problem, Redirected)
    assert "wants a person to log in at" in problem.message
    assert "was not accepted, or did not arrive" in problem.message
    assert "secret-canary" not in str(problem)
    assert f"at {box.site_url}/auth/tokens" in problem.next


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_calls_itself_a_success_is_said_to_be_one(way: str, box: Box) -> None:
    answer(box, kind="html")
    problem = refused(way, box)
    assert isinstance(problem, Unreadable)
    assert "a web page" in problem.message
    assert problem.next.startswith("if it is a login page, the token was not accepted, or did not arrive")
    assert f"at {box.site_url}/auth/tokens" in problem.next


@pytest.mark.parametrize(("status", "kind"), [(401, NotAuthenticated), (403, Forbidden), (500, SkykeyError)])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "all logins"])  # which asks one by one after a 500
def test_of_a_page_with_a_refusal_the_status_counts(way: str, status: int, kind: type[SkykeyError], box: Box) -> None:
    answer(box, status=status)
    problem = refused(way, box)
    assert isinstance(problem, kind)
    assert problem.words is None
    assert (problem.next is None) == (status == 500)


@pytest.mark.parametrize("way", WAYS)
def test_with_a_good_token_all_of_it_works(way: str, box: Box) -> None:
    """Or the tests above would pass for ways that lead nowhere."""
    assert WAYS[way](box, box.token) is not None
