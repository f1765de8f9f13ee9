"""Messages of the logs, as people read them: when, how grave, about what, who, and the text below."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.output import visible
from skykey.cli.rubin.levels import gravity, name_of
from skykey.rubin.night_numbers import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.tables.table import Table

_WIDEST: Final = 100
_INDENT: Final = "    "
_AGES: Final = 1e9  # whoever reads it sees that it is wrong
_CLOCK: Final = slice(0, 19)
_LISTS: Final = ("systems", "subsystems", "components", "cscs")


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Parameters
    ----------
    begin, end
        UTC nanoseconds since 1970; None where there is none.
    level
        As in `logging`.
    about
        A component, or an exposure.
    who
        Who wrote it, and with which program if that was no person.
    text
        What it says.
    lost
        Seconds that were lost.
    lost_to
        To what: ``fault``, ``weather``; empty if it is not said.
    notes
        Tags, flags.
    urls
        As they were given: nobody has checked them.
    """

    begin: int | None
    end: int | None
    level: int
    about: str
    who: str
    text: str
    lost: float = 0.0
    lost_to: str = ""
    notes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @property
    def clock(self) -> str:
        """When it begins, in UTC to the second."""
        from skykey.rubin.instants import rfc3339

        return "-" if self.begin is None else f"{rfc3339(self.begin)[_CLOCK]}Z".replace("T", " ")

    @property
    def level_name(self) -> str:
        """Its name, or its number."""
        return name_of(self.level)

    @property
    def lost_words(self) -> str:
        """How much time was lost, and to what; empty if none was."""
        if self.lost <= 0:
            return ""
        return f"lost {length(self.lost)}" + (f" ({self.lost_to})" if self.lost_to else "")


def narrative(table: Table) -> list[Message]:
    """The messages of a narrative log whose dates are UTC."""
    return [
        Message(
            begin=row["date_begin"],
            end=row["date_end"],
            level=row["level"] or 0,
            about=_about(row),
            who=_who(row),
            text=row["message_text"] or "",
            lost=lost or 0.0,
            lost_to=row["time_lost_type"] or "",
            notes=tuple(row["tags"] or ()),
            urls=tuple(row["urls"] or ()),
        )
        for row, lost in zip(_rows(table), numbers(table, "time_lost"), strict=True)
    ]


def exposure(table: Table) -> list[Message]:
    """The messages of an exposure log whose dates are UTC; they begin when they were added."""
    return [
        Message(
            begin=row["date_added"],
            end=None,
            level=row["level"] or 0,
            about=f"{row['instrument']} {row['obs_id']}",
            who=_who(row),
            text=row["message_text"] or "",
            notes=(
                *([row["exposure_flag"]] if row["exposure_flag"] not in {None, "none"} else []),
                *(row["tags"] or ()),
            ),
            urls=tuple(row["urls"] or ()),
        )
        for row in _rows(table)
    ]


def lines(messages: list[Message], *, colours: bool = False) -> Iterator[str]:
    """Messages for a terminal, or for a page of text."""
    import click

    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for message in messages:
        head = "  ".join(
            visible(part)
            for part in (message.clock, message.level_name, message.about, message.who, message.lost_words)
            if part
        )
        grave = gravity(message.level) != "info"
        yield click.style(head, bold=True, fg="yellow" if grave else None) if colours else head
        for line in message.text.splitlines():
            yield from _folded(line, width)
        if message.notes:
            yield _INDENT + visible(" ".join(f"#{note}" for note in message.notes))
        yield from (_INDENT + visible(url) for url in message.urls)


def length(seconds: float) -> str:
    """A length of time, in the two largest units.

    Examples
    --------
    >>> [length(each) for each in (5.5, 90, 1800, 12_345)]
    ['5.5 s', '1 min 30 s', '30 min', '3 h 26 min']
    """
    if seconds >= _AGES:
        return f"{seconds / 3600:.3g} h"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:g} s"
    if round(seconds) < 3600:  # noqa: PLR2004 - an hour
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def _folded(line: str, width: int) -> list[str]:
    # Names and URLs stay whole, so that they can be copied.
    return textwrap.wrap(
        visible(line.expandtabs()),
        width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries; times as nanoseconds, which Python's own would round."""
    data: Any = table.arrow
    for number, field in enumerate(data.schema):
        if str(field.type).startswith("timestamp"):
            data = data.set_column(number, field.name, data.column(number).cast("int64"))
    yield from data.to_pylist()


def _about(row: dict[str, Any]) -> str:
    # The column says "Log" with the component behind it, as in the release.
    named = str(row.get("component") or "").removeprefix("Log").strip()
    return named or " ".join(dict.fromkeys(name for each in _LISTS for name in row.get(each) or ()))


def _who(row: dict[str, Any]) -> str:
    user, agent = row["user_id"] or "", row["user_agent"] or ""
    return user if row["is_human"] else " ".join(filter(None, (user, f"({agent})" if agent else "")))
