"""A discovery document with everything in it, made up; and ways to ask for it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from skykey.repertoire import DiscoveryClient, SyncDiscoveryClient
from tests.wire.askers import FastClock

HOST = "https://rsp.example.org"
BASE = f"{HOST}/repertoire"
DOCUMENT: dict[str, Any] = {
    "applications": ["tap", "gafaelfawr", "portal"],
    "datasets": {
        "beta": {"description": "No services yet"},
        "alpha": {
            "butler_config": f"{HOST}/api/butler/repo/alpha/butler.yaml",
            "description": "Alpha survey sample",
            "docs_url": "https://alpha.example.org",
            "obscore_config": "obscore/alpha.yaml",
            "services": {
                "cutout": {
                    "url": f"{HOST}/api/cutout",
                    "openapi": f"{HOST}/api/cutout/openapi.json",
                    "versions": {
                        "soda-sync-1.0": {
                            "url": f"{HOST}/api/cutout/sync",
                            "ivoa_standard_id": "ivo://ivoa.net/std/SODA#sync-1.0",
                        },
                        "soda-async-1.0": {"url": f"{HOST}/api/cutout/jobs"},
                    },
                },
                "tap": {
                    "url": f"{HOST}/api/tap",
                    "title": "Catalog queries",
                    "docs_url": "https://docs.example.org/tap/",
                    "required_scopes": ["read:tap"],
                    "quota_labels": {"tap": {"title": "TAP"}, "engine": {"title": "Backend", "internal": True}},
                },
            },
        },
    },
    "environment": {
        "name": "rsp.example.org",
        "label": "exampleprod",
        "title": "Example RSP",
        "title_long": "Example Science Platform",
        "docs_url": "https://docs.example.org/environments/exampleprod/",
    },
    "environment_name": "rsp.example.org",
    "influxdb_databases": {
        "site_efd": {
            "url": HOST,
            "database": "efd",
            "description": "Engineering data",
            "schema_registry": "http://schema-registry.sasquatch:8081",
            "local": True,
            "credentials_url": f"{BASE}/discovery/influxdb/site_efd",
        },
        "far_metrics": {
            "url": "https://far.example.org:8086/influx",
            "database": "example.metrics",
            "schema_registry": "https://far.example.org/schema-registry",
            "credentials_url": f"{BASE}/discovery/influxdb/far_metrics",
        },
    },
    "services": {
        "internal": {
            "gafaelfawr": {"url": f"{HOST}/auth/api", "versions": {"v1": {"url": f"{HOST}/auth/api/v1"}}},
            "mobu": {"url": "http://mobu.mobu:8080"},
        },
        "ui": {"portal": {"url": f"{HOST}/portal/app/", "required_scopes": ["exec:portal"]}},
    },
}
TEXT = json.dumps(DOCUMENT)

Ask = Callable[..., Any]


def changed(**sections: Any) -> str:
    """The document with other sections; `...` leaves one out."""
    return json.dumps({name: value for name, value in (DOCUMENT | sections).items() if value is not ...})


def sync(url: str, name: str, *args: Any, options: dict[str, Any] | None = None, **named: Any) -> Any:
    client = SyncDiscoveryClient(base_url=url, **(options or {}))
    client._clock = FastClock()
    return getattr(client, name)(*args, **named)


def asynchronous(url: str, name: str, *args: Any, options: dict[str, Any] | None = None, **named: Any) -> Any:
    client = DiscoveryClient(base_url=url, **(options or {}))
    client._clock = FastClock()
    return asyncio.run(getattr(client, name)(*args, **named))


FACES: dict[str, Ask] = {"sync": sync, "async": asynchronous}
