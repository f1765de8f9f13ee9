"""One night of observing: what its services say about it, asked side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, gather, need
from skykey.credentials.keeper import Keeper
from skykey.repertoire.discovery import SyncDiscoveryClient
from skykey.rubin import night_telemetry
from skykey.rubin.consdb.sql import instrument_of
from skykey.rubin.consdb_query import ConsDbFlows
from skykey.rubin.influx_query import InfluxFlows
from skykey.rubin.logins import login_keeper
from skykey.rubin.logs.narrative import NarrativeLogFlows
from skykey.rubin.logs.night_report import NightReportFlows
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import token_chain
from skykey.values.errors import SkykeyError
from skykey.values.scales import DAY
from skykey.values.secret import Secret

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from skykey.credentials.credential import Basic
    from skykey.rubin.logs.paging import Row
    from skykey.rubin.night_telemetry import Topic
    from skykey.tables.table import Table

T = TypeVar("T")

_AT_ONCE: Final = 16
_ORDINAL_OF_MJD_0: Final = 678_576


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """The answer to one of a night's questions, or why there is none.

    Parameters
    ----------
    name
        What was asked for, in words.
    found
        The answer; None if there is none.
    error
        Why there is none; None if there is one.
    """

    name: str
    found: T | None = None
    error: SkykeyError | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """What there is about a night.

    Parameters
    ----------
    site, instrument, day_obs
        Which night of what.
    begin, end
        The noons (TAI) between which it lies, in UTC nanoseconds since 1970; the end does not belong to it.
    dark
        From when to when the Sun is below -12 degrees, in UTC nanoseconds.
    visits
        As `get_visits.table` gives them: their times are TAI.
    log
        The narrative log's messages, in the order in which they begin; dates are UTC.
    reports
        The valid night reports, the latest first; empty if there is none.
    telemetry
        One table a topic, a row a minute: ``time`` (UTC) and ``value``. Without rows there was nothing that night, or
        the site does not have the topic.
    """

    site: str
    instrument: str
    day_obs: int
    begin: int
    end: int
    dark: Answered[tuple[int, int]]
    visits: Answered[Table]
    log: Answered[Table]
    reports: Answered[list[Row]]
    telemetry: tuple[tuple[Topic, Answered[Table]], ...]

    @property
    def parts(self) -> tuple[Answered[Any], ...]:
        """All of them, in the order of importance."""
        return (self.visits, self.log, self.reports, self.dark, *(part for _, part in self.telemetry))

    @property
    def failed(self) -> tuple[Answered[Any], ...]:
        """Those without an answer. No rows are an answer."""
        return tuple(part for part in self.parts if part.error is not None)


class NightFlows:
    """Questions about whole nights, over the clients of a site.

    Parameters
    ----------
    site, tokenfile, auth_token
        As in `skykey.rubin.connections.get_clients`.

    Raises
    ------
    UnknownSite
        For a site that nobody knows. Nothing is requested here.
    """

    def __init__(
        self,
        site: str | None = None,
        tokenfile: str | os.PathLike[str] | None = None,
        auth_token: str | None = None,
    ) -> None:
        secret = None if auth_token is None else Secret(auth_token)
        del auth_token  # tracebacks show local variables
        where = find_site(site)
        token = Keeper(token_chain(where, tokenfile=tokenfile, auth_token=secret))
        discovery = SyncDiscoveryClient(base_url=where.repertoire)
        self.site = where.name
        self._token = token
        self._consdb = ConsDbFlows.with_keeper(where.api_base, token)
        self._log = NarrativeLogFlows.with_keeper(where.api_base, token)
        self._reports = NightReportFlows.with_keeper(where.api_base, token)
        self._efd = _Telemetry(where.name, login_keeper(where, where.name, "efd", token, discovery=discovery))

    @method
    def night(
        self, day_obs: int | str, instrument: str = "lsstcam", telemetry: Sequence[Topic] = night_telemetry.TOPICS
    ) -> Flow[Night]:
        """Ask everything about a night, side by side: it takes as long as the slowest of the answers.

        Parameters
        ----------
        day_obs
            The night: ``20260320`` or ``"2026-03-20"``.
        instrument
            Whose visits: ``lsstcam``, ``lsstcomcam``, ``latiss``.
        telemetry
            Which topics; `skykey.rubin.night_telemetry.TOPICS` by default.

        Returns
        -------
        Night
            A part that could not be had holds its error, and is in ``failed``; the others are whole.

        Raises
        ------
        UsageError
            If there is no such day, and for what is no instrument's name. No request is made then.
        NoCredential, Failed
            Without a usable token there is nothing to ask.

        Examples
        --------
        >>> night = NightClient("usdf").night("2026-03-20")  # doctest: +SKIP
        >>> len(night.visits.found), [part.name for part in night.failed]  # doctest: +SKIP
        (412, [])
        """
        number, (begin, end) = _number(day_obs), bounds(day_obs)
        owner = instrument_of(instrument)
        yield from need(self._token)
        asked: list[Flow[Answered[Any]]] = [
            _tried("visits", self._consdb.get_visits(owner, visit_constraint=f"visit1.day_obs = {number}")),
            _tried("log", self._log.query_log(_utc(begin), _utc(end), utc=True)),
            _tried("night report", self._reported(number)),
            _tried("twilight", _dark(_noon_tai(day_obs))),
            *(
                _tried(topic.label, self._efd.query(night_telemetry.statement(topic, begin, end)))
                for topic in telemetry
            ),
        ]
        visits, log, reports, dark, *topics = yield from gather(asked, at_once=_AT_ONCE)
        pairs = tuple(zip(telemetry, topics, strict=True))
        return Night(self.site, owner, number, begin, end, dark, visits, log, reports, pairs)

    def _reported(self, day_obs: int) -> Flow[list[Row]]:
        reports, _ = yield from self._reports.query_night_report(day_obs, return_html=False)
        return reports

    def __repr__(self) -> str:
        # Also where the constructor raised: tracebacks show local variables.
        return f"<{type(self).__name__} of {getattr(self, 'site', '?')}>"


class NightClient(NightFlows, Sync):
    """Whole nights, for blocking programs.

    Parameters
    ----------
    site, tokenfile, auth_token
        See `NightFlows`.
    """


class AsyncNightClient(NightFlows, Async):
    """Whole nights, for asynchronous programs.

    Parameters
    ----------
    site, tokenfile, auth_token
        See `NightFlows`.
    """


class _Telemetry(InfluxFlows):
    """The telemetry database on a login that is kept already."""

    def __init__(self, site: str, login: Keeper[Basic]) -> None:
        self._set_up(site, "efd", login)


def _tried(name: str, flow: Flow[T]) -> Flow[Answered[T]]:
    """A part: its failure must not take the others with it."""
    try:
        return Answered(name, found=(yield from flow))
    except SkykeyError as problem:
        # What it passed through would hold the answers of all others as long as the night is held.
        return Answered(name, error=problem.with_traceback(None))


def _dark(noon_tai: int) -> Flow[tuple[int, int]]:
    # Here and not at the top: astropy takes a second to load.
    from skykey.rubin.night_sun import darkness

    yield from ()
    return darkness(noon_tai)


def bounds(day_obs: int | str) -> tuple[int, int]:
    """The noons (TAI) between which a night lies, in UTC nanoseconds since 1970.

    Raises
    ------
    UsageError
        If there is no such day.

    Examples
    --------
    >>> bounds(20260320)  # 11:59:23 UTC
    (1774007963000000000, 1774094363000000000)
    """
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.values.scales import utc_from_tai

    noon_tai = _noon_tai(day_obs)
    return utc_from_tai(noon_tai), utc_from_tai(noon_tai + DAY)


def _noon_tai(day_obs: int | str) -> int:
    """Where it begins, in TAI nanoseconds."""
    from skykey.rubin.dayobs_utils import day_obs_to_date
    from skykey.values.scales import tai_from_day

    return tai_from_day(day_obs_to_date(day_obs).toordinal() - _ORDINAL_OF_MJD_0, DAY // 2)


def _number(day_obs: int | str) -> int:
    from skykey.rubin.dayobs_utils import day_obs_str_to_int, day_obs_to_date

    return day_obs_str_to_int(day_obs_to_date(day_obs).isoformat())


def _utc(nanoseconds: int) -> str:
    from skykey.rubin.instants import rfc3339

    return rfc3339(nanoseconds)
