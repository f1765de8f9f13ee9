"""``igwn_auth_utils``, where it is not installed: the one name of it that programs with a GraceDB client catch."""

from __future__ import annotations

from typing import NoReturn

from skykey.gracedb.exceptions import IgwnAuthError

__all__ = ["IgwnAuthError"]


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"igwn_auth_utils is not installed, and of its names Skykey serves IgwnAuthError only, not {name!r}"
    )
