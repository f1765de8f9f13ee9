"""One kind of credential of a client: whether there is one now, and where it was looked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic

from skykey.calls.flow import Flow, need
from skykey.credentials.held import C
from skykey.credentials.keeper import Keeper
from skykey.credentials.trace import Outcome
from skykey.gracedb.exceptions import IgwnAuthError
from skykey.gracedb.fresher import Fresher
from skykey.gracedb.scitokens import in_utc
from skykey.values.deadline import Deadline
from skykey.values.errors import CredentialError
from skykey.values.life import Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from skykey.credentials.chain import Chain
    from skykey.credentials.held import Held
    from skykey.credentials.trace import Attempt
    from skykey.values.clock import Clock

# Places look the same while time goes by, and a token may have begun: so long nothing is looked for again.
_REST: Final = 1.0
# What a place says that is simply empty.
_EMPTY: Final = ("is not set", "does not exist", "is empty", "set, and empty", "no package offers one", "file *.use")


@dataclass(frozen=True, slots=True)
class _Absent:
    """That nothing was found, how the places looked then, and until when (steady) that is believed."""

    places: Hashable
    until: float


@dataclass(slots=True)
class Kind(Generic[C]):
    """Tokens, certificates or passwords.

    Parameters
    ----------
    name
        As ``auth_type`` calls it.
    noun
        As messages call it.
    chain
        The places.
    places
        Tells how they look now: cheap, so that an anonymous client does not search before each call.
    words
        The documented beginning of the error.
    is_needed
        Whether there must be one.
    early
        Seconds before the end from which on a longer-lived one is looked for.
    clock
        For tests.
    """

    name: str
    noun: str
    chain: Chain[C]
    places: Callable[[], Hashable]
    words: str
    is_needed: bool
    early: float
    clock: Clock
    keeper: Keeper[C] = field(init=False)
    _absent: _Absent | None = field(default=None, init=False)
    _last: Held[C] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # No failure is held: whether to search again, this class knows better.
        windows = Windows(early=max(0.0, self.early), late=0.0, pause=_REST, hold=0.0)
        self.keeper = Keeper(Fresher(self.chain, windows.early), windows=windows, clock=self.clock, prompt=True)

    @property
    def kept(self) -> Kept[C]:
        """The credential as a call needs it."""
        return Kept(self)

    def look(self) -> Flow[bool]:
        """Whether there is one now."""
        places = self._places()
        if self._is_absent(places):
            return False
        try:
            held = yield from need(self.keeper)
        except CredentialError:
            return self._note_absence(places)
        return self._note_presence(held)

    def held(self) -> Held[C] | None:
        """The one that a call would carry now; None if there is none. As `look`, and blocking: all places are local."""
        places = self._places()
        if self._is_absent(places):
            return None
        try:
            held = self.keeper.get()
        except CredentialError:
            self._note_absence(places)
            return None
        self._note_presence(held)
        return held

    def missing(self) -> IgwnAuthError:
        """The error that names the places."""
        return IgwnAuthError(f"{self.words}; the places, in order:\n{self.tried()}", next=self.chain.remedy)

    def tried(self) -> str:
        """What each place said, one a line."""
        return "\n".join(f"  {attempt}" for attempt in self.keeper.trace().attempts)

    @property
    def is_missed(self) -> bool:
        """Whether the latest look found none."""
        return self._absent is not None

    def news(self) -> str:
        """What became of the one that there was, or is wrong with those that are there; empty if nothing is there."""
        last = self._last
        if last is not None:
            ends = last.credential.life.ends
            if ends is not None and ends <= self.clock.wall():
                return f"the {self.noun} from {last.source} ended at {in_utc(ends)}"
            return f"the {self.noun} from {last.source} is not there any more"
        unfit = [attempt for attempt in self.keeper.trace().attempts if _is_news(attempt)]
        return "; ".join(f"{attempt.source}: {attempt.reason}" for attempt in unfit)

    def _places(self) -> Hashable:
        """How the places look, where that is of interest: as long as one has something, the keeper watches that one."""
        # None is like no places: should it be gone now, the next call searches, too.
        return None if self._absent is None and self._last is not None else self.places()

    def _is_absent(self, places: Hashable) -> bool:
        absent = self._absent
        return absent is not None and absent.places == places and self.clock.steady() < absent.until

    def _note_absence(self, places: Hashable) -> bool:
        self._absent = _Absent(places, self.clock.steady() + _REST)
        return False

    def _note_presence(self, held: Held[C]) -> bool:
        self._absent, self._last = None, held
        return True


@dataclass(frozen=True, slots=True)
class Kept(Generic[C]):
    """A kind's keeper for one call (see `skykey.credentials.kept.Kept`): what it cannot find is the documented error.

    Parameters
    ----------
    kind
        Whose.
    """

    kind: Kind[C]

    def get(self, deadline: Deadline = Deadline(None)) -> Held[C]:
        """See `Keeper.get`.

        Raises
        ------
        IgwnAuthError
            If it is not there any more.
        """
        try:
            return self.kind.keeper.get(deadline)
        except CredentialError:
            pass
        raise self.kind.missing()

    async def aget(self, deadline: Deadline = Deadline(None)) -> Held[C]:
        """See `Keeper.aget`; raises as `get`."""
        try:
            return await self.kind.keeper.aget(deadline)
        except CredentialError:
            pass
        raise self.kind.missing()

    def reject(self, held: Held[C], challenge: str) -> bool:
        """See `Keeper.reject`."""
        return self.kind.keeper.reject(held, challenge)


def _is_news(attempt: Attempt) -> bool:
    return attempt.outcome is Outcome.FAILED or not attempt.reason.endswith(_EMPTY)


def iso(seconds: float) -> str:
    """A point in time as the documented output shows it: UTC, without saying so."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return in_utc(seconds)
