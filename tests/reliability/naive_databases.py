"""How a program without Skykey asks ConsDB, TAP and the logs: as rubin_nights does, with an HTTP library's own manners.

A failure is a line in the log, and an empty frame. The rows on requests and data must fail on it.
"""

import logging
import time
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pandas as pd

_LOG = logging.getLogger("naive")


class Client:
    """The databases of one site; `timeout` is for one read, as HTTP libraries count."""

    def __init__(self, site: str, token: str = "", timeout: float = 5.0) -> None:
        self._site = site
        self._http = httpx.Client(timeout=timeout, headers={"Authorization": f"Bearer {token}"} if token else {})

    def close(self) -> None:
        self._http.close()

    # -- ConsDB

    def query(self, statement: str) -> pd.DataFrame:
        """One statement; asked again at once if the database was away."""
        try:
            answer = self._posted(statement)
            if answer.status_code == 500 and "OperationalError" in answer.json()["message"]:
                answer = self._posted(statement)
        except httpx.HTTPError as problem:
            return _nothing(problem)
        if answer.status_code != 200:
            return _nothing(answer.status_code)
        found = answer.json()
        frame = pd.DataFrame(found.get("data", []), columns=found.get("columns"))
        return frame.loc[:, ~frame.columns.duplicated()]

    def get_visits(self, instrument: str, begin: float, end: float, constraint: str = "") -> pd.DataFrame:
        schema = f"cdb_{instrument}"
        more = f" and ({constraint})" if constraint else ""
        found = self.query(
            f"select v.*, q.* from {schema}.visit1 as v left join {schema}.visit1_quicklook as q "
            f"on v.visit_id = q.visit_id where v.obs_start_mjd >= {begin} and v.obs_start_mjd <= {end}{more} "
            "order by v.visit_id"
        )
        return found if len(found) else pd.DataFrame([])

    def _posted(self, statement: str) -> httpx.Response:
        return self._http.post(f"{self._site}/consdb/query", json={"query": statement})

    # -- logs

    def log(self, path: str, **params: Any) -> pd.DataFrame:
        """One page of a log; what is no success is asked for once more, whatever it was."""
        url = f"{self._site}/{path}"
        answer = self._http.get(url, params={"limit": 50_000, **params})
        if answer.status_code != 200:
            answer = self._http.get(url, params={"limit": 50_000, **params})
        if answer.status_code != 200:
            return _nothing(answer.status_code)
        return pd.DataFrame(answer.json())

    def paged(self, path: str, page: int, most: int = 100) -> list[Any]:
        """All pages of a log, until one is short; `most` only so that a test ends."""
        rows: list[Any] = []
        for _ in range(most):
            answer = self._http.get(f"{self._site}/{path}", params={"offset": len(rows), "limit": page}).json()
            rows += answer
            if len(answer) < page:
                break
        return rows

    def write(self, path: str, **fields: Any) -> Any:
        """Write in a log, three times at most."""
        for _ in range(3):
            try:
                answer = self._http.post(f"{self._site}/{path}", json=fields)
                answer.raise_for_status()
                return answer.json()
            except (httpx.HTTPError, ValueError) as problem:
                _LOG.warning("again, after %s", type(problem).__name__)
        return None

    # -- TAP

    def tap(self, statement: str, most: int | None = None) -> pd.DataFrame:
        """A job, asked for until it is at its end; an error becomes an empty frame."""
        jobs = f"{self._site}/api/consdbtap/async"
        form = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": statement, "RESPONSEFORMAT": "votable"}
        try:
            job = self._redirected(self._http.post(jobs, data=form))
            self._redirected(self._http.post(f"{job}/phase", data={"PHASE": "RUN"}))
            polls = 0
            while (phase := self._http.get(f"{job}/phase").text.strip()) in {"PENDING", "QUEUED", "EXECUTING", ""}:
                polls += 1
                if most is not None and polls >= most:
                    raise RecursionError(f"{polls} polls")
                time.sleep(0.01)
            if phase != "COMPLETED":
                return _nothing(phase)
            answer = self._http.get(f"{job}/results/result")
            answer.raise_for_status()
        except httpx.HTTPError as problem:
            return _nothing(problem)
        return _votable(answer.content)

    def _redirected(self, answer: httpx.Response) -> str:
        if answer.status_code >= 400:
            answer.raise_for_status()
        return str(answer.url.join(answer.headers.get("location", "")))


def _votable(body: bytes) -> pd.DataFrame:
    table = ET.fromstring(body)
    names = [each.get("name") for each in table.iter() if each.tag.endswith("FIELD")]
    rows = [[cell.text for cell in row] for row in table.iter() if row.tag.endswith("}TR") or row.tag == "TR"]
    return pd.DataFrame(rows, columns=names if rows else None)


def _nothing(why: object) -> pd.DataFrame:
    _LOG.warning("query failed: %s", why)
    return pd.DataFrame([])
