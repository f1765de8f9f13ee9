"""Files: which there are, and one of them while it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.download import download
from skykey.calls.faces import method
from skykey.gracedb.annotations.objects import ObjectFlows
from skykey.gracedb.sending import with_query
from skykey.values.errors import UsageError

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response
    from skykey.values.url import Url


class FileFlows(ObjectFlows):
    """Files of events and superevents."""

    # A plain function: what it calls has the face, and the two give different things.
    def files(self, object_id: str, filename: str = "") -> Any:
        """List the files (``GET …/files/``) or get one (``GET …/files/{filename}``).

        Parameters
        ----------
        object_id
            Of an event or a superevent.
        filename
            Of one file; ``name,0`` is its first version, ``name`` the latest. It is quoted: any name can be had.

        Returns
        -------
        Response or Download
            The list: a table of names and URLs on classic servers, and on some current ones entries with a ``filename``
            under ``files``. Or the file, which can be read (``read``, ``stream``, iteration) or saved (``save``).
            Asynchronous clients give a coroutine of it.

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer; a file that is not there is a ``NotFound`` too.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.files("G1234", "skymap.fits.gz").save("skymap.fits.gz")  # doctest: +SKIP
        """
        return self._file(object_id, filename) if filename else self._file_list(object_id)

    def get_file(self, url: str, **kwargs: Any) -> Any:
        """Get a file by its URL, such as the ``file`` of a log entry.

        Parameters
        ----------
        url
            Absolute. Credentials go along to the server of this client, and to no other.
        kwargs
            ``params`` as in `get`; ``stream`` changes nothing.

        Returns
        -------
        Download
            Asynchronous clients give a coroutine of it.

        Raises
        ------
        UsageError
            If it is not a URL, or something is given that cannot be honoured.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.get_file(client.logs("G1234", 2).json()["file"]).read()  # doctest: +SKIP
        """
        params = kwargs.pop("params", None)
        kwargs.pop("stream", None)
        if kwargs:
            raise UsageError(f"a download cannot honour {', '.join(kwargs)}", next="the constructor takes a timeout")
        return self._file_at(with_query(url, params))

    @method
    def _file_list(self, object_id: str) -> Flow[Response]:
        url = yield from self._object_url(object_id, "files-template", "superevent-file-list-template", filename="")
        return (yield from self._send("GET", url, doing=f"listing the files of {object_id}"))

    @download
    def _file(self, object_id: str, filename: str) -> Flow[None]:
        if not isinstance(filename, str):
            raise UsageError(f"{filename!r} is not the name of a file")
        url = yield from self._object_url(
            object_id, "files-template", "superevent-file-detail-template", filename=filename, file_name=filename
        )
        return (yield from self._open(url, doing=f"getting {filename} of {object_id}", is_page=_is_page(filename)))

    @download
    def _file_at(self, url: Url) -> Flow[None]:
        # Beside files there are pages at a server, too.
        return (yield from self._open(url, is_page="/files/" not in url.path or _is_page(url.path)))


def _is_page(name: str) -> bool:
    """Whether a file may be a web page, by its name; else a page in its place is somebody's login."""
    return name.partition(",")[0].lower().endswith((".html", ".htm", ".xhtml"))
