"""The documented errors of ``rubin.repertoire``, in Skykey's tree.

::

    RepertoireError                 base; every failure of a lookup is one
    ├── RepertoireUrlError          nobody says where Repertoire is
    ├── RepertoireValidationError   a document that is not what was promised
    ├── RepertoireOutOfReach        a document that sends a token or a login where nobody named
    └── RepertoireWebError          any refusal or transport problem; the precise one is its cause
"""

from __future__ import annotations

from skykey.values.errors import (
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


class RepertoireError(SkykeyError):
    """Base of the documented errors."""

    code = "repertoire"


class RepertoireUrlError(RepertoireError, UsageError):
    """No base URL: neither an argument nor a variable names one."""

    code = "repertoire-url"
    exit_code = 2

    def __init__(self, message: str = "nothing says where Repertoire is", **_: object) -> None:
        super().__init__(message, next="set REPERTOIRE_BASE_URL, or pass base_url")


class RepertoireValidationError(RepertoireError):
    """The answer is JSON and does not fit. Its values are not quoted: one may be a password."""

    code = "repertoire-validation"


class RepertoireOutOfReach(RepertoireError, OutOfReach):
    """The document sends the token, or a login, to an origin that nobody named."""

    code = OutOfReach.code


class RepertoireWebError(RepertoireError):
    """A refusal or a transport problem.

    Attributes
    ----------
    status
        HTTP status; None if there was no answer.
    method, url, body
        As the documented class names them; ``body`` is the server's own words, shortened.
    """

    code = "repertoire-web"
    method = "GET"

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
    for name in ("scopes", "retry_after"):
        if hasattr(problem, name):
            setattr(made, name, getattr(problem, name))
    return made
