"""GraceDB's query language in its text form: a text in, a predicate over whole events or superevents out.

Rows are those of the full answers, with three keys more where the database knows them: an event's
``is_preferred_event`` and ``superevent_gw_id``, a superevent's ``is_exposed``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from skykey.sandbox.gracedb import query_words as words
from skykey.sandbox.gracedb.constants import GROUPS, LABELS, PIPELINES, SEARCHES
from skykey.sandbox.gracedb.query_attributes import SIGN, SIGNS, attributes
from skykey.sandbox.gracedb.query_scanner import InvalidQuery, Scanner, all_of, any_of, by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from skykey.sandbox.gracedb.query_scanner import Predicate

    Row = Mapping[str, Any]
    #: A name that rows are gathered by, and a reader that steps over a value or stays.
    Reader = tuple[str, Callable[[], Predicate | None]]

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
_CATEGORIES = by_name(["Production", "Test", "MDC"])


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
    return _Events(text, now).read()


def superevents(text: str, now: datetime) -> Predicate:
    """Read a query for superevents; all its terms hold. Test and MDC are left out unless a category or an id is named.

    Raises
    ------
    InvalidQuery
        The text is no query.
    """
    return _Superevents(text, now).read()


class _Query:
    """Terms one after the other: a keyword with its value, or a value that needs none."""

    def __init__(self, text: str, now: datetime) -> None:
        self._scanner, self._now = Scanner(text), now
        self._found: dict[str, list[Predicate]] = {}
        self._rest = ""  # the text without its labels
        self._keyed, self._bare = self._readers()

    def _readers(self) -> tuple[dict[str, Reader], list[Reader]]:
        raise NotImplementedError

    def _terms(self) -> None:
        while not self._scanner.is_done:
            start = self._scanner.at
            kind, test = self._term()
            self._found.setdefault(kind, []).append(test)
            if kind != "label":
                self._rest += self._scanner.since(start).lower() + " "

    def _term(self) -> tuple[str, Predicate]:
        start = self._scanner.at
        keyword = self._scanner.take(_KEYWORD)
        if keyword and keyword[1] in self._keyed:
            kind, read = self._keyed[keyword[1]]
            test = read()
            if test is None:
                raise self._scanner.refusal()
            return kind, test
        for kind, read in self._bare:
            self._scanner.at = start
            if test := read():
                return kind, test
        self._scanner.at = start
        raise self._scanner.refusal()

    def _named(self, field: str, known: Mapping[str, str]) -> Predicate | None:
        name = self._scanner.name(known)
        return None if name is None else lambda row: row.get(field) == name

    def _labels(self) -> Predicate | None:
        return words.labels(self._scanner, _LABELS)


class _Events(_Query):
    def _readers(self) -> tuple[dict[str, Reader], list[Reader]]:
        scanner = self._scanner
        free: dict[str, Reader] = {
            "label": ("label", self._labels),
            "ifos": ("ifos", self._detectors),
            **{key: (key, self._ids(prefix)) for key, prefix in _IDS.items()},
            **{key: (key, self._names(key, names)) for key, names in _NAMES.items()},
            "created": ("created", lambda: words.created(scanner, self._now)),
            "gpstime": ("gpstime", lambda: words.numbers(scanner, "gpstime")),
            "submitter": ("submitter", lambda: words.submitter(scanner)),
            "runid": ("gpstime", lambda: words.run(scanner, "gpstime")),
        }
        bound: dict[str, Reader] = {
            "nevents": ("nevents", self._many),
            "in_superevent": ("in_superevent", lambda: words.truth(scanner, _is_in_superevent)),
            "is_preferred_event": ("is_preferred_event", lambda: words.truth(scanner, _is_preferred)),
            "superevent": ("superevent", lambda: words.superevent(scanner, "superevent", "superevent_gw_id")),
            "replay_id": ("replay_id", self._replay),
        }
        alone: list[Reader] = [("attr", lambda: attributes(scanner)), ("hasfar", self._has_far)]
        return free | bound, [*alone, *free.values()]

    def read(self) -> Predicate:
        self._terms()
        tests = [(all_of if kind == "nevents" else any_of)(tests) for kind, tests in self._found.items()]
        if "test" not in self._rest and "tid" not in self._found:
            tests.append(lambda event: event.get("group") != "Test")
        if "mdc" not in self._rest and "mid" not in self._found:
            tests.append(lambda event: event.get("search") != "MDC")
        return all_of(tests)

    def _ids(self, prefix: str) -> Callable[[], Predicate | None]:
        def read() -> Predicate | None:
            ends = words.graceids(self._scanner, prefix)
            if ends is None:
                return None
            first, last = ends[0][1], ends[1][1]
            return lambda event: (
                event["graceid"][0] == prefix and first <= (words.numbered(event["graceid"]) or 0) <= last
            )

        return read

    def _names(self, field: str, known: Mapping[str, str]) -> Callable[[], Predicate | None]:
        return lambda: self._named(field, known)

    def _detectors(self) -> Predicate | None:
        found = self._scanner.take(_DETECTORS)
        return (lambda event: found[0] in (event.get("instruments") or "")) if found else None

    def _many(self) -> Predicate | None:
        found = self._scanner.take(_DIGITS)
        return (lambda event: event.get("nevents") == int(found[1])) if found else None

    def _has_far(self) -> Predicate | None:
        return (lambda event: event.get("far") is not None) if self._scanner.take(_HAS_FAR) else None

    def _replay(self) -> Predicate | None:
        found = self._scanner.take(_REPLAY)
        return (lambda event: event.get("replay_id") == (found[1] or found[2])) if found else None


class _Superevents(_Query):
    def _readers(self) -> tuple[dict[str, Reader], list[Reader]]:
        scanner = self._scanner
        ids: Reader = ("superevent_id", lambda: words.superevent(scanner, "superevent_id", "gw_id"))
        times: Reader = ("t_0", lambda: words.numbers(scanner, "t_0"))
        runs: Reader = ("t_0", lambda: words.run(scanner, "t_0"))
        submitters: Reader = ("submitter", lambda: words.submitter(scanner))
        status: Reader = ("status", self._status)
        created: Reader = ("created", lambda: words.created(scanner, self._now))
        category: Reader = ("category", lambda: self._named("category", _CATEGORIES))
        label: Reader = ("label", self._labels)
        exposed: Reader = ("is_exposed", lambda: words.truth(scanner, _is_exposed))
        members: Reader = ("event", lambda: self._members("EGHMT", _members))
        keyed = {
            **dict.fromkeys(("id", "superevent_id"), ids),
            **dict.fromkeys(("t_0", "gpstime"), times),
            "runid": runs,
            "t_start": ("t_start", lambda: words.numbers(scanner, "t_start")),
            "t_end": ("t_end", lambda: words.numbers(scanner, "t_end")),
            "submitter": submitters,
            "preferred_event": ("preferred_event", lambda: self._members("GHMT", _preferred)),
            **dict.fromkeys(("event", "events"), members),
            "is_gw": ("is_gw", lambda: words.truth(scanner, lambda row: row.get("gw_id") is not None)),
            **dict.fromkeys(("is_public", "is_exposed"), exposed),
            "status": status,
            "created": created,
            "category": category,
            "label": label,
        }
        return keyed, [label, ids, runs, created, times, submitters, status, category, ("far", self._far)]

    def read(self) -> Predicate:
        self._terms()
        tests = [test for tests in self._found.values() for test in tests]
        if not self._found.keys() & {"category", "superevent_id"}:
            tests.append(lambda row: row.get("category") not in ("Test", "MDC"))
        return all_of(tests)

    def _status(self) -> Predicate | None:
        wanted = self._scanner.name({"public": True, "internal": False})
        return None if wanted is None else lambda row: _is_exposed(row) is wanted

    def _members(self, prefixes: str, of: Callable[[Row], list[str]]) -> Predicate | None:
        ends = words.graceids(self._scanner, prefixes)
        if ends is None:
            return None
        first, last = ends[0][1], ends[1][1]
        return lambda row: any(first <= (words.numbered(graceid) or 0) <= last for graceid in of(row))

    def _far(self) -> Predicate | None:
        """Read a comparison, or a range: ``far in a, b``, ``far: a .. b``."""
        if not self._scanner.take(_FAR):
            return None
        sign = self._scanner.take(SIGN)
        if sign is None:
            self._scanner.need(_IN)
        first = self._number()
        if sign is None:
            self._scanner.need(_TO)
        elif sign[0] != ":" or not self._scanner.take(_TO):
            test = SIGNS[sign[0]]
            return lambda row: row.get("far") is not None and bool(test(row["far"], first))
        return words.within("far", (first, self._number()))

    def _number(self) -> float:
        found = words.number(self._scanner)
        if found is None:
            raise self._scanner.refusal()
        return found


_NAMES = {"search": by_name(SEARCHES), "pipeline": by_name(PIPELINES), "group": by_name(GROUPS)}


def _is_in_superevent(event: Row) -> bool:
    return event.get("superevent") is not None


def _is_preferred(event: Row) -> bool:
    return bool(event.get("is_preferred_event"))


def _is_exposed(row: Row) -> bool:
    return bool(row.get("is_exposed"))


def _preferred(row: Row) -> list[str]:
    return [row["preferred_event"]] if row.get("preferred_event") else []


def _members(row: Row) -> list[str]:
    return [*(row.get("gw_events") or ()), *(row.get("em_events") or ())]
