"""Which night is meant: what commands about nights take."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click

from skykey.values.errors import UsageError

_NIGHTS: Final = 14
_INSTRUMENTS: Final = ("latiss", "lsstcam", "lsstcomcam")


def _day(_: click.Context, __: click.Parameter, given: str | None) -> int | None:
    """``20260320``, ``2026-03-20``, ``today`` or ``yesterday``, as a number."""
    if given is None:
        return None
    from skykey.rubin import dayobs_utils as days

    named = {"today": days.today_day_obs, "yesterday": days.yesterday_day_obs}.get(given.lower())
    return days.day_obs_str_to_int(given if named is None else named())


def _nights(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last two weeks. Nobody is asked."""
    from skykey.rubin import dayobs_utils as days

    last = days.day_obs_to_date(days.today_day_obs())
    past = (f"{last - timedelta(days=ago):%Y%m%d}" for ago in range(_NIGHTS))
    return [word for word in ("today", "yesterday", *past) if word.startswith(incomplete)]


def _instruments(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _INSTRUMENTS if name.startswith(incomplete)]


with_day = click.argument("day_obs", callback=_day, shell_complete=_nights)
with_day_or_bounds = click.argument("day_obs", callback=_day, shell_complete=_nights, required=False)
with_start = click.option(
    "--from", "start", metavar="TIME", help="In place of a night: UTC, such as 2026-03-20T22:00Z."
)
with_instrument = click.option(
    "--instrument", default="lsstcam", show_default=True, shell_complete=_instruments, help="Or lsstcomcam, latiss."
)


def check_bounds(day_obs: int | None, start: str | None, end: str | None, command: str) -> None:
    """Refuse a night together with a stretch of time, and neither of them."""
    has_bounds = start is not None or end is not None
    if (day_obs is None) is not has_bounds:
        what = "a night and a stretch of time exclude each other" if has_bounds else "which night?"
        raise UsageError(what, next=f"skykey rubin {command} yesterday, or --from TIME --to TIME")
