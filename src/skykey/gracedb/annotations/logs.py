"""Log entries: reading them, and writing one exactly once."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.calls.flow import pause
from skykey.gracedb.annotations import shapes
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.checks import texts, whole
from skykey.gracedb.exceptions import WrongType
from skykey.gracedb.settling import CREATED, Unsettled, is_by, stand_in, told
from skykey.gracedb.uploads import STDIN, opened, text_of
from skykey.gracedb.warned import warn
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.calls.flow import Flow
    from skykey.gracedb.alike import One
    from skykey.gracedb.response import Response
    from skykey.gracedb.settling import Begun
    from skykey.values.url import Url

_EVENT: Final = "event-log-template"
_SUPEREVENT: Final = "superevent-log-list-template"
_SEVERAL: Final = (list, tuple, set, frozenset)
# A server that went on after its answer was lost writes the entry a little later.
_LOOKS: Final = (0.0, 1.0, 3.0)


class LogFlows(ObjectFlows):
    """Log entries of events and superevents."""

    @method
    def logs(self, object_id: str, log_number: int | None = None) -> Flow[Response]:
        """Read the log (``GET …/log/``, ``GET …/logs/``) or one entry of it.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        log_number
            Of one entry, counted from 1. None and 0 stand for all of them.

        Returns
        -------
        Response
            One entry (``N``, ``comment``, ``created``, ``issuer``, ``filename``, ``file_version``, ``tag_names``, …),
            or all: under ``logs`` on current servers, under ``log`` on classic ones.

        Raises
        ------
        WrongType
            For a number that is none; also a ``TypeError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.logs("G1234", 12).json()["comment"]  # doctest: +SKIP
        """
        number = 0 if log_number is None else whole("log_number", log_number)
        if number:
            url = yield from self._object_url(
                object_id, "event-log-detail-template", "superevent-log-detail-template", N=number
            )
            return (yield from self._send("GET", url, doing=f"reading entry {number} of the log of {object_id}"))
        url = yield from self._object_url(object_id, _EVENT, _SUPEREVENT)
        return (yield from self._send("GET", url, doing=f"reading the log of {object_id}"))

    @method
    def write_log(  # noqa: PLR0917 - as documented
        self,
        object_id: str,
        message: str,
        filename: str | os.PathLike[str] | None = None,
        filecontents: Any = None,
        tag_name: Any = [],  # noqa: B006 - the documented default, which nobody changes
        displayName: Any = [],  # noqa: B006, N803 - as documented
        label: str | None = None,
        *,
        tagname: Any = None,
    ) -> Flow[Response]:
        """Write a log entry, with a file or without (``POST …/log/``, ``POST …/logs/``).

        It is sent again only if it surely was not written. Where the answer is lost, the log is read: if exactly one
        entry there is this one, it is the answer.

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        message
            What it says.
        filename
            A file to upload, read while it is sent; ``-`` is standard input, as bytes.
        filecontents
            What to send in place of that file: bytes, text, or an open file.
        tag_name
            Tags: one or several.
        displayName
            How new tags are shown, one for each.
        label
            A label that the event or superevent gets as well.
        tagname
            The old name of `tag_name`.

        Returns
        -------
        Response
            201 with the entry.

        Raises
        ------
        UsageError
            If the display names are not as many as the tags, a file cannot be read, or the server would refuse its
            name. Nothing was sent then.
        WrongType, UnknownName
            For a label that is no text, or that the server does not have; also a ``TypeError`` and a ``ValueError``.
        OutcomeUnknown
            If it is not known whether the entry was written; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.write_log("G1234", "A sky map", "skymap.fits.gz", tag_name="sky_loc")  # doctest: +SKIP
        """
        if tagname is not None:
            warn("tagname has been replaced by tag_name", DeprecationWarning)
        tags = texts("tag_name", tag_name, _SEVERAL) or texts("tagname", tagname, _SEVERAL)
        shown = texts("displayName", displayName, _SEVERAL)
        if shown and len(shown) != len(tags):
            raise UsageError("For a list of tags, either provide no display names or a display name for each tag")
        if label is not None:
            if not isinstance(label, str):
                raise WrongType(f"label arg is {type(label)}, should be  str")
            yield from self._check_label(label)
        if filecontents is not None and not filename:
            raise UsageError("filecontents needs a filename, which is what the server calls them")
        fields = {"comment": message, "tagname": tags, "displayName": shown, "label": label}
        url = yield from self._object_url(object_id, _EVENT, _SUPEREVENT)
        begun = self._begin()
        with contextlib.ExitStack() as stack:
            file, called = None, ""
            if filename:
                name = text_of(filename)
                called = "stdin" if name == STDIN and filecontents is None else os.path.basename(name)
                file = stack.enter_context(opened("upload", name, filecontents, called=called))
            one = stack.enter_context(self._one(url, str(message), called))
            response = yield from self._send(
                "POST",
                url,
                fields=fields,
                file=file,
                settle=lambda: self._written(one, url, fields, called, begun),
                doing=f"adding a log entry to {object_id}",
                check=f"skykey gracedb list logs {object_id}",
            )
            one.answer = told(response, "N")
            return response

    def _written(self, one: One, url: Url, fields: Mapping[str, Any], filename: str, begun: Begun) -> Flow[Response]:
        """The entry, if there is exactly one that is certainly this one."""
        user = yield from self._user()
        found: list[shapes.Entry] = []
        for wait in _LOOKS:
            yield from pause(wait)
            answer = yield from self._send("GET", url)
            since = self._since(answer, begun)
            found = [
                entry
                for entry in shapes.log_entries(answer.json())
                if str(entry.get("comment")).strip() == str(fields["comment"]).strip()
                and (entry.get("filename") or "") == filename
                and since is not None
                and (shapes.moment(entry.get("created")) or 0.0) >= since
                and is_by(user, entry.get("issuer"))
                and entry.get("N") not in one.taken
            ]
            if not one.is_alone:
                raise Unsettled("this client was writing another entry that looks the same")
            if len(found) == 1:
                _refuse_untagged(found[0], fields["tagname"])
                return stand_in(answer, CREATED, found[0])
        raise Unsettled(f"the log has {len(found)} entries that may be this one")


def _refuse_untagged(entry: shapes.Entry, tags: list[str]) -> None:
    """See that an entry has its tags, which a server writes behind it.

    Raises
    ------
    Unsettled
        If it has not.
    """
    there = entry.get("tag_names")
    wanted = [name.strip() for tag in tags for name in tag.split(",")]
    missing = [name for name in wanted if isinstance(there, list) and name and name not in there]
    if missing:
        raise Unsettled(f"the log has entry {entry.get('N')}, which may be this one, without {', '.join(missing)}")
