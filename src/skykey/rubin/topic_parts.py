"""What is asked of one topic, and in which parts: windows of its range, groups of its fields. Nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.windows import Window, plan
from skykey.rubin import influxql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.tables.columns import Column

SECOND: Final = 10**9
"""In the units of a window; none is cut shorter."""

# Of one answer: at 16 fields 3 million rows, which take a server some seconds; sites stop statements after 60 to 300.
_MOST_CELLS: Final = 5e7
# Of one statement: the widest topics have some 1,500 fields, and a server reads each of them on its own.
_MOST_FIELDS: Final = 100
# Telemetry comes at up to 50 Hz. What could be too much for one answer at that rate is sampled first.
_FASTEST: Final = 50.0
_SAMPLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read of one topic.

    Parameters
    ----------
    topic
        Its name.
    fields
        Names; empty for all.
    index
        Only this ``salIndex``.
    units
        Whether the columns are to be described.
    """

    topic: str
    fields: tuple[str, ...] = ()
    index: int | None = None
    units: bool = False

    @classmethod
    def of(cls, topic: str, fields: str | Sequence[str], index: int | None = None, *, units: bool = False) -> Selection:
        """As users write it: one name or several, ``"*"`` or nothing for all."""
        listed = (fields,) if isinstance(fields, str) else tuple(fields)
        return cls(topic, () if listed in {("*",), ("",)} else listed, index, units)

    def within(self, window: Window) -> str:
        """The statement for a window."""
        return influxql.select(self.topic, self.fields, since=window.first, until=window.last, index=self.index)

    def sample(self, window: Window) -> str:
        """The statement for so many of a window's first rows as tell how many it has."""
        return influxql.select(
            self.topic, self.fields, since=window.first, until=window.last, index=self.index, first=_SAMPLE
        )

    def latest(self, number: int, until: int | None) -> str:
        """The statement for the latest rows of each series."""
        return influxql.select(self.topic, self.fields, until=until, index=self.index, latest=number)


def groups_of(known: Sequence[Column], chosen: Selection) -> list[Selection]:
    """The same question for some fields at a time; for tagged topics, where a time may have several rows, for all."""
    asked = tuple(dict.fromkeys(field for field in _asked(known, chosen) if field != "time"))
    if len(asked) <= _MOST_FIELDS or any(column.is_tag for column in known):
        return [chosen]
    return [replace(chosen, fields=asked[first : first + _MOST_FIELDS]) for first in range(0, len(asked), _MOST_FIELDS)]


def _asked(known: Sequence[Column], chosen: Selection) -> tuple[str, ...]:
    return chosen.fields or tuple(sorted(column.name for column in known))


def may_be_whole(window: Window, columns: int) -> bool:
    """Whether one answer can have it all, however often the topic comes."""
    return window.length / SECOND * _FASTEST * columns <= _MOST_CELLS


def is_all(sample: Any) -> bool:
    """Whether there are no other rows than the sample's."""
    return bool(sample.num_rows < _SAMPLE)


def windows_of(sample: Any, window: Window, *, columns: int, groups: int, together: int) -> list[Window]:
    """The windows to ask, where there are more rows than the sample's.

    Parameters
    ----------
    sample
        The first rows of the first group of fields.
    window
        The whole range.
    columns, groups
        How many there are.
    together
        How many windows are held at the same time: together they have no more cells than one would otherwise.
    """
    # Where a topic is younger than the range, all rows are behind its first one: of the fields in the sample.
    first = max(int(sample.column("time")[0].value), window.first)
    filled = Window(first, window.last)
    before = [Window(window.first, first - 1)] if groups > 1 and first > window.first else []
    amount = _expected(sample, filled) * columns
    most = _MOST_CELLS if amount <= _MOST_CELLS else _MOST_CELLS / together
    return [*before, *plan(filled, amount=amount, most=most, step=SECOND)]


def _expected(sample: Any, window: Window) -> float:
    """How many rows a window has, if it goes on as it begins."""
    first, last = (int(sample.column("time")[at].value) for at in (0, -1))
    return float((sample.num_rows - 1) * (window.last - first + 1) / max(last - first, 1))
