"""Reading a user's SQL: no more of it than has to be known, and nothing inside of quotes and comments.

PostgreSQL's quotes are those of the standard, and more: ``E'…'`` with backslashes, ``$tag$…$tag$``; its comments nest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.call import Repeat
from skykey.tap import literals

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
    r"\b(INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|ALTER|DROP|TRUNCATE|COPY|CALL|DO|EXECUTE)\b", re.IGNORECASE
)
# What may stand before a parenthesis in a statement that reads: words of the language, types, and PostgreSQL's own
# functions that change nothing. Any other function may do anything (setval, lo_unlink, dblink_exec, query_to_xml).
_HARMLESS: Final = frozenset(
    """
    all and any array as between by case cube distinct else end except exists filter from group grouping having ilike in
    intersect is join lateral like limit materialized not offset on or over partition rollup row select sets some then
    union using values when where
    bit bpchar char character decimal float interval numeric time timestamp timestamptz varchar varying
    array_agg avg bit_and bit_or bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every first_value
    json_agg json_object_agg jsonb_agg jsonb_object_agg lag last_value lead max min mode nth_value ntile percent_rank
    percentile_cont percentile_disc rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope row_number
    stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance width_bucket
    abs acos acosd asin asind atan atan2 atan2d atand cbrt ceil ceiling cos cosd cot degrees div exp factorial floor gcd
    lcm ln log log10 mod pi power radians random round sign sin sind sqrt tan tand trunc
    cast coalesce greatest least num_nonnulls num_nulls nullif
    age clock_timestamp current_date current_time current_timestamp date date_bin date_part date_trunc extract isfinite
    localtime localtimestamp make_date make_interval make_time make_timestamp make_timestamptz now to_char to_date
    to_number to_timestamp
    ascii bit_length btrim char_length character_length chr concat concat_ws format initcap left length lower lpad ltrim
    md5 octet_length overlay position regexp_count regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim split_part
    starts_with strpos substr substring to_hex translate trim upper
    array_length array_lower array_position array_positions array_remove array_to_string array_upper cardinality
    generate_series generate_subscripts json_array_elements json_array_elements_text json_build_object json_each
    json_each_text json_extract_path json_extract_path_text json_object_keys jsonb_array_elements
    jsonb_array_elements_text jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
    jsonb_object_keys string_to_array to_json to_jsonb unnest
    """.split()  # noqa: SIM905 - words in lines, not one a line
)
_CALLED: Final = re.compile(r"(\.\s*+)?(?<![\w$])([^\W\d][\w$]*+)\s*+\(")
_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_ESCAPED_NAME: Final = re.compile(r'u&"', re.IGNORECASE)
_UNKNOWN: Final = "?function"
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
    """What may be sent twice: statements that only read, though not where the first may still be running.

    In doubt it is not: a function that is not known to read only, in quotes or without, and a second statement.

    Examples
    --------
    >>> repeat("select count(*) from a").name, repeat("select nextval('a')").name
    ('COSTLY', 'NEVER')
    """
    text = bare(statement).rstrip("; \t\r\n\f\v")
    reads = _READS.match(text) and not _WRITES.search(text) and ";" not in text
    return Repeat.COSTLY if reads and _HARMLESS.issuperset(_called(statement)) else Repeat.NEVER


def _called(statement: str) -> Iterator[str]:
    """What stands before a parenthesis, also in quotes; what is not plainly a name of PostgreSQL's own is unknown."""
    parts: list[str] = []
    for text, is_opaque, _ in _pieces(statement):
        if not is_opaque or not text.startswith('"'):
            parts.append(_shown(text) if is_opaque else text)
        else:
            parts.append(f" {text[1:-1] if _PLAIN.fullmatch(text[1:-1]) else 'odd'} ")
    if _ESCAPED_NAME.search(statement):
        yield _UNKNOWN
    for found in _CALLED.finditer("".join(parts)):
        # Of another schema it may be another function.
        yield _UNKNOWN if found[1] else found[2].lower()


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
    # Without values a colon is PostgreSQL's.
    places = _places(statement) if values else ()
    return literals.filled(statement, places, {name: write(value) for name, value in values.items()})


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
