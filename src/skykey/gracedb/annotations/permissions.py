"""Who may see a superevent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.calls.call import Repeat
from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.checks import refuse_events
from skykey.gracedb.ids import is_event
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_NOT_EVENTS: Final = "Not implemented for events", "ask about the superevent that the event is in"


class PermissionFlows(ObjectFlows):
    """Permissions of superevents."""

    @method
    def permissions(self, object_id: str) -> Flow[Response]:
        """List who may see or annotate a superevent (``GET …/permissions/``).

        Parameters
        ----------
        object_id
            Of a superevent.

        Returns
        -------
        Response
            ``group`` and ``permission`` of each, under ``permissions``.

        Raises
        ------
        NotOffered
            For an event; also a ``NotImplementedError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.permissions("S190425z").json()["permissions"]  # doctest: +SKIP
        """
        if is_event(object_id):
            refuse_events(*_NOT_EVENTS)
        url = yield from self._url("superevent-permission-list-template", superevent_id=object_id)
        return (yield from self._send("GET", url, doing=f"listing the permissions of {object_id}"))

    @method
    def modify_permissions(self, object_id: str, action: str) -> Flow[Response]:
        """Show a superevent to everybody, or hide it again (``POST …/permissions/modify/``).

        Parameters
        ----------
        object_id
            Of a superevent.
        action
            ``"expose"`` or ``"hide"``.

        Returns
        -------
        Response
            The permissions as they are now, as a bare list.

        Raises
        ------
        UsageError
            For another action.
        NotOffered
            For an event; also a ``NotImplementedError``.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.modify_permissions("S190425z", "expose")  # doctest: +SKIP
        """
        if action not in {"expose", "hide"}:
            raise UsageError("action should be 'expose' or 'hide'")
        if is_event(object_id):
            refuse_events(*_NOT_EVENTS)
        url = yield from self._url("superevent-permission-modify-template", superevent_id=object_id)
        doing = "showing" if action == "expose" else "hiding"
        fields = {"action": action}
        return (yield from self._send("POST", url, fields=fields, repeat=Repeat.SAFE, doing=f"{doing} {object_id}"))
