"""Repertoire's counterpart: the discovery document and the logins of the telemetry databases."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.databases import DATABASES, SCHEMA_REGISTRY, Influx
from skykey.sandbox.gafaelfawr import Gafaelfawr
from skykey.sandbox.hosts import SITES
from skykey.sandbox.routes import get, service


class Repertoire:
    """Discovery of one site, with links to whatever origin the caller used."""

    def __init__(self, gatekeeper: Gafaelfawr, servers: Mapping[str, Influx]) -> None:
        self._servers = servers
        guarded = "repertoire", "read:sasquatch"
        self._routes = [
            get("/", self._metadata),
            get("/discovery", self._discovery),
            get("/discovery/influxdb", gatekeeper.protect(*guarded, endpoint=self._list)),
            get("/discovery/influxdb/{label}", gatekeeper.protect(*guarded, endpoint=self._credentials)),
        ]

    def app(self) -> Starlette:
        """Return the routes, for ``/repertoire``."""
        return service(self._routes)

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "metadata": {
                    "name": "Repertoire",
                    "version": "2.1.0",
                    "description": "Counterpart in the Skykey sandbox",
                    "repository_url": "https://github.com/lsst-sqre/repertoire",
                    "documentation_url": "https://repertoire.lsst.io/",
                }
            }
        )

    async def _discovery(self, request: Request) -> Response:
        site, here = _origin(request), str(request.url.hostname)
        document = {
            "applications": ["gafaelfawr", "nublado", "portal", "repertoire", "sasquatch", "tap"],
            "datasets": {
                "dp1": {
                    "butler_config": f"{site}/api/butler/repo/dp1/butler.yaml",
                    "description": "Data Preview 1",
                    "docs_url": "https://dp1.lsst.io/",
                    "services": {"tap": {"url": f"{site}/api/tap", "required_scopes": ["read:tap"]}},
                }
            },
            "environment": {
                "name": here,
                "label": "skykey-sandbox",
                "title": "Skykey sandbox",
                "title_long": "Skykey sandbox (made-up site)",
                "docs_url": "https://rsp.lsst.io/",
            },
            "environment_name": here,
            "influxdb_databases": {
                label: self._public(label, request)
                | {"credentials_url": f"{site}/repertoire/discovery/influxdb/{label}"}
                for label in sorted(DATABASES)
            },
            "services": {
                "internal": {
                    "gafaelfawr": {
                        "url": f"{site}/auth/api",
                        "versions": {"v1": {"url": f"{site}/auth/api/v1"}},
                    }
                },
                "ui": {"portal": {"url": f"{site}/portal/app/", "required_scopes": ["exec:portal"]}},
            },
        }
        return JSONResponse(document, headers={"Access-Control-Allow-Origin": "*"})

    async def _list(self, request: Request) -> Response:
        return JSONResponse({label: self._with_login(label, request) for label in DATABASES})

    async def _credentials(self, request: Request) -> Response:
        label = request.path_params["label"]
        if label not in DATABASES:
            words = f"Database {label} not found"
            entry = {"msg": words, "type": "database_not_found", "loc": ["path", "database"]}
            return JSONResponse({"detail": [entry]}, 404)
        return JSONResponse(self._with_login(label, request))

    def _public(self, label: str, request: Request) -> dict[str, Any]:
        database = DATABASES[label]
        server = self._servers[database.server]
        site, host = _origin(request), str(request.url.hostname)
        info: dict[str, Any] = {
            "url": (server.as_real if host in SITES else None) or server.url or f"{site}{server.path}",
            "database": database.name,
        }
        if database.description:
            info["description"] = database.description
        # The real sites name theirs by a name inside their clusters.
        info["schema_registry"] = SCHEMA_REGISTRY if host in SITES else f"{site}/schema-registry/"
        if database.home == SITES.get(host, "usdf"):
            info["local"] = True  # a value equal to its default is left out, so there is no False
        return info

    def _with_login(self, label: str, request: Request) -> dict[str, Any]:
        server = self._servers[DATABASES[label].server]
        return self._public(label, request) | {"username": server.username, "password": server.password}


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
