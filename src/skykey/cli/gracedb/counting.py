"""``skykey gracedb count``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client, given
from skykey.cli.output import document, put

_query = click.argument("query", default="")


@command()
@_query
def events(query: str) -> None:
    """Say how many events the QUERY finds; without one, how many you may see."""
    with client() as gracedb:
        _tell(query, gracedb.num_events(query or None))


@command()
@_query
def superevents(query: str) -> None:
    """Say how many superevents the QUERY finds; without one, how many you may see."""
    with client() as gracedb:
        _tell(query, gracedb.num_superevents(query))


def _tell(query: str, count: int) -> None:
    if given().as_json:
        document({"query": query, "count": count})
    else:
        put(str(count))
