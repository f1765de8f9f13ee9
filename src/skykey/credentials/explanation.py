"""Which credential is used, and why that one: what ``skykey why`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from skykey.credentials.provider import Ask
from skykey.credentials.trace import Outcome
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.life import Windows

if TYPE_CHECKING:
    from skykey.credentials.chain import Chain
    from skykey.values.clock import Clock


@dataclass(frozen=True, slots=True)
class Row:
    """One source.

    Parameters
    ----------
    source
        Its name.
    outcome
        What it has to offer.
    reason
        Why it was not used; empty for the one that is.
    storage
        How long what it gives is kept, or where.
    hint
        Of the credential it has, if it has one; never the credential.
    same_as_winner
        Whether it has the very credential that is used; None if it has none.
    seconds_left
        Until that credential ends; None if nobody says.
    renewed_before
        So many seconds before its end it is renewed; None if nobody says when it ends. Less than was asked for where
        its whole life is shorter.
    identity
        Whose it is, if that is known without asking.
    """

    source: str
    outcome: Outcome
    reason: str
    storage: str
    hint: str | None = None
    same_as_winner: bool | None = None
    seconds_left: float | None = None
    identity: str | None = None
    renewed_before: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All sources of a chain, in order.

    Parameters
    ----------
    rows
        One a source.
    reach
        The origins that the winner may go to, as text.
    said_by
        Who bound it there.
    remedy
        The next command if there is no winner.
    """

    rows: tuple[Row, ...]
    reach: tuple[str, ...]
    said_by: str | None
    remedy: str | None

    @property
    def winner(self) -> Row | None:
        """The source whose credential is used; None if none has one, or the first that has something is unusable."""
        return next((row for row in self.rows if row.outcome is Outcome.FOUND), None)

    @property
    def failed(self) -> Row | None:
        """The source that stops the search, if one does before any winner."""
        decided = next((row for row in self.rows if row.outcome in {Outcome.FOUND, Outcome.FAILED}), None)
        return decided if decided is not None and decided.outcome is Outcome.FAILED else None


def explain(chain: Chain[Any], clock: Clock = SYSTEM_CLOCK, windows: Windows | None = None) -> Explanation:
    """Look at every source of a chain, also at those behind the winner. Local; nothing is requested.

    Parameters
    ----------
    chain
        Of local sources.
    clock
        For the life left.
    windows
        Of the chain's keeper.
    """
    windows = windows or Windows()
    surveyed = chain.survey(Ask(clock))
    won = next((held for attempt, held in surveyed if attempt.outcome is Outcome.FOUND), None)
    rows = []
    for provider, (attempt, held) in zip(chain.providers, surveyed, strict=True):
        credential = None if held is None else held.credential
        rows.append(
            Row(
                source=attempt.source,
                outcome=attempt.outcome,
                reason=attempt.reason,
                storage=provider.keeping.value,
                hint=None if credential is None else credential.hint,
                same_as_winner=None
                if credential is None or won is None
                else credential.parts() == won.credential.parts(),
                seconds_left=None if credential is None else credential.life.remaining(clock.wall()),
                identity=None if credential is None else credential.identity,
                renewed_before=None
                if credential is None or credential.life.ends is None
                else windows.fitted(credential.life).early,
            )
        )
    reach = None if won is None else won.credential.reach
    return Explanation(
        rows=tuple(rows),
        reach=() if reach is None else tuple(sorted(map(str, reach.origins))),
        said_by=None if reach is None else reach.said_by,
        remedy=None if won is not None else chain.remedy,
    )
