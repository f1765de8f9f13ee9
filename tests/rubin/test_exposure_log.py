"""The exposure log: the nights that a stretch of time touches, messages and exposures, writing."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from astropy.time import Time, TimeDelta
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.rubin.dayobs_utils import day_obs_list, day_obs_to_time, time_to_day_obs_int
from skykey.rubin.logging_query import AsyncExposureLogClient, ExposureLogClient
from skykey.sandbox import Box, running
from skykey.values.errors import Interrupted, NotFound, UnknownName, Unreadable, UsageError
from tests.rubin.scripted_log import AUTH, Row, ScriptedLog, identity
from tests.wire.server import as_json, serving

DTYPES = {
    "id": "str",
    "site_id": "str",
    "obs_id": "str",
    "instrument": "str",
    "day_obs": "Int64",
    "seq_num": "Int64",
    "message_text": "str",
    "level": "Int64",
    "tags": "object",
    "urls": "object",
    "user_id": "str",
    "user_agent": "str",
    "is_human": "boolean",
    "is_valid": "boolean",
    "exposure_flag": "str",
    "date_added": "str",
    "date_invalidated": "str",
    "parent_id": "str",
}


def note(number: int, **more: Any) -> Row:
    return {
        "id": identity(number),
        "site_id": "summit",
        "obs_id": f"MC_O_20250620_{number:06}",
        "instrument": "LSSTCam",
        "day_obs": 20250620,
        "seq_num": number,
        "message_text": "note",
        "level": 20,
        "tags": [],
        "urls": [],
        "user_id": "ada",
        "user_agent": "LOVE",
        "is_human": True,
        "is_valid": True,
        "exposure_flag": "none",
        "date_added": "2025-06-21T01:00:00",
        "date_invalidated": None,
        "parent_id": None,
        **more,
    }


def days(start: Any, end: Any) -> tuple[int, int]:
    asked = ExposureLogClient.query_params(start, end)
    return asked["min_day_obs"], asked["max_day_obs"]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


# -- which nights


def test_the_documented_parameters() -> None:
    asked = ExposureLogClient.query_params(
        "2025-06-20T22:00Z", "2025-06-21T11:00Z", {"is_valid": None, "instruments": "A"}
    )
    assert asked == {
        "is_human": "either",
        "min_day_obs": 20250620,
        "max_day_obs": 20250621,
        "limit": 50000,
        "instruments": "A",
    }


@pytest.mark.parametrize(
    ("start", "end", "first", "after"),
    [
        pytest.param("2025-06-21T03:00Z", "2025-06-21T05:00Z", 20250620, 20250621, id="after midnight"),
        pytest.param("2025-06-20T23:59:30Z", "2025-06-20T23:59:40Z", 20250620, 20250621, id="midnight of TAI"),
        pytest.param("2025-06-20T12:00Z", "2025-06-20T12:00Z", 20250620, 20250621, id="one instant"),
        pytest.param("2025-06-20T11:59:22.999999Z", "2025-06-20T11:59:23Z", 20250619, 20250620, id="until noon TAI"),
        pytest.param(
            "2025-06-20T11:59:22.999999Z", "2025-06-20T11:59:23.000001Z", 20250619, 20250621, id="across noon TAI"
        ),
        pytest.param(day_obs_to_time(20250630), day_obs_to_time(20250701), 20250630, 20250701, id="a whole day"),
        pytest.param(day_obs_to_time(20251230), day_obs_to_time(20260102), 20251230, 20260102, id="over new year"),
        pytest.param("2024-02-28T22:00Z", "2024-02-29T22:00Z", 20240228, 20240301, id="leap day"),
        pytest.param(
            dt.datetime(2025, 6, 20, 22, tzinfo=dt.UTC),
            Time("2025-06-21T08:00:00", scale="tai"),
            20250620,
            20250621,
            id="kinds of times",
        ),
    ],
)
def test_the_days_of_observing_that_a_window_touches(start: Any, end: Any, first: int, after: int) -> None:
    assert days(start, end) == (first, after)


@settings(deadline=None)
@given(st.integers(0, 7 * 10**8), st.integers(1, 40 * 86400), st.sampled_from(["utc", "tai", "tt"]))
def test_the_window_is_never_empty_and_holds_the_day_of_each_instant_in_it(since: int, length: int, scale: str) -> None:
    start = getattr(Time(1_000_000_000 + since, format="unix_tai", scale="tai"), scale)
    end = start + TimeDelta(length, format="sec")
    first, after = days(start, end)
    assert first < after
    inside = [start, start + TimeDelta(length / 2, format="sec"), start + TimeDelta(length - 0.001, format="sec")]
    assert all(first <= time_to_day_obs_int(when) < after for when in inside)
    noon = day_obs_to_time(after)
    assert noon - end > TimeDelta(-1e-6, format="sec")
    assert len(day_obs_list(day_obs_to_time(first), noon)) <= length // 86400 + 2


def test_a_window_that_runs_backwards_is_refused() -> None:
    with pytest.raises(UsageError, match="before"):
        days("2025-06-21", "2025-06-20")


# -- what comes


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_types_are_the_services_with_rows_and_without(asynchronous: bool) -> None:
    script = ScriptedLog([])
    with serving(script) as server:

        def asked() -> pd.DataFrame:
            window = "2025-06-20T22:00Z", "2025-06-21T11:00Z"
            if asynchronous:
                return asyncio.run(AsyncExposureLogClient(server.url, AUTH).query_log(*window))
            return ExposureLogClient(server.url, AUTH).query_log(*window)

        for rows in ([], [note(1), note(2, tags=["a", "b"], seq_num=None)]):
            script.rows = rows
            frame = asked()
            kinds = {name: "str" if str(kind) == "string" else str(kind) for name, kind in frame.dtypes.items()}
            assert kinds == DTYPES
            assert isinstance(frame.index, pd.RangeIndex)
            assert len(frame) == len(rows)
    assert script.asked[0] == {
        "is_human": ["either"],
        "is_valid": ["true"],
        "min_day_obs": ["20250620"],
        "max_day_obs": ["20250621"],
        "order_by": ["id"],
        "offset": ["0"],
        "limit": ["2000"],
    }


def test_a_night_after_midnight_is_found_and_is_whole(box: Box) -> None:
    """With calendar dates this window had no rows at all."""
    log = ExposureLogClient(box.site_url, ("user", box.token))
    everything = log.query()
    night = int(everything["day_obs"].iloc[0])
    midnight = day_obs_to_time(night) + TimeDelta(15 * 3600, format="sec")
    found = log.query_log(midnight, midnight + TimeDelta(7200, format="sec"))
    assert len(found)
    assert sorted(found["id"]) == sorted(everything["id"][everything["day_obs"] == night])


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_exposures_of_an_instrument(box: Box, asynchronous: bool) -> None:
    blocking = ExposureLogClient(box.site_url, ("user", box.token))
    log: Any = AsyncExposureLogClient(box.site_url, ("user", box.token)) if asynchronous else blocking

    def done(coming: Any) -> Any:
        async def main() -> Any:
            return await coming

        return asyncio.run(main()) if asynchronous else coming

    names = [name for some in done(log.get_instruments()).values() for name in some]
    assert "LSSTCam" in names
    whole = done(log.query_exposures("LSSTCam", utc=True))
    assert len(whole) > 5
    assert set(whole["instrument"]) == {"LSSTCam"}
    assert str(whole["timespan_begin"].dtype) == "datetime64[ns, UTC]"
    assert {name: str(whole[name].dtype) for name in ("id", "day_obs", "tracking_ra")} == {
        "id": "Int64",
        "day_obs": "Int64",
        "tracking_ra": "float64",
    }
    some = whole.dropna(subset=["timespan_begin"]).sort_values("timespan_begin")
    start, end = some["timespan_begin"].iloc[2], some["timespan_begin"].iloc[4]
    part = done(log.query_exposures("LSSTCam", start.to_pydatetime(), end.to_pydatetime(), utc=True))
    assert set(part["id"]) == set(some["id"][(some["timespan_end"] > start) & (some["timespan_begin"] < end)])
    assert list(done(log.query_exposures("NoCam")).columns) == list(whole.columns)
    one = done(log.query_exposures("LSSTCam", limit=1, order_by="-seq_num"))
    assert one["seq_num"].tolist() == [whole["seq_num"].max()]
    assert one.attrs["truncated"] is True


def test_exposures_of_a_registry_that_is_not_there(box: Box) -> None:
    with pytest.raises(NotFound):
        ExposureLogClient(box.site_url, ("user", box.token)).query_exposures("LSSTCam", registry=2)


def test_an_answer_that_is_no_list_of_instruments() -> None:
    with serving(lambda _: as_json("[]")) as server, pytest.raises(Unreadable):
        ExposureLogClient(server.url, AUTH).get_instruments()


# -- writing


def test_a_message_is_added_changed_and_deleted(box: Box) -> None:
    log = ExposureLogClient(box.site_url, ("user", box.token))
    exposure = log.query_exposures("LSSTCam").iloc[0]
    said = "a test of writing"
    made = log.add_message(exposure["obs_id"], "LSSTCam", said, user_id="ada", is_human=False, exposure_flag="junk")
    assert made["day_obs"] == exposure["day_obs"]
    flagged = log.query(message_text=said, exposure_flags=["junk"])
    assert flagged["id"].tolist() == [made["id"]]
    edited = log.edit_message(made["id"], exposure_flag="questionable", level=30)
    assert edited["parent_id"] == made["id"]
    assert log.query(message_text=said)["exposure_flag"].tolist() == ["questionable"]
    log.delete_message(edited["id"])
    assert log.query(message_text=said).empty
    assert log.get_message(edited["id"])["is_valid"] is False
    with pytest.raises(NotFound, match="No exposure"):
        log.add_message("nothing", "LSSTCam", said, user_id="ada", is_human=False)


def test_writing_asynchronously(box: Box) -> None:
    async def main() -> None:
        log = AsyncExposureLogClient(box.site_url, ("user", box.token))
        exposure = (await log.query_exposures("LSSTCam")).iloc[1]
        made = await log.add_message(exposure["obs_id"], "LSSTCam", "x", user_id="bob", is_human=True, tags=["dim"])
        assert (await log.get_message(made["id"]))["tags"] == ["dim"]
        await log.delete_message((await log.edit_message(made["id"], message_text="y"))["id"])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("way", "error"),
    [
        (lambda log: log.add_message("o", "i", "t", user_id="a", is_human=True, exposure_flag="bad"), UsageError),
        (lambda log: log.add_message("o", "i", "t", user_id="a", is_human=True, exposure_flg="junk"), UnknownName),
        (lambda log: log.edit_message(identity(1), obs_id="o"), UsageError),
        (lambda log: log.query(exposure_flags=["bad"]), UsageError),
        (lambda log: log.query_exposures("i", "2025-06-21", "2025-06-20"), UsageError),
        (lambda log: log.query_exposures("i", limit=0), UsageError),
    ],
)
def test_what_cannot_be_asked_or_written_is_refused_before_it_is_sent(way: Any, error: type[Exception]) -> None:
    with serving(lambda _: as_json(json.dumps(note(1)))) as server:
        with pytest.raises(error):
            way(ExposureLogClient(server.url, AUTH))
        assert server.seen == []


def test_a_lost_answer_says_what_is_unknown() -> None:
    with serving(lambda _: None) as server:
        with pytest.raises(Interrupted, match="nobody knows whether the message was added") as caught:
            ExposureLogClient(server.url, AUTH).add_message("o", "i", "t", user_id="ada", is_human=True)
        assert len(server.seen) == 1
    assert "user_ids=['ada']" in str(caught.value.next)
