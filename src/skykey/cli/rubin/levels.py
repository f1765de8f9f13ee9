"""How grave a message is: numbers as in `logging`, their names, and the three kinds that people tell apart."""

from __future__ import annotations

from typing import Final, Literal

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_NAMES: Final = {level: name for name, level in LEVELS.items()}


def name_of(level: int) -> str:
    """``warning`` for 30, and so on; numbers between have none."""
    return _NAMES.get(level, f"level {level}")


def gravity(level: int) -> Literal["info", "warning", "error"]:
    """Which of the three it is; all numbers are one of them.

    Examples
    --------
    >>> [gravity(level) for level in (0, 29, 30, 39, 40, 50)]
    ['info', 'info', 'warning', 'warning', 'error', 'error']
    """
    return "error" if level >= LEVELS["error"] else "warning" if level >= LEVELS["warning"] else "info"
