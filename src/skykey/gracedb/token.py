"""The documented ``ligo.gracedb.token``: a token found, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, final

from skykey.credentials.claims import claims_of, numeric_date
from skykey.credentials.provider import Ask
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.gracedb.scitokens import SCOPE, scitoken_chain
from skykey.values.errors import NoCredential, UsageError
from skykey.values.reach import Reach
from skykey.values.url import Url

if TYPE_CHECKING:
    from skykey.credentials.claims import Claims
    from skykey.values.secret import Secret

__all__ = ["FoundToken", "check_token_expiration", "find_token_or_none"]


@final
class FoundToken(Mapping[str, Any]):
    """What a token says of itself, as a mapping of its claims; not verified.

    Parameters
    ----------
    secret
        The token.
    claims
        Its claims.
    source
        Where it was found.
    """

    def __init__(self, secret: Secret, claims: Claims, source: str) -> None:
        self.secret = secret
        self.source = source
        self._claims = claims.payload

    def __getitem__(self, name: str) -> Any:
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<a token from {self.source}>"


def find_token_or_none(host: str, fail_if_noauth: bool = False, scopes: str | None = None) -> FoundToken | None:
    """Look for a SciToken in all places.

    Parameters
    ----------
    host
        The service's host, or its URL.
    fail_if_noauth
        Whether it is an error if there is none.
    scopes
        What it must allow: one scope; None for what GraceDB asks for.

    Returns
    -------
    FoundToken or None
        None if there is none.

    Raises
    ------
    IgwnAuthError
        If there is none, and there has to be one.
    """
    scope = SCOPE if scopes is None else scopes
    if len(scope.split()) != 1:
        raise UsageError("scopes is the name of one scope", next=f"scopes={SCOPE!r}")
    url = Url(host if "://" in host else f"https://{host}")
    chain = scitoken_chain(url, Reach.named(url, said_by="the argument host"), scope=scope)
    try:
        found = chain.obtain(None, Ask())
    except NoCredential as problem:
        missing = IgwnAuthError(problem.message, next=problem.next)
    else:
        claims = claims_of(found.credential.token)
        return None if claims is None else FoundToken(found.credential.token, claims, found.source)
    if fail_if_noauth:
        raise missing
    return None


def check_token_expiration(token: Mapping[str, Any] | None, reload_buffer: float = 0) -> bool:
    """Tell whether a token is over, or will be soon; also if there is none, or it does not say when it ends.

    Parameters
    ----------
    token
        Its claims.
    reload_buffer
        Seconds before its end from which on it counts as over.
    """
    if token is None:
        return True
    try:
        claim: object = token["exp"]
    except KeyError:
        return True
    ends = numeric_date(claim)
    return ends is None or ends - time.time() <= reload_buffer
