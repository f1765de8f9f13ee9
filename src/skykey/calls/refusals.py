"""From an HTTP answer that is no success to an error that says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skykey.values.errors import (
    Forbidden,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
)
from skykey.wire.times import retry_after

if TYPE_CHECKING:
    from skykey.wire.request import Head

_AUTH_PARAM = re.compile(r'([a-z_]+)="([^"]*)"')
_MOST_WORDS = 500


def refusal(head: Head, words: str, *, remedy: str | None) -> ServiceError:
    """Make the error for a status.

    Parameters
    ----------
    head
        Of the answer.
    words
        The server's own, from the reader.
    remedy
        The next command after 401 and 403.

    Returns
    -------
    ServiceError
        Of the class that fits the status.
    """
    url = head.url.without_query()
    challenge = dict(_AUTH_PARAM.findall(head.headers.get("www-authenticate", "")))
    # Behind an ingress the body of a 401 or 403 is often lost; the challenge survives (RFC 6750, 3).
    said = shortened(challenge.get("error_description") or words) or None
    match head.status:
        case 401:
            lead = "does not accept the credential" if challenge.get("error") else "asks for a credential"
            return NotAuthenticated(f"{url} {lead} (401)", words=said, next=remedy, status=401, url=url)
        case 403:
            scopes = tuple(challenge.get("scope", "").split())
            lacking = f": the credential lacks the scope {' '.join(scopes)}" if scopes else ""
            forbidden = Forbidden(f"{url} forbids this (403){lacking}", words=said, next=remedy, status=403, url=url)
            forbidden.scopes = scopes
            return forbidden
        case 404 | 410:
            return NotFound(f"{url} is not there ({head.status})", words=said, status=head.status, url=url)
        case 429:
            limited = RateLimited(f"{url} asks to slow down (429)", words=said, status=429, url=url)
            limited.retry_after = retry_after(head)
            return limited
        case 502 | 503 | 504:
            message = f"{url} is overloaded or away ({head.status})"
            overloaded = Overloaded(message, words=said, status=head.status, url=url)
            overloaded.retry_after = retry_after(head)
            return overloaded
        case 400 | 422:
            return QueryError(f"{url} refuses the request ({head.status})", words=said, status=head.status, url=url)
        case _:
            return ServiceError(f"{url} answered {head.status}", words=said, status=head.status, url=url)


def shortened(words: str) -> str:
    """One line of at most 500 characters, without control characters (a terminal would obey them)."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 1] + "…"
