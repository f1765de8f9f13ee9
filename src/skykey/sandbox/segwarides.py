"""segwarides' counterpart: the older place where EFD clients fetch their login, without any token.

Its clients build ``https://`` + host + path themselves, so its answers are of use only with ``--as-real``.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount

from skykey.sandbox.databases import SCHEMA_REGISTRY, Influx
from skykey.sandbox.hosts import INFLUX, SITES
from skykey.sandbox.routes import get, service

#: alias -> host; the aliases have no hyphen.
ALIASES = {f"{site.replace('-', '')}_efd": host for host, site in SITES.items()}


class Segwarides:
    """One credential per site, always that of its EFD."""

    def __init__(self, server: Influx) -> None:
        self._server = server

    def app(self) -> Starlette:
        """Return the whole host."""
        routes = [get("/", self._metadata), get("/list", self._list), get("/creds/{alias}", self._creds)]
        return service([Mount("/segwarides", routes=routes)])

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse({"name": "segwarides", "description": "Counterpart in the Skykey sandbox"})

    async def _list(self, _request: Request) -> Response:
        return JSONResponse(sorted(ALIASES))

    async def _creds(self, request: Request) -> Response:
        alias = request.path_params["alias"]
        if alias not in ALIASES:
            return PlainTextResponse("404: Not Found", 404)
        return JSONResponse(
            {
                "host": INFLUX if self._server.url else ALIASES[alias],
                "schema_registry": SCHEMA_REGISTRY,
                "port": 443,
                "username": self._server.username,
                "password": self._server.password,
                "path": self._server.path,
            }
        )
