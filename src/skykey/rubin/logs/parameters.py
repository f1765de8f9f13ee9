"""What users give the logs' services, as these take it: names checked, values of the right kind, before any request."""

from __future__ import annotations

import json
import math
import operator
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin.logs import times
from skykey.values.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_WORDS: Final = {"true": True, "false": False, "1": True, "0": False}
# The servers' own rule; they keep tags in lower case.
_TAG: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_DASHED: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Of numpy's values those that Python has too; its dates do not say their scale, and are refused.
_NUMPY_NUMBERS: Final = "biufU"


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a parameter or field takes.

    Parameters
    ----------
    of
        Makes a value of JSON of what was given, or raises `UsageError` with what it should be.
    several
        Whether it takes a list of them. One alone will do.
    """

    of: Callable[[Any], Any]
    several: bool = False

    def read(self, name: str, given: Any) -> Any:
        """A value that can be sent.

        Raises
        ------
        UsageError
            Naming the parameter, the value and what is wrong with it.
        """
        given = _plain(given)
        try:
            if not self.several:
                return self.of(given)
            listed: Iterable[Any] = (given,) if isinstance(given, str | bytes | dict) else given
            try:
                values = list(listed)
            except TypeError:
                values = [given]
            return [self.of(_plain(value)) for value in values]
        except UsageError as problem:
            raise UsageError(f"{name}={given!r}: {problem.message}", next=problem.next) from None


def checked(kinds: Mapping[str, Kind], given: Mapping[str, Any], *, of: str) -> dict[str, Any]:
    """Values by name, without those that are None.

    Parameters
    ----------
    kinds
        What there is.
    given
        By the user.
    of
        Whose names these are, for the error.

    Raises
    ------
    UnknownName
        For a name that is not there, with similar ones.
    UsageError
        For a value of another kind.
    """
    for name in given:
        if name not in kinds:
            raise _unknown(name, kinds, of)
    return {name: kinds[name].read(name, value) for name, value in given.items() if value is not None}


def together(first: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters from a dictionary and from keywords.

    Raises
    ------
    UsageError
        If one stands in both, and for what is not a dictionary.
    """
    if first is not None and not hasattr(first, "keys"):
        raise UsageError(f"parameters come as a dictionary or as keywords, not as {type(first).__name__}")
    if doubled := set(first or ()) & set(more):
        raise UsageError(f"{', '.join(sorted(doubled))} stands both in the dictionary and beside it")
    return {**(first or {}), **more}


def query(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Values as a URL's query has them."""
    return [
        (name, _written(each))
        for name, value in values.items()
        for each in (value if isinstance(value, list) else [value])
    ]


def _written(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"PT{value:.6f}S"  # the one form of a duration that all versions of the servers read
        case str():
            return value
        case _:
            return str(value)


def _unknown(name: str, kinds: Mapping[str, Kind], of: str) -> UnknownName:
    import difflib

    near = difflib.get_close_matches(name, kinds, n=3)
    remedy = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(sorted(kinds))}"
    return UnknownName(f"{of} has no {name!r}", next=remedy)


def _plain(given: Any) -> Any:
    if isinstance(given, Enum):
        return given.value
    kind = getattr(getattr(given, "dtype", None), "kind", None)
    return (
        given.item() if kind is not None and kind in _NUMPY_NUMBERS and getattr(given, "shape", None) == () else given
    )


# -- kinds


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise UsageError(f"text is needed, not {type(given).__name__}")
    return given


def _whole(given: Any) -> int:
    if isinstance(given, bool) or (isinstance(given, str) and not re.fullmatch(r"-?\d{1,10}", given, re.ASCII)):
        raise UsageError("a whole number is needed")
    try:
        return int(given) if isinstance(given, str) else operator.index(given)
    except TypeError:
        raise UsageError("a whole number is needed") from None


def _day(given: Any) -> int:
    # Only one with dashes is taken apart: an exclusive bound may be the day 31 of any month.
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.rubin.dayobs_utils import day_obs_str_to_int

    return day_obs_str_to_int(given) if isinstance(given, str) and _DASHED.fullmatch(given) else _whole(given)


def _flag(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    found = _WORDS.get(str(given).lower()) if isinstance(given, str | int) else None
    if found is None:
        raise UsageError("True or False is needed")
    return found


def _either(given: Any) -> str:
    if isinstance(given, str) and given.lower() == "either":
        return "either"
    try:
        return "true" if _flag(given) else "false"
    except UsageError:
        raise UsageError('True, False or "either" is needed') from None


def _seconds(given: Any) -> float:
    given = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise UsageError("seconds or a timedelta are needed, not less than 0")
    return float(given)


def _tag(given: Any) -> str:
    if not _TAG.fullmatch(_text(given)):
        raise UsageError("a tag is a letter, then letters, digits and underscores, at least one of them")
    return str(given).lower()


def _document(given: Any) -> Any:
    try:
        found = json.loads(given) if isinstance(given, str) else given
        json.dumps(found)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError('a dictionary is needed, such as {"name": "Simonyi"}, or JSON of one')
    return found


TEXT: Final = Kind(_text)
TEXTS: Final = Kind(_text, several=True)
TAGS: Final = Kind(_tag, several=True)
WHOLE: Final = Kind(_whole)
DAY: Final = Kind(_day)
FLAG: Final = Kind(_flag)
EITHER: Final = Kind(_either)
DATE: Final = Kind(times.parameter)
SECONDS: Final = Kind(_seconds)
DOCUMENT: Final = Kind(_document)
PATHS: Final = Kind(lambda given: json.dumps(_document(given)), several=True)


def at_least(least: int) -> Kind:
    """Whole numbers from one on."""

    def read(given: Any) -> int:
        if (number := _whole(given)) < least:
            raise UsageError(f"the service takes {least} or more here")
        return number

    return Kind(read)


def one_of(*names: str, several: bool = False) -> Kind:
    """One of some words."""

    def read(given: Any) -> str:
        if not isinstance(given, str) or given not in names:
            raise UsageError(f"it is one of {', '.join(names)}")
        return str(given)

    return Kind(read, several=several)


def order(names: Iterable[str]) -> Kind:
    """Fields to sort by; a minus before one sorts downwards."""
    known = frozenset(names)

    def read(given: Any) -> str:
        if _text(given).removeprefix("-") not in known:
            import difflib

            near = difflib.get_close_matches(given.removeprefix("-"), known, n=3)
            raise UsageError(
                "there is no such field to sort by",
                next=f"did you mean {' or '.join(near)}?" if near else f"it is one of {', '.join(sorted(known))}",
            )
        return str(given)

    return Kind(read, several=True)
