"""Whether and how to follow a redirect."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.calls.call import Redirects
from skykey.values.errors import BadUrl, Redirected

if TYPE_CHECKING:
    from skykey.calls.call import Call
    from skykey.credentials.held import Held
    from skykey.values.url import Url
    from skykey.wire.request import Head, Request

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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
        The next request and whether credentials may go along; None if this is no redirect.

    Raises
    ------
    Redirected
        If it leads out of the reach, to a login page, from https to http, or nowhere readable.
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
    if not within and call.redirects is Redirects.WITHIN:
        raise Redirected(
            f"{source} redirects to {target.origin}, where this request may not go",
            status=head.status,
            url=source,
        )
    if head.status not in _KEEP_METHOD and request.method not in {"GET", "HEAD"}:
        if head.status != 303:  # noqa: PLR2004 - RFC 9110, 15.4: only 303 promises that a GET is meant
            raise Redirected(f"{source} redirects a {request.method}", status=head.status, url=source)
        request = replace(request, method="GET", body=b"")
    return replace(request, url=target), within


def _asks_for_a_person(target: Url, *, elsewhere: bool) -> bool:
    """Whether a redirect leads to a login page; elsewhere also one that an identity provider shows."""
    if target.path.rstrip("/").endswith("/login"):
        return True
    last = target.path[target.path.rstrip("/").rfind("/") :]
    return elsewhere and bool(_LOGIN_QUERY.search(target) or _LOGIN_PATH.fullmatch(last))
