"""Who else may see a superevent: shown to partners and the public, or hidden again."""

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.store import Thing

_EXPOSED = [("lvem_observers", "annotate_superevent"), ("lvem_observers", "view_superevent")]
_EXPOSED += [("public_users", "view_superevent")]


def _rows(superevent: Thing) -> list[shapes.Json]:
    rows = _EXPOSED if superevent.facts["is_exposed"] else []
    return [{"group": group, "permission": permission} for group, permission in rows]


async def listed(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.internal()
    return JSONResponse(shapes.linked(asked, superevent, "permissions", _rows(superevent)))


async def modified(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.need("access_managers" in asked.person.groups)
    is_exposed = asked.chosen("action", ("expose", "hide")) == "expose"
    with asked.store.change():
        superevent.facts["is_exposed"] = is_exposed
        asked.store.touch(superevent)
        asked.log(superevent, "Superevent exposed to LV-EM and the public" if is_exposed else "Superevent hidden")
    return JSONResponse(_rows(superevent))


ROUTES = {
    "superevents/{superevent_id}/permissions/": {"GET": listed},
    "superevents/{superevent_id}/permissions/modify/": {"POST": modified},
}
