"""The HTTP face: the routes of every version of the API, and what stands before all of them."""

import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from skykey.sandbox.gracedb import (
    emobservations,
    events,
    files,
    forms,
    gwtc,
    labels,
    logs,
    members,
    notices,
    permissions,
    preloaded,
    root,
    signoffs,
    superevents,
    voevents,
)
from skykey.sandbox.gracedb.access import Access, Person
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.errors import Refused, forbidden
from skykey.sandbox.gracedb.store import Store
from skykey.sandbox.gracedb.switches import Switches
from skykey.sandbox.switchboard import SEEN, Switchboard

Endpoints = Mapping[str, Callable[[Asked], Awaitable[Response]]]

_ROOMS: tuple[ModuleType, ...] = (
    *(root, events, superevents, members, logs, labels, files, signoffs, permissions, notices, voevents),
    *(emobservations, gwtc),
)
_SAFE = ("GET", "HEAD")
_OLDEST = 2  # of the official clients, the major version
_CLIENT = "gracedb-client/"
_NEVER = "max-age=0, no-cache, no-store, must-revalidate, private"


class GraceDb:
    """One server. Its database is opened by the first request, so that nobody waits for it who does not ask."""

    def __init__(self, folder: Path, access: Access, board: Switchboard) -> None:
        self._folder, self._access, self._board = folder, access, board
        self._store: Store | None = None
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self.switches = Switches()

    def app(self) -> Starlette:
        """Return the whole host."""
        trees = [self._tree("/api/v1", "v1"), self._tree("/api/v2", "v2"), self._tree("/api", None)]
        return Starlette(routes=trees, exception_handlers={HTTPException: _worded})

    def restart(self) -> None:
        """Forget all that is not on disk, as a server does that is started anew."""
        if self._store is not None:
            self._store.close()
        self._store = None
        self._recent.clear()

    close = restart

    def _tree(self, path: str, version: str | None) -> Mount:
        table = [
            Route(f"/{end}", _Door(self, endpoints, version))
            for room in _ROOMS
            for end, endpoints in room.ROUTES.items()
        ]
        return Mount(path, app=Router(table, redirect_slashes=False))

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store(self._folder)
            if self._store.is_empty:
                preloaded.load(self._store)
        return self._store

    async def answer(self, request: Request, endpoints: Endpoints, version: str | None) -> Response:
        """Answer one request: through the gate, as somebody, with what it brings."""
        if (refused := _gate(request)) is not None:
            return refused
        if request.method == "OPTIONS":
            return JSONResponse({}, headers={"Allow": ", ".join([*endpoints, "HEAD", "OPTIONS"])})
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        store = self.store
        async with forms.read(request, store.blobs.begin) as form:
            if request.method not in _SAFE:
                request.scope[SEEN]["sent"] = form.shown()
            if endpoint is None:
                raise HTTPException(405)
            person = await self._access.who(request)
            if person.is_anonymous and request.method not in _SAFE:
                raise forbidden(anonymous=True)  # before anything is looked up, and found to be hidden
            self._throttle(request, person)
            is_current = self.switches.generation == "current"
            base = request.url.replace(path="/api/", query="")
            asked = Asked(
                store=store,
                person=person,
                now=datetime.fromtimestamp(self._board.now(), UTC),
                here=f"{base}{version}/" if version else str(base),
                is_current=is_current,
                is_v2=is_current and version != "v1",
                path=request.path_params,
                query=request.query_params,
                form=form,
            )
            return await endpoint(asked)

    def _throttle(self, request: Request, person: Person) -> None:
        limit, now = self.switches.throttle, self._board.now()
        if limit is None or request.method not in ("POST", "PUT"):
            return
        recent = self._recent[person.username]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= limit:
            said = "Request was throttled. Expected available in 1 second."
            raise Refused(429, {"detail": said}, {"Retry-After": "1"})
        recent.append(now)


class _Door:
    """The way to one path, whatever the method."""

    def __init__(self, server: GraceDb, endpoints: Endpoints, version: str | None) -> None:
        self._server, self._endpoints, self._version = server, endpoints, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._server.answer(request, self._endpoints, self._version)
        except Refused as refused:
            response = refused.response()
        except HTTPException as error:
            response = _worded(request, error)
        except ClientDisconnect:
            return  # nobody is left to be answered
        response.headers.setdefault("Cache-Control", _NEVER)
        await response(scope, receive, send)


def _gate(request: Request) -> Response | None:
    agent = request.headers.get("user-agent", "")
    if not agent:
        return PlainTextResponse("A User-Agent header is required.", 400)
    _, named, version = agent.partition(_CLIENT)
    found = re.fullmatch(r"(\d+)(\.\d+)*((a|b|rc|\.post|\.dev)\d+)*(\+[\w.]+)?", version.strip())
    if named and (not found or int(found[1]) < _OLDEST):
        return PlainTextResponse(f"Your client ({version}) is not one of the versions that this server serves.", 400)
    return None


def _worded(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "Not found.", 405: f'Method "{request.method}" not allowed.'}
    return JSONResponse({"detail": said.get(status, str(error))}, status)
