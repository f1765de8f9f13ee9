"""EM observations of the classic server: where a telescope has looked, and for how long."""

import math
from typing import Any

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import EM_GROUPS
from skykey.sandbox.gracedb.errors import invalid
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


def _shape(asked: Asked, thing: Thing, observation: shapes.Json) -> shapes.Json:
    own = {"self": shapes.url(asked, thing, "emobservations", observation["N"])}
    return observation | (own if thing.is_event else {})


async def listed(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    rows = [_shape(asked, thing, observation) for observation in thing.rows("observations")]
    return JSONResponse(shapes.nested(asked, thing, "emobservations", "observations", rows))


async def one(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    return JSONResponse(_shape(asked, thing, asked.row(thing.rows("observations"), thing, "EM Observation")))


async def created(asked: Asked) -> Response:
    asked.until_current()
    thing = asked.thing
    asked.need(asked.person.is_internal or "lvem_observers" in asked.person.groups)
    group = asked.chosen("group", EM_GROUPS)
    columns = {shown: _column(asked, sent) for sent, shown in _LISTS.items()}
    if len({len(values) for values in columns.values()}) > 1:
        raise invalid("ra_list, dec_list, and so on, must be the same length")
    rows = zip(*columns.values(), strict=True)
    footprints = [{"N": n, **dict(zip(columns, row, strict=True))} for n, row in enumerate(rows, 1)]
    try:
        boxes = [_box(columns[side], columns[f"{side}Width"]) for side in ("ra", "dec")]
    except (TypeError, ValueError):
        raise invalid("ra_list, dec_list and their widths must be numbers") from None
    observation = {"N": len(thing.rows("observations")) + 1, "created": asked.stamp, "submitter": asked.person.username}
    observation |= {"group": group, "comment": asked.form.get("comment") or "", "footprint_count": len(footprints)}
    observation |= {"ra": boxes[0][0], "dec": boxes[1][0], "raWidth": boxes[0][1], "decWidth": boxes[1][1]}
    observation |= {"footprints": footprints}
    with asked.store.change():
        thing.rows("observations").append(observation)
        asked.store.touch(thing)
    return JSONResponse(_shape(asked, thing, observation), 201)


def _column(asked: Asked, name: str) -> list[Any]:
    sent = asked.form.members.get(name)
    if not isinstance(sent, list) or not sent:
        raise invalid(f"{name}: This field is required.")
    return sent


def _box(middles: list[Any], widths: list[Any]) -> tuple[float, float]:
    """Return middle and width of what encloses all fields."""
    sides = [(float(middle), float(width) / 2) for middle, width in zip(middles, widths, strict=True)]
    low, high = min(at - half for at, half in sides), max(at + half for at, half in sides)
    if not math.isfinite(high - low):
        raise ValueError("it is as large as nothing can be")
    return (low + high) / 2, high - low


ROUTES = {
    "events/{graceid}/emobservation/": {"GET": listed, "POST": created},
    "events/{graceid}/emobservation/{N}": {"GET": one},
    "superevents/{superevent_id}/emobservations/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/emobservations/{N}/": {"GET": one},
}
