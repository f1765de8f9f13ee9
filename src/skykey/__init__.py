"""One key to the sky's data.

An empty page with lazy names: importing it loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skykey._version import version
    from skykey.values.deadline import within
    from skykey.values.errors import SkykeyError
    from skykey.values.secret import Secret

__all__ = ["Secret", "SkykeyError", "version", "within"]

_WHERE = {
    "Secret": "skykey.values.secret",
    "SkykeyError": "skykey.values.errors",
    "version": "skykey._version",
    "within": "skykey.values.deadline",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
