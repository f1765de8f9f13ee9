"""Putting a credential into a call's request: the only writer of its authentication headers.

A grant names its own client to the token endpoint; that is no credential of a call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.credentials.held import Held
    from skykey.wire.request import Request


def place(held: Held[Any], request: Request) -> Request:
    """Add what the credential says, if the request goes where the credential may go.

    Header values stay `Secret` until `skykey.wire` builds the HTTP library's own request.

    Raises
    ------
    OutOfReach
        If the request's origin is not in the credential's reach.
    UsageError
        If the request carries two certificates or the same header twice.
    """
    credential = held.credential
    credential.reach.admit(request.url, what=f"the credential from {held.source}")
    if credential.tls is not None:
        if request.tls is not None:
            raise UsageError("a request shows one certificate, not two")
        request = replace(request, tls=credential.tls)
    return request.with_headers(*credential.parts())
