"""Log entries of events and superevents, with the files that they bring, and their tags."""

import re
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import entries, labels, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import ACCESS_TAGS
from skykey.sandbox.gracedb.entries import Entry
from skykey.sandbox.gracedb.errors import Refused, invalid, missing
from skykey.sandbox.gracedb.store import Thing

_TAG = re.compile(r"[0-9a-zA-Z_-]+")


# -- entries


async def listed(asked: Asked) -> Response:
    thing = asked.thing
    rows = [shapes.log(asked, thing, entry) for entry in thing.logs if asked.sees_entry(entry)]
    return JSONResponse(shapes.nested(asked, thing, "logs", "logs" if asked.is_v2 else "log", rows))


async def one(asked: Asked) -> Response:
    thing = asked.thing
    return JSONResponse(shapes.log(asked, thing, asked.entry(thing)))


async def written(asked: Asked) -> Response:
    thing, form = asked.thing, asked.form
    if not asked.person.is_internal:
        asked.need("lvem_observers" in asked.person.groups)  # what they see they may annotate
    tags = _tags(asked, form.many("tagname"), _shown(form.fields.get("displayName", [])))
    comment, label, upload = asked.needed("comment"), form.get("label"), form.files.get("upload")
    if label is not None:
        asked.internal()
        labels.check([label], thing)
    if upload is not None:
        entries.check_name(upload.filename)
        asked.store.blobs.keep(upload)
    with asked.store.change():
        entry = asked.log(thing, comment, tags=tags, upload=upload)
        if label is not None:
            labels.put(asked, thing, label)
    shown = shapes.log(asked, thing, entry)
    return JSONResponse(shown, 201, {"Location": shown["self"]} if thing.is_event else None)


# -- tags


def _tags(asked: Asked, names: Sequence[str], shown: Sequence[str]) -> list[Entry]:
    if shown and len(shown) != len(names):
        raise invalid("tagname and displayName must have as many values")
    for name in names:
        if not _TAG.fullmatch(name):
            raise invalid("Tag names can only include [0-9a-zA-Z_-]")
        _may(asked, name)
    texts = dict(zip(names, shown or [""] * len(names), strict=True))
    if "public" in texts:
        texts.setdefault("lvem", "")  # who shows something to everybody shows it to partners
    return [{"name": name, "displayName": text} for name, text in texts.items()]


def _shown(sent: Sequence[str]) -> list[str]:
    """Return the names to show, of which any may be empty."""
    return [text.strip() for value in sent for text in value.split(",")] if any(sent) else []


def _may(asked: Asked, name: str) -> None:
    if name in ACCESS_TAGS:
        asked.need("access_managers" in asked.person.groups)


def _found(asked: Asked, thing: Thing, entry: Entry) -> Entry:
    for tag in entry["tags"]:
        if tag["name"] == asked.path["tag_name"]:
            return dict(tag)
    raise missing("Tag", thing)


async def tags_listed(asked: Asked) -> Response:
    thing = asked.thing
    entry = asked.entry(thing)
    rows = [shapes.tag(asked, thing, entry, tag) for tag in entry["tags"]]
    return JSONResponse({"links": {"self": shapes.url(asked, thing, "logs", entry["N"], "tags")}, "tags": rows})


async def tag_shown(asked: Asked) -> Response:
    thing = asked.thing
    entry = asked.entry(thing)
    return JSONResponse(shapes.tag(asked, thing, entry, _found(asked, thing, entry)))


async def tag_put(asked: Asked) -> Response:
    """Tag an entry: events name the tag in the address, superevents in the form."""
    asked.internal()
    thing, shown = asked.thing, asked.form.get("displayName")
    entry = asked.entry(thing)
    name = asked.path.get("tag_name") or asked.needed("name")
    there = [tag["name"] for tag in entry["tags"]]
    if name in there:
        if thing.is_event:
            raise Refused(409, f"Log already has tag {name}")
        raise invalid(f"Tag '{name}' is already applied to this log message")
    added = [tag for tag in _tags(asked, [name], [shown] if shown else []) if tag["name"] not in there]
    with asked.store.change():
        entry["tags"].extend(added)
        asked.store.touch(thing, entry["N"])
        for tag in added:
            asked.log(thing, f"Tagged message {entry['N']}: {tag['name']}.")
    if thing.is_event:
        return JSONResponse("Tag created.", 201)
    return JSONResponse(shapes.tag(asked, thing, entry, added[0]), 201)


async def tag_removed(asked: Asked) -> Response:
    asked.internal()
    thing = asked.thing
    entry = asked.entry(thing)
    name = _found(asked, thing, entry)["name"]
    _may(asked, name)
    with asked.store.change():
        entry["tags"] = [tag for tag in entry["tags"] if tag["name"] != name]
        asked.store.touch(thing, entry["N"])
        asked.log(thing, f"Removed tag {name} from message {entry['N']}.")
    return Response(status_code=204)


async def tags_of_event(asked: Asked) -> Response:
    thing = asked.event
    names = sorted({tag["name"] for entry in thing.logs if asked.sees_entry(entry) for tag in entry["tags"]})
    return JSONResponse(shapes.linked(asked, thing, "tags", {name: shapes.known_tag(name) for name in names}))


ROUTES = {
    "events/{graceid}/log/": {"GET": listed, "POST": written},
    "events/{graceid}/log/{N}": {"GET": one},
    "events/{graceid}/log/{N}/tag/": {"GET": tags_listed},
    "events/{graceid}/log/{N}/tag/{tag_name}": {"GET": tag_shown, "PUT": tag_put, "DELETE": tag_removed},
    "events/{graceid}/tag/": {"GET": tags_of_event},
    "superevents/{superevent_id}/logs/": {"GET": listed, "POST": written},
    "superevents/{superevent_id}/logs/{N}/": {"GET": one},
    "superevents/{superevent_id}/logs/{N}/tags/": {"GET": tags_listed, "POST": tag_put},
    "superevents/{superevent_id}/logs/{N}/tags/{tag_name}/": {"GET": tag_shown, "DELETE": tag_removed},
}
