"""What the fields of a telemetry topic mean: a reader for the Confluent schema registry beside each database.

::

    info = SyncDiscoveryClient().influxdb_connection_info("usdf_efd")
    registry = SyncSchemaRegistry(info)
    for field in registry.fields("lsst.sal.ESS.temperature"):
        print(field.name, field.units, field.description)

Sites publish the registry's address as it is inside their clusters, where laptops cannot reach it. Where it is
published elsewhere too, name that address: the argument `url`, or the variable ``SKYKEY_SCHEMA_REGISTRY``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar

from skykey.calls.call import Call, Repeat
from skykey.calls.faces import Async, Sync, method
from skykey.calls.flow import Flow, ask
from skykey.calls.json_reader import JsonReader
from skykey.calls.memo import Memo
from skykey.repertoire.avro import Field, read_fields
from skykey.repertoire.documents import MOST_SECONDS
from skykey.repertoire.nearness import too_near
from skykey.repertoire.token_argument import closed, keeper_of
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import NotFound, OutOfReach, SkykeyError, TransportError, UnknownName, Unreadable, UsageError
from skykey.values.reach import Reach
from skykey.values.similar import similar
from skykey.values.url import Url, segment
from skykey.wire.request import Request, Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from skykey.credentials.credential import Bearer
    from skykey.credentials.keeper import Keeper
    from skykey.repertoire.models import InfluxDatabase
    from skykey.repertoire.token_argument import TokenArgument
    from skykey.wire.guest import ClientObject

T = TypeVar("T")

VARIABLE: Final = "SKYKEY_SCHEMA_REGISTRY"
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_SUFFIX: Final = "-value"
_MOST_BYTES: Final = 8 * 2**20
_LATEST_SECONDS: Final = 300.0
# Where names of a Kubernetes cluster end (<service>.<namespace>.svc.cluster.local, or a part of that).
_CLUSTER: Final = (".svc", ".cluster.local")
_REMEDY: Final = f"if the registry is published elsewhere, name it: {VARIABLE}=https://…/schema-registry"


class SchemaRegistryFlows:
    """Reads schemas; versions never change, so that each is asked for once.

    Parameters
    ----------
    database
        Whose topics are meant, as `SyncDiscoveryClient.influxdb_connection_info` gives it.
    url
        The registry's root. It comes before the variable ``SKYKEY_SCHEMA_REGISTRY``, and that before what the database
        names.
    token
        For a registry that wants one; text, path or function as for `DiscoveryClient`. It goes only to an address that
        you named: by `url` or the variable.

    Raises
    ------
    UsageError
        If nothing names a registry.
    OutOfReach
        If the document names an address that it must not, or the token would go where nobody named.
    RepertoireBadToken
        If the token is nothing that could be one. If its text clearly is none, the first question says so.
    """

    def __init__(
        self,
        database: InfluxDatabase | None = None,
        *,
        url: str | None = None,
        token: TokenArgument | None = None,
    ) -> None:
        given = None if token is None else closed(token)
        del token  # tracebacks show local variables
        named = (url or os.environ.get(VARIABLE, "")).strip()
        self._named = bool(named)
        if named:
            self.url = Url(named)
        elif database is not None:
            self.url = database.schema_registry
            if why := too_near(self.url, database.url):
                raise OutOfReach(f"the discovery document {why}", next=_REMEDY)
        else:
            raise UsageError("nothing names a schema registry", next=f"pass a database or url, or set {VARIABLE}")
        # A name inside another site's cluster means something else here, or nothing.
        self._elsewhere = not named and database is not None and not database.local and _in_a_cluster(self.url)
        self._auth: tuple[Keeper[Bearer], ...] = ()
        if given is not None:
            reach = Reach.named(self.url, said_by="the argument url" if url else f"the variable {VARIABLE}")
            if not named:
                raise OutOfReach(f"a token does not go to {self.url.origin}, which a document named", next=_REMEDY)
            self._auth = (keeper_of(given, reach, f"{self.url.origin}/auth/tokens"),)
        self._latest: dict[str, Memo[tuple[Field, ...]]] = {}
        self._fixed: dict[tuple[str, int], Memo[tuple[Field, ...]]] = {}
        self._subjects: Memo[tuple[str, ...]] = Memo(_LATEST_SECONDS)

    @method
    def topics(self) -> Flow[list[str]]:
        """List the topics that have a schema, sorted.

        Raises
        ------
        Unreachable
            If the registry is not there; says what to do where its name is one inside a cluster.
        ServiceError, TransportError
            As they come.
        """
        subjects = yield from self._subjects.flow(lambda: self._ask("subjects", _read_names), SYSTEM_CLOCK)
        return sorted(name.removesuffix(_SUFFIX) for name in subjects if name.endswith(_SUFFIX))

    @method
    def versions(self, topic: str) -> Flow[list[int]]:
        """List the versions of a topic's schema.

        Raises
        ------
        UnknownName
            If the registry has no such topic.
        ServiceError, TransportError
            As `topics`.
        """
        path = f"subjects/{segment(topic + _SUFFIX)}/versions"
        return (yield from self._of_topic(topic, self._ask(path, _read_versions)))

    @method
    def fields(self, topic: str, version: int | None = None) -> Flow[tuple[Field, ...]]:
        """Describe the fields of a topic.

        Parameters
        ----------
        topic
            Such as ``lsst.sal.ESS.temperature``.
        version
            Of the schema; the latest by default.

        Returns
        -------
        tuple of Field
            In the schema's order: ``name``, ``type``, ``units``, ``description``, ``is_array``. In InfluxDB an array is
            flattened to ``name0``, ``name1``, ….

        Raises
        ------
        UnknownName
            If the registry has no such topic, or not in that version.
        ServiceError, TransportError
            As `topics`; `Unreadable` for a schema that is not Avro.

        Examples
        --------
        >>> registry = SyncSchemaRegistry(url="https://rsp.example.org/schema-registry")
        >>> [field.units for field in registry.fields("lsst.sal.ESS.temperature")]  # doctest: +SKIP
        """
        if version is None:
            memo, number = self._latest.setdefault(topic, Memo(_LATEST_SECONDS)), "latest"
        else:
            memo, number = self._fixed.setdefault((topic, version), Memo(float("inf"))), str(version)
        path = f"subjects/{segment(topic + _SUFFIX)}/versions/{number}"
        return (yield from memo.flow(lambda: self._of_topic(topic, self._ask(path, read_fields)), SYSTEM_CLOCK))

    def _of_topic(self, topic: str, flow: Flow[T]) -> Flow[T]:
        """Say which topic is meant, and what comes near."""
        try:
            return (yield from flow)
        except NotFound as problem:
            missing = problem
        try:
            known = yield from self.topics()
        except NotFound:
            raise missing from None  # this is no registry at all
        except SkykeyError:
            known = []
        if topic in known:
            raise UnknownName(f"the schema of {topic} has no such version", words=missing.words) from missing
        raise UnknownName(f"{self.url} has no schema of a topic {topic!r}", next=similar(topic, known)) from missing

    def _ask(self, path: str, make: Callable[[Any], T]) -> Flow[T]:
        if self._elsewhere:
            raise OutOfReach(
                f"{self.url.origin} is a name inside the cluster of another site, and would be asked for here",
                next=_REMEDY,
            )
        request = Request(
            "GET",
            self.url / path,
            (("Accept", f"{_MEDIA_TYPE}, application/json"), ("Accept-Encoding", "gzip")),
            cap=_MOST_BYTES,
            timeouts=Timeouts(connect=5.0, silence=5.0),
        )
        call = Call(request, lambda: JsonReader(make), self._auth, Repeat.SAFE, total=MOST_SECONDS, remedy=_REMEDY)
        try:
            return (yield from ask(call))
        except TransportError as problem:
            if self._named or not _in_a_cluster(self.url):
                raise
            _explain(problem, self.url)


def _explain(problem: TransportError, url: Url) -> NoReturn:
    raise type(problem)(
        f"{url.origin} is a name inside the site's cluster, which only programs there reach: {problem.message}",
        next=_REMEDY,
    ) from problem


def _in_a_cluster(url: Url) -> bool:
    """Whether a host looks like ``<service>.<namespace>``: plain http, and no domain that the world knows."""
    host = url.host
    short = url.scheme == "http" and host.count(".") <= 1 and not url.origin.is_loopback
    return host.endswith(_CLUSTER) or short


def _read_names(document: Any) -> tuple[str, ...]:
    if not isinstance(document, list) or not all(isinstance(name, str) for name in document):
        raise Unreadable("the schema registry's list of subjects is not a list of names")
    return tuple(document)


def _read_versions(document: Any) -> list[int]:
    if not isinstance(document, list) or not all(type(number) is int for number in document):
        raise Unreadable("the schema registry's list of versions is not a list of numbers")
    return list(document)


class SyncSchemaRegistry(SchemaRegistryFlows, Sync):
    """A schema registry for blocking programs.

    Parameters
    ----------
    database, url, token
        See `SchemaRegistryFlows`.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to do: connections belong to the process."""


class SchemaRegistry(SchemaRegistryFlows, Async):
    """A schema registry for asynchronous programs.

    Parameters
    ----------
    http_client
        As for `DiscoveryClient`.
    database, url, token
        See `SchemaRegistryFlows`.
    """

    def __init__(
        self,
        database: InfluxDatabase | None = None,
        http_client: ClientObject | None = None,
        *,
        url: str | None = None,
        token: TokenArgument | None = None,
    ) -> None:
        given = None if token is None else closed(token)
        del token  # tracebacks show local variables
        super().__init__(database, url=url, token=given)
        if http_client is not None:
            from skykey.wire.guest import GuestClient

            self._carrier = GuestClient(http_client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to do: connections belong to the process or to the given client."""
