"""The documented errors of ``descarteslabs.exceptions``, in Skykey's tree.

::

    ClientError                                 the request, or whoever made it, is at fault
    ├── AuthError                               nobody can be identified
    │   └── OauthError                          no token could be had; ``oauth_errors`` has one for each reason
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
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    SkykeyError,
    UsageError,
)

if TYPE_CHECKING:
    from skykey.calls.response import Response

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

SERVER_ERRORS: Final = 500
"""Statuses from here on are the server's own fault (RFC 9110, 15.6)."""


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


_BY_STATUS: Final[dict[int, type[ClientError | ServerError]]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    407: ProxyAuthenticationRequiredError,
    409: ConflictError,
    410: GoneError,
    422: ValidationError,
    429: RateLimitError,
    449: RetryWithError,
    502: UnavailableError,
    503: UnavailableError,
    504: GatewayTimeoutError,
}


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
    kind = _BY_STATUS.get(status, ClientError if status < SERVER_ERRORS else ServerError)
    made = kind(problem.message, words=problem.words, next=problem.next, status=status, url=problem.url)
    if isinstance(made, GatewayTimeoutError):
        made.next = "ask for less at once: the request took the server too long"
    if isinstance(made, ForbiddenError):
        made.next = None  # whoever logs in again is forbidden the same
    if isinstance(made, ProxyAuthenticationRequiredError):
        made.proxy_authenticate = response.headers.get("proxy-authenticate")
    hand_over(problem, made)
    made.response = response
    made.args = (response.text or (f"{status} {asked}" if isinstance(made, NotFoundError) else made.message),)
    return made


def hand_over(problem: SkykeyError, made: ClientError | ServerError) -> None:
    """Take over what the problem knows beside its words."""
    for name in ("error", "retry_after", "scopes"):
        if hasattr(problem, name) and hasattr(made, name):
            setattr(made, name, getattr(problem, name))
    if isinstance(made, ServerError):
        made.original_status = made.status
    for note in getattr(problem, "__notes__", ()):
        made.add_note(note)
