"""Whether and how to follow a redirect."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Redirects
from skykey.values.errors import BadUrl, Redirected

if TYPE_CHECKING:
    from skykey.calls.call import Call
    from skykey.credentials.held import Held
    from skykey.values.url import Url
    from skykey.wire.request import Head, Request

SEE_OTHER: Final = 303
_REDIRECTS = frozenset({301, 302, SEE_OTHER, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
# How a login begins at an identity provider: OAuth 2 and OpenID Connect (RFC 6749, 4.1.1), SAML.
_LOGIN_QUERY = re.compile(r"[?&](?:response_type|redirect_uri|SAMLRequest)=")
_LOGIN_PATH = re.compile(r"/(?:authori[sz]e|sign[-_]?in|sso)/?", re.IGNORECASE)


def redirected(
    call: Call[Any], request: Request, head: Head, helds: tuple[Held[Any], ...]
) -> tuple[Request, bool] | None:
    """Say where a redirect leads.

    Parameters
    ----------
    call
        Whose rule counts.
    request
        What was sent, without credentials.
    head
        What came back.
    helds
        The credentials that belong to the call.

    Returns
    -------
    tuple or None
        The next request and whether credentials may go along; None if this is no redirect, or one that is the answer.

    Raises
    ------
    Redirected
        If it leads out of the reach, to a login page, from https to http, or nowhere readable; or out of the reach
        with a body.
    """
    if head.status not in _REDIRECTS:
        return None
    source, location = request.url.without_query(), head.headers.get("location", "")
    try:
        target = request.url.resolve(location) if location else None
    except BadUrl:
        target = None
    if target is None:
        raise Redirected(f"{source} redirects to something that is not a URL", status=head.status, url=source)
    within = (
        all(held.credential.reach.admits(target) for held in helds)
        if helds
        else target.origin == call.request.url.origin
    )
    if _asks_for_a_person(target, elsewhere=not within):
        why = "its credential was not accepted, or did not arrive" if helds else "it carried no credential"
        raise Redirected(
            f"{source} wants a person to log in at {target.origin}: the request was not authenticated, because {why}",
            status=head.status,
            url=source,
            next=call.remedy,
        )
    if target.scheme == "http" and (request.url.scheme == "https" or not within):
        raise Redirected(f"{source} redirects to plain http at {target.origin}", status=head.status, url=source)
    if not within and call.redirects is not Redirects.DROP:
        raise Redirected(
            f"{source} redirects to {target.origin}, where this request may not go",
            status=head.status,
            url=source,
        )
    if head.status == SEE_OTHER and call.redirects is Redirects.DONE:
        return None
    return _led(request, head, target, within=within), within


def _led(request: Request, head: Head, target: Url, *, within: bool) -> Request:
    """The request that a redirect asks for (RFC 9110, 15.4)."""
    source = request.url.without_query()
    if head.status == SEE_OTHER:
        request = replace(request, method="HEAD" if request.method == "HEAD" else "GET", body=b"")
    elif not within and (request.body or not reads(request)):
        # Whoever answered may name any host, and what is in a body was meant for this one.
        raise Redirected(
            f"{source} redirects a {request.method} to {target.origin}, where it may not go",
            status=head.status,
            url=source,
        )
    elif head.status not in _KEEP_METHOD and not reads(request):
        # Only 303 promises that a GET is meant.
        raise Redirected(f"{source} redirects a {request.method}", status=head.status, url=source)
    return replace(request, url=target)


def reads(request: Request) -> bool:
    """Whether a request changes nothing by its method (RFC 9110, 9.2.1)."""
    return request.method in {"GET", "HEAD"}


def _asks_for_a_person(target: Url, *, elsewhere: bool) -> bool:
    """Whether a redirect leads to a login page; elsewhere also one that an identity provider shows."""
    if target.path.rstrip("/").endswith("/login"):
        return True
    last = target.path[target.path.rstrip("/").rfind("/") :]
    return elsewhere and bool(_LOGIN_QUERY.search(target) or _LOGIN_PATH.fullmatch(last))
