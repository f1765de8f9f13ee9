"""The grant type ``jwt-bearer`` (RFC 7523) as one issuer speaks it: a renewal secret with a delegation target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def delegation_fields(client_id: str, scopes: tuple[str, ...]) -> Mapping[str, str]:
    """The fields that Descartes Labs' issuer wants of its own legacy web client beside ``refresh_token``.

    Parameters
    ----------
    client_id
        That of the legacy client; it is the target of the delegation as well.
    scopes
        What is asked for.
    """
    return {
        "grant_type": GRANT_TYPE,
        "client_id": client_id,
        "target": client_id,
        "api_type": "app",
        "scope": " ".join(scopes),
    }
