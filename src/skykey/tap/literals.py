"""What ADQL and SQL have in common: a value is written so that it stays one, in the place of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.tap.next_step import NextStep
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping


def listed(value: Any, write: Callable[[Any], str], language: str) -> str:
    """A value, or a list of values for ``IN``.

    Parameters
    ----------
    value
        NumPy's and pandas' arrays and numbers are what is in them.
    write
        Makes text of one value.
    language
        Its name, for messages.

    Raises
    ------
    UsageError
        For NumPy's times, a value with a unit, and a list without values.
    """
    if getattr(getattr(value, "dtype", None), "kind", "") in {"m", "M"}:
        raise UsageError("NumPy's times name no scale", next="use astropy Times or aware datetimes")
    if hasattr(value, "to_value") and getattr(value, "unit", None) is not None:
        raise UsageError(
            f"a value with a unit means nothing to {language}", next="give the number: value.to_value('deg')"
        )
    given = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(given, list | tuple | set | frozenset):
        return write(given)
    if not given:
        raise UsageError(f"a list without values cannot be written in {language}")
    return f"({', '.join(map(write, given))})"


def text(value: str) -> str:
    """Text in quotes.

    Raises
    ------
    UsageError
        If there is a NUL in it, or a half of a letter (a lone surrogate).
    """
    if "\0" in value:
        raise UsageError("a database's text cannot hold a NUL")
    check_letters(value)
    return "'" + value.replace("'", "''") + "'"


def check_letters(value: str) -> None:
    """See that all of a text is letters.

    Raises
    ------
    UsageError
        If there is a half of one in it, as comes of file names that are not UTF-8.
    """
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UsageError("half a letter (a lone surrogate) cannot be sent")


def signed(number: str) -> str:
    """A number that may follow a minus sign: another one would begin a comment."""
    return f"({number})" if number.startswith("-") else number


def filled(statement: str, places: Iterable[re.Match[str]], written: Mapping[str, str]) -> list[tuple[str, bool]]:
    """Put values in the places of their names (``:name``).

    Parameters
    ----------
    statement
        With the names.
    places
        Where they are, in order; group 1 is the name.
    written
        The values as they are written, by name.

    Returns
    -------
    list
        The statement in pieces: their text, and whether it is a value.

    Raises
    ------
    UsageError
        If a name has no place, or a place no value.
    """
    parts, at, used = list[tuple[str, bool]](), 0, set[str]()
    for found in places:
        name = found[1]
        if name not in written:
            step = NextStep("give one: ", f"values={{{name!r}: …}}", "value", name)
            raise UsageError(f"there is no value for :{name}", next=step)
        parts += [(statement[at : found.start()], False), (written[name], True)]
        used.add(name)
        at = found.end()
    if unused := sorted(written.keys() - used):
        raise UsageError(
            f"the statement has no place for {', '.join(unused)}", next=f"write :{unused[0]} where it goes"
        )
    return [*parts, (statement[at:], False)]
