"""``skykey rubin plot``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from skykey.cli.options import with_json, with_site, with_tokenfile
from skykey.cli.output import document, put, say
from skykey.cli.progress import progress
from skykey.cli.rubin.selected import INDEX
from skykey.cli.rubin.telemetry import check_folder, client_of, origin_of, with_database
from skykey.values.errors import SkykeyError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from skykey.rubin.influx_query import InfluxQueryClient

_ENDINGS: Final = {".png", ".svg", ".pdf"}
_NIGHT: Final = 12 * 3600 * 10**9
_SHORT: Final = 600 * 10**9
# A picture without units is better than a long wait for a registry that is out of reach.
_PATIENCE: Final = 2.0


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
@click.option("--dark", is_flag=True, help="On a dark ground, for the control room at night.")
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
    dark: bool,
    as_json: bool,
) -> None:
    """Draw FIELDs of a TOPIC over time, as a PNG (or .svg, .pdf).

    Fields of another unit or range get a panel of their own. Where there are no samples, there is no line.
    """
    path = out or Path(f"{topic.replace('/', '_')}.png")
    if path.suffix.lower() not in _ENDINGS:
        raise click.BadParameter("write a file that ends in .png, .svg or .pdf", param_hint="--out")
    check_folder(path)
    from skykey.cli.canvas import check_extra

    check_extra()
    asked = _Asked(client_of(database, site, tokenfile), topic, fields, index)
    with progress():
        indexed = asked.has_index()
        span = asked.span(start, end)
        frame = asked.rows(*span, indexed=indexed)
    begin, until = _written(span)
    asked.draw(frame, span, path, dark=dark)
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

    def has_index(self) -> bool:
        """Whether the topic has an index that tells its curves apart."""
        return INDEX in set(self.client.get_fields(self.topic)["fieldKey"])

    def span(self, start: str | None, end: str | None) -> tuple[int, int]:
        """The time that is drawn."""
        from skykey.rubin.instants import utc_nanoseconds

        since = None if start is None else utc_nanoseconds(start)
        until = self._latest() if end is None else utc_nanoseconds(end)
        since = until - _NIGHT if since is None else since
        if since >= until:
            what = "the end" if end else "the latest row,"
            first, last = _written((since, until))
            raise UsageError(f"the start {first} is not before {what} {last}", next="--start earlier")
        return since, until

    def rows(self, since: int, until: int, *, indexed: bool) -> pd.DataFrame:
        """All that is drawn, with the index of each row if there may be several."""
        told_apart = indexed and self.index is None and INDEX not in self.fields
        columns = [*self.fields, *([INDEX] if told_apart else [])]
        bounds = _written((since, until))
        return self.client.select_time_series(self.topic, columns, *bounds, self.index, units=self._has_units())

    def draw(self, frame: pd.DataFrame, span: tuple[int, int], path: Path, *, dark: bool) -> None:
        """Draw them, or say that there are none."""
        import numpy as np

        from skykey.cli.canvas import Words
        from skykey.cli.picture import draw
        from skykey.cli.rubin.selected import curves_of
        from skykey.cli.rubin.sky import axis_of, days_of, sky_of

        begin, until = _written(span)
        curves = list(curves_of(frame, self.fields, self.topic))
        if not curves:
            raise NothingToDraw(
                f"{self.topic} has no values of {', '.join(self.fields)} between {begin} and {until}",
                next=f"skykey rubin plot {self.topic} {' '.join(self.fields)}   "
                "(without --start and --end: up to the latest row)",
            )
        digits = 16 if span[1] - span[0] > _SHORT else 19
        below = f"{begin[:digits]} to {until[:digits]}".replace("T", " ") + " UTC"
        words = Words(
            title=self.topic if self.index is None else f"{self.topic}, {INDEX} {self.index}",
            below="   ".join(filter(None, (below, days_of(*span), f"{len(frame):,} rows"))),
            aside=f"{self.client.db_name} at {self.client.site}",
            axis=axis_of(*span),
        )
        # The first and the last sample are not drawn on the very edge.
        margin = (span[1] - span[0]) // 100
        first, last = span[0] - margin, span[1] + margin
        edges = (np.datetime64(first, "ns"), np.datetime64(last, "ns"))
        draw(curves, words=words, path=path, span=edges, sky=sky_of(first, last), dark=dark)

    def _latest(self) -> int:
        latest = self.client.select_top_n(self.topic, list(self.fields), 1, index=self.index)
        if latest.empty:
            raise NothingToDraw(
                f"{self.topic} has no values of {', '.join(self.fields)}", next=f"skykey rubin fields {self.topic}"
            )
        return int(latest.index.max().value)

    def _has_units(self) -> bool:
        """Whether the schema registry knows the topic. Its answer is remembered; without one units are left out."""
        from skykey.values.deadline import within

        try:
            with within(_PATIENCE):
                self.client.get_schema.arrow(self.topic)
        except SkykeyError:
            return False
        return True


def _written(span: tuple[int, int]) -> tuple[str, str]:
    from skykey.rubin.instants import rfc3339

    return rfc3339(span[0]), rfc3339(span[1])
