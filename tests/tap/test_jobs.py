"""Queries that are left to a service: waited for gently, found again, and never left lying there."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import skykey
from skykey.calls.faces import Sync, method
from skykey.calls.flow import pause
from skykey.calls.perform import perform
from skykey.credentials.credential import Bearer
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.tap import jobs
from skykey.tap.client import TapFlows
from skykey.tap.customs import Customs
from skykey.tap.jobs import Job
from skykey.tap.service import Service
from skykey.values.clock import SYSTEM_CLOCK
from skykey.values.errors import (
    Interrupted,
    LimitExceeded,
    NotFound,
    OutOfReach,
    QueryError,
    Redirected,
    ServiceError,
    SkykeyError,
    TimedOut,
    Unreadable,
    UsageError,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.pools import PROCESS_POOLS
from tests.rubin.test_influx_faults import Hasty
from tests.tap.scripted_tap import PARQUET, Face, ScriptedTap, as_parquet, as_votable, capabilities, refused, votable
from tests.wire.askers import Fixed
from tests.wire.server import World, reply, serving

FAILED = '<uws:errorSummary type="fatal" hasDetail="{detail}"><uws:message>no table x</uws:message></uws:errorSummary>'
RAN_OUT = (
    "<uws:startTime>2026-03-20T12:00:00Z</uws:startTime><uws:endTime>2026-03-20T12:01:00.5</uws:endTime>"
    "<uws:executionDuration>60</uws:executionDuration>"
)


def test_a_job_is_begun_waited_for_read_and_deleted(face: Face) -> None:
    service = ScriptedTap(phases=["QUEUED", "EXECUTING", "COMPLETED"])
    with serving(service) as server:
        found = face.do(face.client(server.url).query, "select n, s from t", as_job=True, maxrec=9)
    assert found.arrow.to_pydict() == {"n": [1], "s": ["a"]}
    assert found.facts["query"] == "select n, s from t"
    assert service.asked[0]["PHASE"] == "RUN"
    assert service.asked[0]["MAXREC"] == "9"
    assert service.asked[0]["RESPONSEFORMAT"] == PARQUET
    assert service.calls[:3] == ["GET /capabilities", "POST /async", "GET /async/7"]
    assert service.calls[-2:] == ["GET /async/7/results/result", "DELETE /async/7"]
    assert set(service.waits) == {"30"}
    assert service.known == ["QUEUED", "EXECUTING"]  # a change in between is answered at once
    assert service.deleted == 1


@pytest.mark.parametrize("left", [True, False])
def test_a_job_is_begun_without_a_format_that_the_service_names_and_refuses(face: Face, left: bool) -> None:
    service = ScriptedTap()

    def picky(seen: Any) -> Any:
        began = (seen.method, seen.path) == ("POST", "/tap/async")
        answer = service(seen)
        return refused("unknown RESPONSEFORMAT") if began and "RESPONSEFORMAT" in service.asked[-1] else answer

    with serving(picky) as server:
        client = face.client(server.url)
        if left:
            assert face.do(client.submit, "select 1").url == f"{server.url}/tap/async/7"
        else:
            assert len(face.do(client.query, "select 1", as_job=True)) == 1
        assert ["RESPONSEFORMAT" in sent for sent in service.asked] == [True, False]
        with pytest.raises(QueryError, match="RESPONSEFORMAT"):  # who asks for it by name is told
            face.do(client.submit, "select 1", response_format="parquet")


@pytest.mark.parametrize(
    ("formats", "words"),
    [([PARQUET], "no table x"), ([], "the format of this statement is odd")],
    ids=["named", "none"],
)
def test_a_statement_that_is_refused_begins_no_second_job(face: Face, formats: list[str], words: str) -> None:
    """What is wrong is not the format, or there was none to leave out."""
    service = ScriptedTap(able=capabilities(formats), create=refused(words))
    with serving(service) as server, pytest.raises(QueryError, match="refuses"):
        face.do(face.client(server.url).submit, "select 1")
    assert service.calls.count("POST /async") == 1


@pytest.mark.parametrize("way", ["submit", "job"])
def test_a_job_has_the_time_of_its_client(face: Face, way: str, ceiling: Callable[[float], float]) -> None:
    with serving(ScriptedTap(phases=["EXECUTING"])) as server:
        client = face.client(server.url)
        client._clock = SYSTEM_CLOCK
        client.query_timeout = 0.5
        job = face.do(client.submit, "select 1") if way == "submit" else client.job("7")
        begin = time.monotonic()
        with skykey.within(10), pytest.raises(TimedOut):
            face.do(job.result)
        assert time.monotonic() - begin < 0.5 + ceiling(1)


@pytest.mark.parametrize("last", [0, -1, True, 1.5, "5", float("nan")])
def test_what_is_no_number_of_jobs_is_not_asked_for(face: Face, last: Any) -> None:
    service = ScriptedTap()
    with serving(service) as server, pytest.raises(UsageError, match="last="):
        face.do(face.client(server.url).jobs, last=last)
    assert service.calls == []


def test_a_service_that_did_not_start_the_job_is_told_to(face: Face) -> None:
    service = ScriptedTap(phases=["PENDING", "EXECUTING", "COMPLETED"])
    with serving(service) as server:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert "POST /async/7/phase" in service.calls
    assert service.asked[1] == {"PHASE": "RUN"}


@pytest.mark.parametrize("phase", ["SUSPENDED", "UNKNOWN", "QUEUED"])
def test_what_goes_on_by_itself_is_waited_for(face: Face, phase: str) -> None:
    with serving(ScriptedTap(phases=[phase, phase, "EXECUTING", "COMPLETED"])) as server:
        assert len(face.do(face.client(server.url).query, "select 1", as_job=True)) == 1


@pytest.mark.parametrize(
    ("phase", "summary", "kind", "words", "said"),
    [
        ("ERROR", FAILED.format(detail="false"), QueryError, "failed", "no table x"),
        ("ERROR", FAILED.format(detail="true"), QueryError, "failed", "the whole story, which is longer"),
        ("ERROR", "", QueryError, "failed", "the whole story, which is longer"),
        ("ABORTED", "", QueryError, "was aborted", None),
        ("ARCHIVED", "", NotFound, "archived", None),
        ("FLYING", "", Unreadable, "FLYING", None),
        (
            "ABORTED",
            RAN_OUT,
            LimitExceeded,
            "ran for the 60 s",
            None,
        ),
    ],
)
def test_a_job_that_ends_without_a_result_says_why_and_is_deleted(  # noqa: PLR0917 - one row of the table
    face: Face, phase: str, summary: str, kind: type[SkykeyError], words: str, said: str | None
) -> None:
    service = ScriptedTap(phases=["EXECUTING", phase], summary=summary)
    with serving(service) as server, pytest.raises(kind, match=words) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert caught.value.words == said
    assert service.deleted == 1


def test_an_error_that_may_pass_says_so(face: Face) -> None:
    summary = FAILED.format(detail="false").replace("fatal", "transient")
    with serving(ScriptedTap(phases=["ERROR"], summary=summary)) as server, pytest.raises(QueryError) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert "another time" in (caught.value.next or "")


def test_a_job_that_is_held_stays_for_who_may_start_it(face: Face) -> None:
    service = ScriptedTap(phases=["HELD"])
    with serving(service) as server, pytest.raises(ServiceError, match="held") as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert service.deleted == 0
    assert caught.value.job_url == f"{server.url}/tap/async/7"
    assert f"client.job('{server.url}/tap/async/7').run()" in (caught.value.next or "")


def test_at_the_total_deadline_the_job_goes_on_and_is_found_again(
    face: Face, ceiling: Callable[[float], float]
) -> None:
    service = ScriptedTap(phases=["EXECUTING"])
    begin = time.monotonic()
    with serving(service) as server:
        client = face.client(server.url, query_timeout=0.5)
        client._clock = skykey.values.clock.SYSTEM_CLOCK
        with pytest.raises(TimedOut) as caught:
            face.do(client.query, "select 1", as_job=True)
        assert time.monotonic() - begin < 0.5 + ceiling(1)
        assert service.deleted == 0
        url = caught.value.job_url
        assert caught.value.next == f"the job goes on, EXECUTING when last seen: client.job({url!r}).result()"
        # It answers early, whatever it was asked: the pauses grow, and there are few polls.
        assert len(service.waits) < 8
        service.phases = ["COMPLETED"]
        assert len(face.do(client.job(url).result)) == 1
    assert service.deleted == 0


def test_a_long_poll_is_not_followed_by_a_pause(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_AT_ONCE", 0.0)  # whatever took time has waited
    paused: list[float] = []
    service = ScriptedTap(phases=["EXECUTING"] * 5 + ["COMPLETED"])
    with serving(service) as server:
        client = face.client(server.url)
        monkeypatch.setattr(jobs, "pause", lambda seconds: iter(paused.append(seconds) or ()))
        face.do(client.query, "select 1", as_job=True)
    assert paused == []


def test_phases_that_come_in_turn_are_no_reason_to_ask_without_a_pause(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    service = ScriptedTap(phases=["QUEUED", "EXECUTING"] * 10 + ["COMPLETED"])
    with serving(service) as server:
        client = face.client(server.url)
        monkeypatch.setattr(jobs, "pause", lambda seconds: iter(paused.append(seconds) or ()))
        face.do(client.query, "select 1", as_job=True)
    assert len(paused) == 18  # all but where a phase was new
    assert paused[-1] == 20.0


def test_pauses_grow_and_end_growing(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    original = jobs.pause

    def noted(seconds: float) -> Any:
        paused.append(seconds)
        return original(seconds)

    monkeypatch.setattr(jobs, "pause", noted)
    with serving(ScriptedTap(phases=["EXECUTING"] * 20 + ["COMPLETED"])) as server:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert paused == sorted(paused)
    assert paused[0] == 0.25
    assert paused[-1] == 20.0


def test_a_connection_that_is_lost_leaves_the_job(face: Face) -> None:
    service = ScriptedTap(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", votable()[:50]])
    with serving(service) as server, pytest.raises(Interrupted) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert caught.value.job_url == f"{server.url}/tap/async/7"
    assert service.deleted == 0


def test_a_result_that_is_no_result_is_deleted(face: Face) -> None:
    service = ScriptedTap(lambda _: reply(200, "nothing", Content_Type="text/plain"))
    with serving(service) as server, pytest.raises(Unreadable):
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert service.deleted == 1


def test_a_result_that_nobody_could_foresee_is_deleted_too(face: Face) -> None:
    def broken(_: Any) -> Any:
        raise ZeroDivisionError

    service = ScriptedTap()
    with serving(service) as server, pytest.raises(ZeroDivisionError):
        face.do(face.client(server.url, customs=Customs(treat=broken)).query, "select 1", as_job=True)
    assert service.deleted == 1


def test_a_job_that_cannot_be_deleted_is_no_reason_to_lose_its_result(face: Face) -> None:
    service = ScriptedTap()

    def undeletable(seen: Any) -> Any:
        return reply(500) if seen.method == "DELETE" else service(seen)

    with serving(undeletable) as server:
        assert len(face.do(face.client(server.url).query, "select 1", as_job=True)) == 1
        with pytest.raises(ServiceError):
            face.do(face.client(server.url).job("7").delete)


def test_a_job_is_deleted_with_one_request(face: Face) -> None:
    """It leads to the list of jobs then, which is long, and perhaps nobody may see it."""
    service = ScriptedTap()
    with serving(service) as server:
        face.do(face.client(server.url).job("7").delete)
    assert service.calls == ["DELETE /async/7"]


@pytest.mark.parametrize("status", [204, 404, 410])
def test_a_job_that_is_gone_is_deleted(face: Face, status: int) -> None:
    with serving(lambda _: reply(status)) as server:
        face.do(face.client(server.url).job("7").delete)


@pytest.mark.parametrize(("status", "location"), [(303, "/login"), (302, "/tap/async"), (303, "https://b.example/")])
def test_a_deletion_that_was_not_done_is_an_error(face: Face, status: int, location: str) -> None:
    with serving(lambda _: reply(status, Location=location)) as server:
        with pytest.raises(ServiceError):
            face.do(face.client(server.url).job("7").delete)
        assert len(server.seen) == 1


def test_a_job_is_not_begun_twice(face: Face) -> None:
    service = ScriptedTap(create=reply(503, Retry_After="0"))
    with serving(service) as server, pytest.raises(SkykeyError) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert service.calls.count("POST /async") == 1
    assert not hasattr(caught.value, "job_url")


# -- the first look at a job

LOOKS: dict[str, tuple[Callable[[], Any], str]] = {
    "500": (lambda: reply(500), "service"),
    "503": (lambda: reply(503), "overloaded"),
    "429": (lambda: reply(429), "rate-limited"),
    "401": (lambda: reply(401), "not-authenticated"),
    "403": (lambda: reply(403), "forbidden"),
    "closed": (lambda: None, "interrupted"),
    "cut": (lambda: (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<",), "interrupted"),
    "a page": (lambda: reply(200, "<html>", Content_Type="text/html"), "unreadable"),
    "nothing": (lambda: reply(200), "unreadable"),
    "a login": (lambda: reply(302, Location="/login"), "redirected"),
}
ASKED = {
    "query": lambda face, client: face.do(client.query, "select 1", as_job=True),
    "submit": lambda face, client: face.do(client.submit, "select 1"),
}


def looked_at(service: ScriptedTap, answer: Callable[[], Any], times: int = 99) -> Callable[[Any], Any]:
    """The service, whose answers to the first looks at the job are others."""
    left = [times]

    def handler(seen: Any) -> Any:
        if (seen.method, seen.path) == ("GET", "/tap/async/7") and left[0]:
            left[0] -= 1
            service.calls.append("GET /async/7")
            return answer()
        return service(seen)

    return handler


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("fault", LOOKS)
def test_a_job_that_was_begun_is_named_when_nobody_gets_to_see_it(face: Face, fault: str, ask: str) -> None:
    """It runs: whoever gets the error must be able to find it."""
    answer, code = LOOKS[fault]
    service = ScriptedTap()
    with serving(looked_at(service, answer)) as server:
        client = face.client(server.url)
        with pytest.raises(SkykeyError) as caught:
            ASKED[ask](face, client)
    assert caught.value.code == code
    assert caught.value.job_url == f"{server.url}/tap/async/7"
    assert caught.value.next == f"the job goes on: client.job('{server.url}/tap/async/7').result()" or fault in {
        "401",
        "403",
    }
    assert service.calls.count("POST /async") == 1
    assert service.deleted == 0


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize("fault", ["503", "429", "closed", "cut"])
def test_a_look_at_a_job_that_is_lost_is_repeated(face: Face, fault: str, ask: str) -> None:
    service = ScriptedTap()
    with serving(looked_at(service, LOOKS[fault][0], 2)) as server:
        ASKED[ask](face, face.client(server.url))
    assert service.calls.count("POST /async") == 1
    assert service.calls.count("GET /async/7") >= 3


def test_what_to_do_about_a_login_stays_in_the_error_that_names_the_job(face: Face) -> None:
    def advise(problem: ServiceError, _: Any) -> None:
        problem.next = "get a token"

    service = ScriptedTap()
    with serving(looked_at(service, LOOKS["a login"][0])) as server, pytest.raises(ServiceError) as caught:
        face.do(face.client(server.url, customs=Customs(advise=advise)).submit, "select 1")
    assert (caught.value.next, caught.value.job_url) == ("get a token", f"{server.url}/tap/async/7")


def test_a_job_that_is_gone_at_the_first_look_is_not_named(face: Face) -> None:
    service = ScriptedTap()
    with serving(looked_at(service, lambda: reply(404))) as server, pytest.raises(NotFound) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert not hasattr(caught.value, "job_url")


def test_a_later_look_that_fails_leaves_the_job_too(face: Face) -> None:
    service = ScriptedTap(phases=["EXECUTING"])

    def broken(seen: Any) -> Any:
        return reply(500) if "WAIT" in seen.target else service(seen)

    with serving(broken) as server, pytest.raises(ServiceError) as caught:
        face.do(face.client(server.url).query, "select 1", as_job=True)
    url = f"{server.url}/tap/async/7"
    assert caught.value.job_url == url
    assert caught.value.next == f"the job goes on, EXECUTING when last seen: client.job({url!r}).result()"
    assert service.deleted == 0


def test_a_job_that_cannot_be_started_is_named(face: Face) -> None:
    service = ScriptedTap(phases=["PENDING"])

    def broken(seen: Any) -> Any:
        return reply(503) if seen.path.endswith("/phase") else service(seen)

    with serving(broken) as server:
        for ask in ASKED.values():
            with pytest.raises(SkykeyError) as caught:
                ask(face, face.client(server.url))
            assert caught.value.job_url == f"{server.url}/tap/async/7"
    assert service.deleted == 0


@pytest.mark.parametrize("ask", ASKED)
def test_a_service_that_answers_with_the_job_itself_is_understood(face: Face, ask: str) -> None:
    service = ScriptedTap(phases=["COMPLETED"])

    def direct(seen: Any) -> Any:
        if (seen.method, seen.path) == ("POST", "/tap/async"):
            service(seen)
            return reply(307, Location="/tap/async/7")
        if (seen.method, seen.path) == ("POST", "/tap/async/7"):
            return reply(200, service.job(), Content_Type="text/xml")
        return service(seen)

    with serving(direct) as server:
        ASKED[ask](face, face.client(server.url))
        assert "GET /async/7" not in service.calls
        assert [seen.path for seen in server.seen if seen.method == "POST"] == ["/tap/async", "/tap/async/7"]


WITHOUT_ID = '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0"><uws:phase>QUEUED</uws:phase></uws:job>'


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    "create",
    [
        lambda job: reply(200, job, Content_Type="text/xml"),
        lambda job: reply(201, job, Content_Type="text/xml"),
        lambda job: reply(201, job, Content_Type="text/xml", Location="/tap/async/7"),
        lambda _: reply(201, "made", Content_Type="text/plain", Location="async/7"),
        lambda _: reply(201, WITHOUT_ID, Content_Type="text/xml", Location="/tap/async/7"),
    ],
)
def test_a_job_is_where_the_service_says_and_not_where_it_was_asked(face: Face, ask: str, create: Any) -> None:
    service = ScriptedTap(phases=["QUEUED", "COMPLETED"])

    def direct(seen: Any) -> Any:
        if (seen.method, seen.path) == ("POST", "/tap/async"):
            service(seen)
            return create(service.job())
        return service(seen)

    with serving(direct) as server:
        found = ASKED[ask](face, face.client(server.url))
        if ask == "submit":
            assert found.url == f"{server.url}/tap/async/7"
            face.do(found.result)
            face.do(found.delete)
    assert service.deleted == 1
    assert not [call for call in service.calls if call in {"DELETE /async", "GET /async"}]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    "create",
    [
        reply(200, WITHOUT_ID, Content_Type="text/xml"),
        reply(201, WITHOUT_ID, Content_Type="text/xml", Location="http://["),
        reply(201, WITHOUT_ID, Content_Type="text/xml", Location="https://other.example/tap/async/7"),
        reply(303, Location="/login"),
        reply(303, Location="/tap/async/"),
        reply(303, Location="/tap/async/%2e%2e"),
        reply(303, Location="/tap/async/7/results"),
    ],
)
def test_a_job_that_nobody_knows_the_place_of_is_an_error_and_nothing_is_deleted(
    face: Face, ask: str, create: bytes
) -> None:
    service = ScriptedTap(create=create)
    with serving(service) as server, pytest.raises((Unreadable, Redirected)):
        ASKED[ask](face, face.client(server.url))
    assert service.calls == ["GET /capabilities", "POST /async"]


@pytest.mark.parametrize("path", ["/tap/async", "/tap/async/", "/tap/async/7/results/result", "/tap/async/..%2f", "/"])
def test_nothing_is_deleted_but_jobs(path: str) -> None:
    with serving(lambda _: reply(200)) as server:
        service = Service(Url(f"{server.url}/tap"))
        with pytest.raises(UsageError):
            perform(service.delete(Url(f"{server.url}{path}")), PROCESS_POOLS, SYSTEM_CLOCK)
        assert server.seen == []


def others(service: ScriptedTap, way: str) -> Callable[[Any], Any]:
    """The service, which mistakes one job for another."""

    def handler(seen: Any) -> Any:
        if seen.path.startswith("/tap/async/8"):
            if "result" in seen.path:
                return as_votable((8, "somebody else's"))
            return reply(200, service.job().replace(">7<", ">8<"), Content_Type="text/xml")
        if (seen.method, seen.path) == ("GET", "/tap/async/7"):
            if way == "redirect":
                return reply(303, Location="/tap/async/8")
            if way == "document":
                return reply(200, service.job().replace(">7<", ">8<"), Content_Type="text/xml")
        if way == "result" and seen.path == "/tap/async/7/results/result":
            return reply(303, Location="/tap/async/8/results/result")
        return service(seen)

    return handler


@pytest.mark.parametrize("ask", ["query", "found"])
@pytest.mark.parametrize("way", ["redirect", "document", "href", "result"])
def test_the_result_of_another_job_is_none(face: Face, way: str, ask: str) -> None:
    service = ScriptedTap(href="/tap/async/8/results/result" if way == "href" else "")
    with serving(others(service, way)) as server:
        client = face.client(server.url)
        with pytest.raises(Unreadable, match="another job"):
            face.do(client.job("7").result) if ask == "found" else face.do(client.query, "select 1", as_job=True)
        if way == "href":
            assert not [seen for seen in server.seen if "/async/8" in seen.path]


# -- jobs in their users' hands


def test_a_job_tells_and_does_what_it_is_told(face: Face) -> None:
    service = ScriptedTap(phases=["EXECUTING"])
    with serving(service) as server:
        client = face.client(server.url)
        job = face.do(client.submit, "select 1")
        assert (job.id, job.url, face.do(job.phase)) == ("7", f"{server.url}/tap/async/7", "EXECUTING")
        assert repr(job) == f"<{'Job' if face.name == 'sync' else 'AsyncJob'} at {job.url}>"
        face.do(job.abort)
        face.do(job.run)
        assert service.asked[1:] == [{"PHASE": "ABORT"}, {"PHASE": "RUN"}]
        service.phases = ["COMPLETED"]
        face.do(job.wait, 5)
        assert face.do(job.result).facts["query"] == "select 1"
        face.do(job.delete)
        assert service.deleted == 1
        status = face.do(job.status)
        assert (status.phase, status.id) == ("COMPLETED", "7")


def test_waiting_ends_at_its_time(face: Face) -> None:
    with serving(ScriptedTap(phases=["EXECUTING"])) as server:
        job = face.client(server.url).job("7")
        with pytest.raises(TimedOut) as caught:
            face.do(job.wait, 0.2)
    assert caught.value.job_url == job.url


def test_a_job_that_nobody_started_is_not_waited_for(face: Face) -> None:
    service = ScriptedTap(phases=["PENDING"])
    with serving(service) as server, pytest.raises(ServiceError, match="never started") as caught:
        face.do(face.client(server.url).job("7").wait)
    assert ".run()" in (caught.value.next or "")
    assert len(service.calls) == 1


def test_a_block_deletes_its_job_whatever_happens_in_it(face: Face) -> None:
    import asyncio

    service = ScriptedTap()
    with serving(service) as server:
        client = face.client(server.url)

        def blocking() -> None:
            with client.submit("select 1") as job:
                assert len(job.result()) == 1
                raise KeyError("a user's own")

        async def asynchronous() -> None:
            async with await client.submit("select 1") as job:
                assert len(await job.result()) == 1
                raise KeyError("a user's own")

        with pytest.raises(KeyError, match="own"):
            blocking() if face.name == "sync" else asyncio.run(asynchronous())
    assert service.deleted == 1


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("https://other.example/tap/async/7", OutOfReach),
        ("http://127.0.0.1/tap/async/7", OutOfReach),
        ("{secure}/tap/async/7", OutOfReach),
        ("{base}/other/async/7", UsageError),
        ("{base}/tap/sync/7", UsageError),
        ("{base}/tap/async", UsageError),
        ("{base}/tap/async/", UsageError),
        ("{base}/tap/async/../../x", UsageError),
        ("{base}/tap/async/%2e%2e%2fx", UsageError),
        ("{base}/tap/async/%2e%2e/x", UsageError),
        ("{base}/tap/async/%2E/x", UsageError),
        ("{base}/tap/async/.%2e", UsageError),
        ("{base}/tap/async/7/%2e%2e/8", UsageError),
        ("{base}/tap/asynchronous/7", UsageError),
        ("a/b", UsageError),
        ("..", UsageError),
        ("", UsageError),
        ("ftp://x/7", UsageError),
    ],
)
def test_a_job_of_somebody_else_is_refused_before_any_request(face: Face, given: str, kind: type[SkykeyError]) -> None:
    service = ScriptedTap()
    with serving(service) as server:
        client = face.client(server.url)
        with pytest.raises(kind):
            client.job(given.replace("{base}", server.url).replace("{secure}", server.url.replace("http:", "https:")))
    assert service.calls == []


@pytest.mark.parametrize("given", ["7", "{base}/tap/async/7", "{base}/tap/async/7/results/result?x=1"])
def test_a_job_is_found_by_its_url_or_its_id(face: Face, given: str) -> None:
    with serving(ScriptedTap()) as server:
        job = face.client(server.url).job(given.replace("{base}", server.url))
        assert job.url == f"{server.url}/tap/async/7"
        assert len(face.do(job.result)) == 1


def test_a_job_s_url_is_without_what_the_service_added_for_itself(face: Face) -> None:
    service = ScriptedTap(create=reply(303, Location="/tap/async/7?from=post"))
    with serving(service) as server:
        assert face.do(face.client(server.url).submit, "select 1").url == f"{server.url}/tap/async/7"


PARAMETERS = (
    '<uws:parameters><uws:parameter id="Query">select n, s from t</uws:parameter>'
    '<uws:parameter id="LANG">ADQL</uws:parameter><uws:parameter id="responseformat">{form}</uws:parameter>{more}'
    "</uws:parameters>"
)


def promising(seen: dict[str, str]) -> bytes:
    if seen.get("MAXREC") == "0":
        return as_votable(after='<INFO name="QUERY_STATUS" value="OVERFLOW"/>')
    return reply(200, "n,s\n1,a\n2,b\n", Content_Type="text/csv")


@pytest.mark.parametrize("form", ["text/csv", "csv", "CSV", "text/csv; header=present"])
def test_a_job_in_csv_that_is_found_again_has_its_types_and_limits(face: Face, form: str) -> None:
    more = '<uws:parameter id="MAXREC">2</uws:parameter>'
    service = ScriptedTap(promising, summary=PARAMETERS.format(form=form, more=more))
    with serving(service) as server:
        job = face.client(server.url).job("7")
        service.answer = lambda sent: promising(sent if service.calls[-1] == "POST /sync" else {})
        found = face.do(job.result)
    assert found.arrow.to_pydict() == {"n": [1, 2], "s": ["a", "b"]}
    assert str(found.arrow.schema.field("n").type) == "int32"
    assert found.end.cut_by == "the question's limit of 2 rows"


@pytest.mark.parametrize(
    "summary",
    [
        "",
        PARAMETERS.format(form="text/csv", more='<uws:parameter id="UPLOAD">mine,param:mine</uws:parameter>'),
        PARAMETERS.format(form="text/csv", more="").replace("ADQL", "PQL"),
        PARAMETERS.format(form="text/csv", more="").replace('id="Query"', 'byReference="true" id="Query"'),
    ],
)
def test_csv_whose_types_nobody_knows_any_more_is_refused(face: Face, summary: str) -> None:
    service = ScriptedTap(promising, summary=summary)
    with serving(service) as server, pytest.raises(Unreadable, match="CSV"):
        face.do(face.client(server.url).job("7").result)
    assert service.asked == []


def test_a_job_that_is_found_again_knows_the_services_limit(face: Face) -> None:
    service = ScriptedTap(lambda _: as_parquet((1, "a"), (2, "b")), able=capabilities(hard=2))
    with serving(service) as server:
        client = face.client(server.url)
        assert face.do(client.job("7").result).end.cut_by == "the service's limit of 2 rows"
        service.more["summary"] = PARAMETERS.format(form="", more="").replace("select", "select top 2")
        service.able = None or capabilities(hard=9)
        assert face.do(face.client(server.url).job("7").result).end.cut_by == "the statement's TOP"
        service.more["summary"] = PARAMETERS.format(form="", more="")
        assert face.do(face.client(server.url).job("7").result).end.cut_by is None


def test_what_is_said_of_a_job_shows_no_signature_and_commands_no_terminal(face: Face) -> None:
    told = "<uws:ownerId>a&#155;31m\u202eb</uws:ownerId><uws:runId>\u202e&#155;31m x</uws:runId>" + PARAMETERS
    service = ScriptedTap(summary=told.format(form="", more=""), href="https://store.example/r?X-Signature=SIG")
    with serving(service) as server:
        status = face.do(face.client(server.url).job("7").status)
    assert (status.owner, status.run_id) == ("a 31m b", "31m x")
    assert status.result == "https://store.example/r?X-Signature=SIG"
    assert "SIG" not in repr(status)
    assert repr(status).isprintable()


def test_jobs_are_listed(face: Face) -> None:
    service = ScriptedTap()
    with serving(service) as server:
        client = face.client(server.url)
        (row,) = face.do(client.jobs, "executing", 3).arrow.to_pylist()
        assert server.seen[-1].target == "/tap/async?PHASE=EXECUTING&LAST=3"
        with pytest.raises(UsageError, match="phase"):
            face.do(client.jobs, "flying&x=1")
    url = f"{server.url}/tap/async/7"
    assert row == {"id": "7", "phase": "EXECUTING", "created": "2026-03-20T12:00:00Z", "run_id": "mine", "url": url}


# -- where results lie, and where credentials go

CANARY = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
SITE = "https://tap.example"
STORE = "https://store.example"


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in world.variables().items():
        monkeypatch.setenv(name, value)
    with world:
        yield world


def keeper() -> Keeper[Bearer]:
    reach = Reach.named(Url(SITE), said_by="a test")
    return Keeper(Fixed(lambda _: Bearer(Secret(CANARY), reach), Keeping.NOT_AT_ALL))


@pytest.mark.parametrize("way", ["redirect", "href", "sync"])
def test_results_on_another_host_are_read_without_credentials(face: Face, site: World, way: str) -> None:
    signed = f"{STORE}/result?X-Signature=abc"
    service = ScriptedTap(lambda _: reply(303, Location=signed), href=signed if way == "href" else "")

    def answer(seen: Any) -> Any:
        return as_votable((1, "a")) if seen.origin == STORE else service(seen)

    site.answer = answer
    found = face.do(face.client(SITE, keeper()).query, "select 1", as_job=way != "sync")
    assert len(found) == 1
    (stored,) = site.at(STORE)
    assert CANARY not in stored.text
    assert stored.method == "GET"
    assert all(CANARY in seen.text for seen in site.at(SITE))


@pytest.mark.parametrize(
    "href", ["http://store.example/result", "ftp://store.example/x", "http://tap.example/r", "http://["]
)
def test_results_in_unsafe_places_are_refused(face: Face, site: World, href: str) -> None:
    site.answer = ScriptedTap(href=href)
    with pytest.raises(SkykeyError):
        face.do(face.client(SITE, keeper()).query, "select 1", as_job=True)
    assert site.elsewhere(SITE) == []


def test_a_store_that_refuses_is_not_answered_with_advice_about_tokens(face: Face, site: World) -> None:
    service = ScriptedTap(lambda _: reply(303, Location=f"{STORE}/result?X-Signature=abc"))
    site.answer = lambda seen: reply(403, "expired") if seen.origin == STORE else service(seen)
    with pytest.raises(ServiceError) as caught:
        face.do(face.client(SITE, keeper()).query, "select 1")
    assert "Signature" not in str(caught.value)
    assert "ask again" in (caught.value.next or "")


def test_a_token_that_a_job_says_back_is_in_no_error(face: Face, site: World) -> None:
    summary = FAILED.format(detail="true").replace("no table x", f"for Bearer {CANARY}")
    site.answer = ScriptedTap(phases=["ERROR"], summary=summary, detail=reply(200, f"long story about {CANARY}"))
    with pytest.raises(QueryError) as caught:
        face.do(face.client(SITE, keeper()).query, "select 1", as_job=True)
    assert "story" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_login_page_on_another_host_is_one(face: Face, site: World) -> None:
    site.answer = lambda _: reply(302, Location="https://login.example/authorize?response_type=code&client_id=x")
    with pytest.raises(ServiceError, match="log in"):
        face.do(face.client(SITE, keeper()).query, "select 1")
    assert site.elsewhere(SITE) == []


def test_jobs_elsewhere_get_no_credential(face: Face, site: World) -> None:
    site.answer = ScriptedTap(create=reply(303, Location=f"{STORE}/async/7"), able=capabilities())
    with pytest.raises(SkykeyError):
        face.do(face.client(SITE, keeper()).query, "select 1", as_job=True)
    assert site.elsewhere(SITE) == []


# -- jobs that are called off


def test_a_query_that_is_called_off_leaves_no_job(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    service = ScriptedTap(phases=["EXECUTING"])
    with serving(service) as server:
        client = face.client(server.url)

        def press(*_: Any) -> Any:
            raise KeyboardInterrupt

        async def cancelled() -> None:
            task = asyncio.ensure_future(client.query("select 1", as_job=True))
            while not service.waits:  # noqa: ASYNC110 - the service runs on a thread
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        if face.name == "sync":
            monkeypatch.setattr(client._clock, "wait", press, raising=False)
            with pytest.raises(KeyboardInterrupt):
                client.query("select 1", as_job=True)
        else:
            asyncio.run(cancelled())
    assert service.deleted == 1


def test_a_job_that_was_submitted_is_not_deleted_with_what_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its user has it; that another question of the same method was called off is nothing to it."""

    class Submitting(TapFlows[Job], Sync):
        @method
        def submitted_and_more(self) -> Any:
            yield from self.submit("select 1")
            yield from pause(5)

    def press(*_: Any) -> Any:
        raise KeyboardInterrupt

    service = ScriptedTap()
    with serving(service) as server:
        client = Submitting(f"{server.url}/tap", job=Job)
        client._clock = Hasty()
        monkeypatch.setattr(client._clock, "wait", press, raising=False)
        with pytest.raises(KeyboardInterrupt):
            client.submitted_and_more()
    assert service.calls[-1] == "GET /async/7"
    assert service.deleted == 0


@pytest.mark.parametrize("ask", ["query", "submit"])
def test_what_is_called_off_before_anything_is_known_of_the_job_leaves_none(
    face: Face, ask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is is known by then, and by nobody else."""
    import asyncio

    service = ScriptedTap()
    looked = threading.Event()

    def away(seen: Any) -> Any:
        if (seen.method, seen.path) == ("GET", "/tap/async/7"):
            looked.set()
            return reply(503)
        return service(seen)

    with serving(away) as server:
        client = face.client(server.url)
        more = {"as_job": True} if ask == "query" else {}

        def press(*_: Any) -> Any:
            raise KeyboardInterrupt

        async def cancelled() -> None:
            async def sleep(_: float) -> None:
                await asyncio.sleep(5)

            monkeypatch.setattr(client._clock, "sleep", sleep, raising=False)
            task = asyncio.ensure_future(getattr(client, ask)("select 1", **more))
            while not looked.is_set():  # noqa: ASYNC110 - the service runs on a thread
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        if face.name == "sync":
            monkeypatch.setattr(client._clock, "wait", press, raising=False)
            with pytest.raises(KeyboardInterrupt):
                getattr(client, ask)("select 1", **more)
        else:
            asyncio.run(cancelled())
    assert service.deleted == 1
    assert service.calls.count("POST /async") == 1


def test_waiting_for_a_job_of_ones_own_that_is_called_off_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    service = ScriptedTap(phases=["EXECUTING"])

    def press(*_: Any) -> Any:
        raise KeyboardInterrupt

    with serving(service) as server:
        client = Face("sync").client(server.url)
        job = client.submit("select 1")
        monkeypatch.setattr(client._clock, "wait", press, raising=False)
        with pytest.raises(KeyboardInterrupt):
            job.wait()
    assert service.deleted == 0
