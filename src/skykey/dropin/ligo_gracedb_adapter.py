"""``ligo.gracedb.adapter``: a name that can be imported, of a thing that is not needed."""

from __future__ import annotations

from typing import Any

from skykey.values.errors import UsageError

__all__ = ["GraceDbCredAdapter"]


class GraceDbCredAdapter:
    """The release's adapter for sessions of ``requests``, in which it replaced credentials of open connections.

    Here each request takes along the credential that is good then, so there is nothing to mount.

    Raises
    ------
    UsageError
        Whoever makes one.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise UsageError(
            "Skykey has no adapter for sessions of requests: every request of its client has a fresh credential",
            next="GraceDb(reload_cred=True)",
        )
