"""InfluxQL, as much of it as the telemetry clients speak: text to tokens to dataclasses.

Everything else is refused by the name of the offending token, so that nothing is ever half understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

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


class Star(Enum):
    """`*`: every column in a SELECT, every tag in a GROUP BY."""

    STAR = "*"


@dataclass(frozen=True)
class Moment:
    """A time with a shift in nanoseconds; no base means now."""

    base: str | float | None
    shift: int


Value = bool | float | str | Moment


@dataclass(frozen=True)
class Comparison:
    column: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Source:
    """A measurement; an empty database or policy means the default one."""

    database: str
    policy: str
    measurement: str


@dataclass(frozen=True)
class Select:
    columns: tuple[str | Star, ...]
    source: Source
    where: tuple[Comparison, ...] = ()
    group_by: tuple[str | Star, ...] = ()
    descending: bool = False
    limit: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Show:
    topic: str  # measurements, databases, field keys, tag keys
    source: Source | None = None


Statement = Select | Show


@dataclass(frozen=True)
class Token:
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
        topic = self._expect("measurements", "field", "tag", "databases")
        if topic in {"measurements", "databases"}:
            return Show(topic)
        self._expect("keys")
        return Show(f"{topic} keys", self._source() if self._accept("from") else None)

    def _select(self) -> Select:
        columns = self._columns()
        self._expect("from")
        source = self._source()
        where = self._where() if self._accept("where") else ()
        group_by: tuple[str | Star, ...] = ()
        if self._accept("group"):
            self._expect("by")
            if self._next.word == "time":
                self._refuse("a tag")
            group_by = self._columns()
        order = ""
        if self._accept("order"):
            self._expect("by")
            order = self._expect("time", "asc", "desc")
            order = self._accept("asc", "desc") if order == "time" else order
        limit = self._whole_number() if self._accept("limit") else 0
        if self._next.word == "offset" and not limit:
            self._refuse("LIMIT")  # 1.6.7 would answer one row a shard, which no client can have meant
        offset = self._whole_number() if self._accept("offset") else 0
        return Select(columns, source, where, group_by, order == "desc", limit, offset)

    def _columns(self) -> tuple[str | Star, ...]:
        found: list[str | Star] = []
        while not found or self._accept(","):
            self._no_regex()
            found.append(Star.STAR if self._accept("*") else ".".join(self._path()))
        return tuple(found)

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
            step = self._operand()
            if not isinstance(step, Moment) or step.base != 0:
                self._refuse("a duration before this")
            start = value if isinstance(value, Moment) else Moment(value, 0)
            value = Moment(start.base, start.shift + (step.shift if sign == "+" else -step.shift))
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
        elif token.word == "now" and not sign and self._text[token.start + 3 :].startswith("("):
            self._at += 2
            value = Moment(None, 0)
        if value is None or (value == Moment(None, 0) and self._next.word != ")"):
            self._refuse("a string, a number, true, false, a duration or now()")
        self._take()
        return value
