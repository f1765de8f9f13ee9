"""The server's own words, in whichever shape a refusal has them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.refusals import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

_TITLE: Final = re.compile(r"<(title|h1)\b[^<>]{0,200}>([^<]{1,300})<", re.IGNORECASE)
_PAGE: Final = re.compile(r"\s{0,100}<(!doctype html|html|head|body|h1|title)\b", re.IGNORECASE)
_MOST: Final = 64 * 1024
_DEEPEST: Final = 6
# Said before what belongs to a field of a form.
_PLAIN: Final = frozenset({"detail", "error", "errors", "message", "warnings", "non_field_errors", "msg"})
# They name the kind of answer, and say nothing.
_NO_WORDS: Final = frozenset({"path", "version", "status", "code"})


def said(text: str) -> str:
    """Find what a refusal says.

    Parameters
    ----------
    text
        The whole body: a JSON text (perhaps in a JSON text), a list of them, an object with ``error``, ``errors``,
        ``warnings``, ``detail`` or fields of a form, a web page, or plain text.

    Returns
    -------
    str
        One line; empty if it says nothing.
    """
    text = text[:_MOST]
    if _PAGE.match(text):
        found = _TITLE.search(text)
        return shortened(_unescaped(found[2])) if found else ""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return shortened(text)
    return shortened("; ".join(dict.fromkeys(part for part in _parts(document, 0) if part)))


def _parts(document: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    match document:
        case str():
            yield from _inside(document, depth)
        case {"error": "invalid_query", "message": str(message)}:
            yield f"invalid query: {message}"
        case dict():
            for name, value in document.items():
                for part in _parts(value, depth + 1) if name not in _NO_WORDS else ():
                    yield part if name in _PLAIN else f"{name}: {part}"
        case [*several]:
            for one in several:
                yield from _parts(one, depth + 1)
        case bool() | None:
            return
        case _:
            yield str(document)


def _inside(text: str, depth: int) -> Iterator[str]:
    """A text that is JSON itself: some views write it twice."""
    if text[:1] in {"{", "["} and text != "{}":
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            yield text
            return
        yield from _parts(document, depth + 1)
    elif text != "{}":
        yield text


def _unescaped(text: str) -> str:
    import html

    return html.unescape(text)
