"""Signoffs of superevents: a label asks for one, which puts its outcome in that label's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import labels, shapes
from skykey.sandbox.gracedb.constants import INSTRUMENTS, SIGNOFF_STATUSES, SIGNOFF_TYPES
from skykey.sandbox.gracedb.errors import Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Collection

    from skykey.sandbox.gracedb.asked import Asked
    from skykey.sandbox.gracedb.store import Thing


def _shape(asked: Asked, superevent: Thing, signoff: shapes.Json) -> shapes.Json:
    name = signoff["signoff_type"] + signoff["instrument"]
    return signoff | {"self": shapes.url(asked, superevent, "signoffs", name, "")}


def _chosen(asked: Asked, field: str, known: Collection[str]) -> str:
    value = asked.needed(field)
    if value not in known:
        raise invalid(f'"{value}" is not a valid choice.')
    return value


def _who(signoff: shapes.Json) -> tuple[str, str]:
    """Return the label that asks for a signoff, and the beginning of its outcomes."""
    ifo = signoff["instrument"]
    return (f"{ifo}OPS", ifo) if signoff["signoff_type"] == "OP" else ("ADVREQ", "ADV")


def _found(asked: Asked, superevent: Thing) -> shapes.Json:
    for signoff in superevent.facts["signoffs"]:
        if signoff["signoff_type"] + signoff["instrument"] == asked.path["typeinst"]:
            return dict(signoff)
    raise Refused(404, {"detail": "Signoff not found."})


def _may(asked: Asked, kind: str) -> None:
    asked.internal()
    asked.need(kind != "ADV" or "em_advocates" in asked.person.groups)


async def listed(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    rows = [_shape(asked, superevent, signoff) for signoff in superevent.facts["signoffs"]]
    links = {"self": shapes.url(asked, superevent, "signoffs", ""), "superevent": shapes.url(asked, superevent)}
    return JSONResponse({"links": links, "signoffs": rows})


async def one(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    return JSONResponse(_shape(asked, superevent, _found(asked, superevent)))


async def created(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    kind = _chosen(asked, "signoff_type", SIGNOFF_TYPES)
    _may(asked, kind)
    ifo = _chosen(asked, "instrument", INSTRUMENTS) if kind == "OP" else ""
    signoff = {"signoff_type": kind, "instrument": ifo, "status": _chosen(asked, "status", SIGNOFF_STATUSES)}
    signoff |= {"submitter": asked.person.username, "comment": asked.form.get("comment") or ""}
    request, who = _who(signoff)
    if request not in shapes.labels_of(superevent):
        raise invalid(f"Superevent is not labeled with '{request}', so no such signoff is asked for")
    with asked.store.change():
        superevent.facts["signoffs"].append(signoff)
        labels.take(asked, superevent, request)
        labels.put(asked, superevent, who + signoff["status"])
        asked.log(superevent, f"{SIGNOFF_TYPES[kind]} signoff {ifo} certified status as {signoff['status']}".strip())
    return JSONResponse(_shape(asked, superevent, signoff), 201)


async def changed(asked: Asked) -> Response:
    superevent = asked.superevent
    old = _found(asked, superevent)
    _may(asked, old["signoff_type"])
    form, status = asked.form, old["status"]
    if "status" in form.fields:
        status = _chosen(asked, "status", SIGNOFF_STATUSES)
    comment = form.fields["comment"][-1] if "comment" in form.fields else old["comment"]
    if (status, comment) == (old["status"], old["comment"]):
        raise invalid("Request would not modify the signoff")
    new = old | {"status": status, "comment": comment}
    signoffs = superevent.facts["signoffs"]
    with asked.store.change():
        signoffs[signoffs.index(old)] = new
        asked.store.touch(superevent)
        if status != old["status"]:
            labels.take(asked, superevent, _who(old)[1] + old["status"])
            labels.put(asked, superevent, _who(old)[1] + status)
        asked.log(superevent, f"Signoff {old['signoff_type']}{old['instrument']} updated")
    return JSONResponse(_shape(asked, superevent, new))


async def removed(asked: Asked) -> Response:
    superevent = asked.superevent
    signoff = _found(asked, superevent)
    _may(asked, signoff["signoff_type"])
    request, who = _who(signoff)
    with asked.store.change():
        superevent.facts["signoffs"].remove(signoff)
        labels.take(asked, superevent, who + signoff["status"])
        labels.put(asked, superevent, request)
        asked.log(superevent, f"Signoff {signoff['signoff_type']}{signoff['instrument']} deleted")
    return Response(status_code=204)


async def of_event(asked: Asked) -> Response:
    event = asked.event
    asked.internal()
    return JSONResponse({"links": {"self": shapes.url(asked, event, "signoff", "")}, "signoff": []})


ROUTES = {
    "events/{graceid}/signoff/": {"GET": of_event},
    "superevents/{superevent_id}/signoffs/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/signoffs/{typeinst}/": {"GET": one, "PATCH": changed, "DELETE": removed},
}
