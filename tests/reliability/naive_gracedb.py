"""How a program without Skykey asks GraceDB: a session of requests that sends everything again, whatever it is.

That is how the client is built that most programs have: every verb, after lost connections too, five times; an answer
is good if its status is. (It does so over https only, and without any time limit; here it does over http what it does
there, and has a limit for each read, so that a test ends.)
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

CODES = [502, 503, 504, 408, 409]
SILENCE = 0.5


class GraceDb:
    """The methods that the columns of the matrix ask."""

    def __init__(self, url: str, backoff: float = 0.0) -> None:
        self._url = f"{url}/api/"
        retries = Retry(total=5, backoff_factor=backoff, status_forcelist=CODES, allowed_methods=None)
        self._http = requests.Session()
        self._http.mount("http://", HTTPAdapter(max_retries=retries, pool_maxsize=16))
        token = Path(os.environ["BEARER_TOKEN_FILE"]).read_text(encoding="ascii").strip()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()

    def _asked(self, method: str, path: str, **more: Any) -> requests.Response:
        url = path if path.startswith("http") else self._url + path
        answer = self._http.request(method, url, timeout=SILENCE, **more)
        answer.raise_for_status()
        return answer

    def event(self, graceid: str) -> Any:
        return self._asked("GET", f"events/{graceid}").json()

    def logs(self, graceid: str) -> Any:
        return self._asked("GET", f"events/{graceid}/log/").json()

    def events(self, query: str, count: int, most: int = 50) -> list[Any]:
        """All pages; `most` only so that a test ends."""
        rows: list[Any] = []
        at: str | None = "events/"
        params: dict[str, Any] | None = {"query": query, "count": count}
        for _ in range(most):
            page = self._asked("GET", at, params=params).json()
            rows += page.get("events", [])
            at, params = page.get("links", {}).get("next"), None
            if not at:
                break
        return rows

    def read(self, graceid: str, name: str) -> bytes:
        return bytes(self._asked("GET", f"events/{graceid}/files/{name}", stream=True).raw.read())

    def save(self, graceid: str, name: str, path: Path) -> None:
        answer = self._asked("GET", f"events/{graceid}/files/{name}", stream=True)
        with path.open("wb") as file:
            while piece := answer.raw.read(1024):
                file.write(piece)

    def create_event(self, group: str, pipeline: str, content: str) -> requests.Response:
        form = {"group": group, "pipeline": pipeline, "offline": "False"}
        return self._asked("POST", "events/", data=form, files={"eventFile": ("a.txt", content)})

    def write_log(self, graceid: str, text: str, name: str, content: bytes) -> requests.Response:
        return self._asked("POST", f"events/{graceid}/log/", data={"comment": text}, files={"upload": (name, content)})

    def create_superevent(self, t_0: float, event: str) -> requests.Response:
        form = {"t_start": t_0, "t_0": t_0 + 1, "t_end": t_0 + 2, "preferred_event": event, "category": "T"}
        return self._asked("POST", "superevents/", data=form)

    def write_label(self, superevent: str, label: str) -> requests.Response:
        return self._asked("POST", f"superevents/{superevent}/labels/", data={"name": label})

    def remove_label(self, superevent: str, label: str) -> requests.Response:
        return self._asked("DELETE", f"superevents/{superevent}/labels/{label}/")

    def add_tag(self, graceid: str, number: int, tag: str) -> requests.Response:
        return self._asked("PUT", f"events/{graceid}/log/{number}/tag/{tag}")

    def upload_many(self, graceid: str, uploads: dict[str, Path]) -> list[str]:
        """What failed, so that whoever runs it again knows."""
        failed = []
        for text, path in uploads.items():
            try:
                self.write_log(graceid, text, path.name, path.read_bytes())
            except requests.RequestException:
                failed.append(text)
        return failed
