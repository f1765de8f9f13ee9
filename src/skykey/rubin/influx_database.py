"""One telemetry database: statements sent, answers typed by the database's own schema."""

from __future__ import annotations

import getpass
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from skykey.calls.call import Call
from skykey.calls.flow import Flow, ask, need
from skykey.calls.memo import Memo
from skykey.rubin import influxql
from skykey.rubin.logins import label_of
from skykey.tables.columns import Column
from skykey.tables.influxdb import MEDIA_TYPE, InfluxTable, apart, arrow_type, common_type, empty, typed, valueless
from skykey.tables.packages import arrow
from skykey.tables.table import Table
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import UsageError
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from skykey.calls.call import Reader
    from skykey.credentials.credential import Basic
    from skykey.credentials.keeper import Keeper

# Larger chunks are not faster, and each keeps an event loop busy for longer while it is decoded.
_CHUNK: Final = 1000
# Beyond this a statement goes into the body: proxies limit the length of a URL.
_LONG: Final = 4000
# A topic's columns change rarely: while the server cannot say them anew, those of the last hour will do.
_SCHEMA_SECONDS: Final = 300.0
_STALE_SECONDS: Final = 3600.0
_REMEDY: Final = "skykey why rubin"


class DatabaseFlows:
    """Sends statements to one database and knows its columns; the documented names are built on it."""

    def _set_up(self, site: str, db_name: str, login: Keeper[Basic]) -> None:
        self.site = self.repertoire_site = site
        self.db_name = _database(db_name)
        self.influx_db = label_of(site, db_name)
        self.query_tag = tag(None)
        self.query_timeout = 300.0
        self.last_query = "No query issued yet."
        self._login = login
        self._schemas: dict[str, Memo[tuple[Column, ...]]] = {}

    def _ask(self, statement: str, facts: Mapping[str, Any], known: Sequence[Column] | None) -> Flow[Table]:
        types = types_of(known or ())
        call = yield from self._call(statement, lambda: InfluxTable(types, limit=influxql.limit(statement)))
        table = yield from ask(call)
        expected: Sequence[Column] | None = known
        if expected is None and (not len(table) or valueless(table.arrow)):
            expected = yield from self._expected(statement)
        columns_known = table.columns_known or expected is not None
        data = table.arrow
        if expected:
            data = typed(data, types_of(expected)) if len(table) else empty(expected)
        return Table(data, table.end, columns_known, {"query": statement, **facts})

    def _topics(self) -> Flow[list[str]]:
        table = yield from self._ask("SHOW MEASUREMENTS", {}, ())
        return list(table.arrow.column("name").to_pylist()) if len(table) else []

    def _expected(self, statement: str) -> Flow[tuple[Column, ...] | None]:
        """The columns that a plain projection will have, from the service's schema; None for other statements."""
        plain = influxql.projection(statement)
        if plain is None:
            return None
        known = yield from self._schema(plain.source)
        return projected(known, plain.fields, by_tags=plain.by_tags) or None

    def _schema(self, source: str, *, anew: bool = False) -> Flow[tuple[Column, ...]]:
        """Fields and tags of a measurement, remembered for some minutes; empty if there is none of that name."""
        memo = self._schemas.setdefault(source, Memo(_SCHEMA_SECONDS, stale=_STALE_SECONDS))
        if anew:
            memo.forget()
        known = yield from memo.flow(lambda: self._ask_schema(source), SYSTEM_CLOCK)
        if not known:
            memo.forget()  # a topic may come to be at any moment
        return known

    def _ask_schema(self, source: str) -> Flow[tuple[Column, ...]]:
        fields = yield from self._ask(f"SHOW FIELD KEYS FROM {source}", {}, ())
        if not len(fields):
            return ()
        tags = yield from self._ask(f"SHOW TAG KEYS FROM {source}", {}, ())
        columns: dict[str, Column] = {}
        for row in fields.arrow.to_pylist():
            if row["fieldKey"] == "time":
                continue  # nobody can write one: the name is the time's own
            kind, known = arrow_type(row["fieldType"]), columns.get(row["fieldKey"])
            # One field may have several types, in different shards.
            common = kind if known is None else common_type(kind, known.type)
            columns[row["fieldKey"]] = Column(row["fieldKey"], common)
            if common != kind and common == arrow_type("unknown"):
                _warn_of_types(source, row["fieldKey"])
        for row in tags.arrow.to_pylist() if len(tags) else ():
            # A tag that is called like a field comes back as <tag>_1.
            name = apart((*columns, row["tagKey"]))[-1]
            columns[name] = Column(name, arrow().string(), is_tag=True)
        return tuple(columns.values())

    def _call(self, statement: str, reader: Callable[[], Reader[Any]]) -> Flow[Call[Any]]:
        if not statement or influxql.is_empty(statement):
            raise UsageError("the statement is empty")
        held = yield from need(self._login)
        # In front: behind a statement 1.6.7 accepts a comment in some places only.
        tagged = f"/* {self.query_tag} */ {statement}"
        self.last_query = tagged
        database = held.facts.get("database", self.db_name)
        url = Url(held.facts["url"]) / "query"
        form = urlencode({"db": database, "epoch": "ns", "chunked": "true", "chunk_size": _CHUNK, "q": tagged})
        timeouts = Timeouts(silence=self.query_timeout)
        headers: tuple[tuple[str, str], ...] = (("Accept", MEDIA_TYPE),)
        if len(form) <= _LONG:
            request = Request("GET", Url(f"{url}?{form}"), headers, cap=None, timeouts=timeouts)
        else:
            headers += (("Content-Type", "application/x-www-form-urlencoded"),)
            request = Request("POST", url, headers, form.encode(), cap=None, timeouts=timeouts)
        repeat = influxql.repeat(statement)
        return Call(request, reader, (self._login,), repeat, total=self.query_timeout, remedy=_REMEDY)


def _database(db_name: str) -> str:
    """The name to send: the seed says ``lsst.efd`` for what is called ``efd`` in every InfluxDB."""
    return "efd" if label_of("", db_name) == label_of("", "efd") else db_name


def _warn_of_types(source: str, field: str) -> None:
    import logging

    logging.getLogger(__name__).warning(
        "the field %s of %s has different types in different weeks; a statement gives the values of one of them only. "
        "Name the others: SELECT %s::string",
        field,
        source,
        influxql.name(field),
    )


def types_of(columns: Sequence[Column]) -> dict[str, pa.DataType]:
    """Types by name, of the columns whose type is known."""
    return {column.name: column.type for column in columns if column.type != arrow_type("unknown")}


def projected(known: Sequence[Column], fields: tuple[str, ...], *, by_tags: bool) -> tuple[Column, ...]:
    """The columns of an answer in the server's order: time, the tags that group it, then fields."""
    if not known:
        return ()
    tags = [column for column in known if column.is_tag]
    by_name = {column.name: column for column in known}
    if fields:
        # A tag that groups stands there once, and a field that is asked for twice gets another name.
        chosen = [by_name[field] for field in fields if field in by_name and not (by_tags and by_name[field].is_tag)]
        names = apart([column.name for column in chosen])
        chosen = [replace(column, name=name) for column, name in zip(chosen, names, strict=True)]
    else:
        # For * the server sorts by name, and shows tags that do not group.
        chosen = sorted((c for c in known if not (c.is_tag and by_tags)), key=lambda column: column.name)
    return (Column("time", arrow().timestamp("ns", "UTC")), *(tags if by_tags else ()), *chosen)


def tag(id_tag: str | None) -> str:
    """Who asks, for the operators' logs; by default the user's login name."""
    if id_tag is None:
        try:
            id_tag = getpass.getuser()
        except (OSError, KeyError):  # a user without an entry in the password file
            id_tag = "unknown"
    # Nothing that could end the comment.
    return f"source: {id_tag.replace('*', '')} via skykey"
