"""The documented ``ligo.gracedb.cert``: a certificate read, and when it ends. Needs ``cryptography``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from skykey.gracedb import x509 as places
from skykey.values.errors import CredentialError, MissingExtra, UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["CertificateUnusable", "check_certificate_expiration", "load_certificate"]


class CertificateUnusable(CredentialError, RuntimeError):
    """A file holds no certificate, or what was given names none."""

    code = "certificate-unusable"
    __str__ = CredentialError.__str__


def load_certificate(cert: Any) -> Certificate:
    """Read a certificate.

    Parameters
    ----------
    cert
        The path of a file with certificate and key, or the pair of their paths.

    Raises
    ------
    CertificateUnusable
        If it is neither, or the file holds no certificate; it is a ``RuntimeError``.
    OSError
        If the file is not there, or cannot be read.
    MissingExtra
        If ``cryptography`` is not installed.
    """
    try:
        path = os.path.expanduser(places.pair(cert).certificate)
    except UsageError as problem:
        raise CertificateUnusable(problem.message, next=problem.next) from None
    try:
        import cryptography.x509 as library
    except ImportError:
        raise MissingExtra.of("x509", "reading a certificate") from None
    found = _read(library, path)
    if found is None:
        raise CertificateUnusable(f"{path} holds no certificate in PEM")
    return found


def check_certificate_expiration(cert: Any, reload_buffer: float = 0) -> bool:
    """Tell whether a certificate is over, or will be soon.

    Parameters
    ----------
    cert
        As `load_certificate` takes it, or gives it.
    reload_buffer
        Seconds before its end from which on it counts as over.

    Raises
    ------
    CertificateUnusable, OSError, MissingExtra
        As `load_certificate`.
    """
    loaded = cert if hasattr(cert, "not_valid_after_utc") else load_certificate(cert)
    ends: float = loaded.not_valid_after_utc.timestamp()
    return ends - time.time() <= reload_buffer


def _read(library: Any, path: str) -> Certificate | None:
    """The first certificate of a file; a key may stand beside it, so that nothing raised here holds its content."""
    with open(path, "rb") as file:
        try:
            found: Certificate = library.load_pem_x509_certificate(file.read())
        except ValueError:
            return None
    return found
