"""Events of a superevent: all of its members, and those that their pipelines prefer."""

from functools import partial

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import CATEGORIES
from skykey.sandbox.gracedb.errors import invalid, missing
from skykey.sandbox.gracedb.events import category
from skykey.sandbox.gracedb.store import Thing

_ALL, _PREFERRED = "events", "pipeline_preferred_events"


def check(event: Thing, kind: str, superevent: Thing | None = None) -> None:
    """Refuse an event that cannot be in a superevent of a category: in this one, or in a new one."""
    name, around, own = event.facts["graceid"], event.facts["superevent"], category(event.facts)
    if around is not None and (superevent is None or around != superevent.name):
        raise invalid(f"Event {name} is already assigned to a superevent ({around})")
    if own != kind:
        said = f"Event {name} is of category {CATEGORIES[own]}"
        raise invalid(f"{said}, and does not match the superevent's, {CATEGORIES[kind]}")


def add(asked: Asked, superevent: Thing, event: Thing) -> None:
    superevent.facts["events"].append(event.facts["number"])
    event.facts["superevent"] = superevent.name
    asked.store.touch(event)
    asked.log(superevent, f"Added event: {event.facts['graceid']}")
    asked.log(event, f"Added to superevent: {superevent.name}")


def _numbers(superevent: Thing, part: str) -> list[int]:
    facts = superevent.facts
    return facts["events"] if part == _ALL else list(facts["pipeline_preferred"].values())


def _shape(asked: Asked, superevent: Thing, part: str, event: Thing) -> shapes.Json:
    name = event.facts["graceid"]
    return {"self": shapes.url(asked, superevent, part, name), "graceid": name}


def _found(asked: Asked, numbers: list[int]) -> Thing:
    found = asked.numbered(asked.path["graceid"])
    if found is None or found.facts["number"] not in numbers:
        raise missing("Event")
    return found


async def _listed(part: str, asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    rows = [_shape(asked, superevent, part, asked.member(number)) for number in _numbers(superevent, part)]
    return JSONResponse(shapes.linked(asked, superevent, part, rows))


async def _one(part: str, asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    return JSONResponse(_shape(asked, superevent, part, _found(asked, _numbers(superevent, part))))


async def added(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.manager_of(superevent.facts["category"])
    event = asked.named(asked.needed("event"))
    if event.facts["number"] in superevent.facts["events"]:
        raise invalid(f"Event {event.facts['graceid']} is already assigned to this superevent")
    check(event, superevent.facts["category"], superevent)
    with asked.store.change():
        add(asked, superevent, event)
    return JSONResponse(_shape(asked, superevent, _ALL, event), 201)


async def removed(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    event = _found(asked, facts["events"])
    number = event.facts["number"]
    if facts["preferred"] == number:
        raise invalid("Cannot remove the preferred event of a superevent")
    with asked.store.change():
        facts["events"].remove(number)
        facts["pipeline_preferred"] = {name: one for name, one in facts["pipeline_preferred"].items() if one != number}
        event.facts["superevent"] = None
        asked.store.touch(event)
        asked.log(superevent, f"Removed event: {event.facts['graceid']}")
        asked.log(event, f"Removed from superevent: {superevent.name}")
    return Response(status_code=204)


async def preferred(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    event = asked.named(asked.needed("event"))
    number, pipeline = event.facts["number"], event.facts["pipeline"]
    if number not in facts["events"]:
        raise invalid(f"Event {event.facts['graceid']} is not in this superevent")
    if asked.member(facts["preferred"]).facts["pipeline"] == pipeline:
        raise invalid("The preferred event of this superevent is of the same pipeline")
    if facts["pipeline_preferred"].get(pipeline) == number:
        raise invalid(f"Event {event.facts['graceid']} is already preferred for {pipeline}")
    with asked.store.change():
        facts["pipeline_preferred"][pipeline] = number
        asked.log(superevent, f"Added pipeline-preferred event: {event.facts['graceid']}")
    return JSONResponse(_shape(asked, superevent, _PREFERRED, event), 201)


async def no_more_preferred(asked: Asked) -> Response:
    superevent = asked.superevent
    chosen = superevent.facts["pipeline_preferred"]
    asked.manager_of(superevent.facts["category"])
    event = _found(asked, list(chosen.values()))
    with asked.store.change():
        del chosen[event.facts["pipeline"]]
        asked.log(superevent, f"Removed pipeline-preferred event: {event.facts['graceid']}")
    return Response(status_code=204)


_SUPEREVENT = "superevents/{superevent_id}/"
ROUTES = {
    f"{_SUPEREVENT}{_ALL}/": {"GET": partial(_listed, _ALL), "POST": added},
    f"{_SUPEREVENT}{_ALL}/{{graceid}}/": {"GET": partial(_one, _ALL), "DELETE": removed},
    f"{_SUPEREVENT}{_PREFERRED}/": {"GET": partial(_listed, _PREFERRED), "POST": preferred},
    f"{_SUPEREVENT}{_PREFERRED}/{{graceid}}/": {"GET": partial(_one, _PREFERRED), "DELETE": no_more_preferred},
}
