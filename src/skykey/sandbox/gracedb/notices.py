"""Notices of the current server: public alerts in JSON, each a file and a row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.constants import NOTICE_TYPES
from skykey.sandbox.gracedb.errors import Refused, invalid

if TYPE_CHECKING:
    from skykey.sandbox.gracedb.asked import Asked
    from skykey.sandbox.gracedb.blobs import Upload
    from skykey.sandbox.gracedb.store import Thing

_LARGEST = 16 * 2**20
_CLASSES = {"BNS": "prob_bns", "NSBH": "prob_nsbh", "BBH": "prob_bbh", "Terrestrial": "prob_terrestrial"}
_PROPERTIES = {"HasNS": "prob_has_ns", "HasRemnant": "prob_has_remnant", "HasMassGap": "prob_has_mass_gap"}
_TYPES = {name: code for code, name in NOTICE_TYPES.items()}


def _superevent(asked: Asked) -> Thing:
    if not asked.is_current:
        raise Refused(404, {"detail": "Not found."})
    return asked.superevent


def _kept(thing: Thing) -> list[shapes.Json]:
    kept: list[shapes.Json] = thing.facts.setdefault("notices", [])
    return kept


def _shape(asked: Asked, superevent: Thing, notice: shapes.Json) -> shapes.Json:
    file = shapes.url(asked, superevent, "files", f"{notice['filename']},{notice['file_version']}")
    return notice | {"links": {"self": shapes.url(asked, superevent, "notices", notice["N"], ""), "file": file}}


async def listed(asked: Asked) -> Response:
    superevent = _superevent(asked)
    rows = [_shape(asked, superevent, notice) for notice in _kept(superevent)]
    return JSONResponse({"numRows": len(rows), "notices": rows})


async def one(asked: Asked) -> Response:
    superevent = _superevent(asked)
    for notice in _kept(superevent):
        if str(notice["N"]) == asked.path["N"]:
            return JSONResponse(_shape(asked, superevent, notice))
    raise Refused(404, {"detail": "Notice not found."})


async def created(asked: Asked) -> Response:
    asked.internal()
    superevent = _superevent(asked)
    upload = asked.form.files.get("upload")
    if upload is None:
        raise invalid("upload: This field is required.")
    name = superevent.facts["superevent_id"]
    alert = _read(upload, name)
    kind = str(alert["alert_type"]).lower().replace("_", "")
    n = len(_kept(superevent)) + 1
    upload.filename = f"{name}-{n}-{kind}.json"
    await asked.store.blobs.keep(upload)
    notice = {"N": n, "notice_type": _TYPES[kind], "issuer": asked.person.username, "created": asked.stamp}
    found = alert.get("event")
    for part, names in (("classification", _CLASSES), ("properties", _PROPERTIES)):
        said = found.get(part) if isinstance(found, dict) else None
        notice |= {shown: said.get(own) if isinstance(said, dict) else None for own, shown in names.items()}
    with asked.store.change():
        tags = [{"name": tag, "displayName": ""} for tag in ("em_follow", "public", "lvem")]
        entry = asked.log(superevent, f"New notice {n}", tags=tags, upload=upload)
        notice |= {"filename": upload.filename, "file_version": entry["file_version"]}
        _kept(superevent).append(notice)
        asked.store.touch(superevent)
    return JSONResponse(_shape(asked, superevent, notice), 201)


def _read(upload: Upload, superevent_id: str) -> dict[str, Any]:
    if upload.size > _LARGEST:
        raise invalid("The notice is too large")
    try:
        alert = json.loads(upload.path.read_bytes())
    except (ValueError, RecursionError):
        raise invalid("The notice is not a JSON document") from None
    if not isinstance(alert, dict) or str(alert.get("alert_type", "")).lower().replace("_", "") not in _TYPES:
        raise invalid("The notice has no alert_type that is known")
    if alert.get("superevent_id") != superevent_id:
        raise invalid(f"The superevent_id of the notice is not {superevent_id}")
    return alert


ROUTES = {
    "superevents/{superevent_id}/notices/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/notices/{N}/": {"GET": one},
}
