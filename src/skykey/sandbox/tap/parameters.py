"""What a request asks: parameters from the address, a form or several parts, and the tables that came along."""

from __future__ import annotations

import asyncio
import re
from email import message_from_bytes
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from skykey.sandbox.tap.adqlerror import AdqlError
from skykey.sandbox.tap.switches import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request

    from skykey.sandbox.tap.switches import Switches
    from skykey.sandbox.tap.uploads import Upload

_BLANKS = re.compile(r'[\s"]')


async def read(request: Request) -> tuple[dict[str, str], dict[str, Upload]]:
    """Return the parameters, their names in capitals, and the tables that UPLOAD names."""
    pairs, files = parse_qsl(request.url.query, keep_blank_values=True), dict[str, bytes]()
    kind, body = request.headers.get("content-type", ""), await request.body()
    if kind.lower().startswith("multipart/form-data"):
        for name, content, is_file in _parts(kind, body):
            if is_file:
                files[name] = content
            else:
                pairs.append((name, content.decode(errors="replace")))
    elif body:
        pairs += parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    sent = {name.upper(): value for name, value in pairs}
    return sent, await asyncio.to_thread(_uploaded, sent.get("UPLOAD", ""), files)


def _parts(kind: str, body: bytes) -> Iterable[tuple[str, bytes, bool]]:
    boundary = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode()).get_boundary()
    if boundary is None:
        raise AdqlError("The parts of the request have no boundary between them")
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        said = message_from_bytes(head)
        name = said.get_param("name", "", "content-disposition")
        yield str(name), content, said.get_filename() is not None


def _uploaded(text: str, files: Mapping[str, bytes]) -> dict[str, Upload]:
    from skykey.sandbox.tap.uploads import read as table

    found = {}
    for each in filter(None, text.split(";")):
        name, _, place = each.partition(",")
        if not place.startswith("param:"):
            raise AdqlError(
                f"The sandbox's TAP service takes no tables from elsewhere ({place or name}), only in the request"
            )
        if place[6:] not in files:
            raise AdqlError(f"There is no part {place[6:]!r} in the request")
        found[name] = table(name.removeprefix("TAP_UPLOAD."), files[place[6:]])
    return found


def limit(parameters: Mapping[str, str], switches: Switches) -> int:
    """Return how many rows there may be."""
    sent = parameters.get("MAXREC", "") or str(switches.limit)
    if not (sent.isascii() and sent.isdigit()):
        raise AdqlError(f"Invalid MAXREC: {sent}")
    return min(int(sent), switches.limit)


def alias(parameters: Mapping[str, str], switches: Switches) -> str:
    """Return the alias of the format that is wanted."""
    sent = parameters.get("RESPONSEFORMAT") or parameters.get("FORMAT") or next(iter(switches.formats))
    wanted = _BLANKS.sub("", sent).lower()
    for name in switches.formats:
        if wanted in (name, FORMATS[name].lower(), {"votable": "text/xml", "csv": "text/csv;header=present"}.get(name)):
            return name
    raise AdqlError(f"Unsupported RESPONSEFORMAT: {sent}")


def query(parameters: Mapping[str, str]) -> str:
    """Return the question itself."""
    if parameters.get("REQUEST", "doQuery").lower() != "doquery":
        raise AdqlError(f"Unknown REQUEST: {parameters['REQUEST']}")
    language = parameters.get("LANG", "")
    if language.upper().partition("-")[0] != "ADQL" or language.upper() not in ("ADQL", "ADQL-2.0", "ADQL-2.1"):
        raise AdqlError(f"Unknown LANG: {language}" if language else "missing required parameter: LANG")
    if not parameters.get("QUERY"):
        raise AdqlError("missing required parameter: QUERY")
    return parameters["QUERY"]
