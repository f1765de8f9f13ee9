"""The service as its users ask it, and its parts without HTTP over one year for all tests of this folder."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from skykey.sandbox import Box
from skykey.sandbox.consdb.engine import Engine
from skykey.sandbox.tap.answers import Answer, answered
from skykey.sandbox.tap.app import _prepare
from skykey.sandbox.tap.switches import Switches
from skykey.sandbox.tap.uploads import Upload

VISITS = "cdb_lsstcam.visit1"


@pytest.fixture
def tap(box: Box) -> str:
    return f"{box.site_url}/api/consdbtap"


@pytest.fixture
def call(ask: Any, box: Box, tap: str) -> Callable[..., Any]:
    """Call the service with a form; the path comes first, parameters are named."""

    def call(path: str, method: str = "POST", token: str | None = None, **form: Any) -> Any:
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode() if method == "POST" else None
        url = tap + path + (f"?{urlencode(form)}" if form and body is None else "")
        return ask(url, token or box.token, method=method, headers=sent, body=body, timeout=30)

    return call


@pytest.fixture
def sync(call: Any) -> Callable[..., Any]:
    return lambda query, **more: call("/sync", LANG="ADQL", QUERY=query, **more)


@pytest.fixture
def begun(call: Any) -> Callable[..., str]:
    """Make a job, run it, and return its path."""

    def begun(query: str = f"select top 3 visit_id from {VISITS} order by visit_id", **more: Any) -> str:
        answer = call("/async", **{"LANG": "ADQL", "QUERY": query, "PHASE": "RUN"} | more)
        assert answer.status == 303
        return "/async/" + answer.headers["Location"].rpartition("/")[2]

    return begun


@pytest.fixture
def phase(call: Any) -> Callable[[str], str]:
    return lambda job: str(call(f"{job}/phase", "GET").body.decode())


def words(body: bytes) -> str:
    """What an error's VOTable says."""
    found = re.search(rb'name="QUERY_STATUS" value="ERROR">(.*?)</INFO>', body, re.DOTALL)
    assert found, body
    return found[1].decode().replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">")


@pytest.fixture(name="words")
def _words() -> Callable[[bytes], str]:
    return words


@pytest.fixture(scope="session")
def engine() -> Engine:
    made = Engine()
    _prepare(made)
    return made


@pytest.fixture
def asked(engine: Engine) -> Iterator[Callable[..., Answer]]:
    cursors = []

    def asked(query: str, limit: int = 1000, uploads: dict[str, Upload] | None = None, **switches: Any) -> Answer:
        cursors.append(engine.open())
        return answered(cursors[-1], query, limit, uploads or {}, Switches(**switches))

    yield asked
    for cursor in cursors:
        engine.close(cursor)


@pytest.fixture
def rows(asked: Any) -> Callable[..., list[tuple[Any, ...]]]:
    return lambda query, **more: [row for batch in asked(query, **more).batches for row in batch]
