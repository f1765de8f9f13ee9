"""The official client of ConsDB beside ours: the same cells, but for what is listed here with its reason.

``rubin-nights`` runs in an environment and a process of its own, under the real host names. `FOUND` says of each
question what differs; whatever else differs fails, and so does a difference that no longer shows.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from skykey.rubin.connections import Clients, get_clients
from skykey.sandbox import Box, running
from skykey.values.errors import QueryError
from tests.rubin.guests import asked, differences, rubin_nights_and_its_log

pytestmark = pytest.mark.interop

#: what differs, and why
REASONS = {
    "bool is boolean": "booleans may be null; a type must not depend on the rows",
    "object is boolean": "booleans beside nulls are objects there",
    "int64 is Int64": "whole numbers may be null; a type must not depend on the rows",
    "float64 is Int64": "whole numbers beside nulls are floats there",
    "object is Int64": "without rows nothing has a type there",
    "object is float64": "without a value nothing has a type there",
    "object is str": "without rows nothing has a type there",
    "object is datetime64[us]": "without rows nothing has a type there",
    "str is datetime64[us]": "times are text there",
    "no columns there": "visits that there are none of have no columns there",
    "only here: a_1": "the second column of a name is dropped there, whatever it holds",
    "only here: s_ra_1": "of the detector; dropped there because the visit has one of that name",
    "only here: s_dec_1": "as s_ra_1",
    "only here: zenith_distance_1": "as s_ra_1",
    "cells of other": "a float does not hold a detector's number to the last digit",
    "cells of ccdvisit_id": "as other: detectors without quality make floats of all",
    "rows": "times in UTC are taken for TAI there, 37 seconds too early",
}
#: degrees; the directions are computed without astropy here
NEAR = dict.fromkeys(("ecliptic_lat", "ecliptic_lon", "galactic_lat", "galactic_lon"), 1e-9)

V = "cdb_lsstcam.visit1"
NOON, LAST = {"t": "2026-03-20T12:00:00", "scale": "tai"}, {"t": "2026-03-21T11:59:59.9999995", "scale": "tai"}
NIGHT = {"t": "2026-03-20T12:00:00"}, {"t": "2026-03-21T12:00:00"}
PLAIN = {"augment": False}
BOTH = "select visit_id, {} from cdb_lsstcam.exposure e join cdb_lsstcam.visit1 v on v.visit_id = e.exposure_id"
KINDS = "visit_id, v.band, v.obs_start, v.airmass, v.emulated, v.dimm_seeing, v.science_program, v.focus_z"

CCD = "cdb_lsstcam.ccdvisit1"
OTHER = "case when detector > 94 then ccdvisit_id end"

TYPES = {"bool is boolean", "float64 is Int64", "int64 is Int64", "str is datetime64[us]"}
UNTYPED = {"object is Int64", "object is boolean", "object is datetime64[us]", "object is float64", "object is str"}
OF_DETECTORS = {"only here: s_ra_1", "only here: s_dec_1", "only here: zenith_distance_1"}

#: a question by name: client, method, arguments, named arguments; and what differs
FOUND: dict[str, tuple[list[Any], set[str]]] = {
    "a night": (["consdb", "get_visits", ["lsstcam", NOON, LAST], PLAIN], TYPES | {"object is boolean"}),
    "a night with more columns": (["consdb", "get_visits", ["lsstcam", NOON, LAST], {}], TYPES | {"object is boolean"}),
    "a night in UTC": (["consdb", "get_visits", ["lsstcam", *NIGHT], PLAIN], TYPES | {"object is boolean", "rows"}),
    "a constraint": (
        ["consdb", "get_visits", ["lsstcam", NOON, LAST, "visit1.band = 'r' or visit1.airmass > 1.4"], PLAIN],
        TYPES,
    ),
    "a constraint and no time": (
        ["consdb", "get_visits", ["lsstcam"], {"visit_constraint": "visit1.day_obs = 20251102", "augment": False}],
        TYPES | {"object is boolean"},
    ),
    "from a time on": (
        ["consdb", "get_visits", ["lsstcam", {"t": "2026-10-30T12:00:00", "scale": "tai"}], PLAIN],
        TYPES,
    ),
    "all of an instrument": (
        ["consdb", "get_visits", ["latiss"], PLAIN],
        TYPES | {"object is boolean", "object is float64"},
    ),
    "all of an instrument with more columns": (
        ["consdb", "get_visits", ["latiss"], {}],
        TYPES | {"object is boolean", "object is float64"},
    ),
    "another instrument": (["consdb", "get_visits", ["lsstcomcam"], {}], TYPES),
    "no visits": (
        ["consdb", "get_visits", ["lsstcam", NOON, LAST, "visit1.band = 'none'"], PLAIN],
        {"no columns there"},
    ),
    "detectors": (
        ["consdb", "query_ccdvisits", ["lsstcam", 2026032000120], {}],
        TYPES | OF_DETECTORS | {"object is float64", "cells of ccdvisit_id"},
    ),
    "some detectors": (
        ["consdb", "query_ccdvisits", ["lsstcam", 2026032000120, 90, 98], {}],
        TYPES - {"float64 is Int64"} | OF_DETECTORS | {"object is float64"},
    ),
    "no detectors": (["consdb", "query_ccdvisits", ["lsstcam", 1], {}], UNTYPED | OF_DETECTORS),
    "every kind": (
        ["consdb", "query", [f"select {KINDS} from {V} v where day_obs = 20260320 order by 1"], {}],
        {"int64 is Int64", "str is datetime64[us]", "object is boolean"},
    ),
    "counts": (
        [
            "consdb",
            "query",
            [f"select day_obs, count(*) n, max(obs_start), sum(visit_id) from {V} group by day_obs order by 1"],
            {},
        ],
        {"int64 is Int64"},
    ),
    "NaN and null": (
        ["consdb", "query", [f"select visit_id, zero_point_median, n_inputs from {V}_quicklook order by 1"], {}],
        {"int64 is Int64", "float64 is Int64"},
    ),
    "large numbers beside nulls": (
        [
            "consdb",
            "query",
            [
                f"select ccdvisit_id, {OTHER} other from {CCD} where visit_id = 2026032000120 order by 1"
            ],
            {},
        ],
        {"int64 is Int64", "float64 is Int64", "cells of other"},
    ),
    "columns of one name": (
        ["consdb", "query", ["select 1 as a, 2 as a, 3 as b, 3 as b"], {}],
        {"int64 is Int64", "only here: a_1"},
    ),
    "no rows": (
        ["consdb", "query", [f"select visit_id, band, obs_start from {V} where false"], {}],
        {"object is Int64", "object is str", "object is datetime64[us]"},
    ),
    "doubled percent signs": (
        ["consdb", "query", [f"select target_name from {V} where target_name like 'Field 1%%' order by visit_id"], {}],
        set(),
    ),
    "text": (
        ["consdb", "query", ["select scheduler_note, group_id from cdb_lsstcam.exposure order by exposure_id"], {}],
        set(),
    ),
}  # fmt: skip
#: what is an empty frame and a line in the log there
REFUSED = {
    "an unknown column": ["consdb", "query", [f"select foo from {V}"], {}],
    "an ambiguous column": ["consdb", "query", [BOTH.format("band")], {}],
    "a constraint that two tables have": ["consdb", "get_visits", ["lsstcam", NOON, LAST, "seq_num = 5"], PLAIN],
}
SINGLE = ["consdb", "query", [f"select count(*) as n from {V} where target_name like 'Field 1%'"], {}]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        yield box


@pytest.fixture(scope="module")
def theirs(box: Box, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    questions = {name: question for name, (question, _) in FOUND.items()} | REFUSED | {"single": SINGLE}
    return rubin_nights_and_its_log(box, tmp_path_factory.mktemp("guest"), questions)


@pytest.fixture(scope="module")
def ours(box: Box) -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in box.environment().items():
            patch.setenv(name, value)
        yield get_clients()


@pytest.mark.parametrize("name", FOUND)
def test_the_official_client_gets_the_same_cells(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    question, expected = FOUND[name]
    by = "detector" if name == "detectors" else None  # nobody orders them there
    assert theirs[name]["said"] == []
    mine = asked(ours, question)
    assert differences(theirs[name], mine, by=by, near=NEAR) == expected
    assert len(mine) or name.startswith("no ")


def test_each_reason_is_needed() -> None:
    assert {label for _, labels in FOUND.values() for label in labels} == set(REASONS)


def test_utc_is_taken_for_tai_there(ours: Clients, theirs: dict[str, Any]) -> None:
    there = set(theirs["a night in UTC"]["columns"]["visit_id"])
    here = set(asked(ours, FOUND["a night in UTC"][0])["visit_id"])
    # 12:00:00 and 12:00:36.5 TAI are before noon UTC; the next noon TAI is before the next noon UTC for both.
    assert there - here == {2026032000001, 2026032000002}
    assert here - there == set()
    assert 2026032100001 in here


def test_the_digits_that_a_float_loses(ours: Clients, theirs: dict[str, Any]) -> None:
    name = "large numbers beside nulls"
    here = asked(ours, FOUND[name][0])["other"].dropna().tolist()
    there = [cell for cell in theirs[name]["columns"]["other"] if cell == cell]  # noqa: PLR0124 - NaN
    assert [float(number) for number in here] == there
    assert [int(number) for number in there] != here


def test_equal_columns_of_one_name_are_one_in_both(ours: Clients, theirs: dict[str, Any]) -> None:
    assert list(theirs["columns of one name"]["columns"]) == ["a", "b"]
    assert list(asked(ours, FOUND["columns of one name"][0]).columns) == ["a", "a_1", "b"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_an_error_here_and_an_empty_frame_there(ours: Clients, theirs: dict[str, Any], name: str) -> None:
    assert theirs[name]["columns"] == {}
    with pytest.raises(QueryError) as caught:
        asked(ours, REFUSED[name])
    (said,) = theirs[name]["said"]
    assert "psycopg2.errors." in said
    assert " ".join(str(caught.value.words).split()).removesuffix(" ^") in " ".join(said.split())


def test_a_single_percent_sign_is_one_here_and_an_empty_frame_there(ours: Clients, theirs: dict[str, Any]) -> None:
    assert theirs["single"]["columns"] == {}
    assert any("%" in said for said in theirs["single"]["said"])
    assert asked(ours, SINGLE)["n"].tolist() == [len(theirs["doubled percent signs"]["columns"]["target_name"])]


def test_it_asked_this_sandbox(box: Box, theirs: dict[str, Any]) -> None:
    hosts = [seen.host for seen in box.controls.requests("consdb") if seen.host.startswith("usdf")]
    assert set(hosts) == {"usdf-rsp.slac.stanford.edu"}
    assert len(hosts) == len(theirs)
