"""The narrative log: whole nights with the right times, whatever single messages look like; writing that is honest."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.rubin.connections import get_clients
from skykey.rubin.logging_query import AsyncNarrativeLogClient, NarrativeLogClient, logtime_to_datetime
from skykey.sandbox import Box, running
from skykey.tables.table import Table
from skykey.values.errors import (
    Interrupted,
    NotAuthenticated,
    NotFound,
    QueryError,
    ServiceError,
    SkykeyError,
    Unreadable,
    UsageError,
)
from tests.rubin.scripted_log import AUTH, Row, ScriptedLog, identity, message
from tests.wire.server import Answer, Seen, as_json, reply, serving

NIGHT = "2025-06-20T12:00Z", "2025-06-21T12:00Z"
DTYPES = {
    "id": "str",
    "site_id": "str",
    "message_text": "str",
    "level": "Int64",
    "tags": "object",
    "urls": "object",
    "time_lost": "float64",
    "date_begin": "str",
    "user_id": "str",
    "user_agent": "str",
    "is_human": "boolean",
    "is_valid": "boolean",
    "date_added": "str",
    "date_invalidated": "str",
    "parent_id": "str",
    "systems": "object",
    "subsystems": "object",
    "cscs": "object",
    "date_end": "str",
    "components": "object",
    "primary_software_components": "object",
    "primary_hardware_components": "object",
    "category": "str",
    "time_lost_type": "str",
    "components_json": "object",
    "component": "str",
}


def names_of(frame: pd.DataFrame) -> dict[str, str]:
    """Dtypes by name; pandas 2 calls the dtype of text otherwise."""
    return {name: "str" if str(kind) in {"string", "str"} else str(kind) for name, kind in frame.dtypes.items()}


def night(*rows: Row, asynchronous: bool = False, **more: Any) -> pd.DataFrame:
    with serving(ScriptedLog(list(rows))) as server:
        if asynchronous:
            return asyncio.run(AsyncNarrativeLogClient(server.url, AUTH).query_log(*NIGHT, **more))
        return NarrativeLogClient(server.url, AUTH).query_log(*NIGHT, **more)


# -- what is asked


def test_the_documented_parameters_with_times_on_the_services_clock() -> None:
    asked = NarrativeLogClient.query_params(Time("2025-06-20T12:00:00"), Time("2025-06-21T12:00:00"))
    assert asked == {
        "is_human": "either",
        "is_valid": "true",
        "has_date_begin": True,
        "min_date_begin": dt.datetime.fromisoformat("2025-06-20T12:00:37"),
        "max_date_begin": dt.datetime.fromisoformat("2025-06-21T12:00:37"),
        "order_by": "date_begin",
        "limit": 50000,
    }


@settings(deadline=None)  # the first one loads astropy's tables
@given(st.integers(0, 2 * 10**9), st.integers(0, 10**9 - 1))
def test_every_scale_asks_for_the_same_instant(seconds: int, nanoseconds: int) -> None:
    """UTC and TAI with the same reading are 37 s apart; the bound is the first microsecond that is not before it."""
    when = Time(1_500_000_000 + seconds % 200_000_000, nanoseconds / 1e9, format="unix_tai", scale="tai")
    shown = when.copy("isot")
    shown.precision = 9
    for given_as in (when, when.utc, when.tt, when.tdb):
        bound = NarrativeLogClient.query_params(given_as, "2100-01-01")["min_date_begin"]
        exact = pd.Timestamp(shown.value)
        assert abs((pd.Timestamp(bound) - exact).total_seconds()) <= 2e-6


def test_bounds_round_up_to_the_services_microseconds() -> None:
    """A message of that microsecond is before a maximum and not from a minimum on."""
    asked = NarrativeLogClient.query_params("2025-06-20T12:00:00.000000001Z", "2025-06-20T12:00:00.000001Z")
    assert asked["min_date_begin"] == asked["max_date_begin"] == dt.datetime.fromisoformat("2025-06-20T12:00:37.000001")


def test_users_parameters_override_and_none_takes_away() -> None:
    asked = NarrativeLogClient.query_params(*NIGHT, {"is_valid": "either", "max_date_begin": None, "min_level": 30})
    assert asked["is_valid"] == "either"
    assert asked["min_level"] == 30
    assert "max_date_begin" not in asked


@pytest.mark.parametrize(
    ("start", "end"),
    [(NIGHT[1], NIGHT[0]), (dt.datetime.fromisoformat("2025-06-20"), NIGHT[1]), ("noon", NIGHT[1]), (None, NIGHT[1])],
    ids=["backwards", "no zone", "words", "nothing"],
)
def test_a_window_that_is_none_is_refused(start: Any, end: Any) -> None:
    with pytest.raises(UsageError):
        NarrativeLogClient.query_params(start, end)


# -- what comes


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
def test_types_are_the_services_with_rows_and_without(asynchronous: bool) -> None:
    for frame in (
        night(asynchronous=asynchronous),
        night(message(1), message(2, date_end=None), asynchronous=asynchronous),
    ):
        assert names_of(frame) == DTYPES
        assert str(frame.index.dtype) == "datetime64[ns, UTC]"
        assert frame.index.name == "time"
        assert frame.attrs["complete"] is True
        assert frame.attrs["time_scale"] == "utc"
    assert list(night(message(1)).columns) == list(DTYPES)


@pytest.mark.parametrize(
    ("more", "time"),
    [
        ({}, "2025-06-20T22:59:23Z"),
        ({"time_lost": 60.0, "date_end": "2025-06-20T23:30:00"}, "2025-06-20T23:29:23Z"),
        ({"time_lost": "PT30M", "date_end": "2025-06-20T23:30:00"}, "2025-06-20T23:29:23Z"),
        ({"time_lost": "PT0S", "date_end": "2025-06-20T23:30:00"}, "2025-06-20T22:59:23Z"),
        ({"time_lost": 60.0, "date_end": None}, "2025-06-20T22:59:23Z"),
        ({"time_lost": None, "date_end": None}, "2025-06-20T22:59:23Z"),
        ({"date_begin": None, "date_end": "2025-06-20T23:30:00"}, "2025-06-20T23:29:23Z"),
        ({"date_begin": "2025-06-20T23:00:00.000001"}, "2025-06-20T22:59:23.000001Z"),
        ({"date_begin": "2025-06-20 23:00:00.5"}, "2025-06-20T22:59:23.5Z"),
        ({"date_begin": "2025-06-20T23:00:00+00:00"}, "2025-06-20T23:00:00Z"),
        ({"date_begin": "2025-06-20T23:00:00Z"}, "2025-06-20T23:00:00Z"),
        ({"date_begin": "2017-01-01T00:00:36"}, "2017-01-01T00:00:00Z"),  # the leap second before it
    ],
    ids=str,
)
def test_the_index_is_when_it_was_in_utc(more: dict[str, Any], time: str) -> None:
    frame = night(message(1) | more)
    assert frame.index[0] == pd.Timestamp(time)


@pytest.mark.parametrize("odd", [None, "0001-01-01T00:00:00", "9999-12-31T23:59:59", "1970-01-01T00:00:00"])
def test_one_odd_date_does_not_take_the_night_away(odd: str | None) -> None:
    frame = night(message(1), message(2, odd), message(3, date_end=odd, time_lost=1.0))
    assert len(frame) == 3
    by_id = frame.reset_index().set_index("id")
    assert pd.isna(by_id["time"][identity(2)])
    assert by_id["time"][identity(3)] == pd.Timestamp("2025-06-20T22:59:23Z")
    kept = by_id["date_begin"][identity(2)]
    assert kept == odd or (odd is None and pd.isna(kept))


def test_dates_as_times_where_they_are_asked_for() -> None:
    frame = night(message(1, date_invalidated=None), utc=True)
    for name in ("date_begin", "date_end", "date_added", "date_invalidated"):
        assert str(frame[name].dtype) == "datetime64[ns, UTC]"
    assert frame["date_begin"].iloc[0] == pd.Timestamp("2025-06-20T22:59:23Z")
    assert pd.isna(frame["date_invalidated"].iloc[0])
    assert names_of(night(utc=True)) == names_of(frame)
    with pytest.raises(Unreadable, match="utc=False"):
        night(message(1, "9999-12-31T23:59:59"), utc=True)


def test_the_order_is_that_of_the_beginnings() -> None:
    late_end = message(1, "2025-06-20T22:00:00", time_lost=60.0, date_end="2025-06-21T05:00:00")
    frame = night(message(2, "2025-06-20T23:00:00"), late_end)
    assert frame["id"].tolist() == [identity(1), identity(2)]
    assert not frame.index.is_monotonic_increasing


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a\r\n\r\nb\r\n", "a\nb"),
        ("a\n\n\n\n\nb\n\n", "a\nb"),
        ("a\r\rb\r", "a\nb"),
        ("  a\tb ", "  a\tb "),
        ("", ""),
        ("\n\n", ""),
    ],
    ids=repr,
)
def test_texts_have_no_blank_lines(sent: str, shown: str) -> None:
    assert night(message(1, message_text=sent))["message_text"].iloc[0] == shown


SIMONYI = {"name": "Simonyi", "children": [{"name": "Dome", "children": []}]}


@pytest.mark.parametrize(
    ("more", "component"),
    [
        ({}, "Log"),
        ({"components_json": {}}, "Log"),
        ({"components_json": SIMONYI}, "Log Simonyi"),
        ({"components_json": {"children": []}}, "Log"),
        ({"components_json": {"name": None}, "components": ["Dome"]}, "Log Dome"),
        ({"components": ["Mount", "Dome"]}, "Log Mount Dome"),
        ({"components": []}, "Log"),
        ({"components_json": {}, "components": ["Dome"]}, "Log Dome"),
        ({"components_json": SIMONYI, "components": ["Dome"]}, "Log Simonyi"),
    ],
    ids=str,
)
def test_the_component_of_each_row_is_its_own(more: dict[str, Any], component: str) -> None:
    """Whatever the other rows of the night have."""
    for others in ([], [message(8, components_json=SIMONYI)], [message(9, components=["x"])]):
        frame = night(message(1, **more), *others).set_index("id")
        assert frame["component"][identity(1)] == component


def test_values_are_what_they_are_in_every_shape() -> None:
    row = message(1, tags=["a"], systems=[], components_json=SIMONYI, time_lost="PT1H30M0.5S", later={"x": [1]}, n=3)
    with serving(ScriptedLog([row])) as server:
        client = NarrativeLogClient(server.url, AUTH)
        frame = client.query_log(*NIGHT)
        table = client.query_log.table(*NIGHT)
        polars = client.query_log.polars(*NIGHT)
        assert asyncio.run(client.async_query_log.arrow(*NIGHT)).to_pylist() == table.arrow.to_pylist()
    first = frame.iloc[0]
    assert first["tags"] == ["a"]
    assert first["systems"] == []
    assert first["subsystems"] is None
    assert first["components_json"] == SIMONYI
    assert first["time_lost"] == 5400.5
    assert first["later"] == {"x": [1]}  # of a service that is newer than this
    assert first["n"] == 3
    assert isinstance(table, Table)
    assert json.loads(table.arrow.column("components_json")[0].as_py()) == SIMONYI
    assert table.arrow.schema.field("time_lost").metadata[b"unit"] == b"s"
    assert isinstance(polars, pl.DataFrame)
    assert polars["time"].dtype == pl.Datetime("ns", "UTC")


def test_the_raw_question_leaves_rows_as_they_are() -> None:
    with serving(ScriptedLog([message(1, message_text="a\r\n\r\n")])) as server:
        frame = NarrativeLogClient(server.url, AUTH).query({"min_level": 0})
    assert frame["message_text"].tolist() == ["a\r\n\r\n"]
    assert isinstance(frame.index, pd.RangeIndex)
    assert names_of(frame) == {name: kind for name, kind in DTYPES.items() if name != "component"}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"categories": ["ENG"]}, [1]),
        ({"categories": "ENG"}, [1]),
        ({"exclude_categories": ["ENG"]}, [2, 3]),
        ({"time_lost_types": ["fault"]}, [1, 2]),
        ({"time_lost_types": ["fault"], "exclude_categories": ["ENG"]}, [2]),
        ({"categories": ["none of them"]}, []),
        ({"categories": []}, [1, 2, 3]),
        ({"categories": np.array(["ENG", "x"])}, [1]),
        ({"exclude_categories": np.array([], "U3")}, [1, 2, 3]),
        ({"categories": pd.Series(["SURVEY"])}, [2]),
        ({"time_lost_types": {"fault": 1}.keys()}, [1, 2]),
    ],
    ids=str,
)
def test_filters_that_the_service_ignores_are_applied_here(
    asked: dict[str, Any], kept: list[int], asynchronous: bool
) -> None:
    rows = [
        message(1, category="ENG", time_lost_type="fault"),
        message(2, category="SURVEY", time_lost_type="fault"),
        message(3),
    ]
    frame = night(*rows, asynchronous=asynchronous, **asked)
    assert frame["id"].tolist() == [identity(number) for number in kept]
    assert names_of(frame) == DTYPES


@pytest.mark.parametrize("given", [[["ENG"]], [{"a": 1}], {"a": 1}, np.array([1]), [None], 5])
def test_a_category_that_is_no_text_is_refused_before_it_is_sent(given: Any) -> None:
    with serving(lambda _: as_json("[]")) as server:
        with pytest.raises(UsageError, match="categories"):
            NarrativeLogClient(server.url, AUTH).query(categories=given)
        assert server.seen == []


@pytest.mark.parametrize("value", [["ENG"], {"a": 1}, 5])
def test_a_category_of_the_service_that_is_no_text_is_neither_kept_nor_left_out(value: Any) -> None:
    with pytest.raises(Unreadable, match="category"):
        night(message(1, category="ENG"), message(2, category=value), categories=["ENG"])


# -- a helper


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-06-20T23:00:00.5", "2025-06-20T22:59:23.500000"),
        ("2025-06-20T23:00:00Z", "2025-06-20T23:00:00"),
        (pd.Timestamp("2025-06-20T23:00:00Z"), "2025-06-20T23:00:00"),
        (None, None),
        (float("nan"), None),
        (pd.NaT, None),
    ],
    ids=str,
)
def test_logtime_to_datetime(value: Any, expected: str | None) -> None:
    found = logtime_to_datetime(pd.Series({"date_begin": value}, dtype=object), "date_begin")
    assert found == (None if expected is None else dt.datetime.fromisoformat(expected))


# -- writing


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


def test_a_message_is_added_changed_and_deleted(box: Box) -> None:
    log = NarrativeLogClient(box.site_url, ("user", box.token))
    begin = Time("2024-02-03T04:05:06", scale="utc")
    made = log.add_message(
        "hello",
        user_id="ada",
        is_human=True,
        date_begin=begin,
        date_end=dt.datetime(2024, 2, 3, 4, 10, tzinfo=dt.UTC),
        time_lost=dt.timedelta(minutes=2),
        time_lost_type="fault",
        tags=["Wind"],
        components_json=SIMONYI,
    )
    assert made["date_begin"] == "2024-02-03T04:05:43"
    found = log.query_log("2024-02-03", "2024-02-04")
    assert found.index.tolist() == [pd.Timestamp("2024-02-03T04:10:00Z")]
    assert found["component"].tolist() == ["Log Simonyi"]
    assert found["tags"].tolist() == [["wind"]]

    edited = log.edit_message(made["id"], message_text="bye", time_lost=0)
    assert edited["parent_id"] == made["id"]
    assert log.get_message(made["id"])["is_valid"] is False
    assert log.query_log("2024-02-03", "2024-02-04")["message_text"].tolist() == ["bye"]

    log.delete_message(edited["id"])
    assert log.get_message(edited["id"])["is_valid"] is False
    assert len(log.query_log("2024-02-03", "2024-02-04")) == 0
    assert len(log.query_log("2024-02-03", "2024-02-04", is_valid="either")) == 2


def test_writing_asynchronously(box: Box) -> None:
    async def main() -> None:
        log = AsyncNarrativeLogClient(box.site_url, ("user", box.token))
        made = await log.add_message("hello", user_id="bob", is_human=False)
        edited = await log.edit_message(made["id"], level=40)
        assert edited["level"] == 40
        assert await log.delete_message(edited["id"]) is None
        with pytest.raises(NotFound):
            await log.edit_message("00000000-0000-4000-8000-000000000000", level=10)

    asyncio.run(main())


def test_the_services_night_in_order_and_whole(box: Box) -> None:
    """Through get_clients, against the sandbox's own reading of the contract."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        log = get_clients()["narrative_log"]
        whole = log.query(order_by="date_begin", has_date_begin=True)
        middle = whole["date_begin"].iloc[len(whole) // 2]
        before = log.query(order_by="date_begin", max_date_begin=middle)
        after = log.query(order_by="date_begin", min_date_begin=middle)
    assert len(whole) > 20
    assert before["id"].tolist() + after["id"].tolist() == whole["id"].tolist()


ONE = json.dumps(message(1))
WRITING = {
    "add": lambda log: log.add_message("hello", user_id="ada", is_human=True),
    "edit": lambda log: log.edit_message(identity(1), message_text="x"),
    "delete": lambda log: log.delete_message(identity(1)),
}


def cut(_: Seen) -> Answer:
    return [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asynchronous"])
@pytest.mark.parametrize(
    "how",
    [cut, lambda _: None, lambda _: reply(503, ""), lambda _: reply(500, ""), lambda _: as_json("{")],
    ids=["cut", "closed", "503", "500", "not JSON"],
)
@pytest.mark.parametrize("what", WRITING)
def test_a_lost_answer_is_not_sent_again_and_says_what_is_unknown(what: str, how: Any, asynchronous: bool) -> None:
    with serving(how) as server:
        problem: SkykeyError
        if asynchronous:

            async def main() -> None:
                await WRITING[what](AsyncNarrativeLogClient(server.url, AUTH))

            with pytest.raises((Interrupted, ServiceError)) as caught:
                asyncio.run(main())
        else:
            with pytest.raises((Interrupted, ServiceError)) as caught:
                WRITING[what](NarrativeLogClient(server.url, AUTH))
        problem = caught.value
        assert len(server.seen) == 1
    assert "nobody knows whether" in str(problem)
    assert ("query(user_ids=['ada']" if what == "add" else "get_message") in str(problem.next)


@pytest.mark.parametrize("body", [ONE, "{}", "[]", '{"detail": "not now"}', '"deleted"', "true", ""])
def test_a_deletion_is_one_only_if_the_service_has_nothing_to_say(body: str) -> None:
    with serving(lambda _: as_json(body)) as server:
        with pytest.raises(Unreadable, match="nobody knows whether the message was deleted"):
            NarrativeLogClient(server.url, AUTH).delete_message(identity(1))
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (as_json('{"detail": "Invalid tags"}', 400), QueryError, "Invalid tags"),
        (
            as_json('{"detail": [{"loc": ["body", "level"], "msg": "field required", "type": "x"}]}', 422),
            QueryError,
            "level: field required",
        ),
        (as_json('{"detail": "No message found"}', 404), NotFound, "No message found"),
        (reply(200, "<html>", Content_Type="text/html"), Unreadable, "web page"),
        (reply(401, "", WWW_Authenticate='Bearer error="invalid_token"'), NotAuthenticated, "401"),
    ],
    ids=["400", "422", "404", "login page", "401"],
)
def test_a_refusal_has_the_services_words_and_leaves_nothing_open(
    answer: bytes, error: type[Exception], words: str
) -> None:
    with serving(lambda _: answer) as server, pytest.raises(error, match=words) as caught:
        NarrativeLogClient(server.url, AUTH).add_message("hello", user_id="ada", is_human=True)
    assert "nobody knows" not in str(caught.value)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (lambda log: log.add_message("x", user_id="ada", is_human=True, mesage="y"), "mesage"),
        (lambda log: log.add_message("x", user_id="ada", is_human=True, site_id="y"), "site_id"),
        (lambda log: log.add_message("x", user_id="ada", is_human=True, time_lost="long"), "seconds"),
        (lambda log: log.add_message("x", user_id="ada", is_human=True, date_begin="now"), "point in time"),
        (lambda log: log.add_message(5, user_id="ada", is_human=True), "text is needed"),
        (lambda log: log.edit_message(identity(1)), "nothing"),
        (lambda log: log.edit_message(identity(1), date_end=None), "date_end"),
        (lambda log: log.edit_message("../1", level=10), "not the id"),
        (lambda log: log.delete_message("1"), "not the id"),
    ],
)
def test_what_cannot_be_written_is_refused_before_it_is_sent(way: Any, words: str) -> None:
    with serving(lambda _: as_json(ONE)) as server:
        with pytest.raises(UsageError, match=words):
            way(NarrativeLogClient(server.url, AUTH))
        assert server.seen == []


# -- services that are newer than this, or broken


@pytest.mark.parametrize("row", [{"level": 2.5}, {"level": True}, {"id": None}, {"id": []}, {"id": {}}])
def test_a_broken_row_is_neither_rounded_nor_lost(row: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        night(message(1), {**message(2), **row})


def test_a_new_field_keeps_its_values_and_the_index_is_not_one() -> None:
    frame = night({**message(1), "score": [1.5, True], "time": 5}, {**message(2), "score": None, "time": 7})
    assert frame["score"].tolist() == [[1.5, True], None]
    assert [type(each) for each in frame["score"].iloc[0]] == [float, bool]
    assert frame["time_1"].tolist() == [5, 7]
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
