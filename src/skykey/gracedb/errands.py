"""Requests that are never done twice unseen: sent, looked for after an ambiguous end, and told as documented errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from skykey.calls.call import Call, Redirects, Repeat
from skykey.calls.flow import Flow, ask, pause
from skykey.gracedb.exceptions import answered, as_theirs, is_ambiguous, unknown_outcome
from skykey.gracedb.options import READS
from skykey.gracedb.response import Response, Sent, answers, finished
from skykey.gracedb.sending import with_query
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
    from skykey.values.url import Url
    from skykey.wire.request import Body, Timeouts

    Settle = Callable[[], Flow[Response | None]]

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


class ErrandFlows:
    """Sends requests to a server, with the credentials that are for it.

    Attributes
    ----------
    headers
        Sent with every request; may be changed.
    response_class
        What becomes of answers.
    """

    response_class: type[Response] = Response
    _options: Options
    _credentials: Credentials
    _clock: Clock = SYSTEM_CLOCK
    headers: SessionHeaders

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
        """As `Asking._send`, with a body that is ready: what the verbs of a session stand on too.

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
        if settle is not None and repeat is None:
            repeat = Repeat.UNDONE
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
                is_open = is_ambiguous(problem) or errand.responses.begun is not None
                if only_reads or call.repeat in {Repeat.SAFE, Repeat.COSTLY} or not is_open:
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
            As in `Asking._send`.
        is_page
            Whether a web page may be what is wanted.

        Raises
        ------
        HTTPError, TransportError
            As `Asking._send`.
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
        unsettled = ""
        accepted = errand.responses.begun
        if settle is not None:
            try:
                found = yield from settle()
                if found is not None or accepted is None:
                    return found
                unsettled = "It was looked for, and is not there."
            except SkykeyError as problem:
                unsettled = f"Looking whether it was done failed as well: {problem}"
        refused = errand.refused(met)
        told = unknown_outcome(
            met,
            None if refused is None else self._finished(errand, refused),
            errand.call.request,
            doing=errand.doing,
            check=errand.check,
        )
        if accepted is not None:
            told.was_accepted = True
            told.add_note(f"The server had begun to say that it was done: {accepted.status}.")
        if unsettled:
            told.add_note(unsettled)
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
        responses = answers(self.response_class)
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
