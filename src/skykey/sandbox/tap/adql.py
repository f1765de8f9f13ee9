"""ADQL 2.1, read by sqlglot into a tree and written as DuckDB's SQL.

What is in neither list, of clauses or of functions, is refused with its place: DuckDB could do much that ADQL cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import sqlglot
from sqlglot import Token, TokenType, exp, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from skykey.sandbox.tap import geometry
from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.sources import Scope, known
from skykey.sandbox.tap.votable import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST = 100_000
#: kind of node -> what of it may be there
_NODES: dict[str, str] = {
    "Select": "with_ distinct expressions limit offset from_ joins where group having order",
    **dict.fromkeys(("Union", "Except", "Intersect"), "with_ this expression distinct order offset"),
    "With": "expressions",
    "CTE": "this alias",
    "Distinct": "expressions",
    "Limit": "expression",
    "Offset": "expression",
    "From": "this",
    "Table": "this db alias joins",
    "TableAlias": "this",
    "Join": "this side kind on using method",
    "Subquery": "this alias with_",
    **dict.fromkeys(("Where", "Having", "Paren", "Neg", "Not", "Exists", "Star", "Boolean", "Null"), "this"),
    **dict.fromkeys(("Group", "Order"), "expressions"),
    "Ordered": "this desc nulls_first",
    "Alias": "this alias",
    "Column": "this table db",
    "Identifier": "this quoted",
    "Literal": "this is_string",
    **dict.fromkeys(
        ("And", "Or", "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "Add", "Sub", "Mul", "Div"), "this expression"
    ),
    **dict.fromkeys(("Like", "ILike", "Is"), "this expression"),
    "DPipe": "this expression safe",
    "Between": "this low high",
    "In": "this expressions query",
    "Cast": "this to",
    "DataType": "this expressions",
    "DataTypeParam": "this",
    "Anonymous": "this expressions",
}
_SET_OR_SELECT = (exp.Select, exp.SetOperation)
_REFUSED = (TokenType.DCOLON, TokenType.PLACEHOLDER, TokenType.PARAMETER, TokenType.LIMIT)
_FIRST = (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN)
_INTEGERS, _FLOATS = ("SMALLINT", "INT", "BIGINT"), ("FLOAT", "DOUBLE")
_CASTS = (*_INTEGERS, *_FLOATS, "CHAR", "VARCHAR", "TIMESTAMP")
_KINDS = {"short": "int", "int": "int", "long": "int", "float": "float", "double": "float"}
_OF_FLOATS = ("EXP", "SQRT", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "COT", "DEGREES", "RADIANS", "LOG10")
#: function -> least and most arguments, DuckDB's name, and what it gives; None: what it got
_FUNCTIONS: dict[str, tuple[int, int, str, str | None]] = {
    **{name: (1, 1, name, "float") for name in _OF_FLOATS},
    **{name: (1, 1, name, None) for name in ("ABS", "MIN", "MAX", "SUM")},
    **{name: (1, 1, name, "text") for name in ("LOWER", "UPPER")},
    "AVG": (1, 1, "AVG", "float"),
    "COUNT": (1, 1, "COUNT", "int"),
    "LOG": (1, 1, "LN", "float"),
    "CEILING": (1, 1, "CEIL", "float"),
    "FLOOR": (1, 1, "FLOOR", "float"),
    "ROUND": (1, 2, "ROUND", "float"),
    "TRUNCATE": (1, 2, "TRUNC", "float"),
    "MOD": (2, 2, "MOD", None),
    "POWER": (2, 2, "POWER", "float"),
    "ATAN2": (2, 2, "ATAN2", "float"),
    "PI": (0, 0, "PI", "float"),
    "RAND": (0, 1, "RANDOM", "float"),
    "COALESCE": (1, 99, "COALESCE", None),
}


class Adql(Dialect):
    """ADQL for sqlglot: every function is only a name with arguments, so that nothing is taken for something else."""

    NULL_ORDERING = "nulls_are_large"

    class Tokenizer(tokens.Tokenizer):
        KEYWORDS: ClassVar[dict[str, Any]] = {**tokens.Tokenizer.KEYWORDS, "TOP": TokenType.TOP}

    class Parser(parser.Parser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": parser.Parser.FUNCTION_PARSERS["CAST"]}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {}


@dataclass(frozen=True)
class Statement:
    """A question in DuckDB's words, and what is known of its columns."""

    sql: str
    fields: list[Field]


def translate(text: str, uploads: Mapping[str, Sequence[Field]]) -> Statement:
    """Translate one question; raises `AdqlError`."""
    try:
        tree = _parsed(text)
        fields = _Checked(uploads).query(tree, Scope())
        return Statement(tree.sql(dialect="duckdb", identify=True, comments=False), fields)
    except RecursionError:
        raise AdqlError("The query is nested too deeply") from None


def _parsed(text: str) -> exp.Expr:
    if len(text) > _LONGEST:
        raise AdqlError(f"The query has more than {_LONGEST} characters")
    try:
        found = Adql().tokenize(text)
        if found and found[0].token_type not in _FIRST:
            raise _unexpected(found[0], "only SELECT is answered")
        for before, token in pairwise(found):
            is_number = token.token_type is TokenType.NUMBER and token.text.isdigit()
            if (
                token.token_type in _REFUSED
                or (before.token_type is TokenType.TOP and not is_number)
                or (before.token_type is TokenType.TIMESTAMP and token.token_type is TokenType.STRING)
            ):
                raise _unexpected(token, "not in ADQL 2.1")
        trees = [tree for tree in sqlglot.parse(text, read=Adql) if tree is not None]
    except SqlglotError as error:
        raise AdqlError(_unread(error)) from None
    if len(trees) != 1:
        raise AdqlError("Several statements at once" if trees else "The query is empty")
    tree = trees[0]
    if not isinstance(tree, _SET_OR_SELECT):
        raise _refusal(tree, "Only SELECT is answered: this")
    return tree


def _unexpected(token: Token, why: str) -> AdqlError:
    return AdqlError(f'Encountered "{token.text}"{_at(token.line, token.col, token.end - token.start + 1)}: {why}')


def _unread(error: SqlglotError) -> str:
    for found in getattr(error, "errors", ()):
        what, line, end = (found[name] for name in ("highlight", "line", "col"))
        if what and line:
            return f'Encountered "{what}"{_at(line, end, len(what))}: {found["description"]}'
    return str(error).splitlines()[0]


class _Checked:
    """Goes through a tree, refuses what is not ADQL, and turns what is left into DuckDB's."""

    def __init__(self, uploads: Mapping[str, Sequence[Field]]) -> None:
        self._uploads = {name.lower(): fields for name, fields in uploads.items()}

    def query(self, node: exp.Expr, outer: Scope) -> list[Field]:
        """Check a SELECT or several with a set operator between; return its columns."""
        self._allowed(node)
        scope = Scope(outer)
        if named := node.args.get("with_"):
            self._allowed(named)
        for one in named.expressions if named else ():
            self._allowed(one)
            scope.named[one.alias.lower()] = _renamed(self.query(one.this, scope), one)
        if isinstance(node, exp.SetOperation):
            sides = [self._side(node.this, scope), self._side(node.expression, scope)]
            if len(sides[0]) != len(sides[1]):
                raise AdqlError("Both sides of a set operator need as many columns")
            fields = [_either(one, other) for one, other in zip(*sides, strict=True)]
            self._parts(node, ("order", "offset"), Scope(scope, [("", fields)]))
            return fields
        if not node.args.get("from_"):
            raise _refusal(node, "A SELECT without FROM")
        self._source(node.args["from_"], node.args["from_"].this, scope)
        self._joined(node.args.get("joins") or (), scope)
        self._parts(node, ("where",), scope)
        fields = [field for item in node.expressions for field in self._item(item, scope)]
        if not fields:
            raise AdqlError("A SELECT without columns")
        aliases = Scope(scope, [("", fields)])
        self._parts(node, ("distinct", "group", "having", "order", "limit", "offset"), aliases)
        return fields

    def _side(self, node: exp.Expr, scope: Scope) -> list[Field]:
        while isinstance(node, exp.Subquery):
            self._allowed(node)
            node = node.this
        return self.query(node, scope)

    def _source(self, holder: exp.Expr, node: exp.Expr, scope: Scope) -> None:
        self._allowed(holder)
        if isinstance(node, exp.Subquery):
            if not node.alias and isinstance(node.this, exp.Table):  # (a join b)
                self._source(node, node.this, scope)
                return
            self._allowed(node)
            if not node.alias:
                raise _refusal(node, "A subquery in FROM without a name")
            scope.sources.append((node.alias, self.query(node.this, scope)))
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            self._allowed(node)
            self._allowed(node.this)
            scope.sources.append((node.alias or node.name, self._table(node, scope)))
            self._joined(node.args.get("joins") or (), scope)
        else:
            raise _refusal(node)

    def _joined(self, joins: Sequence[exp.Expr], scope: Scope) -> None:
        for join in joins:
            kind, method = join.args.get("kind"), join.args.get("method")
            if kind not in (None, "", "INNER", "OUTER") or method not in (None, "NATURAL"):
                raise _refusal(join, "A join of this kind")
            self._source(join, join.this, scope)
            self._parts(join, ("on",), scope)
            if shared := [column.name.lower() for column in join.args.get("using") or ()]:
                scope.merge(shared)
            elif method == "NATURAL":
                scope.merge(None)

    def _table(self, node: exp.Table, scope: Scope) -> Sequence[Field]:
        name = f"{node.db}.{node.name}".strip(".").lower()
        fields = scope.query(name)
        if name.startswith("tap_upload."):
            fields = self._uploads.get(node.name.lower())
            if fields is not None:
                alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name, quoted=True))
                node.set("db", exp.to_identifier("temp"))
                node.set("this", exp.to_identifier(f"upload_{node.name.lower()}"))
                node.set("alias", alias)
        elif node.db:
            fields = known().get(name)
        if fields is None:
            raise AdqlError(f"Table [ {name} ] is not found in TapSchema{_place(node)}")
        return fields

    def _item(self, node: exp.Expr, scope: Scope) -> list[Field]:
        """Check one item of the list after SELECT; return what it gives."""
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            self._allowed(node)
            self._allowed(node.this if isinstance(node, exp.Column) else node)
            found = scope.all_of(node.table if isinstance(node, exp.Column) else "")
            if not found:
                raise _refusal(node, "A star for no table of FROM, or beside such a USING,")
            return found
        inner = node.this if isinstance(node, exp.Alias) else node
        if isinstance(inner.unnest(), exp.Predicate | exp.Connector | exp.Not):
            raise _refusal(inner, "A condition as a value")
        self._check(node, scope)
        plain = scope.find(inner.table, inner.name) if isinstance(inner, exp.Column) else None
        field = plain or Field("", "unicodeChar", "*")
        name = node.alias or (plain.name if plain else inner.meta.get("called", "col"))
        return [replace(field, name=name)]

    def _parts(self, node: exp.Expr, names: Sequence[str], scope: Scope) -> None:
        for name in names:
            if part := node.args.get(name):
                self._check(part, scope)

    def _check(self, node: exp.Expr, scope: Scope) -> None:
        """Check an expression, from the inside out, and mend it where DuckDB would mean something else."""
        if isinstance(node, _SET_OR_SELECT):
            self.query(node, scope)
        elif isinstance(node, exp.Column):
            self._allowed(node)
            if isinstance(node.this, exp.Star) or not scope.find(node.table, node.name):
                raise AdqlError(f"Column [ {node.sql()} ] is not found in TapSchema{_place(node)}")
            if node.db.lower() == "tap_upload":
                node.set("db", None)
        else:
            self._allowed(node)
            for child in list(node.iter_expressions()):
                self._check(child, scope)
            if isinstance(node, exp.Anonymous):
                self._function(node, scope)
            elif isinstance(node, exp.Div):
                self._division(node, scope)

    def _allowed(self, node: exp.Expr) -> None:
        if isinstance(alias := node.args.get("alias"), exp.TableAlias) and not isinstance(node, exp.CTE):
            self._allowed(alias)
        allowed = _NODES.get(type(node).__name__)
        if allowed is None or any(value and name not in allowed.split() for name, value in node.args.items()):
            raise _refusal(node)
        if isinstance(node, exp.Cast) and node.to.this.name not in _CASTS:
            raise _refusal(node, f"A cast to {node.to.this.name}")

    def _function(self, node: exp.Anonymous, scope: Scope) -> None:
        name = node.name.upper()
        node.meta["called"] = node.name.lower()
        if name in geometry.REGIONS:
            within = (*geometry.NAMES, *geometry.REGIONS[1:]) if name == "POINT" else geometry.NAMES
            if not isinstance(node.parent, exp.Anonymous) or node.parent.name.upper() not in within:
                raise _refusal(node, f"{name} as a value of its own")
        elif name in geometry.NAMES:
            node.replace(geometry.translated(node))
        elif name not in _FUNCTIONS:
            raise _refusal(node, f"The function {node.name}")
        else:
            least, most, own, _ = _FUNCTIONS[name]
            if not least <= len(node.expressions) <= most:
                raise _refusal(node, f"{name} with {len(node.expressions)} arguments")
            if name == "RAND":
                node.set("expressions", [])
            if name == "ROUND" and len(node.expressions) == 1 and self._kind(node.expressions[0], scope) == "float":
                own = "ROUND_EVEN"  # as PostgreSQL rounds floating-point numbers
                node.append("expressions", exp.Literal.number(0))
            node.set("this", own)

    def _division(self, node: exp.Div, scope: Scope) -> None:
        kinds = {self._kind(node.this, scope), self._kind(node.expression, scope)}
        if kinds == {"int"}:
            node.replace(exp.IntDiv(this=node.this, expression=node.expression))
        elif "float" not in kinds:
            raise _refusal(node, "A division of what may be whole numbers (CAST(... AS DOUBLE PRECISION) helps)")

    def _kind(self, node: exp.Expr, scope: Scope) -> str | None:
        """Say whether an expression is a whole number or floating point, None where that is not known."""
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "int" if node.name.isdigit() else "float"
        if isinstance(node, exp.Column):
            found = scope.find(node.table, node.name)
            return _KINDS.get(found.datatype) if found else None
        if isinstance(node, exp.Cast):
            kind = node.to.this.name
            return "int" if kind in _INTEGERS else "float" if kind in _FLOATS else None
        if isinstance(node, exp.IntDiv):
            return "int"
        if isinstance(node, exp.Anonymous):
            given = _FUNCTIONS.get(node.meta.get("called", "").upper(), (0, 0, "", "float"))[3]
            return given or self._kind(node.expressions[0], scope)
        if isinstance(node, exp.Paren | exp.Neg | exp.Add | exp.Sub | exp.Mul | exp.Div):
            kinds = {self._kind(child, scope) for child in node.iter_expressions()}
            return "float" if "float" in kinds else "int" if kinds == {"int"} else None
        return None


def _either(one: Field, other: Field) -> Field:
    """Return what is known of a column that comes from one of two queries, and is named by the first."""
    alike = (one.datatype, one.arraysize) == (other.datatype, other.arraysize)
    return one if alike else Field(one.name, "unicodeChar", "*")


def _renamed(fields: list[Field], node: exp.Expr) -> list[Field]:
    """Return the columns of a query of WITH, by the names that it may say it gives them."""
    names = [column.name for column in node.args["alias"].columns] or [field.name for field in fields]
    if len(names) != len(fields):
        raise _refusal(node, f"A query of WITH with {len(names)} names for {len(fields)} columns")
    return [replace(field, name=name) for field, name in zip(fields, names, strict=True)]


def _refusal(node: exp.Expr, what: str = "") -> AdqlError:
    what = what or f"An expression like this ({type(node).__name__.lower()})"
    return AdqlError(f"{what}{_place(node)} is no ADQL 2.1 that is answered here")


def _place(node: exp.Expr) -> str:
    for each in node.walk():
        if "line" in (meta := each.meta):
            return _at(meta["line"], meta["col"], meta["end"] - meta["start"] + 1)
    return ""


def _at(line: int, end: int, length: int) -> str:
    return f" at line {line}, column {end - length + 1}"
