"""The token issuer: what it signs is true, checkable by anyone, and as good after a restart."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from skykey.sandbox.gracedb.issuer import KEY_FILE, Issuer

if TYPE_CHECKING:
    from pathlib import Path

HEAD = b'{"alg":"%s"}'
NOW = 1_741_296_154.75
URLS = ("http://127.0.0.1:5000/igwn", "https://cilogon.org/igwn")


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path, lambda: NOW, *URLS)


def decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def said(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


async def fetched(issuer: Issuer, path: str) -> dict[str, Any]:
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"x=1",
        "headers": [(b"host", b"cilogon.org")], "scheme": "https", "root_path": "/igwn",
    }  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    await issuer.app()(scope, receive, send)
    assert sent[0]["status"] == 200
    found: dict[str, Any] = json.loads(sent[1]["body"])
    return found


def test_a_token_says_other_than_the_collaborations_own(issuer: Issuer) -> None:
    claims = said(asyncio.run(issuer.mint()))
    assert claims.pop("jti") != said(asyncio.run(issuer.mint()))["jti"]
    assert claims == {
        "aud": "ANY", "sub": "albert.einstein@ligo.org", "uid": "albert.einstein", "ver": "scitoken:2.0",
        "nbf": 1_741_296_149, "scope": "gracedb.read", "iss": URLS[0], "exp": 1_741_306_954, "iat": 1_741_296_154,
    }  # fmt: skip


def test_a_claim_cannot_be_chosen_or_left_out(issuer: Issuer) -> None:
    token = asyncio.run(issuer.mint("marie.curie@ligo.org", lifetime=-5, aud=["a", "b"], ver=None, iss=URLS[1], more=1))
    claims = said(token)
    assert (claims["sub"], claims["uid"], claims["exp"]) == ("marie.curie@ligo.org", "marie.curie", int(NOW) - 5)
    assert (claims["aud"], claims["iss"], claims["more"]) == (["a", "b"], URLS[1], 1)
    assert "ver" not in claims


def test_a_token_cannot_be_checked_with_the_published_keys(issuer: Issuer) -> None:
    async def published() -> tuple[str, dict[str, Any], dict[str, Any]]:
        metadata = await fetched(issuer, "/igwn/.well-known/openid-configuration")
        return await issuer.mint(), metadata, await fetched(issuer, "/igwn/certs")

    token, metadata, keys = asyncio.run(published())
    assert metadata == {"issuer": "https://cilogon.org/igwn", "jwks_uri": "https://cilogon.org/igwn/certs"}
    (key,) = keys["keys"]
    head, body, signature = token.split(".")
    assert json.loads(decode(head)) == {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(decode(key[name])) for name in ("e", "n")))
    numbers.public_key().verify(decode(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_token_is_worthless_after_a_restart(issuer: Issuer, tmp_path: Path) -> None:
    token = asyncio.run(issuer.mint())
    again = Issuer(tmp_path, lambda: NOW, *URLS)
    assert asyncio.run(again.claims(token)) == said(token)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_spoilt_key_file_stops_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("no key")
    issuer = Issuer(tmp_path, lambda: NOW, *URLS)

    async def own() -> bool:
        return await issuer.claims(await issuer.mint()) is not None

    assert asyncio.run(own())


def forged(token: str, **changes: Any) -> str:
    """Return the token with other claims and the old signature."""
    head, _, signature = token.split(".")
    return f"{head}.{encode(json.dumps(said(token) | changes).encode())}.{signature}"


def unsigned(token: str) -> str:
    return f"{encode(HEAD % b'none')}.{token.split('.')[1]}."


def otherwise_signed(token: str, folder: Path) -> str:
    """Return the token with a signature of the issuer's key that calls itself another kind."""
    key = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    text = f"{encode(HEAD % b'HS256')}.{token.split('.')[1]}"
    return f"{text}.{encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_a_token_of_somebody_else_is_believed(issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Issuer(tmp_path / "other", lambda: NOW, *URLS)

    async def believed() -> dict[str, bool]:
        token = await issuer.mint()
        tokens = {
            "ours": token,
            "theirs": await other.mint(),
            "forged": forged(token, sub="marie.curie@ligo.org"),
            "unsigned": unsigned(token),
            "otherwise signed": otherwise_signed(token, tmp_path),
            "another issuer": await issuer.mint(iss="https://example.org/igwn"),
            "no issuer": await issuer.mint(iss=None),
            "half": token[:-20],
            "no token": "gd.x",
            "three": "a.b.c",
            "not ascii": "é.é.é",
            "empty": "",
        }
        return {name: await issuer.claims(token) is not None for name, token in tokens.items()}

    found = asyncio.run(believed())
    assert {name for name, is_good in found.items() if is_good} == {"ours"}
