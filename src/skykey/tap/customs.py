"""What one service does in its own way, where TAP leaves it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skykey.tap.adql import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.held import Held
    from skykey.values.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Customs:
    """The ways of one service.

    Parameters
    ----------
    time_scale
        Of the times in its tables, ``"utc"`` or ``"tai"``; None if nobody knows.
    write_time
        Makes text of a point in time, in that scale.
    treat
        Makes of each batch of an answer what users get.
    advise
        Puts into a refusal what to do next, given the credential that was sent.
    """

    time_scale: str | None = None
    write_time: Callable[[Any], str] = utc_text
    treat: Callable[[Any], Any] = lambda batch: batch
    advise: Callable[[ServiceError, Held[Any] | None], object] = lambda *_: None
