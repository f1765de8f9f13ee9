"""What a request brings: fields and files, from a form, from several parts, or as JSON."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from skykey.sandbox.gracedb.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from skykey.sandbox.gracedb.blobs import Upload

_LARGEST = 16 * 2**20  # of all that is no file, in bytes
_LONGEST_HEAD = 2**14


@dataclass
class Form:
    """Fields by name, each with all of its values, and files by the name of their part."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    json: Any = None

    def get(self, name: str) -> str | None:
        """Return the last value of a field, None if it is absent or empty."""
        return next((value for value in reversed(self.fields.get(name, [])) if value), None)

    def shown(self) -> dict[str, Any]:
        """Return all of it, with a file's size and sum for its content."""
        files = {
            part: {"filename": one.filename, "kind": one.kind, "size": one.size, "sha256": one.sha256}
            for part, one in self.files.items()
        }
        is_json = self.json is not None
        return {"fields": {} if is_json else self.fields, "json": self.json, "files": files}

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
            parts = _Parts(_boundary(kind), form, begin)
            async for piece in request.stream():
                parts.feed(piece)
            parts.end()
        else:
            body = bytearray()
            async for piece in request.stream():
                _check(len(body) + len(piece))
                body += piece
            _plain(form, kind, bytes(body))
        yield form
    finally:
        for upload in form.files.values():
            upload.drop()


def _plain(form: Form, kind: str, body: bytes) -> None:
    try:
        if "json" in kind:
            form.json = json.loads(body) if body else {}
            pairs = form.json.items() if isinstance(form.json, dict) else ()
            form.fields = {name: _texts(value) for name, value in pairs if value is not None}
            return
        text = body.decode()
    except (ValueError, RecursionError) as error:
        raise Refused(400, {"detail": f"JSON parse error - {error}"}) from None
    for name, value in parse_qsl(text, keep_blank_values=True):
        form.fields.setdefault(name, []).append(value)


def _texts(value: Any) -> list[str]:
    return [
        item if isinstance(item, str) else json.dumps(item) for item in (value if isinstance(value, list) else [value])
    ]


def _boundary(kind: str) -> bytes:
    found = HeaderParser().parsestr(f"Content-Type: {kind}\n\n").get_boundary()
    if not found:
        raise Refused(400, {"detail": "Multipart form parse error - Invalid boundary in multipart: None"})
    return found.encode("latin-1", "replace")


def _check(size: int) -> None:
    if size > _LARGEST:
        raise Refused(413, {"detail": "Request body exceeded the limit for what is no file."})


class _Parts:
    """Takes a body of several parts apart (RFC 7578), however the wire has cut it."""

    def __init__(self, boundary: bytes, form: Form, begin: Callable[[str, str], Upload]) -> None:
        self._mark, self._form, self._begin = b"\r\n--" + boundary, form, begin
        self._rest = bytearray(b"\r\n")  # a first boundary at the very beginning counts as one behind a line
        self._step: Callable[[], bool] = self._content
        self._write: Callable[[bytes], object] = len  # what comes before the first boundary is nothing
        self._field: tuple[str, bytearray] | None = None
        self._plain = 0

    def feed(self, piece: bytes) -> None:
        self._rest += piece
        while self._step():
            pass

    def end(self) -> None:
        if self._step != self._over:
            raise Refused(400, {"detail": "Multipart form parse error - the end is missing"})

    def _content(self) -> bool:
        at = self._rest.find(self._mark)
        if at < 0 or len(self._rest) < at + len(self._mark) + 2:
            sure = at if at >= 0 else max(0, len(self._rest) - len(self._mark) + 1)
            self._write(bytes(self._rest[:sure]))
            del self._rest[:sure]
            return False
        self._write(bytes(self._rest[:at]))
        if self._field is not None:
            name, value = self._field
            self._form.fields.setdefault(name, []).append(value.decode(errors="replace"))
            self._field = None
        is_last = self._rest[at + len(self._mark) :][:2] == b"--"
        del self._rest[: at + len(self._mark)]
        self._step = self._over if is_last else self._head
        return True

    def _head(self) -> bool:
        at = self._rest.find(b"\r\n\r\n")
        if at < 0:
            if len(self._rest) > _LONGEST_HEAD:
                raise Refused(400, {"detail": "Multipart form parse error - a head without end"})
            return False
        said = HeaderParser().parsestr(self._rest[:at].decode(errors="replace").lstrip("\r\n"))
        del self._rest[: at + 4]
        name, filename = said.get_param("name", "", "content-disposition"), said.get_filename()
        if filename is None:
            value = bytearray()
            self._field = (str(name), value)
            self._write = lambda piece: self._counted(value, piece)
        else:
            if str(name) in self._form.files:
                raise Refused(400, {"detail": f"Multipart form parse error - two files are named {name}"})
            upload = self._form.files[str(name)] = self._begin(
                filename.replace("\\", "/").rpartition("/")[2], said.get_content_type()
            )
            self._write = upload.write
        self._step = self._content
        return True

    def _counted(self, value: bytearray, piece: bytes) -> None:
        self._plain += len(piece)
        _check(self._plain)
        value += piece

    def _over(self) -> bool:
        self._rest.clear()
        return False
