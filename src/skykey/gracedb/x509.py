"""Where X.509 certificates lie that GraceDB may see. They are going out of use: SciTokens take their place.

1. the argument ``cred``: nothing else is tried then;
2. the files that ``X509_USER_CERT`` and ``X509_USER_KEY`` name, if both do;
3. the proxy that ``X509_USER_PROXY`` names: certificate and key in one file;
4. ``/tmp/x509up_u<uid>``, if it is the user's own;
5. ``~/.globus/usercert.pem`` with ``userkey.pem``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skykey.credentials.chain import Chain
from skykey.credentials.sources.certificate import CertificateFiles
from skykey.gracedb import scitokens
from skykey.values.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from skykey.credentials.credential import Certificate
    from skykey.credentials.provider import Provider
    from skykey.values.reach import Reach
    from skykey.values.url import Url

LEAST: Final = 600.0
"""Seconds that a certificate must have left when it is found; one that is named counts to its end."""

REMEDY: Final = "name a certificate and its key (cred=, --creds), or put them where X509_USER_PROXY points to"

_CERTIFICATE: Final = "X509_USER_CERT"
_KEY: Final = "X509_USER_KEY"
_PROXY: Final = "X509_USER_PROXY"
_GLOBUS: Final = os.path.join("~", ".globus")


@dataclass(frozen=True, slots=True)
class Pair:
    """The files that the argument ``cred`` names; both are the same if it is a proxy."""

    certificate: str
    key: str


def pair(cred: object) -> Pair:
    """Read the argument ``cred``, where it names files. They are not opened.

    Raises
    ------
    UsageError
        If it names none.
    """
    names: tuple[object, ...] = tuple(cred) if isinstance(cred, tuple | list) else (cred, cred)
    if len(names) != 2 or not all(isinstance(name, str | os.PathLike) and os.fspath(name) for name in names):  # noqa: PLR2004 - a pair
        raise UsageError(
            "cred is the path of a file with certificate and key, or the pair of their paths, or True or False",
            next='cred=("usercert.pem", "userkey.pem")',
        )
    return Pair(*(os.fsdecode(name) for name in names if isinstance(name, str | os.PathLike)))


def certificate_chain(service: Url, reach: Reach, named: Pair | None = None) -> Chain[Certificate]:
    """Put the places of a certificate in order.

    Parameters
    ----------
    service
        Who is to see it.
    reach
        Where it may be shown.
    named
        The files that the user named.
    """
    if named is not None:
        found: tuple[Provider[Certificate], ...] = (
            CertificateFiles(lambda: (named.certificate, named.key), reach, "the argument cred"),
        )
    else:
        found = (
            CertificateFiles(_variables, reach, f"the files named by {_CERTIFICATE} and {_KEY}", LEAST),
            CertificateFiles(_proxy, reach, f"the proxy named by {_PROXY}", LEAST),
            CertificateFiles(_shared, reach, f"the proxy {shared_path()}", LEAST),
            CertificateFiles(_globus, reach, f"the files in {_GLOBUS}", LEAST),
        )
    return Chain(f"an X.509 certificate for {service.host}", found, remedy=REMEDY)


def places(named: Pair | None = None) -> tuple[Hashable, ...]:
    """How the places look now (see `scitokens.places`)."""
    if named is not None:
        return scitokens.stamp(named.certificate), scitokens.stamp(named.key)
    paths = [os.environ.get(name) for name in (_CERTIFICATE, _KEY, _PROXY)]
    return tuple(scitokens.stamp(path) for path in (*paths, shared_path(), *_globus()))


def shared_path() -> str:
    """The proxy of this user in the folder that everybody may write into."""
    return os.path.join(scitokens.SHARED_FOLDER, f"x509up_u{os.getuid()}")


def _variables() -> tuple[str, str]:
    certificate, key = os.environ.get(_CERTIFICATE, "").strip(), os.environ.get(_KEY, "").strip()
    if not certificate or not key:
        raise Unavailable(f"{_KEY if certificate else _CERTIFICATE} is not set")
    return certificate, key


def _proxy() -> tuple[str, str]:
    path = os.environ.get(_PROXY, "").strip()
    if not path:
        raise Unavailable("it is not set")
    return path, path


def _shared() -> tuple[str, str]:
    path = shared_path()
    scitokens.refuse_strangers(path)
    return path, path


def _globus() -> tuple[str, str]:
    return os.path.join(_GLOBUS, "usercert.pem"), os.path.join(_GLOBUS, "userkey.pem")
