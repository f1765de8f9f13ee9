"""The discovery document and the logins, as frozen values; reading is tolerant of what it does not know."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skykey.repertoire.exceptions import RepertoireValidationError
from skykey.values.errors import BadUrl
from skykey.values.secret import Secret
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        return "Password('**********')"

    def __str__(self) -> str:
        return "**********"


@dataclass(frozen=True, slots=True)
class InfluxDatabase:
    """Where an InfluxDB database is. Public.

    Parameters
    ----------
    url
        The server's root: a ``str`` that also has ``scheme``, ``host``, ``port`` and ``path``.
    database
        The name for queries; it may differ from the label.
    schema_registry
        The Confluent schema registry that describes its topics; the same kind of ``str``.
    local
        Whether it is hosted in the environment that was asked.
    description
        In words, if the environment gives any.
    """

    url: Url
    database: str
    schema_registry: Url
    local: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class InfluxDatabaseWithPointer(InfluxDatabase):
    """A database as the discovery document lists it.

    Parameters
    ----------
    credentials_url
        Where a token buys its login.
    """

    credentials_url: Url = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class InfluxDatabaseWithCredentials(InfluxDatabase):
    """A database with its login.

    Parameters
    ----------
    username
        A shared read-only account; None if the server wants no login.
    password
        Masked in ``str`` and ``repr``; ``get_secret_value()`` opens it.
    """

    username: str | None = field(kw_only=True)
    password: Password | None = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What Repertoire says about an environment, as far as it is used.

    Parameters
    ----------
    applications
        Names of what is deployed.
    environment_name
        The environment's own name for itself.
    datasets
        Labels of the datasets.
    influxdb_databases
        By label.
    internal_services
        Base URLs by name, such as ``gafaelfawr``.
    document
        The whole document as it came.
    """

    applications: tuple[str, ...] = ()
    environment_name: str | None = None
    datasets: tuple[str, ...] = ()
    influxdb_databases: Mapping[str, InfluxDatabaseWithPointer] = field(default_factory=dict)
    internal_services: Mapping[str, Url] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def read_discovery(document: object) -> Discovery:
    """Read a discovery document.

    Raises
    ------
    RepertoireValidationError
        If it is no object, or one of its databases is not what was promised; the path is named, values are not.
    """
    root = _object(document, "the discovery document")
    services = _object(_object(root.get("services", {}), "services").get("internal", {}), "services.internal")
    return Discovery(
        applications=tuple(str(name) for name in _list(root.get("applications", []), "applications")),
        environment_name=_optional_text(root, "environment_name", "environment_name"),
        datasets=tuple(sorted(_object(root.get("datasets", {}), "datasets"))),
        influxdb_databases=MappingProxyType(
            {
                label: _pointer(entry, f"influxdb_databases.{label}")
                for label, entry in _object(root.get("influxdb_databases", {}), "influxdb_databases").items()
            }
        ),
        internal_services=MappingProxyType(
            {
                name: _url(_object(entry, f"services.internal.{name}"), "url", f"services.internal.{name}")
                for name, entry in services.items()
            }
        ),
        document=MappingProxyType(dict(root)),
    )


def read_credentials(document: object) -> InfluxDatabaseWithCredentials:
    """Read one database with its login.

    Raises
    ------
    RepertoireValidationError
        As `read_discovery`.
    """
    where = "the login"
    entry = _object(document, where)
    for key in ("username", "password"):
        if key not in entry:
            raise RepertoireValidationError(f"{where} has no {key}")
    password = _optional_text(entry, "password", f"{where}.password")
    return InfluxDatabaseWithCredentials(
        **_common(entry, where),
        username=_optional_text(entry, "username", f"{where}.username"),
        password=None if password is None else Password(Secret(password)),
    )


def read_credentials_list(document: object) -> Mapping[str, InfluxDatabaseWithCredentials]:
    """Read the list route's answer: label to database with login."""
    entries = _object(document, "the list of logins").items()
    return MappingProxyType({label: read_credentials(entry) for label, entry in entries})


def _pointer(document: object, where: str) -> InfluxDatabaseWithPointer:
    entry = _object(document, where)
    return InfluxDatabaseWithPointer(**_common(entry, where), credentials_url=_url(entry, "credentials_url", where))


def _common(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    local = entry.get("local", False)
    if not isinstance(local, bool):
        raise RepertoireValidationError(f"{where}.local is not a boolean")
    return {
        "url": _url(entry, "url", where),
        "database": _text(entry, "database", where),
        "schema_registry": _url(entry, "schema_registry", where),
        "local": local,
        "description": _optional_text(entry, "description", f"{where}.description"),
    }


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RepertoireValidationError(f"{where} is not an object")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise RepertoireValidationError(f"{where} is not a list")
    return value


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise RepertoireValidationError(f"{where}.{key} is missing or not text")
    return value


def _optional_text(entry: Mapping[str, Any], key: str, where: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise RepertoireValidationError(f"{where} is not text")
    return value


def _url(entry: Mapping[str, Any], key: str, where: str) -> Url:
    try:
        return Url(_text(entry, key, where))
    except BadUrl:
        raise RepertoireValidationError(f"{where}.{key} is not a URL") from None
