"""Answers in the shapes of every generation of servers, for what this program reads of them itself.

The methods of the client give answers as they are. A list of log entries is under ``log`` on classic servers and under
``logs`` on current ones; a list of files is a table of names and addresses, or a list of entries with a ``filename``.
"""

from __future__ import annotations

import re
from typing import Any, Final

from skykey.values.errors import Unreadable

Entry = dict[str, Any]

_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
_UTC: Final = re.compile(r"\s*(?:UTC|Z|\+00:?00)$")


def entries(document: Any, *keys: str) -> list[Entry]:
    """The entries of a list.

    Parameters
    ----------
    document
        What the server sent.
    keys
        Under which they may be.

    Raises
    ------
    Unreadable
        If they are under none of them.
    """
    found = document
    if isinstance(document, dict):
        found = next((document[key] for key in keys if key in document), None)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Unreadable(f"the server's list of {keys[0]} is not what was promised")
    return found


def entry(document: Any) -> Entry:
    """One entry.

    Raises
    ------
    Unreadable
        If it is none.
    """
    if not isinstance(document, dict):
        raise Unreadable("the server's answer is not the entry that was promised")
    return document


def log_entries(document: Any) -> list[Entry]:
    """The entries of a log."""
    return entries(document, "logs", "log")


def file_names(document: Any) -> list[str]:
    """The names in a list of files, plain ones and those of versions.

    Raises
    ------
    Unreadable
        If it is no such list.
    """
    listed = document.get("files", document) if isinstance(document, dict) else document
    if isinstance(listed, dict) and all(isinstance(name, str) for name in listed):
        return list(listed)
    names = [entry.get("filename") for entry in entries(listed, "files")]
    found = [name for name in names if isinstance(name, str)]
    if len(found) < len(names):
        raise Unreadable("the server's list of files has one without a name")
    return found


def moment(text: Any) -> float | None:
    """A point in time as servers write it, in seconds since 1970; None for what is none.

    Parameters
    ----------
    text
        Such as ``2026-11-20 18:36:22 UTC`` or ``2026-11-20T18:36:22.5Z``.

    Examples
    --------
    >>> moment("1970-01-02 00:00:00 UTC")
    86400.0
    """
    if not isinstance(text, str):
        return None
    import datetime as dt

    plain = _UTC.sub("", text).replace("T", " ")
    for form in _FORMS:
        try:
            return dt.datetime.strptime(plain, form).replace(tzinfo=dt.UTC).timestamp()
        except ValueError:
            continue
    return None
