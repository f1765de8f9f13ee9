"""Events made, replaced and uploaded: each exactly once, or an error that says that this is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from skykey.calls.faces import method
from skykey.gracedb.exceptions import WrongType
from skykey.gracedb.reserving import ReservingFlows
from skykey.gracedb.uploads import STDIN, content_id, opened, text_of

if TYPE_CHECKING:
    import os

    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

_STDIN_NAME: Final = "initial.data"


class CreatingFlows(ReservingFlows):
    """Making events, and replacing their data."""

    @method
    def create_event(  # noqa: PLR0917 - as documented
        self,
        /,
        group: str,
        pipeline: str,
        filename: str | os.PathLike[str],
        search: str | None = None,
        labels: Any = None,
        offline: bool = False,
        filecontents: Any = None,
        kafka: Any = None,
        http_fallback: bool = False,
        gracedb_upload: bool = True,
        skip_supervisor: bool = False,
        replay_id: str | None = None,
        **kwargs: Any,
    ) -> Flow[Response | None]:
        """Make an event (``POST events/``).

        It is sent again only if it surely was not made. Where the answer is lost, the server is asked for an event with
        the same content, made since: that is the answer then (its ``settled`` is True).

        Parameters
        ----------
        group, pipeline, search
            Names that the server has: see `groups`, `pipelines`, `searches`.
        filename
            The data file, read while it is sent; ``-`` is standard input, as bytes.
        labels
            One or several.
        offline
            Whether it was found in archived data.
        filecontents
            What to send in place of that file: bytes, text, or an open file.
        kafka
            A producer (``produce(value, key, topic)``, ``flush(timeout, strict)``, ``flush_timeout``) to send it by. An
            id is reserved first. Its methods are called as they are: on an event loop they block it.
        http_fallback
            Whether to upload it as usual where the producer cannot.
        gracedb_upload, skip_supervisor
            What the message says to its receivers. Without `gracedb_upload` no id is reserved.
        replay_id
            Of a replay: letters, digits, ``_`` and ``-``.
        kwargs
            Further fields of the form.

        Returns
        -------
        Response
            201 with the event and ``warnings``. With a producer that of the reservation, or None if there was none.

        Raises
        ------
        UnknownName, WrongType
            For a name that the server does not have, or of a wrong type; also a ``ValueError`` and a ``TypeError``.
        UsageError
            If the file cannot be read (one that is not there: also a ``FileNotFoundError``), or the server would refuse
            its name. Nothing was sent then.
        OutcomeUnknown
            If it is not known whether the event was made; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.create_event("CBC", "gstlal", "coinc.xml", search="AllSky").json()["graceid"]  # doctest: +SKIP
        """
        yield from self._check_listed("groups", group, "bad group")
        yield from self._check_listed("pipelines", pipeline, "bad pipeline")
        if search is not None:
            yield from self._check_listed("searches", search, "bad search")
        if not isinstance(offline, bool):
            raise WrongType("offline parameter should be a bool", next="give True or False")
        if replay_id is not None and not isinstance(replay_id, str):
            raise WrongType("replay_id parameter should be a str", next="give a text")
        name = text_of(filename)
        called = _STDIN_NAME if name == STDIN and filecontents is None else name
        fields = {
            "group": group,
            "pipeline": pipeline,
            "search": search,
            "labels": (yield from self._check_labels(labels)),
            "offline": offline,
            "replay_id": replay_id or None,
            **kwargs,
        }
        with opened("eventFile", name, filecontents, called=called) as file:
            fields["content_id"] = content_id(file.content)
            if kafka is not None:
                said = {"gracedb_upload": gracedb_upload, "skip_supervisor": skip_supervisor}
                is_sent, answer = yield from self._produced(kafka, fields, file, said, http_fallback=http_fallback)
                if is_sent:
                    return answer
            return (yield from self._create(fields, file))

    @method
    def replace_event(self, graceid: str, filename: str | os.PathLike[str], filecontents: Any = None) -> Flow[Response]:
        """Put new data in place of an event's (``PUT events/{graceid}``). It is never sent twice.

        Parameters
        ----------
        graceid
            Of an event that the user has uploaded.
        filename, filecontents
            As in `create_event`; ``-`` is a file of that name.

        Returns
        -------
        Response
            202, without content.

        Raises
        ------
        UsageError
            As `create_event`.
        OutcomeUnknown
            If it is not known whether it was replaced; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.replace_event("G123456", "coinc.xml").status_code  # doctest: +SKIP
        202
        """
        name = text_of(filename)
        if name == STDIN and filecontents is None:
            name = "./-"
        with opened("eventFile", name, filecontents, called=text_of(filename)) as file:
            url = yield from self._url("event-detail-template", graceid=graceid)
            check = f"skykey gracedb list files {graceid}"
            return (yield from self._send("PUT", url, file=file, doing=f"replacing {graceid}", check=check))

    @method
    def upload_reserved_event(  # noqa: PLR0917 - as documented
        self,
        graceid: str,
        filename: str | os.PathLike[str],
        filecontents: Any = None,
        labels: Any = None,
        kafka_server: str | None = None,
        kafka_topic: str | None = None,
    ) -> Flow[Response]:
        """Upload an event whose id was reserved (POST to ``event-upload-template``). It is never sent twice.

        Parameters
        ----------
        graceid
            The reserved id.
        filename, filecontents, labels
            As in `create_event`.
        kafka_server, kafka_topic
            By which way it was to come.

        Returns
        -------
        Response
            201 with the event.

        Raises
        ------
        NotOffered
            If the server has no API v2, or this client does not speak it; also a ``NotImplementedError``.
        UsageError, UnknownName, WrongType
            As `create_event`.
        OutcomeUnknown
            If it is not known whether it was uploaded; it says how to check.
        HTTPError, TransportError, IgwnAuthError
            If the server refuses it, or cannot be asked.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.upload_reserved_event("G1234", "coinc.xml")  # doctest: +SKIP
        """
        named = yield from self._check_labels(labels)
        name = text_of(filename)
        called = _STDIN_NAME if name == STDIN and filecontents is None else name
        with opened("eventFile", name, filecontents, called=called) as file:
            return (
                yield from self._upload_reserved(
                    graceid, file, {"labels": named, "kafka_server": kafka_server, "kafka_topic": kafka_topic}
                )
            )

    @method
    def _reserve_graceid(
        self,
        group: str,
        pipeline: str,
        search: str | None = None,
        file_content_id: str | None = None,
        replay_id: str | None = None,
    ) -> Flow[Response]:
        """Reserve an id (POST to ``event-reserve-template``)."""
        fields = {
            "group": group,
            "pipeline": pipeline,
            "search": search,
            "content_id": file_content_id,
            "replay_id": replay_id,
        }
        return (yield from self._reserve(fields))
