"""The HTTP face: `/api/consdbtap` of a site, behind its ingress."""

from __future__ import annotations

import asyncio
import functools
import secrets
from itertools import chain
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from skykey.sandbox.tap import capabilities, parameters, tap_schema, uws, votable
from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.jobs import RETENTION, Job, Jobs, Result
from skykey.sandbox.tap.switches import FORMATS, Switches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from skykey.sandbox.consdb import ConsDb
    from skykey.sandbox.consdb.engine import Engine
    from skykey.sandbox.gafaelfawr import Gafaelfawr
    from skykey.sandbox.routes import Endpoint
    from skykey.sandbox.switchboard import Switchboard
    from skykey.sandbox.tap.uploads import Upload

PATH = "/api/consdbtap"
_XML, _VOTABLE = "text/xml", FORMATS["votable"]
_AT_ONCE = 2**16  # bytes that are sent whole, with their length
_LONGEST_WAIT = 60.0
_WAITED_FOR = ("PENDING", "QUEUED", "EXECUTING")


class Tap:
    """TAP of one site, over the year of its ConsDB; ``storage`` is the origin that results may lie on."""

    def __init__(self, gatekeeper: Gafaelfawr, consdb: ConsDb, board: Switchboard, storage: str) -> None:
        self._gatekeeper, self._consdb, self._board, self._storage = gatekeeper, consdb, board, storage
        self.jobs = Jobs(board.now, self._whole)
        self._sent: dict[str, Job] = {}  # questions to /sync whose answer is to be fetched elsewhere
        self._stored: dict[str, Result] = {}
        self._preparing: asyncio.Task[Engine] | None = None

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the site. What the service can do is told to anybody."""
        guard = functools.partial(self._gatekeeper.protect, "consdbtap", "read:tap")
        table: list[tuple[str, str, Endpoint]] = [
            ("/tables", "GET", self._tables),
            ("/tables/{name}", "GET", self._tables),
            ("/sync", "GET POST", self._sync),
            ("/sync/{id}/run", "GET", self._fetch),
            ("/async", "GET", self._list),
            ("/async", "POST", self._create),
            ("/async/{id}", "GET", self._job),
            ("/async/{id}", "POST", self._act),
            ("/async/{id}", "DELETE", self._delete),
            ("/async/{id}/results/result", "GET", self._result),
            ("/async/{id}/{what}", "GET", self._part),
            ("/async/{id}/{what}", "POST", self._set),
            ("/{path:path}", "GET POST PUT DELETE", _nowhere),
        ]
        routes: list[BaseRoute] = [
            Route(path, guard(endpoint=self._worded(endpoint)), methods=methods.split())
            for path, methods, endpoint in table
        ]
        open_to_all = [Route("/capabilities", self._capabilities), Route("/availability", self._availability)]
        return [Mount(PATH, routes=[*open_to_all, *routes])]

    def storage(self) -> list[BaseRoute]:
        """Return the routes of the storage host: an address is all that it wants, and a credential too much."""

        async def stored(request: Request) -> Response:
            if "authorization" in request.headers or "cookie" in request.headers:
                return PlainTextResponse("Only one auth mechanism allowed", 400)
            if (found := self._stored.get(request.path_params["name"])) is None:
                return PlainTextResponse("No such object", 404)
            return Response(found.content, media_type=found.kind)

        return [Route("/storage/{name}", stored)]

    def reset(self) -> None:
        """Destroy every job and result, and turn all switches back."""
        self.jobs.clear()
        self.jobs.switch(Switches())
        self._sent.clear()
        self._stored.clear()

    async def close(self) -> None:
        """End every job."""
        await self.jobs.close()
        if self._preparing is not None:
            await asyncio.gather(self._preparing, return_exceptions=True)

    def _worded(self, endpoint: Endpoint) -> Endpoint:
        async def worded(request: Request) -> Response:
            try:
                return await endpoint(request)
            except AdqlError as error:
                return Response(votable.failure(str(error)), self.jobs.switches.status, media_type=_VOTABLE)
            except _NoJobError as error:
                return PlainTextResponse(str(error), error.status)

        return worded

    # -- questions

    async def _engine(self) -> Engine:
        # Shielded: a client that goes away while it waits must not end the making for all.
        self._preparing = self._preparing or asyncio.create_task(self._prepared(), name="consdbtap")
        return await asyncio.shield(self._preparing)

    async def _prepared(self) -> Engine:
        engine = await self._consdb.engine()
        await asyncio.to_thread(_prepare, engine)
        return engine

    async def _whole(self, job: Job) -> Result:
        engine = await self._engine()
        return await asyncio.to_thread(_answered, engine, job, self.jobs.switches)

    async def _sync(self, request: Request) -> Response:
        sent, tables = await parameters.read(request)
        now = self._board.now()
        job = Job(request.state.user, now, sent, tables, now)
        if self.jobs.switches.redirect:
            self._sent[job.id] = job
            return RedirectResponse(f"{_base(request)}/sync/{job.id}/run", 303)
        return await self._answer(job)

    async def _fetch(self, request: Request) -> Response:
        job = self._sent.get(request.path_params["id"])
        if job is None or job.owner != request.state.user:
            raise _NoJobError(404, f"not found: {request.path_params['id']}")
        return await self._answer(job)

    async def _answer(self, job: Job) -> Response:
        if self.jobs.switches.storage:
            return self._put(await self._whole(job))
        engine = await self._engine()
        return await asyncio.to_thread(_response, engine, job, self.jobs.switches)

    def _put(self, result: Result) -> Response:
        name = secrets.token_urlsafe(24)
        self._stored[name] = result
        return RedirectResponse(f"{self._storage}/storage/{name}", 303)

    # -- jobs

    async def _create(self, request: Request) -> Response:
        sent, tables = await parameters.read(request)
        phase = sent.pop("PHASE", "")
        job = self.jobs.create(request.state.user, sent, tables)
        if phase.upper() == "RUN":
            self.jobs.run(job)
        return self._see(request, job)

    async def _list(self, request: Request) -> Response:
        asked = {name.upper(): value for name, value in request.query_params.multi_items()}
        phases = [value.upper() for name, value in request.query_params.multi_items() if name.upper() == "PHASE"]
        own = [job for job in self.jobs.all().values() if job.owner == request.state.user]
        found = [job for job in own if job.phase in phases or (not phases and job.phase != "ARCHIVED")]
        found.sort(key=lambda job: job.created, reverse=True)
        try:
            after = uws.seconds(asked["AFTER"]) if "AFTER" in asked else None
            found = [job for job in found if after is None or job.created > after][: int(asked.get("LAST", len(found)))]
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        return Response(uws.jobs(found, f"{_base(request)}/async"), media_type=_XML)

    async def _job(self, request: Request) -> Response:
        job = self._own(request)
        asked = {name.upper(): value for name, value in request.query_params.items()}
        if "WAIT" in asked and job.phase in _WAITED_FOR and asked.get("PHASE", job.phase).upper() == job.phase:
            try:
                wait = float(asked["WAIT"])
            except ValueError:
                return PlainTextResponse(f"Invalid WAIT: {asked['WAIT']}", 400)
            await self._changed(job, wait if 0 <= wait < _LONGEST_WAIT else _LONGEST_WAIT)
        return Response(uws.job(job, f"{_base(request)}/async/{job.id}"), media_type=_XML)

    async def _changed(self, job: Job, seconds: float) -> None:
        if self.jobs.switches.early:
            return
        waits = [asyncio.create_task(event.wait()) for event in (job.changed, self._board.closing)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _act(self, request: Request) -> Response:
        job = self._own(request)
        sent, tables = await parameters.read(request)
        if sent.pop("ACTION", "").upper() == "DELETE":
            return await self._delete(request)
        return self._changed_parameters(request, job, sent, tables)

    async def _delete(self, request: Request) -> Response:
        self.jobs.destroy(self._own(request))
        return RedirectResponse(f"{_base(request)}/async", 303)

    async def _result(self, request: Request) -> Response:
        job = self._own(request)
        if job.result is None:
            raise _NoJobError(404, "not found: result")
        if self.jobs.switches.storage:
            return self._put(job.result)
        return Response(job.result.content, media_type=job.result.kind)

    async def _part(self, request: Request) -> Response:
        job, what = self._own(request), request.path_params["what"]
        if what == "error" and job.phase == "ERROR":
            return Response(votable.failure(job.words), media_type=_VOTABLE)
        if what == "parameters":
            return Response(uws.parameters(job), media_type=_XML)
        if what == "results":
            return Response(uws.results(job, f"{_base(request)}/async/{job.id}"), media_type=_XML)
        texts = {"phase": job.phase, "owner": job.owner, "quote": "", "executionduration": str(job.duration)}
        texts["destruction"] = uws.moment(job.destruction)
        if what not in texts:
            raise _NoJobError(404, f"not found: {what}")
        return PlainTextResponse(texts[what])

    async def _set(self, request: Request) -> Response:
        job, what = self._own(request), request.path_params["what"]
        sent, tables = await parameters.read(request)
        value = sent.get(what.upper(), "").upper()
        if what == "parameters":
            return self._changed_parameters(request, job, sent, tables)
        if what == "phase" and value in ("RUN", "ABORT"):
            (self.jobs.run if value == "RUN" else self.jobs.abort)(job)
            return self._see(request, job)
        try:
            if what == "destruction":
                job.destruction = min(uws.seconds(value), job.created + RETENTION)
                return self._see(request, job)
            if what == "executionduration":
                job.duration = min(int(value), job.duration) if int(value) > 0 else job.duration
                return self._see(request, job)
        except ValueError:
            pass
        return PlainTextResponse(f"Invalid {what}: {value}", 400)

    def _changed_parameters(
        self, request: Request, job: Job, sent: dict[str, str], tables: dict[str, Upload]
    ) -> Response:
        if job.phase != "PENDING":
            return PlainTextResponse(f"The job is {job.phase}, its parameters stay as they are", 400)
        job.uploads.update(tables)
        job.parameters.update(sent)
        return self._see(request, job)

    def _own(self, request: Request) -> Job:
        job = self.jobs.all().get(request.path_params["id"])
        if job is None:
            raise _NoJobError(404, f"not found: {request.path_params['id']}")
        if job.owner != request.state.user:
            raise _NoJobError(403, "permission denied")
        return job

    @staticmethod
    def _see(request: Request, job: Job) -> Response:
        return RedirectResponse(f"{_base(request)}/async/{job.id}", 303)

    # -- what is there

    async def _capabilities(self, request: Request) -> Response:
        return Response(capabilities.document(_base(request), self.jobs.switches), media_type=_XML)

    async def _availability(self, _request: Request) -> Response:
        return Response(capabilities.AVAILABLE, media_type=_XML)

    async def _tables(self, request: Request) -> Response:
        name = request.path_params.get("name")
        found = tap_schema.document(name, columns=request.query_params.get("detail", "max") != "min")
        if found is None:
            raise _NoJobError(404, f"not found: {name}")
        return Response(found, media_type=_XML)


class _NoJobError(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def _nowhere(request: Request) -> Response:
    raise _NoJobError(404, f"not found: {request.path_params['path']}")


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PATH}"


def _prepare(engine: Engine) -> None:
    from skykey.sandbox.tap.geometry import MACROS

    cursor = engine.open()
    try:
        cursor.execute(MACROS)
        tap_schema.fill(cursor)
    finally:
        engine.close(cursor)


def _pieces(engine: Engine, job: Job, switches: Switches) -> tuple[Iterator[bytes], str]:
    """Begin to answer, so far that what is wrong with the question has been said; not in the loop's thread."""
    from skykey.sandbox.tap.answers import answered
    from skykey.sandbox.tap.formats import written

    sent = job.parameters
    text = parameters.query(sent)
    alias, limit = parameters.alias(sent, switches), parameters.limit(sent, switches)
    cursor = engine.open()
    job.interrupt = cursor.interrupt

    def pieces() -> Iterator[bytes]:
        try:
            answer = answered(cursor, text, limit, job.uploads, switches)
            yield b""  # all was well so far
            yield from written(answer, alias, cursor, engine.folder, switches)
        finally:
            job.interrupt = None
            engine.close(cursor)

    begun = pieces()
    next(begun)
    return begun, FORMATS[alias]


def _answered(engine: Engine, job: Job, switches: Switches) -> Result:
    pieces, kind = _pieces(engine, job, switches)
    return Result(b"".join(pieces), kind)


def _response(engine: Engine, job: Job, switches: Switches) -> Response:
    """Send a small answer whole, with its length, and a large one as it comes."""
    rest, kind = _pieces(engine, job, switches)
    first = b""
    for piece in rest:
        first += piece
        if len(first) >= _AT_ONCE:
            # A plain iterator: Starlette takes each next piece in a thread, so the loop stays free.
            return StreamingResponse(chain([first], rest), media_type=kind)
    return Response(first, media_type=kind)
