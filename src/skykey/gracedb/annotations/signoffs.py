"""Signoffs: what an advocate, or the operators of an instrument, say about a superevent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations import shapes
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.checks import refuse_events
from skykey.gracedb.ids import is_event
from skykey.gracedb.settling import matching
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_ALL: Final = "superevent-signoff-list-template"
_ONE: Final = "superevent-signoff-detail-template"
_OPERATOR: Final = "OP"
# Current servers do not list them any more.
_INSTRUMENTS: Final = {"H1": "LHO", "L1": "LLO", "V1": "Virgo"}


class SignoffFlows(ObjectFlows):
    """Signoffs of superevents. Types, statuses and instruments are given by code or name, in any case."""

    @method
    def signoffs(self, object_id: str, signoff_type: str | None = None, instrument: str = "") -> Flow[Response]:
        """List the signoffs of a superevent (``GET …/signoffs/``), or read one (``GET …/signoffs/{typeinst}/``).

        Parameters
        ----------
        object_id
            Of a superevent.
        signoff_type
            ``"operator"`` (``"OP"``) or ``"advocate"`` (``"ADV"``); None for all of them.
        instrument
            Of operators: ``"H1"`` or ``"LHO"``, ….

        Returns
        -------
        Response
            ``signoff_type``, ``instrument``, ``status``, ``submitter``, ``comment``; of all under ``signoffs``.

        Raises
        ------
        UsageError
            For a type or an instrument that the server does not have, and an operator without an instrument.
        NotOffered
            For an event; also a ``NotImplementedError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.signoffs("S190425z", "operator", "H1").json()["status"]  # doctest: +SKIP
        """
        _refuse_events(object_id)
        if signoff_type is None:
            url = yield from self._url(_ALL, superevent_id=object_id)
            return (yield from self._send("GET", url, doing=f"listing the signoffs of {object_id}"))
        kind, where = yield from self._signoff(signoff_type, instrument)
        url = yield from self._url(_ONE, superevent_id=object_id, typeinst=kind + where)
        return (yield from self._send("GET", url, doing=f"reading the signoff {kind}{where} of {object_id}"))

    @method
    def create_signoff(
        self, object_id: str, signoff_type: str, status: str, comment: str, instrument: str = ""
    ) -> Flow[Response]:
        """Sign a superevent off (``POST …/signoffs/``). The label that asks for it has to be there.

        Parameters
        ----------
        object_id
            Of a superevent.
        signoff_type, instrument
            As in `signoffs`.
        status
            ``"OKAY"`` (``"OK"``) or ``"NOT OKAY"`` (``"NO"``).
        comment
            Why.

        Returns
        -------
        Response
            201 with the signoff.

        Raises
        ------
        UsageError, NotOffered
            As `signoffs`.
        OutcomeUnknown
            If it is not known whether it is signed off now.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.create_signoff("S190425z", "advocate", "OKAY", "looks good")  # doctest: +SKIP
        """
        _refuse_events(object_id)
        kind, where = yield from self._signoff(signoff_type, instrument)
        state = yield from self._code("signoff-statuses", status, "status")
        url = yield from self._url(_ALL, superevent_id=object_id)
        fields = {"signoff_type": kind, "instrument": where, "comment": comment, "status": state}
        doing = f"adding the signoff {kind}{where} to {object_id}"
        return (yield from self._add_to(url, ("signoffs",), fields, "POST", url, fields=fields, doing=doing))

    @method
    def update_signoff(
        self,
        object_id: str,
        signoff_type: str,
        status: str | None = None,
        comment: str | None = None,
        instrument: str = "",
    ) -> Flow[Response]:
        """Change a signoff (``PATCH …/signoffs/{typeinst}/``).

        Parameters
        ----------
        object_id
            Of a superevent.
        signoff_type, instrument
            As in `signoffs`.
        status, comment
            As in `create_signoff`; None leaves it as it is.

        Returns
        -------
        Response
            200 with the signoff.

        Raises
        ------
        UsageError
            As `signoffs`, and if nothing is to change.
        NotOffered
            As `signoffs`.
        OutcomeUnknown
            If it is not known whether it was changed.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.update_signoff("S190425z", "advocate", status="NOT OKAY")  # doctest: +SKIP
        """
        if not status and not comment:
            raise UsageError("Provide at least one of 'status' or 'comment'")
        _refuse_events(object_id)
        kind, where = yield from self._signoff(signoff_type, instrument)
        fields: dict[str, Any] = {}
        if status:
            fields["status"] = yield from self._code("signoff-statuses", status, "status")
        if comment is not None:
            fields["comment"] = comment
        url = yield from self._url(_ONE, superevent_id=object_id, typeinst=kind + where)

        def look() -> Flow[Response | None]:
            answer = yield from self._send("GET", url)
            return answer if matching([shapes.entry(answer.json())], fields) else None

        doing = f"changing the signoff {kind}{where} of {object_id}"
        return (yield from self._reach(look, "PATCH", url, fields=fields, doing=doing))

    @method
    def delete_signoff(self, object_id: str, signoff_type: str, instrument: str = "") -> Flow[Response]:
        """Take a signoff back (``DELETE …/signoffs/{typeinst}/``).

        Parameters
        ----------
        object_id
            Of a superevent.
        signoff_type, instrument
            As in `signoffs`.

        Returns
        -------
        Response
            204, without content.

        Raises
        ------
        UsageError, NotOffered
            As `signoffs`.
        OutcomeUnknown
            If it is not known whether it is away.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.delete_signoff("S190425z", "operator", "L1")  # doctest: +SKIP
        """
        _refuse_events(object_id)
        kind, where = yield from self._signoff(signoff_type, instrument)
        listing = yield from self._url(_ALL, superevent_id=object_id)
        url = yield from self._url(_ONE, superevent_id=object_id, typeinst=kind + where)
        like = {"signoff_type": kind, "instrument": where}
        doing = f"taking the signoff {kind}{where} of {object_id} back"
        return (yield from self._take_from(listing, ("signoffs",), like, url, doing))

    def _signoff(self, signoff_type: str, instrument: str) -> Flow[tuple[str, str]]:
        """The codes of type and instrument."""
        kind = yield from self._code("signoff-types", signoff_type, "signoff_type")
        if kind == _OPERATOR and not instrument:
            raise UsageError("Operator signoffs require an instrument", next="name one, such as H1")
        if not instrument:
            return kind, ""
        return kind, (yield from self._code("instruments", instrument, "instrument", _INSTRUMENTS))


def _refuse_events(object_id: str) -> None:
    if is_event(object_id):
        refuse_events("Not yet implemented for events", "ask about the superevent that the event is in")
