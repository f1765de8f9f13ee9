"""One service of the imagery platform: it tells who was let in with what request, and never shows the token."""

import hashlib
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.accounts import Access, Accounts, Rejected
from skykey.sandbox.routes import Endpoint, get, post, service
from skykey.sandbox.switchboard import Switchboard, fingerprint

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 400, 401, 403


class Echo:
    """The routes, behind a guard that reads Bearer tokens (RFC 6750)."""

    def __init__(self, accounts: Accounts, board: Switchboard) -> None:
        self._accounts, self._board = accounts, board

    def app(self) -> Starlette:
        """Return the whole host."""
        echo, status = self._guarded(_echo), self._guarded(_status)
        return service([get("/echo", echo), post("/echo", echo), get("/status/{n:int}", status)])

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def behind(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                # Who shows nothing is told nothing but the way (section 3.1).
                return JSONResponse({"error": "unauthorized"}, 401, {"WWW-Authenticate": 'Bearer realm="platform"'})
            try:
                access = self._accounts.judge(token.strip())
            except Rejected as rejected:
                return _refused(_UNAUTHORIZED, "invalid_token", str(rejected))
            if status := self._board.next_failure(access.login.user.name, "echo"):
                return _error(status)
            wanted = request.query_params.get("need")
            if wanted and wanted not in access.claims["scope"].split():
                return _refused(_FORBIDDEN, "insufficient_scope", "The access token lacks a scope", wanted)
            request.state.access, request.state.token = access, token.strip()
            return await endpoint(request)

        return behind


async def _echo(request: Request) -> Response:
    body = await request.body()
    access: Access = request.state.access
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "claims": access.claims,
            "fingerprint": fingerprint(request.state.token),
        }
    )


async def _status(request: Request) -> Response:
    number = request.path_params["n"]
    return _error(number if number in set(HTTPStatus) and number >= _BAD_REQUEST else 404)


def _error(status: int) -> Response:
    return JSONResponse({"status": status, "detail": HTTPStatus(status).phrase}, status)


def _refused(status: int, error: str, words: str, scope: str | None = None) -> Response:
    challenge = f'Bearer realm="platform", error="{error}", error_description="{words}"'
    if scope:
        challenge += f', scope="{scope}"'
    return JSONResponse({"error": error, "error_description": words}, status, {"WWW-Authenticate": challenge})
