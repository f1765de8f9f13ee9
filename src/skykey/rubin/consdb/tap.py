"""The consolidated database over TAP: the same visits, asked in ADQL, also of jobs that take an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import Async, lent, method
from skykey.repertoire.advice import Advice
from skykey.repertoire.token_shape import has_shape
from skykey.rubin.consdb.visits import VisitFlows
from skykey.rubin.service import SiteService, keeper_for
from skykey.tables.frames import frame
from skykey.tables.packages import arrow
from skykey.tables.rows import rows
from skykey.values.errors import MissingExtra, NotAuthenticated, QueryError, Redirected, SkykeyError, UnknownName
from skykey.values.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import pyvo
    import requests

    from skykey.calls.flow import Flow
    from skykey.credentials.credential import Bearer
    from skykey.credentials.held import Held
    from skykey.credentials.keeper import Keeper
    from skykey.rubin.consdb.visits import Selected
    from skykey.tables.end import End
    from skykey.tables.table import Table
    from skykey.tap.capabilities import Capabilities
    from skykey.tap.client import TapFlows
    from skykey.values.errors import ServiceError

_SCOPES: Final = ("read:tap",)
_PREFIX: Final = "cdb_"
_MADE_LATER: Final = frozenset({"_pyvo", "_session", "_tap_flows"})


class ConsDbTapFlows(VisitFlows, SiteService):
    """Questions to ConsDB over TAP.

    Methods that give a DataFrame have other shapes under their name: ``query.arrow(…)``, ``query.polars(…)`` and
    ``query.table(…)``, whose `Table` can be saved and knows whether it is all there is.

    Parameters
    ----------
    api_base
        The site's root.
    token
        The site's token.
    query_timeout
        Seconds for one question with all its waits.
    """

    _below = "api/consdbtap"
    query_timeout: float = 600.0

    def __init__(self, api_base: str, token: str, query_timeout: float = 600) -> None:
        given = Secret(token)
        del token  # tracebacks show local variables
        super().__init__(api_base, keeper_for(api_base, given))
        self.query_timeout = query_timeout
        self._is_async = isinstance(self, Async)

    @classmethod
    def with_keeper(cls, api_base: str, keeper: Keeper[Bearer]) -> Self:
        """A client on a token that is kept elsewhere, past the documented constructor: for ``get_clients``."""
        made = super().with_keeper(api_base, keeper)
        made._is_async = issubclass(cls, Async)  # noqa: SLF001 - own class; flows see no face, and jobs have to have it
        return made

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._url

    @property
    def tap(self) -> pyvo.dal.TAPService:
        """The service as pyvo knows it, each request with the token of that moment (extra ``vo``).

        Raises
        ------
        MissingExtra
            If pyvo is not installed.
        """
        from importlib import import_module

        if "_pyvo" not in self.__dict__:
            session = self.credential
            try:
                dal: Any = import_module("pyvo.dal")
            except ImportError as missing:
                raise MissingExtra.of("vo", "pyvo's TAPService") from missing
            self.__dict__.setdefault("_pyvo", _carrying(dal.TAPService)(self._url, session=session))
        return self.__dict__["_pyvo"]

    @property
    def credential(self) -> requests.Session:
        """A session of requests whose requests carry the token, to this site and nowhere else (extra ``vo``).

        Raises
        ------
        MissingExtra
            If requests is not installed.
        """
        if "_session" not in self.__dict__:
            try:
                from skykey.credentials.handoff.requests_session import KeptSession
            except ImportError as missing:
                raise MissingExtra.of("vo", "a session of requests") from missing
            self.__dict__.setdefault("_session", KeptSession(self._keeper))
        made: requests.Session = self.__dict__["_session"]
        return made

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
            The statement. In ADQL there is no ``LIMIT``, but ``select top 10 …``; percent signs stand alone.
        values
            For names in it: ``consdb_tap.query("… where band = :band", {"band": "r"})``. They are quoted, and cannot
            become ADQL: text, numbers, booleans, lists for ``in``. Points in time (``Time`` of any scale, aware
            ``datetime``) become TAI, as the database's are.
        maxrec
            How many rows at most; 0 for the columns alone.
        uploads
            Tables that go along, by name: ``{"mine": frame}`` is ``tap_upload.mine`` in the statement.
        as_job
            Whether to leave it to a job of the service, for questions that take more than some minutes.
        response_format
            See `skykey.tap.client.TapFlows.query`.

        Returns
        -------
        pandas.DataFrame
            Rows in the server's order, with the types of the same columns over HTTP: whole numbers are ``Int64``,
            times ``datetime64[us]`` in TAI. Columns of one name are one if their values are equal; else the second is
            ``name_1``, and ``attrs["repeated_columns"]`` says so. ``attrs["truncated"]`` is True where a limit was
            reached; ``attrs["cut_by"]`` says which.

        Raises
        ------
        UsageError
            For an empty statement, values that do not fit it, tables that cannot be sent, and formats that the
            service does not have. No query is made then.
        QueryError, LimitExceeded
            With the database's own words, for a statement that it refuses, or that was too much for it.
        TimedOut
            If it takes longer than ``query_timeout`` in all. A job goes on then: ``job_url`` of the error is where.
        NotAuthenticated, Forbidden
            If the site refuses the token; ``next`` names the page where tokens are created.
        Interrupted, Unreadable, Unreachable, Overloaded
            If the answer is not whole. There is never a part of it instead.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> tap = get_clients(site="usdf")["consdb_tap"]
        >>> tap.query("select top 5 * from cdb_lsstcam.visit1 where band = :b", {"b": "r"})  # doctest: +SKIP
        """
        more: Any = {
            "maxrec": maxrec,
            "uploads": uploads,
            "as_job": as_job,
            "response_format": response_format,
        }
        return (yield from self._flows().query(query, values, **more))

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
        query, values, maxrec, uploads, response_format
            As in `query`; by default the format is one whose rows can be read as they come.

        Returns
        -------
        Rows or AsyncRows
            Batches are Arrow tables. Columns of one name are ``name``, ``name_1``, ….

        Raises
        ------
        UsageError, QueryError, NotAuthenticated, Forbidden, Interrupted, TimedOut, Unreachable, Overloaded
            As `query`, where the rows are read.
        """
        more: Any = {"maxrec": maxrec, "uploads": uploads, "response_format": response_format}
        return (yield from self._flows().stream(query, values, **more))

    @method
    def submit(
        self,
        query: str,
        values: Mapping[str, Any] | None = None,
        *,
        maxrec: int | None = None,
        uploads: Mapping[str, Any] | None = None,
        response_format: str | None = None,
    ) -> Flow[Any]:
        """Start a job and leave it to itself.

        Parameters
        ----------
        query, values, maxrec, uploads, response_format
            As in `query`.

        Returns
        -------
        Job or AsyncJob
            See `skykey.tap.jobs.JobFlows`. Its ``url`` is all that is needed to find it again (`job`).
        """
        more: Any = {"maxrec": maxrec, "uploads": uploads, "response_format": response_format}
        return (yield from self._flows().submit(query, values, **more))

    def job(self, url: str) -> Any:
        """A job of this service that was started before, here or elsewhere. Makes no request.

        Parameters
        ----------
        url
            Its URL, or its id.

        Raises
        ------
        OutOfReach, UsageError
            If it is none of this service's.
        """
        return self._flows().job(url)

    @frame
    def jobs(self, phase: str | None = None, last: int | None = None) -> Flow[Table]:
        """List the jobs that the service still has of this user: ``id``, ``phase``, ``created``, ``run_id``, ``url``.

        Parameters
        ----------
        phase
            Only those in it, such as ``"EXECUTING"``.
        last
            Only so many, the latest.

        Raises
        ------
        UnknownName
            For what is no phase of jobs.
        UsageError
            If `last` is not a whole number above zero.
        NotAuthenticated, Forbidden, TimedOut, Unreachable, Overloaded
            As `query`.
        """
        return (yield from self._flows().jobs(phase, last))

    @frame
    def tables(self) -> Flow[Table]:
        """List the tables: ``schema_name``, ``table_name``, ``table_type``, ``description``."""
        return (yield from self._flows().tables())

    @frame
    def columns(self, table: str) -> Flow[Table]:
        """List a table's columns: name, datatype, unit, UCD, description.

        Parameters
        ----------
        table
            With its schema: ``cdb_lsstcam.visit1``.

        Raises
        ------
        UnknownName
            If there is no such table; also a ``KeyError``. It names similar ones.
        """
        return (yield from self._flows().columns(table))

    @method
    def capabilities(self) -> Flow[Capabilities]:
        """What the service says that it can do."""
        return (yield from self._flows().capabilities())

    def _typed(self, statement: str, selected: Selected) -> Flow[Table]:
        try:
            return (yield from self._flows()._columns_apart(statement))  # noqa: SLF001 - own package
        except QueryError as problem:
            yield from self._check_instruments(selected, problem)
            raise

    def _check_instruments(self, selected: Selected, problem: QueryError) -> Flow[None]:
        """Say so if the statement was refused because there is no such instrument."""
        wanted = selected[0][0][0]
        try:
            listed = yield from self._flows().query("SELECT schema_name FROM TAP_SCHEMA.schemas")
        except SkykeyError:
            return  # what the database said is better than nothing
        names = [str(name) for name in listed.arrow.column("schema_name").to_pylist()]
        known = sorted(name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX))
        if wanted not in known:
            remedy = f"use one of {', '.join(known)}" if known else None
            raise UnknownName(f"ConsDB has no instrument {wanted!r}", next=remedy) from problem

    def _flows(self) -> TapFlows[Any]:
        """The service's questions; loaded with the first of them."""
        from skykey.rubin.instants import tai_text
        from skykey.tap.client import TapFlows
        from skykey.tap.customs import Customs
        from skykey.tap.jobs import AsyncJob, Job

        if "_tap_flows" not in self.__dict__:
            customs = Customs("tai", tai_text, _widened, self._advise)
            job = AsyncJob if self._is_async else Job
            fresh: TapFlows[Any] = TapFlows(self._url, self._keeper, self.query_timeout, customs=customs, job=job)
            self.__dict__.setdefault("_tap_flows", fresh)
        made: TapFlows[Any] = self.__dict__["_tap_flows"]
        # What may be changed on this client counts there too.
        made.query_timeout = self.query_timeout
        return lent(self, made)

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes its own; a session with a live credential is not copied.
        return {name: value for name, value in self.__dict__.items() if name not in _MADE_LATER}

    def _advise(self, problem: ServiceError, held: Held[Any] | None) -> None:
        is_odd = held is not None and not has_shape(held.credential.token)
        advice = Advice(self._url, _SCOPES, is_odd=is_odd)
        if isinstance(problem, NotAuthenticated | Redirected):
            problem.next = advice.remedy()
        else:
            advice.give(problem)


def _carrying(kind: Any) -> Any:
    """The service as pyvo makes it, with a list of tables that asks for a table's columns by the same session.

    pyvo makes a session of its own there (1.9.1), which has no token.
    """

    def tables(service: Any) -> Any:
        found = kind.tables.fget(service)
        found._session = service._session  # noqa: SLF001 - the list has no other way to be given one
        return found

    return type(kind.__name__, (kind,), {"tables": property(tables, doc=kind.tables.__doc__)})


def _widened(batch: Any) -> Any:
    """With the types of the same columns over HTTP: narrow numbers would overflow in sums without a word.

    Numbers of single precision become those that people read, as they do over HTTP: 0.1, and not 0.10000000149.
    """
    pa = arrow()
    types = pa.types
    for at, field in enumerate(batch.schema):
        kind = field.type
        if types.is_integer(kind) and kind != pa.int64():
            column = batch.column(at).cast(pa.int64())
        elif types.is_floating(kind) and kind != pa.float64():
            column = batch.column(at).cast(pa.string()).cast(pa.float64())
        else:
            continue
        batch = batch.set_column(at, field.with_type(column.type), column)
    return batch
