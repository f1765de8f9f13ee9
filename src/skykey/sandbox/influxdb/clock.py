"""Times as InfluxDB reads and writes them: nanoseconds since 1970, exact."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from skykey.sandbox.influxdb.errors import StatementError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BILLION = 10**9
# Two and one short of what 64 bits hold: the ends are marks of 1.6.7's own.
EARLIEST, LATEST = -(2**63) + 2, 2**63 - 2
# What makes 1.6.7 try to read a string as a time at all, and what it then accepts.
_LIKE_A_TIME = re.compile(r"\d{4}-\d\d-\d\d.*", re.DOTALL | re.ASCII)
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(?:(?P<sep>[T ])(?P<hour>\d\d?):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def read(text: str) -> int:
    """Read a time literal.

    Raises
    ------
    StatementError
        In the words of 1.6.7.
    """
    if not _LIKE_A_TIME.fullmatch(text):
        raise StatementError("invalid operation: time and *influxql.StringLiteral are not compatible")
    match = _TIME.fullmatch(text)
    # A zone comes with the T and only with it.
    if match is None or (match["sep"] is not None and (match["sep"] == "T") != (match["zone"] is not None)):
        raise StatementError("invalid timestamp string")
    zone = match["zone"] or "Z"
    offset = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[4:6])) * (-60 if zone[0] == "-" else 60)
    try:
        day = datetime.fromisoformat(match["date"])
        moment = day.replace(
            hour=int(match["hour"] or 0),
            minute=int(match["minute"] or 0),
            second=int(match["second"] or 0),
            tzinfo=UTC,
        )
    except ValueError:
        raise StatementError("invalid timestamp string") from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1) - offset
    nanoseconds = seconds * _BILLION + int((match["fraction"] or "0").ljust(9, "0"))
    if not EARLIEST < nanoseconds <= LATEST:
        side = "under" if nanoseconds < 0 else "over"
        shown = match[0] if zone != "Z" else f"{moment.isoformat()[:19]}Z"
        raise StatementError(f"time {shown} {side}flows time literal")
    return nanoseconds


def written(nanoseconds: int) -> str:
    """Write a time as RFC 3339, with as many decimals as it needs."""
    seconds, rest = divmod(nanoseconds, _BILLION)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{text}.{rest:09}".rstrip("0") + "Z" if rest else text + "Z"
