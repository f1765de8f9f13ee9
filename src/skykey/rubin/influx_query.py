"""Telemetry: questions to a site's InfluxDB, answers as DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import Async, Sync, method, twin
from skykey.calls.flow import Flow, bounded, stream
from skykey.calls.steps import Batches
from skykey.credentials.keeper import Keeper
from skykey.rubin import influxql
from skykey.rubin.influx_database import DatabaseFlows, projected, tag, types_of
from skykey.rubin.instants import utc_nanoseconds
from skykey.rubin.logins import login_keeper
from skykey.rubin.service import token_of
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.tables.influxdb import InfluxBatches, empty
from skykey.tables.rows import rows
from skykey.values.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from skykey.credentials.credential import Basic
    from skykey.rubin import efd_times
    from skykey.tables.end import End
    from skykey.tables.table import Table

    convert_time_to_tz_datetime = efd_times.convert_time_to_tz_datetime
    day_obs_from_efd_index = efd_times.day_obs_from_efd_index
    day_obs_from_efd_index_array = efd_times.day_obs_from_efd_index_array
else:

    def __getattr__(name: str) -> Any:
        """Documented names of this module that load when they are used."""
        if name not in {"convert_time_to_tz_datetime", "day_obs_from_efd_index", "day_obs_from_efd_index_array"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from skykey.rubin import efd_times

        return getattr(efd_times, name)


class InfluxFlows(DatabaseFlows):
    """Questions to one telemetry database.

    Parameters
    ----------
    site
        Whose database it is; in lower case.
    db_name
        The database, such as ``efd`` or ``lsst.obsenv``.
    repertoire_site
        The site whose Repertoire sells the login; by default `site`.
    auth
        ``("user", token)``. Without it the login of a built-in site comes from segwarides, as in ``rubin_nights``; that
        of another site is bought with the site's own token.
    id_tag
        Who asks, for the operators' logs; by default the user's login name.
    query_timeout
        Seconds for one question with all its waits.

    Raises
    ------
    UnknownSite
        For a site that is neither built in nor configured. Nothing is requested here.
    """

    def __init__(  # noqa: PLR0917 - the documented signature
        self,
        site: str = "usdf",
        db_name: str = "efd",
        repertoire_site: str | None = None,
        auth: tuple[str, str] | None = None,
        id_tag: str | None = None,
        query_timeout: float = 300.0,
    ) -> None:
        given = None if auth is None else token_of(auth)
        del auth  # tracebacks show local variables
        site = site.lower()
        repertoire_site = repertoire_site or site
        seller = find_site(repertoire_site)
        token = None
        if given is not None or not seller.is_built_in:
            token = Keeper(token_chain(seller, auth_token=given))
        self._set_up(site, db_name, login_keeper(seller, site, db_name, token))
        self.repertoire_site = repertoire_site
        self.query_tag = tag(id_tag)
        self.query_timeout = query_timeout

    @method
    def query(self, query: str) -> Flow[pd.DataFrame]:
        """Ask one statement in InfluxQL.

        Parameters
        ----------
        query
            The statement; time bounds are UTC.

        Returns
        -------
        pandas.DataFrame
            All series of the answer, rows in the server's order. Indexed by ``time`` (``datetime64[ns, UTC]``) if the
            answer has times; tags are columns after it. Integers are ``Int64``, booleans ``boolean``, strings ``str``,
            floats ``float64``. Without rows a plain projection still has its columns; where a statement makes them
            unknowable, ``attrs["columns_known"]`` is False.

        Raises
        ------
        QueryError
            With InfluxDB's own words: for a statement that it refuses, and for one that was killed.
        Interrupted, TimedOut, Unreachable
            If the answer is not whole. There is never a part of it instead.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> frame = client.query('SELECT * FROM "lsst.sal.ESS.temperature" LIMIT 10')  # doctest: +SKIP
        """
        return (yield from self.table(query)).to_pandas()

    @method
    def table(self, query: str) -> Flow[Table]:
        """As `query`, as an Arrow table with how the answer ended.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> client.table('SELECT * FROM "lsst.sal.ESS.temperature" LIMIT 10').end.complete  # doctest: +SKIP
        True
        """
        return (yield from bounded(self._ask(query, {}, None), self.query_timeout))

    @rows
    def stream(self, query: str) -> Flow[End]:
        """As `query`, batch by batch as the answer comes, in constant memory.

        Returns
        -------
        Rows or AsyncRows
            Batches are Arrow tables. A plain projection has its columns and types from the first batch on, asked from
            the service's schema; an empty one gives one batch without rows.

        Raises
        ------
        QueryError, Interrupted, TimedOut, Unreachable
            As `query`, where the rows are read.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> with client.stream('SELECT * FROM "lsst.sal.MTMount.elevation"') as batches:  # doctest: +SKIP
        ...     print(sum(batch.num_rows for batch in batches))
        """
        return (yield from bounded(self._streamed(query), self.query_timeout))

    def _streamed(self, query: str) -> Flow[End]:
        known = yield from self._expected(query)
        call = yield from self._call(query, lambda: InfluxBatches(types_of(known or ())))
        end: End = yield from stream(call)
        if not end.rows and known is not None:
            yield Batches([empty(known)])
        return end

    @method
    def get_topics(self) -> Flow[list[str]]:
        """List the topics (``SHOW MEASUREMENTS``).

        Returns
        -------
        list of str
            In the server's order; empty if the database is.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> [topic for topic in client.get_topics() if "MTMount" in topic]  # doctest: +SKIP
        """
        table = yield from bounded(self._ask("SHOW MEASUREMENTS", {}, ()), self.query_timeout)
        return list(table.arrow.column("name").to_pylist()) if len(table) else []

    @method
    def get_fields(self, measurement: str) -> Flow[pd.DataFrame]:
        """List a topic's fields with their types (``SHOW FIELD KEYS``).

        Parameters
        ----------
        measurement
            The topic.

        Returns
        -------
        pandas.DataFrame
            Columns ``fieldKey`` and ``fieldType`` (``float``, ``integer``, ``string``, ``boolean``), both ``str``.

        Raises
        ------
        UnknownName
            If there is no such topic; also a ``KeyError``. It names similar ones.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> client.get_fields("lsst.sal.ESS.temperature")["fieldKey"]  # doctest: +SKIP
        """
        return (yield from bounded(self._fields(measurement), self.query_timeout)).to_pandas()

    @method
    def select_time_series(
        self,
        topic_name: str,
        fields: str | Sequence[str],
        t_start: Any,
        t_end: Any,
        index: int | None = None,
    ) -> Flow[pd.DataFrame]:
        """Read a topic between two points in time.

        Parameters
        ----------
        topic_name
            The topic.
        fields
            Names; ``"*"`` or an empty list for all.
        t_start, t_end
            Bounds, both inclusive, exact to the nanosecond: astropy ``Time`` of any scale, aware ``datetime``, or ISO
            text in UTC.
        index
            Only this ``salIndex`` (0 included).

        Returns
        -------
        pandas.DataFrame
            As `query`, in ascending time. Column types are the service's own, also when there are no rows.

        Raises
        ------
        UnknownName
            For a topic or field that does not exist, with similar names.
        UsageError
            For something that is not a point in time. No request is made then.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> frame = client.select_time_series(
        ...     "lsst.sal.ESS.temperature", ["temperatureItem0"], "2025-06-20T12:00Z", "2025-06-20T13:00Z", index=201
        ... )  # doctest: +SKIP
        """
        listed = _listed(fields)
        statement = influxql.select(
            topic_name, listed, since=utc_nanoseconds(t_start), until=utc_nanoseconds(t_end), index=index
        )
        selected = self._selected(statement, topic_name, listed, by_tags=False)
        return (yield from bounded(selected, self.query_timeout))

    @method
    def select_top_n(
        self,
        topic_name: str,
        fields: str | Sequence[str],
        num: int,
        time_cut: Any = None,
        index: int | None = None,
    ) -> Flow[pd.DataFrame]:
        """Read a topic's latest rows.

        Parameters
        ----------
        topic_name, fields, index
            As in `select_time_series`.
        num
            How many, of each series if the topic is tagged; at least 1.
        time_cut
            Only rows up to here, inclusive.

        Returns
        -------
        pandas.DataFrame
            As `query`, newest first.

        Raises
        ------
        UnknownName
            As `select_time_series`.
        UsageError
            For fewer than one row, or a cut that is not a point in time. No request is made then.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> latest = client.select_top_n("lsst.sal.ESS.temperature", "*", 10, index=201)  # doctest: +SKIP
        """
        if num < 1:
            raise UsageError(f"{num} rows cannot be asked for; the least is 1")
        listed = _listed(fields)
        until = None if time_cut is None else utc_nanoseconds(time_cut)
        statement = influxql.select(topic_name, listed, until=until, index=index, latest=num)
        selected = self._selected(statement, topic_name, listed, by_tags=True)
        return (yield from bounded(selected, self.query_timeout))

    def _selected(self, statement: str, topic: str, fields: tuple[str, ...], *, by_tags: bool) -> Flow[pd.DataFrame]:
        known = yield from self._schema(influxql.name(topic))
        if not known:
            raise (yield from self._no_topic(topic))
        if not {column.name for column in known} | {"time"} >= set(fields):
            # What is remembered may be older than the field.
            known = yield from self._schema(influxql.name(topic), anew=True)
        names = {column.name for column in known}
        for field in fields:
            if field not in names and field != "time":
                raise _unknown(f"the topic {topic} has no field", field, names, remedy=f"skykey rubin fields {topic}")
        tags = {column.name for column in known if column.is_tag}
        if fields and tags.issuperset(fields):
            # InfluxDB answers this with no rows, whatever there is.
            raise UsageError(f"{', '.join(fields)} of the topic {topic} are tags only", next="ask for a field as well")
        table = yield from self._ask(statement, {"name": topic}, projected(known, fields, by_tags=by_tags))
        return table.to_pandas()

    def _fields(self, topic: str) -> Flow[Table]:
        table = yield from self._ask(f"SHOW FIELD KEYS FROM {influxql.name(topic)}", {"name": topic}, ())
        if not len(table):
            raise (yield from self._no_topic(topic))
        return table

    def _no_topic(self, topic: str) -> Flow[UnknownName]:
        topics = yield from self.get_topics()
        return _unknown(f"the database {self.db_name} has no topic", topic, topics, remedy="skykey rubin topics")

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} {getattr(self, 'influx_db', '?')}>"


class InfluxQueryClient(InfluxFlows, Sync):
    """Telemetry for blocking programs, with the documented coroutines beside it.

    Parameters
    ----------
    site, db_name, repertoire_site, auth, id_tag, query_timeout
        See `InfluxFlows`.
    """

    async_query = twin(InfluxFlows.query)
    async_get_fields = twin(InfluxFlows.get_fields)
    async_select_time_series = twin(InfluxFlows.select_time_series)
    async_select_top_n = twin(InfluxFlows.select_top_n)


class AsyncInfluxQueryClient(InfluxFlows, Async):
    """Telemetry for asynchronous programs.

    Parameters
    ----------
    site, db_name, repertoire_site, auth, id_tag, query_timeout
        See `InfluxFlows`.
    """


def telemetry(site: str, db_name: str, login: Keeper[Basic]) -> InfluxQueryClient:
    """A client on a login that is kept elsewhere: what ``get_clients`` hands out."""
    client = InfluxQueryClient.__new__(InfluxQueryClient)
    client._set_up(site, db_name, login)  # noqa: SLF001 - own module
    return client


def _unknown(what: str, name: str, known: Iterable[str], *, remedy: str) -> UnknownName:
    """With similar names; where there are none, the command that lists them all."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3)
    return UnknownName(f"{what} {name!r}", next=f"did you mean {' or '.join(near)}?" if near else remedy)


def _listed(fields: str | Sequence[str]) -> tuple[str, ...]:
    listed = (fields,) if isinstance(fields, str) else tuple(fields)
    return () if listed in {("*",), ("",)} else listed
