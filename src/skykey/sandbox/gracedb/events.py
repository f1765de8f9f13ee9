"""Events: made of what a pipeline uploads, at once or under an id that was reserved before."""

import asyncio
import re
from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import entries, event_files, gps, labels, lists, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.blobs import Upload
from skykey.sandbox.gracedb.constants import CLOSED, GROUPS, PIPELINES, SEARCHES
from skykey.sandbox.gracedb.errors import Refused, invalid
from skykey.sandbox.gracedb.store import Thing

_REPLAY_ID = re.compile(r"[A-Za-z0-9_-]{1,30}")
_GRB = ("ra", "dec", "error_radius", "t90", "redshift", "designation")
_LARGEST = 64 * 2**20  # an event file is read whole


def facts_of(group: str, pipeline: str, search: str | None, submitter: str, created: str) -> dict[str, Any]:
    """Return what is known of an event before anybody has looked into its file."""
    numbers = dict.fromkeys(("gpstime", "far", "nevents", "likelihood", "reporting_latency"))
    named = {"group": group, "pipeline": pipeline, "search": search, "submitter": submitter, "created": created}
    later: dict[str, Any] = {"superevent": None, "replay_id": None, "content_id": None, "labels": []}
    plain = {"instruments": "", "offline": False, "far_is_upper_limit": False, "extra_attributes": {}}
    return named | numbers | later | plain


def graceid(facts: dict[str, Any], number: int) -> str:
    """Return the id that an event of this number has."""
    if facts["group"] == "Test":
        prefix = "T"
    elif facts["search"] == "MDC":
        prefix = "M"
    elif facts["pipeline"] == "HardwareInjection":
        prefix = "H"
    else:
        prefix = "E" if facts["group"] == "External" else "G"
    return f"{prefix}{number:04d}"


def category(facts: dict[str, Any]) -> str:
    """Return the category of superevents that an event may be in."""
    return {"T": "T", "M": "M"}.get(facts["graceid"][0], "P")


def _begun(asked: Asked) -> dict[str, Any]:
    """Return the facts of an event that the form describes, if its sender may upload such."""
    form = asked.form
    asked.internal()
    given = {name: form.get(name) for name in ("group", "pipeline", "search")}
    wrong = [f"{name}: * This field is required." for name in ("group", "pipeline") if not given[name]]
    for name, known in (("group", GROUPS), ("pipeline", PIPELINES), ("search", SEARCHES)):
        if given[name] and given[name] not in known:
            said = "Select a valid choice. That choice is not one of the available choices."
            wrong.append(f"{name}: * {said}")
    if given["pipeline"] in CLOSED:
        wrong.append(f"pipeline: * {given['pipeline']} takes no events any more.")
    if wrong:
        raise Refused(400, {"errors": wrong})
    group, pipeline = str(given["group"]), str(given["pipeline"])
    asked.need(group == "Test" or pipeline in asked.person.upload_to)
    facts = facts_of(group, pipeline, given["search"], asked.person.username, asked.stamp)
    content_id = form.get("content_id")
    return facts | {"content_id": content_id.lower() if content_id else None}


def _added(asked: Asked, facts: dict[str, Any]) -> Thing:
    number = max((int(event.name) for event in asked.store.all("event")), default=0) + 1
    facts |= {"number": number, "order": number, "graceid": graceid(facts, number)}
    return asked.store.add("event", number, facts)


def _file(asked: Asked) -> Upload:
    upload = asked.form.files.get("eventFile")
    if upload is None:
        raise Refused(400, {"errors": ["eventFile: * This field is required."]})
    entries.check_name(upload.filename)
    return upload


async def _read(asked: Asked, facts: dict[str, Any], upload: Upload) -> dict[str, Any]:
    """Return what the file says."""
    if upload.size > _LARGEST:
        raise Refused(400, {"warnings": ["The event file is too large"]})
    what = (facts["group"], facts["pipeline"], facts["search"], upload.filename)
    try:
        read = await asyncio.to_thread(lambda: event_files.read(*what, upload.path.read_bytes()))
    except event_files.BadEventFile as error:
        raise Refused(400, {"warnings": error.messages}) from None
    said = vars(read) | {}
    if facts["pipeline"] == "HardwareInjection":
        said["instruments"] = asked.form.get("instruments") or said["instruments"]
    if read.gpstime is not None:
        said["reporting_latency"] = round(gps.from_unix(asked.now.timestamp()) - read.gpstime, 6)
    return said


async def created(asked: Asked) -> Response:
    """Make an event."""
    facts, warnings = _begun(asked), []
    replay_id = asked.form.get("replay_id")
    if replay_id and not _REPLAY_ID.fullmatch(replay_id):
        warnings.append(f"malformed replay_id: {replay_id}")
        replay_id = None
    facts |= {"replay_id": replay_id, "offline": (asked.form.get("offline") or "").lower() in ("true", "1", "on")}
    return await _filled(asked, facts, None, warnings)


async def _filled(asked: Asked, facts: dict[str, Any], reserved: Thing | None, warnings: list[str]) -> Response:
    names, upload = asked.form.many("labels"), _file(asked)
    labels.check(names)
    if not event_files.is_known(facts["pipeline"]):
        warnings.append(f"The sandbox reads no numbers from files of {facts['pipeline']}; gracedb.ligo.org does")
    facts |= await _read(asked, facts, upload)
    asked.store.blobs.keep(upload)
    if reserved is not None and "is_reserved" not in reserved.facts:
        raise invalid("An event has been uploaded for this graceid already")  # while this file was read
    with asked.store.change():
        if reserved is None:
            event = _added(asked, facts)
        else:
            event = reserved
            event.facts = facts
            asked.store.touch(event)
        asked.log(event, "Original Data", upload=upload)
        for name in names:
            labels.put(asked, event, name)
    where = shapes.url(asked, event)
    return JSONResponse(shapes.event(asked, event) | {"warnings": warnings}, 201, {"Location": where})


async def reserved(asked: Asked) -> Response:
    """Hand out an id for an event that is yet to come."""
    asked.since_current()
    facts, replay_id = _begun(asked), asked.form.get("replay_id")
    if replay_id and not _REPLAY_ID.fullmatch(replay_id):
        raise invalid("malformed replay_id")
    with asked.store.change():
        event = _added(asked, facts | {"replay_id": replay_id, "is_reserved": True})
    shown = {name: event.facts[name] for name in ("graceid", "submitter", "replay_id")}
    return JSONResponse(shown, 201)


async def uploaded(asked: Asked) -> Response:
    """Upload an event under its reserved id."""
    asked.internal()
    name = asked.path["graceid"]
    event = asked.store.get("event", name[1:].lstrip("0"))
    if event is None or event.facts["graceid"] != name:
        raise Refused(404, "Event not found.")
    if "is_reserved" not in event.facts:
        raise invalid("An event has been uploaded for this graceid already")
    asked.need(event.facts["submitter"] == asked.person.username)
    facts = {name: value for name, value in event.facts.items() if name != "is_reserved"}
    return await _filled(asked, facts | {"created": asked.stamp}, event, [])


async def shown(asked: Asked) -> Response:
    return JSONResponse(shapes.event(asked, asked.event), headers={"Cache-Control": "no-cache"})


async def replaced(asked: Asked) -> Response:
    """Put another file in the place of the one that an event was made of."""
    event = asked.event
    asked.need(event.facts["submitter"] == asked.person.username)
    upload = _file(asked)
    said = await _read(asked, event.facts, upload)
    asked.store.blobs.keep(upload)
    with asked.store.change():
        event.facts.update(said)
        asked.store.touch(event)
        asked.log(event, "Replaced event file", upload=upload)
    return Response(status_code=202)


async def grb_updated(asked: Asked) -> Response:
    asked.until_current()
    event, form = asked.event, asked.form
    asked.internal()
    old = event.facts["extra_attributes"].get("GRB")
    if old is None:
        raise invalid("Cannot update GRB event parameters for non-GRB event")
    new: dict[str, Any] = {name: asked.number(name) for name in _GRB[:-1]} | {"designation": form.get("designation")}
    changed = {{"t90": "T90"}.get(name, name): value for name, value in new.items() if value is not None}
    if not {name: value for name, value in changed.items() if old.get(name) != value}:
        raise invalid("Request would not modify the GRB event")
    with asked.store.change():
        event.facts["extra_attributes"]["GRB"] = old | changed
        asked.store.touch(event)
        asked.log(event, "Updated GRB event parameters: " + ", ".join(f"{k} = {v}" for k, v in changed.items()))
    return JSONResponse(shapes.event(asked, event))


async def neighbors(asked: Asked) -> Response:
    """Answer with the events so many seconds around this one."""
    event = asked.event
    try:
        ends = [abs(float(part)) for part in asked.query.get("neighborhood", "5").split(",")]
    except ValueError:
        raise invalid("neighborhood: seconds, or seconds before and after") from None
    middle = event.facts["gpstime"]
    found = [
        shapes.event(asked, one)
        for one in asked.store.all("event")
        if one is not event and asked.sees(one) and None not in (middle, one.facts["gpstime"])
        if middle - ends[0] <= one.facts["gpstime"] <= middle + ends[-1]
    ]
    found.sort(key=lambda one: (one["gpstime"], one["graceid"]))
    return JSONResponse({"numRows": len(found)} | shapes.linked(asked, event, "neighbors", found))


ROUTES = {
    "events/": {"GET": lists.events, "POST": created},
    "events/reserve/": {"POST": reserved},
    "events/{graceid}": {"GET": shown, "PUT": replaced},
    "events/{graceid}/upload/": {"POST": uploaded},
    "events/{graceid}/update-grbevent/": {"PATCH": grb_updated},
    "events/{graceid}/neighbors/": {"GET": neighbors},
}
