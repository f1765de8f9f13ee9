"""``skykey gracedb create event``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client
from skykey.cli.gracedb.listed import with_names
from skykey.cli.progress import progress

if TYPE_CHECKING:
    from skykey.gracedb.rest import GraceDb


@command()
@click.argument("group")
@click.argument("pipeline")
@click.argument("event_file")
@click.argument("search", required=False)
@with_names("--labels", text="Labels for the event.")
@click.option("--offline", is_flag=True, help="It was found by an analysis that is not online.")
@click.option("--replay-id", metavar="ID", help="Which replay of old data it comes from.")
def event(
    *,
    group: str,
    pipeline: str,
    event_file: str,
    search: str | None,
    labels: list[str] | None,
    offline: bool,
    replay_id: str | None,
) -> None:
    """Upload EVENT_FILE (- is stdin) as an event of a GROUP, PIPELINE and SEARCH.

    If the connection breaks, the server is asked whether the event is there before anything is sent a second time.
    skykey gracedb info groups, pipelines and searches have what there is.
    """
    with client() as gracedb, progress():
        if search is not None and _are_swapped(gracedb, event_file, search):
            event_file, search = search, event_file
        made = gracedb.create_event(
            group, pipeline, event_file, search=search, labels=labels, offline=offline, replay_id=replay_id
        )
        if made is not None:  # as it always is where GraceDB itself is uploaded to
            answer(made)


def _are_swapped(gracedb: GraceDb, event_file: str, search: str) -> bool:
    """Whether the search stands before the file, as it does in old scripts."""
    return (search == "-" or os.path.isfile(search)) and event_file in (gracedb.searches or ())
