"""What a JSON Web Token says of itself. Not verified: for people to read, and to guess how long it lives."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.values.secret import Secret

LARGEST: Final = 64 * 1024
"""Characters of a token. Servers take headers of 8 to 64 KiB; whatever is longer is no token."""

# Three parts (RFC 7519, 3); the last is empty where nobody signed. Five would be an encrypted one, which says nothing.
_JWT = re.compile(r"([\w-]+={0,2})\.([\w-]+={0,2})\.([\w-]*={0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token, as it makes them: anybody can write such a token. `verified` says whether it is true.

    Parameters
    ----------
    header
        How it is signed.
    payload
        What it claims.
    """

    header: Mapping[str, Any]
    payload: Mapping[str, Any]

    @property
    def ends(self) -> float | None:
        """``exp``: wall-clock seconds since 1970 on the issuer's clock; None if it does not say."""
        return numeric_date(self.payload.get("exp"))

    @property
    def begins(self) -> float | None:
        """``iat``, else ``nbf``; as `ends`."""
        issued = numeric_date(self.payload.get("iat"))
        return numeric_date(self.payload.get("nbf")) if issued is None else issued

    @property
    def subject(self) -> str | None:
        """``sub``: whose it is, in the issuer's words."""
        return _text(self.payload.get("sub"))

    @property
    def issuer(self) -> str | None:
        """``iss``."""
        return _text(self.payload.get("iss"))

    @property
    def audiences(self) -> tuple[str, ...]:
        """``aud``: who is meant to accept it; empty if it does not say."""
        return _texts(self.payload.get("aud"), lambda text: [text])

    @property
    def scopes(self) -> tuple[str, ...]:
        """``scope``: what it allows, whether written as one text (RFC 8693, 4.2) or as a list."""
        return _texts(self.payload.get("scope"), str.split)


def claims_of(token: Secret) -> Claims | None:
    """Read a token's claims without checking who wrote them.

    Parameters
    ----------
    token
        As it is sent, without blanks around it.

    Returns
    -------
    Claims or None
        None if it is no JSON Web Token: an opaque one, or nonsense.
    """
    match = _parts(token)
    return None if match is None else Claims(*match)


def numeric_date(claim: object) -> float | None:
    """A point in time as claims have it (RFC 7519, 2, "NumericDate"): a finite number, which a bool is not."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        return None
    try:
        seconds = float(claim)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _parts(token: Secret) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Open the token and give what may be seen of it. Nothing is raised here, and nothing of the token is given."""
    plain = token.reveal()
    if len(plain) > LARGEST:
        return None
    match = _JWT.fullmatch(plain)
    if match is None:
        return None
    header, payload = _object(match[1]), _object(match[2])
    return None if header is None or payload is None or _bytes(match[3]) is None else (header, payload)


def _object(part: str) -> Mapping[str, Any] | None:
    import json

    raw = _bytes(part)
    if raw is None:
        return None
    try:
        found = json.loads(raw.decode(), parse_float=_finite, parse_constant=_refuse)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of thousands of digits; or nested to no end
        return None
    return MappingProxyType(found) if isinstance(found, dict) else None


def _bytes(part: str) -> bytes | None:
    """Undo base64url (RFC 7515, 2): without padding, or with just as much as belongs there."""
    import binascii

    bare = part.rstrip("=")
    missing = -len(bare) % 4
    if missing == 3 or len(part) - len(bare) not in {0, missing}:  # noqa: PLR2004 - six bits alone are no byte
        return None
    return binascii.a2b_base64(bare.replace("-", "+").replace("_", "/") + "=" * missing)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


def _text(claim: object) -> str | None:
    return claim if isinstance(claim, str) else None


def _texts(claim: object, split: Any) -> tuple[str, ...]:
    entries: object = split(claim) if isinstance(claim, str) else claim
    return tuple(entry for entry in entries if isinstance(entry, str)) if isinstance(entries, list) else ()
