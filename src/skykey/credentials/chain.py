"""Several sources in order: the first that has something wins, and stays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic

from skykey.credentials.held import C
from skykey.credentials.provider import Ask, Keeping, Provider
from skykey.credentials.trace import Attempt, Outcome
from skykey.values.errors import (
    Ambiguous,
    NoCredential,
    SkykeyError,
    SourcesAway,
    TransportError,
    Unavailable,
)

if TYPE_CHECKING:
    from skykey.credentials.held import Held


@dataclass(frozen=True, slots=True)
class Chain(Generic[C]):
    """Ask providers in order.

    *Unavailable* goes on, *failed* stops: what was found and is unusable must not make place for somebody else's
    credential. Once one has won, renewals go to it first, so that an identity does not change unseen while a program
    runs; only when it has nothing any more does the search start again.

    Parameters
    ----------
    name
        What is searched for, in words: "a token for the site usdf".
    providers
        In order.
    remedy
        The next command to type when nothing is found.
    keeping
        See `Provider.keeping`.
    strict
        Whether two sources on this machine that hold credentials of different people are an error. Otherwise the first
        one wins, and a warning is logged.
    """

    name: str
    providers: tuple[Provider[C], ...]
    remedy: str
    keeping: Keeping = Keeping.NOT_AT_ALL
    strict: bool = False
    _said: set[str] = field(default_factory=set, repr=False, compare=False)

    def obtain(self, held: Held[C] | None, ask: Ask, /) -> Held[C]:
        """Get from the latest winner if there is one, else from the first that has something.

        Raises
        ------
        NoCredential
            If none has; it lists them all with their reasons.
        SourcesAway
            The same, if a source could not be reached; also a `NoCredential`.
        Failed
            From the first that has something unusable.
        Ambiguous
            If it is `strict`, and a later source knows another identity.
        """
        winner = self._winner(held)
        order = self.providers if winner is None else (winner, *(p for p in self.providers if p is not winner))
        is_away = False
        for position, provider in enumerate(order):
            try:
                found = provider.obtain(held if provider is winner else None, ask)
            except Unavailable as reason:
                is_away = is_away or getattr(reason.__cause__, "exit_code", None) == TransportError.exit_code
                ask.trace.add(Attempt(provider.name, Outcome.UNAVAILABLE, reason.message))
            except Exception as reason:
                ask.trace.add(Attempt(provider.name, Outcome.FAILED, _words(reason)))
                raise
            else:
                ask.trace.add(Attempt(provider.name, Outcome.FOUND))
                why_not = f"{provider.name} " + ("won before, and stays" if provider is winner else "comes first")
                for other in order[position + 1 :]:
                    ask.trace.add(Attempt(other.name, Outcome.NOT_ASKED, why_not))
                self._compare(found, provider, order[position + 1 :], ask)
                return replace(found, source=provider.name)
        tried = "\n".join(f"  {attempt}" for attempt in ask.trace.attempts)
        # Who is told that there is none logs in again, which mends nothing where a service is away.
        nothing = SourcesAway if is_away else NoCredential
        raise nothing(f"{self.name} was not found; the sources, in order:\n{tried}", next=self.remedy)

    def changed(self, held: Held[C], /) -> bool:
        """Ask the winner."""
        winner = self._winner(held)
        return winner is None or winner.changed(held)

    def survey(self, ask: Ask | None = None) -> tuple[tuple[Attempt, Held[C] | None], ...]:
        """Ask every provider, also those behind the winner: what ``why`` shows. For local sources.

        Returns
        -------
        tuple
            For each provider its attempt, and what it has; the first that has something is FOUND, later ones SHADOWED.
        """
        ask = ask or Ask()
        rows: list[tuple[Attempt, Held[C] | None]] = []
        decided = False
        for provider in self.providers:
            try:
                found = provider.obtain(None, ask)
            except Unavailable as reason:
                rows.append((Attempt(provider.name, Outcome.UNAVAILABLE, reason.message), None))
            except Exception as reason:  # noqa: BLE001 - one broken source must not hide what the others have
                rows.append((Attempt(provider.name, Outcome.FAILED, _words(reason)), None))
                decided = True
            else:
                rows.append((Attempt(provider.name, Outcome.SHADOWED if decided else Outcome.FOUND), found))
                decided = True
        return tuple(rows)

    def _compare(self, found: Held[C], winner: Provider[C], others: tuple[Provider[C], ...], ask: Ask) -> None:
        """Look behind a winner that says who it is or when it ends: it may hide a fresher one, or somebody else's."""
        whose, now = found.credential.identity, ask.clock.wall()
        left = found.credential.life.remaining(now)
        is_over = left is not None and left <= 0
        if whose is None and not is_over:
            return  # nothing to compare by, and nothing wrong
        for other in others:
            if other.keeping is not Keeping.NOT_AT_ALL:
                continue  # it would cost a request
            try:
                behind = other.obtain(None, Ask(ask.clock, ask.deadline)).credential
            except Exception:  # noqa: BLE001, S112 - a source that is not used may be as broken as it likes
                continue
            if whose is not None and behind.identity is not None and behind.identity != whose:
                conflict = f"{winner.name} and {other.name} hold credentials of different people"
                if self.strict:
                    raise Ambiguous(conflict, next=f"take one of them away; {self.remedy}")
                self._warn(conflict, f"{conflict}; the first one is used")
            theirs = behind.life.remaining(now)
            if is_over and left is not None and theirs is not None and theirs > 0:
                self._warn(
                    f"{winner.name} hides {other.name}",
                    f"what {winner.name} holds ended {-left:.0f} s ago, and hides what {other.name} holds, which lives"
                    f" for {theirs:.0f} s more; take the old one away",
                )

    def _warn(self, topic: str, text: str) -> None:
        """Log it once a topic: the seconds in the text go on."""
        if topic not in self._said:
            self._said.add(topic)
            import logging  # only where something is logged: importing it costs time

            logging.getLogger("skykey.credentials").warning("%s", text)

    def _winner(self, held: Held[C] | None) -> Provider[C] | None:
        if held is None:
            return None
        return next((p for p in self.providers if p.name == held.source), None)


def _words(reason: Exception) -> str:
    """What the trace says. Of an error that is not ours only the class: its words may hold anything."""
    return reason.message if isinstance(reason, SkykeyError) else type(reason).__name__
