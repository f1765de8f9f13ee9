"""Telemetry: questions to a site's InfluxDB, answers as DataFrames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, bounded, stream
from skykey.calls.steps import Batches
from skykey.calls.windows import Window
from skykey.credentials.keeper import Keeper
from skykey.rubin import influx_release, influxql
from skykey.rubin.influx_database import tag, types_of
from skykey.rubin.influx_release import ReleaseNames, build_influxdb_query, build_influxdb_top_n_query
from skykey.rubin.instants import utc_nanoseconds
from skykey.rubin.logins import login_keeper
from skykey.rubin.selections import SelectionFlows
from skykey.rubin.service import paired, token_of
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.rubin.topic_parts import Selection
from skykey.tables.frames import frame, frame_twin
from skykey.tables.influxdb import InfluxBatches, empty
from skykey.tables.rows import rows
from skykey.values.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.credentials.credential import Basic
    from skykey.rubin import efd_times
    from skykey.tables.columns import Column
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


REPERTOIRE_DEV = influx_release.REPERTOIRE_DEV
TZ_UTC = influx_release.TZ_UTC
RepertoireCredsError = influx_release.RepertoireCredsError


class InfluxFlows(SelectionFlows):
    """Questions to one telemetry database.

    Methods that give a DataFrame have other shapes under their name: ``query.arrow(…)``, ``query.polars(…)`` and
    ``query.table(…)``, whose `Table` can be saved and knows whether it is all there is.

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
        Seconds for one statement with all its waits. A question that is asked in parts has as many for each of them;
        `skykey.within` limits the whole.

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
        is_given, given = auth is not None, token_of(auth) if auth is not None else None
        del auth  # tracebacks show local variables
        if is_given:
            given = paired(given)
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

    build_influxdb_query = staticmethod(build_influxdb_query)
    build_influxdb_top_n_query = staticmethod(build_influxdb_top_n_query)

    @frame
    def query(self, query: str) -> Flow[Table]:
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
            unknowable, ``attrs["columns_known"]`` is False. ``attrs["truncated"]`` is True where the statement's LIMIT
            was reached.

        Raises
        ------
        QueryError
            With InfluxDB's own words: for a statement that it refuses, and for one that was killed.
        LimitExceeded
            If it was too much for the server; also a `QueryError`. `select_time_series` asks in parts.
        Interrupted, TimedOut, Unreachable
            If the answer is not whole. There is never a part of it instead.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> frame = client.query('SELECT * FROM "lsst.sal.ESS.temperature" LIMIT 10')  # doctest: +SKIP
        >>> table = client.query.arrow('SELECT * FROM "lsst.sal.ESS.temperature" LIMIT 10')  # doctest: +SKIP
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
        types = types_of(known or ())
        call = yield from self._call(query, lambda: InfluxBatches(types, limit=influxql.limit(query)))
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
        return (yield from bounded(self._topics(), self.query_timeout))

    @frame
    def get_fields(self, measurement: str) -> Flow[Table]:
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
        return (yield from bounded(self._fields(measurement), self.query_timeout))

    @frame
    def get_schema(self, topic: str) -> Flow[Table]:
        """What a topic's fields mean, from the database's schema registry.

        Parameters
        ----------
        topic
            The topic.

        Returns
        -------
        pandas.DataFrame
            One row a field, in the registry's order: ``name``, ``type`` (Avro's), ``units``, ``description`` (both
            missing where the producer says nothing) and ``is_array``. In InfluxDB the values of an array are ``name0``,
            ``name1``, ….

        Raises
        ------
        UnknownName
            If the registry has no such topic; also a ``KeyError``. It names similar ones.
        Unreachable
            If the registry is not to be reached; most are inside a site's cluster. The variable
            ``SKYKEY_SCHEMA_REGISTRY`` names another address.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> client.get_schema("lsst.sal.ESS.temperature")[["name", "units"]]  # doctest: +SKIP
        """
        return (yield from bounded(self._described(topic), self.query_timeout))

    @frame
    def select_time_series(
        self,
        topic_name: str,
        fields: str | Sequence[str],
        t_start: Any,
        t_end: Any,
        index: int | None = None,
        *,
        is_window: bool = False,
        units: bool = False,
    ) -> Flow[Table]:
        """Read a topic between two points in time.

        What would be too much for one statement is asked in parts, a few at once: long ranges by windows of time, more
        than a hundred fields in groups. A part that the server stops all the same is halved.

        Parameters
        ----------
        topic_name
            The topic.
        fields
            Names; ``"*"`` or an empty list for all.
        t_start, t_end
            Bounds, both inclusive, exact to the nanosecond: astropy ``Time`` of any scale, aware ``datetime``, or ISO
            text in UTC. `t_end` may be a length too: ``timedelta``, astropy ``TimeDelta``.
        index
            Only this ``salIndex`` (0 included).
        is_window
            Whether `t_start` is the middle of the range, and `t_end` its length.
        units
            Whether to ask the schema registry as well: units and descriptions are in ``attrs`` then.

        Returns
        -------
        pandas.DataFrame
            As `query`, in ascending time. Columns and their types are those of the topic, whatever the range has of it.

        Raises
        ------
        UnknownName
            For a topic or field that does not exist, with similar names.
        UsageError
            For something that is not a point in time, or an end before the start: no request is made then. For an
            `index` where the topic has no ``salIndex`` or one that is text, and for tags or the time alone.
        QueryError, Interrupted, TimedOut, Unreachable
            As `query`. A failure of one part is that of the whole.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> frame = client.select_time_series(
        ...     "lsst.sal.ESS.temperature", ["temperatureItem0"], "2025-06-20T12:00Z", "2025-06-20T13:00Z", index=201
        ... )  # doctest: +SKIP
        """
        chosen = Selection.of(topic_name, fields, index, units=units)
        return (yield from self._series(chosen, _window(t_start, t_end, is_window=is_window)))

    @rows
    def stream_time_series(
        self,
        topic_name: str,
        fields: str | Sequence[str],
        t_start: Any,
        t_end: Any,
        index: int | None = None,
        *,
        is_window: bool = False,
        units: bool = False,
    ) -> Flow[End]:
        """As `select_time_series`, as it comes, in memory that does not grow with the range.

        Parameters
        ----------
        topic_name, fields, t_start, t_end, index, is_window, units
            As in `select_time_series`.

        Returns
        -------
        Rows or AsyncRows
            As `stream`; ``rows.save("….parquet")`` writes them to a file.

        Raises
        ------
        UnknownName, UsageError, QueryError, Interrupted, TimedOut, Unreachable
            As `select_time_series`, where the rows are read.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> night = "2025-06-20T22:00Z", "2025-06-21T11:00Z"
        >>> with client.stream_time_series("lsst.sal.MTMount.elevation", "*", *night) as rows:  # doctest: +SKIP
        ...     rows.save("elevation.parquet")
        """
        chosen = Selection.of(topic_name, fields, index, units=units)
        return (yield from self._streamed_series(chosen, _window(t_start, t_end, is_window=is_window)))

    @frame
    def select_packed_time_series(
        self,
        topic_name: str,
        base_fields: str | Sequence[str],
        t_start: Any,
        t_end: Any,
        *,
        is_window: bool = False,
        index: int | None = None,
        ref_timestamp_col: str = "cRIO_timestamp",
        ref_timestamp_fmt: str = "unix_tai",
        ref_timestamp_scale: str = "tai",
    ) -> Flow[Table]:
        """Read arrays of a topic, one row a sample.

        A device that measures faster than it reports sends its samples as arrays, which InfluxDB keeps as ``name0``,
        ``name1``, …. Samples of a row follow each other by a nth of the distance of the first two rows, so the rows
        should be those of one device: give its `index` where a topic has several.

        Parameters
        ----------
        topic_name, t_start, t_end, is_window, index
            As in `select_time_series`; the bounds are those of the reports.
        base_fields
            Names without their number; all of one length.
        ref_timestamp_col
            The field with the time of a row's first sample.
        ref_timestamp_fmt, ref_timestamp_scale
            What it counts: seconds since 1970, ``unix_tai`` or ``unix``; ``tai`` or ``utc``.

        Returns
        -------
        pandas.DataFrame
            Indexed by the samples' ``time`` (UTC), with one column a name and ``times``, the same in the reference's
            own seconds.

        Raises
        ------
        UnknownName
            For a topic or field that does not exist, and for a name without numbered fields.
        UsageError
            For arrays of different lengths, and stamps of another kind.

        Examples
        --------
        >>> client = InfluxQueryClient("usdf")
        >>> from datetime import timedelta
        >>> client.select_packed_time_series(
        ...     "lsst.sal.MTM1M3.hardpointActuatorData", "measuredForce", "2025-06-20T12:00Z", timedelta(seconds=10)
        ... )  # doctest: +SKIP
        """
        # Here and not at the top: it is needed rarely, and takes a while to load.
        from skykey.rubin import packed

        packed.check_reference(ref_timestamp_fmt, ref_timestamp_scale)
        window = _window(t_start, t_end, is_window=is_window)
        arrays = yield from self._arrays(topic_name, base_fields, ref_timestamp_col)
        fields = (ref_timestamp_col, *(field for places in arrays.values() for field in places))
        table = yield from self._series(Selection.of(topic_name, tuple(dict.fromkeys(fields)), index), window)
        data = packed.unpack(table.arrow, arrays, ref_timestamp_col, fmt=ref_timestamp_fmt, scale=ref_timestamp_scale)
        return table.holding(data)

    @frame
    def select_top_n(
        self,
        topic_name: str,
        fields: str | Sequence[str],
        num: int,
        time_cut: Any = None,
        index: int | None = None,
        *,
        units: bool = False,
    ) -> Flow[Table]:
        """Read a topic's latest rows.

        Parameters
        ----------
        topic_name, fields, index, units
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
        until = None if time_cut is None else utc_nanoseconds(time_cut)
        return (yield from self._latest(Selection.of(topic_name, fields, index, units=units), num, until))

    def _arrays(self, topic: str, bases: str | Sequence[str], reference: str) -> Flow[dict[str, tuple[str, ...]]]:
        """The fields of each array; what cannot be unpacked is refused before any row is asked for."""
        from skykey.rubin import packed

        known = yield from self._known(topic)
        try:
            arrays = packed.packed_fields(_names(known), bases)
        except UnknownName:
            # What is remembered may be older than the array.
            known = yield from self._known(topic, anew=True)
            arrays = packed.packed_fields(_names(known), bases)
        for column in known:
            if column.name == reference:
                packed.check_stamps(column.type, reference)
        if reference == "time":
            raise UsageError("time is that of the reports, and not that of a sample", next="name a column of stamps")
        return arrays

    def _fields(self, topic: str) -> Flow[Table]:
        table = yield from self._ask(f"SHOW FIELD KEYS FROM {influxql.name(topic)}", {"name": topic}, ())
        if not len(table):
            raise (yield from self._no_topic(topic))
        return table

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} {getattr(self, 'influx_db', '?')}>"


def _window(t_start: Any, t_end: Any, *, is_window: bool) -> Window:
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.rubin.spans import span

    return Window(*span(t_start, t_end, is_window=is_window))


def _names(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns if not column.is_tag]


class InfluxQueryClient(InfluxFlows, ReleaseNames, Sync):
    """Telemetry for blocking programs, with the documented coroutines beside it.

    Parameters
    ----------
    site, db_name, repertoire_site, auth, id_tag, query_timeout
        See `InfluxFlows`.
    """

    async_query = frame_twin(InfluxFlows.query)
    async_get_fields = frame_twin(InfluxFlows.get_fields)
    async_select_time_series = frame_twin(InfluxFlows.select_time_series)
    async_select_top_n = frame_twin(InfluxFlows.select_top_n)


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
