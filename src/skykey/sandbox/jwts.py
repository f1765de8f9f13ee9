"""JSON Web Tokens signed with RS256 (RFC 7515), and the key set by which anyone can check them (RFC 7517)."""

import asyncio
import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Signer:
    """One RSA key. It is made when it is first needed, on a thread: the start of the sandbox does not wait for it."""

    def __init__(self) -> None:
        self._made: asyncio.Task[rsa.RSAPrivateKey] | None = None

    async def sign(self, claims: dict[str, Any]) -> str:
        """Return the token that says ``claims``."""
        key = await self._key()
        head = {"alg": "RS256", "typ": "JWT", "kid": _thumbprint(_public(key))}
        text = f"{encode(_compact(head))}.{encode(_compact(claims))}"
        return f"{text}.{encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    async def key_set(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        public = _public(await self._key())
        return {"keys": [public | {"kid": _thumbprint(public), "use": "sig", "alg": "RS256"}]}

    async def _key(self) -> rsa.RSAPrivateKey:
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(rsa.generate_private_key, 65537, 2048))
        return await asyncio.shield(self._made)  # a client that goes away must not end it for all


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _public(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    sizes = {"e": numbers.e, "n": numbers.n}
    return {"kty": "RSA"} | {name: encode(n.to_bytes((n.bit_length() + 7) // 8)) for name, n in sizes.items()}


def _thumbprint(public: dict[str, str]) -> str:
    return encode(hashlib.sha256(_compact(dict(sorted(public.items())))).digest())  # RFC 7638


def _compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
