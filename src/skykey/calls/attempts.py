"""One call from credentials to result: placing, redirects, one replay after 401, safe repeats. Pure.

The generator yields steps and gets their answers (or has their exceptions thrown in); time comes from the deadline's
clock. It never touches a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from skykey.calls.call import Repeat
from skykey.calls.redirects import SEE_OTHER, reads, redirected
from skykey.calls.refusals import refusal
from skykey.calls.repeats import Repeats
from skykey.calls.steps import Batches, Close, Need, Pause, Read, Send, Step
from skykey.credentials.conceal import conceal_in, concealed_body, concealed_head
from skykey.credentials.place import place
from skykey.values.deadline import Deadline
from skykey.values.errors import NotAuthenticated, Redirected, SkykeyError, TransportError

if TYPE_CHECKING:
    from collections.abc import Generator

    from skykey.calls.call import Call
    from skykey.credentials.held import Held
    from skykey.wire.request import Head, Request

T = TypeVar("T")

_SUCCESS = 200, 300  # RFC 9110, 15.3
_MOST_WORDS = 64 * 1024
_MOST_REDIRECTS = 5


def attempts(call: Call[T]) -> Generator[Step, Any, T]:  # noqa: C901 - one loop with the cases of one call; cutting it hides their order
    """Perform a call.

    Raises
    ------
    ServiceError, TransportError, CredentialError
        As they come; a failed renewal is raised as such, with the words of the 401 that led to it as a note.
    """
    deadline = Deadline.after(call.total)
    way = _Way(call.request, Repeats(deadline, call.repeat, call.patience))
    replayed: NotAuthenticated | None = None
    while True:
        try:
            helds = yield from _credentials(call, deadline)
        except SkykeyError as problem:
            if replayed is not None:
                said = f" ({replayed.words})" if replayed.words else ""
                problem.add_note(f"The renewal was needed because of this answer: {replayed.message}{said}")
            raise
        begun = out = carried = False
        try:
            head, carried = yield from _send(call, way, helds, deadline)
            begun = True
            reader = call.reader()
            if head.status == SEE_OTHER:  # the answer itself: others were followed
                reader.head(head)
                return reader.finish()
            if not _SUCCESS[0] <= head.status < _SUCCESS[1]:
                sent = helds if carried else ()
                head, body = concealed_head(head, sent), concealed_body((yield from _words()), sent)
                raise refusal(head, reader.words(head, body), remedy=call.remedy)
            reader.head(head)
            while (chunk := (yield Read())) is not None:
                if batches := reader.feed(chunk):
                    out = True
                    yield Batches(batches)
            return reader.finish()
        except NotAuthenticated as problem:
            conceal_in(problem, helds)
            problem.attempts = way.sent
            yield Close()
            if replayed is not None or not _worth_a_replay(call, helds if carried else (), problem):
                raise
            replayed = problem
        except SkykeyError as problem:
            conceal_in(problem, helds)
            problem.attempts = way.sent
            if way.was_done and isinstance(problem, TransportError):
                problem.unsent = False  # what failed was only the look at what it did
            yield Close()
            wait = None if out else way.repeats.wait_after(problem, begun=begun)
            if wait is None:
                raise
            yield Pause(wait)


def _credentials(call: Call[Any], deadline: Deadline) -> Generator[Step, Any, tuple[Held[Any], ...]]:
    helds: tuple[Held[Any], ...] = ()
    for keeper in call.auth:
        helds += ((yield Need(keeper, deadline)),)
    return helds


@dataclass(slots=True)
class _Way:
    """From where a call begins when it is sent again.

    Parameters
    ----------
    request
        Without credentials.
    repeats
        What is left of them.
    carries
        Whether credentials may go along.
    sent
        How often it went out.
    was_done
        Whether what writes was answered by 303, and only its result is still asked for.
    """

    request: Request
    repeats: Repeats
    carries: bool = True
    sent: int = 0
    was_done: bool = False


def _send(
    call: Call[Any], way: _Way, helds: tuple[Held[Any], ...], deadline: Deadline
) -> Generator[Step, Any, tuple[Head, bool]]:
    """Send, following redirects; tells whether the last request still carried the credentials."""
    request, carries = way.request, way.carries
    way.sent += 1
    for _ in range(_MOST_REDIRECTS + 1):
        placed = request
        for held in helds if carries else ():
            placed = place(held, placed)
        head: Head = yield Send(placed, deadline)
        following = redirected(call, request, head, helds)
        if following is None:
            return head, carries
        was_done = not reads(request) and call.repeat in {Repeat.NEVER, Repeat.UNDONE}
        request, still_within = following
        carries = carries and still_within
        if was_done and reads(request):
            # It was done, and must not be done again; where to look now may be asked as often as one likes.
            way.was_done = True
            way.request, way.carries, way.repeats = request, carries, Repeats(deadline, Repeat.SAFE, call.patience)
    raise Redirected(
        f"{call.request.url.without_query()} redirects more than {_MOST_REDIRECTS} times",
        url=request.url.without_query(),
    )


def _words() -> Generator[Step, Any, bytes]:
    body = b""
    try:
        while len(body) < _MOST_WORDS and (chunk := (yield Read())) is not None:
            body += chunk
    except TransportError:
        return body  # the status is the message; its explanation was cut
    return body[:_MOST_WORDS]


def _worth_a_replay(call: Call[Any], helds: tuple[Held[Any], ...], problem: NotAuthenticated) -> bool:
    # Every keeper hears of it: the first that has something newer must not silence the others.
    worthwhile = [keeper.reject(held, problem.message) for keeper, held in zip(call.auth, helds, strict=False)]
    return any(worthwhile)
