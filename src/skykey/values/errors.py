"""Every error that Skykey raises.

::

    SkykeyError
    ├── UsageError (ValueError)         the question is wrong; no request was made
    │   ├── BadUrl                      not a URL, or one that two programs would read differently
    │   ├── UnknownSite                 no site of that name
    │   └── UnknownName (KeyError)      no database, topic or field of that name
    ├── CredentialError
    │   ├── Unavailable                 this source has nothing: the search goes on
    │   ├── Failed                      this source has something unusable: the search stops
    │   │   ├── GrantRefused            the issuer says no: log in again
    │   │   └── Ambiguous               two sources hold different people's credentials, and strictness was asked for
    │   ├── NoCredential                every source was unavailable
    │   │   └── SourcesAway             and one of them only for now: worth trying later
    │   ├── OutOfReach                  a credential was about to go where it is not bound to
    │   └── Recursion                   a renewal needs itself
    ├── TransportError (ConnectionError)
    │   ├── Unreachable                 no connection, no TLS, no proxy
    │   ├── Interrupted                 the answer ended before it was whole
    │   └── TimedOut (TimeoutError)
    ├── ServiceError                    the service answered, and the answer is no
    │   ├── NotAuthenticated            401
    │   ├── Forbidden (PermissionError) 403
    │   ├── NotFound (LookupError)      404, 410
    │   ├── RateLimited                 429
    │   ├── Overloaded                  502, 503, 504: worth trying later
    │   ├── Redirected                  3xx that leads out of the reach, or to a login page
    │   ├── Unreadable                  a success that is not in the promised format
    │   └── QueryError                  the service understood the request and refuses the statement
    │       └── LimitExceeded           it was begun, and was too much for the service
    └── MissingExtra (ImportError)      an optional package is not installed

Two meanings are kept apart: *unavailable* goes on to the next source, *failed* stops, so that nobody slides on to
another identity unseen. Built-in classes are mixed in where existing programs catch them.
"""

from __future__ import annotations

from typing import ClassVar


class SkykeyError(Exception):
    """Base of all; shows what happened, the server's own words, and the next command to type.

    Parameters
    ----------
    message
        What happened, as a sentence without the full stop.
    words
        What the server said, shortened; None if it said nothing.
    next
        What to type or change next.

    Attributes
    ----------
    code
        Stable, for programs.
    exit_code
        What the ``skykey`` command ends with: 1 error, 2 usage, 4 login needed, 8 temporary.
    attempts
        How often the request went out; 0 if it never did.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    attempts: int = 0

    def __init__(self, message: str, *, words: str | None = None, next: str | None = None) -> None:  # noqa: A002 - reads as the user sees it
        super().__init__(message)
        self.message = message
        self.words = words
        self.next = next

    @property
    def summary(self) -> str:
        """What happened, in one sentence: `message`, except where that is documented to be something else."""
        return self.message

    def __str__(self) -> str:
        lines = [self.summary]
        if self.words:
            lines.append(f"The server said: {self.words}")
        if self.next:
            lines.append(f"Next: {self.next}")
        return "\n".join(lines)


class UsageError(SkykeyError, ValueError):
    """The question is wrong; no request was made."""

    code = "usage"
    exit_code = 2


class BadUrl(UsageError):
    """Not a URL, or one that two programs would read differently."""

    code = "bad-url"

    def __init__(self, message: str, *, shown: str | None = None, next: str | None = None) -> None:  # noqa: A002 - as above
        # What stands before an @ may be a password, in a query a signature; what looks like no address may be a token
        # that was pasted in the wrong place.
        if shown is not None and "@" not in shown and ("://" in shown or (shown == shown.lower() and "." in shown)):
            # repr: control characters and look-alike blanks must be visible.
            message = f"{message}: {shown.partition('?')[0][:200]!r}"
        super().__init__(message, next=next)


class UnknownSite(UsageError):
    """No site of that name is built in or configured."""

    code = "unknown-site"


class UnknownName(UsageError, KeyError):
    """A database, topic or field that the service does not have."""

    code = "unknown-name"
    __str__ = SkykeyError.__str__  # KeyError would show the repr of the message


class CredentialError(SkykeyError):
    """About finding, keeping or placing a credential."""

    code = "credential"
    exit_code = 4


class Unavailable(CredentialError):
    """The source has nothing to offer; the search goes on with the next one."""

    code = "unavailable"


class Failed(CredentialError):
    """The source has something, and it cannot be used; the search stops here."""

    code = "source-failed"


class GrantRefused(Failed):
    """An issuer does not accept what a token was to be bought with: expired, revoked, or somebody else's.

    Attributes
    ----------
    status
        Of its answer.
    error
        Its error code (RFC 6749, 5.2), such as ``invalid_grant``; None if it gives none.
    retry_after
        As in `RateLimited`.
    """

    code = "grant-refused"
    status: int | None = None
    error: str | None = None
    retry_after: float | None = None


class Ambiguous(Failed):
    """Two sources hold credentials of different people, and the caller asked for strictness."""

    code = "ambiguous-identity"


class NoCredential(CredentialError):
    """Every source was asked and none had anything; the message lists them with their reasons."""

    code = "no-credential"


class SourcesAway(NoCredential):
    """No source has a credential, and at least one of them could not be asked: it may have one later."""

    code = "sources-away"
    exit_code = 8


class OutOfReach(CredentialError):
    """A credential was about to go to an origin that it is not bound to."""

    code = "out-of-reach"
    exit_code = 1


class Recursion(CredentialError):
    """The renewal of a credential asked for that same credential."""

    code = "recursion"
    exit_code = 1


class TransportError(SkykeyError, ConnectionError):
    """There is no answer, or only a part of one.

    Attributes
    ----------
    unsent
        Whether it is certain that nothing was sent: there was no connection to send it on.
    """

    code = "transport"
    exit_code = 8
    unsent: bool = False


class Unreachable(TransportError):
    """No connection: name, network, TLS or proxy."""

    code = "unreachable"


class Interrupted(TransportError):
    """The answer ended before it was whole. Nothing of it is passed off as a result."""

    code = "interrupted"


class TimedOut(TransportError, TimeoutError):
    """A time limit was over."""

    code = "timed-out"


class ServiceError(SkykeyError):
    """The service answered, and the answer is no.

    Parameters
    ----------
    message, words, next
        As in `SkykeyError`.
    status
        HTTP status; None if the refusal came inside a success.
    url
        Without its query.
    """

    code = "service"

    def __init__(
        self,
        message: str,
        *,
        words: str | None = None,
        next: str | None = None,  # noqa: A002 - as above
        status: int | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message, words=words, next=next)
        self.status = status
        self.url = url


class NotAuthenticated(ServiceError):
    """401: no credential, or one that the service does not accept."""

    code = "not-authenticated"
    exit_code = 4


class Forbidden(ServiceError, PermissionError):
    """403: the credential is good and does not allow this.

    Attributes
    ----------
    scopes
        The scopes that the service asks for (RFC 6750, 3), empty if it names none.
    """

    code = "forbidden"
    scopes: tuple[str, ...] = ()


class NotFound(ServiceError, LookupError):
    """404 or 410."""

    code = "not-found"


class RateLimited(ServiceError):
    """429: too many requests.

    Attributes
    ----------
    retry_after
        Seconds that the service asks to wait; None if it names none.
    limit, used, remaining
        Requests that it admits in one window, that were made in this one, and that are left; None where it does not
        say.
    resets
        When the next window begins: seconds since 1970, UTC, on the service's clock; None if it does not say.
    resource
        What is counted, such as a service's name; None if it does not say.
    """

    code = "rate-limited"
    exit_code = 8
    retry_after: float | None = None
    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    resets: int | None = None
    resource: str | None = None


class Overloaded(ServiceError):
    """502, 503 or 504: worth trying again later.

    Attributes
    ----------
    retry_after
        As in `RateLimited`.
    """

    code = "overloaded"
    exit_code = 8
    retry_after: float | None = None


class Redirected(ServiceError):
    """The service points somewhere else, and following would leave the credential's reach or end at a login page."""

    code = "redirected"


class Unreadable(ServiceError):
    """A success, but not in the promised format (a login page, another program's answer)."""

    code = "unreadable"


class QueryError(ServiceError):
    """The service understood the request and refuses or stopped the statement."""

    code = "query"


class LimitExceeded(QueryError):
    """The statement was begun and stopped: it took too long, or read more than the service allows. Ask for less."""

    code = "limit-exceeded"


class MissingExtra(SkykeyError, ImportError):
    """An optional package is needed and not installed."""

    code = "missing-extra"

    @classmethod
    def of(cls, extra: str, needed_for: str) -> MissingExtra:
        """Name the extra to install."""
        return cls(f"{needed_for} needs a package that is not installed", next=f"pip install 'skykey[{extra}]'")
