"""Reading a query from left to right, and what both of its dialects are made of."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

Predicate = Callable[[Mapping[str, Any]], bool]
T = TypeVar("T")

_GAP = re.compile(r"\s*")
_OR = re.compile(r"\|")
_AND = re.compile(r"[&,]")
_NOT = re.compile(r"[~-]")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_RANGE = re.compile(r"\.\.")


class InvalidQuery(Exception):
    """A text that is no query."""


class Scanner:
    """A text and a place in it. Blanks before what is read are skipped; case never matters to names."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self._skip()

    @property
    def is_done(self) -> bool:
        return self.at == len(self._text)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Step over what matches here, or stay."""
        found = pattern.match(self._text, self.at)
        if found:
            self.at = found.end()
            self._skip()
        return found

    def need(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = self.take(pattern)
        if found is None:
            raise self.refusal()
        return found

    def name(self, known: Mapping[str, T]) -> T | None:
        """Step over a whole word that is known (in lower case), or stay."""
        found = _WORD.match(self._text, self.at)
        if found is None or found[0].lower() not in known:
            return None
        self.take(_WORD)
        return known[found[0].lower()]

    def refusal(self) -> InvalidQuery:
        rest = self._text[self.at : self.at + 40]
        return InvalidQuery(
            f"{rest!r} is not understood here; gracedb.ligo.org may know it" if rest else "The query ends too early"
        )

    def since(self, start: int) -> str:
        return self._text[start : self.at]

    def _skip(self) -> None:
        found = _GAP.match(self._text, self.at)
        self.at = found.end() if found else self.at


def by_name(names: Iterable[str]) -> dict[str, str]:
    """Return what each name is called in lower case -> the name."""
    return {name.lower(): name for name in names}


def between(scanner: Scanner, read: Callable[[], T | None]) -> tuple[T, T] | None:
    """Read one value, or two with ``..`` between them; one alone is a range from itself to itself."""
    first = read()
    if first is None:
        return None
    if not scanner.take(_RANGE):
        return first, first
    last = read()
    if last is None:
        raise scanner.refusal()
    return first, last


def joined(
    scanner: Scanner,
    read: Callable[[], T | None],
    invert: Callable[[T], T],
    either: Callable[[list[T]], T],
    both: Callable[[list[T]], T],
) -> T | None:
    """Read terms with signs between and before them; or binds closer than and, as on the real server."""
    start = scanner.at

    def one() -> T | None:
        is_inverted = scanner.take(_NOT)
        term = read()
        return invert(term) if is_inverted and term is not None else term

    first = one()
    if first is None:
        scanner.at = start
        return None
    groups = [[first]]
    while (is_or := scanner.take(_OR)) or scanner.take(_AND):
        term = one()
        if term is None:
            raise scanner.refusal()
        if is_or:
            groups[-1].append(term)
        else:
            groups.append([term])
    end = scanner.at
    if scanner.take(_NOT) and read() is not None:  # "A -B": the real server refuses that too
        raise InvalidQuery(f"There is no sign before {scanner.since(end).strip()!r} that joins it to what comes first")
    scanner.at = end
    return both([either(group) for group in groups])


def inverted(test: Predicate) -> Predicate:
    return lambda row: not test(row)


def any_of(tests: list[Predicate]) -> Predicate:
    return lambda row: any(test(row) for test in tests)


def all_of(tests: list[Predicate]) -> Predicate:
    return lambda row: all(test(row) for test in tests)
