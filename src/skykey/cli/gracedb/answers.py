"""How an answer of the server is shown: as JSON, by its status, as a table."""

from __future__ import annotations

import contextlib
import json
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from skykey.cli.gracedb.given import given
from skykey.cli.output import on_terminal, put, visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.gracedb.response import Response

_taken: Final[ContextVar[list[Any] | None]] = ContextVar("skykey_gracedb_taken", default=None)


@contextlib.contextmanager
def taken() -> Iterator[list[Any]]:
    """Get what commands would show, for a program that runs one as a function: nothing of it is printed."""
    everything: list[Any] = []
    token = _taken.set(everything)
    try:
        yield everything
    finally:
        _taken.reset(token)


def is_taken() -> bool:
    """Whether a program takes what would be shown."""
    return _taken.get() is not None


def hand_over(what: object) -> bool:
    """Give what would be shown to the program that takes it; tell whether there is one."""
    program = _taken.get()
    if program is not None:
        program.append(what)
    return program is not None


def answer(response: Response) -> None:
    """Show what the server answered to a request; every success is one, with a body or without.

    Raises
    ------
    Unreadable
        If it is a web page: that was another program.
    """
    if hand_over(response):
        return
    if given().output_type == "status":
        told(f"Server returned {response.status_code}: {response.reason}")
        return
    show(_document(response))


def show(document: Any) -> None:
    """Show a JSON document: the server's, or one in its manner."""
    if hand_over(document):
        return
    if given().output_type == "table":
        from skykey.cli.gracedb.shapes import table
        from skykey.cli.grid import show as draw

        draw(*table(document))
    else:
        told(json.dumps(document, indent=4))


def told(text: str) -> None:
    """Print a text; a terminal gets nothing of it that it would obey."""
    if not hand_over(text):
        put(visible_lines(text) if on_terminal() else text)


def _document(response: Response) -> Any:
    from skykey.values.errors import Unreadable

    if not response.content:
        return {}
    try:
        return response.json()
    except ValueError:
        kind = response.headers.get("Content-Type", "")
        if "html" in kind or response.text.lstrip().startswith("<"):
            raise Unreadable(
                f"{response.url.without_query()} answered with a web page, which GraceDB's API does not",
                next="look whether --service-url and the proxy are right",
                status=response.status_code,
            ) from None
        return response.text  # such as the words to a new tag: text of GraceDB itself
