"""The API's root, and what is about neither an event nor a superevent."""

from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import constants, shapes
from skykey.sandbox.gracedb.asked import Asked

VERSIONS = ["default", "v1", "v2"]
_EVENT = "events/{graceid}"
_SUPEREVENT = "superevents/{superevent_id}/"
_TEMPLATES = {
    "event-detail-template": _EVENT,
    "event-log-template": f"{_EVENT}/log/",
    "event-log-detail-template": f"{_EVENT}/log/{{N}}",
    "taglist-template": f"{_EVENT}/log/{{N}}/tag/",
    "tag-template": f"{_EVENT}/log/{{N}}/tag/{{tag_name}}",
    "event-label-template": f"{_EVENT}/labels/{{label}}",
    "files-template": f"{_EVENT}/files/{{filename}}",
    "voevent-list-template": f"{_EVENT}/voevent/",
    "voevent-detail-template": f"{_EVENT}/voevent/{{N}}",
    "emobservation-list-template": f"{_EVENT}/emobservation/",
    "emobservation-detail-template": f"{_EVENT}/emobservation/{{N}}",
    "signoff-list-template": f"{_EVENT}/signoff/",
    "update-grbevent-template": f"{_EVENT}/update-grbevent/",
    "superevent-detail-template": _SUPEREVENT,
    "superevent-event-list-template": f"{_SUPEREVENT}events/",
    "superevent-event-detail-template": f"{_SUPEREVENT}events/{{graceid}}/",
    "superevent-pipeline-preferred-event-list-template": f"{_SUPEREVENT}pipeline_preferred_events/",
    "superevent-pipeline-preferred-event-detail-template": f"{_SUPEREVENT}pipeline_preferred_events/{{graceid}}/",
    "superevent-label-list-template": f"{_SUPEREVENT}labels/",
    "superevent-label-detail-template": f"{_SUPEREVENT}labels/{{label_name}}/",
    "superevent-log-list-template": f"{_SUPEREVENT}logs/",
    "superevent-log-detail-template": f"{_SUPEREVENT}logs/{{N}}/",
    "superevent-log-tag-list-template": f"{_SUPEREVENT}logs/{{N}}/tags/",
    "superevent-log-tag-detail-template": f"{_SUPEREVENT}logs/{{N}}/tags/{{tag_name}}/",
    "superevent-file-list-template": f"{_SUPEREVENT}files/",
    "superevent-file-detail-template": f"{_SUPEREVENT}files/{{file_name}}",
    "superevent-voevent-list-template": f"{_SUPEREVENT}voevents/",
    "superevent-voevent-detail-template": f"{_SUPEREVENT}voevents/{{N}}/",
    "superevent-emobservation-list-template": f"{_SUPEREVENT}emobservations/",
    "superevent-emobservation-detail-template": f"{_SUPEREVENT}emobservations/{{N}}/",
    "superevent-confirm-as-gw-template": f"{_SUPEREVENT}confirm-as-gw/",
    "superevent-signoff-list-template": f"{_SUPEREVENT}signoffs/",
    "superevent-signoff-detail-template": f"{_SUPEREVENT}signoffs/{{typeinst}}/",
    "superevent-permission-list-template": f"{_SUPEREVENT}permissions/",
    "superevent-permission-modify-template": f"{_SUPEREVENT}permissions/modify/",
    "gwtc-number-list": "gwtc/{number}/",
    "gwtc-version-detail": "gwtc/{number}/{version}/",
}
#: Of the current server, in its second version.
_NEWER = {
    "event-reserve-template": "events/reserve/",
    "event-upload-template": f"{_EVENT}/upload/",
    "superevent-notice-list-template": f"{_SUPEREVENT}notices/",
    "superevent-notice-detail-template": f"{_SUPEREVENT}notices/{{N}}/",
}


async def root(asked: Asked) -> Response:
    templates = _TEMPLATES | (_NEWER if asked.is_v2 else {})
    paths = {"events": "events/", "superevents": "superevents/", "performance": "performance/"}
    paths |= {"user-info": "user-info/", "gwtc": "gwtc/"}
    known: dict[str, Any] = {
        "links": {"self": asked.here} | {name: asked.here + path for name, path in paths.items()},
        "templates": {name: asked.here + path for name, path in templates.items()},
        "groups": constants.GROUPS,
        "pipelines": constants.PIPELINES,
        "searches": constants.SEARCHES,
        "labels": constants.LABELS,
        "superevent-categories": constants.CATEGORIES,
        "signoff-types": constants.SIGNOFF_TYPES,
        "signoff-statuses": constants.SIGNOFF_STATUSES,
        "voevent-types": constants.NOTICE_TYPES,
        "api-versions": VERSIONS,
        "API_VERSIONS": VERSIONS,
        "server-version": constants.SERVER_VERSIONS["current" if asked.is_current else "classic"],
    }
    if asked.is_current:
        known["api-default"] = "v2"
    else:
        known |= {"em-groups": constants.EM_GROUPS, "instruments": constants.INSTRUMENTS}
        known |= {"wavebands": {}, "eel-statuses": {}, "obs-statuses": {}}
    return JSONResponse(known)


async def user_info(asked: Asked) -> Response:
    person = asked.person
    if person.is_anonymous:
        return JSONResponse({"username": "AnonymousUser"})
    names = {name: getattr(person, name) for name in ("username", "first_name", "last_name", "email")}
    rights = {"is_internal_user": person.is_internal, "upload_to_pipeline": list(person.upload_to)}
    return JSONResponse(names | rights)


async def performance(asked: Asked) -> Response:
    asked.internal()
    return JSONResponse({"performance": {}})


async def tags(asked: Asked) -> Response:
    """Answer with every tag that there is: the blessed ones, and those in use."""
    found: dict[str, Any] = dict.fromkeys(constants.BLESSED, "")
    for kind in ("event", "superevent"):
        seen = (thing for thing in asked.store.all(kind) if asked.sees(thing))
        found |= {tag["name"]: tag["displayName"] for thing in seen for log in thing.logs for tag in log["tags"]}
    return JSONResponse({"tags": {name: shapes.known_tag(name, text) for name, text in sorted(found.items())}})


ROUTES = {
    "": {"GET": root},
    "user-info/": {"GET": user_info},
    "performance/": {"GET": performance},
    "tag/": {"GET": tags},
}
