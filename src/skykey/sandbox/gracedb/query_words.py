"""What queries for events and for superevents have in common: ids, runs, times, names, labels."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from skykey.sandbox.gracedb.query_scanner import Predicate, Scanner, T, all_of, any_of, between, inverted, joined
from skykey.sandbox.gracedb.query_times import moment

#: Observing and engineering runs: GPS times.
RUNS = {
    "O4c": (1422118818, 1447516818), "O4b": (1396796418, 1422118818), "O4a": (1368975618, 1389456018),
    "ER16": (1394982018, 1396796418), "ER15": (1366556418, 1368975618), "O3": (1238166018, 1269363618),
    "ER14": (1235750418, 1238166018), "ER13": (1228838418, 1229176818), "O2": (1164556817, 1187733618),
    "O1": (1126623617, 1136649617), "ER8": (1123858817, 1126623617), "ER7": (1117400416, 1118329216),
    "ER6": (1102089616, 1102863616), "ER5": (1073822416, 1078876816), "ER4": (1057881616, 1061856016),
    "ER3": (1044136816, 1045785616), "ER2": (1026666016, 1028480416), "ER1": (1011601640, 1013299215),
    "ER1test": (1010944815, 1011601640), "S6": (931035296, 971622087), "S6A": (931035296, 935798487),
    "S6B": (937800015, 947260815), "S6C": (949449543, 961545687), "S6D": (956707143, 971622087),
}  # fmt: skip
_RUNS = {name.lower(): [times] for name, times in RUNS.items()}
_RUNS["o4"] = [RUNS[part] for part in ("O4a", "O4b", "O4c")]  # with gaps between them

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z0-9_])")
TEXT = re.compile(r'"([^"]*)"')
TRUTHS = {"true": True, "false": False}
_SUPEREVENT = re.compile(
    r"([TM]?)(S|GW)(?:(\d{6})([A-Za-z]*)|(\d+[A-Za-z]*)(?=\*))(\*)?(?![A-Za-z0-9_])", re.IGNORECASE
)


def graceids(scanner: Scanner, prefixes: str) -> Callable[[str], bool] | None:
    """Read the id of an event, or a range of them, that begin with one of these letters."""
    pattern = re.compile(rf"[{prefixes}](\d{{1,18}})(?![A-Za-z0-9_])", re.IGNORECASE)
    ends = between(scanner, lambda: _of(scanner.take(pattern), int))
    return (lambda name: name[0] in prefixes and ends[0] <= int(name[1:]) <= ends[1]) if ends else None


def _of(found: re.Match[str] | None, kind: Callable[[str], T]) -> T | None:
    return kind(found[found.re.groups]) if found else None


def run(scanner: Scanner, field: str) -> Predicate | None:
    times = scanner.name(_RUNS)
    if times is None:
        return None
    return lambda row: row.get(field) is not None and any(first <= row[field] <= last for first, last in times)


def numbers(scanner: Scanner, field: str) -> Predicate | None:
    """Read a number or a range of numbers that a field is to be in."""
    ends = between(scanner, lambda: _of(scanner.take(NUMBER), float))
    return within(field, ends) if ends else None


def within(field: str, ends: tuple[Any, Any]) -> Predicate:
    """Both ends count; what has no value is in no range."""
    first, last = ends
    return lambda row: row.get(field) is not None and bool(first <= row[field] <= last)


def submitter(scanner: Scanner) -> Predicate | None:
    """Read a part of a user's name; `submitter_last_name` is looked at where a row has it."""
    found = scanner.take(TEXT)
    names = ("submitter", "submitter_last_name")
    return (lambda row: any(found[1].lower() in (row.get(name) or "").lower() for name in names)) if found else None


def created(scanner: Scanner, now: datetime) -> Predicate | None:
    """Read when a row was made. A single time is that very second, a day alone its first one, as on the real server."""
    ends = between(scanner, lambda: moment(scanner, now))
    return (lambda row: ends[0] <= when(row["created"]) <= ends[1]) if ends else None


def when(text: str) -> datetime:
    """Read a time as answers write it."""
    return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)


def superevent(scanner: Scanner, name: str, gw_name: str) -> Predicate | None:
    """Read the id of a superevent, for the fields that hold its two ids. A day alone means the day's first one."""
    found = scanner.take(_SUPEREVENT)
    if found is None:
        return None
    category, kind, day, letters, part, is_open = found.groups()
    case = str.upper if kind.upper() == "GW" else str.lower
    asked = f"{category}{kind}".upper() + case(part or day + (letters or ("" if is_open else "a")))
    field = gw_name if kind.upper() == "GW" else name
    if is_open:
        return lambda row: (row.get(field) or "").startswith(asked)
    return lambda row: row.get(field) == asked


def labels(scanner: Scanner, known: Mapping[str, str]) -> Predicate | None:
    """Read labels with signs between them."""

    def one() -> Predicate | None:
        name = scanner.name(known)
        return None if name is None else lambda row: name in row["labels"]

    return joined(scanner, one, inverted, any_of, all_of)


def truth(scanner: Scanner, of: Predicate) -> Predicate | None:
    wanted = scanner.name(TRUTHS)
    return None if wanted is None else lambda row: of(row) is wanted
