"""The consolidated database: visits and their quality. The documented module of ``rubin_nights``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.faces import Async, Sync
from skykey.calls.flow import Flow, bounded, gather
from skykey.rubin.consdb import service, sql
from skykey.rubin.consdb.schema import SchemaFlows
from skykey.rubin.consdb.tap import ConsDbTapFlows
from skykey.rubin.consdb.visits import VisitFlows
from skykey.rubin.service import keeper_for, paired, token_of
from skykey.tables.frames import frame, frame_twin
from skykey.tables.packages import arrow
from skykey.tables.repeated import apart, repeats
from skykey.tables.rows import rows
from skykey.values.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.rubin.consdb.sql import Source
    from skykey.rubin.consdb.visits import Selected
    from skykey.tables.columns import Column
    from skykey.tables.end import End
    from skykey.tables.json_rows import JsonBatches
    from skykey.tables.table import Table

# Tables of one statement: their columns are asked for at once.
_AT_ONCE: Final = 4

R = TypeVar("R", bound="JsonBatches")


class ConsDb:
    """Base of the documented classes, and of those of programs that ask the database in a way of their own.

    Whoever has a `query` has the other questions too; that of this class raises ``NotImplementedError``.

    Examples
    --------
    >>> class Recorded(ConsDb):
    ...     def query(self, query):
    ...         return pd.read_parquet("visits.parquet")
    >>> visits = Recorded().get_visits("lsstcam", visit_constraint="visit1.day_obs = 20260320")  # doctest: +SKIP
    """

    query_timeout: float = 600.0

    def query(self, query: str) -> Any:
        """Ask one statement; gives a DataFrame."""
        raise NotImplementedError

    def get_visits(
        self,
        instrument: str,
        t_start: Any = None,
        t_end: Any = None,
        visit_constraint: str | None = None,
        augment: bool = True,
    ) -> Any:
        """As `VisitFlows.get_visits`, asked by `query`, whose types and names of columns they are."""
        visits = self.query(sql.visits(instrument, t_start, t_end, visit_constraint))
        if not augment:
            return visits
        # Here and not at the top: it is needed only with an answer.
        from skykey.rubin.augment_visits import augment_visits

        return augment_visits(visits, instrument=sql.instrument_of(instrument))

    def query_ccdvisits(
        self, instrument: str, visit_id: int, detector_min: int | None = None, detector_max: int | None = None
    ) -> Any:
        """As `VisitFlows.query_ccdvisits`, asked by `query`."""
        return self.query(sql.ccdvisits(instrument, visit_id, detector_min, detector_max))


class ConsDbFlows(VisitFlows, SchemaFlows, ConsDb):
    """Questions to ConsDB over its HTTP service.

    Methods that give a DataFrame have other shapes under their name: ``query.arrow(…)``, ``query.polars(…)`` and
    ``query.table(…)``, whose `Table` can be saved and knows whether it is all there is.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    query_timeout
        Seconds for one question with all its waits.
    """

    def __init__(self, api_base: str, auth: tuple[str, str], query_timeout: float = 600) -> None:
        token = token_of(auth)
        del auth  # tracebacks show local variables
        super().__init__(api_base, keeper_for(api_base, paired(token)))
        self.query_timeout = query_timeout
        self._memos = {}

    @classmethod
    def with_keeper(cls, api_base: str, keeper: Keeper[Bearer]) -> Self:
        """A client on a token that is kept elsewhere, past the documented constructor: for ``get_clients``."""
        made = super().with_keeper(api_base, keeper)
        made._memos = {}  # noqa: SLF001 - own class
        return made

    @frame
    def query(  # pyright: ignore[reportIncompatibleMethodOverride] - a face makes of it what the base has
        self, query: str, values: Mapping[str, Any] | None = None
    ) -> Flow[Table]:
        """Ask one statement in PostgreSQL's SQL.

        Nothing that it changes stays: the service takes it back.

        Parameters
        ----------
        query
            The statement. A percent sign may stand once or, as the service's driver wants it, twice.
        values
            For names in it: ``consdb.query("… where band = :band", {"band": "r"})``. They are quoted, and cannot become
            SQL: text, numbers, booleans, None, lists for ``in``. Points in time (``Time`` of any scale, aware
            ``datetime``) become TAI, as the database's are.

        Returns
        -------
        pandas.DataFrame
            Rows in the server's order. Columns that a statement shows as they are in ConsDB's tables have the types
            of the service's schema, also without rows: whole numbers are ``Int64``, times ``datetime64[us]`` in TAI.
            What is computed has the types of the JSON values: times and exact decimals are text then.
            Columns of one name are one if their values are equal; else the second is ``name_1``, and
            ``attrs["repeated_columns"]`` says so. ``attrs["truncated"]`` is True for 1,000,000 rows, after which the
            server keeps the rest to itself, and where the statement's LIMIT was reached.

        Raises
        ------
        UsageError
            For an empty statement, and for values that do not fit it. No request is made then.
        QueryError
            With the database's own words, for a statement that it refuses.
        LimitExceeded
            If it was too much for the database; also a `QueryError`.
        NotAuthenticated, Forbidden
            If the site refuses the token; ``next`` names the page where tokens are created.
        Interrupted, TimedOut, Unreachable, Overloaded
            If the answer is not whole. There is never a part of it instead.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> consdb.query("select day_obs, count(*) from cdb_lsstcam.visit1 group by day_obs")  # doctest: +SKIP
        >>> consdb.query("select * from cdb_latiss.exposure where day_obs = :day", {"day": 20260320})  # doctest: +SKIP
        """
        return (yield from bounded(self._queried(query, values), self.query_timeout))

    def _queried(self, query: str, values: Mapping[str, Any] | None) -> Flow[Table]:
        from skykey.tables.json_rows import JsonTable  # decoders load with the first question

        certain = yield from self._certain(query, values)
        return (yield from self._table(query, lambda: _reader(JsonTable, certain), values))

    @rows
    def stream(self, query: str, values: Mapping[str, Any] | None = None) -> Flow[End]:
        """As `query`, batch by batch as the answer comes, in constant memory.

        Parameters
        ----------
        query, values
            As in `query`.

        Returns
        -------
        Rows or AsyncRows
            Batches are Arrow tables. Columns of one name are ``name``, ``name_1``, …: that they are equal is not known
            before the end.

        Raises
        ------
        UsageError, QueryError, NotAuthenticated, Forbidden, Interrupted, TimedOut, Unreachable, Overloaded
            As `query`, where the rows are read.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> consdb = get_clients(site="usdf")["consdb"]
        >>> with consdb.stream("select * from cdb_lsstcam.exposure") as batches:  # doctest: +SKIP
        ...     batches.save("exposures.parquet")
        """
        return (yield from bounded(self._streamed(query, values), self.query_timeout))

    def _streamed(self, query: str, values: Mapping[str, Any] | None) -> Flow[End]:
        from skykey.tables.json_rows import JsonBatches

        certain = yield from self._certain(query, values)
        return (yield from self._batches(query, lambda: _reader(JsonBatches, certain), values))

    def _typed(self, statement: str, selected: Selected) -> Flow[Table]:
        from skykey.rubin.consdb.projection import unequivocal
        from skykey.tables.json_rows import JsonTable

        described = yield from self._schemas([source for source, _ in selected])
        shown = [
            column
            for source, names in selected
            for column in described[source]
            if names is None or column.name in names
        ]
        table = yield from self._table(statement, lambda: _reader(JsonTable, unequivocal(shown), is_tai=True))
        return _restored(table, shown)

    def _certain(self, statement: str, values: Mapping[str, Any] | None) -> Flow[list[Column]]:
        """The columns of a statement whose type is certain before it is asked."""
        from skykey.rubin.consdb.projection import projection

        service.written(statement, values)  # first of all: it refuses what cannot be asked
        plain = projection(statement)
        if plain is None:
            return []
        try:
            schemas = yield from self._schemas(list(plain.sources.values()))
        except (UsageError, NotFound):
            return []  # the database says it better
        return plain.columns(schemas)

    def _schemas(self, sources: Sequence[Source]) -> Flow[dict[Source, list[Column]]]:
        """The columns of several tables, asked for at once."""
        several = list(dict.fromkeys(sources))
        described = yield from gather([self._described(*each) for each in several], at_once=_AT_ONCE)
        return {source: [each.column for each in known] for source, known in zip(several, described, strict=True)}


def _reader(make: type[R], columns: Sequence[Column], *, is_tai: bool = False) -> R:
    types = {column.name: column.type for column in columns}
    # What PostgreSQL keeps without a zone is TAI here.
    has_times = is_tai or arrow().timestamp("us") in types.values()
    return make(types, columns, limit=service.MOST_ROWS, time_scale="tai" if has_times else None)


def _restored(table: Table, shown: Sequence[Column]) -> Table:
    """With the columns that the reader took away because they were equal; of one name each is described for itself."""
    names = [column.name for column in shown]
    news, twice = apart(names), repeats(names)
    have = table.arrow.column_names
    in_order = list(dict.fromkeys(names)) == [name for name in have if name in names]
    # Of three that were one, nobody knows which was the same as which.
    if in_order and {*have} <= {*news} and all(len(several) == 2 for several in twice.values()):  # noqa: PLR2004
        data = table.arrow
        arrays = [data.column(new if new in have else name) for name, new in zip(names, news, strict=True)]
        made = arrow().Table.from_arrays(arrays, names=news).replace_schema_metadata(data.schema.metadata)
        facts = {**table.facts, "repeated_columns": twice} if twice else table.facts
        table = replace(table, arrow=made, facts=facts)
    return table.described(replace(column, name=new) for column, new in zip(shown, news, strict=True))


class ConsDbFastAPI(ConsDbFlows, Sync):
    """ConsDB over its HTTP service, for blocking programs, with the documented coroutine beside it.

    Parameters
    ----------
    api_base, auth, query_timeout
        See `ConsDbFlows`.
    """

    async_query = frame_twin(ConsDbFlows.query)


class AsyncConsDbFastAPI(ConsDbFlows, Async):
    """ConsDB over its HTTP service, for asynchronous programs.

    Parameters
    ----------
    api_base, auth, query_timeout
        See `ConsDbFlows`.
    """


class ConsDbTap(ConsDbTapFlows, ConsDb, Sync):
    """ConsDB over TAP, for blocking programs, with the documented coroutine beside it.

    Parameters
    ----------
    api_base, token, query_timeout
        See `ConsDbTapFlows`.
    """

    async_query = frame_twin(ConsDbTapFlows.query)


class AsyncConsDbTap(ConsDbTapFlows, ConsDb, Async):
    """ConsDB over TAP, for asynchronous programs.

    Parameters
    ----------
    api_base, token, query_timeout
        See `ConsDbTapFlows`.
    """
