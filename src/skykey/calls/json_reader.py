"""Answers that are one JSON document."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skykey.calls.refusals import refuse_page, shortened
from skykey.values.errors import SkykeyError, Unreadable
from skykey.wire.frames import frameless

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.wire.request import Head

T = TypeVar("T")


class JsonReader(Generic[T]):
    """Collect a JSON document and hand it to a function that makes something of it.

    Parameters
    ----------
    make
        From the parsed document to the result; it may raise `Unreadable`.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._body = bytearray()
        self._head: Head | None = None

    def head(self, head: Head, /) -> None:
        """See `refuse_page`."""
        self._head = head
        refuse_page(head, "JSON")

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Collect."""
        self._body += chunk
        return ()

    def finish(self) -> T:
        """Parse.

        Raises
        ------
        Unreadable
            If it is not JSON.
        """
        # A document may hold a password, and tracebacks show local variables: no frame that has it may be in one.
        handled = sys.exception()
        try:
            made = self._made()
        except SkykeyError as problem:
            raise frameless(problem, handled=handled)  # noqa: B904 - it is the same one
        if made is None:
            where = self._head.url.without_query() if self._head else "the service"
            raise Unreadable(f"{where} answered with something that is not JSON", url=where)
        return made[0]

    def _made(self) -> tuple[T] | None:
        try:
            # RecursionError: a small body of brackets nests deeper than any real document.
            document = json.loads(self._body)
        except (ValueError, RecursionError):
            return None  # it carries the body: nothing may have it as its context
        return (self._make(document),)

    def words(self, head: Head, body: bytes, /) -> str:
        """Find the error text in the shapes that Rubin's services use, else the body's beginning.

        ``{"detail": [{"msg": …}]}``, ``{"detail": {"msg": …}}``, ``{"detail": "…"}``, ``{"message": …}``,
        ``{"error": …}``, or plain text. A page is not quoted.
        """
        if head.media_type == "text/html":
            return ""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return shortened(body.decode("utf-8", "replace"))
        return shortened(_text_in(document))


def _text_in(document: object) -> str:
    match document:
        case str():
            return document
        case {"detail": detail}:
            return _text_in(detail)
        case {"msg": str(text)} | {"message": str(text)} | {"error": str(text)}:
            return text
        case [*several]:
            # The real server says some things twice.
            return "; ".join(dict.fromkeys(filter(None, map(_text_in, several))))
        case _:
            return ""
