"""A GraceDB with every template, that answers as a test says, and clients of both faces to ask it."""

import asyncio
import email.policy
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest

from skykey.gracedb.rest import AsyncGraceDb, GraceDb
from skykey.testing.clock import FakeClock
from tests.wire.server import Answer, Seen, Server, as_json, reply

BOTH_FACES = pytest.mark.parametrize("face", ["sync", "async"])
NOW = 1_700_000_000.0
UUID = "2cf24dba-5fb0-a30e-26e8-3b2ac5b9e29e"  # of the text "hello"

_EVENTS = {
    "event-detail-template": "",
    "event-log-template": "/log/",
    "event-log-detail-template": "/log/{N}",
    "taglist-template": "/log/{N}/tag/",
    "tag-template": "/log/{N}/tag/{tag_name}",
    "event-label-template": "/labels/{label}",
    "files-template": "/files/{filename}",
    "voevent-list-template": "/voevent/",
    "voevent-detail-template": "/voevent/{N}",
    "emobservation-list-template": "/emobservation/",
    "emobservation-detail-template": "/emobservation/{N}",
    "update-grbevent-template": "/update-grbevent/",
    "event-upload-template": "/upload/",
}
_SUPEREVENTS = {
    "detail": "",
    "event-list": "events/",
    "event-detail": "events/{graceid}/",
    "pipeline-preferred-event-list": "pipeline_preferred_events/",
    "pipeline-preferred-event-detail": "pipeline_preferred_events/{graceid}/",
    "label-list": "labels/",
    "label-detail": "labels/{label_name}/",
    "log-list": "logs/",
    "log-detail": "logs/{N}/",
    "log-tag-list": "logs/{N}/tags/",
    "log-tag-detail": "logs/{N}/tags/{tag_name}/",
    "file-list": "files/",
    "file-detail": "files/{file_name}",
    "voevent-list": "voevents/",
    "voevent-detail": "voevents/{N}/",
    "emobservation-list": "emobservations/",
    "emobservation-detail": "emobservations/{N}/",
    "confirm-as-gw": "confirm-as-gw/",
    "signoff-list": "signoffs/",
    "signoff-detail": "signoffs/{typeinst}/",
    "permission-list": "permissions/",
    "permission-modify": "permissions/modify/",
    "notice-list": "notices/",
    "notice-detail": "notices/{N}/",
}
TEMPLATES = {
    **{key: "events/{graceid}" + path for key, path in _EVENTS.items()},
    **{f"superevent-{key}-template": "superevents/{superevent_id}/" + path for key, path in _SUPEREVENTS.items()},
    "event-reserve-template": "events/reserve/",
    "gwtc-number-list": "gwtc/{number}/",
    "gwtc-version-detail": "gwtc/{number}/{version}/",
}
LINKS = {"self": "", "events": "events/", "superevents": "superevents/", "user-info": "user-info/", "gwtc": "gwtc/"}
LISTS: dict[str, Any] = {
    "groups": ["CBC", "Burst", "Test"],
    "pipelines": ["gstlal", "pycbc"],
    "searches": ["AllSky", "MDC"],
    "labels": ["INJ", "DQV", "ADVREQ"],
    "em-groups": ["ZTF", "Test"],
    "superevent-categories": {"P": "Production", "T": "Test", "M": "MDC"},
    "signoff-types": {"OP": "operator", "ADV": "advocate"},
    "signoff-statuses": {"OK": "OKAY", "NO": "NOT OKAY"},
    "instruments": {"H1": "LHO", "L1": "LLO", "V1": "Virgo"},
    "voevent-types": {"PR": "preliminary", "IN": "initial", "UP": "update"},
    "api-versions": ["default", "v1", "v2"],
    "API_VERSIONS": ["default", "v1", "v2"],
    "api-default": "v2",
    "server-version": "2.36.0",
}


def utc(seconds: float) -> str:
    """A time as the server writes it."""
    import datetime as dt

    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def answer(document: Any, status: int = 200, **headers: str) -> bytes:
    """JSON, with the server's time."""
    return as_json(json.dumps(document), status, **{"Date": formatdate(NOW, usegmt=True), **headers})


GONE = reply(204)
NOT_FOUND = answer("Event not found.", 404)


def path(seen: Seen) -> str:
    """Below the API root, with its query."""
    return seen.target.removeprefix("/api/")


def form(seen: Seen) -> dict[str, list[Any]]:
    """The fields of a form; files as (name, media type, bytes)."""
    kind = seen.headers.get("content-type", "")
    found: dict[str, list[Any]] = {}
    if kind.startswith("multipart/form-data"):
        parser = BytesParser(policy=email.policy.HTTP)
        message: Any = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + seen.body)
        for part in message.iter_parts():
            named = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            filename = part.get_filename()
            value = content.decode() if filename is None else (filename, part.get_content_type(), content)
            found.setdefault(named, []).append(value)
    else:
        for name, text in parse_qsl(seen.body.decode(), keep_blank_values=True):
            found.setdefault(name, []).append(text)
    return found


def query(seen: Seen) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(seen.target).query))


@dataclass
class Gracedb:
    """What a test makes of a server.

    Parameters
    ----------
    handler
        For everything but the root.
    without
        Keys that the root, its links and templates lack.
    more
        Over what the root says.
    """

    handler: Callable[[Seen], Answer] = lambda _: answer({})
    without: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    asked: list[Seen] = field(default_factory=list)
    roots: int = 0

    def __enter__(self) -> Self:
        self._server = Server(self._answer)
        self._server.__enter__()
        return self

    def __exit__(self, *given: object) -> None:
        self._server.__exit__(*given)

    @property
    def url(self) -> str:
        return f"{self._server.url}/api/"

    @property
    def sent(self) -> list[str]:
        """What was asked beside the root."""
        return [f"{seen.method} {path(seen)}" for seen in self.asked]

    @property
    def written(self) -> list[str]:
        return [line for line in self.sent if not line.startswith("GET ")]

    def _answer(self, seen: Seen) -> Answer:
        if seen.target == "/api/" and seen.method == "GET":
            self.roots += 1
            return answer(self.root())
        self.asked.append(seen)
        return self.handler(seen)

    def root(self) -> dict[str, Any]:
        base = self.url
        kept = {
            "links": {name: base + end for name, end in LINKS.items() if name not in self.without},
            "templates": {key: base + end for key, end in TEMPLATES.items() if key not in self.without},
            **{key: value for key, value in LISTS.items() if key not in self.without},
        }
        return {**kept, **self.more}


class Asker:
    """A client of either face, whose waits take no time.

    Parameters
    ----------
    face
        ``sync`` or ``async``.
    url
        The API root.
    """

    def __init__(self, face: str, url: str, **more: Any) -> None:
        kind = GraceDb if face == "sync" else AsyncGraceDb
        self.client: Any = kind(url, force_noauth=True, **more)
        self.clock = FakeClock(wall=NOW, hasty=True)
        self.client._clock = self.clock

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            made = getattr(self.client, name)(*given, **more)
            if inspect.isasyncgen(made):
                return asyncio.run(_gathered(made))
            if inspect.isgenerator(made):
                return list(made)
            return asyncio.run(_awaited(made)) if inspect.isawaitable(made) else made

        return call


async def _awaited(made: Any) -> Any:
    return await made


async def _gathered(made: Any) -> list[Any]:
    return [item async for item in made]
