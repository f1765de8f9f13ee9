"""Who else may see a superevent: shown to partners and the public, or hidden again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.errors import invalid

if TYPE_CHECKING:
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
    links = {"self": shapes.url(asked, superevent, "permissions", ""), "superevent": shapes.url(asked, superevent)}
    return JSONResponse({"links": links, "permissions": _rows(superevent)})


async def modified(asked: Asked) -> Response:
    superevent = asked.superevent
    asked.need("access_managers" in asked.person.groups)
    action = asked.needed("action")
    if action not in ("expose", "hide"):
        raise invalid(f'"{action}" is not a valid choice.')
    with asked.store.change():
        superevent.facts["is_exposed"] = action == "expose"
        asked.store.touch(superevent)
        asked.log(
            superevent, "Superevent exposed to LV-EM and the public" if action == "expose" else "Superevent hidden"
        )
    return JSONResponse(_rows(superevent))


ROUTES = {
    "superevents/{superevent_id}/permissions/": {"GET": listed},
    "superevents/{superevent_id}/permissions/modify/": {"POST": modified},
}
