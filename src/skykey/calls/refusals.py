"""From an HTTP answer that is no success to an error that says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from skykey.values.errors import (
    Forbidden,
    NotAuthenticated,
    NotFound,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    Unreadable,
)
from skykey.wire.times import retry_after, seconds_until

if TYPE_CHECKING:
    from skykey.wire.request import Head

# RFC 9110, 11.2: a quoted string or a token; nothing that a parameter's name could be a part of stands before it.
_AUTH_PARAM = re.compile(r'(?<![\w-])([A-Za-z_]{1,40})\s{0,3}=\s{0,3}(?:"([^"]*)"|([^\s",]+))', re.ASCII)
# RFC 6749, 3.3. They are shown, and become a part of what to do.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
_MOST_SCOPES: Final = 20
_MOST_WORDS = 500
_FORBIDDEN: Final = 403
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
# What a gatekeeper may mean by a 403: some ingresses know no other answer from it than 401 and 403.
_MEANT: Final = {"400": 400, "429": 429}
# Smaller numbers are no seconds since 1970.
_FIRST_MOMENT: Final = 10**9


def refuse_page(head: Head, promised: str) -> None:
    """See that a success is not a page: most often that is somebody's login page with status 200.

    Parameters
    ----------
    head
        Of the answer.
    promised
        What it should be: "JSON".

    Raises
    ------
    Unreadable
        If it calls itself one.
    """
    if head.media_type in _PAGES:
        url = head.url.without_query()
        message = f"{url} answered with a web page where {promised} was promised (a login page?)"
        raise Unreadable(message, status=head.status, url=url)


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
    url, status = head.url.without_query(), head.status
    challenge = _challenge(head)
    # Behind an ingress the body of a 401 or 403 is often lost; the challenge survives (RFC 6750, 3).
    said = shortened(challenge.get("error_description") or words) or None
    match _meant(head, challenge):
        case 401:
            lead = "does not accept the credential" if challenge.get("error") else "asks for a credential"
            return NotAuthenticated(f"{url} {lead} (401)", words=said, next=remedy, status=401, url=url)
        case 403:
            scopes = _scopes(challenge)
            lacking = f": the credential lacks the scope {' '.join(scopes)}" if scopes else ""
            forbidden = Forbidden(f"{url} forbids this (403){lacking}", words=said, next=remedy, status=403, url=url)
            forbidden.scopes = scopes
            return forbidden
        case 404 | 410:
            return NotFound(f"{url} is not there ({status})", words=said, status=status, url=url)
        case 429:
            return _limited(
                head, RateLimited(f"{url} asks to slow down ({status})", words=said, status=status, url=url)
            )
        case 502 | 503 | 504:
            message = f"{url} is overloaded or away ({status})"
            overloaded = Overloaded(message, words=said, status=status, url=url)
            overloaded.retry_after = retry_after(head)
            return overloaded
        case 400 | 422:
            return QueryError(f"{url} refuses the request ({status})", words=said, status=status, url=url)
        case _:
            return ServiceError(f"{url} answered {status}", words=said, status=status, url=url)


def shortened(words: str) -> str:
    """One line of at most 500 characters, without control characters (a terminal would obey them)."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= _MOST_WORDS else line[: _MOST_WORDS - 1] + "…"


def _challenge(head: Head) -> dict[str, str]:
    found = _AUTH_PARAM.findall(head.headers.get("www-authenticate", ""))
    return {name.lower(): quoted or plain for name, quoted, plain in found}


def _scopes(challenge: dict[str, str]) -> tuple[str, ...]:
    named = challenge.get("scope", "").split()
    return tuple(scope for scope in named if _SCOPE.fullmatch(scope))[:_MOST_SCOPES]


def _meant(head: Head, challenge: dict[str, str]) -> int:
    """The status that a gatekeeper means: behind some ingresses it can only say 403."""
    if head.status != _FORBIDDEN:
        return head.status
    said = _MEANT.get(head.headers.get("x-error-status", "").strip())
    if said is not None:
        return said
    # A limit of 0 is a block for good, and a challenge with an error is about the credential.
    spent = _count(head, "remaining") == 0 and _count(head, "limit") != 0
    return 429 if spent and not challenge.get("error") and not challenge.get("scope") else _FORBIDDEN


def _limited(head: Head, error: RateLimited) -> RateLimited:
    """With the numbers that come in ``X-RateLimit-…`` headers."""
    error.limit, error.used, error.remaining = (_count(head, name) for name in ("limit", "used", "remaining"))
    resets = _count(head, "reset")
    error.resets = None if resets is None or resets < _FIRST_MOMENT else resets
    resource = head.headers.get("x-ratelimit-resource", "").strip()
    error.resource = resource if _SCOPE.fullmatch(resource) else None
    error.retry_after = retry_after(head)
    if error.retry_after is None and error.resets is not None:
        error.retry_after = seconds_until(error.resets, head)
    return error


def _count(head: Head, name: str) -> int | None:
    raw = head.headers.get(f"x-ratelimit-{name}", "").strip()
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 12 else None  # noqa: PLR2004 - until the year 33658
