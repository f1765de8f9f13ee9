"""TLS contexts: whom to trust, and which certificate to show."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import httpcore2

from skykey.values.errors import Failed, Unreachable

if TYPE_CHECKING:
    from skykey.wire.request import TlsIdentity

_TRUST_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def trust() -> tuple[str | None, ...]:
    """What the environment says about trust now; part of a pool's key, so that a change is noticed."""
    return tuple(os.environ.get(name) for name in _TRUST_VARIABLES)


def context(identity: TlsIdentity | None) -> ssl.SSLContext:
    """Make a context that verifies host names and shows the identity.

    Raises
    ------
    Unreachable
        If the bundle that the environment names cannot be read; it names variable and file.
    Failed
        If the certificate or its key cannot be read.
    """
    try:
        made = httpcore2.default_ssl_context()
    except OSError as problem:
        named = ", ".join(f"{name}={value}" for name in _TRUST_VARIABLES if (value := os.environ.get(name)))
        raise Unreachable(
            f"the trusted certificates ({named or 'of the system'}) cannot be read: {problem}",
            next="point SSL_CERT_FILE to a PEM bundle, or unset it",
        ) from None
    if identity is not None:
        try:
            # A pass phrase that is empty in place of none: the library would ask for one on the terminal.
            made.load_cert_chain(identity.certificate, identity.key, password="")
        except (OSError, ssl.SSLError) as problem:
            raise Failed(f"the certificate {identity.certificate} or its key cannot be used: {problem}") from None
    return made
