"""What kind of value an expression gives, and which texts both databases read as one of that kind."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from skykey.sandbox.consdb.errors import RefusedError, StatementError
from skykey.sandbox.consdb.schema import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

Node = dict[str, Any]
NUMBERS = {"int": "integer", "long": "bigint", "float": "double precision", "numeric": "numeric"}
_LARGEST = {"int": 2**31, "long": 2**63}
# Texts that both databases read as the same time, and those of which only PostgreSQL makes one.
_TIME = re.compile(r"\s*\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?\s*", re.ASCII)
_ODD_TIME = re.compile(r"\d|now|today|tomorrow|yesterday|epoch|infinity|allballs", re.ASCII | re.IGNORECASE)
_TRUTH = re.compile(
    r"\s*(?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|y(?:es?)?|no?|on|off?|[01])\s*", re.ASCII | re.IGNORECASE
)
_FLOAT = re.compile(r"\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)\s*", re.ASCII | re.IGNORECASE)
#: functions and operators -> kinds of arguments for which they give the same in both; none: all kinds
ALIKE = {
    name: frozenset(kinds.split())
    for names, kinds in (
        ("count_star count min max abs greatest least nullif + - * ~~ !~~ ~~* !~~* bool_and bool_or date_trunc", ""),
        ("lower upper length substring substr left right trim ltrim rtrim replace strpos position starts_with", ""),
        ("row_number rank dense_rank lag lead first_value last_value", ""),
        ("avg stddev stddev_samp stddev_pop variance var_samp var_pop floor ceil ceiling corr", "float"),
        ("sum sqrt exp ln sin cos tan asin acos atan atan2 radians degrees power pow", "float int long"),
        ("%", "int long"),
        ("|| concat", "text int long"),
    )
    for name in names.split()
}
_TEXTS = ("lower", "upper", "substring", "substr", "left", "right", "trim", "ltrim", "rtrim", "replace", "||", "concat")
CASTS = {
    "INTEGER": "int",
    "BIGINT": "long",
    "SMALLINT": "int",
    "DOUBLE": "float",
    "VARCHAR": "text",
    "BOOLEAN": "bool",
}
CASTS |= {
    "TEXT": "text",
    "INT": "int",
    "INT2": "int",
    "INT4": "int",
    "INT8": "long",
    "FLOAT8": "float",
    "BOOL": "bool",
}
CASTS |= {"NUMERIC": "numeric", "FLOAT": "float"}
CASTS |= {"DATE": "time", "TIMESTAMP": "time", "DECIMAL": "numeric", "INTERVAL": "span"}


def arguments(node: Node) -> list[Node]:
    return [argument["expression"] for argument in node["arguments"]]


@cache
def columns() -> Mapping[str, str]:
    """Return the kind of every column by its name, which means the same in every table."""
    kinds = {"BOOLEAN": "bool", "INTEGER": "int", "BIGINT": "long", "DOUBLE PRECISION": "float", "TIMESTAMP": "time"}
    return {column.name: kinds.get(column.sql, "text") for columns in tables().values() for column in columns}


@cache
def _column_types() -> Mapping[str, str]:
    """Return PostgreSQL's name for the type of every column."""
    names = {"TIMESTAMP": "timestamp without time zone", "VARCHAR": "character varying"}
    found = {column.name: column.sql.partition("(")[0] for columns in tables().values() for column in columns}
    return {name: names.get(sql, sql.lower()) for name, sql in found.items()}


def type_name(node: Node) -> str | None:
    """Name the type of a column, a constant or a number; None where that takes more than a look."""
    kind = kind_of(node)
    if node["class"] == "COLUMN_REF":
        return _column_types().get(last(node))
    if node["class"] == "CONSTANT":
        is_long = kind == "int" and int(node["literal"]["text"]) >= _LARGEST["int"]
        return "bigint" if is_long else {**NUMBERS, "bool": "boolean"}.get(kind or "")
    return {"long": "bigint", "float": "double precision", "bool": "boolean"}.get(kind or "")


def group(node: Node) -> str | None:
    kind = kind_of(node)
    return "number" if kind in NUMBERS else kind


def place_of(node: Node, what: str) -> int:
    """Return where an expression begins, which DuckDB says of the simple ones only."""
    if node["class"] not in ("COLUMN_REF", "CONSTANT"):
        raise RefusedError(f"{what} of values of these types")
    place: int = node["query_location"]
    return place


def last(node: Node) -> str:
    return str(node["column_names"][-1]) if node["class"] == "COLUMN_REF" else ""


def is_day(node: Node) -> bool:
    return bool(node["class"] == "CAST" and node["type_expr"]["type_name"].upper() == "DATE")


def is_null(node: Node) -> bool:
    return bool(node["class"] == "CONSTANT" and node["literal"]["kind"] == "NULL_LITERAL")


def kind_of(node: Node) -> str | None:
    """Say what an expression gives, None where that takes more than a look."""
    if node["class"] == "CONSTANT":
        return {"INTEGER": "int", "NUMERIC": "numeric", "BOOLEAN": "bool"}.get(node["literal"]["kind"])
    if node["class"] == "COLUMN_REF":
        return columns().get(node["column_names"][-1].lower())
    if node["class"] == "CAST":
        return CASTS.get(node["type_expr"]["type_name"].upper())
    if node["type"] == "OPERATOR_COALESCE":
        return kind_of(node["children"][0])
    if node["class"] == "CASE":
        return kind_of(node["case_checks"][0]["then_expr"])
    if node["class"] in ("FUNCTION", "WINDOW"):
        return _of_function(node["function_name"], [kind_of(argument) for argument in arguments(node)])
    return None


def _of_function(name: str, kinds: list[str | None]) -> str | None:
    first = kinds[0] if kinds else None
    if name in ("count", "count_star", "row_number", "rank", "dense_rank"):
        return "long"
    if name in ("~~", "!~~", "~~*", "!~~*", "starts_with", "bool_and", "bool_or"):
        return "bool"
    if name in ("length", "strpos", "position"):
        return "int"
    if name in ("+", "-", "*", "/"):
        order = [kind for kind in ("float", "numeric", "long", "int") if kind in kinds]
        return order[0] if order and set(kinds) <= NUMBERS.keys() else "span" if kinds == ["time", "time"] else None
    if name == "sum":
        return {"float": "float", "int": "long", "long": "numeric"}.get(first or "")
    if name in ("min", "max", "abs", "greatest", "least", "lag", "lead", "first_value", "last_value"):
        return first
    if "float" in ALIKE.get(name, ()):
        return "float"
    return "text" if name in _TEXTS else None


def read(node: Node, kind: str | None) -> None:
    """Read a text that stands for a number, a time or a boolean; what PostgreSQL does not read is its error."""
    text, place = node["literal"]["text"], node["query_location"]
    if kind in _LARGEST:
        _read_whole(text, kind or "", place)
    elif kind == "float":
        _read_float(text, place)
    elif kind == "bool" and not _TRUTH.fullmatch(text):
        raise _unread("boolean", text, place)
    elif kind == "time" and not _TIME.fullmatch(text) and _ODD_TIME.search(text):
        raise RefusedError(f"{text!r} as a time (write it as 2026-03-20 12:00:00)")


def _read_whole(text: str, kind: str, place: int) -> None:
    if not re.fullmatch(r"\s*[+-]?\d+\s*", text, re.ASCII):
        raise _unread(NUMBERS[kind], text, place)
    if not -_LARGEST[kind] <= int(text) < _LARGEST[kind]:
        words = f'value "{text}" is out of range for type {NUMBERS[kind]}'
        raise StatementError("NumericValueOutOfRange", words, place)


def _read_float(text: str, place: int) -> None:
    if "x" in text.lower():
        raise RefusedError(f"{text!r} as a number")
    if not _FLOAT.fullmatch(text):
        raise _unread(NUMBERS["float"], text, place)
    digits = re.sub(r"e.*", "", text.strip(), flags=re.IGNORECASE)
    lost = float(text) == 0 and re.search(r"[1-9]", digits)
    if lost or (math.isinf(float(text)) and digits[-1].isdigit()):
        words = f'"{text.strip()}" is out of range for type {NUMBERS["float"]}'
        raise StatementError("NumericValueOutOfRange", words, place)


def _unread(name: str, text: str, place: int) -> StatementError:
    return StatementError("InvalidTextRepresentation", f'invalid input syntax for type {name}: "{text}"', place)
