"""``skykey gracedb expose`` and ``hide``."""

from __future__ import annotations

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import superevent_id
from skykey.cli.gracedb.given import client


@command()
@superevent_id
def expose(superevent_id: str) -> None:
    """Show a superevent to the public."""
    with client() as gracedb:
        answer(gracedb.modify_permissions(superevent_id, "expose"))


@command()
@superevent_id
def hide(superevent_id: str) -> None:
    """Hide a superevent from the public."""
    with client() as gracedb:
        answer(gracedb.modify_permissions(superevent_id, "hide"))
