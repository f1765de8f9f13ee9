"""A whole night: asked side by side, and a part that is away neither takes the others along nor looks empty."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest

from skykey.rubin.night import AsyncNightClient, Night, NightClient, bounds
from skykey.rubin.night_telemetry import TOPICS, Topic, statement
from skykey.sandbox import Box, running
from skykey.values.errors import NoCredential, Overloaded, SkykeyError, UsageError

DAY = 20260320


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture
def box(shared_box: Box, monkeypatch: pytest.MonkeyPatch) -> Box:
    shared_box.controls.reset()
    changes = shared_box.changes()
    for name in changes.unset:
        monkeypatch.delenv(name)
    for name, value in changes.set.items():
        monkeypatch.setenv(name, value)
    shared_box.controls.forget()
    return shared_box


def blocking(day_obs: int | str = DAY, instrument: str = "lsstcam") -> Night:
    return NightClient().night(day_obs, instrument)


def asynchronous(day_obs: int | str = DAY, instrument: str = "lsstcam") -> Night:
    return asyncio.run(AsyncNightClient().night(day_obs, instrument))


both_faces = pytest.mark.parametrize("ask", [blocking, asynchronous])
Ask = Callable[..., Night]


@both_faces
def test_a_night_has_all_its_parts(box: Box, ask: Ask) -> None:
    night = ask("2026-03-20")
    assert night.failed == ()
    assert (night.site, night.instrument, night.day_obs) == ("loopback", "lsstcam", DAY)
    assert night.visits.found is not None
    assert set(night.visits.found.arrow.column("day_obs").to_pylist()) == {DAY}
    assert len(night.visits.found) == 398  # the two frames by day that are none of the sky's are no visits
    assert night.log.found is not None
    assert len(night.log.found) == 134
    assert night.reports.found is not None
    assert [report["day_obs"] for report in night.reports.found] == [DAY]
    counts = {topic.label: len(part.found or ()) for topic, part in night.telemetry}
    assert counts["mount elevation"] > 700
    assert counts["DIMM seeing"] == 0  # the site does not have it, which is no failure


def test_a_night_lasts_from_noon_to_noon_tai() -> None:
    assert bounds("2026-03-20") == (1_774_007_963 * 10**9, (1_774_007_963 + 86_400) * 10**9)
    assert bounds("2016-12-31")[1] - bounds("2016-12-31")[0] == 86_399 * 10**9  # a leap second is in it, UTC stood


def test_messages_at_the_edges_are_of_one_night_each(box: Box) -> None:
    def told(day_obs: int) -> set[str]:
        night = NightClient().night(day_obs, telemetry=())
        assert night.log.found is not None
        return set(night.log.found.arrow.column("id").to_pylist())

    assert not told(20260319) & told(20260320)


@both_faces
@pytest.mark.parametrize(
    ("service", "lost"),
    [
        ("consdb", {"visits"}),
        ("narrativelog", {"log"}),
        ("nightreport", {"night report"}),
        ("influxdb", {topic.label for topic in TOPICS}),
    ],
)
def test_a_service_that_is_away_takes_no_other_along(box: Box, ask: Ask, service: str, lost: set[str]) -> None:
    box.controls.fault("status", times=99, service=service, status=503, retry_after=0)
    night = ask()
    assert {part.name for part in night.failed} == lost
    for part in night.failed:
        assert part.found is None
        assert isinstance(part.error, SkykeyError)
        assert part.error.exit_code == Overloaded.exit_code
        assert part.error.__traceback__ is None  # it would hold the other answers


def test_a_cut_answer_is_a_part_that_failed_and_no_shorter_night(box: Box) -> None:
    box.controls.fault("truncate", times=99, service="consdb", path="/consdb/query", after=20_000)
    night = blocking()
    assert [part.name for part in night.failed] == ["visits"]


def test_a_night_without_anything_is_no_failure(box: Box) -> None:
    night = blocking(20251105)
    assert night.failed == ()
    assert [len(part.found or ()) for part in (night.visits, night.log, night.reports)] == [0, 0, 0]
    assert night.visits.found is not None
    assert "band" in night.visits.found.arrow.column_names


def test_what_cannot_be_asked_costs_no_request(box: Box) -> None:
    for day_obs, instrument in (("20261301", "lsstcam"), (DAY, "lsstcam; drop table")):
        with pytest.raises(UsageError):
            blocking(day_obs, instrument)
    assert box.controls.requests() == []


def test_without_a_token_the_sources_are_listed_once(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS_TOKEN_FILE")
    with pytest.raises(NoCredential, match="ACCESS_TOKEN"):
        blocking()
    assert box.controls.requests() == []


@both_faces
def test_a_night_takes_three_round_trips(box: Box, ask: Ask, ceiling: Callable[[float], float]) -> None:
    ask()  # what loads with a first question is not what is measured
    box.controls.latency(0.5)
    begin = time.monotonic()
    ask()
    # Where the telemetry is, its login, its rows: nothing else takes longer. One after the other it would be fifteen.
    assert time.monotonic() - begin < ceiling(3.9 * 0.5 + 0.2)


def test_statements_quote_what_they_are_given() -> None:
    odd = Topic("x", 'a"b', "c\\d", "", 3)
    assert statement(odd, 1, 2) == (
        'SELECT mean("c\\\\d") AS value FROM "a\\"b" WHERE time >= 1 AND time < 2 AND "salIndex" = 3 '
        "GROUP BY time(1m) fill(none)"
    )
    assert "salIndex" not in statement(Topic("x", "a", "b", ""), 1, 2)


def test_an_index_is_asked_alone(box: Box) -> None:
    first, second = (Topic(f"{n}", "lsst.sal.ESS.temperature", "temperatureItem0", "", n) for n in (111, 112))
    night = NightClient().night(DAY, telemetry=(first, second))
    (_, one), (_, other) = night.telemetry
    assert one.found is not None
    assert other.found is not None
    assert one.found.arrow.column("value") != other.found.arrow.column("value")
