"""Routes that answer one method and nothing else, as the real services do."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

Endpoint = Callable[[Request], Awaitable[Response]]


def get(path: str, endpoint: Endpoint) -> Route:
    """Route GET only: Starlette would add HEAD, which the real services answer with 405."""
    route = Route(path, endpoint, methods=["GET"])
    route.methods = {"GET"}
    return route


def post(path: str, endpoint: Endpoint) -> Route:
    """Route POST only."""
    return Route(path, endpoint, methods=["POST"])


def service(routes: Sequence[BaseRoute]) -> Starlette:
    """Make an application whose own 404 and 405 are JSON, as FastAPI words them."""
    return Starlette(routes=routes, exception_handlers={HTTPException: _as_json})


def _as_json(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class)
    if request.method == "HEAD":
        return Response(None, error.status_code, error.headers)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)
