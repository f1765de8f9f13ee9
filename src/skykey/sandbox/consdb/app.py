"""The HTTP face: `/consdb` of a site, behind its ingress."""

from __future__ import annotations

import asyncio
import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from skykey.sandbox.consdb import schema
from skykey.sandbox.consdb.errors import RefusedError, StatementError
from skykey.sandbox.routes import get, post, service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from skykey.sandbox.consdb.engine import Answer, Engine
    from skykey.sandbox.gafaelfawr import Gafaelfawr

OBS_TYPES = ("exposure", "visit1", "ccdexposure", "ccdvisit1")
_FLEXIBLE = ("exposure", "ccdexposure")
_DTYPES = ("bool", "int", "float", "str")
_IDS = ("ccdvisit_id", "visit_id", "ccdexposure_id", "exposure_id", "obs_id")
_NOT_PLAYED = ("/table_consistency", "/table_consistency/{instrument}/{day_obs}", "/openapi.json", "/docs", "/redoc")
_ZIPPED_FROM = 1000


class InvalidError(Exception):
    """A request that the service cannot take: FastAPI's 422, or its own 404 for a value that it does not know."""

    def __init__(self, status: int, content: dict[str, Any]) -> None:
        super().__init__(status)
        self.status, self.content = status, content


class ConsDb:
    """ConsDB of one site, for reading. The year is made at the first question."""

    def __init__(self, gatekeeper: Gafaelfawr) -> None:
        self._gatekeeper = gatekeeper
        self._making: asyncio.Task[Engine] | None = None
        flex = "/flex/{instrument}/{obs_type}"
        below = "/insert/{instrument}/{table}"
        inner = service(
            [
                get("/", self._metadata),
                post("/query", _guarded(self._query)),
                get("/schema", self._instruments),
                get("/schema/{instrument}", _guarded(self._tables)),
                get("/schema/{instrument}/{table}", _guarded(self._columns)),
                get("/query/{instrument}/{obs_type}/obs/{obs_id}", _guarded(self._observation)),
                get(flex + "/schema", _guarded(self._keys)),
                get(flex + "/obs/{obs_id}", _guarded(self._values)),
                *(get(path, _refuse) for path in _NOT_PLAYED),
                *(post(path, _refuse) for path in (flex + "/addkey", flex + "/obs/{obs_id}", below)),
                *(post(below + rest, _refuse) for rest in ("/obs/{obs_id}", "/by_seq_num/{rest:path}")),
            ]
        )
        self._inner = GZipMiddleware(inner, minimum_size=_ZIPPED_FROM, compresslevel=1)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the origin. The ingress asks for the scope before anybody looks at the path."""

        async def behind(_request: Request) -> Response:
            return _Inside(self._inner)

        async def bare(request: Request) -> Response:
            return RedirectResponse(request.url.replace(path="/consdb/"))

        protect = self._gatekeeper.protect
        every = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        within = Route("/{path:path}", protect("consdb", "read:image", endpoint=behind), methods=every)
        return [
            Route("/consdb", protect("consdb", "read:image", endpoint=bare), methods=every),
            Mount("/consdb", routes=[within]),
        ]

    async def engine(self) -> Engine:
        """Return the year, which is made at the first question."""
        # Shielded: a client that goes away while it waits must not end the making for all.
        self._making = self._making or asyncio.create_task(asyncio.to_thread(_made), name="consdb")
        return await asyncio.shield(self._making)

    async def close(self) -> None:
        """Wait for the year if it is being made, which cannot be interrupted, and stop what is being answered."""
        if self._making is not None:
            (engine,) = await asyncio.gather(self._making, return_exceptions=True)
            if not isinstance(engine, BaseException):
                engine.stop()

    async def _metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "name": "consdb-pqserver",
                "version": "26.8.0",
                "description": "Counterpart in the Skykey sandbox",
                "repository_url": "https://github.com/lsst-dm/consdb",
                "documentation_url": "https://consdb.lsst.io/",
                "instruments": list(schema.INSTRUMENTS),
                "obs_types": list(OBS_TYPES),
                "dtypes": list(_DTYPES),
            }
        )

    async def _query(self, request: Request) -> Response:
        from skykey.sandbox.consdb.engine import PercentError

        commit = _number(request.query_params.get("commit", "0"), "query", "commit")
        statement = await _statement(request)
        engine = await self.engine()
        try:
            answer = await asyncio.to_thread(engine.run, statement)
        except PercentError:
            return PlainTextResponse("Internal Server Error", 500)
        except StatementError as error:
            return JSONResponse({"message": error.message(statement.replace("%%", "%"), statement)}, 500)
        except RefusedError as error:
            return JSONResponse({"message": str(error)}, 500)
        if answer.columns is None:
            return JSONResponse({"columns": ["commit"], "data": [[commit]]})
        return await asyncio.to_thread(_written, answer)

    async def _instruments(self, _request: Request) -> Response:
        return JSONResponse(list(schema.INSTRUMENTS))

    async def _tables(self, request: Request) -> Response:
        return JSONResponse(_known(_instrument(request)))

    async def _columns(self, request: Request) -> Response:
        instrument, table = _instrument(request), request.path_params["table"].lower()
        name = table if table.startswith(f"cdb_{instrument}.") else f"cdb_{instrument}.{table}"
        if name not in _known(instrument):
            raise _unknown("table", name, _known(instrument))
        return JSONResponse({column.name: [column.sql, None] for column in schema.tables()[name]})

    async def _observation(self, request: Request) -> Response:
        instrument, kind, number = _instrument(request), _obs_type(request), _obs_id(request)
        engine, table = await self.engine(), f"cdb_{instrument}.{kind}"
        own = _id_column(table)
        more = f"{table}_quicklook"
        sql = f"SELECT * FROM {table} AS a LEFT JOIN {more} AS b ON a.{own} = b.{own} WHERE a.{own} = ?"  # noqa: S608
        found = await asyncio.to_thread(engine.rows, sql, [number])
        if not found:
            return JSONResponse({"detail": f"Observation {number} not found."}, 404)
        values = found[0]
        if request.query_params.get("flex", "0") not in ("0", "false") and kind in _FLEXIBLE:
            values |= await asyncio.to_thread(_flexible, engine, table, number, [])
        return _document(values)

    async def _keys(self, request: Request) -> Response:
        table = f"cdb_{_instrument(request)}.{_flexible_type(request)}"
        found = (await self.engine()).rows(f"SELECT * FROM {table}_flexdata_schema", [])  # noqa: S608
        return JSONResponse({row["key"]: [row[name] for name in ("dtype", "doc", "unit", "ucd")] for row in found})

    async def _values(self, request: Request) -> Response:
        table, number = f"cdb_{_instrument(request)}.{_flexible_type(request)}", _obs_id(request)
        keys = request.query_params.getlist("k")
        return JSONResponse(await asyncio.to_thread(_flexible, await self.engine(), table, number, keys))


class _Inside(Response):
    """The service's own answer, whatever it will be, with the headers that the ingress adds."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app, self.raw_headers = app, []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self.raw_headers]}
            await send(message)

        await self._app(scope, receive, noted)


def _made() -> Engine:
    from skykey.sandbox.consdb.engine import Engine

    return Engine()


def _guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except InvalidError as error:
            return JSONResponse(error.content, error.status)

    return guarded


async def _refuse(request: Request) -> Response:
    return JSONResponse({"message": str(RefusedError(f"{request.method} {request.url.path}"))}, 500)


def _written(answer: Answer) -> Response:
    """Send a small answer whole, with its length, and a large one as it comes."""
    pieces, size, rest = [], 0, answer.json()
    for piece in rest:
        pieces.append(piece)
        size += len(piece)
        if size >= _ZIPPED_FROM:
            # A plain iterator: Starlette takes each next piece in a thread, so the loop stays free.
            return StreamingResponse(chain([b"".join(pieces)], rest), media_type="application/json")
    return Response(b"".join(pieces), media_type="application/json")


async def _statement(request: Request) -> str:
    body = await request.body()
    if not body:
        raise _unprocessable("missing", ["body"], "Field required", None)
    try:
        sent = json.loads(body)
    except ValueError as error:
        place = getattr(error, "pos", 0)
        why = {"error": getattr(error, "msg", "not UTF-8")}
        raise _unprocessable("json_invalid", ["body", place], "JSON decode error", {}, ctx=why) from None
    if not isinstance(sent, dict):
        words = "Input should be a valid dictionary or object to extract fields from"
        raise _unprocessable("model_attributes_type", ["body"], words, sent)
    if "query" not in sent:
        raise _unprocessable("missing", ["body", "query"], "Field required", sent)
    if not isinstance(sent["query"], str):
        raise _unprocessable("string_type", ["body", "query"], "Input should be a valid string", sent["query"])
    return sent["query"]


def _unprocessable(kind: str, place: list[str | int], words: str, sent: Any, **more: Any) -> InvalidError:
    return InvalidError(422, {"detail": [{"type": kind, "loc": place, "msg": words, "input": sent, **more}]})


def _unknown(kind: str, value: str, valid: list[str]) -> InvalidError:
    return InvalidError(404, {"message": f"Invalid {kind}", "value": value, "valid": valid})


def _number(text: str, where: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        words = "Input should be a valid integer, unable to parse string as an integer"
        raise _unprocessable("int_parsing", [where, name], words, text) from None


def _instrument(request: Request) -> str:
    sent: str = request.path_params["instrument"]
    if sent.lower() not in schema.INSTRUMENTS:
        raise _unknown("instrument", sent, list(schema.INSTRUMENTS))
    return sent.lower()


def _obs_type(request: Request) -> str:
    sent: str = request.path_params["obs_type"]
    if sent.lower() not in OBS_TYPES:
        expected = ", ".join(f"'{kind}'" for kind in OBS_TYPES[:-1]) + f" or '{OBS_TYPES[-1]}'"
        words = f"Input should be {expected}"
        raise _unprocessable("enum", ["path", "obs_type"], words, sent, ctx={"expected": expected})
    return sent.lower()


def _flexible_type(request: Request) -> str:
    if (kind := _obs_type(request)) not in _FLEXIBLE:
        raise _unknown("observation type", kind, list(_FLEXIBLE))
    return kind


def _obs_id(request: Request) -> int:
    return _number(request.path_params["obs_id"], "path", "obs_id")


def _known(instrument: str) -> list[str]:
    return [name for name in schema.tables() if name.startswith(f"cdb_{instrument}.")]


def _id_column(table: str) -> str:
    names = {column.name for column in schema.tables()[table]}
    return next(name for name in _IDS if name in names)


def _flexible(engine: Engine, table: str, number: int, keys: list[str]) -> dict[str, Any]:
    sql = (
        f"SELECT key, value, dtype FROM {table}_flexdata JOIN {table}_flexdata_schema USING (key) "  # noqa: S608
        "WHERE obs_id = ? AND (len(?::VARCHAR[]) = 0 OR list_contains(?::VARCHAR[], key)) ORDER BY key"
    )
    return {row["key"]: _typed(row["dtype"], row["value"]) for row in engine.rows(sql, [number, keys, keys])}


def _typed(kind: str, text: str) -> bool | int | float | str:
    if kind == "bool":
        return text.lower() in ("true", "t", "1")
    return int(text) if kind == "int" else float(text) if kind == "float" else text


def _document(values: dict[str, Any]) -> Response:
    from skykey.sandbox.consdb.engine import document

    return Response(document(values), media_type="application/json")
