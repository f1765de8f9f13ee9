"""The one live object behind every credential: fresh for whoever asks, renewed once for all of them."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
import weakref
from contextvars import Context, ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic

from skykey.credentials.circumstances import WRONG_CLOCK, note_clock, note_failure, with_circumstances
from skykey.credentials.held import C
from skykey.credentials.provider import Ask, Keeping, Provider
from skykey.credentials.store import MemoryStore, Store
from skykey.credentials.ticket import Ticket, own_copy
from skykey.credentials.trace import Trace
from skykey.values.clock import SYSTEM_CLOCK, Clock
from skykey.values.deadline import Deadline
from skykey.values.errors import Recursion
from skykey.values.life import Verdict, Windows, calm, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.held import Held
    from skykey.values.life import Life
    from skykey.wire.exchange import Carrier

_NO_LIMIT = Deadline(None)
_PATIENCE = 60.0
# However long a credential lives, the wall clock is looked at once a second: it may jump, the machine may have slept.
_TICK = 1.0
# Seconds that a program which ends waits for renewals that a store waits for, all together.
_FAREWELL = 5.0

_renewing: ContextVar[frozenset[int]] = ContextVar("skykey_renewing", default=frozenset())
_keepers: weakref.WeakSet[Keeper[Any]] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException
    at: float


class Keeper(Generic[C]):
    """Hold a credential and keep it fresh.

    Renewal is blocking code on a thread of its own, under one `Ticket`, with its own deadline: threads wait for the
    ticket, tasks await it, and a cancelled or impatient waiter harms nobody.

    Parameters
    ----------
    provider
        Where it comes from.
    store, key
        Where a `Keeping.STORED` one is remembered, and under which name.
    windows
        When to renew.
    clock
        For tests.
    patience
        Seconds that one renewal may take.
    reference
        A function and its arguments that find this keeper again in another process. With it, pickling sends the
        reference; without it, pickling is refused, because a credential must not travel unseen.
    held
        What is at hand from the start, such as a token that the user gave beside what renews it.
    carrier
        Who takes a grant's requests out; None for the process's own connections.
    prompt
        Whether the caller who starts an early renewal waits for it (and gets what is held if it fails) instead of going
        on with what is still valid.
    """

    last_challenge: str | None = None
    """What the service said at the latest refusal that led to a renewal."""

    def __init__(
        self,
        provider: Provider[C],
        *,
        store: Store | None = None,
        key: str = "",
        windows: Windows | None = None,
        clock: Clock = SYSTEM_CLOCK,
        patience: float = _PATIENCE,
        reference: tuple[Callable[..., Keeper[C]], tuple[str, ...]] | None = None,
        held: Held[C] | None = None,
        carrier: Carrier | None = None,
        prompt: bool = False,
    ) -> None:
        self.provider = provider
        self._store = MemoryStore() if store is None else store
        self._key = key or provider.name
        self._windows = windows or Windows()
        self._clock = clock
        self._patience = patience
        self._reference = reference
        self._carrier = carrier
        self._prompt = prompt
        self._held = self._previous = held
        # Whether the store has had it: then its absence there means that somebody logged out.
        self._is_stored = held is not None and store is not None
        self._refused: Held[C] | None = None
        self._refused_at: float | None = None
        self._failure: _Failure | None = None
        self._looked = 0.0
        self._renewed: float | None = None
        # Both clocks when the latest credential came.
        self._got, self._got_steady = self._clock.wall(), self._clock.steady()
        self._noted: set[str] = set()
        # What may be handed out without a decision, and until when (steady): one value, read and replaced as a whole.
        self._ready: tuple[Held[C], float] | None = None
        self._trace = Trace()
        self._unlock()
        _keepers.add(self)

    def _unlock(self) -> None:
        self._lock = threading.Lock()
        self._ticket: Ticket[C] | None = None

    def get(self, deadline: Deadline = _NO_LIMIT) -> Held[C]:
        """Hand out a credential that is valid now, renewing it first if need be.

        Parameters
        ----------
        deadline
            How long this caller waits, and never longer than the block's own (`within`); the renewal itself goes on for
            the others.

        Raises
        ------
        CredentialError
            What the provider raised.
        TimedOut
            If the deadline is over first.
        """
        ready = self._ready
        if ready is not None and self._clock.steady() < ready[1]:
            return ready[0]
        decided = self._decide()
        if not isinstance(decided, Ticket):
            return decided
        return decided.wait(deadline.sooner(Deadline.after(None)), self._clock)

    async def aget(self, deadline: Deadline = _NO_LIMIT) -> Held[C]:
        """As `get`, without blocking the event loop."""
        ready = self._ready
        if ready is not None and self._clock.steady() < ready[1]:
            return ready[0]
        decided = self._decide()
        if not isinstance(decided, Ticket):
            return decided
        return await decided.await_(deadline.sooner(Deadline.after(None)))

    def reject(self, held: Held[C], challenge: str) -> bool:
        """Report that a service refused a credential.

        Goes by generation: an old 401 says nothing about a newer credential.

        Parameters
        ----------
        held
            The refused one.
        challenge
            What the service said; kept as `last_challenge` if it leads to a renewal.

        Returns
        -------
        bool
            Whether one replay is worthwhile, because there is a newer one or a renewal may bring one.
        """
        unchanged = self.provider.keeping is Keeping.NOT_AT_ALL and not self._changed(held)
        with self._lock:
            current = self._held
            if current is None or held.generation != current.generation:
                return True
            if self._refused is current:
                return True  # another caller's renewal is on its way
            now = self._clock.steady()
            if self.provider.keeping is Keeping.NOT_AT_ALL:
                if unchanged:
                    return False
            elif self._refused_at is not None and now - self._refused_at < self._windows.pause:
                return False  # the one before was refused just as well: do not hammer the issuer
            self._refused, self._refused_at, self._ready = current, now, None
            self.last_challenge = challenge
            return True

    def differs(self, generation: int) -> bool:
        """Whether asking now could give another credential than that generation's. Local and cheap."""
        held = self._held
        return held is None or held.generation != generation or self._changed(held)

    def trace(self) -> Trace:
        """The attempts of the latest renewal."""
        return self._trace

    @property
    def at_hand(self) -> Held[C] | None:
        """What it holds now, fresh or not, without renewing anything; None if nothing."""
        return self._held

    @property
    def windows(self) -> Windows:
        """When it renews, for what it holds now: shrunk if that one's whole life is short."""
        held = self._held
        return self._windows if held is None else self._windows.fitted(self._life(held))

    def put(self, held: Held[C]) -> None:
        """Take over one that came another way, as if it had just been renewed: a login, a token set by hand."""
        with self._lock:
            last = 0 if self._previous is None else self._previous.generation
            self._publish(replace(held, generation=max(last + 1, held.generation)))

    def _decide(self) -> Held[C] | Ticket[C]:
        with self._lock:
            held, now = self._held, self._clock.steady()
            verdict = judge(
                None if held is None or self._refused is held else self._life(held),
                wall=self._wall(now),
                steady=now,
                looked=self._looked,
                windows=self._windows,
                failed=None if self._failure is None else self._failure.at,
                renewed=self._renewed,
            )
            if held is None or verdict is Verdict.RENEW_NOW or verdict is Verdict.HOLD:
                if verdict is Verdict.HOLD and self._failure is not None:
                    raise own_copy(self._failure.error)
                return self._start()
            if verdict is not Verdict.LOOK:
                if verdict is Verdict.RENEW_SOON and self._ticket is None and id(self) not in _renewing.get():
                    with contextlib.suppress(RuntimeError):  # no thread to be had: what is held is still good
                        started = self._start()
                        if self._prompt:
                            return started
                return self._use(held, now)
            self._looked = now
        # Without the lock: a source that somebody else wrote may take its time, or ask this very keeper.
        changed = self._changed(held)
        with self._lock:
            current = self._held
            if current is None or current is self._refused or (changed and current is held):
                return self._start()
            return self._use(current, now)

    def _life(self, held: Held[C]) -> Life:
        """With the time when it came here, where nobody says when it came to be."""
        life = held.credential.life
        return replace(life, born=self._got) if life.born is None and life.ends is not None else life

    def _use(self, held: Held[C], now: float) -> Held[C]:
        """Hand it out, and for a while without a decision. Called with the lock held."""
        life = self._life(held)
        look = _TICK if life.look_again is None else life.look_again
        self._ready = held, now + min(_TICK, look, calm(life, wall=self._wall(now), windows=self._windows))
        return held

    def _wall(self, now: float) -> float:
        """The later of both clocks: one stands still while a machine sleeps, the other can be set back."""
        return max(self._clock.wall(), self._got + (now - self._got_steady))

    def _changed(self, held: Held[C]) -> bool:
        """Ask the provider. If it cannot say, it is to be asked for a credential, and says what is wrong."""
        try:
            return self.provider.changed(held)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a provider may be anybody's code
            return True

    def _start(self) -> Ticket[C]:
        """Join the renewal that is under way, or start one. Called with the lock held."""
        parents = _renewing.get()
        if id(self) in parents:
            raise Recursion(f"the renewal of {self.provider.name} needs {self.provider.name} itself")
        if self._ticket is None:
            ticket: Ticket[C] = Ticket()
            # A context of its own: from Python 3.14 on a thread may inherit its starter's, and with it a time limit.
            work, arguments = Context().run, (self._renew, ticket, parents | {id(self)})
            # Running before anyone can see it: whoever gets the ticket may rely on its being settled some day. If
            # Ctrl-C comes between the two lines, the thread finds that its ticket is nobody's.
            threading.Thread(target=work, args=arguments, name="skykey-renewal", daemon=True).start()
            self._ticket = ticket
        return self._ticket

    def _renew(self, ticket: Ticket[C], parents: frozenset[int]) -> None:
        with self._lock:
            if self._ticket is not ticket:
                return
        _renewing.set(parents)
        trace, before = Trace(), self._previous
        ask = Ask(self._clock, Deadline.after(self._patience, self._clock), self._refused, trace, self._carrier)
        found: Held[C] | None = None
        error: BaseException | None = None
        try:
            found = self._obtain(ask)
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the waiters must wake and the lock be free
            error = problem
        try:
            changed = error is not None and self._held is not None and self._changed(self._held)
            with self._lock:
                self._ticket, self._trace, self._ready = None, trace, None
                self._looked = now = self._clock.steady()
                if self._previous is not before and self._held is not None and self._refused is not self._held:
                    # A newer one came another way meanwhile: how this renewal ended is of no interest any more.
                    found, error = self._held, None
                elif found is not None:
                    self._publish(found)
                elif error is not None:
                    error = with_circumstances(error, self.provider.name, self._since(now), trace.offset)
                    self._failure = _Failure(error, now)
                    if changed or not self._still_good():
                        self._held = None
                    elif not self._is_over(now):
                        found = self._held  # the renewal came in good time: its failure harms nobody yet
            self._note(error, trace, harmless=found is not None)
        finally:
            # Also if a source's own look or a log's handler raises: who waits must wake, and the next one may try.
            with self._lock:
                if self._ticket is ticket:
                    self._ticket = None
            ticket.settle(found, None if found is not None else error)

    def _publish(self, found: Held[C]) -> None:
        """Hold it from now on. Called with the lock held."""
        self._held = self._previous = found
        self._looked = self._renewed = self._got_steady = self._clock.steady()
        self._got = self._clock.wall()
        self._failure = self._refused = self._ready = None

    def _obtain(self, ask: Ask) -> Held[C]:
        held = self._held or self._previous
        last = 0 if held is None else held.generation
        if self.provider.keeping is not Keeping.STORED:
            return replace(self.provider.obtain(held, ask), generation=last + 1)
        stored = self._store.read(self._key)
        if stored is not None and self._fresh(stored, ask.rejected):
            return self._adopted(stored)  # somebody else has renewed it: no lock, no request
        with self._store.exclusive(self._key, ask.deadline):
            stored = self._store.read(self._key)
            if stored is not None and self._fresh(stored, ask.rejected):
                return self._adopted(stored)
            if stored is None and self._is_stored:
                # It was there and is not any more: somebody logged out, and what is held must not bring it back.
                held = None
            # What is stored goes before what is held: its renewal secret is the one that was not used up yet.
            found = self.provider.obtain(stored or held, ask)
            # Counted in the store, so that keepers in other processes mean the same by a number.
            found = replace(found, generation=max(last, 0 if stored is None else stored.generation) + 1)
            # Durable before anyone sees it: with rotation, losing the new renewal secret means a new login.
            self._store.write(self._key, found)
            return self._adopted(found)

    def _adopted(self, stored: Held[C]) -> Held[C]:
        self._is_stored = True
        return stored

    def _fresh(self, stored: Held[C], rejected: Held[C] | None) -> bool:
        if rejected is not None and stored.generation <= rejected.generation:
            return False
        now = self._clock.steady()
        life, known = stored.credential.life, self._previous
        # This keeper's own is as old as it knows, even if the clock was set back since.
        is_known = known is not None and known.credential.parts() == stored.credential.parts()
        wall = self._wall(now) if is_known else self._clock.wall()
        verdict = judge(life, wall=wall, steady=now, looked=now, windows=self._windows, failed=None)
        return verdict is Verdict.USE and not self._changed(stored)

    def _is_over(self, now: float) -> bool:
        held = self._held
        remaining = None if held is None else held.credential.life.remaining(self._wall(now))
        return held is None or (remaining is not None and remaining <= 0)

    def _since(self, now: float) -> float | None:
        """Seconds since the last renewal that succeeded."""
        return None if self._renewed is None else now - self._renewed

    def _note(self, error: BaseException | None, trace: Trace, *, harmless: bool) -> None:
        """Log what nobody else will say: one warning an outage, one for a clock that is wrong."""
        if error is None:
            self._noted.discard("failure")
        elif harmless and "failure" not in self._noted:
            self._noted.add("failure")
            note_failure(error)
        if trace.offset is not None and abs(trace.offset) > WRONG_CLOCK and "clock" not in self._noted:
            self._noted.add("clock")
            note_clock(trace.offset)

    def _still_good(self) -> bool:
        """Whether a failed renewal leaves something to hand out: only if it was an early one."""
        held = self._held
        return held is not None and self._refused is not held and held.credential.life.ends is not None

    def _take_leave(self, until: float) -> None:
        """Wait for a renewal that writes into a store, as the program ends."""
        ticket = self._ticket
        if ticket is not None and self.provider.keeping is Keeping.STORED:
            ticket.ended(max(0.0, until - time.monotonic()))

    def __copy__(self) -> Keeper[C]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Keeper[C]:
        return self

    def __reduce__(self) -> tuple[Callable[..., Keeper[C]], tuple[str, ...]]:
        if self._reference is None:
            raise TypeError(
                f"{self.provider.name} does not travel to another process: find it there, or name its site instead"
            )
        return self._reference

    def __repr__(self) -> str:
        return f"<Keeper of {self.provider.name}>"


def _after_fork() -> None:
    # The thread that would settle a ticket, or give a lock back, was not copied into the child.
    for keeper in list(_keepers):
        keeper._unlock()  # noqa: SLF001 - own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    # Renewal threads end with the program. One that has spent a secret must first write down what came in its place.
    until = time.monotonic() + _FAREWELL
    for keeper in list(_keepers):
        keeper._take_leave(until)  # noqa: SLF001 - own module
