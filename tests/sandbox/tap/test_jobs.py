"""Jobs: their phases, what a control does to them, whose they are, and that none is left over."""

import asyncio
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from skykey.sandbox import Box, SandboxError, running
from skykey.sandbox.tap.jobs import Job, Jobs, Result

VISITS = "cdb_lsstcam.visit1"


def tag(body: bytes, name: str) -> str | None:
    found = re.search(rf"<uws:{name}[^>]*>(.*?)</uws:{name}>".encode(), body, re.DOTALL)
    return found and found[1].decode()


def test_a_job_from_its_making_to_its_end(call: Any, begun: Any, box: Box) -> None:
    made = call("/async", LANG="ADQL", QUERY=f"select top 3 visit_id from {VISITS}")
    job = "/async/" + made.headers["Location"].rpartition("/")[2]
    assert call(f"{job}/phase", "GET").body == b"PENDING"
    assert call(f"{job}/results/result", "GET").status == 404
    assert call(f"{job}/phase", PHASE="RUN").status == 303
    done = call(job, "GET", WAIT="-1").body
    assert [tag(done, name) for name in ("phase", "ownerId")] == ["COMPLETED", "ada"]
    assert re.search(rb'<uws:result id="result" xlink:href="[^"]+/results/result"', done)
    assert b'<uws:parameter id="LANG">ADQL</uws:parameter>' in done
    result = call(f"{job}/results/result", "GET")
    assert (result.status, result.body.count(b"<TR>")) == (200, 3)
    assert call(job, "DELETE").headers["Location"].endswith("/async")
    assert call(job, "GET").status == 404
    assert box.controls.tap_jobs() == []


def test_a_result_is_that_of_sync(call: Any, sync: Any, begun: Any) -> None:
    query = f"select top 50 * from {VISITS} order by visit_id"
    for form in ("votable", "votable-b2", "csv"):
        job = begun(query, RESPONSEFORMAT=form, MAXREC="7")
        call(job, "GET", WAIT="-1")
        assert call(f"{job}/results/result", "GET").body == sync(query, RESPONSEFORMAT=form, MAXREC="7").body


@pytest.mark.parametrize(
    ("query", "said"), [(f"select wrong from {VISITS}", "wrong"), (f"select airmass / 0 from {VISITS}", "division")]
)
def test_what_is_wrong_stands_in_the_job(call: Any, begun: Any, words: Any, query: str, said: str) -> None:
    job = begun(query)
    done = call(job, "GET", WAIT="-1").body
    assert tag(done, "phase") == "ERROR"
    assert said in (tag(done, "message") or "")
    assert re.search(rb'<uws:errorSummary type="fatal" hasDetail="true">', done)
    assert said in words(call(f"{job}/error", "GET").body)
    assert call(f"{job}/results/result", "GET").status == 404


@pytest.mark.parametrize("held", ["PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN"])
def test_a_control_holds_jobs_and_lets_them_go(call: Any, begun: Any, phase: Any, box: Box, held: str) -> None:
    box.controls.tap(hold=held)
    job = begun()
    seen = {phase(job) for _ in range(5)}
    assert seen <= {held, "QUEUED"}
    assert phase(job) == held
    assert call(f"{job}/results/result", "GET").status == 404
    box.controls.tap(hold="")
    for _ in range(100):
        if phase(job) == "COMPLETED":
            return
        time.sleep(0.05)
    pytest.fail(phase(job))


@pytest.mark.parametrize("end", ["ERROR", "ABORTED", "ARCHIVED"])
def test_a_control_ends_jobs_that_it_held(call: Any, begun: Any, box: Box, end: str) -> None:
    box.controls.tap(hold="EXECUTING", words="No more memory")
    job = begun()
    started = threading.Event()
    found: list[bytes] = []

    def wait() -> None:
        started.set()
        found.append(call(job, "GET", WAIT="20").body)

    waiter = threading.Thread(target=wait)
    waiter.start()
    started.wait()
    begin = time.monotonic()
    box.controls.tap(hold=end)
    waiter.join()
    assert time.monotonic() - begin < 10
    assert tag(found[0], "phase") == end
    assert tag(found[0], "message") == ("No more memory" if end == "ERROR" else None)
    box.controls.tap(hold="")
    assert tag(call(job, "GET").body, "phase") == end


def test_waiting_ends_with_its_time(call: Any, begun: Any, box: Box) -> None:
    box.controls.tap(hold="EXECUTING")
    job = begun()
    begin = time.monotonic()
    assert tag(call(job, "GET", WAIT="0.4").body, "phase") in ("QUEUED", "EXECUTING")
    assert tag(call(job, "GET", WAIT="0.4").body, "phase") == "EXECUTING"
    assert 0.4 <= time.monotonic() - begin < 5
    begin = time.monotonic()
    call(job, "GET", WAIT="20", PHASE="QUEUED")  # which it is not any more
    box.controls.tap(early=True)
    assert tag(call(job, "GET", WAIT="20").body, "phase") == "EXECUTING"
    box.controls.tap(early=False, hold="HELD")
    call(job, "GET", WAIT="20")  # nobody waits for what is held
    assert time.monotonic() - begin < 5
    assert call(job, "GET", WAIT="soon").status == 200


def test_abort_stops_what_runs(call: Any, begun: Any, phase: Any) -> None:
    job = begun("select count(*) as n from cdb_lsstcam.visit1 a, cdb_lsstcam.visit1 b, cdb_lsstcam.visit1 c")
    call(job, "GET", WAIT="5", PHASE="QUEUED")
    begin = time.monotonic()
    assert call(f"{job}/phase", PHASE="ABORT").status == 303
    assert phase(job) == "ABORTED"
    assert call(f"{job}/phase", PHASE="RUN").status == 303  # it stays where it is
    assert phase(job) == "ABORTED"
    assert time.monotonic() - begin < 5
    done = call(job, "GET").body
    assert tag(done, "endTime")
    assert tag(done, "message") is None


def test_abort_interrupts_the_database() -> None:
    interrupted: list[str] = []
    begun = asyncio.Event()

    async def work(job: Job) -> Result:
        job.interrupt = lambda: interrupted.append(job.phase)
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        jobs = Jobs(time.time, work)
        job = jobs.create("ada", {}, {})
        jobs.run(job)
        await begun.wait()
        jobs.abort(job)
        await jobs.close()

    asyncio.run(main())
    assert interrupted == ["ABORTED"]


def test_abort_ends_what_a_control_holds(call: Any, begun: Any, phase: Any, box: Box) -> None:
    box.controls.tap(hold="HELD")
    job = begun()
    call(f"{job}/phase", PHASE="ABORT")
    box.controls.tap(hold="")
    assert phase(job) == "ABORTED"


def test_the_sandbox_stops_at_once_whatever_is_being_answered(ask: Any, tmp_path: Path) -> None:
    query = f"select count(*) as n from {VISITS} a, {VISITS} b, {VISITS} c"
    with running(tmp_path / "sandbox") as box:
        url = f"{box.site_url}/api/consdbtap/async?{urlencode({'LANG': 'ADQL', 'QUERY': query, 'PHASE': 'RUN'})}"
        job = ask(url, box.token, method="POST").headers["Location"]
        while b">EXECUTING<" not in ask(job, box.token).body:
            time.sleep(0.01)
        waiting = threading.Thread(target=lambda: ask(f"{job}?WAIT=50", box.token, timeout=60))
        waiting.start()
        begin = time.monotonic()
    assert time.monotonic() - begin < 5
    waiting.join()


def test_a_job_belongs_to_its_owner(call: Any, begun: Any, box: Box) -> None:
    job, ben = begun(), box.controls.mint(username="ben")
    for path, method in ((job, "GET"), (f"{job}/results/result", "GET"), (f"{job}/phase", "POST"), (job, "DELETE")):
        assert call(path, method, token=ben).status == 403
    assert b"jobref" not in call("/async", "GET", token=ben).body
    assert [each["owner"] for each in box.controls.tap_jobs()] == ["ada"]


def test_a_job_is_destroyed_when_its_time_has_come(call: Any, begun: Any, box: Box) -> None:
    job, other = begun(), begun()
    now = datetime.fromtimestamp(box.controls.hello()["now"], UTC)
    assert call(f"{job}/destruction", DESTRUCTION=now.replace(year=now.year + 1).isoformat()).status == 303
    far = datetime.fromisoformat(call(f"{job}/destruction", "GET").body.decode())
    assert 6.9 < (far - now).total_seconds() / 86_400 < 7.1  # no longer than the service keeps them
    call(f"{job}/destruction", DESTRUCTION=now.replace(year=now.year - 1).strftime("%Y-%m-%dT%H:%M:%S"))
    assert call(job, "GET").status == 404
    assert call(other, "GET").status == 200
    box.controls.clock(8 * 86_400)
    box.controls.mint()
    assert box.controls.tap_jobs() == []


def test_the_list_can_be_narrowed(call: Any, begun: Any, box: Box) -> None:
    first = begun()
    call(first, "GET", WAIT="-1")
    box.controls.tap(hold="HELD")
    second = begun()
    assert [each.rpartition("/")[2] for each in (second, first)] == re.findall(
        r'jobref id="(\w+)"', call("/async", "GET").body.decode()
    )
    for asked, job in (({"PHASE": "COMPLETED"}, first), ({"LAST": "1"}, second), ({"phase": "held"}, second)):
        (found,) = re.findall(r'jobref id="(\w+)"', call("/async", "GET", **asked).body.decode())
        assert job.endswith(found)
    assert b"jobref id" not in call("/async", "GET", AFTER="2100-01-01T00:00:00").body
    assert call("/async", "GET", LAST="all").status == 400


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("owner", b"ada"),
        ("quote", b""),
        ("executionduration", b"14400"),
        ("parameters", b"LANG"),
        ("results", b"results"),
    ],
)
def test_each_part_of_a_job_can_be_asked(call: Any, begun: Any, what: str, said: bytes) -> None:
    answer = call(f"{begun()}/{what}", "GET")
    assert answer.status == 200
    assert said in answer.body


def test_parts_that_are_not_there(call: Any, begun: Any) -> None:
    job = begun()
    assert call(f"{job}/nothing", "GET").status == 404
    assert call(f"{job}/error", "GET").status == 404
    assert call(f"{job}/phase", PHASE="FLY").status == 400
    assert call(f"{job}/destruction", DESTRUCTION="soon").status == 400
    assert call(f"{job}/executionduration", EXECUTIONDURATION="60").status == 303
    assert call(f"{job}/executionduration", "GET").body == b"60"
    assert call("/async/none", "GET").status == 404


def test_parameters_change_until_it_runs(call: Any) -> None:
    made = call("/async", LANG="ADQL", QUERY="nonsense")
    job = "/async/" + made.headers["Location"].rpartition("/")[2]
    assert call(job, QUERY=f"select top 1 band from {VISITS}").status == 303
    assert call(f"{job}/parameters", MAXREC="1").status == 303
    call(f"{job}/phase", PHASE="RUN")
    assert tag(call(job, "GET", WAIT="-1").body, "phase") == "COMPLETED"
    assert call(job, QUERY="late").status == 400
    assert call(job, ACTION="DELETE").status == 303
    assert call(job, "GET").status == 404


def test_a_result_may_be_on_the_storage_host(call: Any, ask: Any, begun: Any, box: Box) -> None:
    job = begun()
    call(job, "GET", WAIT="-1")
    box.controls.tap(storage=True)
    answer = call(f"{job}/results/result", "GET")
    assert (answer.status, answer.headers["Location"].startswith(f"{box.second_url}/storage/")) == (303, True)
    assert ask(answer.headers["Location"], bundle=box.ca_file).body.count(b"<TR>") == 3


def test_reset_leaves_nothing(call: Any, begun: Any, box: Box) -> None:
    box.controls.tap(hold="EXECUTING", limit=3)
    begun()
    box.controls.reset()
    assert box.controls.tap_jobs() == []
    assert tag(call(begun(), "GET", WAIT="-1").body, "phase") == "COMPLETED"


@pytest.mark.parametrize("wrong", [{"hold": "COMPLETED"}, {"hold": "ASLEEP"}, {"formats": ["fits"]}, {"formats": []}])
def test_a_wrong_switch_is_said(box: Box, wrong: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match=r"hold is one of|formats are of"):
        box.controls.tap(**wrong)
