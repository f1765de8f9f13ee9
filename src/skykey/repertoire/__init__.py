"""Service discovery for Rubin Observatory's environments: the documented names of ``rubin.repertoire``."""

from __future__ import annotations

from skykey.repertoire.discovery import DiscoveryClient, SyncDiscoveryClient
from skykey.repertoire.exceptions import (
    RepertoireError,
    RepertoireUrlError,
    RepertoireValidationError,
    RepertoireWebError,
)
from skykey.repertoire.models import Discovery, InfluxDatabase, InfluxDatabaseWithCredentials

__all__ = [
    "Discovery",
    "DiscoveryClient",
    "InfluxDatabase",
    "InfluxDatabaseWithCredentials",
    "RepertoireError",
    "RepertoireUrlError",
    "RepertoireValidationError",
    "RepertoireWebError",
    "SyncDiscoveryClient",
]
