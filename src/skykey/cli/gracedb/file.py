"""``skykey gracedb get file``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

from skykey.cli.gracedb.answers import hand_over, is_taken, told
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import object_id
from skykey.cli.gracedb.given import client, given
from skykey.cli.output import document, on_terminal, put, visible_lines
from skykey.cli.progress import progress
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.download import Download

_PIECE: Final = 1 << 20


@command()
@object_id
@click.argument("filename")
@click.argument("destination", default="-", type=click.Path())
def file(object_id: str, filename: str, destination: str) -> None:
    """Get a file of an event or superevent; FILENAME,0 is its first version.

    It goes to stdout as it is, or into DESTINATION, a file or a folder. Such a file has its name only when it is whole,
    and goes on where it broke off if the same command is typed again.
    """
    if destination == "-" and given().as_json:
        raise UsageError("stdout takes the file or the JSON", next=f"skykey gracedb get file {object_id} NAME PATH")
    with client() as gracedb, progress(), gracedb.files(object_id, filename) as download:
        if destination == "-":
            _print(download, filename)
            return
        path = download.save(destination)
    if given().as_json:
        size = os.stat(path).st_size
        document({"object_id": object_id, "filename": filename, "written": str(path), "bytes": size})
    else:
        told(f"File '{filename}' for {object_id} saved at {path}")


def _print(download: Download, filename: str) -> None:
    if is_taken():
        hand_over(download.content)
        return
    if on_terminal():
        content = download.content
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise UsageError(f"{filename} is not a text, and this is a terminal", next="name a file to save it in")
        put(visible_lines(text))
        return
    stdout = sys.stdout.buffer
    for piece in download.stream(_PIECE):
        stdout.write(piece)
    stdout.flush()
