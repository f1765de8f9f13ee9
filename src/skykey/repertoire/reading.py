"""From JSON to the values of the discovery document.

Tolerant: what is not known is passed over, and an entry that cannot be read is left out and remembered with its error,
so that one mistake in a site's configuration does not take the rest along. A section none of whose entries can be read
is another service's, and the document is refused. Errors name the path and show no values: one may be a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from skykey.repertoire.exceptions import RepertoireError, RepertoireOutOfReach, RepertoireValidationError
from skykey.repertoire.model import Entries, frozen
from skykey.repertoire.models import (
    ApiVersion,
    DataService,
    Dataset,
    Discovery,
    Environment,
    InfluxDatabaseWithCredentials,
    InfluxDatabaseWithPointer,
    InternalService,
    Password,
    QuotaLabel,
    Services,
    UiService,
)
from skykey.repertoire.nearness import too_near
from skykey.values.errors import BadUrl
from skykey.values.secret import Secret
from skykey.values.url import Url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_KEYS = frozenset({"applications", "datasets", "environment", "environment_name", "influxdb_databases", "services"})
_OF_ERRORS = frozenset({"detail", "error", "message"})


def read_discovery(document: object, *, strict: bool = False, base: Url | None = None) -> Discovery:
    """Read a discovery document.

    Parameters
    ----------
    document
        Parsed JSON.
    strict
        Whether one bad entry is an error.
    base
        Where it comes from, as the user named it; it says which addresses the document may name.

    Raises
    ------
    RepertoireValidationError
        If it is not a discovery document; with `strict`, if anything in it does not fit.
    RepertoireOutOfReach
        With `strict`, if it names an address nearer than its own.
    """
    try:
        return _Reading(strict=strict, base=base).discovery(document)
    except RecursionError:
        raise RepertoireValidationError("the discovery document nests too deeply") from None


def read_credentials(
    document: object, where: str = "the login", *, base: Url | None = None
) -> InfluxDatabaseWithCredentials:
    """Read one database with its login.

    Raises
    ------
    RepertoireValidationError
        If it does not fit.
    RepertoireOutOfReach
        If it names an address nearer than the server's own.
    """
    return _Reading(strict=True, base=base).login(document, where)


def read_credentials_list(
    document: object, *, base: Url | None = None
) -> tuple[Mapping[str, InfluxDatabaseWithCredentials], Mapping[str, RepertoireError]]:
    """Read the list route's answer: label to database with login, and label to error for those that do not fit."""
    reading = _Reading(strict=False, base=base)
    where = "the list of logins"
    read = reading.entries({where: document}, where, where, reading.login)
    failed = {path.removeprefix(f"{where}."): problem for path, problem in reading.problems.items()}
    return read, Entries(failed)


class _Reading:
    """One document being read, with what could not be."""

    def __init__(self, *, strict: bool, base: Url | None) -> None:
        self.problems: dict[str, RepertoireError] = {}
        self._strict = strict
        self._base = base

    # -- the document's parts

    def discovery(self, document: object) -> Discovery:
        root = _object(document, "the discovery document")
        if not _KEYS & root.keys() and _OF_ERRORS & root.keys():
            # Some services answer an error with 200. An empty site has no key at all.
            raise RepertoireValidationError("the discovery document is the answer of a service that failed")
        services = {} if root.get("services") is None else _object(root["services"], "services")
        return Discovery(
            applications=self.texts(root, "applications", "applications"),
            datasets=self.entries(root, "datasets", "datasets", self.dataset),
            environment=self.optional(root, "environment", "environment", self.environment),
            environment_name=self.optional(root, "environment_name", "environment_name", _text),
            influxdb_databases=self.entries(root, "influxdb_databases", "influxdb_databases", self.pointer),
            services=Services(
                internal=self.entries(services, "internal", "services.internal", self.internal_service),
                ui=self.entries(services, "ui", "services.ui", self.ui_service),
            ),
            document=frozen(root),
            problems=Entries(self.problems),
        )

    def environment(self, document: object, where: str) -> Environment:
        entry = _object(document, where)
        return Environment(
            name=_required(entry, "name", where, _text),
            label=_required(entry, "label", where, _text),
            title=_required(entry, "title", where, _text),
            title_long=_required(entry, "title_long", where, _text),
            description=self.optional(entry, "description", f"{where}.description", _text),
            docs_url=_required(entry, "docs_url", where, _url),
        )

    def dataset(self, document: object, where: str) -> Dataset:
        entry = _object(document, where)
        return Dataset(
            butler_config=self.optional(entry, "butler_config", f"{where}.butler_config", self.address),
            description=self.optional(entry, "description", f"{where}.description", _text),
            docs_url=self.optional(entry, "docs_url", f"{where}.docs_url", _url),
            obscore_config=self.optional(entry, "obscore_config", f"{where}.obscore_config", _text),
            services=self.entries(entry, "services", f"{where}.services", self.data_service, whole=False),
        )

    def data_service(self, document: object, where: str) -> DataService:
        return DataService(**self.api_fields(_object(document, where), where))

    def internal_service(self, document: object, where: str) -> InternalService:
        return InternalService(**self.api_fields(_object(document, where), where))

    def ui_service(self, document: object, where: str) -> UiService:
        return UiService(**self.service_fields(_object(document, where), where))

    def service_fields(self, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        return {
            "url": _required(entry, "url", where, self.address),
            "title": self.optional(entry, "title", f"{where}.title", _text),
            "docs_url": self.optional(entry, "docs_url", f"{where}.docs_url", _url),
            "required_scopes": self.texts(entry, "required_scopes", f"{where}.required_scopes"),
        }

    def api_fields(self, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        versions = self.entries(entry, "versions", f"{where}.versions", self.version, whole=False)
        labels = self.entries(entry, "quota_labels", f"{where}.quota_labels", self.quota_label, whole=False)
        openapi = self.optional(entry, "openapi", f"{where}.openapi", _url)
        return {**self.service_fields(entry, where), "openapi": openapi, "quota_labels": labels, "versions": versions}

    def version(self, document: object, where: str) -> ApiVersion:
        entry = _object(document, where)
        # Old servers name standards that nobody knows any more: whatever it is, it is not worth an error.
        standard = entry.get("ivoa_standard_id")
        return ApiVersion(
            url=_required(entry, "url", where, self.address),
            ivoa_standard_id=standard if isinstance(standard, str) else None,
        )

    def quota_label(self, document: object, where: str) -> QuotaLabel:
        entry = _object(document, where)
        internal = self.optional(entry, "internal", f"{where}.internal", _boolean)
        return QuotaLabel(title=_required(entry, "title", where, _text), internal=bool(internal))

    def pointer(self, document: object, where: str) -> InfluxDatabaseWithPointer:
        entry = _object(document, where)
        return InfluxDatabaseWithPointer(
            **self.database_fields(entry, where), credentials_url=_required(entry, "credentials_url", where, _url)
        )

    def login(self, document: object, where: str) -> InfluxDatabaseWithCredentials:
        entry = _object(document, where)
        for key in ("username", "password"):
            if key not in entry:
                raise RepertoireValidationError(f"{where} has no {key}")
        password = _secret(entry, where)
        username = None if entry["username"] is None else _text(entry["username"], f"{where}.username")
        return InfluxDatabaseWithCredentials(
            **self.database_fields(entry, where),
            username=username,
            password=None if password is None else Password(password),
        )

    def database_fields(self, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        return {
            "url": _required(entry, "url", where, self.address),
            "database": _required(entry, "database", where, _text),
            "description": self.optional(entry, "description", f"{where}.description", _text),
            # Mostly a name that means something inside the site's cluster only; whoever asks it looks at the address.
            "schema_registry": _required(entry, "schema_registry", where, _url),
            "local": bool(self.optional(entry, "local", f"{where}.local", _boolean)),
        }

    def address(self, value: object, where: str) -> Url:
        """A URL that programs go to."""
        url = _url(value, where)
        if why := too_near(url, self._base):
            raise RepertoireOutOfReach(f"{where} {why}")
        return url

    # -- tolerance

    def entries(
        self,
        parent: Mapping[str, Any],
        key: str,
        where: str,
        make: Callable[[object, str], T],
        *,
        whole: bool = True,
    ) -> Entries[T]:
        """Read a section entry by entry. With `whole`, one that has only bad entries is refused."""
        if parent.get(key) is None and not (self._strict and key in parent):
            return Entries()
        read: dict[str, T] = {}
        bad: RepertoireError | None = None
        for name, entry in _object(parent[key], where).items():
            path = f"{where}.{_shown(name)}"
            try:
                read[name] = make(entry, path)
            except RepertoireError as problem:
                self.left_out(path, problem)
                bad = bad or problem
        if whole and bad is not None and not read:
            raise bad
        return Entries(read)

    def texts(self, parent: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        if parent.get(key) is None and not (self._strict and key in parent):
            return ()
        value = parent[key]
        if not isinstance(value, list):
            raise RepertoireValidationError(f"{where} is not a list")
        for number, item in enumerate(value):
            if not isinstance(item, str):
                self.left_out(f"{where}.{number}", RepertoireValidationError(f"{where}.{number} is not text"))
        return tuple(item for item in value if isinstance(item, str))

    def optional(self, parent: Mapping[str, Any], key: str, where: str, read: Callable[[object, str], T]) -> T | None:
        if parent.get(key) is None:
            return None
        try:
            return read(parent[key], where)
        except RepertoireError as problem:
            self.left_out(where, problem)
            return None

    def left_out(self, path: str, problem: RepertoireError) -> None:
        if self._strict:
            raise problem
        # Remembered without its frames, which hold the document.
        self.problems[path] = problem.with_traceback(None)


def _required(entry: Mapping[str, Any], key: str, where: str, read: Callable[[object, str], T]) -> T:
    if entry.get(key) is None:
        raise RepertoireValidationError(f"{where}.{key} is missing")
    return read(entry[key], f"{where}.{key}")


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RepertoireValidationError(f"{where} is not an object")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise RepertoireValidationError(f"{where} is not text")
    return value


def _boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise RepertoireValidationError(f"{where} is not a boolean")
    return value


def _url(value: object, where: str) -> Url:
    try:
        return Url(_text(value, where))
    except BadUrl:
        raise RepertoireValidationError(f"{where} is not a URL") from None


def _secret(entry: Mapping[str, Any], where: str) -> Secret | None:
    if entry["password"] is None:
        return None
    if not isinstance(entry["password"], str):
        raise RepertoireValidationError(f"{where}.password is not text")
    return Secret(entry["password"])


def _shown(name: str) -> str:
    """A name from a document, as it may stand in a log: one short line."""
    return "".join(c if c.isprintable() else "?" for c in name[:80])
