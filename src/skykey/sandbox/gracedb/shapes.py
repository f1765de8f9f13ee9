"""Events, superevents and their parts as JSON. Addresses in it begin with the root that the caller has used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from skykey.sandbox.gracedb.constants import BLESSED, CATEGORIES

if TYPE_CHECKING:
    from skykey.sandbox.gracedb.asked import Asked
    from skykey.sandbox.gracedb.store import Thing

Json = dict[str, Any]
_EVENT = (
    *("submitter", "created", "group", "graceid", "pipeline", "gpstime", "reporting_latency", "instruments", "nevents"),
    *("offline", "search", "far", "far_is_upper_limit", "likelihood"),
)
_BASIC = ("graceid", "group", "pipeline", "search", "gpstime", "far")
#: What others than the collaboration are shown of what a pipeline found.
_SHOWN = {"SingleInspiral": ("ifo", "end_time", "end_time_ns"), "MultiBurst": ("ifos", "single_ifo_times")}
_HIDDEN = ("gw_events", "em_events", "preferred_event")


def url(asked: Asked, thing: Thing, *path: object) -> str:
    """Return the address of a thing, or of what lies below it (an empty last step makes a slash)."""
    kind, _, name = thing.key.partition(" ")
    start = [thing.facts["graceid"]] if kind == "event" else [name]
    if kind == "superevent" and not path:
        path = ("",)
    return f"{asked.here}{kind}s/" + "/".join(quote(str(step), safe=",") for step in (*start, *path))


def labels_of(thing: Thing) -> list[str]:
    return [label["name"] for label in thing.facts["labels"]]


def event(asked: Asked, thing: Thing, *, whole: bool = False) -> Json:
    """Return an event; ``whole``: all of it, whoever asks, as queries look at it."""
    facts = thing.facts
    around = asked.store.get("superevent", facts["superevent"])
    extra = facts["extra_attributes"]
    shown = {name: facts[name] for name in _EVENT} | {"labels": labels_of(thing)}
    shown["extra_attributes"] = extra if whole or asked.person.is_internal else _outside(extra)
    shown["superevent"] = facts["superevent"]
    if whole or asked.is_current:
        shown["replay_id"] = facts["replay_id"]
    if whole:
        is_preferred = around is not None and around.facts["preferred"] == facts["number"]
        gw_id = around.facts["gw_id"] if around else None
        return shown | {"is_preferred_event": is_preferred, "superevent_gw_id": gw_id}
    ends = {"neighbors": "neighbors", "log": "log", "files": "files", "labels": "labels", "tags": "tag"}
    if not asked.is_current:
        ends["emobservations"] = "emobservation"
    links = {name: url(asked, thing, end, "") for name, end in ends.items()}
    return shown | {"links": links | {"self": url(asked, thing)}}


def _outside(extra: Json) -> Json:
    shown: Json = {}
    for name, fields in _SHOWN.items():
        if found := extra.get(name):
            rows = found if isinstance(found, list) else [found]
            cut = [{key: row[key] for key in fields if key in row} for row in rows]
            shown[name] = cut if isinstance(found, list) else cut[0]
    return shown


def superevent(asked: Asked, thing: Thing, *, whole: bool = False) -> Json:
    """Return a superevent; ``whole``: all of it, whoever asks, as queries look at it."""
    facts = thing.facts
    preferred = asked.store.get("event", facts["preferred"])
    assert preferred is not None  # noqa: S101 (events stay)
    members = [one for number in facts["events"] if (one := asked.store.get("event", number))]
    names = ("superevent_id", "gw_id", "created", "submitter", "em_type", "t_start", "t_0", "t_end")
    shown = {name: facts[name] for name in (*names, "time_coinc_far", "space_coinc_far")}
    shown |= {"category": CATEGORIES[facts["category"]], "far": preferred.facts["far"], "labels": labels_of(thing)}
    shown["preferred_event"] = preferred.facts["graceid"]
    for name, is_external in (("gw_events", False), ("em_events", True)):
        shown[name] = [one.facts["graceid"] for one in members if (one.facts["group"] == "External") == is_external]
    shown["preferred_event_data"] = event(asked, preferred, whole=whole)
    if whole:
        return shown | {"is_exposed": facts["is_exposed"]}
    found = {name: asked.store.get("event", number) for name, number in facts["pipeline_preferred"].items()}
    shown["pipeline_preferred_events"] = {
        name: {field: one.facts[field] for field in _BASIC} for name, one in found.items() if one
    }
    ends = ("events", "labels", "logs", "files", "voevents", "emobservations")
    shown["links"] = {name: url(asked, thing, name, "") for name in ends} | {"self": url(asked, thing)}
    if not asked.person.is_internal:
        del shown["links"]["events"]
        hidden = _HIDDEN if asked.is_current else (*_HIDDEN, "pipeline_preferred_events")
        return {name: value for name, value in shown.items() if name not in hidden}
    return shown


def is_event(thing: Thing) -> bool:
    return thing.key.startswith("event ")


def log_url(asked: Asked, thing: Thing, entry: Json, *path: str) -> str:
    if is_event(thing):
        return url(asked, thing, "log", entry["N"], *path)
    return url(asked, thing, "logs", entry["N"], *(path or ("",)))


def log(asked: Asked, thing: Thing, entry: Json) -> Json:
    shown = {name: entry[name] for name in ("N", "comment", "created", "issuer", "filename", "file_version")}
    name = f"{entry['filename']},{entry['file_version']}"
    shown["tag_names"] = [tag["name"] for tag in entry["tags"]]
    shown["self"] = log_url(asked, thing, entry)
    shown["file"] = url(asked, thing, "files", name) if entry["filename"] else None
    return shown | ({"tags": log_url(asked, thing, entry, "tag", "")} if is_event(thing) else {})


def label(asked: Asked, thing: Thing, found: Json) -> Json:
    ends = (found["name"],) if is_event(thing) else (found["name"], "")
    return found | {"self": url(asked, thing, "labels", *ends)}


def tag(asked: Asked, thing: Thing, entry: Json, found: Json) -> Json:
    shown = {"name": found["name"], "displayName": found["displayName"]}
    if is_event(thing):
        own = log_url(asked, thing, entry, "tag", found["name"])
        return shown | {"links": {"self": own, "log": log_url(asked, thing, entry)}}
    return shown | {"self": log_url(asked, thing, entry, "tags", found["name"], "")}


def is_blessed(name: str) -> bool:
    return name in BLESSED


def nested(key: str, items: list[Any], address: str) -> Json:
    """Wrap a list that is never cut into pages."""
    links = dict.fromkeys(("self", "first", "last"), address)
    return {"start": 0, "numRows": len(items), key: items, "links": links}
