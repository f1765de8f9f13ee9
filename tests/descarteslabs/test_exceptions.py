"""The documented tree, and one family for what goes wrong with a login."""

import copy
import inspect
import pickle
from typing import Any

import pytest

from skykey.calls.refusals import refusal
from skykey.calls.response import Response, words_in
from skykey.credentials.ticket import own_copy
from skykey.descarteslabs import exceptions, oauth_errors
from skykey.descarteslabs.brand import DESCARTESLABS, EARTHONE
from skykey.descarteslabs.earthone import exceptions as earthone
from skykey.descarteslabs.exceptions import (
    AuthError,
    BadRequestError,
    ClientError,
    ConfigError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    OauthError,
    ProxyAuthenticationRequiredError,
    RateLimitError,
    RequestCancellationError,
    RetryWithError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
    ValidationError,
    service_error,
)
from skykey.descarteslabs.oauth_errors import oauth_error
from skykey.values.errors import (
    BadUrl,
    CredentialError,
    Failed,
    Forbidden,
    GrantRefused,
    Interrupted,
    NoCredential,
    NotAuthenticated,
    NotFound,
    OutOfReach,
    Overloaded,
    QueryError,
    RateLimited,
    Recursion,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    TransportError,
    Unreachable,
    Unreadable,
)
from skykey.values.url import Url
from skykey.wire.request import Head

# Class, its documented parent, its documented status.
TREE: list[tuple[type[Exception], type[Exception], int | None]] = [
    (ClientError, Exception, None),
    (AuthError, ClientError, None),
    (OauthError, AuthError, None),
    (ConfigError, Exception, None),
    (ServerError, Exception, 500),
    (GatewayTimeoutError, ServerError, 504),
    (BadRequestError, ClientError, 400),
    (ValidationError, BadRequestError, 422),
    (UnauthorizedError, ClientError, 401),
    (ForbiddenError, ClientError, 403),
    (NotFoundError, ClientError, 404),
    (MethodNotAllowedError, ClientError, 405),
    (ProxyAuthenticationRequiredError, ClientError, 407),
    (ConflictError, ClientError, 409),
    (GoneError, ClientError, 410),
    (RateLimitError, ClientError, 429),
    (RetryWithError, ClientError, 449),
    (RequestCancellationError, ClientError, None),
]
OURS = [
    kind
    for module in (exceptions, oauth_errors)
    for name, kind in inspect.getmembers(module, inspect.isclass)
    if kind.__module__ == module.__name__ and not name.startswith("_")
]
TOKEN = "https://iam.example/token"


@pytest.mark.parametrize(("kind", "parent", "status"), TREE, ids=lambda value: getattr(value, "__name__", None))
def test_the_documented_tree(kind: type[Exception], parent: type[Exception], status: int | None) -> None:
    assert issubclass(kind, parent)
    assert issubclass(kind, SkykeyError)
    assert getattr(kind, "status", None) == status
    assert hasattr(kind("x"), "status") == (status is not None)


def test_siblings_of_the_documented_tree_do_not_catch_each_other() -> None:
    kinds = {kind: parent for kind, parent, _ in TREE}
    for kind in kinds:
        upward = {kind}
        while (parent := kinds.get(kind)) is not None:
            upward.add(parent)
            kind = parent  # noqa: PLW2901 - going up
        first = next(k for k in upward if k not in {kinds.get(other) for other in upward})
        caught = {other for other in kinds if issubclass(first, other)}
        assert caught == upward - {Exception}, first


def test_the_names_of_the_module_are_the_documented_ones() -> None:
    assert set(exceptions.__all__) == {kind.__name__ for kind, _, _ in TREE}
    assert set(earthone.__all__) == set(exceptions.__all__)
    assert all(getattr(earthone, name) is getattr(exceptions, name) for name in earthone.__all__)


@pytest.mark.parametrize("kind", [kind for kind in OURS if kind is not ConfigError])
def test_each_can_be_made_as_documented(kind: type[Any]) -> None:
    """By programs' own tests, which make them with a text or with nothing."""
    assert str(kind("no such product")) == "no such product"
    assert kind("no such product").args == ("no such product",)
    assert str(kind()) == ""


def test_the_documented_constructors() -> None:
    assert RateLimitError("slow down", 30).retry_after == 30
    assert RateLimitError("slow down", retry_after=1.5).retry_after == 1.5
    assert RateLimitError("slow down").retry_after is None
    assert ProxyAuthenticationRequiredError("who?", "Basic").proxy_authenticate == "Basic"
    assert ProxyAuthenticationRequiredError("who?", proxy_authenticate="Negotiate").proxy_authenticate == "Negotiate"
    assert ProxyAuthenticationRequiredError("who?").proxy_authenticate is None
    assert ServerError("x").original_status is None


@pytest.mark.parametrize(
    ("kind", "house"),
    [
        (BadRequestError, QueryError),
        (UnauthorizedError, NotAuthenticated),
        (ForbiddenError, PermissionError),
        (ForbiddenError, Forbidden),
        (NotFoundError, NotFound),
        (GoneError, NotFound),
        (ConflictError, ServiceError),
        (RateLimitError, RateLimited),
        (GatewayTimeoutError, Overloaded),
        (UnavailableError, Overloaded),
        (ServerError, ServiceError),
        (AuthError, CredentialError),
        (ConfigError, ValueError),
    ],
)
def test_each_is_also_what_the_other_systems_of_the_house_raise(kind: type[Any], house: type[Any]) -> None:
    assert issubclass(kind, house)


@pytest.mark.parametrize(
    ("status", "kind", "code", "exit_code"),
    [
        (400, BadRequestError, "not-authenticated", 4),
        (401, UnauthorizedError, "not-authenticated", 4),
        (403, ForbiddenError, "forbidden", 4),
        (404, NotFoundError, "not-found", 1),
        (405, MethodNotAllowedError, "method-not-allowed", 1),
        (407, ProxyAuthenticationRequiredError, "proxy-authentication", 1),
        (409, ConflictError, "conflict", 1),
        (410, GoneError, "not-found", 1),
        (418, OauthError, "no-token", 4),
        (422, ValidationError, "query", 4),
        (429, RateLimitError, "rate-limited", 8),
        (449, RetryWithError, "retry-with", 1),
        (451, OauthError, "no-token", 4),
        (500, ServerError, "service", 1),
        (501, ServerError, "service", 1),
        (502, UnavailableError, "overloaded", 8),
        (503, UnavailableError, "overloaded", 8),
        (504, GatewayTimeoutError, "overloaded", 8),
    ],
)
def test_a_refused_token_is_one_error_under_three_names(
    status: int, kind: type[Any], code: str, exit_code: int
) -> None:
    problem = ServiceError("refused", words="in its own words", status=status, url=TOKEN)
    made: Any = oauth_error(problem, DESCARTESLABS)
    assert isinstance(made, AuthError)
    assert isinstance(made, OauthError)
    assert isinstance(made, kind)
    assert (made.status, made.url, made.words) == (status, TOKEN, "in its own words")
    assert (made.code, made.exit_code) == (code, exit_code)
    assert made.message == "Could not retrieve token: refused"
    assert (made.next == "skykey descarteslabs auth login") == (exit_code == 4)
    assert isinstance(made, ServerError) == (status >= 500)
    assert not isinstance(made, ServerError) or made.original_status == status


@pytest.mark.parametrize("status", [400, 401, 403, 418, 429])
def test_what_the_token_endpoint_says_is_kept(status: int) -> None:
    problem = GrantRefused("refuses the login", words="Token was revoked", next="log in again")
    problem.status, problem.error, problem.retry_after = status, "invalid_grant", 7.0
    problem.add_note("a note")
    made: Any = oauth_error(problem, EARTHONE)
    assert (made.status, made.error, made.words, made.next) == (
        status,
        "invalid_grant",
        "Token was revoked",
        "log in again",
    )
    assert made.__notes__ == ["a note"]
    assert status != 429 or made.retry_after == 7.0


@pytest.mark.parametrize(
    ("problem", "kind", "exit_code"),
    [
        (Unreachable("x"), ConnectionError, 8),
        (TimedOut("x"), TimeoutError, 8),
        (TimedOut("x"), ConnectionError, 8),
        (Interrupted("x"), Interrupted, 8),
        (TransportError("x"), ConnectionError, 8),
        (Redirected("x", status=307, url=TOKEN), Redirected, 1),
        (Unreadable("x", status=200, url=TOKEN), Unreadable, 1),
        (OutOfReach("x"), OutOfReach, 1),
        (BadUrl("x"), ValueError, 2),
        (Failed("x"), CredentialError, 4),
        (NoCredential("x"), CredentialError, 4),
        (Recursion("x"), CredentialError, 4),
        (SkykeyError("x"), OauthError, 4),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SkykeyError) else None,
)
def test_whatever_stands_between_a_caller_and_a_token_is_an_oauth_error(
    problem: SkykeyError, kind: type[Exception], exit_code: int
) -> None:
    made = oauth_error(problem, EARTHONE)
    assert isinstance(made, OauthError)
    assert isinstance(made, kind)
    assert made.exit_code == exit_code
    assert "Could not retrieve token: x" in str(made)
    assert (made.next == EARTHONE.login) == (exit_code == 4)
    assert isinstance(made, TransportError) == isinstance(problem, TransportError)


def test_what_is_one_already_stays_the_same() -> None:
    for problem in (AuthError("no client_id"), oauth_error(Unreachable("x"), DESCARTESLABS)):
        assert oauth_error(problem, DESCARTESLABS) is problem


def refused(status: int, body: bytes = b"", **headers: str) -> tuple[ServiceError, Response]:
    url = Url("https://p.example/products?limit=5")
    head = Head(status, {name.replace("_", "-"): value for name, value in headers.items()}, url)
    return refusal(head, words_in(head, body), remedy="log in"), Response(head, body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, kind) for kind, _, status in TREE if status is not None]
    + [(418, ClientError), (451, ClientError), (501, ServerError), (502, UnavailableError), (599, ServerError)],
)
def test_each_status_of_a_service_has_its_documented_error(status: int, kind: type[Any]) -> None:
    problem, response = refused(status, b'{"detail": "in its own words"}', content_type="application/json")
    made = service_error(problem, response, "GET /products")
    assert type(made) is kind
    assert (made.status, made.words, made.response) == (status, "in its own words", response)
    assert made.args == ('{"detail": "in its own words"}',), "programs take the text apart"
    assert made.url == "https://p.example/products"
    assert not isinstance(made, ServerError) or made.original_status == status


def test_a_404_without_words_says_what_was_asked() -> None:
    assert service_error(*refused(404), "GET /products").args == ("404 GET /products",)
    assert service_error(*refused(410), "GET /products").args == ("https://p.example/products is not there (410)",)


def test_what_headers_say_about_a_refusal_is_kept() -> None:
    limited = service_error(*refused(429, retry_after="30"), "GET /")
    assert isinstance(limited, RateLimitError)
    assert limited.retry_after == 30.0
    proxied = service_error(*refused(407, proxy_authenticate='Basic realm="x"'), "GET /")
    assert isinstance(proxied, ProxyAuthenticationRequiredError)
    assert proxied.proxy_authenticate == 'Basic realm="x"'
    forbidden = service_error(*refused(403, www_authenticate='Bearer error="x", scope="a b"'), "GET /")
    assert isinstance(forbidden, ForbiddenError)
    assert forbidden.scopes == ("a", "b")
    assert forbidden.next is None, "who logs in again is forbidden the same"
    assert service_error(*refused(401), "GET /").next == "log in"


def every_error() -> list[SkykeyError]:
    statuses = [*range(400, 452), *range(500, 506)]
    made: list[SkykeyError] = [
        oauth_error(ServiceError("m", words="w", status=status, url=TOKEN), DESCARTESLABS) for status in statuses
    ]
    problems = [Unreachable("m"), TimedOut("m"), Interrupted("m"), Redirected("m"), OutOfReach("m"), BadUrl("m")]
    made += [oauth_error(problem, DESCARTESLABS) for problem in [*problems, Unreadable("m"), Failed("m")]]
    made += [service_error(*refused(status, b"body", retry_after="3"), "GET /") for status in statuses]
    made += [ConfigError("m", next="n"), AuthError("m", next="n"), RequestCancellationError("m")]
    return made


@pytest.mark.parametrize(
    "how", [copy.copy, own_copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "own", "pickle"]
)
def test_a_copied_error_is_another_object_that_says_the_same(how: Any) -> None:
    errors = every_error()
    assert {type(error) for error in errors} == set(OURS)
    for error in errors:
        twin = how(error)
        assert twin is not error
        assert type(twin) is type(error)
        assert (str(twin), twin.args) == (str(error), error.args)
        assert vars(twin).keys() == vars(error).keys()
        for name, value in vars(error).items():
            assert repr(getattr(twin, name)) == repr(value)


def test_codes_and_exit_codes_are_those_of_the_house() -> None:
    assert {kind.exit_code for kind in OURS} <= {1, 2, 4, 8}
    assert all(kind.code == kind.code.lower() and " " not in kind.code for kind in OURS)
    temporary = {kind for kind in OURS if issubclass(kind, TransportError | RateLimited | Overloaded)}
    assert {kind for kind in OURS if kind.exit_code == 8} == temporary
