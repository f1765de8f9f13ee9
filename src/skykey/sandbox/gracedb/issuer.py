"""A token issuer as the collaboration's own: its metadata, its keys, and SciTokens of any claims."""

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.jwts import Signer
from skykey.sandbox.routes import get, service
from skykey.sandbox.state import write_private

KEY_FILE = "gracedb-issuer.pem"
LIFETIME = 10_800  # seconds
SCOPE = "gracedb.read"
_METADATA = "/.well-known/openid-configuration"
_LEEWAY = 5  # seconds by which nbf lies before iat
_PARTS = 3


class Issuer:
    """One key, and the names under which tokens of it are taken.

    Parameters
    ----------
    folder
        Where the key is kept: a token is as good after a restart as before it.
    now
        The time, in Unix seconds.
    urls
        Its addresses. Tokens name the first, unless their claims say otherwise.
    """

    def __init__(self, folder: Path, now: Callable[[], float], *urls: str) -> None:
        self.now, self.urls = now, urls
        self._signer = _KeptSigner(folder / KEY_FILE)

    def app(self) -> Starlette:
        """Return the metadata and the keys, to be mounted at the path of each address."""
        return service([get(_METADATA, self._metadata), get("/certs", self._keys)])

    async def mint(self, subject: str = "albert.einstein@ligo.org", lifetime: float = LIFETIME, **claims: Any) -> str:
        """Return a token that ends so many seconds from now. Claims say it otherwise; None takes one away."""
        now = int(self.now())
        said = {
            "aud": "ANY",
            "sub": subject,
            "uid": subject.partition("@")[0],
            "ver": "scitoken:2.0",
            "nbf": now - _LEEWAY,
            "scope": SCOPE,
            "iss": self.urls[0],
            "exp": now + int(lifetime),
            "iat": now,
            "jti": f"{self.urls[0]}/{secrets.token_hex(16)}",
        }
        return await self._signer.sign({name: value for name, value in (said | claims).items() if value is not None})

    async def claims(self, token: str) -> dict[str, Any] | None:
        """Return what a token of this issuer says, None if it is no such token. It may be over already."""
        try:
            parts = token.split(".")
            if len(parts) != _PARTS:
                return None
            head, said, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
            if json.loads(head)["alg"] != "RS256":
                return None
            key = await self._signer.public_key()
            key.verify(signature, ".".join(parts[:2]).encode(), padding.PKCS1v15(), hashes.SHA256())
            found = json.loads(said)
        except (binascii.Error, ValueError, KeyError, TypeError, RecursionError, InvalidSignature):
            return None
        return found if isinstance(found, dict) and found.get("iss") in self.urls else None

    async def _metadata(self, request: Request) -> Response:
        here = str(request.url.replace(query="")).removesuffix(_METADATA)
        return JSONResponse({"issuer": here, "jwks_uri": f"{here}/certs"})

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse(await self._signer.key_set())


class _KeptSigner(Signer):
    """A key that outlives its sandbox."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    async def public_key(self) -> rsa.RSAPublicKey:
        return (await self._key()).public_key()

    async def _key(self) -> rsa.RSAPrivateKey:
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(self._kept))
        return await asyncio.shield(self._made)

    def _kept(self) -> rsa.RSAPrivateKey:
        try:
            kept = serialization.load_pem_private_key(self._path.read_bytes(), None)
            if isinstance(kept, rsa.RSAPrivateKey):
                return kept
        except (FileNotFoundError, ValueError):  # there is none yet, or somebody has spoilt it
            pass
        made = rsa.generate_private_key(65537, 2048)
        form = serialization.PrivateFormat.PKCS8
        content = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        write_private(self._path, content)
        return made
