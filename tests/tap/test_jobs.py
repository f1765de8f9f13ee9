"""Queries that are left to a service: waited for gently, found again, and never left lying there."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import skykey
from skykey.credentials.credential import Bearer
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.tap import jobs
from skykey.values.errors import (
    Interrupted,
    LimitExceeded,
    NotFound,
    OutOfReach,
    QueryError,
    ServiceError,
    SkykeyError,
    TimedOut,
    Unreadable,
    UsageError,
)
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.tap.scripted_tap import PARQUET, Face, ScriptedTap, as_votable, capabilities, votable
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
    assert service.calls[-3:] == ["GET /async/7/results/result", "DELETE /async/7", "GET /async"]
    assert set(service.waits) == {"30"}
    assert service.known == ["QUEUED", "EXECUTING"]  # a change in between is answered at once
    assert service.deleted == 1


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


def test_a_job_that_cannot_be_deleted_is_no_reason_to_lose_its_result(face: Face) -> None:
    service = ScriptedTap()

    def undeletable(seen: Any) -> Any:
        return reply(500) if seen.method == "DELETE" else service(seen)

    with serving(undeletable) as server:
        assert len(face.do(face.client(server.url).query, "select 1", as_job=True)) == 1
        with pytest.raises(ServiceError):
            face.do(face.client(server.url).job("7").delete)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_list_of_jobs_that_nobody_may_see_is_no_failed_deletion(face: Face, status: int) -> None:
    service = ScriptedTap()

    def closed(seen: Any) -> Any:
        return reply(status) if (seen.method, seen.path) == ("GET", "/tap/async") else service(seen)

    with serving(closed) as server:
        face.do(face.client(server.url).job("7").delete)
    assert service.deleted == 1


def test_a_job_is_not_begun_twice(face: Face) -> None:
    service = ScriptedTap(create=reply(503, Retry_After="0"))
    with serving(service) as server, pytest.raises(SkykeyError):
        face.do(face.client(server.url).query, "select 1", as_job=True)
    assert service.calls.count("POST /async") == 1


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
