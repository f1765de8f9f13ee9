"""A certificate authority that lives for one start of the sandbox.

Its private key is never written and is forgotten as soon as it has signed two certificates: the server's, which
names every host the sandbox plays, and one that a user can show. A test machine that trusts it therefore trusts
nothing else.
"""

import datetime as dt
import ipaddress
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=90)


@dataclass(frozen=True)
class Papers:
    """PEM texts: the authority's certificate, the server's certificate and private key, the user's both in one."""

    authority: bytes
    certificate: bytes
    key: bytes = field(repr=False)
    user: bytes = field(repr=False)


def issue(names: Iterable[str], user: str) -> Papers:
    """Make a new authority, one server certificate for all of ``names`` (hosts and addresses), and one of a user."""
    now = dt.datetime.now(dt.UTC)
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skykey sandbox, throw-away authority")])
    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        _draft(root_name, root_name, root_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(root_id, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skykey sandbox")])
    leaf = (
        _draft(name, root_name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        # Python 3.13 verifies strictly: without both key identifiers it refuses the chain.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    user_key = ec.generate_private_key(ec.SECP256R1())
    user_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
    shown = (
        _draft(user_name, root_name, user_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(user_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Papers(
        root.public_bytes(pem), leaf.public_bytes(pem), _private(key), shown.public_bytes(pem) + _private(user_key)
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def bundle(authority: bytes) -> bytes:
    """Return the machine's own roots with ``authority`` behind them.

    The roots are those the environment already names, then OpenSSL's, then certifi's: a child with this
    bundle must go on trusting what it trusted before, for instance a laboratory's own authority.
    """
    for path in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, _certifi()):
        if path and Path(path).is_file():
            return Path(path).read_bytes().rstrip() + b"\n" + authority
    roots = ssl.create_default_context().get_ca_certs(binary_form=True)  # macOS and Windows keep no file
    return "".join(map(ssl.DER_cert_to_PEM_cert, roots)).encode() + authority


def _certifi() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    # A day of slack, because the clocks of virtual machines wake up late.
    return builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + _LIFE)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
