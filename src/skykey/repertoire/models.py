"""The discovery document and the logins, as frozen values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from skykey.repertoire.model import MASK, READ_ONLY, Model, nothing, plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from skykey.repertoire.exceptions import RepertoireError
    from skykey.values.secret import Secret
    from skykey.values.url import Url


class Password:
    """A password that masks itself and opens with ``get_secret_value``, as pydantic's ``SecretStr`` does."""

    __slots__ = ("_secret",)

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def get_secret_value(self) -> str:
        """The password in clear."""
        return self._secret.reveal()

    def __len__(self) -> int:
        return len(self._secret.reveal())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self._secret == other._secret

    def __hash__(self) -> int:
        return hash(("skykey.Password", self._secret))

    def __repr__(self) -> str:
        return f"Password('{MASK}')"

    def __str__(self) -> str:
        return MASK


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InfluxDatabase(Model):
    """Where an InfluxDB database is. Public.

    Parameters
    ----------
    url
        The server's root: a ``str`` that also has ``scheme``, ``host``, ``port`` and ``path``.
    database
        The name for queries; it may differ from the label.
    description
        In words, if the environment gives any.
    schema_registry
        The Confluent schema registry that describes its topics; the same kind of ``str``. Sites name one that only
        programs inside their cluster reach: see `skykey.repertoire.schema_registry`.
    local
        Whether it is hosted in the environment that was asked.
    """

    _urls: ClassVar[tuple[str, ...]] = ("url", "schema_registry")

    url: Url
    database: str
    description: str | None = None
    schema_registry: Url
    local: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InfluxDatabaseWithPointer(InfluxDatabase):
    """A database as the discovery document lists it.

    Parameters
    ----------
    credentials_url
        Where a token buys its login.
    """

    _urls: ClassVar[tuple[str, ...]] = ("url", "schema_registry", "credentials_url")

    credentials_url: Url

    def public(self) -> InfluxDatabase:
        """The same without the pointer, as the documented method returns it."""
        return InfluxDatabase(
            url=self.url,
            database=self.database,
            description=self.description,
            schema_registry=self.schema_registry,
            local=self.local,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InfluxDatabaseWithCredentials(InfluxDatabase):
    """A database with its login.

    Parameters
    ----------
    username
        A shared read-only account; None if the server wants no login.
    password
        Masked in ``str``, ``repr``, dictionaries and JSON; ``get_secret_value()`` opens it.
    """

    username: str | None
    password: Password | None

    @classmethod
    def model_validate(cls, document: Mapping[str, Any]) -> InfluxDatabaseWithCredentials:
        """Read one from what the service sends.

        Raises
        ------
        RepertoireValidationError
            If it does not fit; values are not shown.
        """
        from skykey.repertoire.reading import read_credentials

        return read_credentials(document)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersion(Model):
    """One version of an API.

    Parameters
    ----------
    url
        Its root.
    ivoa_standard_id
        Which standard of the virtual observatory it speaks; read where old servers say it, never written.
    """

    _urls: ClassVar[tuple[str, ...]] = ("url",)

    url: Url
    ivoa_standard_id: str | None = dataclasses.field(default=None, metadata=READ_ONLY)

    def to_nublado_dict(self) -> dict[str, Any]:
        """The reduced form for notebooks."""
        return {"url": plain(self.url)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLabel(Model):
    """What a quota is called.

    Parameters
    ----------
    title
        In words.
    internal
        Whether users need not know of it.
    """

    title: str
    internal: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaseService(Model):
    """What all services have.

    Parameters
    ----------
    url
        The root.
    title, docs_url
        For people.
    required_scopes
        All of them are needed.
    """

    _urls: ClassVar[tuple[str, ...]] = ("url", "docs_url")

    url: Url
    title: str | None = None
    docs_url: Url | None = None
    required_scopes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ApiService(BaseService):
    """A service for programs.

    Parameters
    ----------
    openapi
        Where its description is.
    quota_labels
        By name.
    versions
        By name; none if it has only one.
    """

    _urls: ClassVar[tuple[str, ...]] = ("url", "docs_url", "openapi")

    openapi: Url | None = None
    quota_labels: Mapping[str, QuotaLabel] = dataclasses.field(default_factory=nothing)
    versions: Mapping[str, ApiVersion] = dataclasses.field(default_factory=nothing)

    def to_nublado_dict(self) -> dict[str, Any]:
        """The reduced form for notebooks."""
        reduced: dict[str, Any] = {"url": plain(self.url)}
        if self.versions:
            reduced["versions"] = {name: version.to_nublado_dict() for name, version in self.versions.items()}
        return reduced


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DataService(ApiService):
    """A service for the data of one dataset.

    Parameters
    ----------
    ivoa_registry
        Always None: only servers know their entry in the virtual observatory's registry, and none sends it.
    """

    ivoa_registry: None = dataclasses.field(default=None, repr=False, metadata=READ_ONLY)

    def version_for_id(self, ivoa_standard_id: str) -> ApiVersion | None:
        """Find the version that speaks a standard; None where no version says so."""
        return next((v for v in self.versions.values() if v.ivoa_standard_id == str(ivoa_standard_id)), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InternalService(ApiService):
    """A service for other services."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UiService(BaseService):
    """A service for browsers."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Services(Model):
    """Services that belong to no dataset.

    Parameters
    ----------
    internal, ui
        By name.
    """

    internal: Mapping[str, InternalService] = dataclasses.field(default_factory=nothing)
    ui: Mapping[str, UiService] = dataclasses.field(default_factory=nothing)

    def to_nublado_dict(self) -> dict[str, Any]:
        """The reduced form for notebooks: the internal ones."""
        internal = {name: service.to_nublado_dict() for name, service in self.internal.items()}
        return {"internal": internal} if internal else {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Model):
    """One dataset.

    Parameters
    ----------
    butler_config
        Where its Butler's configuration is; None if it has no Butler.
    description, docs_url
        For people.
    obscore_config
        Where the configuration of its ObsCore export is; a URL or a path.
    services
        Its data services by name.
    """

    _urls: ClassVar[tuple[str, ...]] = ("butler_config", "docs_url")

    butler_config: Url | None = None
    description: str | None = None
    docs_url: Url | None = None
    obscore_config: str | None = None
    services: Mapping[str, DataService] = dataclasses.field(default_factory=nothing)

    def to_nublado_dict(self) -> dict[str, Any]:
        """The reduced form for notebooks."""
        reduced: dict[str, Any] = {}
        if self.butler_config is not None:
            reduced["butler_config"] = plain(self.butler_config)
        if self.services:
            reduced["services"] = {name: service.to_nublado_dict() for name, service in self.services.items()}
        return reduced


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Model):
    """The environment itself.

    Parameters
    ----------
    name
        Its host name.
    label
        As its operators call it.
    title, title_long, description, docs_url
        For people.
    """

    _urls: ClassVar[tuple[str, ...]] = ("docs_url",)

    name: str
    label: str
    title: str
    title_long: str
    description: str | None = None
    docs_url: Url


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Discovery(Model):
    """What Repertoire says about an environment.

    Parameters
    ----------
    applications
        Names of what is deployed.
    datasets
        By label.
    environment
        None from servers before 3.0.
    environment_name
        The environment's own name for itself; upstream prefers `environment` today.
    influxdb_databases
        Telemetry databases by label.
    services
        Those that belong to no dataset.
    document
        The whole document as it came, for what is not read here.
    problems
        What could not be read and was left out: path to error.
    """

    applications: tuple[str, ...] = ()
    datasets: Mapping[str, Dataset] = dataclasses.field(default_factory=nothing)
    environment: Environment | None = None
    environment_name: str | None = None
    influxdb_databases: Mapping[str, InfluxDatabaseWithPointer] = dataclasses.field(default_factory=nothing)
    services: Services = dataclasses.field(default_factory=Services)
    document: Mapping[str, Any] = dataclasses.field(
        default_factory=nothing, repr=False, compare=False, metadata=READ_ONLY
    )
    problems: Mapping[str, RepertoireError] = dataclasses.field(
        default_factory=nothing, repr=False, compare=False, metadata=READ_ONLY
    )

    @classmethod
    def model_validate(cls, document: Mapping[str, Any]) -> Self:
        """Read one from JSON, strictly.

        Raises
        ------
        RepertoireValidationError
            If anything in it does not fit.
        """
        from skykey.repertoire.reading import read_discovery

        read = read_discovery(document, strict=True)
        return cls(**{field.name: getattr(read, field.name) for field in dataclasses.fields(read)})

    def to_nublado_dict(self) -> dict[str, Any]:
        """The reduced form that lies in notebooks (``/etc/nublado/discovery/v1.json``)."""
        reduced = {
            "datasets": {label: dataset.to_nublado_dict() for label, dataset in self.datasets.items()},
            "influxdb_databases": {
                label: entry.model_dump(mode="json", exclude_none=True)
                for label, entry in self.influxdb_databases.items()
            },
            "services": self.services.to_nublado_dict(),
        }
        return {name: section for name, section in reduced.items() if section}
