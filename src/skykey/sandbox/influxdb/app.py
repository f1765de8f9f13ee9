"""The HTTP face: `/query`, `/ping`, `/health`."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from skykey.sandbox.influxdb import answer, bundled, influxql
from skykey.sandbox.influxdb.engine import Engine
from skykey.sandbox.influxdb.errors import RefusedError
from skykey.sandbox.influxdb.results import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.requests import Request

    from skykey.sandbox.influxdb.store import Store

VERSION = "1.6.7~rc0"
_CHUNK = 10_000


class InfluxService:
    """InfluxDB 1.x for reading, over the bundled data.

    Parameters
    ----------
    logins
        Names and passwords. It is asked at every request, so a password changed in it holds from then on.
    store
        Other data than the bundled.
    """

    def __init__(self, logins: Mapping[str, str], store: Store | None = None) -> None:
        self._logins = logins
        self._store = store or bundled.shared()
        self.app = Starlette(
            routes=[
                Route("/query", self._query, methods=["GET", "POST"]),
                Route("/ping", self._ping),
                Route("/health", self._health),
            ]
        )

    async def _ping(self, request: Request) -> Response:
        form = answer.chosen(request.headers.get("accept", ""))
        return Response(status_code=204, headers=_headers(form.content_type))

    async def _health(self, _request: Request) -> Response:
        # 1.6.7 has no such page, later ones do, and the official client asks for it.
        state = {"name": "influxdb", "message": "ready for queries and writes", "status": "pass"}
        return JSONResponse(state | {"checks": [], "version": VERSION}, headers=_headers("application/json"))

    async def _query(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        form = answer.chosen(accept)
        if refused := self._unauthorized(request):
            challenge = {"WWW-Authenticate": 'Basic realm="InfluxDB"'}
            return Response(form.error(refused), 401, _headers(form.content_type) | challenge)
        given = await _parameters(request)
        try:
            statements = _statements(given, accept)
        except RefusedError as error:
            shown = str(error).encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")
            headers = _headers(form.content_type) | {"X-Influxdb-Error": shown}
            return Response(form.error(str(error)), 400, headers)
        headers = _headers(form.content_type)
        documents = self._documents(given, statements, form)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            documents = _zipped(documents)
        # A plain iterator: Starlette takes each next document in a thread, so the loop stays free.
        return StreamingResponse(documents, headers=headers)

    def _documents(
        self, given: Mapping[str, str], statements: Sequence[influxql.Statement], form: answer.Json | answer.MessagePack
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

    def _unauthorized(self, request: Request) -> str:
        """Say why a request may not pass, in 1.6.7's words; nothing if it may."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name, password = request.query_params.get("u", ""), request.query_params.get("p", "")
        if not (name and password):
            if scheme == "Bearer":
                return "bearer auth disabld"  # as it is spelled there
            try:
                decoded = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                decoded = ""
            name, colon, password = decoded.partition(":")
            if scheme.lower() != "basic" or not colon:
                return "unable to parse authentication credentials"
        expected = self._logins.get(name)
        same = hmac.compare_digest((expected or "").encode(), password.encode())
        return "" if expected is not None and same else "authorization failed"


def _statements(given: Mapping[str, str], accept: str) -> list[influxql.Statement]:
    if not (text := given.get("q", "").strip()):
        raise RefusedError('missing required parameter "q"')
    advice = "the sandbox answers few statements, in JSON and MessagePack; the real server all: --real influxdb"
    if accept in {"application/csv", "text/csv"}:
        raise RefusedError(f"no CSV here ({advice})")
    try:
        return influxql.parse(text)
    except RefusedError as error:
        raise RefusedError(f"{error} ({advice})") from None


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
