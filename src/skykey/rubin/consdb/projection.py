"""Which columns of which tables a statement shows as they are: their types are the schema's, whatever the rows are.

Only what is certain counts. A statement over anything but ConsDB's own tables, a name that an expression might have
too: their types are left to the values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from skykey.rubin.consdb.statements import bare, has_quoted_names
from skykey.tables.packages import arrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from skykey.rubin.consdb.sql import Source
    from skykey.tables.columns import Column

_WORD: Final = re.compile(r"[^\W\d]\w*|\d[\w.]*|::|\S")
_NAME: Final = re.compile(r"[^\W\d]\w*")
_SCHEMA: Final = "cdb_"
_SETS: Final = frozenset({"union", "intersect", "except", "into"})
_AFTER: Final = frozenset({"where", "group", "having", "order", "limit", "offset", "fetch", "for", "window"})
_JOINS: Final = frozenset({"on", "using", "join", "inner", "left", "right", "full", "cross", "natural", "tablesample"})


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the select list.

    Parameters
    ----------
    name
        What its column is called in the answer; ``*`` for all columns of a table.
    alias
        The table's name in the statement; None if the column is named alone.
    column
        The column in the table; None if nothing is known of it.
    """

    name: str
    alias: str | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """What a statement shows.

    Parameters
    ----------
    sources
        The tables, by their name in the statement.
    items
        The select list.
    """

    sources: Mapping[str, Source]
    items: Sequence[Item]

    def columns(self, schemas: Mapping[Source, Sequence[Column]]) -> list[Column]:
        """The columns whose type is certain, by their name in the answer."""
        found: dict[str, list[Column | None]] = {}
        for item in self.items:
            aliases = list(self.sources) if item.alias is None else [item.alias]
            known = [column for alias in aliases for column in schemas.get(self.sources.get(alias, ("", "")), ())]
            if item.name == "*":
                for column in known:
                    found.setdefault(column.name, []).append(column)
            else:
                meant = [replace(column, name=item.name) for column in known if column.name == item.column]
                found.setdefault(item.name, []).extend(meant or [None])
        return unequivocal(column for several in found.values() if None not in several for column in several)


def unequivocal(columns: Iterable[Column | None]) -> list[Column]:
    """Of columns with one name the first, unless they have different types, or one that Arrow does not have."""
    found: dict[str, list[Column]] = {}
    for column in columns:
        if column is not None:
            found.setdefault(column.name, []).append(column)
    unknown = arrow().null()
    return [
        first
        for first, *others in found.values()
        if first.type != unknown and all(other.type == first.type for other in others)
    ]


def projection(statement: str) -> Projection | None:
    """Read a statement; None if it is one whose columns are not certain.

    Examples
    --------
    >>> found = projection("select v.visit_id, obs_start as start from cdb_lsstcam.visit1 v where band = 'r'")
    >>> found.sources, [(item.name, item.column) for item in found.items]
    ({'v': ('lsstcam', 'visit1')}, [('visit_id', 'visit_id'), ('start', 'obs_start')])
    >>> projection("with a as (select 1) select * from a") is None
    True
    """
    if has_quoted_names(statement):
        return None
    words = _WORD.findall(bare(statement).lower().rstrip("; \t\r\n"))
    if words[:1] != ["select"] or ";" in words or words[1:3] == ["distinct", "on"]:
        return None
    begin = 2 if words[1:2] in (["distinct"], ["all"]) else 1
    outer = [word if depth == 0 else "" for word, depth in _depths(words)]
    middle = next(
        (at for at, word in enumerate(outer) if word == "from" and at > begin and outer[at - 1] != "distinct"), 0
    )
    if not middle or _SETS.intersection(outer):
        return None
    end = next((at for at, word in enumerate(outer) if at > middle and word in _AFTER), len(words))
    sources = _sources(words[middle + 1 : end], outer[middle + 1 : end])
    if not sources:
        return None
    items = [item for part in _split(words[begin:middle], outer[begin:middle]) for item in _items(part)]
    is_plain = any(item.name == "*" or item.column is not None for item in items)
    return Projection(sources, items) if is_plain else None


def _depths(words: Sequence[str]) -> Iterator[tuple[str, int]]:
    depth = 0
    for word in words:
        depth -= word in ")]"
        yield word, depth
        depth += word in "(["


def _split(words: Sequence[str], outer: Sequence[str]) -> Iterator[Sequence[str]]:
    at = 0
    for here, word in enumerate(outer):
        if word == ",":
            yield words[at:here]
            at = here + 1
    yield words[at:]


def _items(words: Sequence[str]) -> Iterator[Item]:
    plain, name = words, None
    if len(words) > 2 and words[-2] == "as":  # noqa: PLR2004 - something, and its name
        plain, name = words[:-2], words[-1]
    elif len(words) in {2, 4} and _is_name(words[-1]) and _is_name(words[-2]):
        plain, name = words[:-1], words[-1]
    match plain:
        case ["*"]:
            yield Item("*")
        case [alias, ".", "*"]:
            yield Item("*", alias)
        case [column] if _is_name(column):
            yield Item(name or column, None, column)
        case [alias, ".", column] if _is_name(alias) and _is_name(column):
            yield Item(name or column, alias, column)
        case _ if name is not None:
            yield Item(name)
        case _:
            # PostgreSQL names such a column after something in it.
            yield from (Item(word) for word in dict.fromkeys(plain) if _is_name(word))


def _sources(words: Sequence[str], outer: Sequence[str]) -> dict[str, Source]:
    """The tables; none if one of them is not ConsDB's own."""
    found: dict[str, Source] = {}
    for at in [0, *(here + 1 for here, word in enumerate(outer) if word in {",", "join"})]:
        match words[at : at + 6]:
            case [schema, ".", table, *more] if schema.startswith(_SCHEMA) and _is_name(table):
                more = more[more[:1] == ["as"] :]
                alias = more[0] if more and _is_name(more[0]) and more[0] not in _JOINS else table
            case _:
                return {}
        if alias in found or "(" in {*more[:1], *(more[1:2] if alias in more else ())}:
            return {}  # twice, a function, or other names for the columns
        found[alias] = schema.removeprefix(_SCHEMA), table
    return found


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word))
