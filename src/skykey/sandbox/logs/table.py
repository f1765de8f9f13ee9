"""What the logs have in common: typed fields, and the parameters that filter, order and page rows of them."""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams

from skykey.sandbox.logs.values import KINDS, Kind, Refused, bounded, missing, read, several, unplayed

Row = dict[str, Any]
Test = Callable[[Any, Any], bool]


@dataclass(frozen=True)
class Parameter:
    """How one parameter is read, and which values of which field pass it; those without a field let all rows pass."""

    kind: Kind
    is_list: bool = False
    field: str = ""
    test: Test = operator.eq
    default: Any = None

    def passes(self, row: Row, asked: Any) -> bool:
        value = row[self.field]
        if self.test is operator.is_:
            return (value is not None) is asked
        return value is not None and self.test(value, asked)  # as in SQL, null passes no comparison


def like(value: str, part: str) -> bool:
    """Do as SQL's LIKE does: what was asked for is not escaped, so % and _ in it are wildcards."""
    pieces = re.findall(r"\\.|[^\\]", f"%{part}%", re.DOTALL)
    pattern = "".join({"%": ".*", "_": "."}.get(piece) or re.escape(piece[-1]) for piece in pieces)
    return re.fullmatch(pattern, value, re.DOTALL) is not None


def holds(whole: Any, part: Any) -> bool:
    """Say whether JSON contains JSON, as PostgreSQL's ``@>`` has it."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(holds(item, wanted) for item in whole) for wanted in part)
    return bool(whole == part and isinstance(whole, bool) is isinstance(part, bool))


def tags(asked: list[str]) -> list[str]:
    """Return tags as they are kept."""
    if bad := sorted(tag for tag in asked if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]+", tag)):
        raise Refused(400, f"Invalid tags: {bad}")
    return [tag.lower() for tag in asked]


def naive(values: Row) -> Row:
    """Return the values, none of which is a date with a time zone."""
    if any(isinstance(value, datetime) and value.tzinfo for value in values.values()):
        raise unplayed("dates with a time zone")
    return values


def _is_apart(value: Iterable[Any], asked: Iterable[Any]) -> bool:
    return set(asked).isdisjoint(value)


#: kind of rule -> its parameters: name, kind (None: the field's), whether it is repeated, test
_RULES: dict[str, list[tuple[str, str | None, bool, Test]]] = {
    "among": [("{}s", None, True, lambda value, asked: value in asked)],
    "like": [("{}", "text", False, like)],
    "within": [("min_{}", None, False, operator.ge), ("max_{}", None, False, operator.lt)],
    "present": [("has_{}", "bool", False, operator.is_)],
    "either": [("{}", "state", False, lambda value, asked: asked in {"either", str(value).lower()})],
    "overlap": [("{}", None, True, lambda value, asked: not _is_apart(value, asked))],
    "apart": [("exclude_{}", None, True, _is_apart)],
}


_NONE: Mapping[str, Any] = {}


class Table:
    """The fields of a log in their order, and what can be asked of its rows.

    A field is of the kind that it names, or text. ``rules`` names the fields under each kind of rule, ``more`` holds
    parameters that follow none; a limit is more than ``least``.
    """

    def __init__(
        self,
        fields: str,
        rules: dict[str, str],
        more: Mapping[str, Parameter] = _NONE,
        least: int = 1,
        required: str = "",
    ) -> None:
        pairs = (field.partition(":") for field in fields.split())
        self.fields = {name: KINDS[kind or "text"] for name, _, kind in pairs}
        self._required = required
        self._parameters = dict(more)
        for rule, names in rules.items():
            for name in names.split():
                for form, kind, is_list, test in _RULES[rule]:
                    one = KINDS[kind] if kind else self.fields[name]
                    one = several(one) if rule == "among" else one
                    default = {"is_human": "either", "is_valid": "true"}.get(name) if rule == "either" else None
                    self._parameters[form.format(name)] = Parameter(one, is_list, name, test, default)
        self._parameters |= {
            "order_by": Parameter(KINDS["texts"], is_list=True),
            "offset": Parameter(bounded("greater than or equal to", "not_ge", 0, operator.ge), default=0),
            "limit": Parameter(bounded("greater than", "not_gt", least, operator.gt), default=50),
        }

    def find(self, rows: Iterable[Row], sent: QueryParams) -> list[Row]:
        """Return the page of rows that was asked for."""
        asked = self._read(sent)
        order = self._order(asked.get("order_by", []))
        for name in asked.keys() & {"tags", "exclude_tags"}:
            asked[name] = tags(asked[name])
        for name in asked.keys() & {"components_path", "exclude_components_path"}:
            try:
                asked[name] = [json.loads(path) for path in asked[name]]
            except json.JSONDecodeError as error:
                raise Refused(400, f"Invalid JSON in {name}: {error}") from None
        tests = [
            (self._parameters[name], value) for name, value in naive(asked).items() if self._parameters[name].field
        ]
        found = [row for row in rows if all(one.passes(row, value) for one, value in tests)]
        for name in reversed(order):
            found.sort(key=_nulls_last(name.removeprefix("-")), reverse=name.startswith("-"))
        return found[asked["offset"] :][: asked["limit"]]

    def _read(self, sent: QueryParams) -> Row:
        given: list[tuple[str, Kind, Any]] = [
            (name, one.kind, sent.getlist(name) if one.is_list else sent[name])
            for name, one in self._parameters.items()
            if name in sent
        ]
        given += [(name, missing, None) for name in self._required.split() if name not in sent]
        asked: Row = {name: one.default for name, one in self._parameters.items() if one.default is not None}
        return asked | dict(read([("query", read, given)])["query"])

    def _order(self, asked: list[str]) -> list[str]:
        known = tuple(sign + name for name in self.fields if name not in self._required for sign in ("", "-"))
        if bad := sorted(set(asked) - set(known)):
            raise Refused(400, f"Invalid order_by fields: {bad}; allowed values are {known}")
        if any("component" in name for name in asked):
            raise unplayed("an order by components")
        return asked if {"id", "-id"} & set(asked) else [*asked, "id"]


def _nulls_last(name: str) -> Callable[[Row], Any]:
    return lambda row: (row[name] is None, 0 if row[name] is None else row[name])
