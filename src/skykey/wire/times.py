"""Points in time in the headers of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def retry_after(head: Head) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3), as seconds or as a date against the answer's own ``Date``.

    Returns
    -------
    float or None
        Seconds, never negative; None if it is missing or unreadable.
    """
    raw = head.headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        return float(raw[:12])
    # The server's Date and not our clock: the two may differ by more than the wait.
    until, now = _seconds(raw), date(head)
    return None if until is None or now is None else max(0.0, until - now)


def _seconds(text: str) -> float | None:
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # only where a header is read: importing it costs 16 ms

    try:
        read = parsedate_to_datetime(text)
        # "-0000" is read as a time without a zone; what these headers say is always UTC.
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
