"""Answers of classic and of current servers: read alike, and refused where they are neither."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.gracedb.annotations import shapes
from skykey.values.errors import Unreadable

CLASSIC = {"a.txt": "https://x/a.txt", "a.txt,0": "https://x/a.txt,0"}
CURRENT = {"files": [{"filename": name, "file": url} for name, url in CLASSIC.items()], "links": {}}


@pytest.mark.parametrize(
    "document", [{"log": [{"N": 1}]}, {"logs": [{"N": 1}]}, {"logs": [{"N": 1}], "log": []}, [{"N": 1}]]
)
def test_one_kind_of_log_is_empty(document: Any) -> None:
    assert shapes.log_entries(document) == [{"N": 1}]


@pytest.mark.parametrize("document", [{}, {"log": None}, {"log": {}}, {"logs": [1]}, "x", None, 3])
def test_what_is_no_log_is_an_empty_one(document: Any) -> None:
    with pytest.raises(Unreadable):
        shapes.log_entries(document)


@pytest.mark.parametrize("document", [CLASSIC, CURRENT, CURRENT["files"]])
def test_one_kind_of_files_is_empty(document: Any) -> None:
    assert shapes.file_names(document) == ["a.txt", "a.txt,0"]


@pytest.mark.parametrize("document", [{"files": [{}]}, {"files": 3}, 3, [1], {"files": [{"filename": None}]}])
def test_what_is_no_list_of_files_is_an_empty_one(document: Any) -> None:
    with pytest.raises(Unreadable):
        shapes.file_names(document)


@pytest.mark.parametrize("document", [None, [], "{}", 3])
def test_what_is_no_entry_is_an_empty_one(document: Any) -> None:
    with pytest.raises(Unreadable):
        shapes.entry(document)


MOMENTS = st.datetimes(min_value=dt.datetime(1980, 1, 1), max_value=dt.datetime(2079, 1, 1))  # noqa: DTZ001 - as UTC


@given(MOMENTS)
def test_a_time_is_another_one(moment: dt.datetime) -> None:
    seconds = moment.replace(tzinfo=dt.UTC).timestamp()
    assert shapes.moment(moment.strftime("%Y-%m-%d %H:%M:%S UTC")) == int(seconds)
    for ending in ("UTC", " UTC", "Z", "+00:00", ""):
        assert shapes.moment(moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + ending) == seconds


@given(st.text() | st.none() | st.integers() | st.floats())
def test_what_is_no_time_is_an_error(text: Any) -> None:
    found = shapes.moment(text)
    assert found is None or isinstance(found, float)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 00:00:00 UTC", "2026-11-20", "2026-11-20 18:00:00 CET"])
def test_what_is_no_time_is_some(text: str) -> None:
    assert shapes.moment(text) is None
