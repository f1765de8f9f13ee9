"""A GraceDB that answers as it is told, with a complete API root, and keeps what it was sent."""

import base64
import email.parser
import email.policy
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.wire.server import Answer, Seen, Server, as_json, reply

EVENT = {
    "graceid": "G1", "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "created": "2026-03-20 01:02:03 UTC",
    "gpstime": 1458003741.25, "far": None, "labels": ["INJ", "DQV"], "superevent": None, "offline": False,
    "extra_attributes": {"CoincInspiral": {"snr": 9.5}, "SingleInspiral": [{"ifo": "H1"}, {"ifo": "L1"}]},
}  # fmt: skip
SUPEREVENT = {
    "superevent_id": "S260320a", "gw_id": None, "category": "Production", "labels": [], "far": 1.5e-9,
    "t_0": 1458003741.25, "links": {"files": "https://gracedb.invalid/files/"},
}  # fmt: skip
LOGS = [{"N": 1, "comment": "first", "self": "https://gracedb.invalid/1"}, {"N": 2, "comment": "a\tb", "filename": "x"}]

_EVENT = {
    "event-detail-template": "", "event-log-template": "/log/", "event-log-detail-template": "/log/{N}",
    "taglist-template": "/log/{N}/tag/", "tag-template": "/log/{N}/tag/{tag_name}",
    "event-label-template": "/labels/{label}", "files-template": "/files/{filename}",
    "voevent-list-template": "/voevent/", "voevent-detail-template": "/voevent/{N}",
    "emobservation-list-template": "/emobservation/", "emobservation-detail-template": "/emobservation/{N}",
    "update-grbevent-template": "/update-grbevent/", "event-upload-template": "/upload/",
}  # fmt: skip
_SUPEREVENT = {
    "detail": "", "event-list": "events/", "event-detail": "events/{graceid}/",
    "pipeline-preferred-event-list": "pipeline_preferred_events/",
    "pipeline-preferred-event-detail": "pipeline_preferred_events/{graceid}/",
    "label-list": "labels/", "label-detail": "labels/{label_name}/", "log-list": "logs/", "log-detail": "logs/{N}/",
    "log-tag-list": "logs/{N}/tags/", "log-tag-detail": "logs/{N}/tags/{tag_name}/", "file-list": "files/",
    "file-detail": "files/{file_name}", "voevent-list": "voevents/", "voevent-detail": "voevents/{N}/",
    "emobservation-list": "emobservations/", "emobservation-detail": "emobservations/{N}/",
    "confirm-as-gw": "confirm-as-gw/", "signoff-list": "signoffs/", "signoff-detail": "signoffs/{typeinst}/",
    "permission-list": "permissions/", "permission-modify": "permissions/modify/", "notice-list": "notices/",
    "notice-detail": "notices/{N}/",
}  # fmt: skip


def root_of(api: str) -> dict[str, Any]:
    """What the API's root says."""
    templates = {name: f"{api}events/{{graceid}}{path}" for name, path in _EVENT.items()}
    for name, path in _SUPEREVENT.items():
        templates[f"superevent-{name}-template"] = f"{api}superevents/{{superevent_id}}/{path}"
    templates |= {
        "gwtc-number-list": f"{api}gwtc/{{number}}/",
        "gwtc-version-detail": f"{api}gwtc/{{number}}/{{version}}/",
    }
    names = ("events", "superevents", "user-info", "gwtc", "performance")
    return {
        "links": {"self": api, **{name: f"{api}{name}/" for name in names}},
        "templates": templates,
        "groups": ["Test", "CBC", "Burst"],
        "pipelines": ["gstlal", "pycbc"],
        "searches": ["AllSky", "MDC"],
        "labels": ["INJ", "DQV", "ADVREQ"],
        "em-groups": ["ZTF", "DES"],
        "superevent-categories": {"P": "Production", "T": "Test", "M": "MDC"},
        "signoff-types": {"OP": "operator", "ADV": "advocate"},
        "signoff-statuses": {"OK": "OKAY", "NO": "NOT OKAY"},
        "instruments": {"V1": "Virgo", "H1": "LHO", "L1": "LLO"},
        "voevent-types": {"PR": "preliminary", "IN": "initial"},
        "api-versions": ["default", "v1", "v2"],
        "API_VERSIONS": ["default", "v1", "v2"],
        "api-default": "v2",
        "server-version": "2.36.1",
    }


class ScriptedGraceDb(Server):
    """The server; `says` overrides what it answers to a method and path below the API, such as ``GET events/G1``."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.says: dict[str, Any] = {}
        self.root: dict[str, Any] | None = None

    @property
    def api(self) -> str:
        return f"{self.url}/api/"

    @property
    def asked(self) -> list[Seen]:
        """All requests but those for the root."""
        return [seen for seen in self.seen if seen.path not in {"/api/", "/api/v1/", "/api/v2/"}]

    def _answer(self, seen: Seen) -> Answer:
        path = seen.path.removeprefix("/api/").removeprefix("v1/").removeprefix("v2/")
        told = self.says.get(f"{seen.method} {path}", self.says.get(path))
        if told is not None:
            return told(seen) if callable(told) else told
        if path == "":
            return as_json(json.dumps(self.root or root_of(self.api)))
        return _usual(seen.method, path)


def _usual(method: str, path: str) -> Answer:
    return _found(path) if method == "GET" else _done(method, path)


def _done(method: str, path: str) -> Answer:
    if method == "DELETE":
        return reply(204)
    if method == "PUT" and path.count("/") == 1:
        return reply(202)
    if "/tag/" in path and method == "PUT":
        return reply(201, "Tag created.", Content_Type="text/plain")
    if method == "PATCH":
        return as_json(json.dumps({"changed": path}))
    return as_json(json.dumps(EVENT if path == "events/" else {"made": path}), 201)


def _found(path: str) -> Answer:
    kind = path.partition("/")[0]
    if path in {"events/", "superevents/"}:
        rows = [EVENT] if kind == "events" else [SUPEREVENT]
        return as_json(json.dumps({"numRows": 1, kind: rows, "links": {"next": None}}))
    if path in {"gwtc/", "gwtc/4/", "gwtc/5/"}:
        rows = [{"number": number, "version": 1, "comment": ""} for number in ("4", "5")]
        return as_json(json.dumps({"count": 2, "next": None, "previous": None, "results": rows}))
    if "/files/" in path and not path.endswith("/files/"):
        return reply(200, b"\x1f\x8b\x00\xff\xfe\r\n", Content_Type="application/octet-stream")
    if path.count("/") == 1 and kind == "events":
        return as_json(json.dumps(EVENT))
    lists = {
        "user-info": {"username": "AnonymousUser"},
        "log": {"start": 0, "numRows": 2, "logs": LOGS, "links": {}},
        "files": {"x.txt": "https://gracedb.invalid/x.txt", "x.txt,0": "https://gracedb.invalid/0"},
    }
    last = path.rstrip("/").rpartition("/")[2]
    return as_json(json.dumps(lists.get("log" if last == "logs" else last, {"got": path})))


def scitoken() -> str:
    """A token for a server on this machine, good for an hour, signed by nobody."""
    now = int(time.time())
    claims = {
        "iss": "http://127.0.0.1:1/issuer", "sub": "albert.einstein@ligo.org", "aud": "ANY", "ver": "scitoken:2.0",
        "scope": "gracedb.read", "exp": now + 3600, "nbf": now - 9, "iat": now - 9,
    }  # fmt: skip
    said = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in said), "c2lnbmF0dXJl"])


def sent(seen: Seen) -> dict[str, Any]:
    """The fields of a body; of a file its name and content, of several with one name a list."""
    kind = seen.headers.get("content-type", "")
    if "json" in kind:
        return dict(json.loads(seen.body))
    if "multipart" not in kind:
        return _gathered(parse_qsl(seen.body.decode(), keep_blank_values=True))
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {kind}\r\n\r\n".encode() + seen.body
    )
    found: list[tuple[str, Any]] = []
    for part in whole.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        file = part.get_filename()
        found.append((name, content.decode() if file is None else (file, content)))
    return _gathered(found)


def query(seen: Seen) -> dict[str, Any]:
    return _gathered(parse_qsl(urlsplit(seen.target).query, keep_blank_values=True))


def _gathered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
