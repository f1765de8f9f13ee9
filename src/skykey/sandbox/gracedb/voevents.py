"""VOEvents of the classic server, written from what the request says of them."""

from xml.sax.saxutils import escape, quoteattr

from starlette.responses import JSONResponse, Response

from skykey.sandbox.gracedb import shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.constants import NOTICE_TYPES
from skykey.sandbox.gracedb.errors import gone, invalid
from skykey.sandbox.gracedb.store import Thing

#: Field of the form -> name in the answer, in the order in which the document has them.
_NUMBERS = {
    "ProbHasNS": "prob_has_ns",
    "ProbHasRemnant": "prob_has_remnant",
    "BNS": "prob_bns",
    "NSBH": "prob_nsbh",
    "BBH": "prob_bbh",
    "Terrestrial": "prob_terrestrial",
    "HasMassGap": "prob_has_mass_gap",
}
_FLAGS = {"internal": True, "open_alert": False, "hardware_inj": False, "CoincComment": False, "raven_coinc": False}
_TEXTS = ("skymap_type", "skymap_filename", "combined_skymap_filename")


def _shape(asked: Asked, thing: Thing, voevent: shapes.Json) -> shapes.Json:
    own = shapes.url(asked, thing, "voevents", voevent["N"])
    return voevent | {"links": {"self": own, "file": shapes.file(asked, thing, voevent)}}


def _kept(asked: Asked, thing: Thing) -> list[shapes.Json]:
    """Return those that there are: of events, the current server does not even say that there are none."""
    if asked.is_current and thing.is_event:
        raise gone()
    return [] if asked.is_current else thing.rows("voevents")


async def listed(asked: Asked) -> Response:
    thing = asked.thing
    rows = [_shape(asked, thing, voevent) for voevent in _kept(asked, thing)]
    return JSONResponse(shapes.nested(asked, thing, "voevents", "voevents", rows))


async def one(asked: Asked) -> Response:
    thing = asked.thing
    return JSONResponse(_shape(asked, thing, asked.row(_kept(asked, thing), thing, "VOEvent")))


async def created(asked: Asked) -> Response:
    asked.internal()
    asked.until_current()
    thing, form = asked.thing, asked.form
    kind, kept = asked.chosen("voevent_type", NOTICE_TYPES), _kept(asked, thing)
    if kind == "IN" and not form.get("skymap_filename"):
        raise invalid("Skymap filename not provided.")
    name, n = thing.facts["graceid"] if thing.is_event else thing.name, len(kept) + 1
    voevent: shapes.Json = {"N": n, "issuer": asked.person.username, "created": asked.stamp, "voevent_type": kind}
    title = f"{name}-{n}-{NOTICE_TYPES[kind].capitalize()}"
    voevent |= {"ivorn": f"ivo://gwnet/LVC#{title}"}
    for flag, usual in _FLAGS.items():
        sent = form.get(flag)
        voevent["coinc_comment" if flag == "CoincComment" else flag] = usual if sent is None else sent.lower() == "true"
    voevent |= {text: form.get(text) for text in _TEXTS}
    voevent |= {shown: asked.number(sent) for sent, shown in _NUMBERS.items()}
    upload = asked.store.blobs.put(f"{title}.xml", _document(voevent, kept).encode())
    with asked.store.change():
        entry = asked.log(thing, f"New VOEvent {n}", tags=[{"name": "em_follow", "displayName": ""}], upload=upload)
        voevent |= {"filename": upload.filename, "file_version": entry["file_version"]}
        kept.append(voevent)
        asked.store.touch(thing)
    shown = _shape(asked, thing, voevent)
    return JSONResponse(shown, 201, {"Location": shown["links"]["self"]} if thing.is_event else None)


def _document(voevent: shapes.Json, earlier: list[shapes.Json]) -> str:
    """Write one, which takes the place of all before it, but for a preliminary one."""
    said = {
        name: value for name, value in voevent.items() if name not in ("N", "ivorn", "created") and value is not None
    }
    params = "".join(f"<Param name={quoteattr(name)} value={quoteattr(str(value))}/>" for name, value in said.items())
    how = {"PR": "", "RE": "retraction"}.get(voevent["voevent_type"], "supersedes")
    cited = "".join(f'<EventIVORN cite="{how}">{escape(one["ivorn"])}</EventIVORN>' for one in earlier if how)
    cited = f"<Citations>{cited}</Citations>" if cited else ""
    return (
        '<?xml version="1.0"?>\n<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" version="2.0" '
        f'role="test" ivorn={quoteattr(voevent["ivorn"])}><Who><Date>{escape(voevent["created"])}</Date></Who>'
        f"<What>{params}</What>{cited}</voe:VOEvent>\n"
    )


ROUTES = {
    "events/{graceid}/voevent/": {"GET": listed, "POST": created},
    "events/{graceid}/voevent/{N}": {"GET": one},
    "superevents/{superevent_id}/voevents/": {"GET": listed, "POST": created},
    "superevents/{superevent_id}/voevents/{N}/": {"GET": one},
}
