"""GraceDB's query language in its text form: a text in, a predicate over whole events or superevents out.

Rows are those of the full answers, with three keys more where the database knows them: an event's
``is_preferred_event`` and ``superevent_gw_id``, a superevent's ``is_exposed``.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from skykey.sandbox.gracedb import query_words as words
from skykey.sandbox.gracedb.constants import GROUPS, LABELS, PIPELINES, SEARCHES
from skykey.sandbox.gracedb.query_attributes import SIGN, SIGNS, attributes
from skykey.sandbox.gracedb.query_scanner import InvalidQuery, Predicate, Scanner, all_of, any_of, by_name

Row = Mapping[str, Any]
#: By name, readers that step over a value or stay.
Readers = dict[str, Callable[[], Predicate | None]]

__all__ = ["InvalidQuery", "events", "superevents"]

_KEYWORD = re.compile(r"([a-z_0-9]+):")
_HAS_FAR = re.compile(r"hasfar(?!\w)", re.IGNORECASE)
_DETECTORS = re.compile(r"(?:[HL]1|H2|V1|K1)(?:,(?:[HL]1|H2|V1|K1))*(?!\w)")
_DIGITS = re.compile(r"(\d{1,9})(?![\w.])")
_REPLAY = re.compile(r'"([^"]*)"|([A-Za-z0-9_-]{1,30})(?![A-Za-z0-9_-])')
_TO = re.compile(r"(?:,|\.\.|-)(?=\s*[\d.+-])")
_FAR = re.compile(r"far(?=\s*(?:[<=>:]|in\b))", re.IGNORECASE)
_IN = re.compile(r"in\b")
_LABELS = by_name(LABELS)
_IDS = {"gid": "G", "hid": "H", "tid": "T", "eid": "E", "mid": "M"}
_NAMES = {"search": by_name(SEARCHES), "pipeline": by_name(PIPELINES), "group": by_name(GROUPS)}
_CATEGORIES = by_name(["Production", "Test", "MDC"])
_STATUSES = {"public": True, "internal": False}
#: Other names of a keyword, and of what it is an alternative to.
_SAME = {"superevent_id": "id", "gpstime": "t_0", "events": "event", "is_exposed": "is_public"}
_KINDS = {"runid": "gpstime"}


def events(text: str, now: datetime) -> Predicate:
    """Read a query for events.

    Parameters
    ----------
    text
        Terms side by side. Those of one kind are alternatives, but for ``nevents``; those of several kinds all hold.
        Test events and the search MDC are left out unless the text names them.
    now
        What "now" and "yesterday" mean.

    Raises
    ------
    InvalidQuery
        The text is no query.
    """
    scanner = Scanner(text)
    alone: Readers = {"attr": lambda: attributes(scanner), "hasfar": lambda: _has_far(scanner)}
    bare: Readers = {
        "label": lambda: words.labels(scanner, _LABELS),
        "ifos": lambda: _detectors(scanner),
        **{key: partial(_ids, scanner, prefix) for key, prefix in _IDS.items()},
        **{key: partial(_named, scanner, key, known) for key, known in _NAMES.items()},
        "created": lambda: words.created(scanner, now),
        "gpstime": lambda: words.numbers(scanner, "gpstime"),
        "submitter": lambda: words.submitter(scanner),
        "runid": lambda: words.run(scanner, "gpstime"),
    }
    keyed: Readers = {
        "nevents": lambda: _many(scanner),
        "in_superevent": lambda: words.truth(scanner, lambda row: row.get("superevent") is not None),
        "is_preferred_event": lambda: words.truth(scanner, lambda row: bool(row.get("is_preferred_event"))),
        "superevent": lambda: words.superevent(scanner, "superevent", "superevent_gw_id"),
        "replay_id": lambda: _replay(scanner),
    }
    found, rest = _terms(scanner, bare | keyed, alone | bare)
    tests = [(all_of if kind == "nevents" else any_of)(tests) for kind, tests in found.items()]
    if "test" not in rest and "tid" not in found:
        tests.append(lambda event: event.get("group") != "Test")
    if "mdc" not in rest and "mid" not in found:
        tests.append(lambda event: event.get("search") != "MDC")
    return all_of(tests)


def superevents(text: str, now: datetime) -> Predicate:
    """Read a query for superevents; all its terms hold. Test and MDC are left out unless a category or an id is named.

    Raises
    ------
    InvalidQuery
        The text is no query.
    """
    scanner = Scanner(text)
    bare: Readers = {
        "label": lambda: words.labels(scanner, _LABELS),
        "id": lambda: words.superevent(scanner, "superevent_id", "gw_id"),
        "runid": lambda: words.run(scanner, "t_0"),
        "created": lambda: words.created(scanner, now),
        "t_0": lambda: words.numbers(scanner, "t_0"),
        "submitter": lambda: words.submitter(scanner),
        "status": lambda: _status(scanner),
        "category": lambda: _named(scanner, "category", _CATEGORIES),
    }
    keyed: Readers = {
        "t_start": lambda: words.numbers(scanner, "t_start"),
        "t_end": lambda: words.numbers(scanner, "t_end"),
        "preferred_event": lambda: _members(scanner, "GHMT", lambda row: [row.get("preferred_event")]),
        "event": lambda: _members(scanner, "EGHMT", lambda row: [*row.get("gw_events", ()), *row.get("em_events", ())]),
        "is_gw": lambda: words.truth(scanner, lambda row: row.get("gw_id") is not None),
        "is_public": lambda: words.truth(scanner, _is_exposed),
    }
    keyed |= bare
    keyed |= {other: keyed[name] for other, name in _SAME.items()}
    found, _ = _terms(scanner, keyed, bare | {"far": lambda: _far(scanner)})
    tests = [test for tests in found.values() for test in tests]
    if not found.keys() & {"category", "id", "superevent_id"}:
        tests.append(lambda row: row.get("category") not in ("Test", "MDC"))
    return all_of(tests)


def _terms(scanner: Scanner, keyed: Readers, bare: Readers) -> tuple[dict[str, list[Predicate]], str]:
    """Read terms one after the other: a keyword with its value, or a value that needs none.

    Return them by kind, and the text without its labels, in lower case.
    """
    found: dict[str, list[Predicate]] = {}
    rest = ""
    while not scanner.is_done:
        start = scanner.at
        kind, test = _term(scanner, keyed, bare)
        found.setdefault(_KINDS.get(kind, kind), []).append(test)
        if kind != "label":
            rest += scanner.since(start).lower() + " "
    return found, rest


def _term(scanner: Scanner, keyed: Readers, bare: Readers) -> tuple[str, Predicate]:
    start = scanner.at
    keyword = scanner.take(_KEYWORD)
    if keyword and keyword[1] in keyed:
        if test := keyed[keyword[1]]():
            return keyword[1], test
        raise scanner.refusal()
    for kind, read in bare.items():
        scanner.at = start
        if test := read():
            return kind, test
    scanner.at = start
    raise scanner.refusal()


# -- of both


def _named(scanner: Scanner, field: str, known: Mapping[str, str]) -> Predicate | None:
    name = scanner.name(known)
    return None if name is None else lambda row: row.get(field) == name


# -- of events


def _ids(scanner: Scanner, prefix: str) -> Predicate | None:
    suits = words.graceids(scanner, prefix)
    return (lambda event: suits(event["graceid"])) if suits else None


def _detectors(scanner: Scanner) -> Predicate | None:
    found = scanner.take(_DETECTORS)
    return (lambda event: found[0] in (event.get("instruments") or "")) if found else None


def _many(scanner: Scanner) -> Predicate | None:
    found = scanner.take(_DIGITS)
    return (lambda event: event.get("nevents") == int(found[1])) if found else None


def _has_far(scanner: Scanner) -> Predicate | None:
    return (lambda event: event.get("far") is not None) if scanner.take(_HAS_FAR) else None


def _replay(scanner: Scanner) -> Predicate | None:
    found = scanner.take(_REPLAY)
    return (lambda event: event.get("replay_id") == (found[1] or found[2])) if found else None


# -- of superevents


def _is_exposed(row: Row) -> bool:
    return bool(row.get("is_exposed"))


def _status(scanner: Scanner) -> Predicate | None:
    wanted = scanner.name(_STATUSES)
    return None if wanted is None else lambda row: _is_exposed(row) is wanted


def _members(scanner: Scanner, prefixes: str, of: Callable[[Row], list[str | None]]) -> Predicate | None:
    suits = words.graceids(scanner, prefixes)
    return (lambda row: any(suits(graceid) for graceid in of(row) if graceid)) if suits else None


def _far(scanner: Scanner) -> Predicate | None:
    """Read a comparison, or a range: ``far in a, b``, ``far: a .. b``."""
    if not scanner.take(_FAR):
        return None
    sign = scanner.take(SIGN)
    if sign is None:
        scanner.need(_IN)
    first = float(scanner.need(words.NUMBER)[0])
    if sign is None:
        scanner.need(_TO)
    elif sign[0] != ":" or not scanner.take(_TO):
        test = SIGNS[sign[0]]
        return lambda row: row.get("far") is not None and bool(test(row["far"], first))
    return words.within("far", (first, float(scanner.need(words.NUMBER)[0])))
