"""Notices of superevents, which only current servers have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.uploads import STDIN, opened, text_of

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response


class NoticeFlows(ObjectFlows):
    """Notices of superevents."""

    @method
    def notices(self, superevent_id: str, notice_num: int | None = None) -> Flow[Response]:
        """List the notices of a superevent (``superevent-notice-list-template``), or read one.

        Parameters
        ----------
        superevent_id
            Of the superevent.
        notice_num
            Of one notice.

        Returns
        -------
        Response
            ``N``, ``notice_type``, ``filename``, probabilities; of all notices under ``notices``.

        Raises
        ------
        MissingTemplate
            If the server has no notices; also a ``RuntimeError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.notices("S190425z").json()["notices"]  # doctest: +SKIP
        """
        if notice_num is None:
            url = yield from self._url("superevent-notice-list-template", superevent_id=superevent_id)
            return (yield from self._send("GET", url, doing=f"listing the notices of {superevent_id}"))
        url = yield from self._url("superevent-notice-detail-template", superevent_id=superevent_id, N=notice_num)
        return (yield from self._send("GET", url, doing=f"reading notice {notice_num} of {superevent_id}"))

    @method
    def create_notice(
        self, superevent_id: str, filename: str | os.PathLike[str], filecontents: Any = None
    ) -> Flow[Response]:
        """Upload a notice (POST to ``superevent-notice-list-template``). It is never sent twice.

        Parameters
        ----------
        superevent_id
            Of the superevent; the notice names it too.
        filename
            A file of JSON; ``-`` is standard input, as bytes.
        filecontents
            What to send in place of that file: bytes, text, or an open file.

        Returns
        -------
        Response
            201 with the notice.

        Raises
        ------
        UsageError
            If the file cannot be read, or the server would refuse its name.
        MissingTemplate
            If the server has no notices; also a ``RuntimeError``.
        OutcomeUnknown
            If it is not known whether there is a notice now; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.create_notice("S190425z", "preliminary.json")  # doctest: +SKIP
        """
        name = text_of(filename)
        called = "stdin" if name == STDIN and filecontents is None else os.path.basename(name)
        with opened("upload", name, filecontents, called=called, media_type="application/json") as file:
            url = yield from self._url("superevent-notice-list-template", superevent_id=superevent_id)
            doing = f"adding a notice to {superevent_id}"
            check = f"skykey gracedb list notices {superevent_id}"
            return (yield from self._send("POST", url, file=file, doing=doing, check=check))
