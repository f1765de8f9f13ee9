"""Reading one topic: what is asked, in which windows and groups of fields, and how the parts become one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.flow import Flow, bounded, gather, stream
from skykey.calls.steps import Batches
from skykey.calls.windows import Window, ask_windows, plan
from skykey.rubin import influxql
from skykey.rubin.influx_database import projected, types_of
from skykey.rubin.topic_schemas import SchemaFlows
from skykey.tables.end import End
from skykey.tables.influxdb import InfluxBatches, empty
from skykey.tables.merging import one_after_another, side_by_side
from skykey.tables.table import Table
from skykey.values.errors import LimitExceeded, Overloaded, UnknownName, UsageError
from skykey.values.scales import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skykey.tables.columns import Column

# Of one answer: at 16 fields 3 million rows, which take a server some seconds; sites stop statements after 60 to 300.
_MOST_CELLS: Final = 5e7
# Of one statement: the widest topics have some 1,500 fields, and a server reads each of them on its own.
_MOST_FIELDS: Final = 100
# Telemetry comes at up to 50 Hz. What could be too much for one answer at that rate is sampled first.
_FASTEST: Final = 50.0
_SAMPLE: Final = 1000
# Many users share 150 places for statements at a site.
_AT_ONCE: Final = 4
_GATEWAY_TIMEOUT: Final = 504


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

    def within(self, window: Window, *, first: int | None = None) -> str:
        """The statement for a window; with `first` for so many of its rows only."""
        return influxql.select(
            self.topic, self.fields, since=window.first, until=window.last, index=self.index, first=first
        )

    def latest(self, number: int, until: int | None) -> str:
        """The statement for the latest rows of each series."""
        return influxql.select(self.topic, self.fields, until=until, index=self.index, latest=number)


class SelectionFlows(SchemaFlows):
    """Reads topics; a question that is too much for one statement is asked in parts."""

    def _series(self, chosen: Selection, window: Window) -> Flow[Table]:
        """All rows of a window, in ascending time."""
        statement = chosen.within(window)  # first of all: it refuses what cannot be asked
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=False), _groups(known, chosen)
        windows, whole = yield from self._planned(window, groups, known, columns)
        if whole is None:
            found = yield from ask_windows(
                windows, lambda each: self._part(groups, each, known, len(windows)), at_once=_AT_ONCE, least=SECOND
            )
            whole = one_after_another(found)
        return self._table(chosen, whole, columns, statement)

    def _latest(self, chosen: Selection, number: int, until: int | None) -> Flow[Table]:
        """The latest rows of each series, newest first."""
        statement = chosen.latest(number, until)
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=True), _groups(known, chosen)
        found = yield from gather(
            [self._one(group.latest(number, until), group, known, by_tags=True) for group in groups], at_once=_AT_ONCE
        )
        whole = found[0]
        if len(found) > 1:
            # Each group's latest rows have all that it has of the latest rows of the topic.
            ascending = side_by_side([each.sort_by("time") for each in found])
            whole = ascending.slice(max(0, ascending.num_rows - number)).sort_by([("time", "descending")])
        return self._table(chosen, whole, columns, statement, limit=number)

    def _streamed_series(self, chosen: Selection, window: Window) -> Flow[End]:
        """As `_series`, passed on as it comes: batch by batch, or window by window."""
        statement = chosen.within(window)
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=False), _groups(known, chosen)
        windows, whole = yield from self._planned(window, groups, known, columns)
        if len(windows) == len(groups) == 1 and whole is None:
            call = yield from self._call(statement, lambda: InfluxBatches(types_of(columns), columns))
            end: End = yield from stream(call)
            rows = end.rows
        else:
            rows = 0 if whole is None else whole.num_rows
            if rows:
                yield Batches([whole])
            for first in range(0, len(windows), _AT_ONCE) if whole is None else ():
                found = yield from ask_windows(
                    windows[first : first + _AT_ONCE],
                    lambda each: self._part(groups, each, known, len(windows)),
                    at_once=_AT_ONCE,
                    least=SECOND,
                )
                batches = [_in_order(each, chosen, columns) for each in found if each.num_rows]
                rows += sum(each.num_rows for each in batches)
                if batches:
                    yield Batches(batches)
        if not rows:
            yield Batches([empty(columns)])
        return End(complete=True, rows=rows)

    # -- parts

    def _planned(
        self, window: Window, groups: Sequence[Selection], known: Sequence[Column], columns: Sequence[Column]
    ) -> Flow[tuple[list[Window], Any]]:
        """The windows to ask; where a sample of the rows turns out to be all of them, its data too."""
        if window.length / SECOND * _FASTEST * len(columns) <= _MOST_CELLS:
            return [window], None
        sample = yield from self._one(groups[0].within(window, first=_SAMPLE), groups[0], known)
        if sample.num_rows < _SAMPLE:
            return [window], sample if len(groups) == 1 else None
        amount = _expected(sample, window) * len(columns)
        return plan(window, amount=amount, most=_MOST_CELLS, step=SECOND), None

    def _part(self, groups: Sequence[Selection], window: Window, known: Sequence[Column], windows: int) -> Flow[Any]:
        # Where several windows are under way, each asks for one group of fields after the other.
        found = yield from gather(
            [self._one(group.within(window), group, known) for group in groups], at_once=1 if windows > 1 else _AT_ONCE
        )
        return side_by_side(found)

    def _one(self, statement: str, chosen: Selection, known: Sequence[Column], *, by_tags: bool = False) -> Flow[Any]:
        columns = projected(known, chosen.fields, by_tags=by_tags)
        try:
            table = yield from bounded(self._ask(statement, {}, columns), self.query_timeout)
        except Overloaded as problem:
            if problem.status != _GATEWAY_TIMEOUT:
                raise
            stopped = f"{problem.url} was too slow for whatever stands before it ({_GATEWAY_TIMEOUT})"
            raise LimitExceeded(stopped, words=problem.words, status=problem.status, url=problem.url) from problem
        return table.arrow

    def _table(
        self, chosen: Selection, data: Any, columns: Sequence[Column], statement: str, *, limit: int | None = None
    ) -> Table:
        cut_by = "the number of rows that was asked for" if limit is not None and data.num_rows >= limit else None
        end = End(complete=True, rows=data.num_rows, cut_by=cut_by)
        facts = {"query": statement, "name": chosen.topic}
        return Table(_in_order(data, chosen, columns), end, facts=facts).described(columns)

    # -- names

    def _checked(self, chosen: Selection) -> Flow[tuple[Column, ...]]:
        known = yield from self._known(chosen.topic)
        if not {column.name for column in known} | {"time"} >= set(chosen.fields):
            # What is remembered may be older than the field.
            known = yield from self._known(chosen.topic, anew=True)
        names = {column.name for column in known}
        for field in chosen.fields:
            if field not in names and field != "time":
                remedy = f"skykey rubin fields {chosen.topic}"
                raise unknown(f"the topic {chosen.topic} has no field", field, names, remedy=remedy)
        tags = {column.name for column in known if column.is_tag}
        if chosen.fields and tags.issuperset(chosen.fields):
            # InfluxDB answers this with no rows, whatever there is.
            only = f"{', '.join(chosen.fields)} of the topic {chosen.topic} are tags only"
            raise UsageError(only, next="ask for a field as well")
        return (yield from self._with_units(chosen.topic, known)) if chosen.units else known

    def _known(self, topic: str, *, anew: bool = False) -> Flow[tuple[Column, ...]]:
        flow = self._schema(influxql.name(topic), anew=anew)
        known = yield from bounded(flow, self.query_timeout)
        if not known:
            raise (yield from self._no_topic(topic))
        return known

    def _no_topic(self, topic: str) -> Flow[UnknownName]:
        topics = yield from bounded(self._topics(), self.query_timeout)
        return unknown(f"the database {self.db_name} has no topic", topic, topics, remedy="skykey rubin topics")


def unknown(what: str, name: str, known: Iterable[str], *, remedy: str) -> UnknownName:
    """With similar names; where there are none, the command that lists them all."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3)
    return UnknownName(f"{what} {name!r}", next=f"did you mean {' or '.join(near)}?" if near else remedy)


def _groups(known: Sequence[Column], chosen: Selection) -> list[Selection]:
    """The same question for some fields at a time; for tagged topics, where a time may have several rows, for all."""
    asked = tuple(dict.fromkeys(field for field in _asked(known, chosen) if field != "time"))
    if len(asked) <= _MOST_FIELDS or any(column.is_tag for column in known):
        return [chosen]
    return [replace(chosen, fields=asked[first : first + _MOST_FIELDS]) for first in range(0, len(asked), _MOST_FIELDS)]


def _asked(known: Sequence[Column], chosen: Selection) -> tuple[str, ...]:
    return chosen.fields or tuple(sorted(column.name for column in known))


def _in_order(data: Any, chosen: Selection, columns: Sequence[Column]) -> Any:
    """Columns as they were asked for; groups of fields know nothing of a field that was asked for twice."""
    names = [column.name for column in columns]
    if data.column_names == names:
        return data
    asked = chosen.fields or names
    return data.select(["time", *(field for field in asked if field != "time")]).rename_columns(names)


def _expected(sample: Any, window: Window) -> float:
    """How many rows a window has, if it goes on as it begins."""
    first, last = (int(sample.column("time")[at].value) for at in (0, -1))
    return float((sample.num_rows - 1) * (window.last - first + 1) / max(last - first, 1))
