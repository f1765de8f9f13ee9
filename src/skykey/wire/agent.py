"""How Skykey names itself to services, so that their operators can tell who asks."""

from __future__ import annotations

import functools


@functools.cache
def agent() -> str:
    """The ``User-Agent``: program and version."""
    from skykey._version import version

    return f"skykey/{version()}"
