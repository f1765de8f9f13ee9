"""Log entries, and files, which are what entries brought: a name's k-th version came with its k-th entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.sandbox.gracedb.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skykey.sandbox.gracedb.blobs import Upload
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


def numbered(logs: Sequence[Entry], number: str) -> Entry | None:
    n = int(number) if number.isascii() and number.isdigit() else 0
    return logs[n - 1] if 0 < n <= len(logs) else None


def files(logs: Iterable[Entry]) -> dict[str, Entry]:
    """Return, by name, the entry of each file: plain names are those of the newest version."""
    found: dict[str, Entry] = {}
    for entry in logs:
        if entry["filename"]:
            found[entry["filename"]] = found[f"{entry['filename']},{entry['file_version']}"] = entry
    return dict(sorted(found.items()))


def check_name(filename: str) -> None:
    if "," in filename or filename in ("", ".", ".."):
        raise invalid("Filename must not be empty or contain a comma.")
