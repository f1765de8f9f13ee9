"""A TAP service as its users see it: questions asked at once, or left to a job."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skykey.calls.faces import Async, Sync, lent, method
from skykey.calls.flow import Flow, bounded
from skykey.tables.end import End
from skykey.tables.frames import frame
from skykey.tables.packages import arrow
from skykey.tables.rows import rows
from skykey.tables.table import Table
from skykey.tap import uws
from skykey.tap.asking import AskingFlows
from skykey.tap.customs import Customs
from skykey.tap.jobs import AsyncJob, Job, JobFlows, found
from skykey.tap.next_step import NextStep
from skykey.tap.service import Service
from skykey.values.errors import UnknownName, UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.credentials.kept import Kept
    from skykey.tap.answers import Expected
    from skykey.tap.capabilities import Capabilities
    from skykey.tap.question import Question

J = TypeVar("J", bound=JobFlows)

_SECONDS: Final = 600.0


class TapFlows(AskingFlows, Generic[J]):
    """Questions to one TAP service.

    Methods that give a DataFrame have other shapes under their name: ``query.arrow(…)``, ``query.polars(…)`` and
    ``query.table(…)``, whose `Table` can be saved and knows whether it is all there is.

    Parameters
    ----------
    url
        The service's base URL, without ``/sync``.
    keeper
        Of a credential for it; None for services that everybody may ask.
    query_timeout
        Seconds for one question with all its waits.
    customs
        What is the service's own.
    job
        The class of its jobs; by default the one of this client's face.
    """

    def __init__(
        self,
        url: str,
        keeper: Kept[Any] | None = None,
        query_timeout: float = _SECONDS,
        *,
        customs: Customs | None = None,
        job: type[JobFlows] | None = None,
    ) -> None:
        self.query_timeout = query_timeout
        self._service = Service(Url(url), keeper, customs or Customs())
        # Flows see no face, and a job has to have the client's.
        self._job = job or (AsyncJob if isinstance(self, Async) else Job)

    @property
    def url(self) -> Url:
        """The service's base URL."""
        return self._service.url

    @method
    def capabilities(self) -> Flow[Capabilities]:
        """What the service says that it can do (``GET /capabilities``), remembered for an hour."""
        return (yield from bounded(self._service.able(), self.query_timeout))

    @frame
    def query(
        self,
        query: str,
        values: Mapping[str, Any] | None = None,
        *,
        maxrec: int | None = None,
        uploads: Mapping[str, Any] | None = None,
        as_job: bool = False,
        response_format: str | None = None,
    ) -> Flow[Table]:
        """Ask one statement in ADQL.

        Parameters
        ----------
        query
            The statement. There is no ``LIMIT`` in ADQL, but ``SELECT TOP 10 …``.
        values
            For names in it: ``client.query("… WHERE band = :band", {"band": "r"})``. They are quoted, and cannot become
            ADQL: text, numbers, booleans, lists for ``IN``. Points in time (``Time`` of any scale, aware ``datetime``)
            are written in the scale of the service.
        maxrec
            How many rows at most; 0 for the columns alone. By default what the service gives by itself.
        uploads
            Tables that go along, by name: ``{"mine": frame}`` is ``TAP_UPLOAD.mine`` in the statement. DataFrames,
            Arrow and polars tables, mappings of columns; bytes of a VOTable; or the address of one.
        as_job
            Whether to leave it to a job, for questions that take more than some minutes. The job is deleted when its
            result was read.
        response_format
            ``"parquet"``, ``"csv"``, ``"votable"``, ``"binary2"``, ``"tabledata"``, or a media type or alias that the
            service has. By default the best that it has and that says whether it is whole. CSV does not: a service
            that fails in the middle of it cannot say so.

        Returns
        -------
        pandas.DataFrame
            Rows in the server's order, columns of the types that the service promises, with units, descriptions and
            UCDs in ``attrs``. Columns of one name are one if their values are equal; else the second is ``name_1``,
            and ``attrs["repeated_columns"]`` says so. ``attrs["truncated"]`` is True where a limit was reached:
            `maxrec`, the service's own, the statement's TOP; ``attrs["cut_by"]`` says which.

        Raises
        ------
        UsageError
            For an empty statement, values that do not fit it, tables that cannot be sent, and formats that the
            service does not have. No query is made then.
        QueryError
            With the service's own words, for a statement that it refuses.
        LimitExceeded
            If it was too much for the database; also a `QueryError`.
        TimedOut
            If it takes longer than `query_timeout` seconds in all. A job goes on then: ``job_url`` of the error is
            where, and ``next`` says how to find it again.
        NotAuthenticated, Forbidden
            If the service refuses the credential.
        Interrupted, Unreachable, Overloaded
            If the answer is not whole. There is never a part of it instead.
        """
        question = self._question(query, values, maxrec, uploads)
        return (yield from bounded(self._queried(question, response_format, as_job=as_job), self.query_timeout))

    @rows
    def stream(
        self,
        query: str,
        values: Mapping[str, Any] | None = None,
        *,
        maxrec: int | None = None,
        uploads: Mapping[str, Any] | None = None,
        response_format: str | None = None,
    ) -> Flow[End]:
        """As `query`, batch by batch as the answer comes, in constant memory.

        Parameters
        ----------
        query, values, maxrec, uploads
            As in `query`.
        response_format
            As in `query`; by default BINARY2, as rows of Parquet come only when all of them are there.

        Returns
        -------
        Rows or AsyncRows
            Batches are Arrow tables. Columns of one name are ``name``, ``name_1``, …: that they are equal is not known
            before the end.

        Raises
        ------
        UsageError, QueryError, NotAuthenticated, Forbidden, Interrupted, TimedOut, Unreachable, Overloaded
            As `query`, where the rows are read.
        """
        question = self._question(query, values, maxrec, uploads)
        return (yield from bounded(self._streamed(question, response_format), self.query_timeout))

    @method
    def submit(
        self,
        query: str,
        values: Mapping[str, Any] | None = None,
        *,
        maxrec: int | None = None,
        uploads: Mapping[str, Any] | None = None,
        response_format: str | None = None,
    ) -> Flow[J]:
        """Start a job and leave it to itself.

        Parameters
        ----------
        query, values, maxrec, uploads, response_format
            As in `query`.

        Returns
        -------
        Job or AsyncJob
            Its ``url`` is all that is needed to find it again (`job`). In a ``with`` block it is deleted at the end.

        Raises
        ------
        UsageError, QueryError, NotAuthenticated, Forbidden, TimedOut, Unreachable, Overloaded
            As `query`.
        """
        question = self._question(query, values, maxrec, uploads)
        return (yield from bounded(self._submitted(question, response_format), self.query_timeout))

    def job(self, url: str) -> J:
        """A job of this service that was started before, here or elsewhere. Makes no request.

        Parameters
        ----------
        url
            Its URL, or its id.

        Raises
        ------
        OutOfReach
            If it is a job at another origin.
        UsageError
            If it is none of this service's.
        """
        return self._made(found(self.url, url))

    @frame
    def jobs(self, phase: str | None = None, last: int | None = None) -> Flow[Table]:
        """List the jobs that the service still has of this user.

        Parameters
        ----------
        phase
            Only those in it, such as ``"EXECUTING"``.
        last
            Only so many, the latest.

        Returns
        -------
        pandas.DataFrame
            Columns ``id``, ``phase``, ``created``, ``run_id`` and ``url``, all ``str``.

        Raises
        ------
        UnknownName
            For what is no phase of jobs.
        UsageError
            If `last` is not a whole number above zero.
        NotAuthenticated, Forbidden, TimedOut, Unreachable, Overloaded
            As `query`.
        """
        asked = [f"PHASE={_phase(phase)}"] if phase is not None else []
        asked += [f"LAST={_last(last)}"] if last is not None else []
        url = Url(f"{self.url / 'async'}{'?' if asked else ''}{'&'.join(asked)}")
        listed = yield from bounded(
            self._service.document("GET", url, uws.read_list, "a list of jobs"), self.query_timeout
        )
        return _table(
            {
                "id": [each.id for each in listed],
                "phase": [each.phase for each in listed],
                "created": [each.created for each in listed],
                "run_id": [each.run_id for each in listed],
                "url": [str(each.url) for each in listed],
            }
        )

    @frame
    def tables(self) -> Flow[Table]:
        """List the service's tables (``TAP_SCHEMA.tables``).

        Returns
        -------
        pandas.DataFrame
            Columns ``schema_name``, ``table_name``, ``table_type``, ``description``.
        """
        statement = "SELECT schema_name, table_name, table_type, description FROM TAP_SCHEMA.tables ORDER BY table_name"
        return (yield from self.query(statement))

    @frame
    def columns(self, table: str) -> Flow[Table]:
        """List a table's columns (``TAP_SCHEMA.columns``).

        Parameters
        ----------
        table
            As `tables` names it.

        Returns
        -------
        pandas.DataFrame
            Columns ``column_name``, ``datatype``, ``arraysize``, ``xtype``, ``unit``, ``ucd``, ``description``.

        Raises
        ------
        UnknownName
            If there is no such table; also a ``KeyError``. It names similar ones.
        """
        statement = (
            "SELECT column_name, datatype, arraysize, xtype, unit, ucd, description FROM TAP_SCHEMA.columns "
            "WHERE table_name = :table ORDER BY column_index"
        )
        listed = yield from self.query(statement, {"table": table})
        if not len(listed):
            from skykey.values.similar import similar

            names = (yield from self.tables()).arrow.column("table_name").to_pylist()
            raise UnknownName(
                f"the service has no table {table!r}",
                next=similar(table, names) or NextStep("list them: ", "tables()", "tables"),
            )
        return listed

    def _columns_apart(self, statement: str) -> Flow[Table]:
        """The answer to a statement in which equal columns of one name stay what they are: for clients built on this.

        Parameters
        ----------
        statement
            Without values.
        """
        question = self._question(statement, None, None, None)
        return (yield from bounded(self._queried(question, None, is_apart=True), self.query_timeout))

    # -- how

    def _submitted(self, question: Question, wanted: str | None) -> Flow[J]:
        job, expected = yield from self._left(question, wanted)
        return self._made(job.url, expected, {"query": question.statement})

    def _made(self, url: Url, expected: Expected | None = None, facts: dict[str, Any] | None = None) -> J:
        job: Any = self._job(self._service, url, self.query_timeout, expected=expected, facts=facts)
        made: J = lent(self, job)
        return made

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} at {self.url if hasattr(self, '_service') else '?'}>"


class TapClient(TapFlows[Job], Sync):
    """A TAP service, for blocking programs.

    Parameters
    ----------
    url, keeper, query_timeout, customs
        See `TapFlows`.
    """


class AsyncTapClient(TapFlows[AsyncJob], Async):
    """A TAP service, for asynchronous programs.

    Parameters
    ----------
    url, keeper, query_timeout, customs
        See `TapFlows`.
    """


def _phase(phase: str) -> str:
    name = phase.strip().upper()
    if name not in uws.PHASES:
        raise UnknownName(f"{phase!r} is not a phase of jobs", next=f"use one of {', '.join(sorted(uws.PHASES))}")
    return name


def _last(last: Any) -> int:
    if isinstance(last, bool) or not isinstance(last, Integral) or last <= 0:
        raise UsageError(f"last={last!r} is not a number of jobs", next="give a whole number above zero")
    return int(last)


def _table(columns: Mapping[str, list[str | None]]) -> Table:
    pa = arrow()
    data = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return Table(data, End(complete=True, rows=data.num_rows))
