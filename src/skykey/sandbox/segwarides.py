"""segwarides' counterpart: the older place where EFD clients fetch their login, without any token.

Its clients build ``https://`` + host + path themselves, so its answers are of use only with ``--as-real``.

One of them, lsst-efd-client, asks here through the proxy, as requests does, and goes on with aiohttp, which looks at no
proxy: the name of a real host would lead it out into the world. It does look at the port. So who asks with requests is
told the sandbox's own TLS address, and everybody else the documented hosts.
"""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount

from skykey.sandbox.databases import SCHEMA_REGISTRY, Influx
from skykey.sandbox.hosts import DIRECT, INFLUX, SITES
from skykey.sandbox.parts import RealInflux
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
        answer = {
            "host": INFLUX if self._server.url else ALIASES[alias],
            "schema_registry": SCHEMA_REGISTRY,
            "port": 443,
            "username": self._server.username,
            "password": self._server.password,
            "path": self._server.path,
        }
        if request.headers.get("user-agent", "").startswith("python-requests/"):
            answer |= self._direct(request.scope["server"][1])
        return JSONResponse(answer)

    def _direct(self, port: int) -> dict[str, Any]:
        influx = self._server.ingress if isinstance(self._server, RealInflux) else port
        return {"host": DIRECT, "port": influx, "schema_registry": f"https://{DIRECT}:{port}/"}
