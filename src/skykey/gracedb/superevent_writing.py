"""Superevents made and changed: each once, whoever lost the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations import shapes
from skykey.gracedb.checks import texts
from skykey.gracedb.searching import Row, SearchingFlows
from skykey.gracedb.settling import CREATED, stand_in
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_DETAIL: Final = "superevent-detail-template"
_CHANGEABLE: Final = "t_start, t_0, t_end, preferred_event, em_type, time_coinc_far, or space_coinc_far"
# As the server keeps its numbers.
_DIGITS: Final = 1e-6


class SupereventWritingFlows(SearchingFlows):
    """Making and changing superevents."""

    @method
    def create_superevent(  # noqa: PLR0917 - as documented
        self,
        t_start: float,
        t_0: float,
        t_end: float,
        preferred_event: str,
        category: str = "production",
        events: Any = None,
        labels: Any = None,
    ) -> Flow[Response]:
        """Make a superevent (``POST superevents/``).

        An event can be in one superevent only: after a lost answer the preferred event tells whether it was made.

        Parameters
        ----------
        t_start, t_0, t_end
            GPS seconds.
        preferred_event
            The id of the event that stands for it.
        category
            ``"production"``, ``"test"`` or ``"mdc"``, as that of the event; or its code.
        events
            Ids of further events in it.
        labels
            Labels that it gets.

        Returns
        -------
        Response
            201 with the superevent.

        Raises
        ------
        UnknownName, WrongType
            For a category or a label that the server does not have; also a ``ValueError`` and a ``TypeError``.
        OutcomeUnknown
            If it is not known whether it was made.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.create_superevent(1238350677, 1238350680, 1238350682, "G1234").json()  # doctest: +SKIP
        """
        fields = {
            "t_start": t_start,
            "t_0": t_0,
            "t_end": t_end,
            "preferred_event": preferred_event,
            "category": (yield from self._code("superevent-categories", category, "category")),
            "events": texts("events", events),
            "labels": (yield from self._check_labels(labels)),
        }
        url = yield from self._listing("superevents")
        begun = self._begin()

        def look() -> Flow[Response | None]:
            event_url = yield from self._url("event-detail-template", graceid=preferred_event)
            name = shapes.entry((yield from self._send("GET", event_url)).json()).get("superevent")
            if name is None:
                return None  # and a second one would be refused
            answer = yield from self._send("GET", (yield from self._url(_DETAIL, superevent_id=name)))
            made = shapes.entry(answer.json())
            since, created = self._since(answer, begun), shapes.moment(made.get("created"))
            is_new = since is not None and created is not None and created >= since
            is_it = _holds(made, {"t_0": t_0, "preferred_event": preferred_event})
            return stand_in(answer, CREATED, made) if is_new and is_it else None

        doing = f"making a superevent of {preferred_event}"
        check = f"skykey gracedb get event {preferred_event}"
        return (yield from self._reach(look, "POST", url, fields=fields, doing=doing, check=check))

    @method
    def update_superevent(  # noqa: PLR0917 - as documented
        self,
        superevent_id: str,
        t_start: float | None = None,
        t_0: float | None = None,
        t_end: float | None = None,
        preferred_event: str | None = None,
        em_type: str | None = None,
        time_coinc_far: float | None = None,
        space_coinc_far: float | None = None,
    ) -> Flow[Response]:
        """Change a superevent (``PATCH superevents/{superevent_id}/``).

        Parameters
        ----------
        superevent_id
            Its id.
        t_start, t_0, t_end
            GPS seconds.
        preferred_event
            The id of the event that is to stand for it.
        em_type
            The id of an external event.
        time_coinc_far, space_coinc_far
            Rates of chance coincidence, in Hz.

        Returns
        -------
        Response
            200 with the superevent.

        Raises
        ------
        UsageError
            If nothing is to change. Zero is a value.
        OutcomeUnknown
            If it is not known whether it was changed.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked; it refuses what changes nothing.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.update_superevent("S190202p", t_0=1238350700, preferred_event="G2345")  # doctest: +SKIP
        """
        fields = {
            "t_start": t_start,
            "t_0": t_0,
            "t_end": t_end,
            "preferred_event": preferred_event,
            "em_type": em_type,
            "time_coinc_far": time_coinc_far,
            "space_coinc_far": space_coinc_far,
        }
        wanted = {name: value for name, value in fields.items() if value is not None}
        if not wanted:
            raise UsageError(f"Provide at least one of {_CHANGEABLE}")
        url = yield from self._url(_DETAIL, superevent_id=superevent_id)

        def look() -> Flow[Response | None]:
            answer = yield from self._send("GET", url)
            return answer if _holds(shapes.entry(answer.json()), wanted) else None

        return (yield from self._reach(look, "PATCH", url, fields=wanted, doing=f"changing {superevent_id}"))


def _holds(found: Row, wanted: dict[str, Any]) -> bool:
    """Whether something has the values that it was to get, as exactly as the server keeps them."""
    for name, value in wanted.items():
        there = found.get(name)
        if isinstance(there, int | float) and not isinstance(value, str):
            scale = abs(float(value)) if "far" in name else 1.0
            if abs(there - float(value)) > _DIGITS * scale:
                return False
        elif str(there) != str(value):
            return False
    return True
