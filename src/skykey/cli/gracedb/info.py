"""``skykey gracedb info``: what the server has, by name."""

from __future__ import annotations

from typing import Any, Final

import click

from skykey.cli.gracedb.answers import told
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.given import client, given
from skykey.cli.output import document
from skykey.values.errors import SkykeyError

# As the command has called them ever since, and the client's properties.
_ITEMS: Final = {
    "emgroups": "em_groups",
    "groups": "groups",
    "instruments": "instruments",
    "labels": "allowed_labels",
    "pipelines": "pipelines",
    "searches": "searches",
    "server_version": "server_version",
    "signoff_statuses": "signoff_statuses",
    "signoff_types": "signoff_types",
    "superevent_categories": "superevent_categories",
    "voevent_types": "voevent_types",
}
_RETIRED: Final = frozenset({"emgroups", "instruments"})


class NotThere(SkykeyError):
    """The server does not say it."""

    code = "not-found"


@command()
@click.argument("item", type=click.Choice(list(_ITEMS)))
def info(item: str) -> None:
    """List what the server knows, of one kind."""
    with client() as gracedb:
        found: Any = getattr(gracedb, _ITEMS[item])
    if given().as_json:
        document({item: found})
        return
    if not found:
        newer = "servers from 2.36 on have none" if item in _RETIRED else None
        raise NotThere(f"Data not found on server: it does not say {item}", next=newer)
    told(_words(found))


def _words(found: Any) -> str:
    if isinstance(found, dict):
        return ", ".join(f"{key} ({found[key]})" for key in sorted(found))
    return found if isinstance(found, str) else ", ".join(sorted(map(str, found)))
