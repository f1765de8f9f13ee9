"""Arguments that are lists with commas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def numbers(_: click.Context, __: click.Parameter, given: str) -> list[float]:
    """Numbers with commas between them.

    Raises
    ------
    click.BadParameter
        If one of them is none.
    """
    try:
        return [float(part) for part in given.split(",")]
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a number, or numbers with commas between them") from None


def names(_: click.Context, __: click.Parameter, given: str | None) -> list[str] | None:
    """Words with commas between them; blanks around them do not belong to them. None if there are none.

    Raises
    ------
    click.BadParameter
        If one of them is empty.
    """
    if given is None:
        return None
    found = [text.strip() for text in given.split(",")]
    if not all(found):
        raise click.BadParameter(f"{given!r} has an empty name in it")
    return found


def with_names(*declarations: str, text: str) -> Callable[[Any], Any]:
    """Make an option that takes names."""
    return click.option(*declarations, metavar="A,B", callback=names, help=text)
