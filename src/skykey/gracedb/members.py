"""Which events are in a superevent, which of them a pipeline prefers, and whether it is a gravitational wave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations import shapes
from skykey.gracedb.exceptions import MissingTemplate
from skykey.gracedb.settling import SettlingFlows

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response
    from skykey.values.url import Url

_LIST: Final = "superevent-event-list-template"
_DETAIL: Final = "superevent-event-detail-template"
_PREFERRED: Final = "superevent-pipeline-preferred-event-list-template"
_ONE_PREFERRED: Final = "superevent-pipeline-preferred-event-detail-template"


class NoPreferredEvents(MissingTemplate, UserWarning):
    """The server knows no events that pipelines prefer; also a ``UserWarning``, which programs catch."""


class MemberFlows(SettlingFlows):
    """Events of a superevent."""

    @method
    def add_event_to_superevent(self, superevent_id: str, graceid: str) -> Flow[Response]:
        """Put an event into a superevent (``POST superevents/{superevent_id}/events/``).

        Parameters
        ----------
        superevent_id, graceid
            Their ids. An event can be in one superevent only.

        Returns
        -------
        Response
            201 with ``graceid`` and ``self``.

        Raises
        ------
        OutcomeUnknown
            If it is not known whether it is in there now.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.add_event_to_superevent("S190202p", "G2345")  # doctest: +SKIP
        """
        url = yield from self._url(_LIST, superevent_id=superevent_id)
        doing = f"putting {graceid} into {superevent_id}"
        like, fields = {"graceid": graceid}, {"event": graceid}
        return (yield from self._add_to(url, ("events",), like, "POST", url, fields=fields, doing=doing))

    @method
    def remove_event_from_superevent(self, superevent_id: str, graceid: str) -> Flow[Response]:
        """Take an event out of a superevent (``DELETE superevents/{superevent_id}/events/{graceid}/``).

        Parameters
        ----------
        superevent_id, graceid
            Their ids. The preferred event cannot be taken out.

        Returns
        -------
        Response
            204, without content.

        Raises
        ------
        OutcomeUnknown
            If it is not known whether it is out.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.remove_event_from_superevent("S190202p", "G2345")  # doctest: +SKIP
        """
        listing = yield from self._url(_LIST, superevent_id=superevent_id)
        url = yield from self._url(_DETAIL, superevent_id=superevent_id, graceid=graceid)
        doing = f"taking {graceid} out of {superevent_id}"
        return (yield from self._take_from(listing, ("events",), {"graceid": graceid}, url, doing))

    @method
    def add_pipeline_preferred_event(self, superevent_id: str, graceid: str) -> Flow[Response]:
        """Make an event the one that its pipeline prefers (``POST …/pipeline_preferred_events/``).

        Parameters
        ----------
        superevent_id, graceid
            Their ids. The event has to be in the superevent already, and not be of the preferred event's pipeline.

        Returns
        -------
        Response
            201.

        Raises
        ------
        NoPreferredEvents
            If the server does not know such events; also a ``UserWarning``.
        OutcomeUnknown
            If it is not known whether it is the one now.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.add_pipeline_preferred_event("S190202p", "G2345")  # doctest: +SKIP
        """
        url = yield from self._preferred(_PREFERRED, superevent_id=superevent_id)
        doing = f"making {graceid} the event of {superevent_id} that its pipeline prefers"
        like, fields = {"graceid": graceid}, {"event": graceid}
        return (
            yield from self._add_to(
                url, ("pipeline_preferred_events", "events"), like, "POST", url, fields=fields, doing=doing
            )
        )

    @method
    def remove_pipeline_preferred_event(self, superevent_id: str, graceid: str) -> Flow[Response]:
        """Make an event one that its pipeline does not prefer (``DELETE …/pipeline_preferred_events/{graceid}/``).

        Parameters
        ----------
        superevent_id, graceid
            Their ids.

        Returns
        -------
        Response
            204, without content.

        Raises
        ------
        NoPreferredEvents
            If the server does not know such events; also a ``UserWarning``.
        OutcomeUnknown
            If it is not known whether it is done.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.remove_pipeline_preferred_event("S190202p", "G2345")  # doctest: +SKIP
        """
        listing = yield from self._preferred(_PREFERRED, superevent_id=superevent_id)
        url = yield from self._preferred(_ONE_PREFERRED, superevent_id=superevent_id, graceid=graceid)
        doing = f"making {graceid} one that its pipeline does not prefer"
        keys = ("pipeline_preferred_events", "events")
        return (yield from self._take_from(listing, keys, {"graceid": graceid}, url, doing))

    @method
    def confirm_superevent_as_gw(self, superevent_id: str, gw_id: str | None = None) -> Flow[Response]:
        """Confirm a superevent as a gravitational wave (``POST superevents/{superevent_id}/confirm-as-gw/``).

        Parameters
        ----------
        superevent_id
            Its id.
        gw_id
            The id that it gets; by default the server makes one of its date.

        Returns
        -------
        Response
            200 with the superevent; ``gw_id`` is its new id.

        Raises
        ------
        OutcomeUnknown
            If it is not known whether it is confirmed.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.confirm_superevent_as_gw("S190425z", "GW190425").json()["gw_id"]  # doctest: +SKIP
        """
        detail = yield from self._url("superevent-detail-template", superevent_id=superevent_id)
        url = yield from self._url("superevent-confirm-as-gw-template", superevent_id=superevent_id)

        def look() -> Flow[Response | None]:
            answer = yield from self._send("GET", detail)
            known = shapes.entry(answer.json()).get("gw_id")
            return answer if known is not None and gw_id in {None, known} else None

        fields = None if gw_id is None else {"gw_id": gw_id}
        return (yield from self._reach(look, "POST", url, fields=fields, doing=f"confirming {superevent_id}"))

    def _preferred(self, template: str, **values: Any) -> Flow[Url]:
        try:
            return (yield from self._url(template, **values))
        except MissingTemplate as problem:
            missing = problem
        raise NoPreferredEvents(missing.key)
