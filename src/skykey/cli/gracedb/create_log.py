"""``skykey gracedb create log``."""

from __future__ import annotations

import click

from skykey.cli.gracedb.answers import answer
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import object_id
from skykey.cli.gracedb.given import client
from skykey.cli.gracedb.listed import with_names
from skykey.cli.progress import progress


@command()
@object_id
@click.argument("comment")
@click.argument("filename", required=False)
@with_names("-t", "--tag-name", text="Tags for the entry.")
@with_names("-d", "--tag-display-name", text="How they are shown, one for each tag.")
@click.option("--label", metavar="NAME", help="A label for the event or superevent.")
def log(
    *,
    object_id: str,
    comment: str,
    filename: str | None,
    tag_name: list[str] | None,
    tag_display_name: list[str] | None,
    label: str | None,
) -> None:
    """Write a log entry, with the file FILENAME (- is stdin) if there is one."""
    with client() as gracedb, progress():
        answer(
            gracedb.write_log(
                object_id,
                comment,
                filename=filename,
                tag_name=tag_name or [],
                displayName=tag_display_name or [],
                label=label,
            )
        )
