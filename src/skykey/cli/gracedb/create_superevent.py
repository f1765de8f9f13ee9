"""``skykey gracedb create superevent``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client
from skykey.cli.gracedb.listed import with_names


@command()
@click.argument("t_start", type=float)
@click.argument("t_0", type=float)
@click.argument("t_end", type=float)
@click.argument("preferred_event")
@click.option("--category", default="production", show_default=True, help="production, test or mdc.")
@with_names("--events", text="Further events that belong to it.")
@with_names("--labels", text="Labels for the superevent.")
def superevent(
    *,
    t_start: float,
    t_0: float,
    t_end: float,
    preferred_event: str,
    category: str,
    events: list[str] | None,
    labels: list[str] | None,
) -> None:
    """Create a superevent of times in GPS seconds and an event that is there already."""
    with client() as gracedb:
        answer(
            gracedb.create_superevent(
                t_start, t_0, t_end, preferred_event, category=category, events=events, labels=labels
            )
        )
