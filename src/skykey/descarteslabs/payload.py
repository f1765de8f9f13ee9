"""What a token of the platform says, read as forgivingly as its users are used to: only the middle part counts."""

from __future__ import annotations

import base64
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skykey.credentials.claims import LARGEST, Claims

if TYPE_CHECKING:
    from skykey.values.secret import Secret


def claims_in(token: Secret | None) -> Claims | None:
    """What a token claims, not verified; None if there is none, or it cannot be decoded."""
    payload = None if token is None else _decoded(token)
    return None if payload is None else Claims(MappingProxyType({}), MappingProxyType(payload))


def payload_of(claims: Claims, prefix: str) -> dict[str, Any]:
    """The claims as documented: the platform's own come without their prefix, over others of the same name."""
    own = {name.removeprefix(prefix): value for name, value in claims.payload.items() if name.startswith(prefix)}
    return {name: value for name, value in claims.payload.items() if not name.startswith(prefix)} | own


def base64url_decode(data: bytes) -> bytes:
    """Undo base64url without padding, as tokens have it."""
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))


def _decoded(token: Secret) -> dict[str, Any] | None:
    """The claims. Nothing is raised here: the frame holds the token."""
    parts = token.reveal()[: LARGEST + 1].split(".")
    if len(parts) < 2 or sum(map(len, parts)) > LARGEST:  # noqa: PLR2004 - the claims are the second part
        return None
    try:
        found = json.loads(base64url_decode(parts[1].encode()).decode())
    except (ValueError, RecursionError):  # no base64, no UTF-8, no JSON; or nested to no end
        return None
    return found if isinstance(found, dict) else None
