"""``skykey rubin plot``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, put, say
from skykey.cli.rubin.telemetry import client_of, origin_of, with_database
from skykey.values.errors import SkykeyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from skykey.cli.picture import Curve
    from skykey.rubin.influx_query import InfluxQueryClient

_ENDINGS: Final = {".png", ".svg", ".pdf"}
_INDEX: Final = "salIndex"
_NIGHT: Final = 12 * 3600 * 10**9


class NothingToDraw(SkykeyError):
    """There is no row in the time that was asked for: an empty picture would look like a result."""

    code = "no-rows"


@click.command()
@click.argument("topic")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD...")
@with_site
@with_database
@with_tokenfile
@click.option("--start", metavar="TIME", help="UTC, such as 2026-03-20T22:00Z; by default 12 hours before the end.")
@click.option("--end", metavar="TIME", help="By default the topic's latest row.")
@click.option("--index", type=int, help="Only this salIndex; by default a curve for each.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="By default TOPIC.png.")
@with_json
def plot(
    *,
    topic: str,
    fields: tuple[str, ...],
    site: str | None,
    database: str,
    tokenfile: str | None,
    start: str | None,
    end: str | None,
    index: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Draw FIELDs of a TOPIC over time, as a PNG (or .svg, .pdf).

    Fields of different range get an axis of their own. Where there are no samples, there is no line.
    """
    path = out or Path(f"{topic.replace('/', '_')}.png")
    if path.suffix.lower() not in _ENDINGS:
        raise click.BadParameter("write a file that ends in .png, .svg or .pdf", param_hint="--out")
    from skykey.cli.picture import check_extra, draw

    check_extra()
    asked = _Asked(client_of(database, site, tokenfile), topic, fields, index)
    indexed = asked.check()
    begin, until = asked.span(start, end)
    frame = asked.rows(begin, until, indexed=indexed)
    curves = list(_curves(frame, fields))
    if not curves:
        raise NothingToDraw(
            f"{topic} has no values of {', '.join(fields)} between {begin} and {until}",
            next=f"skykey rubin plot {topic} {' '.join(fields)}   (without --start and --end: up to the latest row)",
        )
    only = "" if index is None else f", {_INDEX} {index}"
    draw(curves, title=f"{topic}{only}", origin=f"{asked.client.db_name} at {asked.client.site}", path=path)
    facts = {**origin_of(asked.client), "topic": topic, "fields": list(fields), "start": begin, "end": until}
    if as_json:
        document({**facts, "row_count": len(frame), "written": str(path)})
    else:
        put(str(path))
    say(f"{len(frame):,} rows from {begin} to {until}, complete")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which curves are wanted."""

    client: InfluxQueryClient
    topic: str
    fields: tuple[str, ...]
    index: int | None

    def check(self) -> bool:
        """Refuse what cannot be drawn; say whether the topic has an index that tells its curves apart."""
        known = self.client.get_fields(self.topic)
        kinds = dict(zip(known["fieldKey"], known["fieldType"], strict=True))
        for field in self.fields:
            if kinds.get(field) == "string":
                raise UsageError(
                    f"the field {field} holds text, which has no curve", next=f"skykey rubin fields {self.topic}"
                )
        return _INDEX in kinds

    def span(self, start: str | None, end: str | None) -> tuple[str, str]:
        """The time that is drawn."""
        from skykey.rubin.instants import rfc3339, utc_nanoseconds

        since = None if start is None else utc_nanoseconds(start)
        until = self._latest() if end is None else utc_nanoseconds(end)
        since = until - _NIGHT if since is None else since
        if since >= until:
            what = "the end" if end else "the latest row,"
            raise UsageError(
                f"the start {rfc3339(since)} is not before {what} {rfc3339(until)}", next="--start earlier"
            )
        return rfc3339(since), rfc3339(until)

    def rows(self, begin: str, until: str, *, indexed: bool) -> pd.DataFrame:
        """All that is drawn, with the index of each row if there may be several."""
        told_apart = indexed and self.index is None and _INDEX not in self.fields
        columns = [*self.fields, *([_INDEX] if told_apart else [])]
        return self.client.select_time_series(self.topic, columns, begin, until, self.index)

    def _latest(self) -> int:
        latest = self.client.select_top_n(self.topic, list(self.fields), 1, index=self.index)
        if latest.empty:
            raise NothingToDraw(
                f"{self.topic} has no values of {', '.join(self.fields)}", next=f"skykey rubin fields {self.topic}"
            )
        return int(latest.index.max().value)


def _curves(frame: pd.DataFrame, fields: tuple[str, ...]) -> Iterable[Curve]:
    from skykey.cli.picture import Curve

    indexes: list[Any] = sorted(frame[_INDEX].dropna().unique()) if _INDEX in frame and _INDEX not in fields else []
    parts = [(f" [{number}]", frame[frame[_INDEX] == number]) for number in indexes]
    for field in fields:
        for suffix, part in parts if len(parts) > 1 else [("", frame)]:
            values = part[field].astype("float64").to_numpy(dtype="float64", na_value=float("nan"))
            index: Any = part.index
            times = index.tz_convert(None).to_numpy(dtype="datetime64[ns]")
            if (values == values).any():  # noqa: PLR0124 - NaN is not equal to itself
                yield Curve(f"{field}{suffix}", times, values)
