"""Points in time as a query writes them: dates, and words such as "yesterday" or "3 days ago". All are in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skykey.sandbox.gracedb.query_scanner import Scanner

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]+(\d\d):(\d\d)(?::(\d\d))?)?(?!\d)")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?(?::(\d\d))?\s*(am|pm)\b", re.IGNORECASE)
_ON_DUTY = re.compile(r"(\d\d)(\d\d)(?=\s+(?:yesterday|today|tomorrow|next|last|[a-z]+day)\b)", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?:(\d{1,9})|((?:a\s+)?couple(?:\s+of)?)|a)\s*(month|week|day|hour|minute|second)s?\b", re.IGNORECASE
)
_IN = re.compile(r"in\b", re.IGNORECASE)
_AGO = re.compile(r"ago\b", re.IGNORECASE)
_FROM_NOW = re.compile(r"from\s+now\b", re.IGNORECASE)
_SIDE = re.compile(r"(?:(before)|after|from)\b", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:(next|last)\s+)?((?:mon|tues|wednes|thurs|fri|satur|sun)day)\b", re.IGNORECASE)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_HOURS = {"noon": 12, "midnight": 0}
_UNITS = {"month": 30 * 86_400, "week": 7 * 86_400, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_NOON = 12


def moment(scanner: Scanner, now: datetime) -> datetime | None:
    """Read a point in time, or stay."""
    start = scanner.at
    try:
        found = _Moment(scanner, now.astimezone(UTC)).read()
    except (ValueError, OverflowError):  # the 31st of June; a million months ago
        raise scanner.refusal() from None
    if found is None:
        scanner.at = start
    return found


class _Moment:
    def __init__(self, scanner: Scanner, now: datetime) -> None:
        self._scanner, self._now = scanner, now

    def read(self) -> datetime | None:
        if date := self._scanner.take(_DATE):
            return datetime(*(int(part) for part in date.groups("0")), tzinfo=UTC)  # type: ignore[arg-type,misc]
        if self._scanner.take(_IN):
            amount = self._amount()
            return None if amount is None else self._now + amount
        amount = self._amount()
        return self._place() if amount is None else self._away(amount)

    def _away(self, amount: timedelta) -> datetime | None:
        """Read which way an amount of time goes, and from where."""
        if self._scanner.take(_AGO):
            return self._now - amount
        if self._scanner.take(_FROM_NOW):
            return self._now + amount
        side = self._scanner.take(_SIDE)
        place = self._place() if side else None
        return None if side is None or place is None else place + (-amount if side[1] else amount)

    def _place(self) -> datetime | None:
        """Read a time of day, a day, or the one and then the other."""
        if self._scanner.name({"now": True}):
            return self._now
        hours = self._hours()
        day = self._day()
        if hours is None:
            return day
        return (day or self._midnight()) + hours

    def _hours(self) -> timedelta | None:
        hour = self._scanner.name(_HOURS)
        if hour is not None:
            return timedelta(hours=hour)
        if clock := self._scanner.take(_CLOCK):
            hour, minute, second = (int(part or 0) for part in clock.groups()[:3])
            is_late = clock[4].lower() == "pm"
            return timedelta(hours=hour % _NOON + _NOON * is_late, minutes=minute, seconds=second)
        duty = self._scanner.take(_ON_DUTY)
        return timedelta(hours=int(duty[1]), minutes=int(duty[2])) if duty else None

    def _day(self) -> datetime | None:
        days = self._scanner.name(_DAYS)
        if days is None and (found := self._scanner.take(_WEEKDAY)):
            ahead = _WEEKDAYS.index(found[2].lower()) - self._now.weekday()
            days = -(-ahead % 7) if (found[1] or "").lower() == "last" else ahead % 7
        return None if days is None else self._midnight() + timedelta(days)

    def _amount(self) -> timedelta | None:
        found = self._scanner.take(_AMOUNT)
        if found is None:
            return None
        many = int(found[1]) if found[1] else 2 if found[2] else 1
        return timedelta(seconds=many * _UNITS[found[3].lower()])

    def _midnight(self) -> datetime:
        return self._now.replace(hour=0, minute=0, second=0, microsecond=0)
