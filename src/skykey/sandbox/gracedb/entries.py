"""Log entries, and files, which are what entries brought: a name's k-th version came with its k-th entry."""

from collections.abc import Iterable, Sequence
from typing import Any

from skykey.sandbox.gracedb.blobs import Upload
from skykey.sandbox.gracedb.errors import invalid
from skykey.sandbox.gracedb.store import Thing

Entry = dict[str, Any]


def add(
    thing: Thing, comment: str, issuer: str, created: str, *, tags: Iterable[Entry] = (), upload: Upload | None = None
) -> Entry:
    """Add an entry, with a file that is kept already; whoever asks sees to it that it is written."""
    entry: Entry = {"N": len(thing.logs) + 1, "comment": comment, "created": created, "issuer": issuer}
    entry |= {"tags": [dict(tag) for tag in tags], "filename": "", "file_version": None}
    if upload is not None:
        version = sum(other["filename"] == upload.filename for other in thing.logs)
        entry |= {"filename": upload.filename, "file_version": version, "sha256": upload.sha256, "size": upload.size}
    thing.logs.append(entry)
    return entry


def numbered(rows: Sequence[Entry], number: str) -> Entry | None:
    """Return the row of this number; they count from 1, and none is ever taken out."""
    return next((row for row in rows if str(row["N"]) == number), None)


def files(logs: Iterable[Entry]) -> dict[str, Entry]:
    """Return, by name, the entry of each file: plain names are those of the newest version."""
    found: dict[str, Entry] = {}
    for entry in logs:
        if entry["filename"]:
            found[entry["filename"]] = found[f"{entry['filename']},{entry['file_version']}"] = entry
    return dict(sorted(found.items()))


def check_name(filename: str) -> None:
    if "," in filename or filename in ("", ".", "..") or not filename.isprintable():
        raise invalid("Filename must not be empty or contain a comma or what cannot be printed.")
