"""The server as its users ask it: by path, with a form, files or JSON, as one of the people that it knows."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from skykey.sandbox import Box

BOUNDARY = "a-boundary"
#: A burst as coherent WaveBurst writes it.
BURST = "nevent: 1\nrho: 5.017162\nlikelihood: 36\ntime: {time} {time}\nifo: L1 H1\nstart: {time}\nduration: 0.02\n"
BURST += "frequency: 120.5\n#significance based on the last day\n12 0.00019265\n"
MEMBERS = {
    "albert": "albert.einstein@ligo.org",
    "marie": "marie.curie@ligo.org",
    "vera": "vera.rubin@example.org",
}
_times = itertools.count(1_400_000_000, 1000)

Api = Callable[..., Any]


def multipart(fields: dict[str, Any], files: dict[str, tuple[str, bytes]]) -> bytes:
    parts = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            parts += [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{each}'.encode()]
    for name, (filename, content) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: a/b\r\n\r\n'
        parts.append(head.encode() + content)
    return b"".join(b"--a-boundary\r\n" + part + b"\r\n" for part in parts) + b"--a-boundary--\r\n"


@pytest.fixture(name="multipart", scope="session")
def _multipart() -> Callable[..., bytes]:
    return multipart


@pytest.fixture
def api(ask: Any, box: Box) -> Api:
    """Ask below the API's root; ``who`` is albert, who may do everything, marie, vera, or nobody (None)."""
    tokens: dict[str, str] = {}

    def api(
        path: str,
        method: str = "GET",
        form: dict[str, Any] | None = None,
        *,
        who: str | None = "albert",
        files: dict[str, tuple[str, bytes]] | None = None,
        sent: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        if who and who not in tokens:
            tokens[who] = box.controls.gracedb_token(MEMBERS[who])
        said, body = {"User-Agent": "test"} | (headers or {}), None
        if files is not None:
            said["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
            body = multipart(form or {}, files)
        elif sent is not None:
            said["Content-Type"], body = "application/json", json.dumps(sent).encode()
        elif form is not None:
            said["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form, doseq=True).encode()
        url = path if path.startswith("http") else box.gracedb_url + path
        return ask(url, tokens.get(who or ""), method=method, headers=said, body=body, timeout=30)

    return api


@pytest.fixture
def upload(api: Api) -> Callable[..., Any]:
    """Upload a burst; return the whole answer."""

    def upload(group: str = "Test", pipeline: str = "CWB", *, who: str | None = "albert", **form: Any) -> Any:
        content = form.pop("content", None) or BURST.format(time=next(_times) + 0.25).encode()
        files = {"eventFile": (form.pop("filename", "burst.txt"), content)}
        return api("events/", "POST", {"group": group, "pipeline": pipeline} | form, files=files, who=who)

    return upload


@pytest.fixture
def event(upload: Any) -> Callable[..., str]:
    """Upload a burst, and return its id."""
    return lambda *arguments, **more: str(upload(*arguments, **more).json["graceid"])


@pytest.fixture
def superevent(api: Api, event: Any) -> Callable[..., str]:
    """Make a superevent of a new event, and return its id."""

    def superevent(**form: Any) -> str:
        category = form.get("category", "T")
        group, search = ("Test" if category == "T" else "Burst"), {"M": "MDC"}.get(category, "AllSky")
        preferred = form.pop("preferred_event", None) or event(group, search=search)
        times = {"t_start": 1_238_166_017, "t_0": 1_238_166_018.5, "t_end": 1_238_166_020}
        sent = times | {"preferred_event": preferred, "category": category} | form
        answer = api("superevents/", "POST", sent)
        assert answer.status == 201, answer.body
        return str(answer.json["superevent_id"])

    return superevent


@pytest.fixture
def classic(box: Box) -> None:
    box.controls.gracedb(generation="classic")


@pytest.fixture
def folder(box: Box) -> Path:
    return box.folder / "gracedb"
