"""Finding things by name in a discovery document. What is not there is an error that names what comes near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from skykey.credentials.ticket import own_copy
from skykey.repertoire.exceptions import RepertoireUnknownName
from skykey.values.similar import similar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skykey.repertoire.models import (
        ApiService,
        DataService,
        Dataset,
        Discovery,
        InfluxDatabaseWithPointer,
        InternalService,
        UiService,
    )
    from skykey.values.url import Url

T = TypeVar("T")

_MOST_NAMES: Final = 10


def or_none(find: Callable[[], T]) -> T | None:
    """What is found, as the documented methods give it."""
    try:
        return find()
    except RepertoireUnknownName:
        return None


def database(found: Discovery, label: str) -> InfluxDatabaseWithPointer:
    """A telemetry database."""
    return _entry(found, found.influxdb_databases, "influxdb_databases", label, "telemetry database")


def dataset(found: Discovery, label: str) -> Dataset:
    """A dataset."""
    return _entry(found, found.datasets, "datasets", label, "dataset")


def butler_config(found: Discovery, label: str) -> Url:
    """Where the configuration of a dataset's Butler is."""
    url = dataset(found, label).butler_config
    if url is None:
        raise _missing(found, f"datasets.{label}.butler_config", f"the dataset {label} has no Butler")
    return url


def obscore_config(found: Discovery, label: str) -> str:
    """Where the configuration of a dataset's ObsCore export is."""
    config = dataset(found, label).obscore_config
    if config is None:
        raise _missing(
            found, f"datasets.{label}.obscore_config", f"the dataset {label} has no configuration for ObsCore"
        )
    return config


def data_service(found: Discovery, service: str, label: str) -> DataService:
    """A service for a dataset."""
    where = f"datasets.{label}.services"
    return _entry(found, dataset(found, label).services, where, service, f"service for the dataset {label}")


def internal_service(found: Discovery, service: str) -> InternalService:
    """A service for other services."""
    return _entry(found, found.services.internal, "services.internal", service, "internal service")


def ui_service(found: Discovery, service: str) -> UiService:
    """A service for browsers."""
    return _entry(found, found.services.ui, "services.ui", service, "service for browsers")


def data_url(found: Discovery, service: str, label: str, version: str | None) -> Url:
    """Where a service for a dataset is, or one of its versions."""
    known = data_service(found, service, label)
    return _url(found, known, f"datasets.{label}.services.{service}", service, version)


def internal_url(found: Discovery, service: str, version: str | None) -> Url:
    """Where an internal service is, or one of its versions."""
    return _url(found, internal_service(found, service), f"services.internal.{service}", service, version)


def _url(found: Discovery, known: ApiService, where: str, service: str, version: str | None) -> Url:
    if version is None:
        return known.url
    return _entry(found, known.versions, f"{where}.versions", version, f"version of {service}").url


def _entry(found: Discovery, entries: Mapping[str, T], where: str, name: str, what: str) -> T:
    if name in entries:
        return entries[name]
    problem = _missing(found, f"{where}.{name}", f"there is no {what} {name!r}")
    if isinstance(problem, RepertoireUnknownName) and entries:
        problem.next = _suggestion(name, entries)
    raise problem


def _missing(found: Discovery, path: str, message: str) -> BaseException:
    """Why something is not there: because it could not be read, or because there is none."""
    unread = found.problems.get(path)
    return RepertoireUnknownName(message) if unread is None else own_copy(unread)


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    listed = f"there are: {', '.join(sorted(known)[:_MOST_NAMES])}{', …' if len(known) > _MOST_NAMES else ''}"
    return similar(name, known) or listed
