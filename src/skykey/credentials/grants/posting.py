"""One POST to an issuer and what becomes of it: sent again after what passes by itself, else an error in its words."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.credentials.conceal import concealed
from skykey.values.errors import (
    GrantRefused,
    Interrupted,
    Overloaded,
    RateLimited,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    TransportError,
    Unreachable,
)
from skykey.values.reach import Reach
from skykey.wire.frames import frameless
from skykey.wire.times import date, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skykey.credentials.grants.retries import Retries
    from skykey.credentials.provider import Ask
    from skykey.values.secret import Secret
    from skykey.wire.request import Head, Request

T = TypeVar("T")

CAP: Final = 2**20
"""Most bytes of an issuer's answer; real ones have a few thousand."""

_MOST_WORDS: Final = 500
_LONGEST_CODE: Final = 64
_SUCCESSES: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_REFUSED: Final = 400
_LIMITED: Final = 429  # RFC 6585, 4
_AWAY: Final = frozenset({502, 503, 504})
_BROKEN: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, whole.

    Parameters
    ----------
    head, body
        As they came.
    asked
        When the request went out, in wall-clock seconds since 1970.
    words
        What it says in an error's place, without the secrets that were sent.
    """

    head: Head
    body: bytes
    asked: float
    words: str | None


def post(
    request: Request,
    read: Callable[[Answer], T | SkykeyError],
    *,
    ask: Ask,
    retries: Retries,
    secrets: tuple[Secret, ...],
    said_by: str,
    remedy: str | None,
) -> T:
    """Send it, again as often as the policy says.

    Parameters
    ----------
    request
        What to send.
    read
        From a success to the result. It gives a failure and does not raise it: no frame of a traceback may hold the
        answer.
    ask
        Clock, deadline and connections; its trace learns how far the clocks are apart.
    retries
        The policy.
    secrets
        What the request holds; they are taken out of the issuer's words.
    said_by
        Who named the address.
    remedy
        The next command after a refusal.

    Raises
    ------
    GrantRefused
        If the issuer says no; with its words, its error code and the status.
    RateLimited, Overloaded, ServiceError, TransportError
        If it cannot answer now, still so after the repeats.
    Redirected
        If it points elsewhere: a request that holds a secret is not sent on.
    OutOfReach
        If the address is plain http and not on this machine.
    """
    Reach.named(request.url, said_by=said_by)
    waits = retries.waits()
    while True:
        outcome = _once(request, read, ask, secrets, said_by, remedy)
        if not isinstance(outcome, SkykeyError):
            return outcome
        wait = _wait_after(outcome, retries, waits, ask)
        if wait is None:
            outcome.next = outcome.next or _advice(outcome, request)
            raise outcome
        ask.clock.wait(threading.Event(), wait)


def _once(  # noqa: PLR0917 - `post` hands on what it got
    request: Request,
    read: Callable[[Answer], T | SkykeyError],
    ask: Ask,
    secrets: tuple[Secret, ...],
    said_by: str,
    remedy: str | None,
) -> T | SkykeyError:
    asked, handled = ask.clock.wall(), sys.exception()
    try:
        exchange = ask.send(request)
    except SkykeyError as problem:
        return problem
    try:
        head, body = exchange.head, bytearray()
        _measure(head, asked, ask)
        while (chunk := exchange.read()) is not None:
            body += chunk
    except SkykeyError as problem:
        frameless(problem, handled=handled)  # they hold what came so far: a token, or a part of one
        return problem
    finally:
        exchange.close()
    error, words = _words(head, bytes(body), secrets)
    if head.status in _SUCCESSES:
        return read(Answer(head, bytes(body), asked, words))
    return _refusal(head, error, words, said_by, remedy)


def _measure(head: Head, asked: float, ask: Ask) -> None:
    """Compare clocks by the issuer's own answer (nobody else's: it was not redirected)."""
    theirs = date(head)
    if theirs is not None:
        # Half a second, because Date is cut to whole ones.
        ask.trace.offset = theirs + 0.5 - (asked + ask.clock.wall()) / 2


def _wait_after(problem: SkykeyError, retries: Retries, waits: Iterator[float], ask: Ask) -> float | None:
    """Seconds until the next request; None to give up."""
    named: float | None = None
    if isinstance(problem, ServiceError | GrantRefused):
        named = getattr(problem, "retry_after", None) if problem.status in retries.asked else None
        if problem.status not in retries.statuses and named is None:
            return None
    # A deadline that is over ends it; the silence of one answer does not.
    elif not isinstance(problem, Unreachable | Interrupted | TimedOut) or ask.deadline.remaining() == 0.0:
        return None
    wait = next(waits, None)
    if wait is None or (named is not None and named > retries.longest):
        return None
    wait = max(wait, named or 0.0)
    remaining = ask.deadline.remaining()
    return None if remaining is not None and wait >= remaining else wait


def _advice(problem: SkykeyError, request: Request) -> str | None:
    """What to do about an issuer that gives no answer, or not the one that it should."""
    if isinstance(problem, TransportError):
        return f"curl -v {request.url.origin} shows whether it can be reached from here; then try again"
    return "try again later: the trouble is the issuer's own" if isinstance(problem, ServiceError) else None


def _refusal(head: Head, error: str | None, words: str | None, said_by: str, remedy: str | None) -> SkykeyError:
    where, status = head.url.without_query(), head.status
    if status in _REDIRECTS:
        return Redirected(
            f"{where} redirects ({status}), and a request that holds a secret is not sent on",
            next=f"name the address that answers itself ({said_by})",
            status=status,
            url=where,
        )
    if status == _LIMITED:
        limited = RateLimited(f"{where} has had too many requests", words=words, status=status, url=where)
        limited.retry_after = retry_after(head)
        return limited
    if status in _AWAY:
        overloaded = Overloaded(f"{where} is not available ({status})", words=words, status=status, url=where)
        overloaded.retry_after = retry_after(head)
        return overloaded
    if status >= _BROKEN:
        return ServiceError(f"{where} failed ({status})", words=words, status=status, url=where)
    named = f"{status}, {error}" if error else str(status)
    refused = GrantRefused(f"{where} refuses the login ({named})", words=words, next=remedy)
    refused.status, refused.error, refused.retry_after = status, error, retry_after(head)
    return refused


def json_object(body: bytes) -> dict[str, Any] | None:
    """A body as a JSON object; None if it is none."""
    try:
        # RecursionError: a small body of brackets nests deeper than any real answer.
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _words(head: Head, body: bytes, secrets: tuple[Secret, ...]) -> tuple[str | None, str | None]:
    """The issuer's error code and its words (RFC 6749, 5.2), without a secret that it may have repeated."""
    answer = json_object(body)
    error = answer.get("error") if answer is not None else None
    said: object
    if answer is not None:
        keys = ("error_description", "detail", "message", "error")
        said = next((answer[key] for key in keys if isinstance(answer.get(key), str)), "")
    else:
        # What is no object and no error may be a token in a form that nobody asked for.
        is_telling = head.status >= _REFUSED and head.media_type != "text/html"
        said = body.decode("utf-8", "replace") if is_telling else ""
    named = error if isinstance(error, str) and error.isidentifier() and len(error) <= _LONGEST_CODE else None
    if named is not None and concealed(named, secrets) != named:
        named = None
    # Without control characters: a terminal would obey them.
    shown = "".join(letter if letter.isprintable() else " " for letter in concealed(str(said), secrets))
    return named, " ".join(shown.split())[:_MOST_WORDS] or None
