"""Service discovery for Rubin Observatory's environments: the documented names of ``rubin.repertoire``.

The models load when a document is read, or when one of their names is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skykey.repertoire.discovery import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.exceptions import (
    RepertoireError,
    RepertoireUrlError,
    RepertoireValidationError,
    RepertoireWebError,
)

if TYPE_CHECKING:
    from skykey.repertoire.models import (
        ApiService,
        ApiVersion,
        BaseService,
        DataService,
        Dataset,
        Discovery,
        Environment,
        InfluxDatabase,
        InfluxDatabaseWithCredentials,
        InternalService,
        QuotaLabel,
        Services,
        UiService,
    )

__all__ = [
    "ApiService",
    "ApiVersion",
    "BaseService",
    "DataService",
    "Dataset",
    "Discovery",
    "DiscoveryClient",
    "Environment",
    "InfluxDatabase",
    "InfluxDatabaseWithCredentials",
    "InternalService",
    "QuotaLabel",
    "RepertoireError",
    "RepertoireUrlError",
    "RepertoireValidationError",
    "RepertoireWebError",
    "Services",
    "SyncDiscoveryClient",
    "UiService",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from skykey.repertoire import models

    return getattr(models, name)
