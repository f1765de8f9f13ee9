"""Labels of events and superevents, and the rules that signoffs stand on."""

import json
from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import LABELS, PROTECTED, REQUESTS
from skykey.sandbox.gracedb.errors import invalid, missing
from skykey.sandbox.gracedb.store import Thing


def check(names: Iterable[str], thing: Thing | None = None) -> None:
    """Refuse labels that nobody may set by hand, or not now."""
    there = set(thing.labels) if thing else set()
    for name in names:
        if name not in LABELS:
            raise invalid(f"Label '{name}' does not exist in the database")
        if name in PROTECTED:
            raise invalid(f"The '{name}' label is managed by the signoffs and cannot be applied or removed by hand")
        if (who := REQUESTS.get(name)) and there & {f"{who}OK", f"{who}NO"}:
            raise invalid(f"The '{name}' label cannot be applied: its signoff has been given")


def put(asked: Asked, thing: Thing, name: str) -> bool:
    """Set a label; say whether it was not there before."""
    if name in thing.labels:
        return False
    thing.facts["labels"].append({"name": name, "creator": asked.person.username, "created": asked.stamp})
    asked.store.touch(thing)
    asked.log(thing, f"Added label: {name}")
    return True


def take(asked: Asked, thing: Thing, name: str) -> None:
    """Take a label away."""
    thing.facts["labels"] = [label for label in thing.facts["labels"] if label["name"] != name]
    asked.store.touch(thing)
    asked.log(thing, f"Removed label: {name}")


def _found(asked: Asked, thing: Thing) -> shapes.Json:
    for label in thing.facts["labels"]:
        if label["name"] == asked.path["label"]:
            return dict(label)
    raise missing("Label", thing)


def _shape(asked: Asked, thing: Thing, label: shapes.Json) -> shapes.Json:
    return label | {"self": shapes.url(asked, thing, "labels", label["name"])}


async def listed(asked: Asked) -> Response:
    thing = asked.thing
    if asked.path.get("label"):
        return JSONResponse(_shape(asked, thing, _found(asked, thing)))
    found = shapes.linked(asked, thing, "labels", [_shape(asked, thing, label) for label in thing.facts["labels"]])
    return JSONResponse(found | {"links": [found["links"]]} if thing.is_event else found)


async def put_on_event(asked: Asked) -> Response:
    asked.internal()
    event, name = asked.event, asked.path["label"]
    check([name], event)
    with asked.store.change():
        is_new = put(asked, event, name)
    said = {} if is_new else {"warning": [f"Event {event.facts['graceid']} already labeled with '{name}'"]}
    # The classic server encodes its answer twice.
    return JSONResponse(said if asked.is_v2 else json.dumps(said), 201 if is_new else 200)


async def put_on_superevent(asked: Asked) -> Response:
    asked.internal()
    superevent, name = asked.superevent, asked.needed("name")
    check([name], superevent)
    with asked.store.change():
        if not put(asked, superevent, name):
            raise invalid(f"Label '{name}' is already applied to this superevent")
    return JSONResponse(_shape(asked, superevent, superevent.facts["labels"][-1]), 201)


async def removed(asked: Asked) -> Response:
    asked.internal()
    thing = asked.thing
    name = _found(asked, thing)["name"]
    if name in PROTECTED:
        check([name])
    with asked.store.change():
        take(asked, thing, name)
    return Response(status_code=204)


ROUTES = {
    "events/{graceid}/labels/{label:path}": {"GET": listed, "PUT": put_on_event, "DELETE": removed},
    "superevents/{superevent_id}/labels/": {"GET": listed, "POST": put_on_superevent},
    "superevents/{superevent_id}/labels/{label}/": {"GET": listed, "DELETE": removed},
}
