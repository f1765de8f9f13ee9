"""Local counterparts of the sites that Skykey talks to: throw-away, on loopback, and honest about errors.

Nothing here imports the rest of Skykey. The sandbox is a second reading of the same contracts, so that a
misreading in the client does not find its twin in the server that tests it.

The names load when they are first used; the server's libraries only when a server starts.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skykey.sandbox.box import Box
    from skykey.sandbox.controls import Controls
    from skykey.sandbox.errors import SandboxError
    from skykey.sandbox.process import attach, detach, running, stop

__all__ = ["Box", "Controls", "SandboxError", "attach", "detach", "running", "stop"]

_HOMES = {"Box": "box", "Controls": "controls", "SandboxError": "errors"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'process')}"), name)


def __dir__() -> list[str]:
    return list(__all__)
