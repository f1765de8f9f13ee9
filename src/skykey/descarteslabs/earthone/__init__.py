"""EarthOne, the living successor of Descartes Labs: the same names, with its own variables, files and addresses.

An empty page with lazy names: importing it loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skykey.descarteslabs.earthone import auth, config, exceptions
    from skykey.descarteslabs.earthone.config import get_settings, select_env

__all__ = ["__version__", "auth", "config", "exceptions", "get_settings", "select_env"]

# A local version (PEP 440): whose names and behaviour are kept, and who answers.
__version__ = "6.2.0+skykey"

_MODULES = {"auth", "config", "exceptions"}
_IN_CONFIG = {"get_settings", "select_env"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _IN_CONFIG:
        return getattr(import_module(f"{__name__}.config"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
