"""What of PostgreSQL's SQL DuckDB answers in the same way. All else is refused, or is PostgreSQL's error.

DuckDB parses a statement to a tree; here the tree is looked through before the text itself is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from skykey.sandbox.consdb.errors import RefusedError, StatementError
from skykey.sandbox.consdb.schema import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Node = dict[str, Any]
_NUMBERS = {"int": "integer", "long": "bigint", "float": "double precision", "numeric": "numeric"}
_NAMES = _NUMBERS | {"text": "character varying"}
#: functions and operators -> kinds of arguments for which they give the same in both; none: all kinds
_ALIKE = {
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
_CLASSES = (
    *(
        "COLUMN_REF",
        "CONSTANT",
        "FUNCTION",
        "WINDOW",
        "CASE",
        "CAST",
        "BETWEEN",
        "COMPARISON",
        "CONJUNCTION",
        "OPERATOR",
    ),
    *("SUBQUERY", "STAR", "TYPE", "DEFAULT"),
)
_SOURCES = ("BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY", "EMPTY_FROM", "EXPRESSION_LIST", "TABLE_FUNCTION")
_CASTS = {
    "INTEGER": "int",
    "BIGINT": "long",
    "SMALLINT": "int",
    "DOUBLE": "float",
    "VARCHAR": "text",
    "BOOLEAN": "bool",
}
_CASTS |= {
    "TEXT": "text",
    "INT": "int",
    "INT2": "int",
    "INT4": "int",
    "INT8": "long",
    "FLOAT8": "float",
    "BOOL": "bool",
}
_CASTS |= {"NUMERIC": "numeric", "FLOAT": "float"}
_CASTS |= {"DATE": "time", "TIMESTAMP": "time", "DECIMAL": "numeric", "INTERVAL": "span"}
_TYPE_NAMES = {"INTEGER": "int4", "BIGINT": "int8", "SMALLINT": "int2", "DOUBLE": "float8", "BOOLEAN": "bool"}
_COMPARED = {"EQUAL": "=", "NOTEQUAL": "<>", "LESSTHAN": "<", "GREATERTHAN": ">"}
_COMPARED |= {"LESSTHANOREQUALTO": "<=", "GREATERTHANOREQUALTO": ">="}


@dataclass
class Shape:
    """What the columns of an answer are called and what they are, from either end up to a star."""

    first: list[tuple[str | None, str | None]] = field(default_factory=list)
    last: list[tuple[str | None, str | None]] = field(default_factory=list)
    source: str = ""
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def rewritten(self, text: str) -> str:
        """Return the statement in DuckDB's words."""
        for start, end, words in sorted(self.edits, reverse=True):
            text = text[:start] + words + text[end:]
        return text

    def of(self, names: list[str]) -> Iterator[tuple[str, str | None]]:
        """Give the name and, where it is known, the kind of each column; DuckDB calls them ``names``."""
        for number, name in enumerate(names):
            behind = number - len(names) + len(self.last)
            own, kind = self.first[number] if number < len(self.first) else (None, None)
            if number >= len(self.first) and behind >= 0:
                own, kind = self.last[behind]
            yield own or name, kind


def check(tree: Node, text: str) -> Shape:
    """Raise what is wrong with a statement; else return the shape of its answer."""
    (statement,) = tree["statements"]
    checked = _Check(text, {entry["key"].lower() for entry in _entries(statement)}, statement["node"])
    checked.visit(statement)
    node = statement["node"]
    table = node.get("from_table") or {}
    source = table["alias"] or table["table_name"] if table.get("type") == "BASE_TABLE" else ""
    while node["type"] == "SET_OPERATION_NODE":  # named by its first part
        node = node["children"][0]
    items = node.get("select_list", [])
    if any(item["class"] == "STAR" for item in items):
        first = [_described(item) for item in takewhile(lambda item: item["class"] != "STAR", items)]
        last = [_described(item) for item in takewhile(lambda item: item["class"] != "STAR", reversed(items))]
        middle = items[len(first) : len(items) - len(last)]
        if any(not item["alias"] and item["class"] not in ("STAR", "COLUMN_REF") for item in middle):
            raise RefusedError("expressions without a name between two stars")
        return Shape(first, last[::-1], source, checked.edits)
    return Shape([_described(item) for item in items], [], source, checked.edits)


def _entries(node: Any) -> Iterator[Node]:
    """Give every named query of WITH."""
    if isinstance(node, dict):
        yield from node.get("cte_map", {}).get("map", [])
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _entries(part)


@dataclass
class _Check:
    text: str
    named: set[str]
    whole: Node
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def visit(self, node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                self.visit(part)
            return
        if not isinstance(node, dict):
            return
        if "class" in node:
            self.expression(node)
        elif "select_list" in node:
            self.select(node)
        elif "sample" in node and "alias" in node:
            self.source(node)
            if node["type"] == "TABLE_FUNCTION":
                self.visit(node["function"]["arguments"])
                return
        elif node.get("limit_type") == "PERCENTAGE":
            raise RefusedError("a LIMIT in percent")
        for part in node.values():
            self.visit(part)

    def select(self, node: Node) -> None:
        if node["qualify"] or node["sample"] or node["aggregate_handling"] != "STANDARD_HANDLING":
            raise RefusedError("QUALIFY, samples or GROUP BY ALL")
        if node is not self.whole:
            for item in node["select_list"]:
                meant = _columns().get(item.get("alias", "").lower())
                if meant and not {meant, _kind(item)} <= {"int", "long"} and _kind(item) != meant:
                    raise RefusedError(f"an inner query that calls something else {item['alias']}")
        # DuckDB lets a condition use the names of the answer's columns, PostgreSQL does not.
        aliases = {item.get("alias", "").lower() for item in node["select_list"]} - {""} - _columns().keys()
        if node["from_table"]["type"] in ("BASE_TABLE", "JOIN"):
            for used in _unqualified([node["where_clause"], node["having"], node["select_list"]]):
                if used["column_names"][0].lower() in aliases and not self.named:
                    raise self.missing(used)

    def source(self, node: Node) -> None:
        if node["type"] not in _SOURCES or node["sample"] or node.get("ref_type") in ("ASOF", "POSITIONAL", "NATURAL"):
            raise RefusedError("this kind of table or join")
        if node["type"] == "TABLE_FUNCTION" and node["function"]["function_name"] != "generate_series":
            raise RefusedError(f"the table function {node['function']['function_name']}")
        if node["type"] != "BASE_TABLE":
            return
        schema, table = node["schema_name"].lower(), node["table_name"].lower()
        if schema in ("information_schema", "pg_catalog") or node["at_clause"] or node["catalog_name"]:
            raise RefusedError(f"{schema or 'another database'}")
        name = f"{schema}.{table}" if schema else table
        if name not in (tables() if schema else self.named):
            raise StatementError("UndefinedTable", f'relation "{name}" does not exist', node["query_location"])

    def expression(self, node: Node) -> None:
        if node["class"] not in _CLASSES or node["type"].startswith(
            ("ARRAY", "STRUCT", "OPERATOR_TRY", "OPERATOR_UNPACK")
        ):
            raise RefusedError(f"expressions like this ({node['type'].lower()})")
        if node["class"] in ("FUNCTION", "WINDOW"):
            self.function(node)
        elif node["class"] == "CAST":
            self.cast(node)
        elif node["class"] == "STAR" and (
            node["columns"]
            or node["expr"]
            or any(node[name] for name in ("exclude_list", "replace_list", "rename_list"))
        ):
            raise RefusedError("a star with exceptions")
        elif node["class"] == "COMPARISON":
            sides = [_kind(node[side]) for side in ("left", "right")]
            operator = _COMPARED.get(node["type"].removeprefix("COMPARE_"))
            if operator and "text" in sides and set(sides) & _NUMBERS.keys():
                words = f"operator does not exist: {_NAMES[sides[0] or '']} {operator} {_NAMES[sides[1] or '']}"
                place = self.text.find(operator, node["left"]["query_location"])
                raise StatementError("UndefinedFunction", words, place)
        elif node["class"] == "COLUMN_REF" and node["column_names"][-1].lower() in ("rowid", "filename"):
            raise self.missing(node)

    def function(self, node: Node) -> None:
        name = node["function_name"]
        kinds = [_kind(argument) for argument in _arguments(node)]
        if node["schema"]:
            raise RefusedError(f"the function {node['schema']}.{name}")
        if name == "/":
            if "float" not in kinds or None in kinds:
                raise RefusedError("a division that is not one of floating-point numbers (write x::double precision)")
        elif name not in _ALIKE:
            raise RefusedError(f"the function {name}")
        elif wanted := _ALIKE[name]:
            texts = name in ("||", "concat")
            for kind, argument in zip(kinds, _arguments(node), strict=True):
                if kind not in wanted and not (texts and argument["class"] == "CONSTANT" and kind is None):
                    raise RefusedError(f"{name} of what may be no {' or '.join(sorted(wanted))} (a cast helps)")

    def cast(self, node: Node) -> None:
        kind = node["type_expr"]
        name, sized = kind["type_name"].upper(), bool(kind["children"])
        start, end = kind["query_location"], kind["query_location"] + kind["query_location_length"]
        if self.text[start:end].lower() == "float":  # of eight bytes in PostgreSQL, of four in DuckDB
            self.edits.append((start, end, "double"))
            return
        if name not in _CASTS or name == "FLOAT" or node["try_cast"] or (name in ("DECIMAL", "NUMERIC")) != sized:
            raise RefusedError(f"a cast to {name.lower()} (double precision, or numeric with its size, will do)")
        if (
            name in ("VARCHAR", "TEXT")
            and _kind(node["child"]) not in ("text", "int", "long")
            and node["child"]["class"] != "CONSTANT"
        ):
            raise RefusedError("a cast of this to text")

    @staticmethod
    def missing(node: Node) -> StatementError:
        name = ".".join(node["column_names"]).lower()
        shown = name if "." in name else f'"{name}"'
        return StatementError("UndefinedColumn", f"column {shown} does not exist", node["query_location"])


def _unqualified(node: Any) -> Iterator[Node]:
    """Give the columns that an expression uses without saying of which table, those of queries inside it left out."""
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
            yield node
        elif node.get("class") != "SUBQUERY":
            for part in node.values():
                yield from _unqualified(part)
    elif isinstance(node, list):
        for part in node:
            yield from _unqualified(part)


def _arguments(node: Node) -> list[Node]:
    return [argument["expression"] for argument in node["arguments"]]


@cache
def _columns() -> Mapping[str, str]:
    """Return the kind of every column by its name, which means the same in every table."""
    kinds = {"BOOLEAN": "bool", "INTEGER": "int", "BIGINT": "long", "DOUBLE PRECISION": "float", "TIMESTAMP": "time"}
    return {column.name: kinds.get(column.sql, "text") for columns in tables().values() for column in columns}


def _kind(node: Node) -> str | None:
    """Say what an expression gives, None where that takes more than a look."""
    if node["class"] == "CONSTANT":
        return {"INTEGER": "int", "NUMERIC": "numeric", "BOOLEAN": "bool"}.get(node["literal"]["kind"])
    if node["class"] == "COLUMN_REF":
        return _columns().get(node["column_names"][-1].lower())
    if node["class"] == "CAST":
        return _CASTS.get(node["type_expr"]["type_name"].upper())
    if node["type"] == "OPERATOR_COALESCE":
        return _kind(node["children"][0])
    if node["class"] == "CASE":
        return _kind(node["case_checks"][0]["then_expr"])
    if node["class"] in ("FUNCTION", "WINDOW"):
        return _of_function(node["function_name"], [_kind(argument) for argument in _arguments(node)])
    return None


def _of_function(name: str, kinds: list[str | None]) -> str | None:
    first = kinds[0] if kinds else None
    if name in ("count", "count_star", "row_number", "rank", "dense_rank"):
        return "long"
    if name in ("length", "strpos", "position"):
        return "int"
    if name in ("+", "-", "*", "/"):
        order = [kind for kind in ("float", "numeric", "long", "int") if kind in kinds]
        return order[0] if order and set(kinds) <= _NUMBERS.keys() else "span" if kinds == ["time", "time"] else None
    if name == "sum":
        return {"float": "float", "int": "long", "long": "numeric"}.get(first or "")
    if name in ("min", "max", "abs", "greatest", "least", "lag", "lead", "first_value", "last_value"):
        return first
    if "float" in _ALIKE.get(name, ()):
        return "float"
    return "text" if first == "text" else None


def _described(item: Node) -> tuple[str | None, str | None]:
    return item["alias"] or _name(item), _kind(item)


def _name(node: Node) -> str | None:
    """Name a column as PostgreSQL does; None where DuckDB does the same."""
    if node["class"] == "COLUMN_REF":
        return None
    if node["class"] == "CAST":
        inner, kind = node["child"], node["type_expr"]["type_name"].upper()
        if inner["class"] == "COLUMN_REF":
            return str(inner["column_names"][-1])
        own = _name(inner)
        return own if own not in ("?column?", None, "case") else _TYPE_NAMES.get(kind, kind.lower())
    if node["class"] == "CASE":
        other = node["else_expr"]
        return str(other["column_names"][-1]) if other["class"] == "COLUMN_REF" else "case"
    if node["type"] == "OPERATOR_COALESCE":
        return "coalesce"
    if node["class"] == "SUBQUERY":
        return _of_subquery(node)
    if node["class"] in ("FUNCTION", "WINDOW") and not node.get("is_operator"):
        return {"count_star": "count", "trim": "btrim"}.get(node["function_name"], node["function_name"])
    return "?column?"


def _of_subquery(node: Node) -> str | None:
    if node["subquery_type"] == "EXISTS":
        return "exists"
    if node["subquery_type"] != "SCALAR":
        return "?column?"
    items: Iterable[Node] = node["subquery"]["node"].get("select_list", [])
    for item in items:
        return item["alias"] or (str(item["column_names"][-1]) if item["class"] == "COLUMN_REF" else _name(item))
    return None
