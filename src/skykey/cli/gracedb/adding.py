"""``skykey gracedb add``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import graceid, number, object_id, superevent_id, tag_name
from skykey.cli.gracedb.arguments import label as with_label
from skykey.cli.gracedb.given import client


@command()
@object_id
@with_label
def label(object_id: str, label: str) -> None:
    """Add a label to an event or superevent; skykey gracedb info labels has all."""
    with client() as gracedb:
        answer(gracedb.write_label(object_id, label))


@command()
@object_id
@number
@tag_name
@click.option("-d", "--tag-display-name", metavar="TEXT", help="How the tag is shown, if it is a new one.")
def tag(object_id: str, number: int, tag_name: str, tag_display_name: str | None) -> None:
    """Add a tag to the log entry N of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.add_tag(object_id, number, tag_name, tag_display_name))


@command()
@superevent_id
@graceid
def event(superevent_id: str, graceid: str) -> None:
    """Add the event GRACEID to a superevent."""
    with client() as gracedb:
        answer(gracedb.add_event_to_superevent(superevent_id, graceid))


@command("preferred-event")
@superevent_id
@graceid
def preferred_event(superevent_id: str, graceid: str) -> None:
    """Make GRACEID the superevent's preferred event of its pipeline; it has to belong to it already."""
    with client() as gracedb:
        answer(gracedb.add_pipeline_preferred_event(superevent_id, graceid))
