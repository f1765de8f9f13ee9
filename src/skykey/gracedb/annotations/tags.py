"""Tags: what a log entry is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.ids import is_event

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_ALL: Final = "taglist-template", "superevent-log-tag-list-template"
_ONE: Final = "tag-template", "superevent-log-tag-detail-template"


class TagFlows(ObjectFlows):
    """Tags of log entries."""

    @method
    def tags(self, object_id: str, N: int) -> Flow[Response]:  # noqa: N803 - as documented
        """List the tags of a log entry (``GET …/log/{N}/tag/``, ``GET …/logs/{N}/tags/``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        N
            The entry's number.

        Returns
        -------
        Response
            ``name`` and ``displayName`` of each, under ``tags``.

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> [tag["name"] for tag in client.tags("G1234", 12).json()["tags"]]  # doctest: +SKIP
        """
        url = yield from self._object_url(object_id, *_ALL, N=N)
        return (yield from self._send("GET", url, doing=f"listing the tags of entry {N} of {object_id}"))

    @method
    def add_tag(
        self,
        object_id: str,
        N: int,  # noqa: N803 - as documented
        tag_name: str,
        displayName: str | None = None,  # noqa: N803 - as documented
    ) -> Flow[Response]:
        """Tag a log entry (event: ``PUT …/log/{N}/tag/{tag_name}``, superevent: ``POST …/logs/{N}/tags/``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        N
            The entry's number.
        tag_name
            A tag that is not there yet is made.
        displayName
            How a new tag is shown.

        Returns
        -------
        Response
            201.

        Raises
        ------
        OutcomeUnknown
            If it is not known whether the entry has the tag now.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked. An entry that had the tag before is refused.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.add_tag("G1234", 12, "em_follow")  # doctest: +SKIP
        """
        listing = yield from self._object_url(object_id, *_ALL, N=N)
        doing = f"tagging entry {N} of {object_id} with {tag_name}"
        like, keys = {"name": tag_name}, ("tags",)
        if is_event(object_id):
            url = yield from self._url(_ONE[0], graceid=object_id, N=N, tag_name=tag_name)
            shown = None if displayName is None else {"displayName": displayName}
            return (yield from self._add_to(listing, keys, like, "PUT", url, fields=shown, doing=doing))
        fields = {"displayName": displayName, **like}
        return (yield from self._add_to(listing, keys, like, "POST", listing, fields=fields, doing=doing))

    @method
    def remove_tag(self, object_id: str, N: int, tag_name: str) -> Flow[Response]:  # noqa: N803 - as documented
        """Take a tag from a log entry (``DELETE …/tag/{tag_name}``, ``DELETE …/tags/{tag_name}/``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        N
            The entry's number.
        tag_name
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
            If the server refuses it, or cannot be asked; ``NotFound`` if the entry does not have the tag.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.remove_tag("S190301a", 16, "pe")  # doctest: +SKIP
        """
        listing = yield from self._object_url(object_id, *_ALL, N=N)
        url = yield from self._object_url(object_id, *_ONE, N=N, tag_name=tag_name)
        doing = f"taking the tag {tag_name} from entry {N} of {object_id}"
        return (yield from self._take_from(listing, ("tags",), {"name": tag_name}, url, doing))
