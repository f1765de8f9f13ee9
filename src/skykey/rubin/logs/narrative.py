"""The narrative log: what people wrote about what happened when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.rubin.logs import times
from skykey.rubin.logs.messages import MessageFlows
from skykey.rubin.logs.parameters import TEXTS, together
from skykey.rubin.logs.services import MOST_ROWS, NARRATIVE
from skykey.rubin.logs.writing import AGENT, LEVEL
from skykey.tables.frames import frame
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.calls.flow import Flow
    from skykey.rubin.logs.paging import Row
    from skykey.tables.table import Table

# narrativelog 0.7.0 reads these and does not apply them.
_IGNORED: Final = {"categories": "category", "time_lost_types": "time_lost_type"}


def query_params(t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None) -> dict[str, Any]:
    """The parameters of a question for the messages that begin in a stretch of time.

    Parameters
    ----------
    t_start
        Where it begins: astropy ``Time`` of any scale, aware ``datetime``, or ISO text in UTC.
    t_end
        Where it ends; what begins then does not belong to it.
    user_params
        More of the service's parameters, or others in place of these. None takes one away.

    Returns
    -------
    dict
        ``min_date_begin`` and ``max_date_begin`` are ``datetime`` on the service's TAI clock.

    Raises
    ------
    UsageError
        For what is not a point in time, and an end before the start.

    Examples
    --------
    >>> query_params("2025-06-20T12:00Z", "2025-06-21T12:00Z")["min_date_begin"]
    datetime.datetime(2025, 6, 20, 12, 0, 37)
    """
    begin, end = times.bound(t_start), times.bound(t_end)
    if end < begin:
        raise UsageError(f"the end {t_end} is before the start {t_start}", next="give the earlier point in time first")
    asked = {
        "is_human": "either",
        "is_valid": "true",
        "has_date_begin": True,
        "min_date_begin": begin,
        "max_date_begin": end,
        "order_by": "date_begin",
        "limit": MOST_ROWS,
        **(user_params or {}),
    }
    return {name: value for name, value in asked.items() if value is not None}


class NarrativeLogFlows(MessageFlows):
    """Questions to the narrative log, and writing in it.

    Parameters
    ----------
    api_base
        The site's root.
    auth
        ``("user", token)``.
    """

    _below = NARRATIVE.path
    _log = NARRATIVE

    query_params = staticmethod(query_params)

    @frame
    def query(self, /, params: dict[str, Any] | None = None, *, utc: bool = False, **more: Any) -> Flow[Table]:
        """Ask for messages by the service's own parameters.

        Parameters
        ----------
        params
            By name: ``site_ids``, ``message_text``, ``min_level``, ``components_path``, ``has_date_begin`` and so on.
            ``min_…`` is inclusive, ``max_…`` exclusive. Values are what they mean: bool, numbers, lists, times. Times
            are converted to the service's TAI clock; text without an offset and ``datetime`` without time zone are
            TAI already. None is left out. ``limit`` is how many messages come at most (50,000 if none is given),
            however many the service has on one page.
        utc
            Whether the dates become times in UTC (``datetime64[ns, UTC]``).
        more
            The same as `params`, as keywords.

        Returns
        -------
        pandas.DataFrame
            The service's columns, always all of them and of the same types: integers ``Int64``, booleans ``boolean``,
            ``time_lost`` ``float64`` (seconds), lists Python lists, ``components_json`` dictionaries, text ``str``.
            Dates are the service's text on a TAI clock, as in the release, because programs read them so; `utc` gives
            times. ``attrs["truncated"]`` says whether there are more than ``limit``. Messages that are added meanwhile
            may be missing; of all others each comes once.

        Raises
        ------
        UnknownName
            For a parameter that the service does not have, with similar names. No request is made then.
        UsageError
            For a value that it would not understand. No request is made then.
        NotAuthenticated, Forbidden
            If the site does not accept the token.
        ServiceError, TransportError
            If the answer is not all of it. There is never a part of it, or no rows, instead.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> log = get_clients()["narrative_log"]
        >>> log.query(min_level=30, has_date_end=True, limit=10)  # doctest: +SKIP
        """
        asked = together(params, more)
        found = yield from self._found(asked, keep=_wanted(asked))
        from skykey.rubin.logs.columns import table_of  # with the first answer

        return table_of(NARRATIVE, found, utc=utc)

    @frame
    def query_log(
        self, /, t_start: Any, t_end: Any, user_params: dict[str, Any] | None = None, *, utc: bool = False, **more: Any
    ) -> Flow[Table]:
        """Read the messages that begin in a stretch of time.

        Parameters
        ----------
        t_start, t_end
            As in `query_params`; `t_end` does not belong to it.
        user_params, more
            The service's other parameters, as in `query`.
        utc
            As in `query`.

        Returns
        -------
        pandas.DataFrame
            As `query`, indexed by ``time`` (``datetime64[ns, UTC]``): where time was lost the message's end, else its
            beginning; where that one is missing, the other. Rows are in the order of their beginnings. ``component``
            is ``Log`` with what the message is about. ``message_text`` has no blank lines.

        Raises
        ------
        UsageError, NotAuthenticated, Forbidden, ServiceError, TransportError
            As `query`; also for an end before the start.

        Examples
        --------
        >>> from skykey.rubin.connections import get_clients
        >>> log = get_clients()["narrative_log"]
        >>> log.query_log("2025-06-20T12:00Z", "2025-06-21T12:00Z")[["component", "message_text"]]  # doctest: +SKIP
        """
        asked = query_params(t_start, t_end, together(user_params, more))
        found = yield from self._found(asked, keep=_wanted(asked))
        for row in found.rows:
            row["message_text"] = _unspaced(row.get("message_text"))
        from skykey.rubin.logs.columns import table_of, text_column, utc_column

        times_of = utc_column([_time_of(row) for row in found.rows])
        component = text_column([_component(row) for row in found.rows])
        return table_of(NARRATIVE, found, utc=utc, front={"time": times_of}, back={"component": component})

    @method
    def add_message(
        self,
        /,
        message_text: str,
        *,
        user_id: str,
        is_human: bool,
        level: int = LEVEL,
        user_agent: str = AGENT,
        **fields: Any,
    ) -> Flow[Row]:
        """Write a message. It is sent once, and never again by itself.

        Parameters
        ----------
        message_text
            What it says.
        user_id
            Who says it.
        is_human
            Whether that is a person.
        level
            As in `logging`.
        user_agent
            Which program sends it.
        fields
            ``date_begin``, ``date_end`` (times of any scale, see `query`), ``time_lost`` (seconds or ``timedelta``),
            ``time_lost_type``, ``category``, ``tags``, ``urls``, ``components_json``, …

        Returns
        -------
        dict
            The message as the service has it, with its ``id``.

        Raises
        ------
        UsageError
            For a field that a message does not have, and a value that the service would not understand.
        QueryError
            If the service refuses it, with its words.
        Interrupted, TimedOut
            If the answer was lost. Whether the message was added is not known then; ``next`` says how to see.
        """
        said = {"message_text": message_text, "user_id": user_id, "is_human": is_human}
        return (yield from self._add({**said, "level": level, "user_agent": user_agent, **fields}))


def _wanted(asked: Mapping[str, Any]) -> Callable[[Row], bool] | None:
    """What the service leaves to its clients."""
    rules = [
        (field, names, without == "")
        for plural, field in _IGNORED.items()
        for without in ("", "exclude_")
        if (names := _names(asked, f"{without}{plural}"))
    ]
    return (lambda row: all(_fits(row.get(field), names, wants) for field, names, wants in rules)) if rules else None


def _names(asked: Mapping[str, Any], name: str) -> frozenset[str]:
    given = asked.get(name)
    # Arrays have no truth value, and an empty text asks for nothing.
    return (
        frozenset() if given is None or (isinstance(given, str) and not given) else frozenset(TEXTS.read(name, given))
    )


def _fits(value: Any, names: frozenset[str], wants: bool) -> bool:
    # What is no text is a fault of the service, which whoever makes the table will name: it must not be left out here.
    return (value in names) is wants if value is None or isinstance(value, str) else True


def _time_of(row: Row) -> int | None:
    lost = (times.seconds_of(row.get("time_lost")) or 0) > 0
    for name in ("date_end", "date_begin") if lost else ("date_begin", "date_end"):
        if (found := times.utc_of(row.get(name))) is not None:
            return found
    return None


def _component(row: Row) -> str:
    tree = row.get("components_json")
    name = tree.get("name") if isinstance(tree, dict) else None
    if not name:
        listed = row.get("components")
        name = " ".join(map(str, listed)) if isinstance(listed, list) else None
    return f"Log {name}" if name else "Log"


def _unspaced(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return re.sub(r"\n{2,}", "\n", text.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")
