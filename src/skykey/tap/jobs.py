"""Queries that a service works on while nobody waits: jobs, found again by their URL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar
from urllib.parse import unquote

from skykey.calls.call import Repeat
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, bounded, pause
from skykey.calls.wrapped import Wrapped
from skykey.tables.frames import frame
from skykey.tap import adql, formats, uws
from skykey.tap.answers import AnswerTable, Expected
from skykey.tap.next_step import NextStep
from skykey.tap.question import Question
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import (
    BadUrl,
    Forbidden,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    OutOfReach,
    Overloaded,
    QueryError,
    RateLimited,
    ServiceError,
    SkykeyError,
    TransportError,
    Unreadable,
    UsageError,
)
from skykey.values.url import Url, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from skykey.calls.call import Reader
    from skykey.tables.table import Table
    from skykey.tap.capabilities import Capabilities
    from skykey.tap.service import Service
    from skykey.tap.uws import JobStatus
    from skykey.wire.request import Head

T = TypeVar("T")

_FORM: Final = "application/x-www-form-urlencoded"
# How long one request may block, in seconds: proxies end what is silent for a minute.
_LONG_POLL: Final = 30.0
# Between polls of a service that answers at once whatever it was asked: growing, as the job does.
_FIRST_PAUSE: Final = 0.25
_GROWTH: Final = 1.5
_LONGEST_PAUSE: Final = 20.0
# An answer that came sooner than this did not wait.
_AT_ONCE: Final = 1.0
_MOST_DIGITS: Final = 18


class JobFlows:
    """One job of a TAP service.

    Parameters
    ----------
    service
        Whose it is.
    url
        Where it is: all that is needed to find it again, also from another process.
    query_timeout
        Seconds for waiting and reading, where no other number is given.
    expected
        What is known of its result; None where the service is to be asked.
    facts
        For the table.
    """

    def __init__(
        self,
        service: Service,
        url: Url,
        query_timeout: float,
        *,
        expected: Expected | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self._service = service
        self._query_timeout = query_timeout
        self._expected = expected
        self._facts = facts or {}
        self._seen = ""
        self.url = url

    @property
    def id(self) -> str:
        """Its name at the service."""
        return self.url.path.rpartition("/")[2]

    @method
    def status(self) -> Flow[JobStatus]:
        """All that the service says of it.

        Raises
        ------
        NotFound
            If the service has forgotten it.
        """
        return (yield from self._looked())

    @method
    def phase(self) -> Flow[str]:
        """Where it stands.

        Returns
        -------
        str
            ``PENDING``, ``QUEUED``, ``EXECUTING``, ``COMPLETED``, ``ERROR``, ``ABORTED``, ``HELD``, ``SUSPENDED``,
            ``ARCHIVED`` or ``UNKNOWN``.

        Raises
        ------
        NotFound
            If the service has forgotten it.
        """
        return (yield from self._looked()).phase

    @method
    def run(self) -> Flow[None]:
        """Start a job that was left pending, or that the service holds.

        Raises
        ------
        ServiceError
            If the service does not start it.
        """
        yield from self._told("PHASE=RUN")

    @method
    def wait(self, seconds: float | None = None) -> Flow[None]:
        """Wait until the result is there, without asking often.

        Parameters
        ----------
        seconds
            How long; by default as long as the client's questions may take.

        Raises
        ------
        QueryError, LimitExceeded
            If the query failed, or was aborted; with the service's words.
        ServiceError
            If the job waits for somebody to start it (PENDING, HELD), or its result is gone (ARCHIVED).
        TimedOut
            If it takes longer. The job goes on.
        """
        limit = self._query_timeout if seconds is None else seconds
        yield from self._naming(bounded(self._completed(), limit))

    @frame
    def result(self) -> Flow[Table]:
        """The result, waiting for it if need be. The job stays, and can be read again until it is deleted.

        Returns
        -------
        pandas.DataFrame
            As of the client's ``query``. Other shapes: ``result.table()``, ``result.arrow()``, ``result.polars()``.

        Raises
        ------
        QueryError, LimitExceeded, ServiceError, TimedOut
            As `wait`.
        Interrupted, Unreadable
            If the result is not whole.
        """
        return (yield from self._naming(bounded(self._collected(), self._query_timeout)))

    @method
    def abort(self) -> Flow[None]:
        """Have the service stop working on it."""
        yield from self._told("PHASE=ABORT")

    @method
    def delete(self) -> Flow[None]:
        """Have it forgotten, with its result; one that is gone already is no error."""
        yield from self._service.delete(self.url)

    # -- how

    def started(self, status: JobStatus | None) -> Flow[JobStatus]:
        """Where it stands after it was begun; told to start if the service waits for that.

        Parameters
        ----------
        status
            What is known; None for nothing.
        """
        if status is None:
            status = yield from self._leaving(self._looked())
        if status.phase == uws.PENDING:  # the service takes no PHASE with a question
            status = yield from self._leaving(self._told("PHASE=RUN"))
        return status

    def _looked(self, status: JobStatus | None = None, wait: float = 0.0) -> Flow[JobStatus]:
        url = self.url
        if wait and status is not None:
            # Blocks until the phase is another one than what is known.
            url = Url(f"{url}?WAIT={wait:.0f}&PHASE={status.phase}")
        looked = self._own((yield from self._service.document("GET", url, uws.read, "a job", wait=wait)))
        self._seen = looked.phase
        return looked

    def _own(self, status: JobStatus) -> JobStatus:
        """The same, if it is about this job: a service that leads to another one would give somebody else's rows."""
        name = uws.name_of(self.url)
        if uws.name_of(status.url) not in {None, name} or status.id.rpartition("/")[2] != name:
            raise Unreadable(f"{self.url} answered with another job ({status.id})", url=self.url)
        return status

    def _told(self, what: str) -> Flow[JobStatus]:
        sent = what.encode(), _FORM
        url = self.url / "phase"
        try:
            # It leads to the job.
            told = yield from self._service.document("POST", url, uws.read, "a job", sent=sent, repeat=Repeat.NEVER)
            return self._own(told)
        except Unreadable:
            return (yield from self._looked())

    def _completed(self, status: JobStatus | None = None, *, started: bool = False) -> Flow[JobStatus]:
        """The job when it is over; raises if that is in another way than with a result."""
        clock = SYSTEM_CLOCK
        wait = _FIRST_PAUSE
        if status is None:
            status = yield from self._leaving(self._looked())
        been = set[str]()
        while status.phase in uws.UNDER_WAY and (started or status.phase != uws.PENDING):
            been.add(status.phase)
            asked = clock.steady()
            status = yield from self._leaving(self._looked(status, _LONG_POLL))
            if status.phase in been and clock.steady() - asked < _AT_ONCE:
                # It does not let anybody wait: the pauses are ours then. A phase that is new has come by itself.
                yield from pause(wait)
                wait = min(wait * _GROWTH, _LONGEST_PAUSE)
        if status.phase != uws.COMPLETED:
            yield from self._refused(status)
        return status

    def _refused(self, status: JobStatus) -> Flow[NoReturn]:
        """Say why there is no result."""
        what = f"the job {self.url}"
        told: dict[str, Any] = {"words": status.error, "url": self.url}
        match status.phase:
            case "ERROR":
                told["words"] = yield from self._words(status)
                problem: ServiceError = QueryError(f"{what} failed", **told)
                if status.is_transient:
                    problem.next = "ask again: the service says that it may work another time"
            case "ABORTED" if status.ran_out_of_time:
                seconds = status.execution_seconds or 0.0
                problem = LimitExceeded(f"{what} ran for the {seconds:,.0f} s that it may, and was aborted", **told)
                problem.next = "ask for less"
            case "ABORTED":
                problem = QueryError(f"{what} was aborted", **told)
            case "PENDING" | "HELD":
                why = "was never started" if status.phase == uws.PENDING else "is held by the service"
                problem = ServiceError(f"{what} {why} ({status.phase})", **told)
                _named(problem, self.url, "start it: ", "run()")
            case "ARCHIVED":
                problem = NotFound(f"the result of {what} is gone: it was archived", next="ask again", **told)
            case phase:
                problem = Unreadable(f"{what} is in a phase that TAP does not have ({phase[:40]})", **told)
        yield from self._service.conceal(problem)
        raise problem

    def _words(self, status: JobStatus) -> Flow[str | None]:
        """What the service says of an error; the longer text is asked for where there is one."""
        if status.error is not None and not status.has_detail:
            return status.error
        try:
            detail = yield from self._service.told(self.url / "error")
        except SkykeyError:
            return status.error  # the job's own words are enough
        return detail if len(detail) > len(status.error or "") else status.error

    def _collected(self, status: JobStatus | None = None, *, started: bool = False) -> Flow[Table]:
        done = yield from self._completed(status, started=started)
        expected = self._expected or (yield from self._told_of(done))
        table: Table = yield from self._read(done, lambda: AnswerTable(expected, self._facts), started=True)
        return table

    def _told_of(self, status: JobStatus) -> Flow[Expected]:
        """What is known of the result of a job that was found again: by what the service says of both."""
        able, asked = (yield from self._service.able()), status.parameters
        maxrec, customs = asked.get("MAXREC", ""), self._service.customs
        told = Expected(
            maxrec=int(maxrec) if maxrec.isascii() and maxrec.isdigit() and len(maxrec) <= _MOST_DIGITS else None,
            able=able,
            top=adql.top(asked.get("QUERY", "")),
            time_scale=customs.time_scale,
            treat=customs.treat,
        )
        if not _is_csv(asked.get("RESPONSEFORMAT") or asked.get("FORMAT", ""), able):
            return told
        schema = yield from self._promised(asked, told)
        return told if schema is None else replace(told, asked="csv", schema=schema)

    def _promised(self, asked: Mapping[str, str], told: Expected) -> Flow[Any]:
        """The Arrow schema of its result, asked for as when it was begun; None if that cannot be asked again."""
        statement = asked.get("QUERY")
        if not statement or asked.get("UPLOAD") or not asked.get("LANG", "ADQL").upper().startswith("ADQL"):
            return None
        sent = Question(statement, maxrec=0).body(None)
        nothing = replace(told, maxrec=0)
        table: Table = yield from self._service.answer(
            self._service.url / "sync",
            lambda: AnswerTable(nothing, {}, is_apart=True),
            silence=self._query_timeout,
            sent=sent,
        )
        return table.arrow.schema

    def _read(self, status: JobStatus | None, make: Callable[[], Any], *, started: bool, **more: Any) -> Flow[Any]:
        done = yield from self._completed(status, started=started)
        url = self._result_of(done)

        def made() -> Any:
            return _Own(make(), self._check)

        return (yield from self._service.answer(url, made, silence=self._query_timeout, **more))

    def _check(self, url: Url) -> None:
        """See that a result is not that of another job of this service."""
        if url.origin == self.url.origin and uws.name_of(url) not in {None, uws.name_of(self.url)}:
            raise Unreadable(f"{self.url} leads to the result of another job", url=self.url)

    def _result_of(self, status: JobStatus) -> Url:
        written = status.result
        try:
            url = self.url / "results/result" if written is None else self.url.resolve(written)
        except BadUrl:
            raise Unreadable(f"the job {self.url} names a result that is no URL", url=self.url) from None
        self._check(url)
        return url

    def _naming(self, flow: Flow[T]) -> Flow[T]:
        try:
            return (yield from flow)
        except SkykeyError as problem:
            self.went_on(problem)
            raise

    def _leaving(self, flow: Flow[T]) -> Flow[T]:
        """Where a look at the job fails, it is not the job that has failed: the error says where it is."""
        try:
            return (yield from flow)
        except SkykeyError as problem:
            self.went_on(problem)
            if not isinstance(problem, NotFound) and not is_resumable(problem):
                known = problem.next
                self._goes_on(problem)
                problem.next = known or problem.next
            raise

    def _goes_on(self, problem: SkykeyError) -> None:
        seen = f", {self._seen} when last seen" if self._seen else ""
        _named(problem, self.url, f"the job goes on{seen}: ", "result()")

    def went_on(self, problem: SkykeyError) -> None:
        """Put into an error that says nothing about the job where the job is, and how to find it again."""
        if isinstance(problem, TransportError | Overloaded | RateLimited):
            self._goes_on(problem)
        elif isinstance(problem, NotAuthenticated | Forbidden):
            # A token may end before a job does; what to do about that is in the error already.
            problem.job_url = str(self.url)  # type: ignore[union-attr]  # beside what every error has

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.url}>"


class _Own(Wrapped[Any]):
    """Looks where an answer comes from in the end."""

    def __init__(self, reader: Reader[Any], check: Callable[[Url], None]) -> None:
        super().__init__(reader)
        self._check = check

    def head(self, head: Head, /) -> None:
        """See `Reader.head`."""
        self._check(head.url)
        super().head(head)


class Job(JobFlows, Sync):
    """A job, for blocking programs: ``with client.submit(…) as job`` deletes it at the end of the block.

    Parameters
    ----------
    service, url, query_timeout, expected, facts
        See `JobFlows`.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.delete()
        except SkykeyError:
            _undeleted(self.url)


class AsyncJob(JobFlows, Async):
    """A job, for asynchronous programs: ``async with await client.submit(…) as job``.

    Parameters
    ----------
    service, url, query_timeout, expected, facts
        See `JobFlows`.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self.delete()
        except SkykeyError:
            _undeleted(self.url)


def _undeleted(url: Url) -> None:
    """Note a job that stays until the service forgets it by itself: no reason to lose what was done with it."""
    import logging

    logging.getLogger("skykey.tap").info("the job %s could not be deleted", url)


def _named(problem: SkykeyError, url: Url, lead: str, do: str) -> None:
    problem.job_url = str(url)  # type: ignore[attr-defined]  # beside what every error has
    problem.next = NextStep(lead, f"client.job({str(url)!r}).{do}", "resume", str(url))


def is_resumable(problem: SkykeyError) -> bool:
    """Whether an error leaves a job that somebody may want back."""
    return hasattr(problem, "job_url")


def discarded(service: Service, url: Url) -> Flow[None]:
    """Delete a job whose result was read, or that has none; it is not worth an error."""
    try:
        yield from service.delete(url)
    except SkykeyError:
        _undeleted(url)


def _is_csv(wanted: str, able: Capabilities) -> bool:
    """Whether a job was asked for CSV, by any of its names."""
    name = formats.plain(wanted)
    aliases = {formats.plain(alias) for each in able.formats if each.kind == "csv" for alias in each.aliases}
    return formats.Format(wanted).kind == "csv" or name == "csv" or name in aliases


def _leads_elsewhere(path: str) -> bool:
    return any(unquote(part) in {".", ".."} for part in path.split("/"))


def found(base: Url, given: str) -> Url:
    """Where a job is, of what a user wrote: its URL or its id.

    Raises
    ------
    OutOfReach
        If it is a job at another origin.
    UsageError
        If it is none of this service's.
    """
    home = base / "async"
    if "://" not in given:
        if not given or "/" in given:
            raise UsageError(f"{given[:80]!r} is not the id of a job", next="give its URL, or its id")
        return home / segment(given)
    url = Url(given)
    if url.origin != base.origin:
        raise OutOfReach(f"{url.origin} is another place than {base.origin}, which this client asks")
    inside = url.path.removeprefix(f"{home.path}/")
    name = inside.partition("/")[0]
    # As a server may read it: a dot that is quoted is one all the same.
    if inside == url.path or uws.name_of(Url(f"{home}/{name}")) is None or _leads_elsewhere(inside):
        raise UsageError(f"{url.without_query()} is no job of {base}", next=f"its jobs are below {home}")
    return Url(f"{home}/{name}")
