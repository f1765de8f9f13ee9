"""Plain bytes of a login on their way to a file and back: in closures, because tracebacks show local variables."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, TypeAlias

Content: TypeAlias = Callable[[], bytes]
"""Gives the bytes. Only this module and `document` call it."""

_PIECE: Final = 64 * 1024


def sealed(data: bytes) -> Content:
    """Close the bytes in."""
    return lambda: data


def filled(descriptor: int, content: Content) -> BaseException | None:
    """Write all of it; a failure is given, not raised, and knows no frame that holds the bytes."""
    left = memoryview(content())
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except BaseException as problem:  # noqa: BLE001 - also an interrupt
        return problem.with_traceback(None)
    return None


def drained(descriptor: int, most: int) -> Content | BaseException | None:
    """Read all of it; None if there is more than `most` bytes, of which no more than one is read. Fails as `filled`."""
    pieces: list[bytes] = []
    wanted = most + 1
    try:
        while wanted > 0 and (piece := os.read(descriptor, min(wanted, _PIECE))):
            pieces.append(piece)
            wanted -= len(piece)
    except BaseException as problem:  # noqa: BLE001 - also an interrupt
        return problem.with_traceback(None)
    return sealed(b"".join(pieces)) if wanted else None
