"""``skykey gracedb upload`` and ``download``: many files of one event or superevent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.gracedb.answers import show
from skykey.cli.gracedb.anywhere import command
from skykey.cli.gracedb.arguments import object_id
from skykey.cli.gracedb.given import client, given
from skykey.cli.gracedb.listed import with_names
from skykey.cli.output import document
from skykey.cli.progress import progress
from skykey.values.errors import SkykeyError, UsageError

if TYPE_CHECKING:
    from skykey.gracedb.bulk import Outcome, Outcomes

_NO_STATUS: Final = "these are many answers, and have no status in common"

_at_once = click.option(
    "--at-once", type=click.IntRange(min=1), default=8, show_default=True, help="How many are under way at any time."
)


@command()
@object_id
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option("-m", "--comment", required=True, metavar="TEXT", help="The text of each log entry.")
@with_names("-t", "--tag-name", text="Tags for the entries.")
@click.option("--label", metavar="NAME", help="A label for the event or superevent.")
@_at_once
@click.option(
    "--journal",
    type=click.Path(),
    metavar="PATH",
    help="A file that remembers what is done: the same command, typed again, repeats nothing of it.",
)
def upload(
    *,
    object_id: str,
    files: tuple[str, ...],
    comment: str,
    tag_name: list[str] | None,
    label: str | None,
    at_once: int,
    journal: str | None,
) -> None:
    """Upload files, each with a log entry, several at a time."""
    from skykey.gracedb.bulk import Upload

    _check_output()
    tags = tuple(tag_name or ())
    with client() as gracedb, progress():
        uploads = [Upload(object_id, name, comment, tags, label=label) for name in files]
        outcomes = gracedb.upload_many(uploads, at_once=at_once, journal=journal)
    again = "type it again: the journal knows what is done" if journal else "type it again for those that failed"
    _tell(outcomes, lambda outcome: {"file": os.fspath(outcome.item.filename), **_entry(outcome.result)}, again)


@command()
@object_id
@click.argument("filenames", nargs=-1, metavar="[NAME]...")
@click.option("--to", "folder", type=click.Path(), default=".", show_default=True, help="The folder.")
@_at_once
def download(*, object_id: str, filenames: tuple[str, ...], folder: str, at_once: int) -> None:
    """Download files into FOLDER/OBJECT_ID, several at a time; without names, the newest version of each file.

    A file has its name only when it is whole. What broke off goes on from there if the same command is typed again.
    """
    from skykey.gracedb.annotations.shapes import file_names

    _check_output()
    with client() as gracedb, progress():
        names = list(filenames)
        if not names:
            names = [name for name in file_names(gracedb.files(object_id).json()) if "," not in name]
        outcomes = gracedb.download_many([(object_id, name) for name in names], folder, at_once=at_once)
    _tell(
        outcomes,
        lambda outcome: {"file": outcome.item[1], "path": outcome.result and os.fspath(outcome.result)},
        "type it again: what broke off goes on from there",
    )


def _check_output() -> None:
    if given().output_type == "status":
        raise UsageError(_NO_STATUS, next="use --output-type table")


def _entry(answer: Any) -> dict[str, Any]:
    """Where the server has put a file."""
    answer = answer if isinstance(answer, dict) else {}
    return {"N": answer.get("N"), "file_version": answer.get("file_version"), "url": answer.get("file")}


def _tell(outcomes: Outcomes[Any], describe: Any, again: str) -> None:
    """Show what became of each; an error at the end if one failed."""
    rows = [{**describe(outcome), "state": _state(outcome), "error": _error(outcome)} for outcome in outcomes]
    if given().as_json:
        document({"files": rows, "failed": len(outcomes.failed)})
        click.get_current_context().exit(1 if outcomes.failed else 0)
    show(rows)
    try:
        outcomes.check()
    except SkykeyError as problem:
        problem.next = again
        raise


def _state(outcome: Outcome[Any]) -> str:
    if not outcome.ok:
        return "failed"
    return "was done" if outcome.was_done else "done"


def _error(outcome: Outcome[Any]) -> str | None:
    return None if outcome.error is None else str(outcome.error).replace("\n", " ")
