"""``skykey gracedb list``: what belongs to an event or superevent."""

from __future__ import annotations

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import number, object_id, superevent_id
from skykey.cli.gracedb.given import client


@command()
@object_id
def files(object_id: str) -> None:
    """List the files of an event or superevent; NAME,0 is the first version of NAME."""
    with client() as gracedb:
        answer(gracedb.files(object_id))


@command()
@object_id
def logs(object_id: str) -> None:
    """List the log entries of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.logs(object_id))


@command()
@object_id
def labels(object_id: str) -> None:
    """List the labels of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.labels(object_id))


@command()
@object_id
@number
def tags(object_id: str, number: int) -> None:
    """List the tags of the log entry N."""
    with client() as gracedb:
        answer(gracedb.tags(object_id, number))


@command()
@superevent_id
def signoffs(superevent_id: str) -> None:
    """List the signoffs of a superevent."""
    with client() as gracedb:
        answer(gracedb.signoffs(superevent_id))


@command()
@superevent_id
def permissions(superevent_id: str) -> None:
    """List who may see a superevent."""
    with client() as gracedb:
        answer(gracedb.permissions(superevent_id))


@command()
@superevent_id
def notices(superevent_id: str) -> None:
    """List the notices of a superevent."""
    with client() as gracedb:
        answer(gracedb.notices(superevent_id))


@command()
@object_id
def voevents(object_id: str) -> None:
    """List the VOEvents of an event or superevent."""
    with client() as gracedb:
        answer(gracedb.voevents(object_id))


@command()
@object_id
def emobservations(object_id: str) -> None:
    """List the observations that telescopes reported."""
    with client() as gracedb:
        answer(gracedb.emobservations(object_id))
