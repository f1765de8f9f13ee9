"""The documented questions about what is where; no token is needed for any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.calls.faces import method
from skykey.repertoire import finding
from skykey.repertoire.documents import DocumentFlows
from skykey.repertoire.finding import or_none

if TYPE_CHECKING:
    from skykey.calls.flow import Flow
    from skykey.repertoire.models import Environment, InfluxDatabase


class LookupFlows(DocumentFlows):
    """Lookups in the discovery document.

    What is not there is None, as upstream has it. The same name with ``require_`` in front raises
    `RepertoireUnknownName` in its place, with what comes near. An entry that is there and could not be read raises its
    own error in both. URLs are ``str`` objects that also have ``scheme``, ``host``, ``port`` and ``path``.

    All of them raise what `discovery` raises.
    """

    # -- the environment

    @method
    def applications(self) -> Flow[list[str]]:
        """List the names of what is deployed, in the server's order."""
        return list((yield from self.discovery()).applications)

    @method
    def datasets(self) -> Flow[list[str]]:
        """List the labels of the datasets, sorted."""
        return sorted((yield from self.discovery()).datasets)

    @method
    def environment(self) -> Flow[Environment | None]:
        """Describe the environment; None from servers before 3.0."""
        return (yield from self.discovery()).environment

    @method
    def environment_name(self) -> Flow[str | None]:
        """Name the environment; upstream prefers `environment` today."""
        return (yield from self.discovery()).environment_name

    @method
    def build_nublado_dict(self) -> Flow[dict[str, Any]]:
        """Reduce the document to what lies in notebooks (``/etc/nublado/discovery/v1.json``), ready for JSON."""
        return (yield from self.discovery()).to_nublado_dict()

    # -- datasets

    @method
    def butler_config_for(self, dataset: str) -> Flow[str | None]:
        """Say where the configuration of a dataset's Butler is; None for an unknown dataset and for one without."""
        found = yield from self.discovery()
        return or_none(lambda: finding.butler_config(found, dataset))

    @method
    def require_butler_config_for(self, dataset: str) -> Flow[str]:
        """As `butler_config_for`; `RepertoireUnknownName` in place of None."""
        return finding.butler_config((yield from self.discovery()), dataset)

    @method
    def butler_repositories(self) -> Flow[dict[str, str]]:
        """Map the datasets that have a Butler to its configuration."""
        known = (yield from self.discovery()).datasets
        return {label: known[label].butler_config or "" for label in sorted(known) if known[label].butler_config}

    @method
    def obscore_config_for(self, dataset: str) -> Flow[str | None]:
        """Say where the configuration of a dataset's ObsCore export is: a URL or a path."""
        found = yield from self.discovery()
        return or_none(lambda: finding.obscore_config(found, dataset))

    @method
    def require_obscore_config_for(self, dataset: str) -> Flow[str]:
        """As `obscore_config_for`; `RepertoireUnknownName` in place of None."""
        return finding.obscore_config((yield from self.discovery()), dataset)

    # -- services

    @method
    def url_for_data(self, service: str, dataset: str, *, version: str | None = None) -> Flow[str | None]:
        """Say where a service for a dataset is.

        Parameters
        ----------
        service
            Such as ``tap``.
        dataset
            Its label.
        version
            That version's URL in place of the service's own; a service without versions has none of any name.

        Returns
        -------
        str or None
            None for an unknown service, dataset or version.
        """
        found = yield from self.discovery()
        return or_none(lambda: finding.data_url(found, service, dataset, version))

    @method
    def require_url_for_data(self, service: str, dataset: str, *, version: str | None = None) -> Flow[str]:
        """As `url_for_data`; `RepertoireUnknownName` in place of None."""
        return finding.data_url((yield from self.discovery()), service, dataset, version)

    @method
    def url_for_internal(self, service: str, *, version: str | None = None) -> Flow[str | None]:
        """Say where an internal service is, such as ``gafaelfawr``; None as in `url_for_data`."""
        found = yield from self.discovery()
        return or_none(lambda: finding.internal_url(found, service, version))

    @method
    def require_url_for_internal(self, service: str, *, version: str | None = None) -> Flow[str]:
        """As `url_for_internal`; `RepertoireUnknownName` in place of None."""
        return finding.internal_url((yield from self.discovery()), service, version)

    @method
    def url_for_ui(self, service: str) -> Flow[str | None]:
        """Say where a service for browsers is, such as ``portal``; None for an unknown one."""
        found = yield from self.discovery()
        return or_none(lambda: finding.ui_service(found, service).url)

    @method
    def require_url_for_ui(self, service: str) -> Flow[str]:
        """As `url_for_ui`; `RepertoireUnknownName` in place of None."""
        return finding.ui_service((yield from self.discovery()), service).url

    @method
    def versions_for_data(self, service: str, dataset: str) -> Flow[list[str] | None]:
        """List the versions of a service for a dataset, sorted; empty for one without, None for an unknown one."""
        found = yield from self.discovery()
        return or_none(lambda: sorted(finding.data_service(found, service, dataset).versions))

    @method
    def require_versions_for_data(self, service: str, dataset: str) -> Flow[list[str]]:
        """As `versions_for_data`; `RepertoireUnknownName` in place of None."""
        return sorted(finding.data_service((yield from self.discovery()), service, dataset).versions)

    @method
    def versions_for_internal(self, service: str) -> Flow[list[str] | None]:
        """List the versions of an internal service, sorted; empty for one without, None for an unknown one."""
        found = yield from self.discovery()
        return or_none(lambda: sorted(finding.internal_service(found, service).versions))

    @method
    def require_versions_for_internal(self, service: str) -> Flow[list[str]]:
        """As `versions_for_internal`; `RepertoireUnknownName` in place of None."""
        return sorted(finding.internal_service((yield from self.discovery()), service).versions)

    # The names of rubin.repertoire up to 0.3.
    url_for_data_service = url_for_data
    url_for_internal_service = url_for_internal
    url_for_ui_service = url_for_ui

    # -- telemetry databases

    @method
    def influxdb_databases(self, *, local: bool | None = None) -> Flow[list[str]]:
        """List the labels of telemetry databases whose login can be bought here.

        Parameters
        ----------
        local
            True for those hosted in this environment, False for others, None for all.

        Returns
        -------
        list of str
            Sorted.
        """
        known = (yield from self.discovery()).influxdb_databases
        return sorted(label for label, entry in known.items() if local is None or entry.local is local)

    @method
    def influxdb_connection_info(self, database: str) -> Flow[InfluxDatabase | None]:
        """Say where a database is, without its login.

        Parameters
        ----------
        database
            Its label.

        Returns
        -------
        InfluxDatabase or None
            None if there is no such label.
        """
        found = yield from self.discovery()
        return or_none(lambda: finding.database(found, database).public())

    @method
    def require_influxdb_connection_info(self, database: str) -> Flow[InfluxDatabase]:
        """As `influxdb_connection_info`; `RepertoireUnknownName` in place of None."""
        return finding.database((yield from self.discovery()), database).public()
