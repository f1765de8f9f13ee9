"""GraceDB, where gravitational-wave candidates are kept: the documented names of ``ligo.gracedb``.

An empty page with lazy names: importing it loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skykey.gracedb import cert, client, exceptions, logging, rest, token, utils

__all__ = ["cert", "client", "exceptions", "logging", "rest", "token", "utils"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
