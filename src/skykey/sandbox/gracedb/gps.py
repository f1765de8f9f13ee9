"""GPS seconds and UTC: superevents are named after the date of their time, latencies count from it."""

from datetime import UTC, datetime

_EPOCH = 315_964_800  # 1980-01-06 in Unix time
#: GPS seconds at which UTC had fallen one more second behind.
_LEAPS = (
    46828800, 78364801, 109900802, 173059203, 252028804, 315187205, 346723206, 393984007, 425520008,
    457056009, 504489610, 551750411, 599184012, 820108813, 914803214, 1025136015, 1119744016, 1167264017,
)  # fmt: skip


def to_utc(gps: float) -> datetime:
    """Return the moment in UTC."""
    return datetime.fromtimestamp(gps + _EPOCH - sum(gps >= leap for leap in _LEAPS), UTC)


def from_unix(seconds: float) -> float:
    """Return the GPS second of a moment of our own days."""
    return seconds - _EPOCH + len(_LEAPS)
