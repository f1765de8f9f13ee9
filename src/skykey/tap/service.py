"""Requests to one TAP service, and its refusals in words that help."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.calls.call import Call, Redirects, Repeat
from skykey.calls.flow import Flow, ask, bounded, need
from skykey.calls.memo import Memo
from skykey.calls.refusals import shortened
from skykey.calls.wrapped import Wrapped
from skykey.credentials.conceal import conceal_in
from skykey.tables.votable import VOTableBatches
from skykey.tap import capabilities, uws
from skykey.tap.capabilities import Capabilities
from skykey.tap.customs import Customs
from skykey.tap.documents import MOST_BYTES, DocumentReader, LeadingReader
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import (
    Forbidden,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    OutOfReach,
    Overloaded,
    QueryError,
    RateLimited,
    Redirected,
    ServiceError,
    Unreadable,
    UsageError,
)
from skykey.values.url import Url, segment
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.call import Reader
    from skykey.credentials.held import Held
    from skykey.credentials.kept import Kept
    from skykey.tap.documents import Element
    from skykey.tap.uws import JobStatus
    from skykey.values.errors import SkykeyError
    from skykey.wire.request import Head

T = TypeVar("T")

# What a service can do changes with its releases.
_REMEMBERED: Final = 3600.0
_STALE: Final = 6 * 3600.0
_CONNECT: Final = 60.0
_DOCUMENT_SECONDS: Final = 60.0
# Deleting a job is the service's gain: nobody waits long for it.
_DELETE_SECONDS: Final = 10.0
_BROKEN: Final = 500
# How databases say that they gave up; TAP has no word for it.
_GAVE_UP: Final = ("timeout", "timed out", "time out", "time limit", "took too long", "maximum execution time")


@dataclass(slots=True)
class Service:
    """One service.

    Parameters
    ----------
    url
        Its base URL: ``/sync`` and ``/async`` are below it.
    keeper
        Of the credential that goes along; None for none.
    customs
        What is its own.
    """

    url: Url
    keeper: Kept[Any] | None = None
    customs: Customs = field(default_factory=Customs)
    _memo: Memo[Capabilities] = field(default_factory=lambda: Memo(_REMEMBERED, stale=_STALE))

    def able(self) -> Flow[Capabilities]:
        """What it can do; nothing is known of a service that does not say."""
        try:
            return (yield from self._memo.flow(self._asked_able, SYSTEM_CLOCK))
        except (NotAuthenticated, Forbidden, RateLimited, Overloaded, Redirected):
            raise
        except ServiceError:
            return Capabilities()  # a query may work all the same; it is asked again before the next one

    def _asked_able(self) -> Flow[Capabilities]:
        try:
            return (yield from self.document("GET", self.url / "capabilities", capabilities.read, "capabilities"))
        except NotFound:
            return Capabilities()

    def answer(
        self,
        url: Url,
        make: Callable[[], Any],
        perform: Callable[[Call[Any]], Flow[Any]] = ask,
        *,
        silence: float,
        sent: tuple[bytes, str] | None = None,
    ) -> Flow[Any]:
        """Rows: of a question that is sent, or of a result that lies somewhere.

        Parameters
        ----------
        url
            Where. The credential goes along within its reach; redirects to a storage host, and results that lie there
            from the start, are read without it.
        make
            Makes their reader.
        perform
            `ask` or `stream`.
        silence
            How many seconds the service may be silent while it works on the question.
        sent
            Body and media type of a POST; a GET without.
        """
        headers: tuple[tuple[str, str], ...] = (("Accept-Encoding", "gzip"),)
        body = b""
        if sent is not None:
            body, kind = sent
            headers += (("Content-Type", kind),)
        timeouts = Timeouts(connect=_CONNECT, silence=silence)
        request = Request("POST" if sent else "GET", url, headers, body, cap=None, timeouts=timeouts)
        # All that can be asked is to be read; but the service may still be at the first one.
        call = Call(request, make, repeat=Repeat.COSTLY, redirects=Redirects.DROP)
        return (yield from self._sent(call, perform))

    def document(
        self,
        method: str,
        url: Url,
        make: Callable[[Head, Element], T],
        what: str,
        *,
        sent: tuple[bytes, str] | None = None,
        wait: float = 0.0,
        repeat: Repeat = Repeat.SAFE,
    ) -> Flow[T]:
        """One of its own documents.

        Parameters
        ----------
        method, url
            What to ask.
        make, what
            As in `DocumentReader`.
        sent
            Body and media type.
        wait
            Seconds that it was asked to let pass before it answers.
        repeat
            What may be sent twice.
        """
        body, kind = sent or (b"", "")
        headers = (("Accept", "application/xml, text/xml, */*"), *((("Content-Type", kind),) if sent else ()))
        timeouts = Timeouts(connect=_CONNECT, silence=wait + _DOCUMENT_SECONDS)
        request = Request(method, url, headers, body, cap=MOST_BYTES, timeouts=timeouts)
        call = Call(request, lambda: DocumentReader(make, what), repeat=repeat, total=wait + 2 * _DOCUMENT_SECONDS)
        found: T = yield from self._sent(call, ask)
        return found

    def begun(self, sent: tuple[bytes, str]) -> Flow[tuple[Url, JobStatus | None]]:
        """Leave a question to a job, and do not ask for it yet: from here on it is known where it is.

        Parameters
        ----------
        sent
            Body and media type.

        Returns
        -------
        tuple
            Where the job is, and what the service says of it if it does so at once.

        Raises
        ------
        Unreadable
            If it is not said where the job is.
        """
        body, kind = sent
        headers = (("Accept", "application/xml, text/xml, */*"), ("Content-Type", kind))
        timeouts = Timeouts(connect=_CONNECT, silence=_DOCUMENT_SECONDS)
        request = Request("POST", self.url / "async", headers, body, cap=MOST_BYTES, timeouts=timeouts)
        call = Call(
            request,
            lambda: LeadingReader(uws.read, "a job"),
            repeat=Repeat.NEVER,  # a second one would run beside the first, and nobody would know of it
            redirects=Redirects.DONE,
            total=2 * _DOCUMENT_SECONDS,
        )
        found: JobStatus | Url = yield from self._sent(call, ask)
        url, status = (Url(found.without_query()), None) if isinstance(found, Url) else self._told_by(found)
        if not uws.is_whole(url):
            home = self.url / "async"
            raise Unreadable(f"{home} leads to {url}, where no job can be (a login page?)", url=home)
        return url, status

    def _told_by(self, status: JobStatus) -> tuple[Url, JobStatus]:
        """Where a job is that was told of in place of its address."""
        if uws.is_whole(status.url):
            return status.url, status  # it was asked for there
        home = self.url / "async"
        if status.id in {"", ".", "..", status.url.path.rpartition("/")[2]}:
            raise Unreadable(f"{home} began a job and does not say where it is", url=home)
        url = home / segment(status.id)
        return url, replace(status, url=url)

    def told(self, url: Url) -> Flow[str]:
        """What a job's error document says."""
        request = Request("GET", url, cap=MOST_BYTES, timeouts=Timeouts(_CONNECT, _DOCUMENT_SECONDS))
        call = Call(request, _Words, repeat=Repeat.SAFE, redirects=Redirects.DROP, total=_DOCUMENT_SECONDS)
        words: str = yield from self._sent(call, ask)
        return words

    def conceal(self, problem: SkykeyError) -> Flow[None]:
        """Take out of an error what was sent to get it: a job's words may repeat the request that began it."""
        if self.keeper is not None:
            conceal_in(problem, ((yield from need(self.keeper)),))

    def delete(self, job: Url) -> Flow[None]:
        """Have a job forgotten, with its result.

        Raises
        ------
        ServiceError, TransportError
            If that is not sure.
        UsageError
            If no job can be there: nothing else is ever deleted.
        """
        if not uws.is_whole(job):
            raise UsageError(f"{job} is no job of {self.url}")
        request = Request("DELETE", job, timeouts=Timeouts(_CONNECT, _DELETE_SECONDS))
        call = Call(request, _Nothing, repeat=Repeat.SAFE, redirects=Redirects.DONE)
        try:
            yield from bounded(self._sent(call, ask), _DELETE_SECONDS)
        except NotFound:
            return  # as it should be

    def _sent(self, call: Call[Any], perform: Callable[[Call[Any]], Flow[Any]]) -> Flow[Any]:
        held: Held[Any] | None = None
        if self.keeper is not None:
            held = yield from need(self.keeper)
            if held.credential.reach.admits(call.request.url):
                call = replace(call, auth=(self.keeper,))
        elsewhere = call.request.url.origin != self.url.origin and not call.auth
        if elsewhere and call.request.url.scheme != "https":
            raise OutOfReach(f"{self.url} names a result at {call.request.url.origin}, which speaks plain http")
        heard = _Heard()
        hearing = replace(call, reader=lambda: _Hearing(call.reader(), heard))
        try:
            return (yield from perform(hearing))
        except ServiceError as problem:
            meant = heard.meant(problem)
            if _is_at(problem, self.url):
                self.customs.advise(meant, held)
            else:
                meant.next = "the service's own address for the result does not work: ask again"
            if meant is problem:
                raise
            raise meant from problem


def _is_at(problem: ServiceError, url: Url) -> bool:
    return problem.url is None or Url(problem.url).origin == url.origin


class _Heard:
    """Whether a refusal was said in TAP's own way."""

    is_taps = False

    def meant(self, problem: ServiceError) -> ServiceError:
        """The error that fits; the same one if nothing better is known."""
        told: dict[str, Any] = {"words": problem.words, "status": problem.status, "url": problem.url}
        of_query = isinstance(problem, QueryError) or (problem.status == _BROKEN and self.is_taps)
        said = (problem.words or "").lower()
        if not of_query or isinstance(problem, LimitExceeded):
            return problem
        if any(words in said for words in _GAVE_UP):
            return LimitExceeded(f"the query was too much for {problem.url}", **told)
        if isinstance(problem, QueryError):
            return problem
        return QueryError(f"{problem.url} refuses the query ({problem.status})", **told)


class _Hearing(Wrapped[Any]):
    """Keeps what is said in place of an answer."""

    def __init__(self, reader: Reader[Any], heard: _Heard) -> None:
        super().__init__(reader)
        self._heard = heard

    def words(self, head: Head, body: bytes, /) -> str:
        """See `Reader.words`."""
        said = super().words(head, body)
        self._heard.is_taps = bool(said) and body.lstrip()[:1] == b"<"
        return said


class _Nothing:
    """Reader of an answer that says nothing that matters."""

    def head(self, head: Head, /) -> None:
        """Look away."""

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Read past it, so that the connection can be used again."""
        return ()

    def finish(self) -> None:
        """Nothing."""

    def words(self, head: Head, body: bytes, /) -> str:
        """See `Reader.words`."""
        return VOTableBatches().words(head, body)


class _Words(_Nothing):
    """Reader of an error's own document: a VOTable, or text."""

    def __init__(self) -> None:
        self._body = b""
        self._head: Head | None = None

    def head(self, head: Head, /) -> None:
        """Keep it."""
        self._head = head

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Collect the beginning."""
        if len(self._body) < 2**16:
            self._body += chunk
        return ()

    def finish(self) -> str:  # type: ignore[override]  # another result of the same protocol
        """The words."""
        if self._head is None:
            raise Unreadable("there is no answer")
        return shortened(self.words(self._head, self._body))
