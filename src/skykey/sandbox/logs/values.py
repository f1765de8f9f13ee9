"""Values as the servers read them, and their words for what they cannot read (FastAPI over pydantic 1)."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

Kind = Callable[[Any], Any]
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?")
_DURATIONS = (
    re.compile(r"(?:(-?\d+) (?:days?, )?)?(?:(?:(-?\d+):)?(-?\d+):)?(-?\d+(?:\.\d{1,6})?)"),
    re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"),
)
_BOOLEANS: dict[str, bool] = dict.fromkeys(["1", "on", "t", "true", "y", "yes"], True)
_BOOLEANS |= dict.fromkeys(["0", "off", "f", "false", "n", "no"], False)


class Refused(Exception):
    """An answer that is an error: its status, and what stands in its ``detail``."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def unplayed(what: str) -> Refused:
    """Return the refusal of what the sandbox leaves to the real servers."""
    return Refused(501, f"The sandbox does not play {what}; ask the real narrativelog, exposurelog or nightreport")


def invalid(words: str, kind: str, **context: Any) -> Refused:
    return Refused(422, [{"loc": [], "msg": words, "type": kind} | ({"ctx": context} if context else {})])


def read(values: Iterable[tuple[Any, Kind, Any]]) -> dict[Any, Any]:
    """Read several named values; what is wrong with them is said of all at once."""
    found, wrong = {}, []
    for name, kind, value in values:
        try:
            found[name] = kind(value)
        except Refused as error:
            if not isinstance(error.detail, list):
                raise
            wrong += [entry | {"loc": [name, *entry["loc"]]} for entry in error.detail]
    if wrong:
        raise Refused(422, wrong)
    return found


def missing(_value: Any) -> Any:
    raise invalid("field required", "value_error.missing")


def several(kind: Kind) -> Kind:
    def parse(value: Any) -> Any:
        if not isinstance(value, list):
            raise invalid("value is not a valid list", "type_error.list")
        return list(read((number, kind, item) for number, item in enumerate(value)).values())

    return parse


def choice(*names: str) -> Kind:
    words = f"value is not a valid enumeration member; permitted: {', '.join(map(repr, names))}"

    def parse(value: Any) -> Any:
        if value not in names:
            raise invalid(words, "type_error.enum", enum_values=list(names))
        return value

    return parse


def bounded(words: str, short: str, limit: int, test: Callable[[int, int], bool]) -> Kind:
    def parse(value: Any) -> Any:
        if not test(number := KINDS["int"](value), limit):
            raise invalid(f"ensure this value is {words} {limit}", f"value_error.number.{short}", limit_value=limit)
        return number

    return parse


def _kind(convert: Kind, words: str, error: str) -> Kind:
    def parse(value: Any) -> Any:
        try:
            return convert(value)
        except (LookupError, OverflowError, TypeError, ValueError):
            raise invalid(words, error) from None

    return parse


def _typed(*types: type) -> Kind:
    def same(value: Any) -> Any:
        if not isinstance(value, types):
            raise TypeError
        return value

    return same


def _whole(value: Any) -> int:
    if abs(number := int(value)) >= 2**31:
        raise unplayed("numbers of more than 32 bits")
    return number


def _date(value: Any) -> datetime:
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", str(value)):
        raise unplayed("dates as numbers")
    return datetime.fromisoformat(value if _DATE.fullmatch(value) else "")


def _duration(value: Any) -> float:
    """Read a duration, in seconds."""
    parts = _DURATIONS[str(value).startswith("P")].fullmatch(str(value))
    named = zip(("days", "hours", "minutes", "seconds"), parts.groups("0") if parts else (), strict=True)
    return timedelta(**{name: float(part) for name, part in named}).total_seconds()


KINDS: dict[str, Kind] = {
    "text": _kind(lambda value: str(_typed(str, int, float)(value)), "str type expected", "type_error.str"),
    "int": _kind(_whole, "value is not a valid integer", "type_error.integer"),
    "bool": _kind(
        lambda value: _BOOLEANS[str(value).lower()], "value could not be parsed to a boolean", "type_error.bool"
    ),
    "date": _kind(_date, "invalid datetime format", "value_error.datetime"),
    "duration": _kind(_duration, "invalid duration format", "value_error.duration"),
    "dict": _kind(_typed(dict), "value is not a valid dict", "type_error.dict"),
    "flag": choice("none", "junk", "questionable"),
    "state": choice("either", "true", "false"),
}
KINDS["texts"] = several(KINDS["text"])
