"""The documented errors of ``rubin.repertoire``, in Skykey's tree.

::

    RepertoireError                 base; every failure of a lookup is one
    ├── RepertoireUrlError          nobody says where Repertoire is
    │   └── RepertoireBadUrl        what somebody says is not a URL
    ├── RepertoireBadToken          the token's text is none; nothing was sent
    ├── RepertoireUnknownName       a label, dataset or service that the site does not have (``require_…`` only)
    ├── RepertoireValidationError   a document that is not what was promised
    ├── RepertoireOutOfReach        a token, or a document's address, that would go where nobody named
    └── RepertoireWebError          any refusal or transport problem; the precise one is its cause
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from skykey.repertoire.token_shape import NotAToken
from skykey.values.errors import (
    BadUrl,
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
    UnknownName,
    Unreachable,
    Unreadable,
    UsageError,
)


class RepertoireError(SkykeyError):
    """Base of the documented errors.

    Attributes
    ----------
    failed_at
        When, as the documented classes say it.
    user
        Always None; the documented classes have it for services that act for somebody.
    """

    code = "repertoire"
    user: str | None = None

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.failed_at = datetime.now(UTC)


class RepertoireUrlError(RepertoireError, UsageError):
    """No base URL: neither an argument nor a variable names one."""

    code = "repertoire-url"
    exit_code = 2

    def __init__(self, message: str = "nothing says where Repertoire is", *, next: str | None = None) -> None:  # noqa: A002 - as in the base
        super().__init__(message, next=next or "set REPERTOIRE_BASE_URL, or pass base_url")


class RepertoireBadUrl(RepertoireUrlError, BadUrl):
    """A base URL that is none, or that two programs would read differently."""

    code = BadUrl.code


class RepertoireBadToken(RepertoireError, NotAToken):
    """A text that is no token: empty, several lines, in quotes, cut off. It was not sent, and is not shown."""

    code = NotAToken.code
    exit_code = NotAToken.exit_code


class RepertoireUnknownName(RepertoireError, UnknownName):
    """A label, dataset, service or version that the discovery document does not have."""

    code = UnknownName.code
    exit_code = UnknownName.exit_code


class RepertoireValidationError(RepertoireError):
    """The answer is JSON and does not fit. Its values are not quoted: one may be a password."""

    code = "repertoire-validation"


class RepertoireOutOfReach(RepertoireError, OutOfReach):
    """A token or a login would go to an origin that nobody named, or a document names an address that it must not."""

    code = OutOfReach.code


class RepertoireWebError(RepertoireError):
    """A refusal or a transport problem.

    Attributes
    ----------
    status
        HTTP status; None if there was no answer.
    method, url, body
        As the documented class names them; ``body`` is the server's own words, shortened.
    required_scopes
        What the token lacks, where the service says so (403); else empty.
    retry_after
        Seconds to wait, where the service asks for that (429, 503); else None.
    """

    code = "repertoire-web"
    method = "GET"
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        words: str | None = None,
        next: str | None = None,  # noqa: A002 - as in the base
        status: int | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message, words=words, next=next)
        self.status = status
        self.url = url

    @property
    def body(self) -> str | None:
        """The server's own words."""
        return self.words

    @property
    def required_scopes(self) -> tuple[str, ...]:
        """What the token lacks."""
        scopes: tuple[str, ...] = getattr(self, "scopes", ())
        return scopes


class RepertoireNotAuthenticated(RepertoireWebError, NotAuthenticated):
    """401."""

    code = NotAuthenticated.code
    exit_code = NotAuthenticated.exit_code


class RepertoireForbidden(RepertoireWebError, Forbidden):
    """403; ``scopes`` names what the token lacks."""

    code = Forbidden.code


class RepertoireNotFound(RepertoireWebError, NotFound):
    """404: no such route, or a label that has gone since the document was read."""

    code = NotFound.code


class RepertoireRateLimited(RepertoireWebError, RateLimited):
    """429; ``retry_after`` says for how long."""

    code = RateLimited.code
    exit_code = RateLimited.exit_code


class RepertoireOverloaded(RepertoireWebError, Overloaded):
    """502, 503, 504."""

    code = Overloaded.code
    exit_code = Overloaded.exit_code


class RepertoireUnreachable(RepertoireWebError, Unreachable):
    """No connection."""

    code = Unreachable.code
    exit_code = Unreachable.exit_code


class RepertoireTimedOut(RepertoireWebError, TimedOut):
    """A time limit was over."""

    code = TimedOut.code
    exit_code = TimedOut.exit_code


class RepertoireInterrupted(RepertoireWebError, Interrupted):
    """The answer ended before it was whole."""

    code = Interrupted.code
    exit_code = Interrupted.exit_code


class RepertoireRedirected(RepertoireWebError, Redirected):
    """A redirect out of the reach, or to a login page."""

    code = Redirected.code


class RepertoireUnreadable(RepertoireWebError, Unreadable):
    """A success that is not JSON, or too large."""

    code = Unreadable.code


class RepertoireQueryError(RepertoireWebError, QueryError):
    """400 or 422."""

    code = QueryError.code


_PRECISE: tuple[tuple[type[SkykeyError], type[RepertoireWebError]], ...] = (
    (NotAuthenticated, RepertoireNotAuthenticated),
    (Forbidden, RepertoireForbidden),
    (NotFound, RepertoireNotFound),
    (RateLimited, RepertoireRateLimited),
    (Overloaded, RepertoireOverloaded),
    (Unreachable, RepertoireUnreachable),
    (TimedOut, RepertoireTimedOut),
    (Interrupted, RepertoireInterrupted),
    (Redirected, RepertoireRedirected),
    (Unreadable, RepertoireUnreadable),
    (QueryError, RepertoireQueryError),
)


def as_web_error(problem: ServiceError | TransportError) -> RepertoireWebError:
    """The documented class for a problem, which is at the same time the precise one; raise it ``from`` the problem."""
    kind = next((ours for theirs, ours in _PRECISE if isinstance(problem, theirs)), RepertoireWebError)
    status, url = (problem.status, problem.url) if isinstance(problem, ServiceError) else (None, None)
    made = kind(problem.message, words=problem.words, next=problem.next, status=status, url=url)
    for name in ("scopes", "retry_after", "limit", "used", "remaining", "resets", "resource"):
        if hasattr(problem, name):
            setattr(made, name, getattr(problem, name))
    return made
