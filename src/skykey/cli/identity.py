"""What a site says about a token, for people and as JSON: shared by ``why --ask`` and ``whoami``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.lasting import left, utc
from skykey.cli.output import put, wrapped

if TYPE_CHECKING:
    from skykey.cli.systems import Identity, Where

LABEL: Final = 9
NOT_VERIFIED: Final = "the token says so of itself; nobody has verified it"


def line(label: str, text: str) -> None:
    """A label and what it says, folded beside it."""
    blank = " " * LABEL
    put(f"{click.style(f'{label:<{LABEL}}', bold=True)}{wrapped(text, first=blank, rest=blank)[LABEL:]}")


def kind(identity: Identity) -> str:
    """A token's kind and name."""
    return f"{identity.token_type} token" + (f" {identity.token_name!r}" if identity.token_name else "")


def allows(identity: Identity) -> str:
    """Its scopes."""
    return " ".join(identity.scopes) or "nothing"


def life(identity: Identity) -> str:
    """Its end, with the time left to it."""
    expires = identity.expires
    return "it never ends" if expires is None else f"{left(expires - time.time())} (until {utc(expires)})"


def as_document(identity: Identity) -> dict[str, Any]:
    """All of it, for JSON."""
    expires = identity.expires
    return {
        "username": identity.username,
        "token_type": identity.token_type,
        "token_name": identity.token_name,
        "scopes": list(identity.scopes),
        "created": identity.created,
        "expires": expires,
        "seconds_left": None if expires is None else round(expires - time.time(), 3),
        "verified": identity.verified,
    }


def site_document(where: Where) -> dict[str, Any]:
    """The site, for JSON."""
    return {"name": where.name, "url": where.url, "said_by": where.said_by}
