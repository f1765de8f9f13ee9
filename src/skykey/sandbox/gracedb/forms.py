"""What a request brings: fields and files, from a form, from several parts, or as JSON."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from skykey.sandbox.gracedb.blobs import Upload
from skykey.sandbox.gracedb.errors import Refused
from skykey.sandbox.gracedb.multipart import Parts, check_size


@dataclass
class Form:
    """Fields by name, each with all of its values, and files by the name of their part."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    json: Any = None

    @property
    def members(self) -> dict[str, Any]:
        """The members of the object that was sent as JSON."""
        return self.json if isinstance(self.json, dict) else {}

    def get(self, name: str) -> str | None:
        """Return the last value of a field, None if it is absent or empty."""
        return next((value for value in reversed(self.fields.get(name, [])) if value), None)

    def shown(self) -> dict[str, Any]:
        """Return all of it, with a file's size and sum for its content."""
        names = ("filename", "kind", "size", "sha256")
        files = {part: {name: getattr(one, name) for name in names} for part, one in self.files.items()}
        return {"fields": self.fields if self.json is None else {}, "json": self.json, "files": files}

    def many(self, name: str) -> list[str]:
        """Return the values of a field that may be repeated, or name several with commas."""
        values = [part.strip() for value in self.fields.get(name, []) for part in value.split(",")]
        return [value for value in values if value]


@asynccontextmanager
async def read(request: Request, begin: Callable[[str, str], Upload]) -> AsyncIterator[Form]:
    """Read the body. Files go to disk as they come, and those that nobody kept are gone after the block."""
    form = Form()
    try:
        kind = request.headers.get("content-type", "")
        if request.method in ("GET", "HEAD"):
            pass  # whatever they bring is not looked at
        elif kind.lower().startswith("multipart/form-data"):
            parts = Parts(kind, form.fields, form.files, begin)
            async for piece in request.stream():
                parts.feed(piece)
            parts.end()
        else:
            body = bytearray()
            async for piece in request.stream():
                check_size(len(body) + len(piece))
                body += piece
            _plain(form, kind, bytes(body))
        yield form
    finally:
        for upload in form.files.values():
            upload.drop()


def _plain(form: Form, kind: str, body: bytes) -> None:
    try:
        if "json" in kind:
            form.json = document(body) if body else {}
            form.fields = {name: _texts(value) for name, value in form.members.items() if value is not None}
            return
        text = body.decode()
    except ValueError as error:
        raise Refused(400, {"detail": f"JSON parse error - {error!r}"}) from None
    for name, value in parse_qsl(text, keep_blank_values=True):
        form.fields.setdefault(name, []).append(value)


def document(text: bytes) -> Any:
    """Read JSON that can be written as JSON: Python takes NaN, too large a number, and half a pair of surrogates.

    Raises
    ------
    ValueError
        It is none, or not of this kind.
    """
    try:
        found = json.loads(text)
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is too deep") from None
    return found


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]
