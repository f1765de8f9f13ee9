"""G2: what changes something gets a 502, or no answer. Whoever sends it again may do it twice.

The only POST that is marked as safe is an issuer's token endpoint, which has rules of its own (see the rows A).
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skykey.calls.call import Patience, Repeat
from skykey.calls.multipart import Multipart, Part
from skykey.rubin.logging_query import (
    AsyncNarrativeLogClient,
    ExposureLogClient,
    NarrativeLogClient,
    NightReportClient,
)
from skykey.testing.faults import Fault, Pass, Reply, Reset, Stall, Truncate
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.deadline import within
from skykey.values.errors import SkykeyError
from tests.reliability import gracedb_site
from tests.reliability.proof import proven, require
from tests.rubin.scripted_log import AUTH, identity, message, report
from tests.rubin.test_exposure_log import note
from tests.tap.scripted_tap import Face, ScriptedTap
from tests.wire.askers import Asker, AsyncAsker, FastClock, get
from tests.wire.server import Answer, Seen, as_json, reply, serving

FAULTS: dict[str, Fault] = {
    "502": Reply(502),
    "502, come back": Reply(502, retry_after=0),
    "503": Reply(503),
    "504": Reply(504),
    "504, come back": Reply(504, retry_after=0),
    "500": Reply(500),
    "reset, and not delivered": Reset(),
    "reset, and delivered": Reset(delivered=True),
    "silence": Stall(),
}
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def made(kind: type[Any], url: str, *arguments: Any) -> Any:
    client = kind(url, *arguments)
    client._clock = FastClock()
    return client


def core(url: str) -> None:
    """A form with a file, with as much patience as anybody has."""
    body = Multipart([Part("a", "b"), Part("f", Path(__file__), "f")])
    asker = made_asker(Asker())
    asker.ask(get(url, method="POST", body=body, repeat=Repeat.UNDONE, patience=Patience(10)))


def core_async(url: str) -> None:
    body = Multipart([Part("a", "b"), Part("f", Path(__file__), "f")])
    asker = made_asker(AsyncAsker())
    asyncio.run(asker.ask(get(url, method="POST", body=body, repeat=Repeat.UNDONE, patience=Patience(10))))


def made_asker(asker: Any) -> Any:
    asker._clock = FastClock()
    return asker


def narrative_add(url: str) -> None:
    made(NarrativeLogClient, url, AUTH).add_message("hello", user_id="ada", is_human=True)


def narrative_add_async(url: str) -> None:
    asyncio.run(made(AsyncNarrativeLogClient, url, AUTH).add_message("hello", user_id="ada", is_human=True))


def narrative_edit(url: str) -> None:
    made(NarrativeLogClient, url, AUTH).edit_message(identity(1), message_text="better")


def narrative_delete(url: str) -> None:
    made(NarrativeLogClient, url, AUTH).delete_message(identity(1))


def exposure_add(url: str) -> None:
    made(ExposureLogClient, url, AUTH).add_message("o", "LSSTCam", "hello", user_id="ada", is_human=True)


def report_add(url: str) -> None:
    made(NightReportClient, url, AUTH).add_report(20250620, "all well", user_id="ada")


def tap_job(url: str) -> None:
    face = Face("sync")
    face.do(face.client(url).query, "select 1", as_job=True)


def tap_job_async(url: str) -> None:
    face = Face("async")
    face.do(face.client(url).query, "select 1", as_job=True)


def gracedb(name: str, question: gracedb_site.Question) -> Callable[[str], None]:
    def ask(url: str) -> None:
        question(url, FastClock())

    ask.__name__ = re.sub(r"\W+", "_", name)
    return ask


REAL = (
    core,
    core_async,
    narrative_add,
    narrative_add_async,
    narrative_edit,
    narrative_delete,
    exposure_add,
    report_add,
    tap_job,
    tap_job_async,
    *(gracedb(name, question) for name, question in gracedb_site.WRITES.items()),
)


def adapter(url: str) -> None:
    """As ``requests`` is most often made patient."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    retries = Retry(total=3, backoff_factor=0, status_forcelist=[500, 502, 503, 504], allowed_methods=None)
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retries))
        with contextlib.suppress(requests.RequestException):
            session.post(url, data={"message": "hello"}, timeout=0.3).raise_for_status()


def site(seen: Seen) -> Answer:
    if gracedb_site.is_asked(seen):
        return gracedb_site.site(seen)
    if seen.path.startswith("/tap"):
        return ScriptedTap(phases=["COMPLETED"])(seen)
    if seen.method == "DELETE":
        return reply(204)
    made = report(1) if "nightreport" in seen.path else note(1) if "exposurelog" in seen.path else message(1)
    return as_json(json.dumps(made), 201 if seen.method == "POST" else 200)


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultProxy]:
    with serving(site) as server, FaultProxy(server.url) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS)
@proven(*REAL, by=adapter)
def test_g2_what_may_have_been_done_is_sent_once(kind: Any, fault: str, proxy: FaultProxy) -> None:
    with within(0.5 if fault == "silence" else 20.0):
        said, changes = met(kind, FAULTS[fault], proxy)
    print(f"G2 {kind.__name__} {fault}: {changes}, {said}")
    require("G2", requests=(len(changes), "==", 1))
    assert said.endswith(" 1 attempts")


def met(kind: Callable[[str], None], fault: Fault, proxy: FaultProxy) -> tuple[str, list[str]]:
    """What a client says, and what of its that changes something has arrived."""
    proxy.reset()
    proxy.forget()
    for method in CHANGES:
        proxy.fault(fault, method=method, times=None)
    said = "nothing"
    try:
        kind(proxy.url)
    except SkykeyError as problem:
        said = f"{type(problem).__name__}, {problem.attempts} attempts"
    changes = [seen.method for seen in proxy.seen if seen.method in CHANGES]
    return said, [method for method in changes if method == changes[0]]  # a job that was made is taken away at the end


@pytest.mark.parametrize("kind", REAL, ids=lambda kind: kind.__name__)
def test_g2_an_answer_that_was_cut_is_no_reason_either(kind: Callable[[str], None], proxy: FaultProxy) -> None:
    said, changes = met(kind, Truncate(1), proxy)
    print(f"G2 {kind.__name__} cut: {changes}, {said}")
    assert len(changes) == 1


@pytest.mark.parametrize("kind", REAL, ids=lambda kind: kind.__name__)
def test_g2_without_a_fault_it_is_done(kind: Callable[[str], None], proxy: FaultProxy) -> None:
    """Else the row would count what never came so far."""
    said, changes = met(kind, Pass(), proxy)
    assert said == "nothing"
    assert len(changes) == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", gracedb_site.EVENTS)
def test_g2_an_event_is_sent_again_only_where_its_content_is_not_there(
    name: str, fault: str, proxy: FaultProxy
) -> None:
    """The content tells what it is, so that the server can be asked. Where it may still be at it, nothing is sent."""
    with within(0.5 if fault == "silence" else 20.0):
        said, changes = met(gracedb(name, gracedb_site.EVENTS[name]), FAULTS[fault], proxy)
    looks = sum(seen.method == "GET" and len(seen.path) > 40 for seen in proxy.seen)
    print(f"G2 {name} {fault}: {len(changes)} sent, {looks} looks, {said}")
    assert said != "nothing"
    assert looks >= len(changes) - 1
    if fault.startswith(("503", "504", "500", "silence")):
        assert len(changes) == 1
