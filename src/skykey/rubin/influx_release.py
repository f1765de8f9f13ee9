"""Names of ``rubin_nights``' telemetry client that users of `skykey` alone do not need: builders and attributes."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from skykey.rubin import influxql
from skykey.rubin.instants import utc_nanoseconds
from skykey.values.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from skykey.credentials.credential import Basic
    from skykey.credentials.keeper import Keeper

TZ_UTC: Final = UTC
"""The zone of `convert_time_to_tz_datetime`."""
REPERTOIRE_DEV: Final = True
"""There it keeps quiet about a Repertoire that has failed; here it changes nothing."""
RepertoireCredsError = CredentialError
"""There it stays inside; here every failure to get a login is one."""

_QUOTED: Final = r'"(?:[^"\\]|\\.)+"'
# What the release let through unquoted: functions, and names that are quoted already.
_INFLUXQL: Final = re.compile(
    rf"\*|{_QUOTED}|[A-Za-z_]\w*\(.*\)(?:\s+AS\s+(?:{_QUOTED}|[A-Za-z_]\w*))?", re.DOTALL | re.IGNORECASE
)


def build_influxdb_query(
    measurement: str,
    fields: Sequence[str] | str = "*",
    time_range: tuple[Any, Any] | None = None,
    filters: Sequence[tuple[str, Any]] | None = None,
) -> str:
    """Write a statement that reads a topic.

    Parameters
    ----------
    measurement
        The topic.
    fields
        Names, which are quoted, or functions such as ``mean(x)``; ``"*"`` or nothing for all.
    time_range
        Both bounds, inclusive, exact to the nanosecond: what `InfluxFlows.select_time_series` takes as points in time.
    filters
        Pairs of a field or tag and the value that it must have. Text is quoted unless it is a literal already.

    Returns
    -------
    str
        InfluxQL, for `InfluxFlows.query`.

    Examples
    --------
    >>> build_influxdb_query("lsst.sal.ESS.temperature", "temperatureItem0", filters=[("salIndex", 201)])
    'SELECT "temperatureItem0" FROM "lsst.sal.ESS.temperature" WHERE "salIndex" = 201'
    """
    since, until = map(utc_nanoseconds, time_range) if time_range else (None, None)
    conditions = influxql.between(since, until) + _conditions(filters)
    return influxql.statement(measurement, _columns(fields), conditions)


def build_influxdb_top_n_query(
    measurement: str,
    fields: Sequence[str] | str = "*",
    num: int = 10,
    time_cut: Any = None,
    filters: Sequence[tuple[str, Any]] | None = None,
) -> str:
    """Write a statement that reads a topic's latest rows, of each series if it is tagged.

    Parameters
    ----------
    measurement, fields, filters
        As in `build_influxdb_query`.
    num
        How many rows.
    time_cut
        Only rows up to here, inclusive.

    Returns
    -------
    str
        InfluxQL, for `InfluxFlows.query`.

    Examples
    --------
    >>> build_influxdb_top_n_query("lsst.sal.ESS.temperature", num=1)
    'SELECT * FROM "lsst.sal.ESS.temperature" GROUP BY * ORDER BY time DESC LIMIT 1'
    """
    until = None if time_cut is None else utc_nanoseconds(time_cut)
    conditions = influxql.between(None, until) + _conditions(filters)
    return influxql.statement(measurement, _columns(fields), conditions, influxql.newest(num))


def _columns(fields: Sequence[str] | str) -> list[str]:
    listed = [fields] if isinstance(fields, str) else fields
    return [field if _INFLUXQL.fullmatch(field) else influxql.name(field) for field in listed if field]


def _conditions(filters: Sequence[tuple[str, Any]] | None) -> list[str]:
    return [f"{_columns(name)[0]} = {influxql.literal(value)}" for name, value in filters or ()]


class ReleaseNames:
    """What the release finds out when a client is made, and a client of `skykey` when it is looked at."""

    _login: Keeper[Basic]

    @property
    def url(self) -> str:
        """The server's root; the first look fetches the login."""
        return str(self._login.get().facts["url"])

    @property
    def creds_from(self) -> str:
        """Where the login came from: ``repertoire`` or ``segwarides``; the first look fetches it."""
        return str(self._login.get().facts["creds_from"])

    @property
    def topics(self) -> list[str]:
        """The topics, asked at each look (`InfluxFlows.get_topics`)."""
        topics: list[str] = self.get_topics()  # type: ignore[attr-defined]  # of the class of flows beside this one
        return topics

    @property
    def null_result(self) -> pd.DataFrame:
        """An empty DataFrame, a new one at each look. `skykey` never gives it in place of a failure."""
        from skykey.tables.packages import pandas

        empty: pd.DataFrame = pandas().DataFrame()
        return empty
