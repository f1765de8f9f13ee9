"""Whether and how to follow a redirect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.calls.call import Redirects
from skykey.values.errors import BadUrl, Redirected

if TYPE_CHECKING:
    from skykey.calls.call import Call
    from skykey.credentials.held import Held
    from skykey.wire.request import Head, Request

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})


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
    if target.path.rstrip("/").endswith("/login"):
        raise Redirected(
            f"{source} wants a person to log in at {target.origin}: the request was not authenticated",
            status=head.status,
            url=source,
            next=call.remedy,
        )
    within = (
        all(held.credential.reach.admits(target) for held in helds)
        if helds
        else target.origin == call.request.url.origin
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
