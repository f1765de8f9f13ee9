"""ConsDB's HTTP service: questions sent, its refusals in words that help."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.call import Call, Repeat
from skykey.calls.flow import Flow, ask, need, pause, stream
from skykey.calls.json_reader import JsonReader
from skykey.calls.refusals import shortened
from skykey.calls.wrapped import Wrapped
from skykey.repertoire.advice import Advice
from skykey.repertoire.token_shape import has_shape
from skykey.rubin.consdb import sql
from skykey.rubin.service import SiteService
from skykey.values.errors import LimitExceeded, Overloaded, QueryError, ServiceError, UnknownName, UsageError
from skykey.values.url import Url
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from skykey.calls.call import Reader
    from skykey.tables.end import End
    from skykey.tables.json_rows import JsonBatches, JsonTable
    from skykey.tables.table import Table
    from skykey.wire.request import Head

T = TypeVar("T")

MOST_ROWS: Final = 1_000_000
"""Of how many rows the server keeps the rest to itself, without a word."""

# The release's number.
_SECONDS: Final = 600.0
_CONNECT: Final = 60.0
# What is sent twice because the database was away meets it again in this time, spread by chance.
_SOON: Final = (0.3, 0.6)
_MOST_BYTES: Final = 32 * 2**20
_BROKEN: Final = 500
_NOT_FOUND: Final = 404
_REMEDY: Final = "list what there is: instruments(), tables(instrument), columns(instrument, table)"
# SQLAlchemy begins with the driver's class, and ends with the statement that was sent anyway.
_KIND: Final = re.compile(r"\s*\((?:\w+\.)*(\w+)\)")
_ECHO: Final = re.compile(r"\s*\[SQL: .*", re.DOTALL)
# About the database, and not about the statement.
_AWAY: Final = {
    "AdminShutdown",
    "CannotConnectNow",
    "CrashShutdown",
    "IdleInTransactionSessionTimeout",
    "OperationalError",
    "SerializationFailure",
    "TooManyConnections",
}
_TOO_MUCH: Final = {"ConfigurationLimitExceeded", "DiskFull", "OutOfMemory", "ProgramLimitExceeded", "QueryCanceled"}


class ServiceFlows(SiteService):
    """Sends statements and other questions to one site's ConsDB."""

    _below = "consdb"
    query_timeout: float = _SECONDS

    @property
    def base_url(self) -> str:
        """Where the service is."""
        return self._url

    # -- statements

    def _table(
        self, statement: str, make: Callable[[], JsonTable], values: Mapping[str, Any] | None = None
    ) -> Flow[Table]:
        """The answer to a statement as a table."""
        table: Table = yield from self._sent(statement, values, make, ask)
        end = _cut(table.end, written(statement, values))
        return replace(table, end=end, facts={"query": statement, **table.facts})

    def _batches(
        self, statement: str, make: Callable[[], JsonBatches], values: Mapping[str, Any] | None = None
    ) -> Flow[End]:
        """The same as it comes."""
        end: End = yield from self._sent(statement, values, make, stream)
        return _cut(end, written(statement, values))

    def _sent(
        self,
        statement: str,
        values: Mapping[str, Any] | None,
        make: Callable[[], Any],
        perform: Callable[[Call[Any]], Flow[Any]],
    ) -> Flow[Any]:
        from skykey.rubin.consdb import statements  # with the first of them

        body = {"query": written(statement, values)}
        repeat = statements.repeat(statement)
        return (yield from self._asked("POST", self._url / "query", make, perform, body=body, repeat=repeat))

    # -- other questions

    def _document(self, path: str, make: Callable[[Any], T]) -> Flow[T]:
        """One of the service's own documents."""
        url = Url(f"{self._url}/{path}")
        made: T = yield from self._asked("GET", url, lambda: JsonReader(make), ask, cap=_MOST_BYTES)
        return made

    # -- how

    def _asked(
        self,
        method: str,
        url: Url,
        make: Callable[[], Any],
        perform: Callable[[Call[Any]], Flow[Any]],
        *,
        body: Any = None,
        repeat: Repeat = Repeat.SAFE,
        cap: int | None = None,
    ) -> Flow[Any]:
        try:
            return (yield from self._once(method, url, make, perform, body, repeat, cap))
        except Overloaded as problem:
            if problem.status != _BROKEN or repeat is Repeat.NEVER:
                raise
        # The pool's connection was a dead one, or the database has just come back; no row has been passed on yet.
        import random

        yield from pause(random.uniform(*_SOON))  # noqa: S311 - not a secret
        return (yield from self._once(method, url, make, perform, body, repeat, cap))

    def _once(  # noqa: PLR0917 - as above, by one caller
        self,
        method: str,
        url: Url,
        make: Callable[[], Any],
        perform: Callable[[Call[Any]], Flow[Any]],
        body: Any,
        repeat: Repeat,
        cap: int | None,
    ) -> Flow[Any]:
        held = yield from need(self._keeper)
        advice = Advice(self._url, is_odd=not has_shape(held.credential.token))
        # Rows in JSON shrink to a third or less, and most users are not where the database is.
        headers: tuple[tuple[str, str], ...] = (("Accept", "application/json"), ("Accept-Encoding", "gzip"))
        sent = b""
        if body is not None:
            headers += (("Content-Type", "application/json"),)
            sent = json.dumps(body).encode()
        timeouts = Timeouts(connect=_CONNECT, silence=self.query_timeout)
        request = Request(method, url, headers, sent, cap=cap, timeouts=timeouts)
        said = _Said()
        call = Call(
            request,
            lambda: _Hearing(make(), said),
            (self._keeper,),
            repeat,
            total=self.query_timeout,
            remedy=advice.remedy(),
        )
        try:
            return (yield from perform(call))
        except ServiceError as problem:
            advice.give(problem)
            meant = said.meant(problem)
            if meant is problem:
                raise
            raise meant from problem


class _Said:
    """What the service said when it refused, as JSON; None if that was none."""

    document: Any = None

    def meant(self, problem: ServiceError) -> Exception:
        """The error that fits what was said; the same one if nothing better is known."""
        match problem.status, self.document:
            case 404, {"message": str(message), "valid": [*valid]}:
                kind = shortened(message).removeprefix("Invalid ")
                return unknown(kind, shortened(str(self.document.get("value"))), map(str, valid))
            case 500, {"message": str(message)}:
                return _of_database(problem, message)
            case _:
                return problem


class _Hearing(Wrapped[Any]):
    """Keeps what is said in place of an answer."""

    def __init__(self, reader: Reader[Any], said: _Said) -> None:
        super().__init__(reader)
        self._said = said

    def words(self, head: Head, body: bytes, /) -> str:
        """See `Reader.words`; of a database's error without the statement, which it repeats."""
        try:
            self._said.document = json.loads(body)
        except (ValueError, RecursionError):
            self._said.document = None
        match self._said.document:
            case {"message": str(message)} if head.status == _BROKEN:
                return shortened(_ECHO.sub("", message))
            case _:
                return super().words(head, body)


def written(statement: str, values: Mapping[str, Any] | None = None) -> str:
    """What is sent for a statement.

    Raises
    ------
    UsageError
        If it is empty, or `values` do not fit it.
    """
    from skykey.rubin.consdb import statements

    if statements.is_empty(statement):
        raise UsageError("the statement is empty")
    return statements.for_driver(statement, values, sql.literal)


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that the service does not have, with similar ones, or all if there are few."""
    import difflib

    few = 5
    names = [each.rpartition(".")[2] for each in known]
    near = difflib.get_close_matches(name.rpartition(".")[2].lower(), names, n=3)
    listed = near or (names if len(names) <= few else [])
    remedy = f"did you mean {' or '.join(listed)}?" if listed else _REMEDY
    return UnknownName(f"ConsDB has no {kind} {name!r}", next=remedy)


def _of_database(problem: ServiceError, message: str) -> ServiceError:
    found = _KIND.match(message)
    kind = found[1] if found else ""
    url = problem.url
    told: dict[str, Any] = {"words": problem.words, "status": problem.status, "url": url}
    if kind in _AWAY:
        return Overloaded(f"the database behind {url} is overloaded or away ({problem.status})", **told)
    if kind in _TOO_MUCH:
        return LimitExceeded(f"the statement was too much for the database behind {url}", next="ask for less", **told)
    return QueryError(f"{url} refuses the statement ({problem.status})", **told)


def _cut(end: End, statement: str) -> End:
    from skykey.rubin.consdb import statements

    limit = statements.limit(statement)
    if end.cut_by is not None or limit is None or end.rows < limit:
        return end
    return replace(end, cut_by="the statement's LIMIT")
