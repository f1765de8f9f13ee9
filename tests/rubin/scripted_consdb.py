"""A ConsDB that does what a test says: its schema in memory, its answers in the words of the real one."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from skykey.rubin.consdb_query import AsyncConsDbFastAPI, ConsDbFastAPI
from tests.rubin.test_influx_faults import Hasty
from tests.wire.server import Answer, Seen, as_json

AUTH = ("user", "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb")
VISIT = {
    "visit_id": ["BIGINT", "the visit"],
    "day_obs": ["INTEGER", "the night"],
    "obs_start": ["TIMESTAMP", "when it began"],
    "obs_start_mjd": ["DOUBLE PRECISION", None],
    "band": ["VARCHAR(32)", None],
}
LOOK = {"visit_id": ["BIGINT", "whose"], "day_obs": ["INTEGER", "again"], "psf_sigma": ["DOUBLE PRECISION", "blur"]}
CCD = {"ccdvisit_id": ["BIGINT", None], "visit_id": ["BIGINT", None], "detector": ["INTEGER", "its number"]}
CCD_LOOK = {"ccdvisit_id": ["BIGINT", None], "detector": ["INTEGER", "again"], "psf_sigma": ["REAL", None]}
TABLES = {"visit1": VISIT, "visit1_quicklook": LOOK, "ccdvisit1": CCD, "ccdvisit1_quicklook": CCD_LOOK}


def rows_of(columns: Iterable[str], *data: Any) -> bytes:
    return as_json(json.dumps({"columns": list(columns), "data": data}))


def failed(message: str) -> bytes:
    return as_json(json.dumps({"message": message}), 500)


class ScriptedConsDb:
    """Answers schema questions from `tables`, statements by a function of the statement."""

    def __init__(self, answer: Callable[[str], Answer], **tables: Any) -> None:
        self.answer = answer
        self.tables = {**TABLES, **tables}
        self.statements: list[str] = []
        self.schemas: list[str] = []

    def __call__(self, seen: Seen) -> Answer:
        if seen.method == "POST" and seen.path == "/consdb/query":
            self.statements.append(json.loads(seen.body)["query"])
            return self.answer(self.statements[-1])
        self.schemas.append(seen.path)
        *_, table = seen.path.split("/")
        if table in self.tables:
            return as_json(json.dumps(self.tables[table]))
        valid = [f"cdb_lsstcam.{name}" for name in self.tables]
        return as_json(json.dumps({"message": "Invalid table", "value": f"cdb_lsstcam.{table}", "valid": valid}), 404)


def blocking(url: str, **more: Any) -> ConsDbFastAPI:
    client = ConsDbFastAPI(url, AUTH, **more)
    client._clock = Hasty()
    return client


def asynchronous(url: str, **more: Any) -> AsyncConsDbFastAPI:
    client = AsyncConsDbFastAPI(url, AUTH, **more)
    client._clock = Hasty()
    return client
