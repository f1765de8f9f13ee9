"""The logs over HTTP, each as an application of its own, as FastAPI words its answers."""

import functools
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from skykey.sandbox.gafaelfawr import Gafaelfawr
from skykey.sandbox.logs import made_up
from skykey.sandbox.logs.table import Row, naive, tags
from skykey.sandbox.logs.tables import EXPOSURES, LOGS, Log
from skykey.sandbox.logs.values import KINDS, Kind, Refused, invalid, missing, read, unplayed
from skykey.sandbox.routes import Endpoint, get, service

_SITE = {"site_id": "usdf"}
_BUTLERS = {"butler_uri_1": "/repo/main", "butler_uri_2": "", "butler_uri_3": ""}
_TAI = timedelta(seconds=37)  # TAI minus UTC, since 2017


def mounts(gatekeeper: Gafaelfawr, now: Callable[[], float]) -> list[BaseRoute]:
    """Return the three logs, for the root of a site. The gatekeeper asks for no scope."""
    return [Mount(f"/{log.name}", _Service(log, gatekeeper, now).app()) for log in LOGS]


class _Service:
    def __init__(self, log: Log, gatekeeper: Gafaelfawr, now: Callable[[], float]) -> None:
        self._log, self._gatekeeper, self._now = log, gatekeeper, now

    @functools.cached_property
    def _rows(self) -> dict[str, Row]:
        return {row["id"]: row for row in made_up.rows(self._log.name)}

    def app(self) -> Starlette:
        rows = f"/{self._log.noun}s"
        one, has = f"{rows}/{{id}}", self._log.name
        documents: dict[str, Any] = {"/configuration": _SITE | (_BUTLERS if has == "exposurelog" else {})}
        if has == "narrativelog":
            documents["/version"] = {"version": "0.7.0"}
        if has == "exposurelog":
            documents["/instruments"] = {
                f"butler_instruments_{n}": made_up.INSTRUMENTS if n == 1 else [] for n in (1, 2, 3)
            }
        answers: dict[str, Endpoint] = {
            path: functools.partial(_document, document) for path, document in documents.items()
        }
        answers |= {rows: self._find} | ({"/exposures": _exposures} if has == "exposurelog" else {})
        routes = [
            Route(path, self._behind(endpoint), methods=[method])
            for method, path, endpoint in [
                ("POST", rows, self._add),
                ("POST", f"{rows}/", self._add),
                ("DELETE", one, self._delete),
                ("PATCH", one, self._edit),
            ]
        ]
        reading = {"/": self._root, one: self._one} | answers | {f"{path}/": answers[path] for path in answers}
        return service([*routes, *(get(path, self._behind(endpoint)) for path, endpoint in reading.items())])

    def _behind(self, endpoint: Endpoint) -> Endpoint:
        async def answering(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as error:
                return JSONResponse({"detail": error.detail}, error.status)

        return self._gatekeeper.protect(self._log.name, endpoint=answering)

    async def _root(self, _request: Request) -> Response:
        return HTMLResponse(f"<html><head><title>{self._log.name}</title></head><body>Skykey sandbox</body></html>")

    async def _find(self, request: Request) -> Response:
        return _answer(self._log.table.find(self._rows.values(), request.query_params))

    async def _one(self, request: Request) -> Response:
        return _answer(self._known(request))

    async def _add(self, request: Request) -> Response:
        log = self._log
        is_new = {"is_new": KINDS["bool"]} if log.name == "exposurelog" else {}  # must be there, and is not kept
        sent = self._sent(await request.body(), request, f"{log.needed} {' '.join(is_new)}", is_new)
        for name in ("date_begin", "date_end"):
            if name in sent and sent[name].tzinfo:
                raise Refused(400, f"{name} must not have a time zone suffix")
        row: Row = dict.fromkeys(log.table.fields) | log.optional | sent
        if row.pop("is_new", None) is not None:
            row |= made_up.numbers(row["instrument"], row["obs_id"])
        return self._put(row | {"date_added": self._tai()})

    async def _edit(self, request: Request) -> Response:
        sent = naive(self._sent(await request.body(), request, "", {"site_id": KINDS["text"]}))
        sent = {name: value for name, value in sent.items() if name not in self._log.fixed.split()}
        old, now = self._known(request, f"{self._log.edited} with id={{}} not found"), self._tai()
        added = old["date_added"] if self._log.name == "nightreport" else now
        answer = self._put(old | sent | {"parent_id": old["id"], "date_added": added})
        old |= {"date_invalidated": now, "is_valid": False}
        return answer

    async def _delete(self, request: Request) -> Response:
        row = self._known(request)
        row |= {"date_invalidated": row["date_invalidated"] or self._tai(), "is_valid": False}
        return Response(status_code=204)

    def _sent(self, content: bytes, request: Request, needed: str, more: dict[str, Kind]) -> Row:
        """Read a body. What is null counts as not sent, and in what is no object nothing was sent at all."""
        log = self._log
        kinds = {name: log.table.fields[name] for name in (*log.needed.split(), *log.optional)} | more
        body, absent = _parsed(content, request), needed.split()
        if not isinstance(body, dict):
            body, absent = {}, list(kinds)
        given = [(name, kind, body[name]) for name, kind in kinds.items() if body.get(name) is not None]
        given += [(name, missing, None) for name in absent if body.get(name) is None]
        sent: Row = read([("body", read, given)])["body"]
        return sent | ({"tags": tags(sent["tags"])} if "tags" in sent else {})

    def _put(self, row: Row) -> Response:
        row |= _SITE | {"id": str(uuid.uuid4()), "is_valid": True, "date_invalidated": None}
        self._rows[row["id"]] = row
        return _answer(row)

    def _known(self, request: Request, words: str = "") -> Row:
        asked = request.path_params["id"]
        try:
            return self._rows[str(uuid.UUID(asked))]
        except ValueError:
            raise unplayed("ids that are no UUID") from None
        except KeyError:
            raise Refused(404, (words or f"No {self._log.noun} found with id={{}}").format(asked)) from None

    def _tai(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None) + _TAI


async def _document(content: dict[str, Any], _request: Request) -> Response:
    return JSONResponse(content)


async def _exposures(request: Request) -> Response:
    sent = request.query_params
    found = EXPOSURES.find(made_up.exposures(), sent)
    if int(sent.get("registry", 1)) > 1:
        raise Refused(404, "registry=2 but no second registry configured")
    begin, end = (KINDS["date"](sent[name]) if name in sent else None for name in ("min_date", "max_date"))
    return _answer([] if begin and end and end <= begin else found)  # nothing overlaps an empty span


def _parsed(content: bytes, request: Request) -> Any:
    kind = request.headers.get("content-type", "application/json")
    if not content or kind.partition(";")[0].strip() != "application/json":
        return None if content else {}
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        wrong = invalid(str(error), "value_error.jsondecode", msg=error.msg, doc=error.doc, pos=error.pos)
        raise Refused(422, [wrong.detail[0] | {"loc": ["body", error.pos]}]) from None


def _answer(content: Row | list[Row]) -> Response:
    text = json.dumps(content, default=datetime.isoformat, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json")
