"""One question to a token endpoint (RFC 6749, 3.2) and its answer, in every form in which issuers give one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from skykey.credentials.claims import claims_of
from skykey.credentials.credential import Bearer
from skykey.credentials.grants.posting import CAP, json_object, post
from skykey.credentials.grants.retries import Retries
from skykey.credentials.lifetime import granted_life
from skykey.credentials.text import parsed
from skykey.values.errors import SkykeyError, Unreadable
from skykey.values.secret import Secret
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.claims import Claims
    from skykey.credentials.grants.posting import Answer
    from skykey.credentials.held import Held
    from skykey.credentials.provider import Ask
    from skykey.values.life import Life
    from skykey.values.reach import Reach
    from skykey.values.url import Url

_GRANTED: Final = 200  # RFC 6749, 5.1: a grant is a 200


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
        request = Request(
            "POST",
            self.url,
            headers=(("Accept", "application/json"), ("Content-Type", self.encoding.value), *headers.items()),
            body=encoded(fields, self.encoding),
            cap=CAP,
            timeouts=self.timeouts,
        )
        secrets = (*hidden, *(value for value in (*fields.values(), *headers.values()) if isinstance(value, Secret)))
        return post(
            request,
            lambda answer: self._granted(answer, ask),
            ask=ask,
            retries=self.retries,
            secrets=secrets,
            said_by=self.said_by,
            remedy=self.remedy,
        )

    def _granted(self, answer: Answer, ask: Ask) -> Granted | SkykeyError:
        where, status = self.url.without_query(), answer.head.status
        said = json_object(answer.body)
        if status != _GRANTED:
            return Unreadable(f"{where} gave no token (status {status})", words=answer.words, status=status, url=where)
        if said is None:
            return Unreadable(f"{where} answered with something that is not a JSON object", status=status, url=where)
        found = next((said[key] for key in self.tokens if said.get(key) is not None), None)
        if not isinstance(found, str):
            return Unreadable(f"{where} gave no token", words=answer.words, status=status, url=where)
        token, problem = parsed(Secret(found))
        if problem is not None:
            return Unreadable(f"{where} gave no token: {problem}", status=status, url=where)
        renewal, claims = said.get("refresh_token"), claims_of(token)
        life = granted_life(
            expires_in=said.get("expires_in"), claims=claims, asked=answer.asked, offset=ask.trace.offset or 0.0
        )
        return Granted(token, life, Secret(renewal) if isinstance(renewal, str) and renewal else None, claims)


def encoded(fields: Mapping[str, str | Secret], encoding: Encoding) -> Secret:
    """The fields as a body, which is a secret again."""
    opened = {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
    # Half a surrogate pair, from a damaged variable or answer, is the issuer's to refuse: an error here would show it.
    return Secret(json.dumps(opened) if encoding is Encoding.JSON else urlencode(opened, errors="surrogatepass"))
