"""JSON documents of GraceDB as rows: lists of things, one thing, and names with their addresses."""

from __future__ import annotations

import json
from typing import Any, Final

# They stand last: a table is read for what is in it, and these are long.
_ADDRESSES: Final = ("self", "links", "file", "tags", "url")


def table(document: Any) -> tuple[list[str], list[list[str]]]:
    """Make a table of a document, whatever the generation of the server.

    Returns
    -------
    tuple
        The names of the columns, and the rows.

    Examples
    --------
    >>> table({"numRows": 1, "logs": [{"N": 1, "self": "https://…"}], "links": {}})
    (['N', 'self'], [['1', 'https://…']])
    >>> table({"graceid": "G1", "labels": ["INJ", "DQV"]})
    (['name', 'value'], [['graceid', 'G1'], ['labels', 'INJ,DQV']])
    """
    rows = _rows(document)
    if rows is None:
        members = document if isinstance(document, dict) else {"answer": document}
        return ["name", "value"], [[str(name), text(value)] for name, value in members.items()]
    found = list(dict.fromkeys(name for row in rows for name in row))
    names = [*(name for name in found if name not in _ADDRESSES), *(name for name in found if name in _ADDRESSES)]
    return names, [[text(row.get(name, "")) for name in names] for row in rows]


def _rows(document: Any) -> list[dict[str, Any]] | None:
    """The things that a document lists; None if it is one thing itself."""
    if isinstance(document, list):
        return [item if isinstance(item, dict) else {"value": item} for item in document]
    if not isinstance(document, dict):
        return None
    around = {"links", "numRows", "start", "count", "next", "previous"}
    members = [value for name, value in document.items() if name not in around]
    if len(members) == 1 and isinstance(members[0], list):
        return _rows(members[0])
    return None


def text(value: Any) -> str:
    """A value as one cell: lists with commas, what has parts as JSON."""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return str(value)
