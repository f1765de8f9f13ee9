"""What a question to TAP takes, and how the words of a command become one."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.rubin.consdb_query import ConsDbTap

C = TypeVar("C", bound="Callable[..., Any]")

_FORMATS: Final = ("parquet", "binary2", "votable", "tabledata", "csv")
# A point in time that says its zone, and so which one it is.
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _formats(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _FORMATS if name.startswith(incomplete)]


def with_question(command: C) -> C:
    """Give a command the statement, and what goes along with it."""
    for add in reversed(_QUESTION):
        command = add(command)
    return command


_QUESTION: Final[tuple[Callable[[Any], Any], ...]] = (
    click.argument("statement"),
    click.option(
        "--value", "values", metavar="NAME=VALUE", multiple=True,
        help="The value of :NAME in the statement: a number, true, false, text, [a list] for IN, or a time with its "
        "zone. Text that looks like something else needs quotes of its own. Can be repeated.",
    ),
    click.option(
        "--upload", "uploads", metavar="NAME=FILE", multiple=True,
        help="A table that goes along, as TAP_UPLOAD.NAME: .csv, .parquet, .arrow, or a VOTable (.vot, .xml). "
        "Can be repeated.",
    ),
    click.option("--maxrec", type=click.IntRange(min=0), metavar="N", help="At most so many rows; 0: columns only."),
    click.option(
        "--format", "form", metavar="NAME", shell_complete=_formats,
        help="In which format the service answers; by default the best that it has.",
    ),
)  # fmt: skip
with_timeout = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=600.0, show_default=True, metavar="SECONDS",
    help="For the whole of it. A job goes on after that, and can be resumed.",
)  # fmt: skip


def client_of(site: str | None, tokenfile: str | None, timeout: float | None = None) -> ConsDbTap:
    """The client that `get_clients` calls ``consdb_tap``; nothing is requested yet."""
    from skykey.rubin.connections import get_clients

    client = get_clients(tokenfile, site)["consdb_tap"]
    if timeout is not None:
        client.query_timeout = timeout
    return client


def statement_of(given: str) -> str:
    """The statement, which ``-`` reads from stdin.

    Raises
    ------
    UsageError
        If it is a single word: a command that stands behind options, where it is none.
    """
    if re.fullmatch(r"\w+", given):
        raise UsageError(
            f"{given!r} is not a statement", next="skykey rubin tap --help (commands stand before options)"
        )
    return sys.stdin.read() if given == "-" else given


def values_of(given: tuple[str, ...]) -> dict[str, Any]:
    """Values by name: what is JSON is that, a time with its zone is a time, and all else is text.

    Examples
    --------
    >>> values_of(("n=5", "band=r", "bands=[1, 2]", 'id="5"'))
    {'n': 5, 'band': 'r', 'bands': [1, 2], 'id': '5'}
    """
    return {name: _value(text) for name, text in _pairs("--value", given, "band=r").items()}


def uploads_of(given: tuple[str, ...]) -> dict[str, Any]:
    """Tables by name, read from their files.

    Raises
    ------
    UsageError
        If a file's ending names no format, or the file is not in it.
    OSError
        If it cannot be read.
    """
    return {name: _table(Path(text)) for name, text in _pairs("--upload", given, "mine=visits.csv").items()}


def _pairs(option: str, given: tuple[str, ...], example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name.strip() or not text:
            raise UsageError(f"{option} {each!r} is not a name and what it stands for", next=f"{option} {example}")
        if name.strip() in found:
            raise UsageError(f"{option} {name.strip()} is there twice")
        found[name.strip()] = text
    return found


def _value(text: str) -> Any:
    if _MOMENT.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(f"{text} is no point in time") from None
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text


def _no_number(text: str) -> Any:
    raise ValueError(text)  # JSON has no NaN: it is text then


def _table(path: Path) -> Any:
    from skykey.tables.packages import arrow, csv, parquet

    pa: Any = arrow()
    try:
        match path.suffix.lower():
            case ".vot" | ".xml" | ".votable":
                return path.read_bytes()
            case ".csv":
                found = csv().read_csv(path)
            case ".parquet":
                found = parquet().read_table(path)
            case ".arrow" | ".feather":
                found = import_module("pyarrow.feather").read_table(path)
            case ending:
                what = ending or "a file without an ending"
                raise UsageError(f"{what} is no table that can go along", next="use .csv, .parquet, .arrow or .vot")
    except pa.ArrowException as problem:
        raise UsageError(f"{path} cannot be read ({problem})") from None
    return _in_tai(found)


def _in_tai(table: Any) -> Any:
    """With its times as the database has them: what says its zone can be converted, and what says none is TAI."""
    from skykey.tables.packages import arrow
    from skykey.values.scales import tai_from_utc_array

    pa: Any = arrow()
    for number, field in enumerate(table.schema):
        if not pa.types.is_timestamp(field.type) or field.type.tz is None:
            continue
        column = table.column(number).cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
        counts = tai_from_utc_array(column.fill_null(0).to_numpy())
        made = pa.array(counts, mask=column.is_null().to_numpy()).cast(pa.timestamp("ns"))
        table = table.set_column(number, pa.field(field.name, made.type, metadata=field.metadata), made)
    return table
