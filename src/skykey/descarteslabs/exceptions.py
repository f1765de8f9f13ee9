"""The documented errors of ``descarteslabs.exceptions``, in Skykey's tree.

::

    ClientError                                 the request, or whoever made it, is at fault
    ├── AuthError                               nobody can be identified
    │   └── OauthError                          no token could be had; each of the following is also …
    │       ├── UnauthorizedOauthError, …       … the error for the status that the issuer gave
    │       └── UnreachableOauthError, …        … the `TransportError` that stood in the way
    ├── BadRequestError                         400
    │   └── ValidationError                     422
    ├── UnauthorizedError                       401
    ├── ForbiddenError                          403
    ├── NotFoundError                           404
    ├── MethodNotAllowedError                   405
    ├── ProxyAuthenticationRequiredError        407
    ├── ConflictError                           409
    ├── GoneError                               410
    ├── RateLimitError                          429
    ├── RetryWithError                          449
    └── RequestCancellationError
    ServerError                                 500 and above
    ├── GatewayTimeoutError                     504
    └── UnavailableError                        502, 503
    ConfigError                                 no such environment, or one too many

A revoked login is one error under three names: ``except AuthError``, ``except OauthError`` and
``except UnauthorizedError`` all catch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.values.errors import (
    CredentialError,
    Forbidden,
    Interrupted,
    NotAuthenticated,
    NotFound,
    OutOfReach,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    TransportError,
    Unreachable,
    Unreadable,
    UsageError,
)

if TYPE_CHECKING:
    from skykey.calls.response import Response
    from skykey.descarteslabs.brand import Brand

__all__ = [
    "AuthError",
    "BadRequestError",
    "ClientError",
    "ConfigError",
    "ConflictError",
    "ForbiddenError",
    "GatewayTimeoutError",
    "GoneError",
    "MethodNotAllowedError",
    "NotFoundError",
    "OauthError",
    "ProxyAuthenticationRequiredError",
    "RateLimitError",
    "RequestCancellationError",
    "RetryWithError",
    "ServerError",
    "UnauthorizedError",
    "ValidationError",
]

_SERVER_ERRORS: Final = 500


class _Documented(SkykeyError):
    """What the documented classes have in common.

    Parameters
    ----------
    message, words, next
        As in `SkykeyError`; documented constructors take no message too.
    status
        HTTP status, where it is not the class's own.
    url
        Without its query.
    """

    status: int | None
    response: Response | None = None
    """The whole answer, where a session raised it."""

    def __init__(
        self,
        message: str = "",
        *,
        words: str | None = None,
        next: str | None = None,  # noqa: A002 - as in the base
        status: int | None = None,
        url: str | None = None,
    ) -> None:
        # By name: what stands between in the order of bases would set status to None.
        SkykeyError.__init__(self, message, words=words, next=next)
        if status is not None:
            self.status = status
        self.url = url


class ConfigError(UsageError):
    """No such environment, another one has been selected already, or a settings file cannot be read."""

    code = "config"


class ClientError(_Documented):
    """Base of errors that the request, or whoever made it, is to blame for."""

    code = "client"


class ServerError(_Documented, ServiceError):
    """500 and above.

    Attributes
    ----------
    original_status
        The status as the server gave it; None if there was none.
    """

    code = ServiceError.code
    status = 500
    original_status: int | None = None


class GatewayTimeoutError(ServerError, Overloaded):
    """504: the request took the server too long."""

    code = Overloaded.code
    exit_code = Overloaded.exit_code
    status = 504


class UnavailableError(ServerError, Overloaded):
    """502 or 503: worth trying later."""

    code = Overloaded.code
    exit_code = Overloaded.exit_code
    status = 503


class BadRequestError(ClientError, QueryError):
    """400."""

    code = QueryError.code
    status = 400


class ValidationError(BadRequestError):
    """422."""

    status = 422


class UnauthorizedError(ClientError, NotAuthenticated):
    """401."""

    code = NotAuthenticated.code
    exit_code = NotAuthenticated.exit_code
    status = 401


class ForbiddenError(ClientError, Forbidden):
    """403."""

    code = Forbidden.code
    status = 403


class NotFoundError(ClientError, NotFound):
    """404."""

    code = NotFound.code
    status = 404


class MethodNotAllowedError(ClientError, ServiceError):
    """405."""

    code = "method-not-allowed"
    status = 405


class ProxyAuthenticationRequiredError(ClientError, ServiceError):
    """407: a proxy on the way wants to know who asks.

    Parameters
    ----------
    message, more
        As in `ClientError`.
    proxy_authenticate
        The proxy's challenge.
    """

    code = "proxy-authentication"
    status = 407

    def __init__(self, message: str = "", proxy_authenticate: str | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.proxy_authenticate = proxy_authenticate


class ConflictError(ClientError, ServiceError):
    """409."""

    code = "conflict"
    status = 409


class GoneError(ClientError, NotFound):
    """410."""

    code = NotFound.code
    status = 410


class RateLimitError(ClientError, RateLimited):
    """429.

    Parameters
    ----------
    message, more
        As in `ClientError`.
    retry_after
        Seconds that the server asks to wait; None if it names none.
    """

    code = RateLimited.code
    exit_code = RateLimited.exit_code
    status = 429

    def __init__(self, message: str = "", retry_after: float | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.retry_after = retry_after


class RetryWithError(ClientError, ServiceError):
    """449: the server wants the request again, with something more in it."""

    code = "retry-with"
    status = 449


class RequestCancellationError(ClientError):
    """The request was called off before it was answered."""

    code = "cancelled"


class AuthError(ClientError, CredentialError):
    """There is nothing to identify the caller with, or what there is cannot be read."""

    code = CredentialError.code
    exit_code = CredentialError.exit_code


class OauthError(AuthError):
    """No token could be had. Where the issuer's status, or a broken connection, is known, it is a class below.

    Attributes
    ----------
    error
        The issuer's error code (RFC 6749, 5.2), such as ``invalid_grant``; None if it gave none.
    """

    code = "no-token"
    error: str | None = None


class BadRequestOauthError(OauthError, BadRequestError):
    """400: most often a login that is revoked (``invalid_grant``)."""

    code = UnauthorizedError.code


class ValidationOauthError(OauthError, ValidationError):
    """422."""

    code = ValidationError.code


class UnauthorizedOauthError(OauthError, UnauthorizedError):
    """401: the login is revoked, expired, or somebody else's."""

    code = UnauthorizedError.code


class ForbiddenOauthError(OauthError, ForbiddenError):
    """403."""

    code = ForbiddenError.code


class NotFoundOauthError(OauthError, NotFoundError):
    """404: most often a domain that is no issuer."""

    code = NotFoundError.code
    exit_code = NotFoundError.exit_code


class MethodNotAllowedOauthError(OauthError, MethodNotAllowedError):
    """405."""

    code = MethodNotAllowedError.code
    exit_code = MethodNotAllowedError.exit_code


class ProxyAuthenticationRequiredOauthError(OauthError, ProxyAuthenticationRequiredError):
    """407."""

    code = ProxyAuthenticationRequiredError.code
    exit_code = ProxyAuthenticationRequiredError.exit_code


class ConflictOauthError(OauthError, ConflictError):
    """409."""

    code = ConflictError.code
    exit_code = ConflictError.exit_code


class GoneOauthError(OauthError, GoneError):
    """410."""

    code = GoneError.code
    exit_code = GoneError.exit_code


class RateLimitOauthError(OauthError, RateLimitError):
    """429."""

    code = RateLimitError.code
    exit_code = RateLimitError.exit_code


class RetryWithOauthError(OauthError, RetryWithError):
    """449."""

    code = RetryWithError.code
    exit_code = RetryWithError.exit_code


class ServerOauthError(OauthError, ServerError):
    """500, and what has no class of its own above."""

    code = ServerError.code
    exit_code = ServerError.exit_code


class UnavailableOauthError(OauthError, UnavailableError):
    """502 or 503."""

    code = UnavailableError.code
    exit_code = UnavailableError.exit_code


class GatewayTimeoutOauthError(OauthError, GatewayTimeoutError):
    """504."""

    code = GatewayTimeoutError.code
    exit_code = GatewayTimeoutError.exit_code


class UnreachableOauthError(OauthError, Unreachable):
    """No connection to the issuer."""

    code = Unreachable.code
    exit_code = Unreachable.exit_code


class TimedOutOauthError(OauthError, TimedOut):
    """The issuer took too long."""

    code = TimedOut.code
    exit_code = TimedOut.exit_code


class InterruptedOauthError(OauthError, Interrupted):
    """The issuer's answer ended before it was whole."""

    code = Interrupted.code
    exit_code = Interrupted.exit_code


class RedirectedOauthError(OauthError, Redirected):
    """The issuer points elsewhere, where a secret does not follow."""

    code = Redirected.code
    exit_code = Redirected.exit_code


class UnreadableOauthError(OauthError, Unreadable):
    """The issuer's answer holds no token."""

    code = Unreadable.code
    exit_code = Unreadable.exit_code


class OutOfReachOauthError(OauthError, OutOfReach):
    """The secret was about to go where it is not bound to."""

    code = OutOfReach.code
    exit_code = OutOfReach.exit_code


class UsageOauthError(OauthError, UsageError):
    """The domain is not a URL, or another setting is wrong."""

    code = UsageError.code
    exit_code = UsageError.exit_code


_BY_STATUS: Final[dict[int, tuple[type[ClientError | ServerError], type[OauthError]]]] = {
    400: (BadRequestError, BadRequestOauthError),
    401: (UnauthorizedError, UnauthorizedOauthError),
    403: (ForbiddenError, ForbiddenOauthError),
    404: (NotFoundError, NotFoundOauthError),
    405: (MethodNotAllowedError, MethodNotAllowedOauthError),
    407: (ProxyAuthenticationRequiredError, ProxyAuthenticationRequiredOauthError),
    409: (ConflictError, ConflictOauthError),
    410: (GoneError, GoneOauthError),
    422: (ValidationError, ValidationOauthError),
    429: (RateLimitError, RateLimitOauthError),
    449: (RetryWithError, RetryWithOauthError),
    502: (UnavailableError, UnavailableOauthError),
    503: (UnavailableError, UnavailableOauthError),
    504: (GatewayTimeoutError, GatewayTimeoutOauthError),
}

# Looked at before the status: a redirect has one too, and a success without a token.
_BY_KIND: Final[tuple[tuple[type[SkykeyError], type[OauthError]], ...]] = (
    (Redirected, RedirectedOauthError),
    (Unreadable, UnreadableOauthError),
    (Unreachable, UnreachableOauthError),
    (TimedOut, TimedOutOauthError),
    (TransportError, InterruptedOauthError),
    (OutOfReach, OutOfReachOauthError),
    (UsageError, UsageOauthError),
)


def oauth_error(problem: SkykeyError, brand: Brand) -> AuthError:
    """The documented error for a token that could not be had; raise it ``from`` the problem.

    Parameters
    ----------
    problem
        From the token endpoint or the keeper, which have taken the secret out of the issuer's words.
    brand
        Whose login command is to be typed next, where logging in helps.

    Returns
    -------
    AuthError
        The problem itself if it is one already.
    """
    if isinstance(problem, AuthError):
        return problem
    status: int | None = getattr(problem, "status", None)
    kind = next((ours for theirs, ours in _BY_KIND if isinstance(problem, theirs)), None) or (
        _of_status(status)[1] if status is not None else OauthError
    )
    made = kind(
        f"Could not retrieve token: {problem.message}",
        words=problem.words,
        next=problem.next or (brand.login if kind.exit_code == AuthError.exit_code else None),
        status=status,
        url=getattr(problem, "url", None),
    )
    _hand_over(problem, made)
    return made


def service_error(problem: ServiceError, response: Response, asked: str) -> ClientError | ServerError:
    """The documented error for a refusal of a service; raise it ``from`` the problem.

    Parameters
    ----------
    problem
        As the call raised it.
    response
        The answer.
    asked
        Method and relative URL: what a 404 without words is told with.

    Returns
    -------
    ClientError or ServerError
        Its first argument is the answer's whole text, as programs expect it that take it apart.
    """
    status = response.status_code
    kind = _of_status(status)[0]
    made = kind(problem.message, words=problem.words, next=problem.next, status=status, url=problem.url)
    if isinstance(made, GatewayTimeoutError):
        made.next = "ask for less at once: the request took the server too long"
    if isinstance(made, ForbiddenError):
        made.next = None  # whoever logs in again is forbidden the same
    if isinstance(made, ProxyAuthenticationRequiredError):
        made.proxy_authenticate = response.headers.get("proxy-authenticate")
    _hand_over(problem, made)
    made.response = response
    made.args = (response.text or (f"{status} {asked}" if isinstance(made, NotFoundError) else made.message),)
    return made


def _hand_over(problem: SkykeyError, made: ClientError | ServerError) -> None:
    for name in ("error", "retry_after", "scopes"):
        if hasattr(problem, name) and hasattr(made, name):
            setattr(made, name, getattr(problem, name))
    if isinstance(made, ServerError):
        made.original_status = made.status
    for note in getattr(problem, "__notes__", ()):
        made.add_note(note)


def _of_status(status: int) -> tuple[type[ClientError | ServerError], type[OauthError]]:
    other: tuple[type[ClientError | ServerError], type[OauthError]] = (
        (ClientError, OauthError) if status < _SERVER_ERRORS else (ServerError, ServerOauthError)
    )
    return _BY_STATUS.get(status, other)
