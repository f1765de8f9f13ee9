"""InfluxQL, as much of it as the telemetry clients speak: text to tokens to tuples with names.

Everything else is refused by the name of the offending token, so that nothing is ever half understood.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple, NoReturn

from skykey.sandbox.influxdb.errors import RefusedError

_SPACE = " \t\r\n"
_TOKEN = re.compile(
    r"""(?P<gap>(?:[ \t\r\n]|--[^\n]*|/\*.*?\*/)*)
    (?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)
      |"(?P<quoted>(?:\\[n\\"']|[^"\\\n])*)"
      |'(?P<string>(?:\\[n\\"']|[^'\\\n])*)'
      |(?P<number>\d{1,300}\.\d*|\.\d+)
      |(?P<duration>\d{1,300}[A-Za-zµ][A-Za-z0-9µ]*)
      |(?P<integer>\d{1,300})
      |(?P<sign><>|!=|<=|>=|[=<>,.;*()+-])
      |(?P<end>\Z)
      |(?P<stray>.))""",
    re.ASCII | re.DOTALL | re.VERBOSE,
)
# What 1.6.7 takes as one token, where it looks one ahead.
_PIECE = re.compile(r"[ \t\r\n]+|--[^\n]*\n?|/\*.*?\*/|.|\Z", re.DOTALL)
_RESERVED = frozenset(
    """
    all alter analyze and any as asc begin by cardinality continuous create database databases default
    delete desc destinations diagnostics distinct drop duration end every exact explain field for from
    grant grants group groups in inf insert into key keys kill limit measurement measurements name
    offset on or order password policies policy privileges queries query read replication resample
    retention revoke select series set shard shards show slimit soffset stats subscription subscriptions
    tag to user users values where with write
    """.split()  # noqa: SIM905  a list would be a page long
)
_UNITS = {"ns": 1, "u": 10**3, "µ": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS |= {"d": 24 * _UNITS["h"], "w": 7 * 24 * _UNITS["h"]}
_DURATION = re.compile(r"(\d+)(ns|ms|[uµsmhdw])", re.ASCII)
_PATH = 3  # database, policy, measurement
_FUNCTIONS = frozenset({"count", "sum", "mean", "min", "max", "first", "last"})


class Star(Enum):
    """`*`: every column in a SELECT, every tag in a GROUP BY."""

    STAR = "*"


class Chosen(NamedTuple):
    """A column with a function, a name of its own, or both."""

    column: str | Star
    function: str = ""
    name: str = ""


Column = str | Star | Chosen


class Buckets(NamedTuple):
    """GROUP BY time: a width and a shift in nanoseconds, and whether those where nothing is come too."""

    width: int
    shift: int = 0
    filled: bool = True


class Moment(NamedTuple):
    """A time with a shift in nanoseconds; no base means now."""

    base: str | float | None
    shift: int


Value = bool | float | str | Moment


class Comparison(NamedTuple):
    column: str
    operator: str
    value: Value


class Source(NamedTuple):
    """A measurement; an empty database or policy means the default one."""

    database: str
    policy: str
    measurement: str


class Select(NamedTuple):
    columns: tuple[Column, ...]
    source: Source
    where: tuple[Comparison, ...] = ()
    group_by: tuple[str | Star, ...] = ()
    descending: bool = False
    limit: int = 0
    offset: int = 0
    buckets: Buckets | None = None


class Show(NamedTuple):
    topic: str  # measurements, databases, field keys, tag keys
    source: Source | None = None
    database: str = ""


Statement = Select | Show


class Token(NamedTuple):
    """A word, a name, a number, a sign; `gap` is the blanks and comments before it, `word` the keyword or sign."""

    kind: str
    text: str
    word: str
    gap: str
    start: int


def tokens(text: str) -> list[Token]:
    """Cut a text up to its end, or to the first character that belongs to no token."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        content = match[kind]
        if kind in {"quoted", "string"}:
            content = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], content)
        word = content.lower() if kind in {"word", "sign"} else ""
        found.append(Token(kind, content, word, match["gap"], match.end("gap")))
    return found


def parse(text: str) -> list[Statement]:
    """Read every statement of a query, or raise RefusedError."""
    return _Parser(text).statements()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, *words: str) -> str:
        return self._take().word if self._next.word in words else ""

    def _expect(self, *words: str) -> str:
        if self._next.word not in words:
            self._refuse(", ".join(words).upper())
        return self._take().word

    def _refuse(self, expected: str) -> NoReturn:
        before = self._text[: self._next.start]
        line, char = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = self._next.text or "EOF"
        raise RefusedError(f"error parsing query: found {found}, expected {expected} at line {line}, char {char}")

    def _no_regex(self, ahead: int = 0) -> None:
        """Refuse a comment where 1.6.7 takes its slash for the start of a regular expression."""
        rest = self._text[self._next.start - len(self._next.gap) :]
        if ahead and (piece := _PIECE.match(rest)):
            rest = rest[piece.end() :]
        if rest.lstrip(_SPACE).startswith("/"):
            self._refuse("no comment in this place")

    def _identifier(self) -> str:
        if self._next.kind != "quoted" and (self._next.kind != "word" or self._next.word in _RESERVED):
            self._refuse("identifier")
        return self._take().text

    def _path(self) -> list[str]:
        """Read `a.b.c`; `a..c` leaves out the one between."""
        parts = [self._identifier()]
        while self._next.word == "." and not self._next.gap:
            self._take()
            self._no_regex()
            left_out = self._next.word == "." and not self._next.gap
            parts.append("" if left_out else self._identifier())
        return parts

    def _whole_number(self) -> int:
        if self._next.kind != "integer":
            self._refuse("integer")
        return min(int(self._take().text), 2**63 - 1)

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        while True:
            while self._accept(";"):
                pass
            if self._next.kind == "end":
                return found
            found.append(self._select() if self._expect("select", "show") == "select" else self._show())
            if self._next.kind != "end" and self._next.word != ";":
                self._refuse("; or a clause of the sandbox")

    def _show(self) -> Show:
        topic = self._expect("measurements", "databases", "field", "tag")
        if topic == "databases":
            return Show(topic)
        if topic != "measurements":
            topic += f" {self._expect('keys')}"
        database = self._identifier() if self._accept("on") else ""
        source = self._source() if topic != "measurements" and self._accept("from") else None
        return Show(topic, source, database)

    def _select(self) -> Select:
        columns = self._columns()
        self._expect("from")
        source = self._source()
        where = self._where() if self._accept("where") else ()
        group_by, buckets = self._group_by() if self._accept("group") else ((), None)
        begins = any(each.column.lower() == "time" and each.operator in {">", ">=", "="} for each in where)
        if buckets and buckets.filled and not begins:
            self._refuse("a time to begin at before this")  # 1.6.7 begins where there are data, or in 1677
        order = self._accept("order") and self._expect("by") and self._expect("time", "asc", "desc")
        order = self._accept("asc", "desc") if order == "time" else order
        limit = self._whole_number() if self._accept("limit") else 0
        if self._next.word == "offset" and not limit:
            self._refuse("LIMIT")  # 1.6.7 would answer one row a shard, which no client can have meant
        offset = self._whole_number() if self._accept("offset") else 0
        return Select(columns, source, where, group_by, order == "desc", limit, offset, buckets)

    def _columns(self) -> tuple[Column, ...]:
        found: list[Column] = []
        functions = self._called(*_FUNCTIONS)
        while not found or self._accept(","):
            self._no_regex()
            if self._called(*_FUNCTIONS) != functions:
                self._refuse("functions only, or none")
            function = self._open() if functions else ""
            column = self._column()
            if functions:
                self._expect(")")
            nameless = not functions and column in {Star.STAR, "time"}
            name = self._identifier() if not nameless and self._accept("as") else ""
            found.append(Chosen(column, function, name) if function or name else column)
        return tuple(found)

    def _column(self) -> str | Star:
        self._no_regex()
        return Star.STAR if self._accept("*") else ".".join(self._path())

    def _called(self, *words: str) -> bool:
        """Tell whether one of these words comes next, and a parenthesis after it without a blank."""
        rest = self._text[self._next.start + len(self._next.text) :]
        return self._next.word in words and rest.startswith("(")

    def _open(self) -> str:
        """Take a word that is called, and the parenthesis."""
        self._at += 2
        return self._tokens[self._at - 2].word

    def _group_by(self) -> tuple[tuple[str | Star, ...], Buckets | None]:
        self._expect("by")
        found: list[str | Star] = []
        buckets: Buckets | None = None
        while not (found or buckets) or self._accept(","):
            self._no_regex()
            if self._next.word != "time":
                found.append(self._column())
            elif self._called("time") and not buckets:
                self._open()
                buckets = Buckets(self._duration(), self._duration() if self._accept(",") else 0)
                if not 0 < buckets.width < 2**63 > abs(buckets.shift):
                    self._refuse("a duration of 64 bits before this")
                self._expect(")")
            else:
                self._refuse("a tag")
        if buckets and self._called("fill"):
            self._open()
            self._no_regex()
            if self._next.text not in {"null", "none"} or self._next.kind == "string":
                self._refuse("null or none")
            buckets = buckets._replace(filled=self._take().text == "null")
            self._expect(")")
        return tuple(found), buckets

    def _duration(self) -> int:
        value = self._operand()
        if not isinstance(value, Moment) or value.base != 0:
            self._refuse("a duration before this")
        return value.shift

    def _source(self) -> Source:
        self._no_regex()
        path = self._path()
        if len(path) > _PATH:
            self._refuse("a measurement")
        if len(path) < _PATH:
            self._no_regex(ahead=1)
        return Source(*["", "", *path][-_PATH:])

    def _where(self) -> tuple[Comparison, ...]:
        found: list[Comparison] = []
        while not found or self._accept("and"):
            column = ".".join(self._path())
            operator = self._expect("=", "<>", "!=", "<=", ">=", "<", ">")
            value = self._value()
            if isinstance(value, Moment) and column.lower() != "time":
                self._refuse("durations for time only")  # 1.6.7 takes them for whatever fits least
            found.append(Comparison(column, "<>" if operator == "!=" else operator, value))
        return tuple(found)

    def _value(self) -> Value:
        value = self._operand()
        while sign := self._accept("+", "-"):
            step = self._duration()
            start = value if isinstance(value, Moment) else Moment(value, 0)
            value = Moment(start.base, start.shift + (step if sign == "+" else -step))
        return value

    def _operand(self) -> Value:
        sign = self._accept("+", "-")
        factor = -1 if sign == "-" else 1
        token = self._next
        value: Value | None = None
        if token.kind == "integer" and -(2**63) <= factor * int(token.text) < 2**63:
            value = factor * int(token.text)
        elif token.kind == "number":
            value = factor * float(token.text)
        elif token.kind == "duration" and not _DURATION.sub("", token.text):
            parts = _DURATION.findall(token.text)
            value = Moment(0, factor * sum(int(count) * _UNITS[unit] for count, unit in parts))
        elif token.kind == "string" and not sign:
            value = token.text
        elif token.word in {"true", "false"} and not sign:
            value = token.word == "true"
        elif self._called("now") and not sign:
            self._open()
            value = Moment(None, 0)
        if value is None or (value == Moment(None, 0) and self._next.word != ")"):
            self._refuse("a string, a number, true, false, a duration or now()")
        self._take()
        return value
