"""Whether a JSON Web Token is what it says: signed by its issuer, for us, and now (RFC 7519, 7.2; RFC 8725)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.credentials.claims import Claims, claims_of, numeric_date
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import CredentialError, MissingExtra, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skykey.values.secret import Secret

LEEWAY: Final = 60.0
"""Seconds by which clocks may differ; nobody is believed beyond them."""

ALGORITHMS: Final = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    "Ed25519": "OKP",
}
"""What may be pinned, with the kind of key that it takes. Keys are public: whoever has one could sign with HS256."""

_FEWEST_BITS: Final = 2048
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class NotVerified(CredentialError):
    """A token is not what it says, or nothing says that it is."""

    code = "not-verified"


def verified(
    token: Secret,
    *,
    keys: Mapping[str, Any],
    issuer: str,
    algorithms: Sequence[str] = ("RS256",),
    audience: str | None = None,
    leeway: float = LEEWAY,
    clock: Clock = SYSTEM_CLOCK,
) -> Claims:
    """Verify a token.

    Parameters
    ----------
    token
        As it is sent.
    keys
        The issuer's key set (RFC 7517, 5), which the caller got from where the issuer publishes it. Nothing that the
        token itself says about keys is followed.
    issuer
        What ``iss`` must be, to the letter.
    algorithms
        Those that count, whatever the token says; see `ALGORITHMS`.
    audience
        What ``aud`` must be or hold; None if it does not matter.
    leeway
        Seconds by which clocks may differ, `LEEWAY` at most.
    clock
        For tests.

    Returns
    -------
    Claims
        Now they are true.

    Raises
    ------
    NotVerified
        With the reason. The token is not in it.
    UsageError
        If an algorithm cannot be pinned, or the leeway is too large.
    MissingExtra
        If the extra ``login`` is not installed.
    """
    unfit = [name for name in algorithms if name not in ALGORITHMS]
    if unfit or not algorithms:
        raise UsageError(
            f"a signature by {', '.join(unfit) or 'no algorithm'} proves nothing", next=f"use {' '.join(ALGORITHMS)}"
        )
    if not 0 <= leeway <= LEEWAY:
        raise UsageError(f"a leeway of {leeway:g} s is not within 0 and {LEEWAY:g} s")
    claims = claims_of(token)
    if claims is None:
        raise NotVerified("it is not a signed JSON Web Token")
    flaw = (
        _flaw_of_header(claims.header, algorithms)
        or _flaw_of_signature(token, claims.header, keys)
        or _flaw_of_origin(claims, issuer, audience)
        or _flaw_of_times(claims.payload, clock.wall(), leeway)
    )
    if flaw is not None:
        raise NotVerified(f"the token is not verified: {flaw}")
    return claims


def _flaw_of_header(header: Mapping[str, Any], algorithms: Sequence[str]) -> str | None:
    name = header.get("alg")
    if not isinstance(name, str) or name not in algorithms:
        return f"it names the algorithm {_shown(name)}, and {' or '.join(algorithms)} is wanted"
    if "crit" in header or "b64" in header:
        return "it asks for extensions that nobody here knows (crit)"
    if not isinstance(header.get("kid"), str):
        return "it does not say which key it is signed with (kid)"
    return None


def _flaw_of_signature(token: Secret, header: Mapping[str, Any], keys: Mapping[str, Any]) -> str | None:
    fitting = list(_fitting(keys, header["kid"], header["alg"]))
    if not fitting:
        return f"the issuer's key set has no key {_shown(header['kid'])} for {header['alg']}"
    if not any(_is_signed(token, key, header["alg"]) for key in fitting):
        return "the signature is not the issuer's"
    return None


def _fitting(keys: Mapping[str, Any], kid: str, algorithm: str) -> Iterator[dict[str, Any]]:
    entries = keys.get("keys")
    for key in entries if isinstance(entries, list) else []:
        if (
            isinstance(key, dict)
            and key.get("kid") == kid
            and key.get("kty") == ALGORITHMS[algorithm]
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
            and _is_for_verifying(key.get("key_ops", ["verify"]))
            and (key["kty"] != "RSA" or _bits(key.get("n")) >= _FEWEST_BITS)
        ):
            yield key


def _is_for_verifying(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _bits(number: object) -> int:
    import base64

    if not isinstance(number, str) or not _BASE64URL.fullmatch(number):
        return 0
    try:
        raw = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    except ValueError:
        return 0
    return int.from_bytes(raw).bit_length()


def _is_signed(token: Secret, key: dict[str, Any], algorithm: str) -> bool:
    """Open the token and check its signature. Nothing is raised here that holds it."""
    try:
        from joserfc import jwk, jws
    except ImportError:
        raise MissingExtra.of("login", "checking a token's signature") from None
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    # Sizes are `claims_of`'s business; the library's own limits are below what issuers put into a header.
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = len(token.reveal())
    try:
        jws.deserialize_compact(token.reveal(), jwk.import_key(key), registry=registry)
    except Exception:  # noqa: BLE001 - whatever is wrong with key or token, the token is not verified
        return False
    return True


def _flaw_of_origin(claims: Claims, issuer: str, audience: str | None) -> str | None:
    if claims.payload.get("iss") != issuer:
        return f"its issuer is {_shown(claims.payload.get('iss'))}, and {_shown(issuer)} is wanted"
    if audience is not None and audience not in claims.audiences:
        return f"it is for {_shown(claims.payload.get('aud'))}, and {_shown(audience)} is wanted"
    return None


def _flaw_of_times(payload: Mapping[str, Any], now: float, leeway: float) -> str | None:
    times: dict[str, float | None] = {}
    for name in ("exp", "nbf", "iat"):
        times[name] = numeric_date(payload.get(name))
        if times[name] is None and name in payload:
            return f"its {name} is no point in time"
    ends, starts, issued = times["exp"], times["nbf"], times["iat"]
    if ends is None:
        return "it does not say when it ends (exp)"
    if now >= ends + leeway:
        return f"it ended {now - ends:.0f} s ago"
    if starts is not None and starts > now + leeway:
        return f"it begins in {starts - now:.0f} s (nbf)"
    if issued is not None and issued > now + leeway:
        return f"it was issued {issued - now:.0f} s from now (iat); is this machine's clock right?"
    return None


def _shown(said: object) -> str:
    return repr(said)[:200]
