"""The schema registry's counterpart: what the fields of the sandbox's topics mean.

The real one holds what the topics' producers registered. Here the schemas are made from the telemetry that there is,
one version each; units are those that such sensors have.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skykey.sandbox.routes import get, service

if TYPE_CHECKING:
    from skykey.sandbox.influxdb.store import Measurement

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_AVRO = {"float": "double", "integer": "long", "string": "string", "boolean": "boolean", "tag": "string"}
#: name of a field -> its unit and what it is; the first that fits
_MEANINGS = {
    r"temperature(Item)?": ("deg_C", "Temperature of each sensor"),
    r"direction": ("deg", "Direction that the wind comes from"),
    r"speed(StdDev)?": ("m/s", "Wind speed, or how much it varies"),
    r"[a-z]+Position": ("deg", "Position of the axis"),
    r"[a-z]+Velocity": ("deg/s", "Velocity of the axis"),
    r".*timestamp": ("s", "Time, TAI"),
    r"far": ("Hz", "How often noise alone looks like this"),
    r"salIndex": ("unitless", "Index of the component"),
}


class SchemaRegistry:
    """Subjects and schemas, for reading. No token is asked for."""

    def __init__(self) -> None:
        self._schemas: dict[str, str] = {}
        self._lock = asyncio.Lock()

    def app(self) -> Starlette:
        """Return the routes, for ``/schema-registry``."""
        below = "/subjects/{subject}/versions"
        return service(
            [
                get("/subjects", self._subjects),
                get(below, self._versions),
                get(below + "/{version}", self._version),
                get("/schemas/ids/{id}", self._by_id),
            ]
        )

    async def _known(self) -> dict[str, str]:
        async with self._lock:
            self._schemas = self._schemas or await asyncio.to_thread(_made)
        return self._schemas

    async def _subjects(self, request: Request) -> Response:
        prefix = request.query_params.get("subjectPrefix", "")
        return _answer([subject for subject in await self._known() if subject.startswith(prefix)])

    async def _versions(self, request: Request) -> Response:
        subject = request.path_params["subject"]
        return _answer([1]) if subject in await self._known() else _missing(40401, f"Subject '{subject}' not found.")

    async def _version(self, request: Request) -> Response:
        known, subject, version = await self._known(), request.path_params["subject"], request.path_params["version"]
        if not re.fullmatch(r"latest|-1|[1-9]\d{0,8}", version):
            words = f"The specified version '{version}' is not a valid version id."
            return _answer({"error_code": 42202, "message": words}, 422)
        if subject not in known:
            return _missing(40401, f"Subject '{subject}' not found.")
        if version not in {"latest", "-1", "1"}:
            return _missing(40402, f"Version {version} not found.")
        number = list(known).index(subject) + 1
        return _answer({"subject": subject, "version": 1, "id": number, "schema": known[subject]})

    async def _by_id(self, request: Request) -> Response:
        number, schemas = request.path_params["id"], dict(enumerate((await self._known()).values(), 1))
        found = schemas.get(int(number) if number.isdecimal() else 0)
        return _missing(40403, f"Schema {number} not found") if found is None else _answer({"schema": found})


def _made() -> dict[str, str]:
    # Its own look at the data, at the first question, so that nobody else waits for it.
    from skykey.sandbox.influxdb.bundled import shared

    topics = [topic for database in shared().databases.values() for topic in database.values()]
    return {f"{topic.name}-value": _schema(topic) for topic in sorted(topics, key=lambda topic: topic.name)}


def _schema(topic: "Measurement") -> str:
    namespace, _, name = topic.name.rpartition(".")
    return json.dumps({"type": "record", "name": name, "namespace": namespace, "fields": list(_fields(topic))})


def _fields(topic: "Measurement") -> Iterator[dict[str, Any]]:
    """Describe the fields; what InfluxDB has as ``name0``, ``name1``, … was one array when it was sent."""
    for name, column in topic.columns.items():
        stem = name.rstrip("0123456789")
        is_array = name != stem and {f"{stem}0", f"{stem}1"} <= topic.columns.keys()
        if is_array and name != f"{stem}0":
            continue
        kind, shown = _AVRO[column.kind.value], stem if is_array else name
        meanings = (meaning for pattern, meaning in _MEANINGS.items() if re.fullmatch(pattern, shown))
        unit, words = next(meanings, ("unitless", f"{shown}, as its producer sends it"))
        avro: Any = {"type": "array", "items": kind} if is_array else ["null", kind] if kind == "double" else kind
        yield {"name": shown, "type": avro, "units": unit, "description": words}


def _answer(content: Any, status: int = 200) -> Response:
    return JSONResponse(content, status, media_type=MEDIA_TYPE)


def _missing(code: int, words: str) -> Response:
    return _answer({"error_code": code, "message": words}, 404)
