"""One question to a TAP service, carried out: in which format, at once or by a job, and what becomes of that job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.flow import Flow, gather, stream
from skykey.calls.steps import Batches, Farewell
from skykey.tap import adql, formats
from skykey.tap.answers import Answer, AnswerTable, Ending, Expected, merged
from skykey.tap.jobs import JobFlows, discarded, is_resumable
from skykey.tap.next_step import NextStep
from skykey.tap.question import Question
from skykey.values.errors import LimitExceeded, ServiceError, SkykeyError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.tables.end import End
    from skykey.tables.table import Table
    from skykey.tap.capabilities import Capabilities
    from skykey.tap.formats import Choice
    from skykey.tap.service import Service
    from skykey.tap.uws import JobStatus

T = TypeVar("T")

_GATEWAY_TIMEOUT: Final = 504
# Small and typed: what a table answers best in. Rows that are to be passed on as they come cannot be in Parquet, which
# begins to make sense with its last bytes.
_WHOLE: Final = ("parquet", "binary2")
_FLOWING: Final = ("binary2",)
_AS_JOB: Final = NextStep("leave it to a job: ", "query(…, as_job=True)", "as_job")
_REFUSES_FORMAT: Final = frozenset({400, 406, 415})


class AskingFlows:
    """How questions are asked; the documented methods are built on it."""

    query_timeout: float
    _service: Service

    def _question(
        self, query: str, values: Mapping[str, Any] | None, maxrec: int | None, uploads: Mapping[str, Any] | None
    ) -> Question:
        return Question.of(query, values, maxrec, uploads, self._service.customs.write_time)

    def _queried(
        self, question: Question, wanted: str | None, *, as_job: bool = False, is_apart: bool = False
    ) -> Flow[Table]:
        choice, expected = yield from self._prepared(question, wanted, _WHOLE)
        facts = {"query": question.statement}
        is_csv, readers = choice.kind == "csv", list[AnswerTable]()

        def make() -> AnswerTable:
            # What is only text yet cannot be told to be equal.
            readers.append(AnswerTable(expected, facts, is_apart=is_apart or is_csv))
            return readers[-1]

        def asked() -> Flow[Table]:
            how = self._by_job if as_job else self._at_once
            table: Table = yield from how(question, choice, make)
            return table

        if not is_csv:
            return (yield from asked())
        # CSV names its columns and nothing more: what they hold is asked beside it.
        schema, table = yield from gather([self._schema(question), asked()], at_once=2)
        typed = readers[-1].typed(table, schema)
        return typed if is_apart else merged(typed)

    def _schema(self, question: Question) -> Flow[Any]:
        """The Arrow schema of the answer, of which no row is wanted."""
        nothing, expected = replace(question, maxrec=0), self._expected(question, formats.Choice(), None)
        table: Table = yield from self._at_once(
            nothing, formats.Choice(), lambda: AnswerTable(expected, {}, is_apart=True)
        )
        return table.arrow.schema

    def _streamed(self, question: Question, wanted: str | None) -> Flow[End]:
        choice, expected = yield from self._prepared(question, wanted, _FLOWING)
        if choice.kind == "csv":
            expected = replace(expected, schema=(yield from self._schema(question)))
        ending: Ending = yield from self._at_once(question, choice, lambda: Answer(expected), stream)
        for batch in ending.rest:
            yield Batches([batch])
        return ending.end

    def _left(self, question: Question, wanted: str | None) -> Flow[tuple[JobFlows, Expected]]:
        """A job that runs and is left to itself, and what is known of its result."""
        choice, expected = yield from self._prepared(question, wanted, _WHOLE)
        if choice.kind == "csv":
            expected = replace(expected, schema=(yield from self._schema(question)))
        job, status = yield from self._begun(question, choice)
        # Until its user has it, nobody else knows of it.
        yield Farewell(discarded(self._service, job.url))
        yield from job.started(status)
        yield Farewell(None)
        return job, expected

    def _prepared(
        self, question: Question, wanted: str | None, preferred: tuple[str, ...]
    ) -> Flow[tuple[Choice, Expected]]:
        able = yield from self._service.able()
        question.check(able)
        if wanted is None:
            choice = formats.chosen(able.formats, preferred)
        else:
            choice = formats.named(wanted, able.formats, known=able.known and bool(able.formats))
        return choice, self._expected(question, choice, able)

    def _expected(self, question: Question, choice: Choice, able: Capabilities | None) -> Expected:
        customs = self._service.customs
        return Expected(
            maxrec=question.maxrec,
            able=able,
            top=adql.top(question.statement),
            time_scale=customs.time_scale,
            treat=customs.treat,
            asked=choice.kind,
        )

    def _at_once(
        self,
        question: Question,
        choice: Choice,
        make: Callable[[], Any],
        perform: Callable[..., Flow[Any]] | None = None,
    ) -> Flow[Any]:
        more: dict[str, Any] = {} if perform is None else {"perform": perform}
        more["silence"] = self.query_timeout
        url = self._service.url / "sync"
        try:
            return (
                yield from _known_format(
                    choice, lambda sent: self._service.answer(url, make, sent=question.body(sent), **more)
                )
            )
        except SkykeyError as problem:
            if isinstance(problem, TimedOut | LimitExceeded) or getattr(problem, "status", None) == _GATEWAY_TIMEOUT:
                problem.next = _AS_JOB
            raise

    def _begun(self, question: Question, choice: Choice) -> Flow[tuple[JobFlows, JobStatus | None]]:
        """A job that the service has begun, and what it says of it if it does so at once."""
        url, status = yield from _known_format(
            choice, lambda sent: self._service.begun(question.body(sent, PHASE="RUN"))
        )
        return JobFlows(self._service, url, self.query_timeout), status

    def _by_job(self, question: Question, choice: Choice, make: Callable[[], Any]) -> Flow[Any]:
        job, status = yield from self._begun(question, choice)
        # Whoever calls the question off wants no answer, and nobody else knows of the job.
        yield Farewell(discarded(self._service, job.url))
        try:
            status = yield from job.started(status)
            answer = yield from job._read(status, make, started=True)  # noqa: SLF001 - own package
        except SkykeyError as problem:
            job.went_on(problem)
            if not is_resumable(problem):
                yield from discarded(self._service, job.url)
            raise
        except Exception:
            yield from discarded(self._service, job.url)
            raise
        yield from discarded(self._service, job.url)
        yield Farewell(None)
        return answer


def _known_format(choice: Choice, asked: Callable[[str | None], Flow[T]]) -> Flow[T]:
    """Ask with the chosen format, and without one if the service refuses what it has named itself."""
    try:
        return (yield from asked(choice.sent))
    except ServiceError as problem:
        if not _refuses_format(problem, choice):
            raise
    return (yield from asked(None))


def _refuses_format(problem: ServiceError, choice: Choice) -> bool:
    """Whether a service does not know a format that it has named itself."""
    words = (problem.words or "").lower()
    is_about = "responseformat" in words or "format" in words or bool(choice.sent and choice.sent.lower() in words)
    return choice.is_own and choice.sent is not None and problem.status in _REFUSES_FORMAT and is_about
