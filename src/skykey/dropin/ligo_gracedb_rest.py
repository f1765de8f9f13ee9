"""``ligo.gracedb.rest``: the release's module, name for name."""

from __future__ import annotations

from skykey.dropin.ligo_gracedb_client import GraceDBClient
from skykey.gracedb import rest
from skykey.gracedb.rest import DEFAULT_ALLOWED_METHODS, DEFAULT_RETRY_CODES, DEFAULT_SERVICE_URL, HTTPError

__all__ = [
    "DEFAULT_ALLOWED_METHODS",
    "DEFAULT_RETRY_CODES",
    "DEFAULT_SERVICE_URL",
    "GraceDBClient",
    "GraceDb",
    "HTTPError",
]


class GraceDb(rest.GraceDb, GraceDBClient):  # noqa: D101 - the same words
    __doc__ = rest.GraceDb.__doc__
