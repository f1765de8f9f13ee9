"""EM observations of the classic server: where a telescope has looked, and for how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.constants import EM_GROUPS
from skykey.sandbox.gracedb.errors import Refused, invalid

if TYPE_CHECKING:
    from skykey.sandbox.gracedb.asked import Asked
    from skykey.sandbox.gracedb.store import Thing

#: Field of the request -> that of a footprint.
_LISTS = {
    "ra_list": "ra",
    "dec_list": "dec",
    "ra_width_list": "raWidth",
    "dec_width_list": "decWidth",
    "start_time_list": "start_time",
    "duration_list": "exposure_time",
}


def _kept(thing: Thing) -> list[shapes.Json]:
    kept: list[shapes.Json] = thing.facts.setdefault("observations", [])
    return kept


def _shape(asked: Asked, thing: Thing, observation: shapes.Json) -> shapes.Json:
    if not shapes.is_event(thing):
        return observation
    return observation | {"self": shapes.url(asked, thing, "emobservation", observation["N"])}


async def listed(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    rows = [_shape(asked, thing, observation) for observation in _kept(thing)]
    part = "emobservation" if shapes.is_event(thing) else "emobservations"
    return JSONResponse(shapes.nested("observations", rows, shapes.url(asked, thing, part, "")))


async def one(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    for observation in _kept(thing):
        if str(observation["N"]) == asked.path["N"]:
            return JSONResponse(_shape(asked, thing, observation))
    raise Refused(404, {"detail": "EM Observation not found."})


async def created(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    asked.need(asked.person.is_internal or "lvem_observers" in asked.person.groups)
    group = asked.needed("group")
    if group not in EM_GROUPS:
        raise invalid(f'"{group}" is not a valid choice.')
    columns = {shown: _column(asked, sent) for sent, shown in _LISTS.items()}
    if len({len(values) for values in columns.values()}) > 1:
        raise invalid("ra_list, dec_list, and so on, must be the same length")
    rows = zip(*columns.values(), strict=True)
    footprints = [{"N": n, **dict(zip(columns, row, strict=True))} for n, row in enumerate(rows, 1)]
    try:
        boxes = [_box(columns[side], columns[f"{side}Width"]) for side in ("ra", "dec")]
    except (TypeError, ValueError):
        raise invalid("ra_list, dec_list and their widths must be numbers") from None
    observation = {"N": len(_kept(thing)) + 1, "created": asked.stamp, "submitter": asked.person.username}
    observation |= {"group": group, "comment": asked.form.get("comment") or "", "footprint_count": len(footprints)}
    observation |= {"ra": boxes[0][0], "dec": boxes[1][0], "raWidth": boxes[0][1], "decWidth": boxes[1][1]}
    observation |= {"footprints": footprints}
    with asked.store.change():
        _kept(thing).append(observation)
        asked.store.touch(thing)
    return JSONResponse(_shape(asked, thing, observation), 201)


def _column(asked: Asked, name: str) -> list[Any]:
    sent = asked.form.json.get(name) if isinstance(asked.form.json, dict) else None
    if sent is None:
        try:
            sent = json.loads(f"[{asked.needed(name)}]")  # a form has the numbers between commas
        except ValueError:
            sent = asked.form.many(name)
    values = sent if isinstance(sent, list) else [sent]
    if not values:
        raise invalid(f"{name}: This field is required.")
    return values


def _box(middles: list[Any], widths: list[Any]) -> tuple[float, float]:
    """Return middle and width of what encloses all fields."""
    sides = [(float(middle), float(width) / 2) for middle, width in zip(middles, widths, strict=True)]
    low, high = min(at - half for at, half in sides), max(at + half for at, half in sides)
    return (low + high) / 2, high - low


ROUTES = {
    "events/{graceid}/emobservation/": {"GET": listed, "POST": created},
    "events/{graceid}/emobservation/{N}": {"GET": one},
    "superevents/{superevent_id}/emobservations/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/emobservations/{N}/": {"GET": one},
}
