"""Events: what pipelines have found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.gracedb.checks import texts
from skykey.gracedb.searching import Row, SearchingFlows
from skykey.gracedb.tables import events_table
from skykey.tables.listed import listed
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.calls.items import Passed
    from skykey.gracedb.response import Response


class EventFlows(SearchingFlows):
    """Reading, finding and changing events; `skykey.gracedb.creating` makes them."""

    @method
    def event(self, graceid: str) -> Flow[Response]:
        """Read an event (``GET events/{graceid}``).

        Parameters
        ----------
        graceid
            Its id, or the UUID of its data file's content.

        Returns
        -------
        Response
            ``graceid``, ``group``, ``pipeline``, ``gpstime``, ``far``, ``labels``, ``extra_attributes``, ….

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer; ``NotFound`` if there is no such event, or none that may be seen.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.event("G1234").json()["far"]  # doctest: +SKIP
        """
        url = yield from self._url("event-detail-template", graceid=graceid)
        return (yield from self._send("GET", url, doing=f"reading the event {graceid}"))

    @listed(events_table)
    def events(
        self,
        query: str | None = None,
        orderby: Any = None,
        max_results: int | None = None,
        count: int | None = None,
        columns: Any = None,
    ) -> Flow[Passed[Row]]:
        """Search for events (``GET events/``), page by page.

        Parameters
        ----------
        query
            As the server's documentation describes; test and MDC events are found only where it says so. None finds
            everything.
        orderby
            A field or several, with ``-`` in front for the largest first.
        max_results
            So many events at most; no further page is asked for.
        count
            Events in a page; the server has a largest size.
        columns
            Passed on to the server: fields that are wanted, as a list or with commas. It may send the others too.

        Returns
        -------
        generator of dict
            Asynchronous clients give an asynchronous generator. Nothing is asked before its first event.

        Raises
        ------
        UsageError
            For a number that is none.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer; a query that the server does not understand is a ``QueryError``.
        Unreadable
            If the pages lead in a circle.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> [event["graceid"] for event in client.events("far < 1e-10", max_results=10)]  # doctest: +SKIP
        """
        named = ",".join(texts("columns", columns)) or None
        return (yield from self._search("events", query, orderby, count, named, max_results))

    @method
    def num_events(self, query: str | None = None) -> Flow[int]:
        """Count the events of a search (``GET events/``, one row).

        Parameters
        ----------
        query
            As in `events`.

        Returns
        -------
        int
            As the server counts them; it may remember a number for a while.

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            As `events`.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.num_events("gstlal far < 1e-10")  # doctest: +SKIP
        """
        return (yield from self._number("events", query))

    @method
    def update_grbevent(  # noqa: PLR0917 - as documented
        self,
        graceid: str,
        ra: float | None = None,
        dec: float | None = None,
        error_radius: float | None = None,
        t90: float | None = None,
        redshift: float | None = None,
        designation: str | None = None,
    ) -> Flow[Response]:
        """Change what is known of a gamma-ray burst (``PATCH events/{graceid}/update-grbevent/``).

        Parameters
        ----------
        graceid
            Of an external event.
        ra, dec, error_radius
            Degrees.
        t90
            Seconds.
        redshift
            Its value.
        designation
            Its name.

        Returns
        -------
        Response
            The event.

        Raises
        ------
        UsageError
            If nothing is to change. Zero is a value.
        Gone
            On current servers (410).
        OutcomeUnknown
            If it is not known whether it was changed.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.update_grbevent("E1234", ra=0.0, dec=-12.5, error_radius=2.0)  # doctest: +SKIP
        """
        fields = {
            "ra": ra,
            "dec": dec,
            "error_radius": error_radius,
            "t90": t90,
            "redshift": redshift,
            "designation": designation,
        }
        if all(value is None for value in fields.values()):
            raise UsageError("Provide at least one of ra, dec, error_radius, t90, redshift, or designation")
        url = yield from self._url("update-grbevent-template", graceid=graceid)
        check = f"skykey gracedb get event {graceid}"
        return (yield from self._send("PATCH", url, fields=fields, doing=f"changing {graceid}", check=check))
