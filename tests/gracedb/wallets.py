"""Tokens and certificates that say what a test wants them to say, and places that are empty at first."""

import base64
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from skykey.gracedb import scitokens
from skykey.values.url import Url

REAL = Url("https://gracedb.ligo.org/api/")
HERE = Url("http://127.0.0.1:8080/api/")
ALBERT = "albert.einstein@ligo.org"
NOW = 1_800_000_000.0
VARIABLES = (
    "SCITOKEN",
    "SCITOKEN_FILE",
    "_CONDOR_CREDS",
    "BEARER_TOKEN",
    "BEARER_TOKEN_FILE",
    "XDG_RUNTIME_DIR",
    "X509_USER_CERT",
    "X509_USER_KEY",
    "X509_USER_PROXY",
    "NETRC",
    "IGWN_AUTH_UTILS_FIND_SCITOKEN",
    "IGWN_AUTH_UTILS_FIND_X509",
    "GRACEDB_SERVICE_URL",
)


def empty_places(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Give the test a home and a shared folder of its own; gives the home."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    patch.setenv("HOME", str(folder / "home"))
    patch.setattr(scitokens, "SHARED_FOLDER", str(folder / "tmp"))
    for name in VARIABLES:
        patch.delenv(name, raising=False)
    return folder / "home"


def claims(**other: Any) -> dict[str, Any]:
    """What a good token for GraceDB says; None takes a claim away."""
    said = {
        "aud": "ANY",
        "sub": ALBERT,
        "ver": "scitoken:2.0",
        "nbf": NOW - 10,
        "iat": NOW - 10,
        "exp": NOW + 10_800,
        "scope": "gracedb.read",
        "iss": "https://cilogon.org/igwn",
        "jti": "https://cilogon.org/oauth2/2feca3?type=accessToken",
        **other,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(*, alg: str = "ES256", **other: Any) -> str:
    """A token that says `claims`; its signature is nonsense, which is the server's affair."""
    parts = (json.dumps({"alg": alg, "typ": "JWT"}), json.dumps(claims(**other)), "a signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def certificate(
    folder: Path,
    *,
    now: float = NOW,
    lasts: float = 43_200.0,
    owner: str = "Albert Einstein",
    serial: str | None = None,
    phrase: bytes | None = None,
    name: str = "user",
) -> tuple[Path, Path]:
    """A certificate and its key, as two files; with a serial, its name is that of an owner's proxy."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = (owner,) if serial is None else (owner, serial)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, part) for part in names])
    begin = dt.datetime.fromtimestamp(now - 3600, dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(dt.datetime.fromtimestamp(now + lasts, dt.UTC))
        .sign(key, hashes.SHA256())
    )
    locked = serialization.NoEncryption() if phrase is None else serialization.BestAvailableEncryption(phrase)
    files = folder / f"{name}cert.pem", folder / f"{name}key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    return files


def proxy(path: Path, **options: Any) -> Path:
    """A certificate with its key in one file."""
    files = certificate(path.parent, name=f"of-{path.name}-", **options)
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    for file in files:
        file.unlink()
    return path
