"""Expressions over the numbers and texts of an event: ``far < 1e-7``, ``si.snr > 5 & ci.mchirp in 0.5, 2``."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from skykey.sandbox.gracedb import tables
from skykey.sandbox.gracedb.query_scanner import InvalidQuery, Predicate, Scanner, joined
from skykey.sandbox.gracedb.query_words import NUMBER, TEXT, TRUTHS

Row = Mapping[str, Any]
#: A term, told which single-detector row it may look at: what is asked of one has to be true of the same one.
Term = Callable[[Row, Row], bool]

_SINGLE = "SingleInspiral"
_NAME = re.compile(r"([A-Za-z_]\w*(?:\.\w+)?)(?=\s*(?:[<=>:]|in\b))", re.ASCII)
SIGN = re.compile(r"<=|>=|==|[<>=:]")
_IN = re.compile(r"in\b")
_COMMA = re.compile(",")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    **dict.fromkeys(("=", "==", ":"), operator.eq),
}


def attributes(scanner: Scanner) -> Predicate | None:
    """Read terms with signs between them, or stay."""
    term = joined(scanner, lambda: _term(scanner), _inverted, _any, _all)
    return None if term is None else lambda event: any(term(event, single) for single in _singles(event))


def _term(scanner: Scanner) -> Term | None:
    name = scanner.take(_NAME)
    if name is None:
        return None
    column = _column(name[1])
    if sign := scanner.take(SIGN):
        return _compared(column, SIGNS[sign[0]], _value(scanner))
    scanner.need(_IN)
    first = _value(scanner)
    scanner.need(_COMMA)
    last, at_least, at_most = _value(scanner), operator.ge, operator.le
    return _all([_compared(column, at_least, first), _compared(column, at_most, last)])


def _value(scanner: Scanner) -> float | str | bool:
    if text := scanner.take(TEXT):
        return text[1]
    truth = scanner.name(TRUTHS)
    return float(scanner.need(NUMBER)[0]) if truth is None else truth


def _column(name: str) -> Callable[[Row, Row], Any]:
    """Return where the value of a column is in an event, None where there is none."""
    table, _, column = name.lower().rpartition(".")
    if not table:
        if column not in tables.EVENT:
            raise InvalidQuery(f"Events have no {name}")
        return lambda event, _single: event.get(column)
    extra = tables.BY_PREFIX.get(table)
    known = {each.lower(): each for each in tables.COLUMNS[extra]} if extra else {}
    if extra is None or column not in known:
        raise InvalidQuery(f"No event has {name}")
    column = known[column]
    if extra == _SINGLE:
        return lambda _event, single: single.get(column)
    return lambda event, _single: (event.get("extra_attributes") or {}).get(extra, {}).get(column)


def _compared(column: Callable[[Row, Row], Any], test: Callable[[Any, Any], bool], wanted: float | str | bool) -> Term:
    def term(event: Row, single: Row) -> bool:
        value = column(event, single)
        if value is None or isinstance(value, str) != isinstance(wanted, str):
            return False
        return bool(test(value, wanted))

    return term


def _singles(event: Row) -> Iterable[Row]:
    return (event.get("extra_attributes") or {}).get(_SINGLE) or [{}]


def _inverted(term: Term) -> Term:
    return lambda event, _single: not any(term(event, single) for single in _singles(event))


def _any(terms: list[Term]) -> Term:
    return lambda event, single: any(term(event, single) for term in terms)


def _all(terms: list[Term]) -> Term:
    return lambda event, single: all(term(event, single) for term in terms)
