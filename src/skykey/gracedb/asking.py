"""What every method of the client stands on: URLs from the API root, and requests that are never done twice unseen.

::

    class LogFlows(Asking):
        @method
        def logs(self, graceid: str) -> Flow[Response]:
            url = yield from self._url("event-log-template", graceid=graceid)
            return (yield from self._send("GET", url, doing=f"listing the log entries of {graceid}"))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from skykey.calls.call import Call, Redirects, Repeat
from skykey.calls.flow import Flow, ask, pause
from skykey.gracedb.exceptions import answered, as_theirs, is_ambiguous, unknown_outcome
from skykey.gracedb.options import READS
from skykey.gracedb.response import Response, Sent, answers, finished
from skykey.gracedb.root import MissingTemplate, Root
from skykey.gracedb.root_memory import Ground, RootMemory, remembered
from skykey.gracedb.sending import FilePart, body_of, with_query
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.errors import ServiceError, SkykeyError
from skykey.wire.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.calls.response import Response as Answer
    from skykey.calls.response import Responses
    from skykey.credentials.kept import Kept
    from skykey.gracedb.credentials import Credentials
    from skykey.gracedb.headers import SessionHeaders, Value
    from skykey.gracedb.options import Options
    from skykey.gracedb.sending import Fields, Params
    from skykey.values.url import Url
    from skykey.wire.request import Body, Timeouts

    Settle = Callable[[], Flow[Response | None]]

__all__ = ["Asking", "FilePart"]

T = TypeVar("T")

_MOST_BYTES: Final = 2**30


@dataclass(frozen=True, slots=True)
class _Errand:
    """One request on its way, however often it is sent."""

    call: Call[Any]
    responses: Responses
    doing: str
    check: str
    begun: float

    def refused(self, problem: SkykeyError) -> Answer | None:
        """The answer that an error was made of."""
        return self.responses.refused_with(problem) if isinstance(problem, ServiceError) else None


class Asking:
    """Base of all classes of flows.

    Attributes
    ----------
    headers
        Sent with every request; may be changed.
    """

    _options: Options
    _credentials: Credentials
    _memory: RootMemory | None = None
    _service_info: dict[str, Any] | None = None
    _clock: Clock = SYSTEM_CLOCK
    headers: SessionHeaders

    def _root(self, *, instead: Root | None = None) -> Flow[Root]:
        """The API root, remembered.

        Parameters
        ----------
        instead
            A root that did not know something: it is asked for anew, unless it just was.

        Raises
        ------
        BadVersion
            If the server does not have the version of the API that was asked for.
        """
        if self._service_info is not None:  # somebody has set it
            return Root(self._service_info, self._options.versioned_url, is_new=True)
        ground = Ground(self._options, self._clock, self._asked, self._credentials.keepers)
        return (yield from remembered(ground, self._memory, instead))

    def _find(self, find: Callable[[Root], T | None]) -> Flow[T | None]:
        """Look for something in the API root; what is not there is looked for once more in one that is asked for anew.

        Parameters
        ----------
        find
            Gives None for what is not there: a label that was made just now, a template of a newer server.
        """
        root = yield from self._root()
        found = find(root)
        if found is None:
            found = find((yield from self._root(instead=root)))
        return found

    def _url(self, template: str, /, **values: object) -> Flow[Url]:
        """Fill in a template of the API root.

        Parameters
        ----------
        template
            Its key, such as ``event-log-template``.
        values
            What its placeholders stand for; each is quoted.

        Raises
        ------
        MissingTemplate
            If the server has no such template: it cannot do that.
        UsageError
            If a value would lead elsewhere: an empty one, ``.``, ``..``.
        """
        url = yield from self._find(lambda root: root.filled(template, values))
        if url is None:
            raise MissingTemplate(template)
        return url

    def _link(self, name: str) -> Flow[Url | None]:
        """A link of the API root; None if it has none of that name."""
        return (yield from self._find(lambda root: root.link(name)))

    def _send(
        self,
        method: str,
        url: Url | str,
        *,
        params: Params = None,
        fields: Fields | None = None,
        file: FilePart | None = None,
        json: Any = None,
        repeat: Repeat | None = None,
        settle: Settle | None = None,
        doing: str = "",
        check: str = "",
    ) -> Flow[Response]:
        """Send a request to the server, and give its answer.

        Parameters
        ----------
        method
            ``GET``, ``POST``, …
        url
            Where to.
        params
            For the query; None and empty lists vanish, lists repeat their name.
        fields
            Of a form, in the same way; with a file they become parts of their own.
        file
            A file in the form.
        json
            What to send as JSON in place of a form.
        repeat
            What may be sent twice. None goes by the method: what reads is `Repeat.SAFE`, all else `Repeat.UNDONE`.
        settle
            After an ambiguous end of what may not be sent twice: a flow that looks whether it was done. It gives the
            answer that stands for it, or None if it surely was not, and then the request is sent again, as often as
            the options allow. Without it, and if it raises, the end stays ambiguous.
        doing
            What this is, for errors: "adding a log entry to G1234".
        check
            What to type to see whether it was done; by default a GET of the same URL.

        Raises
        ------
        HTTPError
            For 400 and above, of the class that fits the status.
        OutcomeUnknown
            If it may or may not have been done. It is an `HTTPError` or a `TransportError` too.
        TransportError
            If there is no answer; then nothing was done, or it only read.
        IgwnAuthError
            If there is no credential, and there has to be one.
        """
        body, kind = body_of(fields, () if file is None else (file,), json)
        return (
            yield from self._asked(
                method,
                with_query(url, params),
                body=body,
                kind=kind,
                repeat=repeat,
                settle=settle,
                doing=doing,
                check=check,
            )
        )

    def _asked(
        self,
        method: str,
        url: Url,
        *,
        body: bytes | Body = b"",
        kind: str | None = None,
        headers: Mapping[str, Value] | None = None,
        timeouts: Timeouts | None = None,
        repeat: Repeat | None = None,
        settle: Settle | None = None,
        redirects: Redirects = Redirects.WITHIN,
        doing: str = "",
        check: str = "",
    ) -> Flow[Response]:
        """As `_send`, with a body that is ready: what the verbs of a session stand on too.

        Parameters
        ----------
        body, kind
            What is sent, and its ``Content-Type``.
        headers
            Over those of the client; None takes one away.
        timeouts
            In place of the client's.
        redirects
            See there.
        """
        request = self._request(method, url, body=body, kind=kind, headers=headers, timeouts=timeouts)
        errand = yield from self._errand(request, repeat, redirects, doing=doing, check=check)
        call = errand.call
        only_reads = request.method in READS
        left, wait = call.patience.repeats, call.patience.first
        while True:
            try:
                return self._finished(errand, (yield from ask(call)))
            except SkykeyError as problem:
                refused = errand.refused(problem)
                if refused is not None and refused.ok:  # a 3xx that is no redirect, such as 304
                    return self._finished(errand, refused)
                if only_reads or call.repeat in {Repeat.SAFE, Repeat.COSTLY} or not is_ambiguous(problem):
                    self._fail(errand, problem)
                met = problem
            found = yield from self._settled(errand, met, settle)
            if found is not None:
                return found
            if left == 0 or call.repeat is Repeat.NEVER:
                self._fail(errand, met)
            left -= 1
            yield from pause(wait)
            wait = min(2 * wait, call.patience.longest)

    def _open(self, url: Url | str, *, doing: str = "", is_page: bool = True) -> Flow[None]:
        """Download something: the body of a `skykey.calls.download.download`.

        Parameters
        ----------
        url
            Where it is. Credentials go along if that is on the client's own server.
        doing
            As in `_send`.
        is_page
            Whether a web page may be what is wanted.

        Raises
        ------
        HTTPError, TransportError
            As `_send`.
        """
        from skykey.gracedb.opening import Opening

        target = with_query(url, None)
        # Not compressed: what breaks off can go on only where bytes are counted as they are kept.
        request = self._request("GET", target, headers={"Accept-Encoding": "identity"}, cap=None)
        errand = yield from self._errand(request, Repeat.SAFE, Redirects.WITHIN, doing=doing)

        def fail(problem: SkykeyError) -> NoReturn:
            self._fail(errand, problem)

        yield from Opening(errand.call, errand.responses, fail, is_page=is_page).flow()

    def _settled(self, errand: _Errand, met: SkykeyError, settle: Settle | None) -> Flow[Response | None]:
        """Look whether it was done.

        Raises
        ------
        OutcomeUnknown
            If that cannot be known.
        """
        unsettled: SkykeyError | None = None
        if settle is not None:
            try:
                return (yield from settle())
            except SkykeyError as problem:
                unsettled = problem
        refused = errand.refused(met)
        told = unknown_outcome(
            met,
            None if refused is None else self._finished(errand, refused),
            errand.call.request,
            doing=errand.doing,
            check=errand.check,
        )
        if unsettled is not None:
            told.add_note(f"Looking whether it was done failed as well: {unsettled}")
        raise told from met

    def _request(
        self,
        method: str,
        url: Url,
        *,
        body: bytes | Body = b"",
        kind: str | None = None,
        headers: Mapping[str, Value] | None = None,
        timeouts: Timeouts | None = None,
        cap: int | None = _MOST_BYTES,
    ) -> Request:
        """A request without credentials."""
        pairs = self.headers.with_others({"Content-Type": kind}, headers, at_home=self._is_home(url))
        return Request(method.upper(), url, pairs, body, cap=cap, timeouts=timeouts or self._options.timeouts)

    def _errand(
        self, request: Request, repeat: Repeat | None, redirects: Redirects, *, doing: str = "", check: str = ""
    ) -> Flow[_Errand]:
        """The request with its credentials, if it goes home, and with what the options say about repeats."""
        keepers: tuple[Kept[Any], ...] = ()
        if self._is_home(request.url) and not any(name.lower() == "authorization" for name, _ in request.headers):
            keepers = yield from self._credentials.keepers()
        responses = answers()
        repeat = self._options.repeat_of(request.method, repeat)
        call: Call[Any] = Call(request, responses, keepers, repeat, self._options.patience, redirects)
        return _Errand(call, responses, doing, check, self._clock.steady())

    def _is_home(self, url: Url) -> bool:
        """Whether it is on the server that the client was made for."""
        return url.origin == self._options.service_url.origin

    def _finished(self, errand: _Errand, response: Answer) -> Response:
        return finished(response, Sent.of(errand.call.request), self._clock.steady() - errand.begun)

    def _fail(self, errand: _Errand, problem: SkykeyError) -> NoReturn:
        """Raise the documented error for a refusal, else the problem itself."""
        refused = errand.refused(problem)
        if refused is None or not isinstance(problem, ServiceError):
            raise as_theirs(problem) from problem.__cause__
        is_anonymous = not errand.call.auth and self._is_home(errand.call.request.url)
        advice = self._credentials.advice() if is_anonymous else None
        response = self._finished(errand, refused)
        raise answered(problem, response, doing=errand.doing, why_anonymous=advice) from problem
