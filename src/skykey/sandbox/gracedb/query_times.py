"""Points in time as a query writes them: dates, and words such as "yesterday" or "3 days ago". All are in UTC."""

import re
from datetime import UTC, datetime, timedelta

from skykey.sandbox.gracedb.query_scanner import Scanner

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]+(\d\d):(\d\d)(?::(\d\d))?)?(?!\d)")
_AWAY = re.compile(r"(\d{1,9}|a)\s+(month|week|day|hour|minute|second)s?\s+(?:(ago)|from\s+now)\b", re.IGNORECASE)
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_UNITS = {"month": 30 * 86_400, "week": 7 * 86_400, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}


def moment(scanner: Scanner, now: datetime) -> datetime | None:
    """Read a point in time, or stay. The real server knows more words: hours of a day, days of a week."""
    now = now.astimezone(UTC)
    if scanner.name({"now": True}):
        return now
    days = scanner.name(_DAYS)
    if days is not None:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days)
    try:
        if date := scanner.take(_DATE):
            return datetime(*(int(part) for part in date.groups("0")), tzinfo=UTC)  # type: ignore[arg-type,misc]
        if away := scanner.take(_AWAY):
            many = 1 if away[1].lower() == "a" else int(away[1])
            return now + timedelta(seconds=many * _UNITS[away[2].lower()] * (-1 if away[3] else 1))
    except (ValueError, OverflowError):  # the 31st of June; a million months ago
        raise scanner.refusal() from None
    return None
