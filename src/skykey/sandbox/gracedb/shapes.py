"""Events, superevents and their parts as JSON. Addresses in it begin with the root that the caller has used."""

from typing import Any
from urllib.parse import quote

from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import BLESSED, CATEGORIES
from skykey.sandbox.gracedb.store import Thing

Json = dict[str, Any]
_EVENT = (
    *("submitter", "created", "group", "graceid", "pipeline", "gpstime", "reporting_latency", "instruments", "nevents"),
    *("offline", "search", "far", "far_is_upper_limit", "likelihood"),
)
_SUPEREVENT = (
    *("superevent_id", "gw_id", "created", "submitter", "em_type", "t_start", "t_0", "t_end"),
    *("time_coinc_far", "space_coinc_far"),
)
_BASIC = ("graceid", "group", "pipeline", "search", "gpstime", "far")
#: What others than the collaboration are shown of what a pipeline found.
_SHOWN = {"SingleInspiral": ("ifo", "end_time", "end_time_ns"), "MultiBurst": ("ifos", "single_ifo_times")}
_HIDDEN = ("gw_events", "em_events", "preferred_event")
#: Lists of a superevent -> what an event calls them.
_OF_EVENTS = {"logs": "log", "tags": "tag", "signoffs": "signoff", "voevents": "voevent"}
_OF_EVENTS |= {"emobservations": "emobservation"}


def url(asked: Asked, thing: Thing, *path: object) -> str:
    """Return the address of a thing, or of what lies below it: a list, an item of it, a list of the item's.

    A list has a slash at its end. An item has one below superevents, except for files.
    """
    name = thing.facts["graceid"] if thing.is_event else thing.name
    steps = [_OF_EVENTS.get(str(step), step) if thing.is_event and not at % 2 else step for at, step in enumerate(path)]
    is_open = len(path) % 2 == 1 or (not thing.is_event and path[:1] != ("files",))
    start = f"{asked.here}{thing.kind}s/"
    return start + "/".join(quote(str(step), safe=",") for step in (name, *steps)) + ("/" if is_open else "")


def event(asked: Asked, thing: Thing, *, whole: bool = False) -> Json:
    """Return an event; ``whole``: all of it, whoever asks, as queries look at it."""
    facts = thing.facts
    extra = facts["extra_attributes"]
    shown = {name: facts[name] for name in _EVENT} | {"labels": thing.labels, "superevent": facts["superevent"]}
    shown["extra_attributes"] = extra if whole or asked.person.is_internal else _outside(extra)
    if whole or asked.is_current:
        shown["replay_id"] = facts["replay_id"]
    if whole:
        around = asked.store.get("superevent", facts["superevent"])
        is_preferred = around is not None and around.facts["preferred"] == facts["number"]
        return shown | {"is_preferred_event": is_preferred, "superevent_gw_id": around and around.facts["gw_id"]}
    ends = {"neighbors": "neighbors", "log": "logs", "files": "files", "labels": "labels", "tags": "tags"}
    if not asked.is_current:
        ends["emobservations"] = "emobservations"
    links = {name: url(asked, thing, end) for name, end in ends.items()}
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
    preferred = asked.member(facts["preferred"])
    members = [asked.member(number).facts for number in facts["events"]]
    shown = {name: facts[name] for name in _SUPEREVENT} | {"labels": thing.labels}
    shown |= {"category": CATEGORIES[facts["category"]], "far": preferred.facts["far"]}
    shown["preferred_event"] = preferred.facts["graceid"]
    shown["gw_events"] = [one["graceid"] for one in members if one["group"] != "External"]
    shown["em_events"] = [one["graceid"] for one in members if one["group"] == "External"]
    shown["preferred_event_data"] = event(asked, preferred, whole=whole)
    if whole:
        return shown | {"is_exposed": facts["is_exposed"]}
    found = {name: asked.member(number).facts for name, number in facts["pipeline_preferred"].items()}
    shown["pipeline_preferred_events"] = {name: {field: one[field] for field in _BASIC} for name, one in found.items()}
    ends = ("events", "labels", "logs", "files", "voevents", "emobservations")
    shown["links"] = {name: url(asked, thing, name) for name in ends} | {"self": url(asked, thing)}
    if not asked.person.is_internal:
        del shown["links"]["events"]
        hidden = _HIDDEN if asked.is_current else (*_HIDDEN, "pipeline_preferred_events")
        return {name: value for name, value in shown.items() if name not in hidden}
    return shown


def log(asked: Asked, thing: Thing, entry: Json) -> Json:
    shown = {name: entry[name] for name in ("N", "comment", "created", "issuer", "filename", "file_version")}
    shown["tag_names"] = [tag["name"] for tag in entry["tags"]]
    shown["self"] = url(asked, thing, "logs", entry["N"])
    shown["file"] = file(asked, thing, entry) if entry["filename"] else None
    return shown | ({"tags": url(asked, thing, "logs", entry["N"], "tags")} if thing.is_event else {})


def file(asked: Asked, thing: Thing, found: Json) -> str:
    """Return the address of the file, in its version, that something has brought."""
    return url(asked, thing, "files", f"{found['filename']},{found['file_version']}")


def tag(asked: Asked, thing: Thing, entry: Json, found: Json) -> Json:
    shown = {"name": found["name"], "displayName": found["displayName"]}
    own = url(asked, thing, "logs", entry["N"], "tags", found["name"])
    if thing.is_event:
        return shown | {"links": {"self": own, "log": url(asked, thing, "logs", entry["N"])}}
    return shown | {"self": own}


def known_tag(name: str, text: str = "") -> Json:
    return {"displayName": text, "blessed": name in BLESSED}


def linked(asked: Asked, thing: Thing, part: str, rows: Any) -> Json:
    """Wrap a list with links to itself and to what it belongs to."""
    links = {"self": url(asked, thing, part), thing.kind: url(asked, thing)}
    return {"links": links, part: rows}


def nested(asked: Asked, thing: Thing, part: str, key: str, rows: list[Any]) -> Json:
    """Wrap a list that is never cut into pages."""
    links = dict.fromkeys(("self", "first", "last"), url(asked, thing, part))
    return {"start": 0, "numRows": len(rows), key: rows, "links": links}
