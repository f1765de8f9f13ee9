"""What of PostgreSQL's SQL DuckDB answers in the same way. All else is refused, or is PostgreSQL's error.

DuckDB parses a statement to a tree; here the tree is looked through before the text itself is carried out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from skykey.sandbox.consdb.errors import RefusedError, StatementError, guessed
from skykey.sandbox.consdb.kinds import (
    ALIKE,
    CASTS,
    Node,
    arguments,
    columns,
    group,
    is_day,
    is_null,
    kind_of,
    last,
    place_of,
    read,
    type_name,
)
from skykey.sandbox.consdb.schema import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_CASTS_HELP = "No {} matches the given name and argument types. You might need to add explicit type casts."
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
_TYPE_NAMES = {"INTEGER": "int4", "BIGINT": "int8", "SMALLINT": "int2", "DOUBLE": "float8", "BOOLEAN": "bool"}
_COMPARED = {"EQUAL": "=", "NOTEQUAL": "<>", "LESSTHAN": "<", "GREATERTHAN": ">"}
_COMPARED |= {"LESSTHANOREQUALTO": "<=", "GREATERTHANOREQUALTO": ">="}


@dataclass
class Shape:
    """What the columns of an answer are called and what they are, from either end up to a star.

    ``sources`` are the tables that it is made of by their aliases, where it has no other parts.
    """

    first: list[tuple[str | None, str | None]] = field(default_factory=list)
    last: list[tuple[str | None, str | None]] = field(default_factory=list)
    source: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def rewritten(self, text: str) -> str:
        """Return the statement in DuckDB's words."""
        for start, end, words in sorted(self.edits, reverse=True):
            text = text[:start] + words + text[end:]
        return text

    def of(self, names: list[str]) -> Iterator[tuple[str, str | None, bool]]:
        """Give the name of each column, its kind where it is known, and whether it may be computed.

        ``names`` is what DuckDB calls them.
        """
        for number, name in enumerate(names):
            behind = number - len(names) + len(self.last)
            own, kind = self.first[number] if number < len(self.first) else (None, None)
            if number >= len(self.first) and behind >= 0:
                own, kind = self.last[behind]
            yield own or name, kind, own is not None


def check(tree: Node, text: str) -> Shape:
    """Raise what is wrong with a statement; else return the shape of its answer."""
    (statement,) = tree["statements"]
    if not text.isascii():  # it counts bytes
        for part in _parts(statement):
            if 0 < part.get("query_location", 0) < len(text.encode()):
                part["query_location"] = len(text.encode()[: part["query_location"]].decode())
    named, sources = {entry["key"].lower() for entry in _entries(statement)}, _sources(statement)
    aliases = [item["alias"] for part in _parts(statement) for item in part.get("select_list", ())]
    shouted = {alias.lower() for alias in aliases if alias != alias.lower()}  # unquoted it is another name
    checked = _Check(text, named, statement["node"], sources, shouted)
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
        return Shape(first, last[::-1], source, sources, checked.edits)
    return Shape([_described(item) for item in items], [], source, sources, checked.edits)


def _sources(statement: Any) -> dict[str, str]:
    """Return the tables of a statement by their aliases; none if it is made of other parts too."""
    found: dict[str, str] = {}
    for part in _parts(statement):
        if part.get("class") == "SUBQUERY" or part.get("type") in ("SUBQUERY", "SET_OPERATION_NODE", "TABLE_FUNCTION"):
            return {}
        if part.get("type") == "BASE_TABLE":
            found[part["alias"] or part["table_name"]] = f"{part['schema_name']}.{part['table_name']}"
    return found if tables().keys() >= {*found.values()} else {}


def _parts(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _parts(part)


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
    sources: Mapping[str, str]
    #: names of answers' columns that have large letters, written small
    shouted: set[str]
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def visit(self, node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                self.visit(part)
        elif isinstance(node, dict):
            self.part(node)

    def part(self, node: Node) -> None:
        if "class" in node:
            self.expression(node)
        elif "select_list" in node:
            self.select(node)
        elif node.get("type") == "SET_OPERATION_NODE":
            self.together(node)
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
            self.inner(node)
        for clause in ("where", "having"):
            if condition := node["where_clause" if clause == "where" else clause]:
                self.truth(condition, clause.upper())
        if node["having"] and not node["group_expressions"]:
            raise RefusedError("HAVING without GROUP BY")
        self.ordered(node)
        # DuckDB lets a condition use the names of the answer's columns, PostgreSQL does not.
        aliases = {item.get("alias", "").lower() for item in node["select_list"]} - {""} - columns().keys()
        if node["from_table"]["type"] in ("BASE_TABLE", "JOIN"):
            for used in _unqualified([node["where_clause"], node["having"], node["select_list"]]):
                if used["column_names"][0].lower() in aliases and not self.named:
                    raise self.missing(used)

    @staticmethod
    def inner(node: Node) -> None:
        for item in node["select_list"]:
            meant = columns().get(item.get("alias", "").lower())
            if meant and not {meant, kind_of(item)} <= {"int", "long"} and kind_of(item) != meant:
                raise RefusedError(f"an inner query that calls something else {item['alias']}")

    def ordered(self, node: Node) -> None:
        """Look at ORDER BY, where the names of the answer's columns go before those of the tables."""
        modifiers = {modifier["type"]: modifier for modifier in node["modifiers"]}
        items = node["select_list"]
        given = {item["alias"] for item in items} - {""}
        shown = given | {last(item) for item in items}
        distinct = modifiers.get("DISTINCT_MODIFIER", {"distinct_on_targets": [1]})
        is_strict = not distinct.get("distinct_on_targets") and all(item["class"] != "STAR" for item in items)
        for order in modifiers.get("ORDER_MODIFIER", {}).get("orders", ()):
            by = order["expression"]
            if by["class"] == "CONSTANT" or (by["class"] == "COLUMN_REF" and last(by) in shown):
                continue
            if by["class"] != "COLUMN_REF" and any(used["column_names"][0] in given for used in _unqualified(by)):
                raise RefusedError("an expression to sort by that uses names which the answer has too")
            if is_strict:
                words = "for SELECT DISTINCT, ORDER BY expressions must appear in select list"
                raise StatementError("InvalidColumnReference", words, place_of(by, "SELECT DISTINCT"))

    def together(self, node: Node) -> None:
        """Look at the columns of several queries that become one."""
        lists = [child.get("select_list", []) for child in node["children"]]
        if any(item["class"] == "STAR" for items in lists for item in items):
            return
        for column in zip(*lists, strict=False):
            self.alike(column, node["setop_type"])

    def alike(self, nodes: Sequence[Node], what: str) -> None:
        """Refuse values that become one column or value, and have not the same type in both databases."""
        given = [node for node in nodes if not is_null(node)]
        kinds = {kind_of(node) for node in given}
        if "numeric" in kinds and "float" not in kinds and len(given) > 1:
            raise RefusedError(f"exact decimals in {what} (a cast to double precision helps)")
        known = [node for node in given if kind_of(node)]
        for other in known[1:]:
            if group(known[0]) != group(other):
                first, second = self.typed(known[0], what), self.typed(other, what)
                words = f"{what} types {first} and {second} cannot be matched"
                raise StatementError("DatatypeMismatch", words, place_of(other, what))

    def source(self, node: Node) -> None:
        if node["type"] not in _SOURCES or node["sample"] or node.get("ref_type") in ("ASOF", "POSITIONAL", "NATURAL"):
            raise RefusedError("this kind of table or join")
        if node["alias"] != node["alias"].lower():
            raise RefusedError("tables with large letters in their names")
        if node["type"] == "JOIN" and node.get("condition"):
            self.truth(node["condition"], "JOIN/ON")
        if node["type"] == "TABLE_FUNCTION" and node["function"]["function_name"] != "generate_series":
            raise RefusedError(f"the table function {node['function']['function_name']}")
        if node["type"] != "BASE_TABLE":
            return
        schema, table = node["schema_name"], node["table_name"]
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
        elif node["class"] == "COLUMN_REF":
            self.column(node)
        else:
            self.operands(node)

    def operands(self, node: Node) -> None:
        if node["class"] == "COMPARISON":
            operator = _COMPARED.get(node["type"].removeprefix("COMPARE_"), "=")
            self.comparable(node["left"], node["right"], operator, rf"!=|{operator}|IS\b")
        elif node["class"] == "BETWEEN":
            self.comparable(node["input"], node["lower"], ">=", r"(?:NOT\s+)?BETWEEN\b")
            self.comparable(node["input"], node["upper"], "<=", r"(?:NOT\s+)?BETWEEN\b")
        elif node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN"):
            for other in node["children"][1:]:
                self.comparable(node["children"][0], other, "=", r"(?:NOT\s+)?IN\b")
        elif node["class"] == "CONJUNCTION" or node["type"] == "OPERATOR_NOT":
            for child in node["children"]:
                self.truth(child, node["type"].removeprefix("CONJUNCTION_").removeprefix("OPERATOR_"))
        elif node["class"] == "CASE":
            for check in node["case_checks"]:
                self.truth(check["when_expr"], "CASE/WHEN")
            self.alike([*(check["then_expr"] for check in node["case_checks"]), node["else_expr"]], "CASE")
        elif node["type"] == "OPERATOR_COALESCE":
            self.alike(node["children"], "COALESCE")

    def column(self, node: Node) -> None:
        name = last(node)
        is_there = name == name.lower() or (len(node["column_names"]) == 1 and name.lower() in self.shouted)
        is_shouted = name in self.shouted and name not in columns()
        if name in ("rowid", "filename") or not is_there or is_shouted:
            raise self.missing(node)
        if any(part != part.lower() for part in node["column_names"][:-1]):
            raise RefusedError("tables with large letters in their names")

    def comparable(self, left: Node, right: Node, operator: str, sign: str) -> None:
        if kind_of(left) and kind_of(right) and group(left) != group(right):
            names = [self.typed(side, operator) for side in (left, right)]
            begin, end = left["query_location"], place_of(right, operator)
            found = re.compile(sign, re.IGNORECASE).search(self.text, begin, end)
            if found and found[0].upper().startswith("NOT"):
                operator = {">=": "<", "<=": ">", "=": "<>"}[operator]
            # CASE x WHEN y has no sign.
            place = found.start() if found else self.text.lower().rfind("when", 0, end)
            words = f"operator does not exist: {names[0]} {operator} {names[1]}"
            raise StatementError("UndefinedFunction", words, place, _CASTS_HELP.format("operator"))
        for one, other in ((left, right), (right, left)):
            if one["class"] == "CONSTANT" and one["literal"]["kind"] == "STRING":
                read(one, kind_of(other))

    def truth(self, node: Node, where: str) -> None:
        if kind_of(node) not in (None, "bool"):
            words = f"argument of {where} must be type boolean, not type {self.typed(node, where)}"
            raise StatementError("DatatypeMismatch", words, place_of(node, where))

    @staticmethod
    def typed(node: Node, what: str) -> str:
        """Return the name of a type as PostgreSQL writes it."""
        if (name := type_name(node)) is None:
            raise RefusedError(f"{what} of values of these types")
        return name

    def function(self, node: Node) -> None:
        name = node["function_name"]
        kinds = [kind_of(argument) for argument in arguments(node)]
        if node["schema"]:
            raise RefusedError(f"the function {node['schema']}.{name}")
        self.particular(node, name, kinds)
        if name == "/":
            if "float" not in kinds or None in kinds:
                raise RefusedError("a division that is not one of floating-point numbers (write x::double precision)")
        elif name not in ALIKE:
            raise RefusedError(f"the function {name}")
        elif wanted := ALIKE[name]:
            texts = name in ("||", "concat")
            for kind, argument in zip(kinds, arguments(node), strict=True):
                if kind not in wanted and not (texts and argument["class"] == "CONSTANT" and kind is None):
                    raise RefusedError(f"{name} of what may be no {' or '.join(sorted(wanted))} (a cast helps)")

    def particular(self, node: Node, name: str, kinds: list[str | None]) -> None:
        """Look at functions whose arguments matter."""
        if name in ("~~", "!~~", "~~*", "!~~*"):
            self.pattern(arguments(node)[1])
        elif name in ("substr", "substring"):
            self.place_in_text(arguments(node)[1:])
        elif name == "date_trunc" and is_day(arguments(node)[-1]):
            raise RefusedError("date_trunc of a date, which is a time with a zone (a cast to timestamp helps)")
        elif name in ("upper", "lower") and not str(arguments(node)[0].get("literal", {}).get("text", "")).isascii():
            raise RefusedError(f"{name} of such letters")
        elif name in ("greatest", "least", "nullif"):
            self.alike(arguments(node), name.upper())
        elif name in ("min", "max") and kinds == ["bool"]:
            words, place = f"function {name}(boolean) does not exist", node["query_location"]
            raise StatementError("UndefinedFunction", words, place, _CASTS_HELP.format("function"))
        elif name == "count_star" and re.match(r"\w+\s*\(\s*\)", self.text[node["query_location"] :]):
            words = "count(*) must be used to call a parameterless aggregate function"
            raise StatementError("WrongObjectType", words, node["query_location"])

    @staticmethod
    def pattern(node: Node) -> None:
        """Let through patterns without a backslash, which escapes in PostgreSQL only."""
        if node["class"] != "CONSTANT" or "\\" in node["literal"].get("text", ""):
            raise RefusedError("LIKE with what is no plain text, or has a backslash")

    @staticmethod
    def place_in_text(nodes: Sequence[Node]) -> None:
        """Let through parts of a text that begin at its first letter or later."""
        numbers = [node["literal"].get("text", "") if node["class"] == "CONSTANT" else "" for node in nodes]
        if not all(number.isdigit() for number in numbers) or int(numbers[0]) < 1:
            raise RefusedError("a part of a text that may begin before it, or is not given by two plain numbers")

    def cast(self, node: Node) -> None:
        kind = node["type_expr"]
        name, sized = kind["type_name"].upper(), bool(kind["children"])
        start, end = kind["query_location"], kind["query_location"] + kind["query_location_length"]
        if self.text[start:end].lower() == "float":  # of eight bytes in PostgreSQL, of four in DuckDB
            self.edits.append((start, end, "double"))
            name, sized = "DOUBLE", False
        if name not in CASTS or name == "FLOAT" or node["try_cast"] or (name in ("DECIMAL", "NUMERIC")) != sized:
            raise RefusedError(f"a cast to {name.lower()} (double precision, or numeric with its size, will do)")
        if (
            name in ("VARCHAR", "TEXT")
            and kind_of(node["child"]) not in ("text", "int", "long")
            and node["child"]["class"] != "CONSTANT"
        ):
            raise RefusedError("a cast of this to text")
        if CASTS[name] not in ("text", "span", "numeric"):
            self.cast_of_text(node["child"], name)

    @staticmethod
    def cast_of_text(child: Node, name: str) -> None:
        is_constant = child["class"] == "CONSTANT" and child["literal"]["kind"] == "STRING"
        if kind_of(child) == "text" or (is_constant and name in ("SMALLINT", "INT2")):
            raise RefusedError(f"a cast of text to {name.lower()}")
        if is_constant:
            read(child, CASTS[name])

    def missing(self, node: Node) -> StatementError:
        name = ".".join(node["column_names"])
        shown = name if "." in name else f'"{name}"'
        hint = guessed(node["column_names"], self.sources)
        return StatementError("UndefinedColumn", f"column {shown} does not exist", node["query_location"], hint)


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


def _described(item: Node) -> tuple[str | None, str | None]:
    return item["alias"] or _name(item), kind_of(item)


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
