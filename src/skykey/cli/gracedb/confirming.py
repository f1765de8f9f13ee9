"""``skykey gracedb confirm_as_gw``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import superevent_id
from skykey.cli.gracedb.given import client


@command("confirm_as_gw")
@superevent_id
@click.argument("gw_id", required=False)
def confirm_as_gw(superevent_id: str, gw_id: str | None) -> None:
    """Confirm a superevent as a gravitational wave; the server gives it a name unless there is a GW_ID."""
    with client() as gracedb:
        answer(gracedb.confirm_superevent_as_gw(superevent_id, gw_id))
