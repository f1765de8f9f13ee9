"""Fakes and fixtures over the sandbox's own services, for us and for packages downstream.

::

    # conftest.py of any package (needs the extra "sandbox")
    pytest_plugins = ["skykey.testing.fixtures"]

    # test_mine.py
    def test_my_program_survives_an_expiry(skykey_site, skykey_canary):
        skykey_canary.add("the login", skykey_site.login["client_secret"])  # if it comes out anywhere, the test fails
        skykey_site.controls.expire()                     # services refuse every token from now on
        skykey_site.controls.fail("refresh", "ada")       # and ada's next renewal fails
        my_program()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skykey.testing.canary import Canary
    from skykey.testing.clock import FakeClock
    from skykey.testing.faults_proxy import FaultProxy

__all__ = ["Canary", "FakeClock", "FaultProxy"]

_HOMES = {"Canary": "canary", "FakeClock": "clock", "FaultProxy": "faults_proxy"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
