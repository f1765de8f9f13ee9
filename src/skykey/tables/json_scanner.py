"""A JSON object of which one member is a long array of rows, read as it comes.

Each row is parsed by the standard library's compiled scanner, where it begins in the text: no boundary is guessed, so
that no text in a cell can be taken for one.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANK: Final = re.compile(r"[ \t\n\r]*")
# A literal or an escape that the end of the text cut is not longer than this.
_LONGEST_LITERAL: Final = 12
_CLOSING: Final = re.compile(r'[\]}"]')
_MOST_VALUE: Final = 8 * 2**20
"""Characters of one value: a row of a table is never so long."""
_SMALL: Final = 64 * 2**10


class NotJson(ValueError):
    """It is not an object with rows in it; the text says where it shows. It holds nothing of the document."""


class JsonScanner:
    """Push parser: bytes in, rows out; the object's other members are in `members`.

    Parameters
    ----------
    rows
        The member whose elements are the rows.

    Attributes
    ----------
    members
        Values of the other members that have come so far.
    has_rows
        Whether the array of rows has come to its end.
    is_over
        Whether the object has.
    """

    def __init__(self, rows: str) -> None:
        self.members: dict[str, Any] = {}
        self.has_rows = self.is_over = False
        self._rows_name = rows
        self._decode = json.JSONDecoder().raw_decode
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._before = "", 0, 0
        self._enough = 0
        self._step: Callable[[], bool] = self._object
        self._rows: list[list[Any]] = []

    def feed(self, chunk: bytes) -> list[list[Any]]:
        """Take the next piece; give the rows that are complete now.

        Raises
        ------
        NotJson
            As soon as it shows.
        """
        try:
            more = self._utf8.decode(chunk)
        except UnicodeDecodeError:
            raise NotJson("not UTF-8") from None
        self._before += self._at
        self._text, self._at = self._text[self._at :] + more, 0
        # A long value that was not whole is not tried again at each piece: only when it can have come to its end.
        if len(self._text) < self._enough and not _CLOSING.search(more):
            return []
        self._enough = 0
        try:
            while self._step():
                pass
        except RecursionError:
            raise self._wrong("too many brackets") from None
        rows, self._rows = self._rows, []
        return rows

    def _object(self) -> bool:
        if self._next() == "{":
            return self._onward(1, self._first_name)
        return self._more("an object")

    def _first_name(self) -> bool:
        return self._onward(1, self._rest) if self._next() == "}" else self._name()

    def _name(self) -> bool:
        if self._next() != '"':
            return self._more("a name")
        found = self._value()
        if found is None:
            return False
        name, end = found
        colon = _blanks(self._text, end)
        if colon == len(self._text):
            return False
        if self._text[colon] != ":":
            raise self._wrong("a name without a value")
        self._at = colon + 1
        if name in self.members or (name == self._rows_name and self.has_rows):
            raise self._wrong("a name that was there already")
        self._member = name
        self._step = self._array if name == self._rows_name else self._other
        return True

    def _other(self) -> bool:
        if not self._next():
            return False
        found = self._value()
        # A number could go on.
        if found is None or found[1] == len(self._text):
            return False
        self.members[self._member], self._at = found
        self._step = self._after
        return True

    def _after(self) -> bool:
        match self._next():
            case ",":
                return self._onward(1, self._name)
            case "}":
                return self._onward(1, self._rest)
            case _:
                return self._more("a comma or the end")

    def _array(self) -> bool:
        return self._onward(1, self._first_row) if self._next() == "[" else self._more("rows")

    def _first_row(self) -> bool:
        return self._last_row() if self._next() == "]" else self._row()

    def _last_row(self) -> bool:
        self.has_rows = True
        return self._onward(1, self._after)

    def _row(self) -> bool:
        """One row, and all that follow it in the usual way: a comma and a bracket, perhaps a blank between them."""
        if self._next() != "[":
            return self._more("a row")
        text, at, found, decode = self._text, self._at, self._rows, self._decode
        try:
            while True:
                row, end = decode(text, at)
                found.append(row)
                at = end
                if text.startswith(",[", at):
                    at += 1
                elif text.startswith(", [", at):
                    at += 2
                else:
                    break
        except ValueError as problem:
            self._at = at
            return self._unfinished(problem)
        self._at = at
        self._step = self._after_row
        return True

    def _after_row(self) -> bool:
        match self._next():
            case ",":
                return self._onward(1, self._row)
            case "]":
                return self._last_row()
            case _:
                return self._more("a comma or the last row")

    def _rest(self) -> bool:
        self.is_over = True
        if self._next():
            raise self._wrong("more behind the end")
        return False

    def _next(self) -> str:
        """The next character that is not blank; empty if there is none yet."""
        self._at = _blanks(self._text, self._at)
        return self._text[self._at : self._at + 1]

    def _onward(self, count: int, step: Callable[[], bool]) -> bool:
        self._at += count
        self._step = step
        return True

    def _more(self, wanted: str) -> bool:
        """What is wanted has not come yet; or something else has."""
        if self._at < len(self._text):
            raise self._wrong(f"no {wanted.removeprefix('a ').removeprefix('an ')}")
        return False

    def _value(self) -> tuple[Any, int] | None:
        try:
            return self._decode(self._text, self._at)
        except ValueError as problem:
            self._unfinished(problem)
            return None

    def _unfinished(self, problem: ValueError) -> bool:
        """Tell a value that was cut by the end of the text from one that is none."""
        length = len(self._text)
        if not isinstance(problem, json.JSONDecodeError):  # a number of thousands of digits
            raise self._wrong("a number that is too long") from None
        is_cut = problem.msg.startswith("Unterminated string") or problem.pos >= length - _LONGEST_LITERAL
        if not is_cut:
            self._at = problem.pos
            raise self._wrong(problem.msg) from None
        if length - self._at > _MOST_VALUE:
            raise self._wrong("a value that is too long") from None
        self._enough = 2 * (length - self._at) if length - self._at > _SMALL else 0
        return False

    def _wrong(self, what: str) -> NotJson:
        return NotJson(f"{what}, at character {self._before + self._at:,}")


def _blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
