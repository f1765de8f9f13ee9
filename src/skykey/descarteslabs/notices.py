"""Warnings at the line of whoever called into Skykey, also for what happened on a thread of its own."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Final

_HOUSE: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


def warn(text: str) -> None:
    """Warn the nearest caller outside of Skykey, however deep the call is."""
    depth, frame = 1, sys._getframe()  # noqa: SLF001 - the documented way to the caller's frame
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HOUSE):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=depth)


class Notices:
    """What a renewal has to say, until somebody comes by to whom it can be said. Each text is kept once."""

    def __init__(self) -> None:
        # Each operation on it is one step: threads come and go.
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Keep a text for the next `tell`."""
        self._texts[text] = None

    def tell(self) -> None:
        """Warn the caller of all that was kept."""
        while self._texts:
            try:
                text, _ = self._texts.popitem()
            except KeyError:
                return  # another thread has told it
            warn(text)
