"""Notices of the current server: public alerts in JSON, each a file and a row."""

from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import forms, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.blobs import Upload
from skykey.sandbox.gracedb.constants import NOTICE_TYPES
from skykey.sandbox.gracedb.errors import invalid
from skykey.sandbox.gracedb.store import Thing

_LARGEST = 16 * 2**20
_CLASSES = {"BNS": "prob_bns", "NSBH": "prob_nsbh", "BBH": "prob_bbh", "Terrestrial": "prob_terrestrial"}
_PROPERTIES = {"HasNS": "prob_has_ns", "HasRemnant": "prob_has_remnant", "HasMassGap": "prob_has_mass_gap"}
_TYPES = {name: code for code, name in NOTICE_TYPES.items()}


def _shape(asked: Asked, superevent: Thing, notice: shapes.Json) -> shapes.Json:
    own = shapes.url(asked, superevent, "notices", notice["N"])
    return notice | {"links": {"self": own, "file": shapes.file(asked, superevent, notice)}}


async def listed(asked: Asked) -> Response:
    asked.since_current()
    superevent = asked.superevent
    rows = [_shape(asked, superevent, notice) for notice in superevent.rows("notices")]
    return JSONResponse({"numRows": len(rows), "notices": rows})


async def one(asked: Asked) -> Response:
    asked.since_current()
    superevent = asked.superevent
    return JSONResponse(_shape(asked, superevent, asked.row(superevent.rows("notices"), superevent, "Notice")))


async def created(asked: Asked) -> Response:
    asked.internal()
    asked.since_current()
    superevent = asked.superevent
    upload = asked.form.files.get("upload")
    if upload is None:
        raise invalid("upload: This field is required.")
    name, n = superevent.name, len(superevent.rows("notices")) + 1
    alert = _read(upload, name)
    kind = _kind(alert)
    upload.filename = f"{name}-{n}-{kind}.json"
    asked.store.blobs.keep(upload)
    notice = {"N": n, "notice_type": _TYPES[kind], "issuer": asked.person.username, "created": asked.stamp}
    for part, names in (("classification", _CLASSES), ("properties", _PROPERTIES)):
        said = _object(_object(alert.get("event")).get(part))
        notice |= {shown: said.get(own) for own, shown in names.items()}
    with asked.store.change():
        tags = [{"name": tag, "displayName": ""} for tag in ("em_follow", "public", "lvem")]
        entry = asked.log(superevent, f"New notice {n}", tags=tags, upload=upload)
        notice |= {"filename": upload.filename, "file_version": entry["file_version"]}
        superevent.rows("notices").append(notice)
        asked.store.touch(superevent)
    return JSONResponse(_shape(asked, superevent, notice), 201)


def _read(upload: Upload, superevent_id: str) -> dict[str, Any]:
    if upload.size > _LARGEST:
        raise invalid("The notice is too large")
    try:
        alert = _object(forms.document(upload.path.read_bytes()))
    except ValueError:
        raise invalid("The notice is not a JSON document") from None
    if _kind(alert) not in _TYPES:
        raise invalid("The notice has no alert_type that is known")
    if alert.get("superevent_id") != superevent_id:
        raise invalid(f"The superevent_id of the notice is not {superevent_id}")
    return alert


def _kind(alert: dict[str, Any]) -> str:
    return str(alert.get("alert_type", "")).lower().replace("_", "")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


ROUTES = {
    "superevents/{superevent_id}/notices/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/notices/{N}/": {"GET": one},
}
