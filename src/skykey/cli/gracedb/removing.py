"""``skykey gracedb remove`` and ``delete``."""

from __future__ import annotations

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import graceid, instrument, number, object_id, signoff_type, superevent_id, tag_name
from skykey.cli.gracedb.arguments import label as with_label
from skykey.cli.gracedb.given import client


@command()
@object_id
@with_label
def label(object_id: str, label: str) -> None:
    """Remove a label from an event or superevent."""
    with client() as gracedb:
        answer(gracedb.remove_label(object_id, label))


@command()
@object_id
@number
@tag_name
def tag(object_id: str, number: int, tag_name: str) -> None:
    """Remove a tag from the log entry N of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.remove_tag(object_id, number, tag_name))


@command()
@superevent_id
@graceid
def event(superevent_id: str, graceid: str) -> None:
    """Remove the event GRACEID from a superevent."""
    with client() as gracedb:
        answer(gracedb.remove_event_from_superevent(superevent_id, graceid))


@command("preferred-event")
@superevent_id
@graceid
def preferred_event(superevent_id: str, graceid: str) -> None:
    """Let GRACEID be its pipeline's preferred event no more; it stays in the superevent."""
    with client() as gracedb:
        answer(gracedb.remove_pipeline_preferred_event(superevent_id, graceid))


@command()
@superevent_id
@signoff_type
@instrument
def signoff(superevent_id: str, signoff_type: str, instrument: str) -> None:
    """Delete a signoff of a superevent."""
    with client() as gracedb:
        answer(gracedb.delete_signoff(superevent_id, signoff_type, instrument))
