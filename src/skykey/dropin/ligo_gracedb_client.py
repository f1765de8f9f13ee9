"""``ligo.gracedb.client``: the release's module, name for name."""

from __future__ import annotations

from skykey.dropin.ligo_gracedb_session import SessionToo
from skykey.gracedb import client
from skykey.gracedb.client import (
    DEFAULT_ALLOWED_METHODS,
    DEFAULT_RETRY_CODES,
    DEFAULT_SERVICE_URL,
    DEFAULT_TOKEN_SCOPE,
    MAX_RETRY_AFTER_SECONDS,
    GraceDbRetry,
)

__all__ = [
    "DEFAULT_ALLOWED_METHODS",
    "DEFAULT_RETRY_CODES",
    "DEFAULT_SERVICE_URL",
    "DEFAULT_TOKEN_SCOPE",
    "MAX_RETRY_AFTER_SECONDS",
    "GraceDBClient",
    "GraceDbRetry",
]


class GraceDBClient(SessionToo, client.GraceDBClient):  # noqa: D101 - the same words
    __doc__ = client.GraceDBClient.__doc__
