"""The installed version, looked up when somebody asks."""

from __future__ import annotations


def version() -> str:
    """Read the version from the installed package's metadata."""
    from importlib.metadata import version as installed

    return installed("skykey")
