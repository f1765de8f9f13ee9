"""The query language, term by term on events of the tests' own, and against a second reading of its expressions."""

from __future__ import annotations

import json
import operator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skykey.sandbox.gracedb import query
from skykey.sandbox.gracedb.constants import GROUPS, LABELS, PIPELINES, SEARCHES
from skykey.sandbox.gracedb.query_scanner import Scanner
from skykey.sandbox.gracedb.query_times import moment
from skykey.sandbox.gracedb.query_words import RUNS

NOW = datetime(2024, 7, 17, 12, 30, 15, tzinfo=UTC)  # a Wednesday
PLAIN: dict[str, Any] = {
    "graceid": "G1000", "group": "CBC", "pipeline": "gstlal", "search": "AllSky", "gpstime": 1400000000.25,
    "created": "2024-07-16 15:11:12 UTC", "submitter": "emfollow", "labels": ["EM_READY", "PE_READY"], "far": 1e-9,
    "instruments": "H1,L1", "nevents": 2, "likelihood": 54.5, "offline": False, "superevent": "S240518a",
    "extra_attributes": {
        "CoincInspiral": {"mchirp": 1.25, "snr": 12.5, "ifos": "H1,L1"},
        "SingleInspiral": [{"ifo": "H1", "snr": 5.0, "Gamma0": 1.0}, {"ifo": "L1", "snr": 9.0, "Gamma0": 2.0}],
    },
}  # fmt: skip
EVENTS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "other": PLAIN
    | {
        "graceid": "G2000", "pipeline": "MBTA", "search": "SSM", "far": None, "nevents": 3, "labels": ["ADVNO"],
        "instruments": "H1,L1,V1", "gpstime": 1238166018.0, "superevent": None, "extra_attributes": {},
        "created": "2024-07-17 12:00:00 UTC", "replay_id": "run-7_b", "is_preferred_event": True,
    },
    "burst": PLAIN
    | {
        "graceid": "G3000", "group": "Burst", "pipeline": "CWB", "search": None, "submitter": "cwb",
        "submitter_last_name": "Waveburst", "far": 2e-5, "labels": [], "gpstime": 1126623617.0,
        "superevent": "S150918b",
        "extra_attributes": {"MultiBurst": {"central_freq": 120.5}}, "superevent_gw_id": "GW150918A",
    },
    "alert": PLAIN
    | {
        "graceid": "E4000", "group": "External", "pipeline": "Fermi", "search": "GRB", "instruments": "",
        "nevents": None,
        "extra_attributes": {"GRB": {"ra": 345.99, "dec": -67.8}}, "superevent": None, "labels": ["INJ", "DQV"],
    },
    "test": PLAIN | {"graceid": "T5000", "group": "Test"},
    "mdc": PLAIN | {"graceid": "M6000", "search": "MDC", "labels": ["2022_LENSING_MDC"]},
    "hardware": PLAIN | {"graceid": "H7000", "pipeline": "HardwareInjection", "search": None, "labels": ["H1OK"]},
}  # fmt: skip
REAL = {"plain", "other", "burst", "alert", "hardware"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", REAL),
        ("  \n", REAL),
        ("Burst", {"burst"}),
        ("group: CBC Burst", {"plain", "other", "burst", "hardware"}),
        ("cbc", {"plain", "other", "hardware"}),
        ("External Burst", {"burst", "alert"}),
        ("CBC MBTA", {"other"}),
        ("pipeline: gstlal MBTA", {"plain", "other"}),
        ("search: AllSky", {"plain"}),
        ("search: SSM AllSky CBC", {"plain", "other"}),
        ("GRB", {"alert"}),
        ("Test", {"test"}),
        ("group: CBC Test", {"plain", "other", "test", "hardware"}),
        ("MDC", {"mdc"}),
        ("search: AllSky MDC", {"plain", "mdc"}),
        ('submitter: "test"', set()),
        ("G1000", {"plain"}),
        ("g2000", {"other"}),
        ("gid: G1000..G2000", {"plain", "other"}),
        ("G1000 G3000", {"plain", "burst"}),
        ("T5000", {"test"}),
        ("tid: T1 .. T9999", {"test"}),
        ("M6000", {"mdc"}),
        ("eid: E4000", {"alert"}),
        ("hid: H7000", {"hardware"}),
        ("G7000", set()),
        ("G1000 E4000", set()),
        ("1238166018", {"other"}),
        ("gpstime: 1238166018.0", {"other"}),
        ("gpstime: 1126623617..1238166018", {"other", "burst"}),
        ("1400000000 .. 1400000000.25", {"plain", "alert", "hardware"}),
        ("O4b", {"plain", "alert", "hardware"}),
        ("runid: O4", {"plain", "alert", "hardware"}),
        ("o3", {"other"}),
        ("O3 O1", {"other", "burst"}),
        ("O1 1400000000.25", {"plain", "alert", "hardware", "burst"}),
        ("ER14", {"other"}),
        ("2024-07-17 12:00:00", {"other"}),
        ("2024-07-17 12:00", {"other"}),
        ("created: 2024-07-17", set()),
        ("created: 2024-07-17 .. 2024-07-18", {"other"}),
        ("created: today .. now", {"other"}),
        ("yesterday .. today", REAL - {"other"}),
        ("1 hour ago .. now", {"other"}),
        ("now .. today", set()),
        ('"EMFOL"', REAL - {"burst"}),
        ('submitter: "burst"', {"burst"}),
        ("H1,L1", {"plain", "other", "burst", "hardware"}),
        ("ifos: L1,V1", {"other"}),
        ("H1", {"plain", "other", "burst", "hardware"}),
        ('instruments: "H1,L1"', {"plain", "burst", "hardware"}),
        ("nevents: 3", {"other"}),
        ("nevents: 2 nevents: 3", set()),
        ("nevents >= 3", {"other"}),
        ("hasfar", REAL - {"other"}),
        ("HASFAR Burst", {"burst"}),
        ("in_superevent: true", {"plain", "burst", "hardware"}),
        ("in_superevent: FALSE", {"other", "alert"}),
        ("is_preferred_event: true", {"other"}),
        ("is_preferred_event: false", REAL - {"other"}),
        ("superevent: S240518a", {"plain", "hardware"}),
        ("superevent: S240518", {"plain", "hardware"}),
        ("superevent: s150918B", {"burst"}),
        ("superevent: S24*", {"plain", "hardware"}),
        ("superevent: S1509*", {"burst"}),
        ("superevent: gw150918", {"burst"}),
        ("replay_id: run-7_b", {"other"}),
        ('replay_id: "run-7_b" MBTA', {"other"}),
        ("replay_id: run-7", set()),
        ("EM_READY", {"plain"}),
        ("em_ready", {"plain"}),
        ("label: EM_READY | ADVNO", {"plain", "other"}),
        ("EM_READY & PE_READY", {"plain"}),
        ("EM_READY, ADVNO", set()),
        ("EM_READY & ~PE_READY", set()),
        ("label: ~EM_READY", REAL - {"plain"}),
        ("-EM_READY & -ADVNO Burst", {"burst"}),
        ("INJ | EM_READY & DQV", {"alert"}),
        ("DQV & INJ | EM_READY", {"alert"}),
        ("EM_READY ADVNO", {"plain", "other"}),
        ("H1OK", {"hardware"}),
        ("2022_LENSING_MDC", set()),
        ("2022_LENSING_MDC MDC", {"mdc"}),
        ("far < 1e-8", {"plain", "alert", "hardware"}),
        ("far > 1.5e-5", {"burst"}),
        ("far in 1e-6, 1e-4", {"burst"}),
        ("far: 1e-9 Burst", set()),
        ("far = 1e-9 External", {"alert"}),
        ("~far < 1e-8", {"other", "burst"}),
        ("si.snr > 8", {"plain", "hardware"}),
        ('si.snr > 8 & si.ifo = "H1"', set()),
        ('si.snr > 8 & si.ifo = "L1"', {"plain", "hardware"}),
        ("~si.snr > 8", {"other", "burst", "alert"}),
        ("si.gamma0 == 2", {"plain", "hardware"}),
        ("ci.mchirp in 0.5,2 & ci.snr <= 12.5", {"plain", "hardware"}),
        ("coincinspiral.mchirp > 2", set()),
        ("mb.central_freq > 100 | grb.ra > 300", {"burst", "alert"}),
        ("grbevent.dec < -10.5", {"alert"}),
        ("offline = false Burst", {"burst"}),
        ("likelihood >= 54.5, nevents < 3 Burst", {"burst"}),
        ("instruments < 3", set()),
        ("gstlal far < 1e-8 EM_READY O4b H1,L1 nevents: 2 hasfar in_superevent: true G1..G1500", {"plain"}),
    ],
)  # fmt: skip
def test_a_term_for_events_finds_too_much_or_too_little(text: str, names: set[str]) -> None:
    test = query.events(text, NOW)
    assert {name for name, event in EVENTS.items() if test(event)} == names


WHOLE: dict[str, Any] = {
    "superevent_id": "S240518a", "gw_id": None, "category": "Production", "created": "2024-07-16 15:11:12 UTC",
    "submitter": "emfollow", "preferred_event": "G1000", "gw_events": ["G1000", "G1001"], "em_events": [],
    "t_start": 1400000000.0, "t_0": 1400000001.5, "t_end": 1400000003.0, "far": 1e-9, "labels": ["EM_READY"],
    "is_exposed": True,
}  # fmt: skip
SUPEREVENTS: dict[str, dict[str, Any]] = {
    "plain": WHOLE,
    "wave": WHOLE
    | {
        "superevent_id": "S150918b", "gw_id": "GW150918A", "preferred_event": "G3000", "gw_events": ["G3000"],
        "em_events": ["E4000"], "t_0": 1126623618.0, "t_start": 1126623617.0, "t_end": 1126623619.0, "far": 2e-5,
        "is_exposed": False, "labels": ["ADVNO", "PE_READY"], "submitter": "albert.einstein@ligo.org",
    },
    "test": WHOLE | {"superevent_id": "TS240518a", "category": "Test"},
    "mdc": WHOLE | {"superevent_id": "MS240518aa", "category": "MDC", "far": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"plain", "wave"}),
        ("public is_gw: True", set()),
        ("public", {"plain"}),
        ("internal is_gw: True", {"wave"}),
        ("status: internal", {"wave"}),
        ("is_public: true", {"plain"}),
        ("is_exposed: false", {"wave"}),
        ("is_gw: false", {"plain"}),
        ("S240518a", {"plain"}),
        ("id: s240518A", {"plain"}),
        ("superevent_id: S240518", {"plain"}),
        ("TS240518", {"test"}),
        ("MS240518AA", {"mdc"}),
        ("GW150918a", {"wave"}),
        ("gw150918", {"wave"}),
        ("S150918", set()),
        ("S24*", {"plain"}),
        ("MS2405* ", {"mdc"}),
        ("GW15*", {"wave"}),
        ("S150918*", {"wave"}),
        ("S240518a S150918b", set()),
        ("category: Test", {"test"}),
        ("mdc", {"mdc"}),
        ("production", {"plain", "wave"}),
        ("t_0: 1400000001.5", {"plain"}),
        ("gpstime: 1126623617 .. 1126623619", {"wave"}),
        ("1400000001..1400000002", {"plain"}),
        ("t_start: 1400000000", {"plain"}),
        ("t_end: 1126623619..1126623619", {"wave"}),
        ("runid: O1", {"wave"}),
        ("O4b", {"plain"}),
        ('"einstein"', {"wave"}),
        ('submitter: "EMFOLLOW"', {"plain"}),
        ("preferred_event: G1000", {"plain"}),
        ("preferred_event: G1..G9999", {"plain", "wave"}),
        ("preferred_event: G1001", set()),
        ("event: G1001", {"plain"}),
        ("events: E3999 .. E4001", {"wave"}),
        ("created: yesterday .. now", {"plain", "wave"}),
        ("2024-07-16 15:11:12", {"plain", "wave"}),
        ("created: 3 days ago", set()),
        ("far < 1e-8", {"plain"}),
        ("FAR >= 2e-5", {"wave"}),
        ("far: 1e-9", {"plain"}),
        ("far: 1e-10 .. 1e-8", {"plain"}),
        ("far: 1e-10 - 1e-8", {"plain"}),
        ("far in 1e-6, 1e-4", {"wave"}),
        ("far > 0 category: MDC", set()),
        ("EM_READY", {"plain"}),
        ("label: EM_READY | PE_READY", {"plain", "wave"}),
        ("EM_READY PE_READY", set()),
        ("~EM_READY", {"wave"}),
        ("ADVNO & PE_READY internal far > 1e-6 O1", {"wave"}),
    ],
)  # fmt: skip
def test_a_term_for_superevents_finds_too_much_or_too_little(text: str, names: set[str]) -> None:
    test = query.superevents(text, NOW)
    assert {name for name, row in SUPEREVENTS.items() if test(row)} == names


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "far <", "far", "far < x", "EM_READY &", "& EM_READY", "EM_READY & & ADVNO", "EM_READY -ADVNO",
        "EM_READY & far < 1", "label: NO_SUCH_LABEL", "group: gstlal", "pipeline: CBC", "search: CBC", "gid: T1",
        "G1..", "G1..T2", "1 ..", "foo < 3", "si.foo > 1", "xx.snr > 1", "si.snr.x > 1", "nevents: x", "nevents: 2.5",
        "in_superevent: maybe", "superevent: G1", "superevent: S2405", "created: soon", "2024-13-01", "2024-02-30",
        '"open', "(CBC)", "far in 1", "far in 1 2", "CBC)", "G1*", "~", "ifos: X9", "99999999999 months ago", "Gid: G1",
        "created: last Sunday",
    ],
)  # fmt: skip
def test_an_event_query_that_is_none_is_taken_for_one(text: str) -> None:
    with pytest.raises(query.InvalidQuery):
        query.events(text, NOW)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "G1000", "S2405", "S24*b", "X240518a", "far <", "far in 3", "far < 1 .. 2", "far: 1 ..",
    "si.snr > 5", "is_gw: yes",
     "category: CBC", "preferred_event: E1", "preferred_event: G1..", "status: hidden", "t_start: now", "nevents: 2"],
)  # fmt: skip
def test_a_superevent_query_that_is_none_is_taken_for_one(text: str) -> None:
    with pytest.raises(query.InvalidQuery):
        query.superevents(text, NOW)


def test_the_refusal_shows_where_it_stopped() -> None:
    with pytest.raises(query.InvalidQuery, match="'oops far < 1'"):
        query.events("gstlal oops far < 1", NOW)


MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("now", NOW),
        ("today", MIDNIGHT),
        ("Yesterday", MIDNIGHT - timedelta(days=1)),
        ("tomorrow", MIDNIGHT + timedelta(days=1)),
        ("3 days ago", NOW - timedelta(days=3)),
        ("a day ago", NOW - timedelta(days=1)),
        ("2 weeks from now", NOW + timedelta(weeks=2)),
        ("2 months ago", NOW - timedelta(days=60)),
        ("10 minutes ago", NOW - timedelta(minutes=10)),
        ("2024-07-01", datetime(2024, 7, 1, tzinfo=UTC)),
        ("2024-07-01 02:03", datetime(2024, 7, 1, 2, 3, tzinfo=UTC)),
        ("2024-07-01T02:03:04", datetime(2024, 7, 1, 2, 3, 4, tzinfo=UTC)),
    ],
)
def test_a_time_in_words_is_another_one(text: str, when: datetime) -> None:
    scanner = Scanner(text)
    assert moment(scanner, NOW) == when
    assert scanner.is_done


def test_now_is_meant_in_utc() -> None:
    elsewhere = datetime(2024, 7, 18, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert moment(Scanner("today"), elsewhere) == datetime(2024, 7, 17, tzinfo=UTC)


def test_a_run_ends_before_it_begins() -> None:
    assert all(first < last for first, last in RUNS.values())


FRAGMENTS = [
    *GROUPS, *PIPELINES, *SEARCHES, *LABELS[:9], *RUNS, "O4", "gid:", "G1", "T22", "..", "&", "|", "~", "-", ",", "far",
    "<", ">=",
    "1e-7", "in", "12", "3 days ago", "yesterday", "2024-07-16", "15:11", "si.snr", "created:", "label:",
    "S240518a", "S24*", "GW", '"', '"x"', "nevents:", "superevent:", "true", "in_superevent:", "replay_id:",
    "preferred_event:",
    "public", "is_gw:", "t_0:", "H1,L1", "9" * 400, "5e999", "٣", "\N{SUPERSCRIPT TWO}", "month",
    "hasfar",
]  # fmt: skip


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(" ".join)))
@example("1 month ago .. 99999 months ago")
@example("gpstime: ٣")
def test_some_text_raises_something_else_than_invalid_query(text: str) -> None:
    for read, rows in ((query.events, EVENTS), (query.superevents, SUPEREVENTS)):
        try:
            test = read(text, NOW)
        except query.InvalidQuery:
            continue
        for row in rows.values():
            assert test(row) in (True, False)


# A second reading of expressions: terms joined by signs, each of them inverted or not; or binds closer than and.
SIGNS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, "==": operator.eq, ">": operator.gt, ">=": operator.ge}
NAMES = ("EM_READY", "PE_READY", "ADVNO", "INJ")


@st.composite
def expressions(draw: st.DrawFn, terms: st.SearchStrategy[tuple[str, Any]]) -> tuple[str, list[list[tuple[bool, Any]]]]:
    """A text, and what it means: all of the groups, any in each."""
    text = ""
    groups: list[list[tuple[bool, Any]]] = []
    for number in range(draw(st.integers(1, 5))):
        joint = draw(st.sampled_from(["|", "&", ","])) if number else "&"
        words, term = draw(terms)
        is_inverted = draw(st.booleans())
        text += (
            (f" {joint} " if number else "") + (draw(st.sampled_from(["~", "-", "~ "])) if is_inverted else "") + words
        )
        if joint == "|":
            groups[-1].append((is_inverted, term))
        else:
            groups.append([(is_inverted, term)])
    return text, groups


@given(expressions(st.sampled_from([(name, name) for name in NAMES])), st.sets(st.sampled_from(NAMES)))
def test_signs_between_labels_are_read_otherwise(written: tuple[str, Any], has: set[str]) -> None:
    text, groups = written
    wanted = all(any((name in has) != is_inverted for is_inverted, name in group) for group in groups)
    assert query.events(text, NOW)(PLAIN | {"labels": sorted(has)}) == wanted
    assert query.superevents(f"label: {text}", NOW)(WHOLE | {"labels": sorted(has)}) == wanted


COMPARISONS = st.tuples(
    st.sampled_from(["far", "nevents", "likelihood", "ci.snr"]), st.sampled_from(sorted(SIGNS)), st.integers(0, 3)
).map(lambda term: (" ".join(map(str, term)), term))


@given(
    expressions(COMPARISONS),
    st.fixed_dictionaries(dict.fromkeys(["far", "nevents", "likelihood", "ci.snr"], st.integers(0, 3) | st.none())),
)
def test_signs_between_comparisons_are_read_otherwise(written: tuple[str, Any], values: dict[str, Any]) -> None:
    text, groups = written

    def holds(term: tuple[str, str, int]) -> bool:
        value = values[term[0]]
        return value is not None and SIGNS[term[1]](value, term[2])

    wanted = all(any(holds(term) != is_inverted for is_inverted, term in group) for group in groups)
    event = PLAIN | values | {"extra_attributes": {"CoincInspiral": {"snr": values["ci.snr"]}}}
    assert query.events(text, NOW)(event) == wanted


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_an_end_of_a_range_is_left_out(first: int, last: int, at: int) -> None:
    event = PLAIN | {"graceid": f"G{at:04}", "gpstime": float(at)}
    for text in (f"G{first}..G{last}", f"gpstime: {first} .. {last}", f"gpstime in {first}, {last}"):
        assert query.events(text, NOW)(event) == (first <= at <= last)


def test_a_row_of_an_answer_makes_a_query_stumble() -> None:
    """Rows come as JSON, and others than internal users get fewer keys."""
    short = json.loads(json.dumps(PLAIN | {"extra_attributes": {"SingleInspiral": [{"ifo": "H1", "end_time": 5}]}}))
    assert not query.events("si.snr > 5", NOW)(short)
    whole = {name: value for name, value in WHOLE.items() if name not in ("preferred_event", "gw_events", "em_events")}
    assert not query.superevents("event: G1000", NOW)(whole)
    assert not query.superevents("preferred_event: G1000", NOW)(whole)
