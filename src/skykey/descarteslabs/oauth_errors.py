"""A token that could not be had, for each reason: an `OauthError` that is also the error of its status or transport.

::

    OauthError
    ├── UnauthorizedOauthError, …       also the error for the status that the issuer gave
    └── UnreachableOauthError, …        also the `TransportError` that stood in the way
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.descarteslabs.exceptions import (
    SERVER_ERRORS,
    AuthError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    GatewayTimeoutError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    OauthError,
    ProxyAuthenticationRequiredError,
    RateLimitError,
    RetryWithError,
    ServerError,
    UnauthorizedError,
    UnavailableError,
    ValidationError,
    hand_over,
)
from skykey.values.errors import (
    Interrupted,
    OutOfReach,
    Redirected,
    SkykeyError,
    TimedOut,
    TransportError,
    Unreachable,
    Unreadable,
    UsageError,
)

if TYPE_CHECKING:
    from skykey.descarteslabs.brand import Brand


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


_BY_STATUS: Final[dict[int, type[OauthError]]] = {
    400: BadRequestOauthError,
    401: UnauthorizedOauthError,
    403: ForbiddenOauthError,
    404: NotFoundOauthError,
    405: MethodNotAllowedOauthError,
    407: ProxyAuthenticationRequiredOauthError,
    409: ConflictOauthError,
    410: GoneOauthError,
    422: ValidationOauthError,
    429: RateLimitOauthError,
    449: RetryWithOauthError,
    502: UnavailableOauthError,
    503: UnavailableOauthError,
    504: GatewayTimeoutOauthError,
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
        _of_status(status) if status is not None else OauthError
    )
    made = kind(
        f"Could not retrieve token: {problem.message}",
        words=problem.words,
        next=problem.next or (brand.login if kind.exit_code == AuthError.exit_code else None),
        status=status,
        url=getattr(problem, "url", None),
    )
    hand_over(problem, made)
    return made


def _of_status(status: int) -> type[OauthError]:
    return _BY_STATUS.get(status, OauthError if status < SERVER_ERRORS else ServerOauthError)
