"""An answer that is remembered for a while, and asked for once however many want it."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skykey.calls.question import Question
from skykey.calls.steps import Await
from skykey.credentials.ticket import own_copy
from skykey.values.calloff import stop_flag
from skykey.values.deadline import Deadline
from skykey.values.errors import SkykeyError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.flow import Flow
    from skykey.values.clock import Clock

T = TypeVar("T")

# Between tries that fail: doubled each time, up to a minute; what the service itself asks for counts up to five.
_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 60.0
_LONGEST_ASKED: Final = 300.0

_memos: weakref.WeakSet[Memo[Any]] = weakref.WeakSet()


class Memo(Generic[T]):
    """Holds the latest good answer of a flow.

    However many threads and tasks want it at once, on one event loop or several, one of them asks and the others wait.
    Each has its own time limit, and whoever goes away while asking leaves the question to the next.

    When asking again fails, the old answer is served on while it is younger than `stale` seconds. After a failure there
    is a pause in which nobody asks, and which grows from two seconds to a minute while the failures go on; a service
    that says how long to wait is heard.

    Parameters
    ----------
    seconds
        How long an answer counts as fresh.
    stale
        Up to which age it is served when a fresh one cannot be had; 0 for never.
    hold
        Whether there is a pause also with nothing to serve: the failure is raised again in it, without a new try.
        Otherwise each caller who finds nothing asks.
    warn
        Told the failure when an old answer is served, once an outage.
    """

    def __init__(
        self,
        seconds: float,
        *,
        stale: float = 0.0,
        hold: bool = False,
        warn: Callable[[SkykeyError], None] | None = None,
    ) -> None:
        self._seconds = seconds
        self._stale = stale
        self._hold = hold
        self._warn = warn
        self._latest: tuple[float, T] | None = None
        self._failure: SkykeyError | None = None
        self._failures = 0
        self._not_before = 0.0
        self._unlock()
        _memos.add(self)

    def _unlock(self) -> None:
        # A caller that went away may be noticed by the garbage collector, in the middle of whatever holds the lock.
        self._lock = threading.RLock()
        self._question: Question[T] | None = None

    def flow(self, make: Callable[[], Flow[T]], clock: Clock) -> Flow[T]:
        """Give the remembered answer, or make a new one. The age counts from the question, not from the answer.

        Parameters
        ----------
        make
            Asks; called by one of those who want the answer.
        clock
            For ages and pauses.

        Raises
        ------
        SkykeyError
            What asking raised, if there is no answer young enough; those who waited get copies of their own.
        """
        has_waited = False
        while True:
            with self._lock:
                known, question = self._known(clock.steady()), self._question
                if known is not None:
                    return known[0]
                own = question is None
                if question is None:
                    question = self._question = Question()
            if own:
                return (yield from self._ask(question, make, clock))
            yield Await(question, Deadline.after(None))
            try:
                outcome = question.outcome()
            except TimedOut:
                # Perhaps a limit of whoever asked, which says nothing about this caller's: once more, and not for ever.
                if has_waited:
                    raise
                has_waited = True
                continue
            if outcome is not None:
                return outcome[0]
            self._leave(question)

    def forget(self) -> None:
        """Ask again next time, whatever is known or under way."""
        with self._lock:
            self._latest = self._failure = self._question = None
            self._failures, self._not_before = 0, 0.0

    def _known(self, now: float) -> tuple[T] | None:
        """What is to be served without asking. Called with the lock held."""
        latest, failed = self._latest, self._failure is not None
        if latest is not None:
            age = now - latest[0]
            # While somebody tries again after a failure, the others need not wait for how that ends.
            paused = failed and (now < self._not_before or self._question is not None)
            if age < self._seconds or (paused and age < self._stale):
                return (latest[1],)
        if self._hold and self._failure is not None and now < self._not_before:
            again = own_copy(self._failure)
            again.add_note(f"This is the latest try's failure; the next try is in {self._not_before - now:.0f} s")
            raise again
        return None

    def _ask(self, question: Question[T], make: Callable[[], Flow[T]], clock: Clock) -> Flow[T]:
        begun, limit = clock.steady(), Deadline.after(None)
        try:
            answer = yield from make()
        except SkykeyError as problem:
            if limit.remaining() == 0.0 or _called_off():
                # That says something about this caller, and nothing about the service.
                self._leave(question)
                raise
            old, first = self._failed(question, problem, clock.steady())
            if old is None:
                raise
            if first and self._warn is not None:
                self._warn(problem)
            return old[0]
        except BaseException:
            self._leave(question)
            raise
        with self._lock:
            if self._question is question:
                self._question, self._latest = None, (begun, answer)
                self._failure, self._failures = None, 0
        question.settle((answer,))
        return answer

    def _failed(self, question: Question[T], problem: SkykeyError, now: float) -> tuple[tuple[T] | None, bool]:
        """Note a failure; what is served in its place, and whether this outage is news."""
        with self._lock:
            latest, first = self._latest, self._failures == 0
            old = (latest[1],) if latest is not None and now - latest[0] < self._stale else None
            if self._question is question:
                self._question, self._failures = None, self._failures + 1
                self._failure = _kept(problem)
                self._not_before = now + _pause_after(problem, self._failures)
        question.settle(old, None if old is not None else problem)
        return old, first

    def _leave(self, question: Question[T]) -> None:
        """Let somebody else ask."""
        with self._lock:
            if self._question is question:
                self._question = None
        question.settle(None)

    def __reduce__(self) -> tuple[Callable[..., Memo[T]], tuple[Any, ...]]:
        # What is remembered stays here: a copy asks for itself.
        return _empty, (self._seconds, self._stale, self._hold, self._warn)


def _empty(seconds: float, stale: float, hold: bool, warn: Callable[[SkykeyError], None] | None) -> Memo[Any]:
    return Memo(seconds, stale=stale, hold=hold, warn=warn)


def _kept(problem: SkykeyError) -> SkykeyError:
    """A failure to keep: without the frames of whoever met it, whose variables would stay with it."""
    twin = own_copy(problem)
    return twin if isinstance(twin, SkykeyError) else problem


def _pause_after(problem: SkykeyError, failures: int) -> float:
    grown = min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)
    asked: float = getattr(problem, "retry_after", None) or 0.0
    return max(grown, min(asked, _LONGEST_ASKED))


def _called_off() -> bool:
    """Whether the caller, and not the service, ended its request."""
    stop = stop_flag.get()
    return stop is not None and stop.is_set()


def _after_fork() -> None:
    # Whoever asked was not copied into the child, and perhaps held the lock.
    for memo in list(_memos):
        memo._unlock()  # noqa: SLF001 - own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
