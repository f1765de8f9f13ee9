"""Labels: states of events and superevents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.calls.call import Repeat
from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.checks import UnknownLabel
from skykey.gracedb.ids import is_event

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_ONE: Final = "event-label-template", "superevent-label-detail-template"
_ALL: Final = "event-label-template", "superevent-label-list-template"


class LabelFlows(ObjectFlows):
    """Labels of events and superevents."""

    @method
    def labels(self, object_id: str, label: str = "") -> Flow[Response]:
        """List the labels (``GET …/labels/``), or read one (``GET …/labels/{label}``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        label
            Of which to say who gave it, and when.

        Returns
        -------
        Response
            ``name``, ``creator``, ``created`` and ``self``; of all labels under ``labels``.

        Raises
        ------
        UnknownLabel
            If the server has no such label; also a ``NameError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> [label["name"] for label in client.labels("G1234").json()["labels"]]  # doctest: +SKIP
        """
        if not label:
            url = yield from self._object_url(object_id, *_ALL, label="")
            return (yield from self._send("GET", url, doing=f"listing the labels of {object_id}"))
        yield from self._check_label(label, UnknownLabel)
        url = yield from self._object_url(object_id, *_ONE, label=label, label_name=label)
        return (yield from self._send("GET", url, doing=f"reading the label {label} of {object_id}"))

    @method
    def write_label(self, object_id: str, label: str) -> Flow[Response]:
        """Give a label (event: ``PUT …/labels/{label}``, superevent: ``POST …/labels/``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        label
            One of `allowed_labels`.

        Returns
        -------
        Response
            201. An event that has the label already: 200 with a warning.

        Raises
        ------
        UnknownLabel
            If the server has no such label; also a ``NameError``.
        OutcomeUnknown
            If it is not known whether a superevent has it now.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.write_label("G1234", "ADVREQ")  # doctest: +SKIP
        """
        yield from self._check_label(label, UnknownLabel)
        doing = f"giving {object_id} the label {label}"
        if is_event(object_id):
            url = yield from self._url(_ONE[0], graceid=object_id, label=label)
            return (yield from self._send("PUT", url, repeat=Repeat.SAFE, doing=doing))
        url = yield from self._url(_ALL[1], superevent_id=object_id)
        like = {"name": label}
        return (yield from self._add_to(url, ("labels",), like, "POST", url, fields=like, doing=doing))

    @method
    def remove_label(self, object_id: str, label: str) -> Flow[Response]:
        """Take a label away (``DELETE …/labels/{label}``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        label
            Its name.

        Returns
        -------
        Response
            204, without content.

        Raises
        ------
        OutcomeUnknown
            If it is not known whether it is away.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked; ``NotFound`` if the object does not have the label.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.remove_label("S190214g", "INJ")  # doctest: +SKIP
        """
        listing = yield from self._object_url(object_id, *_ALL, label="")
        url = yield from self._object_url(object_id, *_ONE, label=label, label_name=label)
        doing = f"taking the label {label} from {object_id}"
        return (yield from self._take_from(listing, ("labels",), {"name": label}, url, doing))
