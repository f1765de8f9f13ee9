"""Challenges and limits in headers: read in every form that the standards allow, and shown without harm."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.calls.refusals import refusal
from skykey.values.errors import Forbidden, NotAuthenticated, QueryError, RateLimited, ServiceError
from skykey.values.url import Url
from skykey.wire.request import Head

HERE = Url("https://site.example/a?b=secret")
DATE = "Fri, 20 Mar 2026 21:00:00 GMT"
NOW = 1_774_040_400


def made(status: int, **headers: str) -> ServiceError:
    named = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return refusal(Head(status, named, HERE), "", remedy="log in")


def limited(status: int = 429, **headers: str) -> RateLimited:
    problem = made(status, **headers)
    assert isinstance(problem, RateLimited)
    return problem


# -- challenges


@pytest.mark.parametrize(
    ("challenge", "scopes"),
    [
        ('Bearer realm="h", error="insufficient_scope", scope="read:a write:b"', ("read:a", "write:b")),
        ('bearer Realm="h",Error="insufficient_scope",Scope="read:a"', ("read:a",)),
        ("Bearer error=insufficient_scope, scope=read:a", ("read:a",)),
        ('Bearer scope = "read:a"', ("read:a",)),
        ('Basic realm="h", Bearer scope="read:a"', ("read:a",)),
        ('Bearer scope=""', ()),
        ('Bearer scope="  "', ()),
        ('Bearer microscope="read:a"', ()),
        ('Bearer scope="read:a \x1b[31m \x9b31m caf\xe9 a\\b"', ("read:a",)),
        ("Bearer", ()),
        ("", ()),
    ],
)
def test_the_scopes_of_a_challenge_are_found_however_it_is_written(challenge: str, scopes: tuple[str, ...]) -> None:
    problem = made(403, WWW_Authenticate=challenge)
    assert isinstance(problem, Forbidden)
    assert problem.scopes == scopes
    assert ("lacks the scope" in problem.message) == bool(scopes)


def test_a_challenge_with_too_many_scopes_is_cut() -> None:
    problem = made(403, WWW_Authenticate=f'Bearer scope="{" ".join(f"s{n}" for n in range(1000))} {"x" * 200}"')
    assert isinstance(problem, Forbidden)
    assert len(problem.scopes) <= 20
    assert len(problem.message) <= 500


@pytest.mark.parametrize("error", ['error="invalid_token"', "error=invalid_token", 'ERROR="invalid_token"'])
def test_a_refused_token_is_told_from_a_missing_one(error: str) -> None:
    problem = made(401, WWW_Authenticate=f'Bearer realm="h", {error}')
    assert isinstance(problem, NotAuthenticated)
    assert "does not accept" in problem.message
    assert "asks for a credential" in made(401, WWW_Authenticate='Bearer realm="h"').message


@pytest.mark.parametrize("text", ["a" * 60_000, "a=" * 30_000, '="' * 30_000, " = " * 20_000, "a-" * 30_000])
def test_a_long_challenge_is_read_in_no_time(text: str, ceiling: Callable[[float], float]) -> None:
    begin = time.perf_counter()
    made(403, WWW_Authenticate=text)
    assert time.perf_counter() - begin <= ceiling(0.5)


# -- limits


def test_the_numbers_of_a_limit_are_carried() -> None:
    problem = limited(
        X_RateLimit_Limit="60",
        X_RateLimit_Used="60",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(NOW + 31),
        X_RateLimit_Resource="repertoire",
        Date=DATE,
    )
    assert (problem.limit, problem.used, problem.remaining) == (60, 60, 0)
    assert (problem.resets, problem.resource) == (NOW + 31, "repertoire")
    assert problem.retry_after == 31.0, "where there is no Retry-After, the window's end says when"


def test_retry_after_counts_before_the_end_of_the_window() -> None:
    later = "Fri, 20 Mar 2026 21:00:07 GMT"
    assert limited(Retry_After=later, X_RateLimit_Reset=str(NOW + 31), Date=DATE).retry_after == 7.0
    assert limited(Retry_After="soon", X_RateLimit_Reset=str(NOW + 31), Date=DATE).retry_after == 31.0


def test_without_headers_nothing_is_made_up() -> None:
    problem = limited()
    assert (problem.limit, problem.used, problem.remaining, problem.resets, problem.resource) == (None,) * 5
    assert problem.retry_after is None


@pytest.mark.parametrize("text", ["", "-1", "1.5", "9, 9;w=60", "x", "\u0663", "9" * 13, "9" * 5000, "0x10", "1_0"])
def test_what_is_no_number_is_no_limit(text: str) -> None:
    problem = limited(X_RateLimit_Limit=text, X_RateLimit_Remaining=text, X_RateLimit_Reset=text, Date=DATE)
    assert (problem.limit, problem.remaining, problem.resets, problem.retry_after) == (None,) * 4


def test_seconds_to_the_end_are_no_moment() -> None:
    """Some services mean that by the same header: as a moment it would be long over, and allow to ask at once."""
    assert limited(X_RateLimit_Reset="30", Date=DATE).resets is None
    assert limited(X_RateLimit_Reset="30", Date=DATE).retry_after is None


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"X_RateLimit_Remaining": "0"}, RateLimited),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Limit": "9"}, RateLimited),
        ({"X_RateLimit_Remaining": "0", "WWW_Authenticate": 'Bearer realm="h"'}, RateLimited),
        ({"X_Error_Status": "429"}, RateLimited),
        ({"X_Error_Status": " 400 "}, QueryError),
        ({"X_Error_Status": "200"}, Forbidden),
        ({"X_Error_Status": "401"}, Forbidden),
        ({"X_RateLimit_Remaining": "1"}, Forbidden),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Limit": "0"}, Forbidden),
        ({"X_RateLimit_Remaining": "0", "WWW_Authenticate": 'Bearer scope="read:a"'}, Forbidden),
        ({"X_RateLimit_Remaining": "0", "WWW_Authenticate": 'Bearer error="insufficient_scope"'}, Forbidden),
    ],
)
def test_a_403_is_a_limit_only_if_it_says_nothing_about_the_credential(
    headers: dict[str, str], kind: type[ServiceError]
) -> None:
    problem = made(403, **headers)
    assert type(problem) is kind
    assert problem.status == 403
    assert "(403)" in problem.message


@pytest.mark.parametrize("status", [200, 400, 404, 500, 503])
def test_no_other_status_is_turned_into_a_limit(status: int) -> None:
    assert not isinstance(made(status, X_RateLimit_Remaining="0", X_Error_Status="429"), RateLimited)


_VALUE = st.text(st.characters(max_codepoint=0xFF), max_size=60) | st.text('abcscope=", :0123456789', max_size=60)


@given(st.integers(300, 599), _VALUE, _VALUE, _VALUE, _VALUE)
def test_no_header_raises_and_nothing_that_a_terminal_obeys_is_shown(
    status: int, challenge: str, number: str, resource: str, said: str
) -> None:
    problem = made(
        status,
        WWW_Authenticate=challenge,
        X_RateLimit_Remaining=number,
        X_RateLimit_Reset=number,
        X_RateLimit_Resource=resource,
        X_Error_Status=said,
        Retry_After=said,
    )
    assert "".join(str(problem).split("\n")).isprintable()
    assert str(getattr(problem, "resource", "")).isprintable()
    assert "secret" not in str(problem)
