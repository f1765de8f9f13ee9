"""The HTTP face: `/query`, `/write`, `/ping`, `/health`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
import uuid
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from skykey.sandbox.influxdb import answer, bundled, influxql
from skykey.sandbox.influxdb.engine import Engine
from skykey.sandbox.influxdb.errors import HttpError
from skykey.sandbox.influxdb.line_protocol import points
from skykey.sandbox.influxdb.results import whole

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from starlette.requests import Request

    from skykey.sandbox.influxdb.store import Store

VERSION = "1.6.7~rc0"
_CHUNK = 10_000
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="InfluxDB"'}


class InfluxService:
    """InfluxDB 1.x, over the bundled data.

    Parameters
    ----------
    logins
        Names and passwords. It is asked at every request, so a password changed in it holds from then on.
    store
        Other data than the bundled.
    writers
        The names that may also write.
    """

    def __init__(
        self, logins: Mapping[str, str], store: Store | None = None, writers: Container[str] = frozenset()
    ) -> None:
        self._logins = logins
        self._writers = writers
        self._store = store or bundled.shared()
        self.app = Starlette(
            routes=[
                Route("/query", self._query, methods=["GET", "POST"]),
                Route("/write", self._write, methods=["POST"]),
                Route("/ping", self._ping),
                Route("/health", self._health),
            ],
            exception_handlers={HttpError: _refusal},
        )

    async def _ping(self, request: Request) -> Response:
        return Response(status_code=204, headers=_headers(_form(request).content_type))

    async def _health(self, _request: Request) -> Response:
        # 1.6.7 has no such page, later ones do, and the official client asks for it.
        state = {"name": "influxdb", "message": "ready for queries and writes", "status": "pass"}
        return JSONResponse(state | {"checks": [], "version": VERSION}, headers=_headers("application/json"))

    async def _query(self, request: Request) -> Response:
        self._login(request)
        given, form = await _parameters(request), _form(request)
        if not (text := given.get("q", "").strip()):
            raise HttpError(400, 'missing required parameter "q"')
        headers, documents = _headers(form.content_type), self._documents(given, influxql.parse(text), form)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            documents = _zipped(documents)
        # A plain iterator: Starlette takes each next document in a thread, so the loop stays free.
        return StreamingResponse(documents, headers=headers)

    async def _write(self, request: Request) -> Response:
        name = self._login(request)
        given = dict(reversed(request.query_params.multi_items()))
        if not (database := given.get("db", "")):
            raise HttpError(400, "database is required")
        if database not in self._store.databases:
            raise HttpError(404, f'database not found: "{database}"')
        if name not in self._writers:
            raise HttpError(403, f'"{name}" user is not authorized to write to database "{database}"')
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = await asyncio.to_thread(zlib.decompress, body, 31)
        unit, now = answer.unit(given.get("precision", "")), time.time_ns()
        written = await asyncio.to_thread(points, body.decode(errors="replace"), unit, now)
        if given.get("rp", "") not in {"", "autogen"}:
            raise HttpError(500, f"retention policy not found: {given['rp']}")
        await asyncio.to_thread(self._store.write, database, written)
        return Response(status_code=204, headers=_headers(_form(request).content_type))

    def _documents(
        self, given: Mapping[str, str], statements: Sequence[influxql.Statement], form: answer.Form
    ) -> Iterator[bytes]:
        chunked = given.get("chunked") == "true"
        asked = given.get("chunk_size", "") if chunked else ""
        size = int(asked[:15]) if asked.isdecimal() and int(asked[:15]) else _CHUNK
        results = Engine(self._store, given.get("db", ""), given.get("rp", ""), size).run(statements)
        epoch = given.get("epoch", "").strip()
        if chunked:
            for result in results:
                yield form.answer([result], epoch)
        else:
            yield form.answer(whole(results), epoch)

    def _login(self, request: Request) -> str:
        """Give the name of who asks, or refuse in 1.6.7's words."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name, password = request.query_params.get("u", ""), request.query_params.get("p", "")
        if not (name and password):
            if scheme == "Bearer":
                raise HttpError(401, "bearer auth disabld")  # as it is spelled there
            try:
                decoded = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                decoded = ""
            name, colon, password = decoded.partition(":")
            if scheme.lower() != "basic" or not colon:
                raise HttpError(401, "unable to parse authentication credentials")
        expected = self._logins.get(name)
        if expected is None or not hmac.compare_digest(expected.encode(), password.encode()):
            raise HttpError(401, "authorization failed")
        return name


def _form(request: Request) -> answer.Form:
    return answer.chosen(request.headers.get("accept", ""))


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HttpError)  # noqa: S101 (this is what it handles)
    form = _form(request)
    shown = " ".join(str(error).encode("ascii", "backslashreplace").decode().splitlines())
    about = {"X-Influxdb-Error": shown} if error.status != HTTPStatus.UNAUTHORIZED else _CHALLENGE
    return Response(form.error(str(error)), error.status, _headers(form.content_type) | about)


async def _parameters(request: Request) -> dict[str, str]:
    """Read the form and the address; the form wins, and the first of a name."""
    pairs: list[tuple[str, str]] = []
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
    return dict(reversed([*pairs, *request.query_params.multi_items()]))


def _headers(content_type: str) -> dict[str, str]:
    number = str(uuid.uuid1())
    own = {"X-Influxdb-Build": "OSS", "X-Influxdb-Version": VERSION}
    return {"Content-Type": content_type, "Request-Id": number, "X-Request-Id": number} | own


def _zipped(documents: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)  # quick: nobody pays for the loopback interface
    for document in documents:
        # Each document can be read as soon as it is there.
        yield packer.compress(document) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
