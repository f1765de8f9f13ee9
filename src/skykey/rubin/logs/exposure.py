"""The exposure log: what people wrote about single exposures, and the exposures themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.rubin.instants import tai_nanoseconds
from skykey.rubin.logs import times
from skykey.rubin.logs.messages import MessageFlows
from skykey.rubin.logs.parameters import together
from skykey.rubin.logs.services import EXPOSURE, EXPOSURES, MOST_ROWS
from skykey.rubin.logs.writing import AGENT, LEVEL
from skykey.tables.frames import frame
from skykey.values.errors import Unreadable, UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row
    from skykey.tables.table import Table


_DAY: Final = 86_400 * 10**9


def query_params(t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None) -> dict[str, Any]:
    """The parameters of a question for the messages about the nights of a stretch of time.

    Parameters
    ----------
    t_start, t_end
        As in the narrative log. Messages know their ``day_obs`` and no time, so that all of each night comes which the
        stretch touches. A ``day_obs`` begins at noon TAI: a stretch that ends there does not touch the next one, one
        that ends at noon UTC, 37 seconds later, does.
    user_params
        More of the service's parameters, or others in place of these. None takes one away.

    Returns
    -------
    dict
        ``max_day_obs`` is the day after the last, because the service does not count it in.

    Raises
    ------
    UsageError
        For what is not a point in time, and an end before the start.

    Examples
    --------
    >>> asked = query_params("2025-06-21T03:00Z", "2025-06-21T05:00Z")
    >>> asked["min_day_obs"], asked["max_day_obs"]
    (20250620, 20250621)
    """
    begin, end = tai_nanoseconds(t_start), tai_nanoseconds(t_end)
    if end < begin:
        raise UsageError(f"the end {t_end} is before the start {t_start}", next="give the earlier point in time first")
    # Here and not at the top: leap seconds are not needed to make a client.
    from skykey.rubin.dayobs_utils import day_obs_to_date, time_to_day_obs_int

    first = time_to_day_obs_int(t_start)
    # The end itself is not in it, unless there is nothing else.
    last = day_obs_to_date(first) + timedelta(days=(end - 1 - _noon(begin)) // _DAY if end > begin else 0)
    asked = {
        "is_human": "either",
        "is_valid": "true",
        "min_day_obs": first,
        "max_day_obs": day_after(last.isoformat()),
        "limit": MOST_ROWS,
        **(user_params or {}),
    }
    return {name: value for name, value in asked.items() if value is not None}


def day_after(day_obs: int | str) -> int:
    """The next ``day_obs``."""
    from skykey.rubin.dayobs_utils import day_obs_str_to_int, day_obs_to_date

    return day_obs_str_to_int((day_obs_to_date(day_obs) + timedelta(days=1)).isoformat())


def _noon(tai: int) -> int:
    """Where the day of observing begins."""
    return tai - (tai - _DAY // 2) % _DAY


class ExposureLogFlows(MessageFlows):
    """Questions to the exposure log, and writing in it.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    """

    _below = EXPOSURE.path
    _log = EXPOSURE

    query_params = staticmethod(query_params)

    @frame
    def query(self, /, params: dict[str, Any] | None = None, *, utc: bool = False, **more: Any) -> Flow[Table]:
        """Ask for messages by the service's own parameters.

        Parameters
        ----------
        params, more
            By name: ``instruments``, ``obs_id``, ``min_day_obs``, ``max_day_obs`` (exclusive), ``exposure_flags`` and
            so on. See `NarrativeLogFlows.query` for values, times and ``limit``.
        utc
            As there.

        Returns
        -------
        pandas.DataFrame
            As there, with this service's columns.

        Raises
        ------
        UsageError, NotAuthenticated, Forbidden, ServiceError, TransportError
            As there.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> log = get_clients()["exposure_log"]
        >>> log.query(min_day_obs=20250620, max_day_obs=20250621, exposure_flags="junk")  # doctest: +SKIP
        """
        found = yield from self._found(together(params, more))
        from skykey.rubin.logs.columns import table_of  # with the first answer

        return table_of(EXPOSURE, found, utc=utc)

    @frame
    def query_log(
        self, /, t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None, *, utc: bool = False, **more: Any
    ) -> Flow[Table]:
        """Read the messages about the nights of a stretch of time.

        Parameters
        ----------
        t_start, t_end
            As in `query_params`.
        user_params, more, utc
            As in `query`.

        Returns
        -------
        pandas.DataFrame
            As `query`.

        Raises
        ------
        UsageError, NotAuthenticated, Forbidden, ServiceError, TransportError
            As `query`; also for an end before the start.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> log = get_clients()["exposure_log"]
        >>> log.query_log("2025-06-20T22:00Z", "2025-06-21T11:00Z", instruments=["LSSTCam"])  # doctest: +SKIP
        """
        found = yield from self._found(query_params(t_start, t_end, together(user_params, more)))
        from skykey.rubin.logs.columns import table_of  # with the first answer

        return table_of(EXPOSURE, found, utc=utc)

    @frame
    def query_exposures(
        self,
        /,
        instrument: str,
        t_start: Any = None,
        t_end: Any = None,
        user_params: dict[str, Any] | None = None,
        *,
        utc: bool = False,
        **more: Any,
    ) -> Flow[Table]:
        """Read an instrument's exposures, as the service's Butler knows them.

        Parameters
        ----------
        instrument
            Its name; `get_instruments` lists them.
        t_start, t_end
            Only exposures that overlap this stretch of time.
        user_params, more
            ``registry``, ``min_day_obs``, ``max_day_obs`` (exclusive), ``min_seq_num``, ``group_names``,
            ``observation_types``, … as in `query`.
        utc
            As in `query`.

        Returns
        -------
        pandas.DataFrame
            As `query`; ``timespan_begin`` and ``timespan_end`` are dates like the others.

        Raises
        ------
        NotFound
            If the service has no such registry.
        UsageError, NotAuthenticated, Forbidden, ServiceError, TransportError
            As `query`.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> log = get_clients()["exposure_log"]
        >>> log.query_exposures("LSSTCam", min_day_obs=20250620, max_day_obs=20250621)  # doctest: +SKIP
        """
        edges = {"min_date": t_start, "max_date": t_end}
        stretch = {name: times.bound(when) for name, when in edges.items() if when is not None}
        if len(stretch) == len(edges) and stretch["max_date"] < stretch["min_date"]:
            raise UsageError(f"the end {t_end} is before the start {t_start}")
        asked = {"instrument": instrument, **stretch, **together(user_params, more)}
        found = yield from self._found(asked, log=EXPOSURES)
        from skykey.rubin.logs.columns import table_of  # with the first answer

        return table_of(EXPOSURES, found, utc=utc)

    @method
    def get_instruments(self) -> Flow[dict[str, list[str]]]:
        """The instruments that the service's registries know: ``butler_instruments_1``, ``_2``, ``_3``."""
        where = Url(f"{self._url}".removesuffix("messages") + "instruments")
        return (yield from self._asked("GET", where, _instruments))

    @method
    def add_message(
        self,
        /,
        obs_id: str,
        instrument: str,
        message_text: str,
        *,
        user_id: str,
        is_human: bool,
        is_new: bool = False,
        level: int = LEVEL,
        user_agent: str = AGENT,
        **fields: Any,
    ) -> Flow[Row]:
        """Write about an exposure. It is sent once, and never again by itself.

        Parameters
        ----------
        obs_id, instrument
            Which exposure.
        message_text
            What it says.
        user_id
            Who says it.
        is_human
            Whether that is a person.
        is_new
            Whether the exposure may be too new for the service's Butler.
        level
            As in `logging`.
        user_agent
            Which program sends it.
        fields
            ``exposure_flag`` (``none``, ``junk``, ``questionable``), ``tags``, ``urls``.

        Returns
        -------
        dict
            The message as the service has it, with its ``id``.

        Raises
        ------
        NotFound
            If there is no such exposure.
        UsageError
            For a field that a message does not have, and a value that the service would not understand.
        QueryError
            If the service refuses it, with its words.
        Interrupted, TimedOut
            If the answer was lost. Whether the message was added is not known then; ``next`` says how to see.
        """
        about = {"obs_id": obs_id, "instrument": instrument, "is_new": is_new}
        said = {"message_text": message_text, "level": level, "user_id": user_id, "is_human": is_human}
        return (yield from self._add({**about, **said, "user_agent": user_agent, **fields}))


def _instruments(document: Any) -> dict[str, list[str]]:
    if not isinstance(document, dict) or not all(isinstance(names, list) for names in document.values()):
        raise Unreadable("the service's list of instruments is not what was promised")
    return document
