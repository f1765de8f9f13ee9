"""Points in time in the headers of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skykey.values.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from skykey.wire.request import Head


def date(head: Head) -> float | None:
    """Read ``Date`` (RFC 9110, 6.6.1): the server's clock, in wall-clock seconds since 1970.

    Returns
    -------
    float or None
        None if it is missing or unreadable. Its resolution is a second.
    """
    return _seconds(head.headers.get("date", ""))


def retry_after(head: Head, clock: Clock = SYSTEM_CLOCK) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3), as seconds or as a date.

    Parameters
    ----------
    head
        Of the answer.
    clock
        What a date is counted from where the answer has no ``Date`` of its own.

    Returns
    -------
    float or None
        Seconds, never negative; None if it is missing or unreadable, or says nothing about the time to come.
    """
    raw = head.headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        return float(raw[:12])
    until = _seconds(raw)
    return None if until is None else seconds_until(until, head, clock)


def seconds_until(moment: float, head: Head, clock: Clock = SYSTEM_CLOCK) -> float | None:
    """How long it is until a moment that an answer names.

    Parameters
    ----------
    moment
        Wall-clock seconds since 1970, on the server's clock.
    head, clock
        As in `retry_after`.

    Returns
    -------
    float or None
        Seconds; 0 if the moment is over by the answer's own ``Date``, None if it is over by this machine's clock only.
    """
    # The server's Date before our clock: the two may differ by more than the wait.
    now = date(head)
    if now is not None:
        return max(0.0, moment - now)
    # A moment that is over by our clock may be one to come by theirs: that is no leave to ask again at once.
    left = moment - clock.wall()
    return left if left > 0 else None


def _seconds(text: str) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # only where a header is read: importing it costs 16 ms

    try:
        read = parsedate_to_datetime(text)
        # "-0000" is read as a time without a zone; what these headers say is always UTC.
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
