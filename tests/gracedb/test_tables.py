"""Events and superevents as tables: the types are the columns', not the values', and nothing is rounded or guessed."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.gracedb.tables import EVENT, SUPEREVENT, events_table, superevents_table
from skykey.values.errors import Unreadable

EVENT_ROW: dict[str, Any] = {
    "graceid": "G1234",
    "group": "CBC",
    "pipeline": "gstlal",
    "search": None,
    "created": "2024-07-16 15:11:12 UTC",
    "gpstime": 1405177836.744562,
    "nevents": 2,
    "offline": False,
    "far": 9.1e-14,
    "labels": ["EM_READY"],
    "extra_attributes": {
        "CoincInspiral": {"ifos": "H1,L1", "end_time": 1405177836, "end_time_ns": 744562000, "snr": 9, "mass": 2.9},
        "SingleInspiral": [{"ifo": "H1", "snr": 7.5}, {"ifo": "L1", "snr": 5}],
    },
    "links": {"self": "https://gracedb.example/api/events/G1234"},
}


def types(table: Any) -> dict[str, Any]:
    return {field.name: field.type for field in table.arrow.schema}


@pytest.mark.parametrize(("make", "columns"), [(events_table, EVENT), (superevents_table, SUPEREVENT)])
def test_a_search_that_finds_nothing_has_its_columns_and_types(make: Any, columns: Any) -> None:
    empty, nulls = make([]), make([dict.fromkeys(columns)])
    assert list(types(empty)) == list(columns)
    assert types(empty) == types(nulls)
    assert not empty.truncated


def test_types_do_not_depend_on_the_values() -> None:
    whole = events_table([EVENT_ROW | {"far": 0, "gpstime": 1405177836}])
    assert types(whole) == types(events_table([EVENT_ROW])) == types(events_table([]))
    assert types(whole)["far"] == pa.float64()
    assert types(whole)["created"] == pa.timestamp("ns", "UTC")
    assert types(whole)["labels"] == pa.list_(pa.string())


def test_a_time_is_a_time_in_utc() -> None:
    frame = events_table([EVENT_ROW]).to_pandas()
    assert str(frame["created"][0]) == "2024-07-16 15:11:12+00:00"
    assert frame.attrs["time_scale"] == "utc"
    assert frame.attrs["units"]["gpstime"] == "s"
    assert frame.attrs["descriptions"]["gpstime"] == "GPS seconds"


def test_nested_fields_are_columns_on_request_and_left_out_else() -> None:
    flat = events_table([EVENT_ROW], flatten=True)
    assert not [
        name for name in types(events_table([EVENT_ROW])) if "." in name or name in {"links", "extra_attributes"}
    ]
    assert types(flat)["extra_attributes.CoincInspiral.snr"] == pa.float64()  # 9 is a number that was measured
    assert types(flat)["extra_attributes.CoincInspiral.end_time_ns"] == pa.int64()
    assert flat.arrow.column("extra_attributes.SingleInspiral.1.ifo").to_pylist() == ["L1"]
    assert flat.arrow.column("links.self").to_pylist() == ["https://gracedb.example/api/events/G1234"]


def test_a_preferred_event_s_fields_have_the_types_of_an_event_s() -> None:
    row = {
        "superevent_id": "S240716a",
        "preferred_event_data": EVENT_ROW | {"far": 0, "search": None},
        "pipeline_preferred_events": {"MBTA": {"graceid": "G1", "gpstime": 1405177836}},
    }
    found = types(superevents_table([row], flatten=True))
    assert found["preferred_event_data.far"] == pa.float64()
    assert found["preferred_event_data.created"] == pa.timestamp("ns", "UTC")
    assert found["preferred_event_data.search"] == pa.string()
    assert found["pipeline_preferred_events.MBTA.gpstime"] == pa.float64()


def test_a_field_that_a_later_server_adds_is_not_lost() -> None:
    table = events_table([EVENT_ROW | {"grade": "gold", "rank": 3}, EVENT_ROW])
    assert table.arrow.column("grade").to_pylist() == ["gold", None]
    assert types(table)["rank"] == pa.int64()


def test_a_column_of_several_kinds_is_json() -> None:
    rows = [{"graceid": "G1", "odd": 1}, {"graceid": "G2", "odd": "one"}]
    assert events_table(rows).arrow.column("odd").to_pylist() == ["1", '"one"']


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("far", "small"),
        ("far", True),
        ("far", 2**53 + 1),
        ("nevents", 2.5),
        ("nevents", 2**63),
        ("offline", "no"),
        ("graceid", 7),
        ("labels", "EM_READY"),
        ("labels", [1]),
        ("created", "yesterday"),
        ("created", "2024-02-30 00:00:00 UTC"),
        ("created", "2024-07-16 15:11:12 PST"),
    ],
)
def test_what_a_column_cannot_hold_is_an_error_and_not_a_null(name: str, value: Any) -> None:
    with pytest.raises(Unreadable, match=name):
        events_table([EVENT_ROW | {name: value}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text("xyz", min_size=1, max_size=2), JSON, max_size=3), max_size=4))
def test_whatever_a_server_adds_every_plain_value_is_in_the_flat_table(rows: list[dict[str, Any]]) -> None:
    table = events_table(rows, flatten=True).arrow
    for number, row in enumerate(rows):
        for name, value in row.items():
            if isinstance(value, dict | list):
                continue
            held = table.column(name).to_pylist()[number]
            if held != value:  # a column of several kinds
                assert json.loads(held) == value


def test_real_superevents_fit(request: pytest.FixtureRequest) -> None:
    real = request.config.rootpath.parent / "shared" / "data" / "gracedb_superevents.json"
    if not real.is_file():
        real = Path(__file__).parents[2] / "src" / "skykey" / "sandbox" / "data" / "gracedb_superevents.json"
    rows = json.loads(real.read_text())
    rows = rows["superevents"] if isinstance(rows, dict) else rows
    frame = superevents_table(rows, flatten=True).to_pandas()
    assert len(frame) == len(rows) == 100
    assert frame["far"].dtype == "float64"
