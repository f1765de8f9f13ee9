"""How a program without Skykey asks a site for telemetry: as rubin_nights does, with an HTTP library's own manners.

A failure is a line in the log, and an empty frame. The rows on requests and data must fail on it.
"""

import logging
from typing import Any

import httpx
import pandas as pd


class Client:
    """One telemetry database of one site.

    `timeout` is for one read, as HTTP libraries count; with `url` no login is needed.
    """

    def __init__(self, site: str, token: str = "", timeout: float = 0.5, url: str = "") -> None:
        self._site = site
        self._http = httpx.Client(timeout=timeout, headers={"Authorization": f"Bearer {token}"} if token else {})
        self._auth = ("", "")
        if not url:
            login = self.login()
            self._auth, url = (login["username"], login["password"]), login["url"]
        self._url = f"{url.rstrip('/')}/query"

    def close(self) -> None:
        self._http.close()

    def discovery(self) -> Any:
        return self._get(f"{self._site}/repertoire/discovery", {}) or {}

    def login(self, label: str = "usdf_efd") -> Any:
        return self._get(f"{self._site}/repertoire/discovery/influxdb/{label}", {}) or {}

    def query(self, statement: str) -> pd.DataFrame:
        answer = self._get(self._url, {"db": "efd", "q": statement}, auth=self._auth)
        series = ((answer or {}).get("results") or [{}])[0].get("series") or [{"columns": [], "values": []}]
        frame = pd.DataFrame(series[0]["values"], columns=series[0]["columns"])
        return frame.set_index("time") if "time" in frame else frame

    def topics(self) -> list[str]:
        return list(self.query("SHOW MEASUREMENTS").get("name", []))

    def select(self, topic: str, fields: list[str], start: str, end: str) -> pd.DataFrame:
        names = ", ".join(f'"{field}"' for field in fields)
        return self.query(f"SELECT {names} FROM \"{topic}\" WHERE time >= '{start}' AND time <= '{end}'")

    def _get(self, url: str, query: dict[str, str], **more: Any) -> Any:
        try:
            answer = self._http.get(url, params=query, **more)
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except httpx.HTTPError as problem:
            logging.getLogger("naive").warning("query failed: %s", type(problem).__name__)
            return None
