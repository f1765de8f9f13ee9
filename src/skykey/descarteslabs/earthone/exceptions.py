"""The documented names of ``earthdaily.earthone.exceptions``: the very classes of Descartes Labs."""

from __future__ import annotations

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
    ValidationError,
)

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
