"""The documented client of GraceDB, whole.

::

    client = GraceDb("https://gracedb-playground.ligo.org/api/")
    client.write_log("G1234", "Looks good", tag_name="analyst_comments")
    for superevent in client.superevents("far < 1e-9"): ...

    client = AsyncGraceDb()
    await client.write_log("G1234", "Looks good")
    async for superevent in client.superevents("far < 1e-9"): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.gracedb.aliases import Aliases
from skykey.gracedb.annotations.emobservations import EMObservationFlows
from skykey.gracedb.annotations.files import FileFlows
from skykey.gracedb.annotations.labels import LabelFlows
from skykey.gracedb.annotations.logs import LogFlows
from skykey.gracedb.annotations.notices import NoticeFlows
from skykey.gracedb.annotations.permissions import PermissionFlows
from skykey.gracedb.annotations.signoffs import SignoffFlows
from skykey.gracedb.annotations.tags import TagFlows
from skykey.gracedb.annotations.voevents import VoeventFlows
from skykey.gracedb.bulk import BulkFlows
from skykey.gracedb.catalogs import CatalogFlows
from skykey.gracedb.checks import NotOffered
from skykey.gracedb.client import (
    DEFAULT_ALLOWED_METHODS,
    DEFAULT_RETRY_CODES,
    DEFAULT_SERVICE_URL,
    AsyncGraceDBClient,
    GraceDBClient,
    GraceDBClientFlows,
)
from skykey.gracedb.creating import CreatingFlows
from skykey.gracedb.events import EventFlows
from skykey.gracedb.exceptions import HTTPError
from skykey.gracedb.superevents import SupereventFlows
from skykey.values.errors import MissingExtra

if TYPE_CHECKING:
    from typing import NoReturn

    from skykey.calls.flow import Flow
    from skykey.gracedb.response import Response

__all__ = [
    "DEFAULT_ALLOWED_METHODS",
    "DEFAULT_RETRY_CODES",
    "DEFAULT_SERVICE_URL",
    "AsyncGraceDb",
    "GraceDBClient",
    "GraceDb",
    "HTTPError",
]


class GraceDbFlows(
    BulkFlows,
    EventFlows,
    CreatingFlows,
    SupereventFlows,
    CatalogFlows,
    LogFlows,
    FileFlows,
    LabelFlows,
    TagFlows,
    SignoffFlows,
    PermissionFlows,
    VoeventFlows,
    EMObservationFlows,
    NoticeFlows,
    Aliases,
    GraceDBClientFlows,
):
    """Everything that can be asked of a GraceDB server. See `GraceDBClientFlows` for the parameters."""

    @method
    def ping(self) -> Flow[Response]:
        """Ask for the API root (``GET`` of its own link): whether the server is there.

        Returns
        -------
        Response
            The API root.

        Raises
        ------
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.ping().status_code  # doctest: +SKIP
        200
        """
        url = yield from self._link("self")
        return (yield from self._send("GET", url or self._options.versioned_url, doing="pinging the server"))

    @method
    def get_user_info(self) -> Flow[Response]:
        """Ask whom the server takes the user for (``GET user-info/``).

        Returns
        -------
        Response
            ``username``, ``first_name``, ``last_name``, ``email``, ``is_internal_user``, ``upload_to_pipeline``; of
            nobody ``username`` alone: ``AnonymousUser``.

        Raises
        ------
        NotOffered
            If the server does not say; also a ``RuntimeError``.
        HTTPError, TransportError, IgwnAuthError
            If there is no good answer.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.get_user_info().json()["username"]  # doctest: +SKIP
        """
        url = yield from self._link("user-info")
        if url is None:
            raise NotOffered("this server does not say who is asking: its API root has no link user-info")
        return (yield from self._send("GET", url, doing="asking whom the server takes this user for"))

    def show_credentials(self, print_output: bool = True) -> dict[str, Any]:
        """Say which credentials there are now. Makes no request.

        Parameters
        ----------
        print_output
            Whether to print it as well.

        Returns
        -------
        dict
            ``scitoken`` and ``x509``, each if there is one, with what it says of itself.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> GraceDb(force_noauth=True).show_credentials(print_output=False)
        {'auth_type(s)': 'No auth type found'}
        """
        shown = self._credentials.shown()
        if print_output:
            import pprint

            pprint.pprint(shown)  # noqa: T203 - what it is for
        return shown

    @classmethod
    def load_json_from_response(cls, response: Any) -> Any:
        """Read the object in an answer, also in one that holds JSON in a text.

        Parameters
        ----------
        response
            An answer.

        Returns
        -------
        dict or ValueError
            The object. The error, where there is none, is returned and not raised, as documented.

        Raises
        ------
        ValueError
            If there is no answer, or it is a refusal.

        Examples
        --------
        >>> from skykey.gracedb.rest import GraceDb
        >>> client = GraceDb()
        >>> client.load_json_from_response(client.write_label("G1234", "INJ"))  # doctest: +SKIP
        """
        if not response:
            raise ValueError("No response object provided")
        found = response.json()
        if isinstance(found, str):
            import json

            try:
                found = json.loads(found)
            except ValueError:
                found = None
        return found if isinstance(found, dict) else ValueError("The response holds no object of JSON")

    def create_kafka_producer(self, bootstrap_servers: Any, topic: str = "test", **kafka_config: Any) -> NoReturn:
        """Refuse: Skykey brings no Kafka client along.

        Raises
        ------
        MissingExtra
            Always; an ``ImportError``. Any producer of the user's own works: ``create_event(…, kafka=producer)``.
        """
        del bootstrap_servers, topic, kafka_config
        raise MissingExtra(
            "Skykey has no Kafka producer",
            next="give one of your own (ligo-gracedb[kafka] has one) to create_event(…, kafka=producer), or upload by "
            "HTTP: create_event without kafka",
        )


class GraceDb(GraceDbFlows, GraceDBClient):
    """A GraceDB server, for blocking programs. See `GraceDBClientFlows` for the parameters."""


class AsyncGraceDb(GraceDbFlows, AsyncGraceDBClient):
    """A GraceDB server, for programs on an event loop. See `GraceDBClientFlows` for the parameters.

    Methods give coroutines, searches asynchronous generators, and properties of the server are awaited.
    """
