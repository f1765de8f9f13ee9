"""Telling an issuer that a login is over (RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.credentials.grants.posting import CAP, post
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import Encoding, encoded
from skykey.values.errors import GrantRefused, ServiceError
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from skykey.credentials.provider import Ask
    from skykey.values.secret import Secret
    from skykey.values.url import Url

# To end a login twice harms nobody.
_RETRIES: Final = Retries(total=2, statuses=frozenset({502, 503, 504}), first=0.3, longest=1.0, asked=frozenset({503}))


def revoke(url: Url, renewal: Secret, *, client_id: str, ask: Ask, said_by: str) -> None:
    """End a login where it was given.

    Parameters
    ----------
    url
        The revocation endpoint.
    renewal
        The login's renewal secret; what was bought with it ends too, as the issuer sees fit.
    client_id
        Whose it is.
    ask
        Clock, deadline and connections.
    said_by
        Who named the address.

    Raises
    ------
    SkykeyError
        If the issuer was not told; see `post`. A login that it no longer knows is no failure to it.
    """
    fields: dict[str, str | Secret] = {"token": renewal, "token_type_hint": "refresh_token", "client_id": client_id}
    request = Request(
        "POST",
        url,
        headers=(("Accept", "application/json"), ("Content-Type", Encoding.FORM.value)),
        body=encoded(fields, Encoding.FORM),
        cap=CAP,
        timeouts=Timeouts(connect=3.0, silence=8.0),
    )
    try:
        post(request, lambda _: None, ask=ask, retries=_RETRIES, secrets=(renewal,), said_by=said_by, remedy=None)
    except GrantRefused as refused:
        # Not a login that is needed: one that stays.
        where = url.without_query()
        message = f"{where} does not end the login ({refused.status}{', ' + refused.error if refused.error else ''})"
        raise ServiceError(message, words=refused.words, status=refused.status, url=where) from None
