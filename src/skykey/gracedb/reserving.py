"""Events whose id comes first, and whose data comes another way: reservation, Kafka, upload afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from skykey.gracedb.checks import NotOffered
from skykey.gracedb.exceptions import MissingTemplate
from skykey.gracedb.making import MakingFlows
from skykey.gracedb.warned import warn
from skykey.values.errors import Forbidden, NotAuthenticated, SkykeyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response
    from skykey.gracedb.sending import FilePart
    from skykey.values.url import Url

_V2: Final = "v2"
_FALLEN_BACK: Final = "kafka delivery failed, reverted to http"
_TESTS: Final = "Test"
_RESERVED: Final = "group", "pipeline", "search", "content_id", "replay_id"


class ReservingFlows(MakingFlows):
    """Reservations, and what follows them."""

    def _reserve(self, fields: Mapping[str, Any]) -> Flow[Response]:
        url = yield from self._v2_url("event-reserve-template", "graceid reservation")
        return (yield from self._send("POST", url, fields=fields, doing="reserving a graceid"))

    def _upload_reserved(self, graceid: str, file: FilePart, fields: Mapping[str, Any]) -> Flow[Response]:
        url = yield from self._v2_url("event-upload-template", "uploading reserved events", graceid=graceid)
        doing, check = f"uploading the reserved event {graceid}", f"skykey gracedb get event {graceid}"
        fields = {"graceid": graceid, **fields}
        return (yield from self._send("POST", url, fields=fields, file=file, doing=doing, check=check))

    def _v2_url(self, template: str, what: str, **values: object) -> Flow[Url]:
        """A URL that only the API v2 has.

        Raises
        ------
        NotOffered
            If the server has none, or this client speaks another one.
        """
        version = self._options.api_version
        if version is None:  # the server's own choice, which may be another one than it was
            version = yield from self._find(lambda root: _V2 if root.get("api-default") == _V2 else None)
        if version != _V2:
            raise NotOffered(f"{what} is only implemented in API v2", next="make the client with api_version='v2'")
        try:
            return (yield from self._url(template, **values))
        except MissingTemplate as problem:
            raise NotOffered(f"{what} is not yet implemented on this server", next=problem.next) from None

    def _produced(
        self,
        producer: Any,
        fields: Mapping[str, Any],
        file: FilePart,
        said: Mapping[str, bool],
        *,
        http_fallback: bool,
    ) -> Flow[tuple[bool, Response | None]]:
        """Send an event by a producer: whether it is on its way, and the answer to the reservation.

        Parameters
        ----------
        producer, http_fallback
            As in `create_event`.
        fields
            Of the form.
        file
            Its data.
        said
            ``gracedb_upload`` and ``skip_supervisor``.
        """
        reservation: Response | None = None
        reserved: Mapping[str, Any] = {}
        if said["gracedb_upload"]:
            try:
                reservation = yield from self._reserve({name: fields.get(name) for name in _RESERVED})
                reserved = reservation.json()
            except (NotAuthenticated, Forbidden):
                raise
            except SkykeyError:
                if not http_fallback:
                    raise
                warn("Kafka submission failed during graceid reservation; falling back to HTTP POST.", RuntimeWarning)
                return False, None
        graceid = reserved.get("graceid")
        message = {
            "type": "upload",
            "gracedb_server": str(self._options.service_url),
            "graceid": graceid,
            "submitter": reserved.get("submitter"),
            "pipeline": fields["pipeline"],
            **said,
            "labels": fields["labels"] or None,
            "eventFile": [file.filename, _base64(file.content)],
            "_producer_timestamp": time.time(),
        }
        topic = "test" if fields["group"] == _TESTS else str(fields["pipeline"]).lower()
        try:
            producer.produce(value=message, key=graceid, topic=topic)
            producer.flush(timeout=producer.flush_timeout, strict=True)
        except Exception as problem:  # a producer's errors are its own
            if not http_fallback or graceid is None:
                raise
            warn(
                f"Kafka delivery failed after graceid reservation ({type(problem).__name__}: {problem}); "
                "falling back to upload_reserved_event via HTTP.",
                RuntimeWarning,
            )
            more = {"labels": fields["labels"], "kafka_server": _FALLEN_BACK}
            return True, (yield from self._upload_reserved(graceid, file, more))
        return True, reservation


def _base64(content: Any) -> str:
    """A message holds its file whole."""
    import base64

    return base64.b64encode(content if isinstance(content, bytes) else content.read_bytes()).decode()
