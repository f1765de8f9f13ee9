"""Superevents: events that belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.checks import texts
from skykey.gracedb.members import MemberFlows
from skykey.gracedb.searching import Row, SearchingFlows
from skykey.gracedb.superevent_writing import SupereventWritingFlows
from skykey.gracedb.tables import superevents_table
from skykey.tables.listed import listed
from skykey.values.errors import UnknownName
from skykey.values.similar import similar

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.calls.items import Passed
    from skykey.gracedb.response import Response

_DETAIL: Final = "superevent-detail-template"


class SupereventFlows(SupereventWritingFlows, MemberFlows, SearchingFlows):
    """Reading and finding superevents; what it stands on makes and changes them."""

    @method
    def superevent(self, superevent_id: str) -> Flow[Response]:
        """Read a superevent (``GET superevents/{superevent_id}/``).

        Parameters
        ----------
        superevent_id
            Its id: ``S190425z``, or ``GW190425`` of a confirmed one.

        Returns
        -------
        Response
            ``superevent_id``, ``category``, ``t_0``, ``far``, ``labels``, ``preferred_event``, ….

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer; ``NotFound`` if there is no such superevent, or none that may be seen.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.superevent("S190425z").json()["far"]  # doctest: +SKIP
        """
        url = yield from self._url(_DETAIL, superevent_id=superevent_id)
        return (yield from self._send("GET", url, doing=f"reading the superevent {superevent_id}"))

    @listed(superevents_table)
    def superevents(
        self,
        query: str | None = "",
        orderby: Any = None,
        count: int | None = None,
        columns: Any = None,
        max_results: int | None = None,
    ) -> Flow[Passed[Row]]:
        """Search for superevents (``GET superevents/``), page by page.

        Parameters
        ----------
        query
            As the server's documentation describes; test and MDC superevents are found only where it says so.
        orderby
            A field or several, with ``-`` in front for the largest first.
        count
            Superevents in a page; the server has a largest size.
        columns
            Fields that are wanted, as a list or with commas; the others are left out here.
        max_results
            So many superevents at most; no further page is asked for.

        Returns
        -------
        generator of dict
            Asynchronous clients give an asynchronous generator. Nothing is asked before its first superevent.

        Raises
        ------
        UnknownName
            For a column that a superevent does not have; also a ``KeyError``.
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
        >>> [each["superevent_id"] for each in client.superevents("public is_gw: True")]  # doctest: +SKIP
        """
        names = [name.strip() for text in texts("columns", columns) for name in text.split(",") if name.strip()]
        make = (lambda row: _only(row, names)) if names else dict
        return (yield from self._search("superevents", query or None, orderby, count, None, max_results, make))

    @method
    def num_superevents(self, query: str | None = "") -> Flow[int]:
        """Count the superevents of a search (``GET superevents/``, one row).

        Parameters
        ----------
        query
            As in `superevents`.

        Returns
        -------
        int
            As the server counts them; it may remember a number for a while.

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            As `superevents`.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.num_superevents("category: Production")  # doctest: +SKIP
        """
        return (yield from self._number("superevents", query or None))


def _only(row: Row, names: list[str]) -> Row:
    missing = [name for name in names if name not in row]
    if missing:
        known = ", ".join(row)
        raise UnknownName(
            f"superevents have no column {missing[0]!r} (whoever asks without a login sees fewer)",
            next=similar(missing[0], row) or f"use some of {known}",
        )
    return {name: row[name] for name in names}
