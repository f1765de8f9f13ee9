"""One question to a token endpoint (RFC 6749, 3.2) and its answer, in every form in which issuers give one."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from skykey.credentials.claims import claims_of
from skykey.credentials.conceal import concealed
from skykey.credentials.credential import Bearer
from skykey.credentials.grants.retries import Retries
from skykey.credentials.lifetime import granted_life
from skykey.credentials.text import parsed
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
    Unreadable,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.wire.request import Request, Timeouts
from skykey.wire.times import date, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skykey.credentials.claims import Claims
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask
    from skykey.values.life import Life
    from skykey.values.url import Url
    from skykey.wire.request import Head

_CAP: Final = 2**20
_MOST_WORDS: Final = 500
_REFUSED: Final = 400
_GONE_AWAY: Final = 500


class Encoding(Enum):
    """How the fields are sent."""

    FORM = "application/x-www-form-urlencoded"
    JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Granted:
    """What an issuer gave.

    Parameters
    ----------
    token
        For services.
    life
        In this machine's time.
    renewal
        The secret that replaces the one that was sent; None if that stays.
    claims
        What the token says of itself, not verified; None if it is opaque.
    """

    token: Secret
    life: Life
    renewal: Secret | None = None
    claims: Claims | None = None

    def bearer(self, reach: Reach, before: Held[Bearer] | None) -> Bearer:
        """The token as a credential.

        Parameters
        ----------
        reach
            Where it may go.
        before
            What was held so far. An issuer may give the same token again: it is as old as it was then.
        """
        life = self.life
        if before is not None and before.credential.token == self.token:
            life = replace(life, born=before.credential.life.born)
        return Bearer(self.token, reach, life, None if self.claims is None else self.claims.subject)


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where an issuer gives tokens.

    Parameters
    ----------
    url
        Plain http only at a loopback address.
    said_by
        Who named it.
    remedy
        The next command after a refusal: how to log in again.
    encoding
        The standard's form, or JSON.
    tokens
        The keys under which the answer has the token, best first.
    retries, timeouts
        See there.
    """

    url: Url
    said_by: str
    remedy: str | None = None
    encoding: Encoding = Encoding.FORM
    tokens: tuple[str, ...] = ("access_token",)
    retries: Retries = field(default_factory=Retries)
    timeouts: Timeouts = Timeouts(silence=30.0)

    def ask(
        self,
        fields: Mapping[str, str | Secret],
        ask: Ask,
        *,
        headers: Mapping[str, str | Secret] = MappingProxyType({}),
        hidden: tuple[Secret, ...] = (),
    ) -> Granted:
        """Ask for a token, again after what passes by itself.

        Parameters
        ----------
        fields
            Of the grant; secrets open inside the request only.
        ask
            Clock, deadline and connections.
        headers
            Such as the client's own authentication.
        hidden
            What the headers hold in another form; like the secrets of fields it is taken out of the issuer's words.

        Raises
        ------
        GrantRefused
            If the issuer says no; with its words, its error code and the status.
        RateLimited, Overloaded, ServiceError, TransportError
            If it cannot answer now, still so after the repeats.
        Redirected
            If it points elsewhere: a request that holds a secret is not sent on.
        Unreadable
            If a success has no token in it.
        """
        Reach.named(self.url, said_by=self.said_by)
        request = Request(
            "POST",
            self.url,
            headers=(("Accept", "application/json"), ("Content-Type", self.encoding.value), *headers.items()),
            body=_encoded(fields, self.encoding),
            cap=_CAP,
            timeouts=self.timeouts,
        )
        secrets = (*hidden, *(value for value in (*fields.values(), *headers.values()) if isinstance(value, Secret)))
        waits = self.retries.waits()
        while True:
            outcome = self._once(request, secrets, ask)
            if isinstance(outcome, Granted):
                return outcome
            wait = self._wait_after(outcome, waits, ask)
            if wait is None:
                outcome.next = outcome.next or self._advice(outcome)
                raise outcome
            ask.clock.wait(threading.Event(), wait)

    def _once(self, request: Request, secrets: tuple[Secret, ...], ask: Ask) -> Granted | SkykeyError:
        """Send it once. A failure is given and not raised: no frame of a traceback may hold the answer."""
        asked = ask.clock.wall()
        try:
            exchange = ask.send(request)
        except SkykeyError as problem:
            return problem
        try:
            head = exchange.head
            self._measure(head, asked, ask)
            body = bytearray()
            while (chunk := exchange.read()) is not None:
                body += chunk
        except SkykeyError as problem:
            return problem
        finally:
            exchange.close()
        if head.status != 200:  # noqa: PLR2004 - RFC 6749, 5.1: a grant is a 200
            return self._refusal(head, bytes(body), secrets)
        return self._granted(head, bytes(body), secrets, asked, ask)

    def _measure(self, head: Head, asked: float, ask: Ask) -> None:
        """Compare clocks by the issuer's own answer (nobody else's: it was not redirected)."""
        theirs = date(head)
        if theirs is not None:
            # Half a second, because Date is cut to whole ones.
            ask.trace.offset = theirs + 0.5 - (asked + ask.clock.wall()) / 2

    def _wait_after(self, problem: SkykeyError, waits: Iterator[float], ask: Ask) -> float | None:
        """Seconds until the next request; None to give up."""
        if isinstance(problem, Unreachable | Interrupted) or (
            # A deadline that is over ends it; the silence of one answer does not.
            isinstance(problem, TimedOut) and ask.deadline.remaining() != 0.0
        ):
            named = None
        elif isinstance(problem, ServiceError | GrantRefused) and (
            problem.status in self.retries.statuses
            or (problem.status in self.retries.asked and getattr(problem, "retry_after", None) is not None)
        ):
            named = getattr(problem, "retry_after", None) if problem.status in self.retries.asked else None
        else:
            return None
        wait = next(waits, None)
        if wait is None or (named is not None and named > self.retries.longest):
            return None
        wait = max(wait, named or 0.0)
        remaining = ask.deadline.remaining()
        return None if remaining is not None and wait >= remaining else wait

    def _advice(self, problem: SkykeyError) -> str | None:
        """What to do about an issuer that gives no answer, or not the one that it should."""
        if isinstance(problem, TransportError):
            return f"curl -v {self.url.origin} shows whether it can be reached from here; then try again"
        return "try again later: the trouble is the issuer's own" if isinstance(problem, ServiceError) else None

    def _refusal(self, head: Head, body: bytes, secrets: tuple[Secret, ...]) -> SkykeyError:
        where, status = self.url.without_query(), head.status
        error, words = _words(head, body, secrets)
        if 300 <= status < 400:  # noqa: PLR2004 - redirects
            return Redirected(
                f"the token endpoint {where} redirects ({status}), and a request that holds a secret is not sent on",
                next=f"name the address that answers itself ({self.said_by})",
                status=status,
                url=where,
            )
        if status == 429:  # noqa: PLR2004 - RFC 6585, 4
            limited = RateLimited(f"{where} has had too many requests", words=words, status=status, url=where)
            limited.retry_after = retry_after(head)
            return limited
        if status in {502, 503, 504}:
            overloaded = Overloaded(f"{where} is not available ({status})", words=words, status=status, url=where)
            overloaded.retry_after = retry_after(head)
            return overloaded
        if status >= _GONE_AWAY:
            return ServiceError(f"{where} failed ({status})", words=words, status=status, url=where)
        if status < 300:  # noqa: PLR2004 - another success than 200
            return Unreadable(f"{where} gave no token (status {status})", words=words, status=status, url=where)
        refused = GrantRefused(
            f"{where} refuses the login ({status}{', ' + error if error else ''})", words=words, next=self.remedy
        )
        refused.status, refused.error, refused.retry_after = status, error, retry_after(head)
        return refused

    def _granted(
        self, head: Head, body: bytes, secrets: tuple[Secret, ...], asked: float, ask: Ask
    ) -> Granted | SkykeyError:
        where = self.url.without_query()
        answer = _object(body)
        if answer is None:
            return Unreadable(f"{where} answered with something that is not a JSON object", status=200, url=where)
        found = next((answer[key] for key in self.tokens if answer.get(key) is not None), None)
        if not isinstance(found, str):
            return Unreadable(f"{where} gave no token", words=_words(head, body, secrets)[1], status=200, url=where)
        token, problem = parsed(Secret(found))
        if problem is not None:
            return Unreadable(f"{where} gave no token: {problem}", status=200, url=where)
        renewal = answer.get("refresh_token")
        claims = claims_of(token)
        return Granted(
            token,
            granted_life(
                expires_in=answer.get("expires_in"), claims=claims, asked=asked, offset=ask.trace.offset or 0.0
            ),
            Secret(renewal) if isinstance(renewal, str) and renewal else None,
            claims,
        )


def _encoded(fields: Mapping[str, str | Secret], encoding: Encoding) -> Secret:
    opened = {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
    return Secret(json.dumps(opened) if encoding is Encoding.JSON else urlencode(opened))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        # RecursionError: a small body of brackets nests deeper than any real answer.
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _words(head: Head, body: bytes, secrets: tuple[Secret, ...]) -> tuple[str | None, str | None]:
    """The issuer's error code and its words (RFC 6749, 5.2), without a secret that it may have repeated."""
    answer = _object(body)
    error = answer.get("error") if answer is not None else None
    said: object
    if answer is not None:
        keys = ("error_description", "detail", "message", "error")
        said = next((answer[key] for key in keys if isinstance(answer.get(key), str)), "")
    else:
        # What is no object and no error may be a token in a form that nobody asked for.
        is_telling = head.status >= _REFUSED and head.media_type != "text/html"
        said = body.decode("utf-8", "replace") if is_telling else ""
    text, named = str(said), error if isinstance(error, str) and error.isidentifier() else None
    if named is not None and concealed(named, secrets) != named:
        named = None
    return named, " ".join(concealed(text, secrets).split())[:_MOST_WORDS] or None
