"""Reading one topic: its parts asked side by side, and how they become one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.flow import Flow, bounded, gather, stream
from skykey.calls.repeats import GATEWAY_TIMEOUT
from skykey.calls.steps import Batches
from skykey.calls.windows import Window, ask_windows
from skykey.rubin import influxql
from skykey.rubin.influx_database import projected, types_of
from skykey.rubin.topic_parts import SECOND, Selection, groups_of, is_all, may_be_whole, windows_of
from skykey.rubin.topic_schemas import SchemaFlows
from skykey.tables.end import End
from skykey.tables.influxdb import InfluxBatches, arrow_type, empty
from skykey.tables.merging import completed, one_after_another, side_by_side
from skykey.tables.metadata import described
from skykey.tables.table import Table
from skykey.values.errors import LimitExceeded, Overloaded, UnknownName, UsageError
from skykey.values.progress import advance
from skykey.values.similar import similar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skykey.tables.columns import Column

T = TypeVar("T")

# Many users share 150 places for statements at a site.
_AT_ONCE: Final = 4
_INDEX: Final = "salIndex"


class SelectionFlows(SchemaFlows):
    """Reads topics; a question that is too much for one statement is asked in parts."""

    def _series(self, chosen: Selection, window: Window) -> Flow[Table]:
        """All rows of a window, in ascending time."""
        statement = chosen.within(window)  # first of all: it refuses what cannot be asked
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=False), groups_of(known, chosen)
        windows, whole = yield from self._planned(window, groups, known, columns)
        if whole is None:
            found = yield from ask_windows(
                windows, lambda each: self._part(groups, each, known, len(windows)), at_once=_AT_ONCE, least=SECOND
            )
            whole = one_after_another(found)
        else:
            advance(parts=1, done=1)
        return self._table(chosen, whole, columns, statement)

    def _latest(self, chosen: Selection, number: int, until: int | None) -> Flow[Table]:
        """The latest rows of each series, newest first."""
        statement = chosen.latest(number, until)
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=True), groups_of(known, chosen)
        found = yield from gather(
            [self._one(group.latest(number, until), group, known, by_tags=True) for group in groups], at_once=_AT_ONCE
        )
        parts: list[Any] = [each.arrow for each in found]
        whole, is_cut = parts[0], found[0].truncated
        if len(parts) > 1:
            # Each group's latest rows have all that it has of the latest rows of the topic.
            ascending = side_by_side([each.sort_by("time") for each in parts])
            is_cut = ascending.num_rows >= number
            whole = ascending.slice(max(0, ascending.num_rows - number)).sort_by([("time", "descending")])
        cut_by = "the number of rows that was asked for" if is_cut else None
        return self._table(chosen, whole, columns, statement, cut_by=cut_by)

    def _streamed_series(self, chosen: Selection, window: Window) -> Flow[End]:
        """As `_series`, passed on as it comes: batch by batch, or window by window."""
        chosen.within(window)  # first of all: it refuses what cannot be asked
        known = yield from self._checked(chosen)
        columns, groups = projected(known, chosen.fields, by_tags=False), groups_of(known, chosen)
        windows, whole = yield from self._planned(window, groups, known, columns, together=_AT_ONCE)
        rows: int | None = None
        at_once = min(_AT_ONCE, len(windows))
        if whole is not None:
            rows = whole.num_rows
            if rows:
                yield Batches([_in_order(whole, chosen, columns)])
            advance(parts=1, done=1)
        elif len(windows) == len(groups) == 1:
            rows = yield from self._streamed_window(chosen, window, columns)
            if rows is None:
                # One half after the other: what has just been too much is not doubled.
                windows, at_once = window.halves(), 1
        if rows is None:
            rows = 0
            for first in range(0, len(windows), at_once):
                found = yield from ask_windows(
                    windows[first : first + at_once],
                    lambda each: self._part(groups, each, known, at_once),
                    at_once=at_once,
                    least=SECOND,
                )
                batches = [_in_order(each, chosen, columns) for each in found if each.num_rows]
                rows += sum(each.num_rows for each in batches)
                if batches:
                    yield Batches(batches)
        if not rows:
            yield Batches([empty(columns)])
        return End(complete=True, rows=rows)

    def _streamed_window(self, chosen: Selection, window: Window, columns: Sequence[Column]) -> Flow[int | None]:
        """The rows of one statement as they come, and how many; None if it was too much, and none had come."""
        begun: list[_Batches] = []

        def reader() -> _Batches:
            begun.append(_Batches(chosen, columns))
            return begun[-1]

        advance(parts=1)
        call = yield from self._call(chosen.within(window), reader)
        try:
            end: End = yield from _stopped(stream(call))
        except LimitExceeded:
            if window.length <= SECOND or any(each.out for each in begun):
                raise
            advance(parts=-1)
            return None
        advance(done=1)
        return end.rows

    # -- parts

    def _planned(
        self,
        window: Window,
        groups: Sequence[Selection],
        known: Sequence[Column],
        columns: Sequence[Column],
        *,
        together: int = 1,
    ) -> Flow[tuple[list[Window], Any]]:
        """The windows to ask; where a sample of the rows turns out to be all of them, its data too.

        With `together` so many windows have no more cells than one would otherwise: they are held at the same time.
        """
        if may_be_whole(window, len(columns)):
            return [window], None
        try:
            table = yield from self._one(groups[0].sample(window), groups[0], known)
        except LimitExceeded:
            return window.halves(), None  # rows that are rare are looked for in all of the range
        sample = table.arrow
        if is_all(sample):
            return [window], sample if len(groups) == 1 else None
        return windows_of(sample, window, columns=len(columns), groups=len(groups), together=together), None

    def _part(self, groups: Sequence[Selection], window: Window, known: Sequence[Column], windows: int) -> Flow[Any]:
        # Where several windows are under way, each asks for one group of fields after the other.
        found = yield from gather(
            [self._one(group.within(window), group, known) for group in groups], at_once=1 if windows > 1 else _AT_ONCE
        )
        return side_by_side([each.arrow for each in found])

    def _one(self, statement: str, chosen: Selection, known: Sequence[Column], *, by_tags: bool = False) -> Flow[Table]:
        columns = projected(known, chosen.fields, by_tags=by_tags)
        return (yield from _stopped(bounded(self._ask(statement, {}, columns), self.query_timeout)))

    def _table(
        self, chosen: Selection, data: Any, columns: Sequence[Column], statement: str, *, cut_by: str | None = None
    ) -> Table:
        end = End(complete=True, rows=data.num_rows, cut_by=cut_by)
        facts: dict[str, Any] = {"query": statement, "name": chosen.topic}
        if mixed := [column.name for column in columns if column.type == arrow_type("unknown")]:
            facts["mixed_types"] = mixed
        return Table(_in_order(data, chosen, columns), end, facts=facts)

    # -- names

    def _checked(self, chosen: Selection) -> Flow[tuple[Column, ...]]:
        known = yield from self._known(chosen.topic)
        needed = {*chosen.fields, *(() if chosen.index is None else (_INDEX,))}
        if not {column.name for column in known} | {"time"} >= needed:
            # What is remembered may be older than the field.
            known = yield from self._known(chosen.topic, anew=True)
        names = {column.name for column in known}
        for field in chosen.fields:
            if field not in names and field != "time":
                remedy = f"skykey rubin fields {chosen.topic}"
                raise unknown(f"the topic {chosen.topic} has no field", field, names, remedy=remedy)
        if chosen.index is not None and _INDEX not in names:
            # InfluxDB answers this with no rows, and what follows too, whatever there is.
            raise UsageError(f"the topic {chosen.topic} has no {_INDEX}", next="leave the index out")
        if chosen.index is not None and types_of(known).get(_INDEX) == arrow_type("string"):
            remedy = f"ask in InfluxQL: skykey rubin query, with {_INDEX} = '{chosen.index}'"
            raise UsageError(f"{_INDEX} of the topic {chosen.topic} is text, and the index a number", next=remedy)
        tags = {column.name for column in known if column.is_tag} | {"time"}
        if chosen.fields and tags.issuperset(chosen.fields):
            only = "the time only" if set(chosen.fields) == {"time"} else "tags only"
            raise UsageError(
                f"{', '.join(chosen.fields)} of the topic {chosen.topic}: {only}", next="ask for a field as well"
            )
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
    return UnknownName(f"{what} {name!r}", next=similar(name, known) or remedy)


def _in_order(data: Any, chosen: Selection, columns: Sequence[Column]) -> Any:
    """Columns as they were asked for, with their units and descriptions."""
    names = [column.name for column in columns]
    if not chosen.fields:
        data = completed(data, columns)
    elif data.column_names != names and not any(column.is_tag for column in columns):
        # Groups of fields know nothing of a field that was asked for twice.
        told = data.schema.metadata  # which a renamed table forgets
        data = data.select(["time", *(field for field in chosen.fields if field != "time")])
        data = data.rename_columns(names).replace_schema_metadata(told)
    return described(data, columns)


class _Batches(InfluxBatches):
    """Batches as they were asked for."""

    def __init__(self, chosen: Selection, columns: Sequence[Column]) -> None:
        super().__init__(types_of(columns))
        self._chosen, self._asked = chosen, columns
        self.out = False

    def feed(self, chunk: bytes, /) -> Sequence[Any]:
        batches = [_in_order(batch, self._chosen, self._asked) for batch in super().feed(chunk)]
        self.out = self.out or bool(batches)
        return batches


def _stopped(flow: Flow[T]) -> Flow[T]:
    """The same flow; a gateway that did not wait has stopped a statement like the server itself."""
    try:
        return (yield from flow)
    except Overloaded as problem:
        if problem.status != GATEWAY_TIMEOUT:
            raise
        stopped = f"{problem.url} was too slow for whatever stands before it ({GATEWAY_TIMEOUT})"
        raise LimitExceeded(stopped, words=problem.words, status=problem.status, url=problem.url) from problem
