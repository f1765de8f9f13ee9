"""A secret of tests that want the same one each time, and where a value shows it. See `skykey.testing.canary`."""

from typing import Any

from skykey.testing.canary import Canary
from skykey.testing.displays import displays

__all__ = ["CANARY", "displays", "leaks"]

CANARY = "gt-cAnArY8hR.2wQx6yZ4aB7"


def leaks(value: Any, *secrets: str) -> list[str]:
    """The names of the displays in which one of the texts is to be read, however it is written."""
    return sorted(Canary.of(*secrets).shown_by(value))
