"""``skykey why``: which credential is used, and why that one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli import failures
from skykey.cli.identity import LABEL, NOT_VERIFIED, allows, as_document, kind, life, line, site_document
from skykey.cli.lasting import left, window
from skykey.cli.options import with_json, with_site_of_system, with_system, with_tokenfile
from skykey.cli.output import document, put, wrapped
from skykey.cli.systems import system as load

if TYPE_CHECKING:
    from skykey.cli.systems import Account, Identity
    from skykey.credentials.explanation import Explanation, Row
    from skykey.values.errors import SkykeyError

_STATUS: Final = {"found": "used", "shadowed": "behind", "unavailable": "-", "failed": "FAILED"}
_COLOURS: Final = {"found": "green", "shadowed": "yellow", "failed": "red"}


@click.command()
@with_system
@with_site_of_system
@with_tokenfile
@click.option("--ask", is_flag=True, help="Also ask the site what the token is; without it nothing is requested.")
@with_json
def why(system: str, site: str | None, tokenfile: str | None, ask: bool, as_json: bool) -> None:
    """Say which credential is used for SYSTEM, and why that one.

    Every source is shown in the order of the search, with what became of it: used, behind another one, FAILED (there,
    and unusable: the search stops), or - (nothing there). Never shows the credential. Exit code 4 if none is found.
    """
    account = load(system).account(site, tokenfile)
    explanation = account.explain()
    error = _missing(account, explanation)
    identity: Identity | None = None
    if ask and error is None:
        identity, error = _asked(account)
    if as_json:
        document(_document(system, account, explanation, identity, error))
    else:
        _show(account, explanation, identity)
    if error is not None:
        failures.explain(error)
        click.get_current_context().exit(error.exit_code)


def _missing(account: Account, explanation: Explanation) -> SkykeyError | None:
    """The error that a program meets: its code and next command are better than any summary.

    What a program is warned of, it is warned of here too: an old credential that hides a fresh one, or somebody else's.
    """
    from skykey.values.errors import CredentialError

    winner = explanation.winner
    if winner is not None and not _is_over(winner) and not _hides_somebody(winner, explanation):
        return None
    try:
        account.find()
    except CredentialError as failed:
        return failed
    return None


def _is_over(row: Row) -> bool:
    return row.seconds_left is not None and row.seconds_left <= 0


def _hides_somebody(winner: Row, explanation: Explanation) -> bool:
    known = {row.identity for row in explanation.rows if row.identity is not None}
    return winner.identity is not None and len(known) > 1


def _asked(account: Account) -> tuple[Identity | None, SkykeyError | None]:
    from skykey.values.errors import NotAuthenticated, SkykeyError

    try:
        return account.ask(), None
    except NotAuthenticated as refused:
        refused.next = account.remedy  # elsewhere it is this very command
        return None, refused
    except SkykeyError as problem:
        return None, problem


def _show(account: Account, explanation: Explanation, identity: Identity | None) -> None:
    where = account.where
    put(wrapped(f"{where.name}: {where.url} ({where.said_by})"))
    put()
    if (winner := explanation.winner) is not None:
        line("token", f"{winner.source} ({winner.hint})")
        if identity is not None:
            line("whose", f"{identity.username}, {kind(identity)}")
            line("allows", allows(identity))
            if not identity.verified:
                line("says", NOT_VERIFIED)
        line("life", _life(winner, identity, account.early))
        line("kept", winner.storage)
        line("goes to", f"{' and '.join(explanation.reach)}, and nowhere else; says {explanation.said_by}")
        put()
    put("Sources, in order:")
    for row in explanation.rows:
        outcome = row.outcome.value
        status = click.style(f"{_STATUS.get(outcome, outcome):<{LABEL - 2}}", fg=_COLOURS.get(outcome))
        reason = _reason(row)
        text = wrapped(f"{row.source}{': ' if reason else ''}{reason}", first=" " * LABEL, rest=" " * (LABEL + 2))
        put(f"  {status}{text[LABEL:]}")


def _life(winner: Row, identity: Identity | None, early: float) -> str:
    said = [winner.reason] if winner.reason else []
    if winner.seconds_left is not None:
        return "; ".join([left(winner.seconds_left), *window(winner.renewed_before, early), *said])
    if identity is None:
        return "; ".join(said) or "it does not say when it ends; --ask asks the site"
    return life(identity)


def _reason(row: Row) -> str:
    if row.outcome.value == "shadowed":
        return _behind(row)
    if row.outcome.value == "failed" and row.seconds_left is not None:
        return f"{row.reason}; its token: {left(row.seconds_left)}"
    for said in (row.source, os.path.expanduser(row.source.rpartition(" ")[2])):
        if row.reason.startswith(f"{said} "):  # no need to read a name twice
            return f"it{row.reason.removeprefix(said)}"
    return "" if row.outcome.value == "found" else row.reason


def _behind(row: Row) -> str:
    """What stands behind the winner, with its life: it may be the fresher one."""
    if row.same_as_winner:
        return "the same token"
    whose = f", of {row.identity}" if row.identity is not None else ""
    lives = [] if row.seconds_left is None else [left(row.seconds_left)]
    return "; ".join([f"another token ({row.hint}{whose})", *lives, *([row.reason] if row.reason else [])])


def _document(
    system: str, account: Account, explanation: Explanation, identity: Identity | None, error: SkykeyError | None
) -> dict[str, Any]:
    winner = explanation.winner
    return {
        "system": system,
        "site": site_document(account.where),
        "winner": None if winner is None else winner.source,
        "sources": [
            {
                "source": row.source,
                "outcome": row.outcome.value,
                "reason": row.reason or None,
                "hint": row.hint,
                "same_as_winner": row.same_as_winner,
                "storage": row.storage,
                "seconds_left": row.seconds_left,
                "renewed_before": row.renewed_before,
                "identity": row.identity,
            }
            for row in explanation.rows
        ],
        "reach": None if winner is None else {"origins": list(explanation.reach), "said_by": explanation.said_by},
        "asked": None if identity is None else as_document(identity),
        "error": None if error is None else failures.described(error),
    }
