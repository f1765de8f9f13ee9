"""Reading a user's SQL: no more of it than has to be known, and nothing inside of quotes and comments.

PostgreSQL's quotes are those of the standard, and more: ``E'…'`` with backslashes, ``$tag$…$tag$``; its comments nest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Repeat
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_OPAQUE: Final = re.compile(
    r"""
    --[^\r\n]*
    | /\*
    | (?<![\w"$]) [eE] ' (?: [^'\\]++ | '' | \\. )*+ (?P<escaped> ' )?
    | ' (?: [^']++ | '' )*+ (?P<text> ' )?
    | " (?: [^"]++ | "" )*+ (?P<name> " )?
    | (?<![\w$]) \$ (?P<tag> (?: [^\W\d]\w* )? ) \$ .*? (?P<dollar> \$ (?P=tag) \$ | \Z )
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT_MARK: Final = re.compile(r"/\*|\*/")
_PERCENTS: Final = re.compile(r"%+")
# Not a cast (::), nor the bounds of a slice ([1:n]), nor what a prefix or a neighbour would make another text of.
_PLACE: Final = re.compile(r"""(?<![\w:'"$])(?<![uU]&):([^\W\d]\w*+)(?!['"$])""", re.ASCII)
_READS: Final = re.compile(r"[\s(]*(SELECT|WITH|VALUES|TABLE|SHOW|EXPLAIN)\b", re.IGNORECASE)
_WRITES: Final = re.compile(
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|ALTER|DROP|TRUNCATE|COPY|CALL|DO|NEXTVAL|SETVAL)\b", re.IGNORECASE
)
_LIMIT: Final = re.compile(r"\bLIMIT\s+(\d{1,18})(?:\s+OFFSET\s+\d+)?[\s;]*\Z", re.IGNORECASE)


def _pieces(statement: str) -> Iterator[tuple[str, bool, bool]]:
    """Its text in pieces: whether each is opaque (a quote, a comment), and whether it is closed."""
    at = 0
    while at < len(statement):
        found = _OPAQUE.search(statement, at)
        if found is None:
            yield statement[at:], False, True
            return
        if found.start() > at:
            yield statement[at : found.start()], False, True
        end, closed = found.end(), True
        if found[0] == "/*":
            end, closed = _comment_end(statement, found.end())
        elif not found[0].startswith("--"):
            closed = any(found[name] for name in ("escaped", "text", "name", "dollar"))
        yield statement[found.start() : end], True, closed
        at = end


def _comment_end(statement: str, at: int) -> tuple[int, bool]:
    depth = 1
    for mark in _COMMENT_MARK.finditer(statement, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end(), True
    return len(statement), False


def bare(statement: str) -> str:
    """The statement with a blank for each comment, and a mark for each quote.

    Examples
    --------
    >>> bare("select 'a;b' /* c */ from d -- e")
    "select  '    from d  "
    """
    return "".join(_shown(text) if is_opaque else text for text, is_opaque, _ in _pieces(statement))


def _shown(opaque: str) -> str:
    return " " if _is_comment(opaque) else " ' "


def _is_comment(opaque: str) -> bool:
    return opaque.startswith(("--", "/*"))


def is_empty(statement: str) -> bool:
    """Whether it asks nothing: blanks, comments and semicolons only."""
    asked = (text for text, is_opaque, _ in _pieces(statement) if not (is_opaque and _is_comment(text)))
    return not "".join(asked).strip("; \t\r\n\f\v")


def has_quoted_names(statement: str) -> bool:
    """Whether a name stands in double quotes, where it may be anything."""
    return any(is_opaque and text.startswith('"') for text, is_opaque, _ in _pieces(statement))


def is_closed(part: str) -> bool:
    """Whether a part of a statement ends all that it begins, and nothing else: parentheses, quotes, comments."""
    depth = 0
    for text, is_opaque, closed in _pieces(part):
        if not closed:
            return False
        for mark in "" if is_opaque else text:
            depth += (mark == "(") - (mark == ")")
            if depth < 0 or mark == ";":
                return False
    return depth == 0


def repeat(statement: str) -> Repeat:
    """What may be sent twice: statements that only read, though not where the first may still be running."""
    text = bare(statement)
    return Repeat.COSTLY if _READS.match(text) and not _WRITES.search(text) else Repeat.NEVER


def limit(statement: str) -> int | None:
    """How many rows the statement lets through; None for all.

    Examples
    --------
    >>> limit("select a from (select a from b limit 5) c limit 10;"), limit("select a from (select a from b limit 5) c")
    (10, None)
    """
    found = _LIMIT.search(bare(statement))
    return int(found[1]) if found else None


def filled(statement: str, values: Mapping[str, Any], write: Callable[[Any], str]) -> list[tuple[str, bool]]:
    """Put values in the places of their names (``:name``).

    Parameters
    ----------
    statement
        With the names; what stands in quotes and comments is no name.
    values
        By name.
    write
        Makes SQL of a value.

    Returns
    -------
    list
        The statement in pieces: their text, and whether it is a value.

    Raises
    ------
    UsageError
        If a name has no place, or a place no value.
    """
    written = {name: write(value) for name, value in values.items()}
    parts: list[tuple[str, bool]] = []
    used: set[str] = set()
    at = 0
    for found in _places(statement) if written else ():
        name = found[1]
        if name not in written:
            raise UsageError(f"there is no value for :{name}", next=f"give one: values={{{name!r}: …}}")
        parts += [(statement[at : found.start()], False), (written[name], True)]
        used.add(name)
        at = found.end()
    if unused := sorted(written.keys() - used):
        raise UsageError(
            f"the statement has no place for {', '.join(unused)}", next=f"write :{unused[0]} where it goes"
        )
    return [*parts, (statement[at:], False)]


def _places(statement: str) -> Iterator[re.Match[str]]:
    is_hidden: list[bool] = []
    for text, is_opaque, _ in _pieces(statement):
        is_hidden += [is_opaque] * len(text)
    return (found for found in _PLACE.finditer(statement) if not is_hidden[found.start()])


def for_driver(statement: str, values: Mapping[str, Any] | None = None, write: Callable[[Any], str] = str) -> str:
    """As the HTTP service wants it: its driver takes a percent sign for a parameter unless there are two.

    Parameters
    ----------
    statement
        Percent signs stand alone, or doubled already as the release's users write them.
    values, write
        As in `filled`; percent signs in values are just themselves.

    Examples
    --------
    >>> for_driver("select * from t where a like 'x%' or a like 'y%%'")
    "select * from t where a like 'x%%' or a like 'y%%'"
    """
    parts = filled(statement, values or {}, write)
    return "".join(text.replace("%", "%%") if is_value else _PERCENTS.sub(_doubled, text) for text, is_value in parts)


def _doubled(found: re.Match[str]) -> str:
    return found[0] * 2 if len(found[0]) % 2 else found[0]
