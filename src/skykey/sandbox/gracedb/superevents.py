"""Superevents: what several pipelines saw at one time, named after its date."""

from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import gps, labels, lists, members, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import CATEGORIES
from skykey.sandbox.gracedb.errors import invalid
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


def _next(store: Store, facts: dict[str, Any], field: str, kind: str) -> str:
    """Return the next free name of the date and category."""
    prefix = "" if facts["category"] == "P" else facts["category"]
    start = f"{prefix}{kind}{gps.to_utc(facts['t_0']):%y%m%d}"
    names = [name for thing in store.all("superevent") if (name := thing.facts[field]) and name.startswith(start)]
    used = [counter(rest) for name in names if (rest := name[len(start) :]).isascii() and rest.isalpha()]
    return start + letters(max(used, default=0) + 1)


# -- checks


def _preferable(asked: Asked, graceid: str) -> Thing:
    event = asked.named(graceid)
    if event.facts["group"] == "External":
        raise invalid("External events cannot be set as preferred events")
    return event


def _times(asked: Asked, *, are_needed: bool) -> dict[str, float]:
    sent = {name: value for name in _TIMES if (value := asked.number(name)) is not None}
    wrong = [f"{name}: This field is required." for name in _TIMES if are_needed and name not in sent]
    wrong += [f"{name} is not between 1980 and 2079" for name in sent if not _FIRST <= sent[name] < _LAST]
    if wrong:
        raise invalid(*wrong)
    return sent


# -- what is altered


async def created(asked: Asked) -> Response:
    asked.internal()
    kind = asked.chosen("category", CATEGORIES) if asked.form.get("category") else "P"
    asked.manager_of(kind)
    times = _times(asked, are_needed=True)
    preferred = _preferable(asked, asked.needed("preferred_event"))
    # Each once, and the preferred one among them, whatever was sent.
    events = list(dict.fromkeys([preferred, *map(asked.named, asked.form.many("events"))]))
    for event in events:
        members.check(event, kind)
    names = asked.form.many("labels")
    labels.check(names)
    facts: dict[str, Any] = {"category": kind, **times, "submitter": asked.person.username, "created": asked.stamp}
    facts |= {"preferred": preferred.facts["number"], "events": [], "labels": [], "signoffs": [], "is_exposed": False}
    facts |= dict.fromkeys(("gw_id", "em_type", "time_coinc_far", "space_coinc_far")) | {"pipeline_preferred": {}}
    with asked.store.change():
        facts["superevent_id"] = _next(asked.store, facts, "superevent_id", "S")
        facts["order"] = max((one.facts["order"] for one in asked.store.all("superevent")), default=0) + 1
        superevent = asked.store.add("superevent", facts["superevent_id"], facts)
        said = [f"category = {CATEGORIES[kind]}", *(f"{name} = {value}" for name, value in times.items())]
        said.append(f"preferred_event = {preferred.facts['graceid']}")
        asked.log(superevent, f"New superevent: {', '.join(said)}")
        for event in events:
            members.add(asked, superevent, event)
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
    preferred = None
    if graceid := asked.form.get("preferred_event"):
        preferred = _preferable(asked, graceid)
        members.check(preferred, facts["category"], superevent)
        new["preferred"] = preferred.facts["number"]
    new = {name: value for name, value in new.items() if facts[name] != value}
    if not new:
        raise invalid("Request would not modify the superevent")
    with asked.store.change():
        if preferred and "preferred" in new:
            if new["preferred"] not in facts["events"]:
                members.add(asked, superevent, preferred)
            facts["pipeline_preferred"].pop(preferred.facts["pipeline"], None)
        facts.update(new)
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
        facts["gw_id"] = gw_id or _next(asked.store, facts, "gw_id", "GW").upper()
        asked.log(superevent, f"Confirmed as a gravitational wave: {facts['gw_id']}")
    return JSONResponse(shapes.superevent(asked, superevent))


ROUTES = {
    "superevents/": {"GET": lists.superevents, "POST": created},
    "superevents/{superevent_id}/": {"GET": shown, "PATCH": changed},
    "superevents/{superevent_id}/confirm-as-gw/": {"POST": confirmed},
}
