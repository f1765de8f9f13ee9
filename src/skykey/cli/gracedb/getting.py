"""``skykey gracedb get``: one thing."""

from __future__ import annotations

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import graceid, instrument, number, object_id, signoff_type, superevent_id
from skykey.cli.gracedb.arguments import label as with_label
from skykey.cli.gracedb.given import client


@command()
@graceid
def event(graceid: str) -> None:
    """Get the event GRACEID; the UUID of its file will do as well."""
    with client() as gracedb:
        answer(gracedb.event(graceid))


@command()
@superevent_id
def superevent(superevent_id: str) -> None:
    """Get a superevent."""
    with client() as gracedb:
        answer(gracedb.superevent(superevent_id))


@command()
@object_id
@number
def log(object_id: str, number: int) -> None:
    """Get the log entry N of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.logs(object_id, number))


@command()
@object_id
@with_label
def label(object_id: str, label: str) -> None:
    """Get a label of an event or superevent: who added it, and when."""
    with client() as gracedb:
        answer(gracedb.labels(object_id, label))


@command()
@superevent_id
@signoff_type
@instrument
def signoff(superevent_id: str, signoff_type: str, instrument: str) -> None:
    """Get a signoff of a superevent.

    SIGNOFF_TYPE is operator (with an INSTRUMENT, such as H1) or advocate; skykey gracedb info has all.
    """
    with client() as gracedb:
        answer(gracedb.signoffs(superevent_id, signoff_type, instrument))


@command()
@superevent_id
@number
def notice(superevent_id: str, number: int) -> None:
    """Get the notice N of a superevent."""
    with client() as gracedb:
        answer(gracedb.notices(superevent_id, number))


@command()
@object_id
@number
def voevent(object_id: str, number: int) -> None:
    """Get the VOEvent N of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.voevents(object_id, number))


@command()
@object_id
@number
def emobservation(object_id: str, number: int) -> None:
    """Get the observation N of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.emobservations(object_id, number))
