"""What every method of the client stands on: URLs from the API root, and requests to them.

::

    class LogFlows(Asking):
        @method
        def logs(self, graceid: str) -> Flow[Response]:
            url = yield from self._url("event-log-template", graceid=graceid)
            return (yield from self._send("GET", url, doing=f"listing the log entries of {graceid}"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.gracedb.errands import ErrandFlows
from skykey.gracedb.exceptions import HTTPError
from skykey.gracedb.promised import see_promised
from skykey.gracedb.root import Filled, MissingTemplate, Root
from skykey.gracedb.root_memory import Ground, RootMemory, remembered
from skykey.gracedb.sending import body_of, with_query
from skykey.values.errors import OutOfReach, SkykeyError, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.calls.call import Repeat
    from skykey.calls.flow import Flow
    from skykey.gracedb.errands import Settle
    from skykey.gracedb.response import Response
    from skykey.gracedb.sending import Fields, FilePart, Params
    from skykey.values.url import Url

T = TypeVar("T")

# What a server says of a URL that was another server's, or its own before an upgrade. Nothing was done then.
_UNKNOWN_URL: Final = frozenset({404, 405, 410})
# Seconds for which a root of one's own is not doubted.
_RECENT: Final = 60.0


class Asking(ErrandFlows):
    """Base of all classes of flows: finds out where to ask, and asks."""

    _memory: RootMemory | None = None
    _service_info: dict[str, Any] | None = None
    _has_asked_root: bool = False

    def _root(self, *, instead: Root | None = None) -> Flow[Root]:
        """The API root, remembered.

        Parameters
        ----------
        instead
            A root that did not know something: it is asked for anew, unless it just was.

        Raises
        ------
        BadVersion
            If the server does not have the version of the API that was asked for.
        """
        if self._service_info is not None:  # somebody has set it
            return Root(self._service_info, self._options.versioned_url, is_new=True)
        ground = Ground(self._options, self._clock, self._asked, self._credentials.keepers)
        root = yield from remembered(ground, self._memory, instead)
        self._has_asked_root = self._has_asked_root or root.is_new
        return root

    def _find(self, find: Callable[[Root], T | None]) -> Flow[T | None]:
        """Look for something in the API root.

        What is not there, or leads elsewhere, is looked for once more in a root that is asked for anew.

        Parameters
        ----------
        find
            Gives None for what is not there: a label that was made just now, a template of a newer server.
        """
        root = yield from self._root()
        found = None
        try:
            found = find(root)
        except (Unreadable, OutOfReach):
            if root.is_new:
                raise
        if found is None:
            found = find((yield from self._root(instead=root)))
        return found

    def _url(self, template: str, /, **values: object) -> Flow[Url]:
        """Fill in a template of the API root.

        Parameters
        ----------
        template
            Its key, such as ``event-log-template``.
        values
            What its placeholders stand for; each is quoted.

        Raises
        ------
        MissingTemplate
            If the server has no such template: it cannot do that.
        UsageError
            If a value would lead elsewhere: an empty one, ``.``, ``..``.
        """
        url = yield from self._find(lambda root: root.filled(template, values))
        if url is None:
            raise MissingTemplate(template)
        return url

    def _elsewhere(self, url: Filled) -> Flow[Url | None]:
        """Where a URL that the server does not know has gone, by a root that is asked for anew; None if nowhere.

        Raises
        ------
        MissingTemplate
            If the server does not offer that any more.
        """
        try:
            root = yield from self._root()
            if self._has_asked_root and self._clock.wall() - root.asked < _RECENT:
                return None
            root = yield from self._root(instead=root)
        except SkykeyError:
            return None  # what the server has said before is what counts
        found = root.filled(url.key, url.values)
        if found is None:
            raise MissingTemplate(url.key)
        return None if found == url else found

    def _link(self, name: str) -> Flow[Url | None]:
        """A link of the API root; None if it has none of that name."""
        return (yield from self._find(lambda root: root.link(name)))

    def _send(
        self,
        method: str,
        url: Url | str,
        *,
        params: Params = None,
        fields: Fields | None = None,
        file: FilePart | None = None,
        json: Any = None,
        repeat: Repeat | None = None,
        settle: Settle | None = None,
        doing: str = "",
        check: str = "",
    ) -> Flow[Response]:
        """Send a request to the server, and give its answer.

        Parameters
        ----------
        method
            ``GET``, ``POST``, …
        url
            Where to.
        params
            For the query; None and empty lists vanish, lists repeat their name.
        fields
            Of a form, in the same way; with a file they become parts of their own.
        file
            A file in the form.
        json
            What to send as JSON in place of a form.
        repeat
            What may be sent twice. None goes by the method: what reads is `Repeat.SAFE`, all else `Repeat.UNDONE`.
        settle
            After an ambiguous end of what may not be sent twice: a flow that looks whether it was done. It gives the
            answer that stands for it, or None if it surely was not, and then the request is sent again, as often as
            the options allow. Without it, and if it raises, the end stays ambiguous; so it does if it finds nothing
            although the server had begun to say that it was done.
        doing
            What this is, for errors: "adding a log entry to G1234".
        check
            What to type to see whether it was done; by default a GET of the same URL.

        Raises
        ------
        HTTPError
            For 400 and above, of the class that fits the status.
        OutcomeUnknown
            If it may or may not have been done. It is an `HTTPError` or a `TransportError` too.
        Unreadable
            If the answer is a page, or another one that is certainly not GraceDB's.
        TransportError
            If there is no answer; then nothing was done, or it only read.
        IgwnAuthError
            If there is no credential, and there has to be one.
        """
        body, kind = body_of(fields, () if file is None else (file,), json)

        def sent(to: Url | str) -> Flow[Response]:
            target = with_query(to, params)
            more: dict[str, Any] = {"repeat": repeat, "settle": settle, "doing": doing, "check": check}
            answer = yield from self._asked(method, target, body=body, kind=kind, **more)
            see_promised(answer, method)
            return answer

        try:
            return (yield from sent(url))
        except HTTPError as problem:
            if problem.status_code not in _UNKNOWN_URL or not isinstance(url, Filled):
                raise
            refused = problem
        elsewhere = yield from self._elsewhere(url)
        if elsewhere is None:
            raise refused
        return (yield from sent(elsewhere))
