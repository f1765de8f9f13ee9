"""What stdout and stderr see: data on the one, talk on the other."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WIDEST: Final = 100
_NARROWEST: Final = 20


def say(text: str) -> None:
    """Talk, on stderr."""
    click.echo(text, err=True)


def put(text: str = "") -> None:
    """One line of data; colours are dropped where nobody sees them."""
    click.echo(text)


def document(data: Mapping[str, Any], rows: Iterable[Any] | None = None) -> None:
    """The one JSON document of a command.

    Parameters
    ----------
    data
        What it says.
    rows
        Its last member, written one a line: a table of a night is long.
    """
    text = json.dumps(data, indent=2, allow_nan=False)
    if rows is not None:
        lines = ",".join(f"\n    {json.dumps(row, allow_nan=False)}" for row in rows)
        text = f'{text.removesuffix("}").rstrip()},\n  "rows": [{lines}\n  ]\n}}'
    click.echo(text)


def on_terminal() -> bool:
    """Whether a person is looking at stdout."""
    return sys.stdout.isatty()


def width() -> int:
    """Columns to write for: the terminal's, within reason; 80 in a pipe."""
    columns = shutil.get_terminal_size().columns if on_terminal() else 80
    return max(_NARROWEST, min(columns, _WIDEST))


def visible(text: str) -> str:
    """A text without what a terminal would obey: control characters, and letters that turn the direction of writing."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def visible_lines(text: str) -> str:
    """As `visible`, with its lines: what a database says has a mark below the place that it means."""
    return "\n".join(visible(line.expandtabs()) for line in text.splitlines())


def wrapped(text: str, *, first: str = "", rest: str = "") -> str:
    """Fold a text to the width; names, paths and URLs stay whole, so that they can be copied.

    What a token or a server says of itself may be in it: no control character of it gets to the terminal.
    """
    import textwrap

    return textwrap.fill(
        "".join(letter if letter.isprintable() else " " for letter in text),
        width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
