"""The documented errors of ``ligo.gracedb.exceptions``, in Skykey's tree.

::

    IgwnAuthError (CredentialError, RuntimeError)   there is no credential where there has to be one
    HTTPError (ServiceError, OSError)               the server refuses: 400 and above
    ├── BadRequestError (QueryError)                400, 422
    ├── NotAuthenticatedError (NotAuthenticated)    401
    ├── ForbiddenError (Forbidden)                  403
    ├── NotFoundError (NotFound)                    404
    │   └── Gone                                    410: not offered any more
    ├── RateLimitedError (RateLimited)              429
    └── OverloadedError (Overloaded)                502, 503, 504
    OutcomeUnknown (OSError)                        it may have been done, or not
    BadVersion, MissingTemplate                     of the API root (see ``root``)

Where ``requests`` is loaded, what is raised is its ``HTTPError``, ``ConnectionError`` or ``ReadTimeout`` too; what was
asked again in vain its ``RetryError`` as well. What breaks off is that of ``urllib3`` too: programs read files from it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import unquote

from skykey.calls.response import NotJson
from skykey.gracedb.root import BadVersion, MissingTemplate
from skykey.gracedb.said import said
from skykey.gracedb.theirs import theirs_too
from skykey.values.errors import (
    CredentialError,
    Forbidden,
    Interrupted,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    TransportError,
    UsageError,
)

if TYPE_CHECKING:
    from skykey.gracedb.response import Response
    from skykey.wire.request import Request

__all__ = [
    "BadRequestError",
    "BadVersion",
    "ForbiddenError",
    "Gone",
    "HTTPError",
    "IgwnAuthError",
    "MissingTemplate",
    "NotAuthenticatedError",
    "NotFoundError",
    "OutcomeUnknown",
    "OverloadedError",
    "RateLimitedError",
    "WrongType",
]

E = TypeVar("E", bound=SkykeyError)


class IgwnAuthError(CredentialError, RuntimeError):
    """There is no credential where there has to be one; the message names every place with its reason.

    Where ``igwn_auth_utils`` is loaded, what is raised is its error of the same name too.
    """

    code = "igwn-no-credential"
    __str__ = CredentialError.__str__

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Be also what a program that loaded ``igwn_auth_utils`` catches."""
        return super().__new__(theirs_too(cls, "igwn_auth_utils", "IgwnAuthError"))

    def __reduce__(self) -> tuple[Any, ...]:
        return IgwnAuthError, (self.message,), self.__dict__


class WrongType(UsageError, TypeError):
    """An argument of a type that cannot be meant; no request was made."""

    code = "wrong-type"


class HTTPError(ServiceError, OSError):
    """The server refuses: 400 and above.

    Made of any status, it is of the class that fits that.

    Parameters
    ----------
    response
        The answer: ours, or any object with ``status_code``, ``reason`` and ``text``.
    attempts
        How often the request went out.

    Attributes
    ----------
    response, status_code, status, reason, text, message
        Of the answer; ``message`` is its text too, as documented.
    words
        What the server says in it, in one line.
    summary
        What happened, in one sentence.
    attempts
        How often the request went out.
    doing
        What it was for; may be empty.
    """

    doing: str = ""

    def __new__(cls, response: Any = None, attempts: int = 0) -> Self:
        """Be of the class for the status, and also what a program that loaded ``requests`` catches."""
        status: object = getattr(response, "status_code", None)
        kind: Any = _BY_STATUS.get(status, HTTPError) if cls is HTTPError else cls
        kind = theirs_too(kind, _REQUESTS, "HTTPError")
        if attempts > 1 and status in _PASSING:
            kind = theirs_too(kind, _REQUESTS, "RetryError")
        made: Self = super().__new__(kind)
        return made

    def __init__(self, response: Any, attempts: int = 0) -> None:
        text = getattr(response, "text", "")
        text = text if isinstance(text, str) else ""
        url = getattr(response, "url", None)
        where = url.partition("?")[0] if isinstance(url, str) else None
        super().__init__(text, words=said(text) or None, status=getattr(response, "status_code", None), url=where)
        self.args = (response,)
        self.attempts = attempts
        # After the bases: that of requests sets some of these to None.
        self.response = response
        self.request = getattr(response, "request", None)
        self.status_code = self.status
        self.reason: str = getattr(response, "reason", None) or ""
        self.text = text

    @property
    def summary(self) -> str:
        """What happened, in one sentence."""
        often = f" ({self.attempts} times)" if self.attempts > 1 else ""
        lead = f"{self.doing} failed: " if self.doing else ""
        return f"{lead}{self.url or 'the server'} answered {self.status_code} {self.reason}".rstrip() + often

    __str__ = SkykeyError.__str__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status_code} of {self.url}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return HTTPError, (self.response, self.attempts), self.__dict__


class BadRequestError(HTTPError, QueryError):
    """400 or 422: what was sent cannot be right."""


class NotAuthenticatedError(HTTPError, NotAuthenticated):
    """401."""


class ForbiddenError(HTTPError, Forbidden):
    """403: also what a server says to writes without a credential, or with one that it does not accept."""


class NotFoundError(HTTPError, NotFound):
    """404: also what a server says of things that it does not show to everybody."""


class Gone(NotFoundError):
    """410: the server's operators do not offer this any more."""

    code = "gone"

    @property
    def summary(self) -> str:
        """What happened, in one sentence."""
        return f"{super().summary}: GraceDB does not offer this any more (from server 2.36 on)"


class RateLimitedError(HTTPError, RateLimited):
    """429."""


class OverloadedError(HTTPError, Overloaded):
    """502, 503 or 504."""


class OutcomeUnknown(SkykeyError, OSError):
    """A request that may not be sent twice ended so that it may have been done, or not.

    It is an `HTTPError` too if the server answered (408, 502, 504), else a `TransportError`. The cause is what was met.

    Attributes
    ----------
    was_accepted
        Whether the server had begun to say that it was done, before its answer was lost.
    """

    was_accepted: bool = False

    code = "outcome-unknown"
    exit_code = 1  # nobody is to try again without looking
    response: Any = None


class UnknownAfterAnswer(OutcomeUnknown, HTTPError):
    """`OutcomeUnknown` with an answer: a gateway's, which does not know either."""

    @property
    def summary(self) -> str:
        """What happened, in one sentence."""
        return _unknown(self.doing, f"{self.url} answered {self.status_code} {self.reason}")

    __str__ = HTTPError.__str__

    def __reduce__(self) -> tuple[Any, ...]:
        return UnknownAfterAnswer, (self.response, self.attempts), self.__dict__


class UnknownAfterLoss(OutcomeUnknown, Interrupted):
    """`OutcomeUnknown` after a lost connection."""


class UnknownAfterSilence(OutcomeUnknown, TimedOut):
    """`OutcomeUnknown` after a time limit."""


def is_ambiguous(problem: SkykeyError) -> bool:
    """Whether what was asked for may have been done all the same.

    Parameters
    ----------
    problem
        As the call raised it.
    """
    if isinstance(problem, TransportError):
        return problem.attempts > 0 and not problem.unsent
    return isinstance(problem, ServiceError) and problem.status in _AMBIGUOUS


def answered(problem: ServiceError, response: Response, *, doing: str, why_anonymous: str | None = None) -> HTTPError:
    """The documented error for a refusal; raise it ``from`` the problem.

    Parameters
    ----------
    problem
        As the call raised it.
    response
        The answer.
    doing
        What the request was for.
    why_anonymous
        What to do about it, if it carried no credential.
    """
    made = HTTPError(response, problem.attempts)
    made.doing, made.url = doing, problem.url
    for name in ("retry_after", "scopes"):
        if hasattr(problem, name) and hasattr(made, name):
            setattr(made, name, getattr(problem, name))
    made.next = _advice(made, why_anonymous)
    _pass_notes(problem, made)
    return made


def unknown_outcome(
    problem: SkykeyError, response: Response | None, request: Request, *, doing: str, check: str
) -> OutcomeUnknown:
    """The error for an ambiguous end; raise it ``from`` the problem.

    Parameters
    ----------
    problem
        As the call raised it.
    response
        The answer, if there was one.
    request
        What was sent.
    doing
        What it was for.
    check
        What shows whether it was done.
    """
    doing = doing or f"the {request.method} to {request.url.without_query()}"
    made: OutcomeUnknown
    if response is not None:
        made = UnknownAfterAnswer(response, problem.attempts)
        made.doing = doing
    else:
        kind = UnknownAfterSilence if isinstance(problem, TimedOut) else UnknownAfterLoss
        made = kind(_unknown(doing, problem.message))
    made.attempts = problem.attempts
    made.next = f"look before you send it again: {check or f'client.get({str(request.url)!r})'}"
    _pass_notes(problem, made)
    return as_theirs(made)


def as_theirs(problem: E) -> E:
    """Make an error also the one of ``requests`` that fits it, if that is loaded; raise it ``from`` the same cause.

    Parameters
    ----------
    problem
        What would be raised without it.

    Returns
    -------
    SkykeyError
        The same one, or its twin.
    """
    ours = kind = type(problem)
    if ours in _twins:
        return problem
    for name in _their_names(problem):
        kind = theirs_too(kind, *name)
    if kind is ours:
        return problem
    import copyreg

    copyreg.pickle(kind, _parts)  # there is no such class to be found by its name
    _twins[kind] = ours
    # Not initialised: their initialisers want other things, and ours has been there.
    made: E = OSError.__new__(kind)  # which all of theirs are
    made.args = problem.args
    vars(made).update({"response": None, "request": None, **vars(problem)})
    return made.with_traceback(problem.__traceback__)


_twins: Final[dict[type[SkykeyError], type[SkykeyError]]] = {}
_REQUESTS: Final = "requests.exceptions"
_URLLIB3: Final = "urllib3.exceptions"
_AMBIGUOUS: Final = frozenset({408, 502, 504})
# What the library says of a connection that gets no further than TLS.
_TLS: Final = re.compile(r"certificate|\bSSL\b|\bTLS\b")
# Statuses after which the release gave up with a RetryError, and its server's others of that kind.
_PASSING: Final = frozenset({408, 409, *range(500, 600)})
# What is not offered any more of an event or superevent, and what there is in its place.
_RETIRED: Final = re.compile(r"events/([^/]+)/(update-grbevent|emobservation|voevents?)")
_INSTEAD: Final = {
    "update-grbevent": "write what you know into a log entry: skykey gracedb create log {} COMMENT",
    "emobservation": "write what you know into a log entry: skykey gracedb create log {} COMMENT",
    "voevents": "alerts are notices now: skykey gracedb list notices {}",
    "voevent": "ask the superevent that {} belongs to: skykey gracedb list notices SUPEREVENT_ID",
}
_BY_STATUS: Final[dict[Any, type[HTTPError]]] = {
    400: BadRequestError,
    401: NotAuthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    410: Gone,
    422: BadRequestError,
    429: RateLimitedError,
    502: OverloadedError,
    503: OverloadedError,
    504: OverloadedError,
}


def _their_names(problem: SkykeyError) -> tuple[tuple[str, str], ...]:
    """Module and name of each error of theirs that fits."""
    match problem:
        case HTTPError() | UsageError() | CredentialError():
            return ()
        case TimedOut() if problem.unsent:
            return ((_REQUESTS, "ConnectTimeout"),)
        case TimedOut():
            return (_REQUESTS, "ReadTimeout"), (_URLLIB3, "ReadTimeoutError")
        case Interrupted():
            return (_REQUESTS, "ConnectionError"), (_REQUESTS, "ChunkedEncodingError"), (_URLLIB3, "ProtocolError")
        case TransportError():
            return ((_REQUESTS, _connecting(problem.message)),)
        case NotJson():
            return ((_REQUESTS, "JSONDecodeError"),)
        case Redirected():
            return ((_REQUESTS, "TooManyRedirects"),)
        case ServiceError():
            return ((_REQUESTS, "RequestException"),)
        case _:
            return ()


def _connecting(message: str) -> str:
    if _TLS.search(message):
        return "SSLError"
    return "ProxyError" if "proxy" in message else "ConnectionError"


def _parts(problem: SkykeyError) -> tuple[Any, ...]:
    return _again, (_twins[type(problem)], problem.args, vars(problem))


def _again(kind: type[SkykeyError], args: tuple[Any, ...], state: dict[str, Any]) -> SkykeyError:
    made = kind.__new__(kind, *args)
    made.args = args
    vars(made).update(state)
    return as_theirs(made)


def _advice(error: HTTPError, why_anonymous: str | None) -> str | None:
    match error:
        case Gone():
            retired = _RETIRED.search(error.url or "")
            return _INSTEAD[retired[2]].format(unquote(retired[1])) if retired else None
        case NotAuthenticated() | Forbidden() if why_anonymous is not None:
            return why_anonymous
        case NotAuthenticated() | Forbidden():
            return "skykey gracedb credentials server tells whom the server takes you for"
        case NotFound() if why_anonymous is not None:
            return f"check the name; what is not public is not found without a credential: {why_anonymous}"
        case RateLimited() if error.retry_after is not None:
            return f"wait {error.retry_after:.0f} s"
        case RateLimited() | Overloaded():
            return "try again later"
        case _:
            return None


def _unknown(doing: str, why: str) -> str:
    return f"{doing} may have been done, or not: {why}"


def _pass_notes(problem: SkykeyError, made: SkykeyError) -> None:
    for note in getattr(problem, "__notes__", ()):
        made.add_note(note)
