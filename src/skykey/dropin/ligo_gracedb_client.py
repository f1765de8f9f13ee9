"""``ligo.gracedb.client``: the release's module, name for name."""

from __future__ import annotations

from typing import Any

from skykey.dropin.ligo_gracedb_likeness import Download, Response, SessionToo
from skykey.gracedb import client
from skykey.gracedb.client import (
    DEFAULT_ALLOWED_METHODS,
    DEFAULT_RETRY_CODES,
    DEFAULT_SERVICE_URL,
    DEFAULT_TOKEN_SCOPE,
    MAX_RETRY_AFTER_SECONDS,
)

__all__ = [
    "DEFAULT_ALLOWED_METHODS",
    "DEFAULT_RETRY_CODES",
    "DEFAULT_SERVICE_URL",
    "DEFAULT_TOKEN_SCOPE",
    "MAX_RETRY_AFTER_SECONDS",
    "GraceDBClient",
]  # and that of __getattr__


class GraceDBClient(SessionToo, client.GraceDBClient):  # noqa: D101 - the same words
    __doc__ = client.GraceDBClient.__doc__

    download_class = Download

    def _set_up(self) -> None:
        super()._set_up()
        self.response_class = Response  # in the object, where flows see it


def __getattr__(name: str) -> Any:
    if name == "GraceDbRetry":  # it needs urllib3, which the client does without
        return client.GraceDbRetry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
