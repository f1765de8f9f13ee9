"""Catalogs of gravitational-wave transients: numbers, each in versions that only grow."""

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import lists, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.errors import invalid, missing
from skykey.sandbox.gracedb.store import Thing

_PAGE = 1  # the framework's own, which nobody has changed


def _all(asked: Asked, number: str | None = None) -> list[Thing]:
    found = [one for one in asked.store.all("catalog") if number in (None, one.facts["number"])]
    return sorted(found, key=lambda one: (one.facts["number"], one.facts["version"]))


def _shape(asked: Asked, catalog: Thing) -> shapes.Json:
    facts = catalog.facts
    return facts | {"url": f"{asked.here}gwtc/{facts['number']}/{facts['version']}/"}


async def listed(asked: Asked) -> Response:
    number = asked.path.get("number")
    address = f"{asked.here}gwtc/" + (f"{number}/" if number else "")
    rows = [_shape(asked, one) for one in _all(asked, number)]
    if number and not rows:
        raise missing("Catalog")
    return JSONResponse(lists.cut(asked, address, rows, _PAGE))


async def one(asked: Asked) -> Response:
    found, version = _all(asked, asked.path["number"]), asked.path["version"]
    chosen = found[-1:] if version == "latest" else [one for one in found if str(one.facts["version"]) == version]
    if not chosen:
        raise missing("Catalog")
    return JSONResponse(_shape(asked, chosen[0]))


async def created(asked: Asked) -> Response:
    asked.internal("superevent_managers")
    number = asked.needed("number")
    members = asked.form.members.get("smap")
    if not isinstance(members, dict) or "/" in number:
        raise invalid("number is a text, and smap an object of superevents")
    for name, member in members.items():
        if asked.store.get("superevent", name) is None:
            raise invalid(f"Superevent {name} does not exist.")
        if not isinstance(member, dict):
            raise invalid(f"smap says nothing of {name}")
    shown = {
        name: {"pipelines": member.get("pipelines", {}), "far": member.get("far"), "pastro": member.get("pastro")}
        for name, member in members.items()
    }
    version = len(_all(asked, number)) + 1
    facts = {"number": number, "version": version, "created": asked.stamp, "submitter": asked.person.username}
    facts |= {"gwtc_superevents": shown, "comment": asked.form.get("comment")}
    with asked.store.change():
        catalog = asked.store.add("catalog", f"{number}/{version}", facts)
    return JSONResponse(_shape(asked, catalog), 201)


ROUTES = {
    "gwtc/": {"GET": listed, "POST": created},
    "gwtc/{number}/": {"GET": listed},
    "gwtc/{number}/{version}/": {"GET": one},
}
