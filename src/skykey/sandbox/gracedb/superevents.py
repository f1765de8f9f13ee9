"""Superevents: what several pipelines saw at one time, named after its date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import gps, labels, lists, shapes
from skykey.sandbox.gracedb.constants import CATEGORIES
from skykey.sandbox.gracedb.errors import Refused, invalid
from skykey.sandbox.gracedb.events import category

if TYPE_CHECKING:
    from skykey.sandbox.gracedb.asked import Asked
    from skykey.sandbox.gracedb.store import Store, Thing

_FIRST, _LAST = 0.0, 3_155_673_617.0  # 1980 to the end of 2079
_TIMES = ("t_start", "t_0", "t_end")


# -- names


def letters(n: int) -> str:
    """Write a counter from 1 on as letters: a to z, then aa."""
    text = ""
    while n:
        n, rest = divmod(n - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def counter(text: str) -> int:
    """Read such letters."""
    n = 0
    for letter in text.lower():
        n = n * 26 + ord(letter) - ord("a") + 1
    return n


def _start(facts: dict[str, Any], kind: str) -> str:
    prefix = "" if facts["category"] == "P" else facts["category"]
    return f"{prefix}{kind}{gps.to_utc(facts['t_0']):%y%m%d}"


def _next(store: Store, facts: dict[str, Any], field: str, kind: str) -> str:
    start = _start(facts, kind)
    names = [thing.facts[field] for thing in store.all("superevent") if (thing.facts[field] or "").startswith(start)]
    used = [counter(rest) for name in names if (rest := name[len(start) :]).isascii() and rest.isalpha()]
    return start + letters(max(used, default=0) + 1)


# -- checks


def _join(event: Thing, kind: str, superevent: Thing | None) -> None:
    """Check that an event can be a member."""
    name, around = event.facts["graceid"], event.facts["superevent"]
    if around is not None and (superevent is None or around != superevent.facts["superevent_id"]):
        raise invalid(f"Event {name} is already assigned to a superevent ({around})")
    if category(event.facts) != kind:
        said = f"Event {name} is of category {CATEGORIES[category(event.facts)]}"
        raise invalid(f"{said}, and does not match the superevent's, {CATEGORIES[kind]}")


def _preferable(event: Thing) -> None:
    if event.facts["group"] == "External":
        raise invalid("External events cannot be set as preferred events")


def _times(asked: Asked, *, are_needed: bool) -> dict[str, float]:
    sent = {name: value for name in _TIMES if (value := asked.number(name)) is not None}
    wrong = [f"{name}: This field is required." for name in _TIMES if are_needed and name not in sent]
    wrong += [f"{name} is not between 1980 and 2079" for name in sent if not _FIRST <= sent[name] < _LAST]
    if wrong:
        raise invalid(*wrong)
    return sent


# -- what is altered


def _add(asked: Asked, superevent: Thing, event: Thing) -> None:
    superevent.facts["events"].append(event.facts["number"])
    event.facts["superevent"] = superevent.facts["superevent_id"]
    asked.store.touch(superevent)
    asked.store.touch(event)
    asked.log(superevent, f"Added event: {event.facts['graceid']}")
    asked.log(event, f"Added to superevent: {superevent.facts['superevent_id']}")


async def created(asked: Asked) -> Response:
    asked.internal()
    kind = asked.form.get("category") or "P"
    if kind not in CATEGORIES:
        raise invalid(f'"{kind}" is not a valid choice.')
    asked.manager_of(kind)
    times = _times(asked, are_needed=True)
    preferred, members = asked.named("preferred_event"), []
    for name in asked.form.many("events"):
        found = asked.numbered(name)
        if found is None:
            raise invalid(f"Event with graceid {name} does not exist.")
        members.append(found)
    _preferable(preferred)
    members = [preferred, *(one for one in members if one is not preferred)]
    for member in members:
        _join(member, kind, None)
    names = asked.form.many("labels")
    labels.check(names)
    facts: dict[str, Any] = {"category": kind, **times, "submitter": asked.person.username, "created": asked.stamp}
    facts |= {"preferred": preferred.facts["number"], "events": [], "labels": [], "signoffs": [], "is_exposed": False}
    facts |= dict.fromkeys(("gw_id", "em_type", "time_coinc_far", "space_coinc_far")) | {"pipeline_preferred": {}}
    with asked.store.change():
        facts["superevent_id"] = _next(asked.store, facts, "superevent_id", "S")
        facts["order"] = max((one.facts["order"] for one in asked.store.all("superevent")), default=0) + 1
        superevent = asked.store.add("superevent", facts["superevent_id"], facts)
        said = ", ".join(f"{name} = {facts[name]}" for name in _TIMES)
        asked.log(superevent, f"New superevent: category = {CATEGORIES[kind]}, {said}, preferred_event = "
                  f"{preferred.facts['graceid']}")  # fmt: skip
        for member in members:
            _add(asked, superevent, member)
        for name in names:
            labels.put(asked, superevent, name)
    return JSONResponse(shapes.superevent(asked, superevent), 201)


async def shown(asked: Asked) -> Response:
    return JSONResponse(shapes.superevent(asked, asked.superevent))


async def changed(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    new: dict[str, Any] = dict(_times(asked, are_needed=False))
    new |= {name: value for name in ("time_coinc_far", "space_coinc_far") if (value := asked.number(name)) is not None}
    if em_type := asked.form.get("em_type"):
        new["em_type"] = em_type
    preferred = asked.named("preferred_event") if asked.form.get("preferred_event") else None
    if preferred:
        _preferable(preferred)
        _join(preferred, facts["category"], superevent)
        new["preferred"] = preferred.facts["number"]
    new = {name: value for name, value in new.items() if facts[name] != value}
    if not new:
        raise invalid("Request would not modify the superevent")
    with asked.store.change():
        if preferred and "preferred" in new:
            if new["preferred"] not in facts["events"]:
                _add(asked, superevent, preferred)
            facts["pipeline_preferred"].pop(preferred.facts["pipeline"], None)
        facts.update(new)
        asked.store.touch(superevent)
        names = {name: preferred.facts["graceid"] if preferred and name == "preferred" else new[name] for name in new}
        asked.log(superevent, "Updated superevent parameters: " + ", ".join(f"{k} = {v}" for k, v in names.items()))
    return JSONResponse(shapes.superevent(asked, superevent))


async def confirmed(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    if facts["gw_id"] is not None:
        raise invalid("Superevent is already confirmed as a GW")
    gw_id = asked.form.get("gw_id")
    taken = {name for one in asked.store.all("superevent") for name in (one.facts["gw_id"], one.facts["superevent_id"])}
    if gw_id is not None and gw_id in taken:
        raise invalid(f"The name {gw_id} is taken")
    with asked.store.change():
        start = _start(facts, "GW")
        own = _next(asked.store, facts, "gw_id", "GW")
        facts["gw_id"] = gw_id or start + own[len(start) :].upper()
        asked.store.touch(superevent)
        asked.log(superevent, f"Confirmed as a gravitational wave: {facts['gw_id']}")
    return JSONResponse(shapes.superevent(asked, superevent))


# -- members


def _entry(asked: Asked, superevent: Thing, event: Thing, part: str) -> shapes.Json:
    name = event.facts["graceid"]
    return {"self": shapes.url(asked, superevent, part, name, ""), "graceid": name}


def _listed(asked: Asked, numbers: list[int], part: str) -> Response:
    superevent = asked.superevent
    asked.internal()
    found = [one for number in numbers if (one := asked.store.get("event", number))]
    rows = [_entry(asked, superevent, one, part) for one in found]
    links = {"self": shapes.url(asked, superevent, part, ""), "superevent": shapes.url(asked, superevent)}
    return JSONResponse({"links": links, part: rows})


def _member(asked: Asked, numbers: list[int]) -> Thing:
    found = asked.numbered(asked.path["graceid"])
    if found is None or found.facts["number"] not in numbers:
        raise Refused(404, {"detail": "Event not found."})
    return found


async def events(asked: Asked) -> Response:
    return _listed(asked, asked.superevent.facts["events"], "events")


async def event_added(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.manager_of(superevent.facts["category"])
    event = asked.named("event")
    if event.facts["number"] in superevent.facts["events"]:
        raise invalid(f"Event {event.facts['graceid']} is already assigned to this superevent")
    _join(event, superevent.facts["category"], superevent)
    with asked.store.change():
        _add(asked, superevent, event)
    return JSONResponse(_entry(asked, superevent, event, "events"), 201)


async def event_shown(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    return JSONResponse(_entry(asked, superevent, _member(asked, superevent.facts["events"]), "events"))


async def event_removed(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    event = _member(asked, facts["events"])
    number = event.facts["number"]
    if facts["preferred"] == number:
        raise invalid("Cannot remove the preferred event of a superevent")
    with asked.store.change():
        facts["events"].remove(number)
        facts["pipeline_preferred"] = {name: one for name, one in facts["pipeline_preferred"].items() if one != number}
        event.facts["superevent"] = None
        asked.store.touch(superevent)
        asked.store.touch(event)
        asked.log(superevent, f"Removed event: {event.facts['graceid']}")
        asked.log(event, f"Removed from superevent: {facts['superevent_id']}")
    return Response(status_code=204)


_PREFERRED = "pipeline_preferred_events"


async def pipeline_preferred(asked: Asked) -> Response:
    return _listed(asked, list(asked.superevent.facts["pipeline_preferred"].values()), _PREFERRED)


async def pipeline_preferred_added(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    event = asked.named("event")
    pipeline, preferred = event.facts["pipeline"], asked.store.get("event", facts["preferred"])
    if event.facts["number"] not in facts["events"]:
        raise invalid(f"Event {event.facts['graceid']} is not in this superevent")
    if preferred is not None and preferred.facts["pipeline"] == pipeline:
        raise invalid("The preferred event of this superevent is of the same pipeline")
    if facts["pipeline_preferred"].get(pipeline) == event.facts["number"]:
        raise invalid(f"Event {event.facts['graceid']} is already preferred for {pipeline}")
    with asked.store.change():
        facts["pipeline_preferred"][pipeline] = event.facts["number"]
        asked.store.touch(superevent)
        asked.log(superevent, f"Added pipeline-preferred event: {event.facts['graceid']}")
    return JSONResponse(_entry(asked, superevent, event, _PREFERRED), 201)


async def pipeline_preferred_shown(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    event = _member(asked, list(superevent.facts["pipeline_preferred"].values()))
    return JSONResponse(_entry(asked, superevent, event, _PREFERRED))


async def pipeline_preferred_removed(asked: Asked) -> Response:
    superevent = asked.superevent
    facts = superevent.facts
    asked.manager_of(facts["category"])
    event = _member(asked, list(facts["pipeline_preferred"].values()))
    with asked.store.change():
        del facts["pipeline_preferred"][event.facts["pipeline"]]
        asked.store.touch(superevent)
        asked.log(superevent, f"Removed pipeline-preferred event: {event.facts['graceid']}")
    return Response(status_code=204)


_ONE = "superevents/{superevent_id}/"
ROUTES = {
    "superevents/": {"GET": lists.superevents, "POST": created},
    _ONE: {"GET": shown, "PATCH": changed},
    f"{_ONE}confirm-as-gw/": {"POST": confirmed},
    f"{_ONE}events/": {"GET": events, "POST": event_added},
    f"{_ONE}events/{{graceid}}/": {"GET": event_shown, "DELETE": event_removed},
    f"{_ONE}{_PREFERRED}/": {"GET": pipeline_preferred, "POST": pipeline_preferred_added},
    f"{_ONE}{_PREFERRED}/{{graceid}}/": {"GET": pipeline_preferred_shown, "DELETE": pipeline_preferred_removed},
}
