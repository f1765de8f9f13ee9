"""Searches: what is found, in which order, and which page of it."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import query, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.errors import Refused
from skykey.sandbox.gracedb.store import Thing

_LARGEST = 1000
_PAGE = {"event": 100, "superevent": 1024}  # also where the client asks for more than `_LARGEST`
_SHAPE: dict[str, Callable[..., shapes.Json]] = {"event": shapes.event, "superevent": shapes.superevent}
_READ = {"event": query.events, "superevent": query.superevents}
_EVENT = "created group pipeline search gpstime far submitter nevents instruments likelihood"
_SUPEREVENT = "created t_0 t_start t_end superevent_id category em_type is_gw time_coinc_far space_coinc_far"
#: Field that one may sort by -> where it stands.
_FIELDS = {
    "event": {name: name for name in _EVENT.split()} | {"id": "number", "graceid": "number"},
    "superevent": {name: name for name in _SUPEREVENT.split()}
    | {"id": "order", "preferred_event": "preferred", "default_superevent_id": "superevent_id"},
}


async def events(asked: Asked) -> Response:
    return _answer(asked, "event")


async def superevents(asked: Asked) -> Response:
    return _answer(asked, "superevent")


def _answer(asked: Asked, kind: str) -> Response:
    found = [thing for thing in asked.store.all(kind) if asked.sees(thing)]
    if text := (asked.query.get("query") or "").strip():
        suits = _predicate(asked, kind, text)
        found = [thing for thing in found if suits(_SHAPE[kind](asked, thing, whole=True))]
    _sort(found, asked.query.get("sort") or "-created", _FIELDS[kind])
    start, count = _number(asked, "start", 0), _number(asked, "count", _PAGE[kind]) or _PAGE[kind]
    count = min(count, max(_LARGEST, _PAGE[kind]))
    rows = [_SHAPE[kind](asked, thing) for thing in found[start : start + count]]
    links = _links(asked, f"{asked.here}{kind}s/", start, count, len(found))
    if kind == "event" and not asked.is_v2:
        links = {name: link for name, link in links.items() if link}  # the last page has no "next" at all
    return JSONResponse({"numRows": len(found), f"{kind}s": rows, "links": links})


def _predicate(asked: Asked, kind: str, text: str) -> Callable[[shapes.Json], bool]:
    try:
        return _READ[kind](text, asked.now)
    except query.InvalidQuery as error:
        if asked.is_v2:
            said = {"error": "invalid_query", "message": str(error), "path": "query", "version": "2"}
            raise Refused(400, said) from None
        raise Refused(400, {"error" if kind == "event" else "detail": "Invalid query"}) from None


def _sort(found: list[Thing], order: str, fields: dict[str, str]) -> None:
    # By the last field first: a sort keeps what the one before has put in order.
    found.sort(key=lambda thing: thing.facts["order"], reverse=order.startswith("-"))
    for name in reversed(order.split(",")):
        if where := fields.get(name.strip().removeprefix("-")):
            found.sort(key=lambda thing, where=where: _rank(thing, where), reverse=name.strip().startswith("-"))  # type: ignore[misc]


def _rank(thing: Thing, where: str) -> tuple[bool, Any]:
    value = thing.facts["gw_id"] is not None if where == "is_gw" else thing.facts[where]
    return value is None, 0 if value is None else value  # nothing comes last, as in PostgreSQL


def _number(asked: Asked, name: str, default: int) -> int:
    sent = asked.query.get(name, "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else default  # noqa: PLR2004


def _links(asked: Asked, address: str, start: int, count: int, rows: int) -> dict[str, str | None]:
    kept = [(name, value) for name, value in asked.query.multi_items() if name not in ("start", "count")]

    def page(first: int) -> str:
        return f"{address}?{urlencode([*kept, ('start', first), ('count', count)])}"

    return {
        "self": page(start),
        "next": page(start + count) if start + count < rows else None,
        "previous": page(max(0, start - count)) if start else None,
        "first": page(0),
        "last": page(max(0, rows - 1) // count * count),
    }


def cut(asked: Asked, address: str, rows: Sequence[Any], size: int) -> shapes.Json:
    """Return one page as the framework itself makes them."""
    start, count = _number(asked, "start", 0), _number(asked, "count", size) or size
    links = _links(asked, address, start, count, len(rows))
    found = list(rows[start : start + count])
    return {"count": len(rows), "next": links["next"], "previous": links["previous"], "results": found}
