"""The one live object behind every credential: fresh for whoever asks, renewed once for all of them."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic

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

_NO_LIMIT = Deadline(None)
_PATIENCE = 60.0
# However long a credential lives, the wall clock is looked at once a second: it may jump, the machine may have slept.
_TICK = 1.0

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
    ) -> None:
        self.provider = provider
        self._store = MemoryStore() if store is None else store
        self._key = key or provider.name
        self._windows = windows or Windows()
        self._clock = clock
        self._patience = patience
        self._reference = reference
        self._held: Held[C] | None = None
        self._previous: Held[C] | None = None
        self._refused: Held[C] | None = None
        self._refused_at: float | None = None
        self._failure: _Failure | None = None
        self._looked = 0.0
        self._renewed: float | None = None
        self._got = 0.0
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
            How long this caller waits; the renewal itself goes on for the others.

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
        return decided.wait(deadline, self._clock) if isinstance(decided, Ticket) else decided

    async def aget(self, deadline: Deadline = _NO_LIMIT) -> Held[C]:
        """As `get`, without blocking the event loop."""
        ready = self._ready
        if ready is not None and self._clock.steady() < ready[1]:
            return ready[0]
        decided = self._decide()
        return await decided.await_(deadline) if isinstance(decided, Ticket) else decided

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

    def _decide(self) -> Held[C] | Ticket[C]:
        with self._lock:
            held, now = self._held, self._clock.steady()
            verdict = judge(
                None if held is None or self._refused is held else self._life(held),
                wall=self._clock.wall(),
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
                if verdict is Verdict.RENEW_SOON and id(self) not in _renewing.get():
                    with contextlib.suppress(RuntimeError):  # no thread to be had: what is held is still good
                        self._start()
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
        self._ready = held, now + min(_TICK, look, calm(life, wall=self._clock.wall(), windows=self._windows))
        return held

    def _changed(self, held: Held[C]) -> bool:
        """Ask the provider. If it cannot say, it is to be asked for a credential, and says what is wrong."""
        try:
            return self.provider.changed(held)
        except (Exception, SystemExit):  # noqa: BLE001 - a provider may be anybody's code
            return True

    def _start(self) -> Ticket[C]:
        """Join the renewal that is under way, or start one. Called with the lock held."""
        parents = _renewing.get()
        if id(self) in parents:
            raise Recursion(f"the renewal of {self.provider.name} needs {self.provider.name} itself")
        if self._ticket is None:
            ticket: Ticket[C] = Ticket()
            # Running before anyone can see it: whoever gets the ticket may rely on its being settled some day.
            threading.Thread(
                target=self._renew, args=(ticket, parents | {id(self)}), name="skykey-renewal", daemon=True
            ).start()
            self._ticket = ticket
        return self._ticket

    def _renew(self, ticket: Ticket[C], parents: frozenset[int]) -> None:
        _renewing.set(parents)
        trace = Trace()
        ask = Ask(self._clock, Deadline.after(self._patience, self._clock), self._refused, trace)
        found: Held[C] | None = None
        error: BaseException | None = None
        try:
            found = self._obtain(ask)
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the waiters must wake and the lock be free
            error = problem
        changed = error is not None and self._held is not None and self._changed(self._held)
        with self._lock:
            self._ticket, self._trace, self._ready = None, trace, None
            self._looked = self._clock.steady()
            if found is not None:
                self._held = self._previous = found
                self._renewed, self._got = self._looked, self._clock.wall()
                self._failure = self._refused = None
            elif error is not None:
                self._failure = _Failure(error, self._looked)
                if changed or not self._still_good():
                    self._held = None
        ticket.settle(found, error)

    def _obtain(self, ask: Ask) -> Held[C]:
        held = self._held or self._previous
        last = 0 if held is None else held.generation
        if self.provider.keeping is not Keeping.STORED:
            return replace(self.provider.obtain(held, ask), generation=last + 1)
        with self._store.exclusive(self._key, ask.deadline):
            stored = self._store.read(self._key)
            if stored is not None and self._fresh(stored, ask.rejected):
                return stored  # somebody else has renewed it meanwhile, which is as good
            # What is stored goes before what is held: its renewal secret is the one that was not used up yet.
            latest = held if stored is None else stored
            found = self.provider.obtain(latest, ask)
            # Counted in the store, so that keepers in other processes mean the same by a number.
            found = replace(found, generation=max(last, 0 if stored is None else stored.generation) + 1)
            # Durable before anyone sees it: with rotation, losing the new renewal secret means a new login.
            self._store.write(self._key, found)
            return found

    def _fresh(self, stored: Held[C], rejected: Held[C] | None) -> bool:
        if rejected is not None and stored.generation <= rejected.generation:
            return False
        now = self._clock.steady()
        life = stored.credential.life
        verdict = judge(life, wall=self._clock.wall(), steady=now, looked=now, windows=self._windows, failed=None)
        return verdict is Verdict.USE and not self._changed(stored)

    def _still_good(self) -> bool:
        """Whether a failed renewal leaves something to hand out: only if it was an early one."""
        held = self._held
        return held is not None and self._refused is not held and held.credential.life.ends is not None

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
