"""Signoffs of superevents: a label asks for one, which puts its outcome in that label's place."""

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import labels, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import INSTRUMENTS, SIGNOFF_STATUSES, SIGNOFF_TYPES
from skykey.sandbox.gracedb.errors import invalid, missing
from skykey.sandbox.gracedb.store import Thing


def _name(signoff: shapes.Json) -> str:
    return str(signoff["signoff_type"] + signoff["instrument"])


def _shape(asked: Asked, superevent: Thing, signoff: shapes.Json) -> shapes.Json:
    return signoff | {"self": shapes.url(asked, superevent, "signoffs", _name(signoff))}


def _who(signoff: shapes.Json) -> tuple[str, str]:
    """Return the label that asks for a signoff, and the beginning of its outcomes."""
    ifo = signoff["instrument"]
    return (f"{ifo}OPS", ifo) if signoff["signoff_type"] == "OP" else ("ADVREQ", "ADV")


def _found(asked: Asked, superevent: Thing) -> shapes.Json:
    for signoff in superevent.facts["signoffs"]:
        if _name(signoff) == asked.path["typeinst"]:
            return dict(signoff)
    raise missing("Signoff")


def _may(asked: Asked, kind: str) -> None:
    asked.internal("em_advocates" if kind == "ADV" else "internal_users")


async def listed(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    rows = [_shape(asked, superevent, signoff) for signoff in superevent.facts["signoffs"]]
    return JSONResponse(shapes.linked(asked, superevent, "signoffs", rows))


async def one(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    return JSONResponse(_shape(asked, superevent, _found(asked, superevent)))


async def created(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    kind = asked.chosen("signoff_type", SIGNOFF_TYPES)
    _may(asked, kind)
    ifo = asked.chosen("instrument", INSTRUMENTS) if kind == "OP" else ""
    signoff = {"signoff_type": kind, "instrument": ifo, "status": asked.chosen("status", SIGNOFF_STATUSES)}
    signoff |= {"submitter": asked.person.username, "comment": asked.form.get("comment") or ""}
    request, who = _who(signoff)
    if request not in superevent.labels:
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
    fields, new = asked.form.fields, dict(old)
    if "status" in fields:
        new["status"] = asked.chosen("status", SIGNOFF_STATUSES)
    if "comment" in fields:
        new["comment"] = fields["comment"][-1]
    if new == old:
        raise invalid("Request would not modify the signoff")
    signoffs = superevent.facts["signoffs"]
    with asked.store.change():
        signoffs[signoffs.index(old)] = new
        asked.store.touch(superevent)
        if new["status"] != old["status"]:
            labels.take(asked, superevent, _who(old)[1] + old["status"])
            labels.put(asked, superevent, _who(old)[1] + new["status"])
        asked.log(superevent, f"Signoff {_name(old)} updated")
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
        asked.log(superevent, f"Signoff {_name(signoff)} deleted")
    return Response(status_code=204)


async def of_event(asked: Asked) -> Response:
    asked.internal()
    return JSONResponse({"links": {"self": shapes.url(asked, asked.event, "signoffs")}, "signoff": []})


ROUTES = {
    "events/{graceid}/signoff/": {"GET": of_event},
    "superevents/{superevent_id}/signoffs/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/signoffs/{typeinst}/": {"GET": one, "PATCH": changed, "DELETE": removed},
}
