"""A client certificate with its key, in PEM files."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from skykey.credentials.credential import Certificate
from skykey.credentials.held import Held
from skykey.credentials.provider import Ask, Keeping
from skykey.values.errors import Unavailable
from skykey.values.life import LOOK_AGAIN, Life
from skykey.wire.request import TlsIdentity

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.x509 import Name

    from skykey.values.reach import Reach

# A chain of certificates has some tens of kilobytes; whatever is larger is another kind of file.
_MOST = 1024 * 1024
# What a proxy adds to its owner's name (RFC 3820, 3.4; before it, two fixed words).
_PROXY = re.compile(r"CN=(\d+|proxy|limited proxy)")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate and its key, in two files or in one, read again when either changes.

    Whether the two belong together and can be used without a pass phrase, the TLS library says. When the certificate
    ends and whose it is is only known where ``cryptography`` is installed; without it, the certificate counts until a
    service refuses it.

    Parameters
    ----------
    find
        Gives the paths of certificate and key now (``~`` is expanded); `Unavailable` raised by it keeps its reason.
    reach
        Where it may be shown.
    name
        What ``why`` calls it.
    least
        Seconds that it must have left.
    """

    find: Callable[[], tuple[str, str]]
    reach: Reach
    name: str
    least: float = 0.0

    @property
    def keeping(self) -> Keeping:
        """See `Provider.keeping`."""
        return Keeping.NOT_AT_ALL

    def obtain(self, held: Held[Certificate] | None, ask: Ask, /) -> Held[Certificate]:
        """Read it now.

        Raises
        ------
        Unavailable
            If a file is missing or unusable, or the certificate is over, or nearly.
        """
        certificate, key = paths = self._paths()
        mark = (*paths, _stamp(certificate), _stamp(key))
        flaw = _unusable(certificate, key)
        if flaw is not None:
            raise Unavailable(flaw)
        life, whose = life_and_owner(certificate)
        now = ask.clock.wall()
        left = life.remaining(now)
        if left is not None and left <= max(0.0, self.least):
            raise Unavailable(
                f"{certificate} ended {abs(left):.0f} s ago" if left <= 0 else f"{certificate} ends in {left:.0f} s"
            )
        if life.born is not None and life.born > now:
            raise Unavailable(f"{certificate} begins in {life.born - now:.0f} s only")
        # A certificate renewed in place bears another stamp: connections of the old one do not serve for it.
        files = TlsIdentity(Path(certificate), Path(key), stamp=(*_stamp(certificate), *_stamp(key)))
        return Held(
            Certificate(files, self.reach, replace(life, look_again=LOOK_AGAIN), whose), source=self.name, mark=mark
        )

    def changed(self, held: Held[Certificate], /) -> bool:
        """Whether a path leads to another file, time or size than before."""
        try:
            certificate, key = paths = self._paths()
            return held.mark != (*paths, _stamp(certificate), _stamp(key))
        except Unavailable:
            return True

    def _paths(self) -> tuple[str, str]:
        certificate, key = self.find()
        return os.path.expanduser(certificate), os.path.expanduser(key)


def life_and_owner(path: str) -> tuple[Life, str | None]:
    """When the first certificate of a file begins and ends, and whose it is; nothing of it if nobody can say."""
    try:
        from cryptography import x509
    except ImportError:
        return Life(), None
    found = _certificate(path)
    if not isinstance(found, x509.Certificate):
        return Life(), None
    born, ends = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return Life(born, ends), _owner(found.subject)


def _owner(subject: Name) -> str | None:
    """Whose it is. A proxy's name is its owner's and a part of its own behind it, which each proxy has anew."""
    from cryptography import x509

    parts = list(subject.rdns)
    while len(parts) > 1 and _PROXY.fullmatch(parts[-1].rfc4514_string()):
        parts.pop()
    return x509.Name(parts).rfc4514_string() or None


def _certificate(path: str) -> object:
    """The first certificate of a file. Nothing is raised here: a key may stand in the same file."""
    from cryptography import x509

    try:
        with open(path, "rb") as file:
            return x509.load_pem_x509_certificate(file.read(_MOST))
    except (OSError, ValueError):
        return None


def _unusable(certificate: str, key: str) -> str | None:
    """Why the pair cannot be used; None if it can."""
    import ssl

    try:
        # A pass phrase that is empty in place of none: the library would ask for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as problem:
        why = f" ({problem.reason})" if problem.reason else ""
        where = certificate if certificate == key else f"{certificate} and {key}"
        return (
            f"{where} cannot be used{why}: a certificate in PEM is needed, with its own key, which has no pass phrase"
        )
    except OSError as problem:
        return f"{certificate} or {key} cannot be read ({problem.strerror})"
    return None


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL byte
        raise Unavailable(f"{path} does not exist") from None
    except OSError as problem:
        raise Unavailable(f"{path} cannot be looked at ({problem.strerror})") from None
    if not stat.S_ISREG(status.st_mode):
        raise Unavailable(f"{path} is not a plain file")
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
