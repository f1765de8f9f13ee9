"""A GraceDB that says exactly what a test wants, and a client of either face to ask it."""

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

from skykey.gracedb.client import AsyncGraceDBClient, GraceDBClient
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, as_json

TEMPLATES = {
    "event-detail-template": "events/{graceid}",
    "event-log-template": "events/{graceid}/log/",
    "files-template": "events/{graceid}/files/{filename}",
    "event-label-template": "events/{graceid}/labels/{label}",
    "superevent-detail-template": "superevents/{superevent_id}/",
}
SHORT = 0.001  # a first wait, for clocks that do not wait


def root_of(base: str, **more: Any) -> dict[str, Any]:
    """An API root; base ends in a slash."""
    return {
        "links": {"self": base, "events": f"{base}events/", "superevents": f"{base}superevents/"},
        "templates": {key: base + path for key, path in TEMPLATES.items()},
        "groups": ["Test", "CBC"],
        "labels": ["INJ"],
        "signoff-types": {"OP": "operator"},
        "api-versions": ["default", "v1", "v2"],
        "API_VERSIONS": ["default", "v1", "v2"],
        "server-version": "2.36.0",
        **more,
    }


def base_of(seen: Seen) -> str:
    return f"http://{seen.headers['host']}/api/"


def with_root(handler: Callable[[Seen], Answer], **more: Any) -> Callable[[Seen], Answer]:
    """Answer for the root, and leave the rest to the handler."""

    def handle(seen: Seen) -> Answer:
        if seen.path == "/api/" and seen.method == "GET":
            return as_json(json.dumps(root_of(base_of(seen), **more)))
        return handler(seen)

    return handle


class Client:
    """A client of either face, asked in the same way."""

    def __init__(self, face: str, *given: Any, **more: Any) -> None:
        kind = GraceDBClient if face == "sync" else AsyncGraceDBClient
        self.client: Any = kind(*given, **more)
        self.clock = self.client._clock = FastClock()

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.client, name)
        if inspect.isawaitable(asked):
            return asyncio.run(_awaited(asked))
        return self._call(asked) if callable(asked) else asked

    @staticmethod
    def _call(ask: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            asked = ask(*given, **more)
            return asyncio.run(asked) if inspect.iscoroutine(asked) else asked

        return call


async def _awaited(asked: Any) -> Any:
    return await asked
