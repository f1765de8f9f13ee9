"""Files of events and superevents: lists, and contents, of which any part can be asked for."""

import mimetypes

from starlette.responses import FileResponse, JSONResponse, Response

from skykey.sandbox.gracedb import entries, shapes
from skykey.sandbox.gracedb.asked import Asked
from skykey.sandbox.gracedb.errors import Refused

_OTHER = "application/octet-stream"


async def files(asked: Asked) -> Response:
    """Answer with the list, or with the content of the file that is named."""
    thing, name = asked.thing, asked.path["filename"]
    found = entries.files(entry for entry in thing.logs if asked.sees_entry(entry))
    if not name:
        urls = {name: shapes.url(asked, thing, "files", name) for name in found}
        if not asked.is_v2:
            return JSONResponse(urls)
        rows = [
            {"filename": name, "file_version": entry["file_version"] if "," in name else None, "file": urls[name]}
            for name, entry in found.items()
        ]
        return JSONResponse(shapes.linked(asked, thing, "files", rows))
    if name.count(",") > 1 and not thing.is_event:
        raise Refused(400, "A file name has one comma at most, before its version")
    if name not in found:
        raise Refused(404, f"File {name} not found")
    sha256 = found[name]["sha256"]
    kind, headers = _kind(name.partition(",")[0])
    return FileResponse(asked.store.blobs.path(sha256), headers=headers | {"ETag": f'"{sha256}"'}, media_type=kind)


def _kind(name: str) -> tuple[str, dict[str, str]]:
    guessed, encoding = mimetypes.guess_type(name)
    kind = "text/plain" if name.endswith(".log") else None if encoding else guessed
    return (kind, {}) if kind else (_OTHER, {"Content-Disposition": "attachment"})


ROUTES = {
    "events/{graceid}/files/{filename:path}": {"GET": files},
    "superevents/{superevent_id}/files/{filename:path}": {"GET": files},
}
