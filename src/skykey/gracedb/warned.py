"""Warnings at the line of whoever called into Skykey, however deep the call is."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Final

_HOUSE: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


def warn(text: str, category: type[Warning]) -> None:
    """Warn the nearest caller outside of Skykey."""
    depth, frame = 1, sys._getframe()  # noqa: SLF001 - the documented way to the caller's frame
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HOUSE):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(text, category, stacklevel=depth)
