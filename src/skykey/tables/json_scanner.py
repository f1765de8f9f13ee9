"""A JSON object of which one member is a long array of rows, read as it comes.

Each row is parsed by a compiled scanner, where it begins in the text: no boundary is guessed, so that no text in a cell
can be taken for one. With orjson the rows of a piece are parsed in one go. A value that is cut by the end of a piece
waits for its own end, which is looked for in what is new alone: however small the pieces are, the work grows with the
text and not with its square.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_BLANK: Final = re.compile(r"[ \t\n\r]*")
# A literal or an escape that the end of the text cut is not longer than this.
_LONGEST_LITERAL: Final = 12
_MOST_VALUE: Final = 8 * 2**20
"""Characters of one value: a row of a table is never so long."""
_SMALL: Final = 2**10
# What changes where a value ends: outside of texts, inside of them, and behind a number or a literal.
_OUTSIDE: Final = re.compile(r'["\[\]{}]')
_INSIDE: Final = re.compile(r'["\\]')
_OPENING: Final = frozenset('"[{')
_BEHIND: Final = re.compile(r"[,\]} \t\n\r]")
_LONGEST_EXACT: Final = 20
"""Signs and digits from which on an integer may have more than 64 bits."""


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
        self._cut: _Cut | None = None
        self._loads = _loads()
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
        if self._cut is None:
            self._before += self._at
            self._text, self._at = self._text[self._at :] + more, 0
        elif self._cut.take(more) or self._cut.length > _MOST_VALUE:
            self._text, self._at = self._cut.text, 0
        else:
            return []
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
        name, self._at = found
        if name in self.members or (name == self._rows_name and self.has_rows):
            raise self._wrong("a name that was there already")
        self._member = name
        self._step = self._colon
        return True

    def _colon(self) -> bool:
        if self._next() == ":":
            return self._onward(1, self._array if self._member == self._rows_name else self._other)
        return self._more("a value of this name")

    def _other(self) -> bool:
        if not self._next():
            return False
        found = self._value()
        if found is None:
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
        at = self._at if self._loads is None else self._many(self._loads)
        text, found, decode = self._text, self._rows, self._decode
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
        self._at, self._cut = at, None
        self._step = self._after_row
        return True

    def _many(self, loads: Callable[[str], Any]) -> int:
        """Take all rows but the last in one go, if they are written plainly; give where the next one begins."""
        text, at = self._text, self._at
        for find in (_last_end, _last_end_outside):
            end = find(text, at)
            if end == at:
                break
            piece = f"[{text[at:end]}]"
            if _has_long_numbers(piece):
                break
            try:
                rows = loads(piece)
            except ValueError:
                continue
            if {*map(type, rows)} != {list}:
                break
            self._rows += rows
            return text.index("[", end)
        return at

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
        text, at = self._text, self._at
        if text[at] not in _OPENING and not _BEHIND.search(text, at):
            self._wait()  # a number could go on
            return None
        try:
            found = self._decode(text, at)
        except ValueError as problem:
            self._unfinished(problem)
            return None
        self._cut = None
        return found

    def _unfinished(self, problem: ValueError) -> bool:
        """Tell a value that was cut by the end of the text from one that is none."""
        if not isinstance(problem, json.JSONDecodeError):  # a number of thousands of digits
            raise self._wrong("a number that is too long") from None
        length, where = len(self._text), problem.pos - self._at
        if problem.msg.startswith("Unterminated string") or problem.pos >= length - _LONGEST_LITERAL:
            cut = self._wait()
            if not cut.is_whole:
                return False
        self._at += where
        raise self._wrong(problem.msg) from None

    def _wait(self) -> _Cut:
        """For the end of the value that begins here."""
        if self._cut is not None and self._at == 0:
            self._cut.enough = 2 * self._cut.length
        else:
            self._before += self._at
            self._text, self._at = self._text[self._at :], 0
            self._cut = _Cut(self._text)
        if self._cut.length > _MOST_VALUE:
            raise self._wrong("a value that is too long") from None
        return self._cut

    def _wrong(self, what: str) -> NotJson:
        return NotJson(f"{what}, at character {self._before + self._at:,}")


def _blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


class _Cut:
    """The beginning of a value whose end has not come.

    Each character is looked at once to find that end, and parsed a few times at most: a value that is none shows when
    twice as much of it has come, and does not have to end for that.
    """

    def __init__(self, text: str) -> None:
        self._pieces = io.StringIO()
        self._is_bare = text[0] not in _OPENING
        self._depth = 0
        self._is_inside = self._is_escaped = False
        self.length = 0
        self.enough = max(_SMALL, 2 * len(text))
        self.is_whole = False
        self.take(text)

    @property
    def text(self) -> str:
        """All of it, and what came behind it."""
        return self._pieces.getvalue()

    def take(self, more: str) -> bool:
        """Add what is new; say whether to try now."""
        self._pieces.write(more)
        self.length += len(more)
        self.is_whole = bool(_BEHIND.search(more)) if self._is_bare else self._ends(more)
        return self.is_whole or self.length >= self.enough

    def _ends(self, text: str) -> bool:
        """Whether the bracket or the quote closes that the value began with."""
        at = 0
        if self._is_escaped and text:
            at, self._is_escaped = 1, False
        while found := (_INSIDE if self._is_inside else _OUTSIDE).search(text, at):
            at = found.end()
            match found[0]:
                case "\\":
                    self._is_escaped = at == len(text)
                    at += 1
                case '"':
                    self._is_inside = not self._is_inside
                case "[" | "{":
                    self._depth += 1
                case _:
                    self._depth -= 1
            if self._depth <= 0 and not self._is_inside:
                return True
        return False


def _loads() -> Any:
    """The fast parser, if it is installed; it gives the same for all that both of them read, but see below."""
    try:
        return import_module("orjson").loads
    except ImportError:
        return None


def _last_end(text: str, at: int) -> int:
    """Where, as it seems, the last row ends that another one follows; `at` if none does.

    If it is a bracket in a text, or in a row, then what comes before it is not valid as a list of rows.
    """
    return max(text.rfind("],[", at), text.rfind("], [", at), at - 1) + 1


def _last_end_outside(text: str, at: int) -> int:
    """The same, past brackets in texts."""
    separator = "],[" if text.find("],[", at) >= 0 else "], ["
    is_inside, end = _is_odd(text[at:]), len(text)
    while (found := text.rfind(separator, at, end)) >= 0:
        is_inside ^= _is_odd(text[found:end])
        if not is_inside:
            return found + 1
        end = found
    return at


def _is_odd(text: str) -> bool:
    """Whether it has an odd number of quotes, of those that no backslash stands before."""
    return bool((text.count('"') - text.count('\\"')) % 2)


def _has_long_numbers(text: str) -> bool:
    """Whether integers of more than 64 bits may be there, of which the fast parser makes floats without a word."""
    import numpy as np

    data = np.frombuffer(text.encode(), np.uint8)
    runs = (data - np.uint8(ord("0")) < 10) | (data == ord("-"))  # noqa: PLR2004 - digits, in arithmetic without sign
    length = 1
    while length < _LONGEST_EXACT:
        step = min(length, _LONGEST_EXACT - length)
        runs = runs[:-step] & runs[step:]
        length += step
    at = np.flatnonzero(runs)
    if not at.size:
        return False
    # Behind a point they are a fraction's, and rounded by everyone in the same way.
    begins = at[np.diff(at, prepend=-2) > 1]
    return bool((data[begins - 1] != ord(".")).any())
