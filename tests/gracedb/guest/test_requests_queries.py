"""The query language through the client: who asks for events of the tests' own gets these, and no others.

The official client gets the same ids for the same words (marked ``interop``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from skykey.gracedb import root_memory
from skykey.gracedb.exceptions import BadRequestError
from skykey.gracedb.rest import GraceDb
from skykey.sandbox import running
from tests.gracedb.guest.guests import Client
from tests.sandbox.gracedb.test_event_files import BURST, alert, coincidence, ligolw, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skykey.sandbox import Box

#: What each is created from: group, pipeline, search, file, and what else is said.
MADE: dict[str, tuple[str, str, str | None, bytes, dict[str, Any]]] = {
    "plain": ("CBC", "gstlal", "AllSky", coincidence(), {"labels": ["EM_READY", "PE_READY"], "replay_id": "run-7_b"}),
    "heavy": (
        "CBC",
        "MBTA",
        "SSM",
        coincidence(
            combined_far=("real_8", "1e-09"),
            end_time=("int_4s", "1238166018"),
            ifos=("lstring", '"H1,L1,V1"'),
            mass=("real_8", "70.5"),
            snr=("real_8", "24.5"),
        ),
        {"labels": ["EM_READY", "DQV"]},
    ),
    "burst": ("Burst", "CWB", "AllSky", BURST.encode(), {"offline": True}),
    "alert": ("External", "Fermi", "GRB", alert(), {"labels": "NOT_GRB"}),
    "hardware": (
        "CBC",
        "HardwareInjection",
        None,
        ligolw(table("sim_inspiral", {"geocent_end_time": ("int_4s", "1126623617"), "mchirp": ("real_8", "1.25")})),
        {"instruments": "H1,V1", "labels": ["INJ"]},
    ),
    "test": ("Test", "gstlal", "AllSky", coincidence(combined_far=("real_8", "1e-11")), {}),
    "mdc": ("CBC", "gstlal", "MDC", coincidence(combined_far=("real_8", "1e-42")), {"labels": ["EM_READY"]}),
}
REAL = {"plain", "heavy", "burst", "alert", "hardware"}
#: ``{name}`` is the id of an event, ``{s:name}`` that of the superevent made of it.
EVENTS: dict[str, set[str]] = {
    "": REAL | {"test", "mdc"},  # who asks for nothing in particular gets everything
    "CBC": {"plain", "heavy", "hardware"},
    "group: CBC Burst": REAL - {"alert"},
    "burst": {"burst"},
    "External Burst": {"alert", "burst"},
    "CBC gstlal": {"plain"},
    "pipeline: gstlal MBTA": {"plain", "heavy"},
    "search: AllSky": {"plain", "burst"},
    "SSM AllSky CBC": {"plain", "heavy"},
    "GRB": {"alert"},
    "Test": {"test"},
    "group: CBC Test": {"plain", "heavy", "hardware", "test"},
    "MDC far < 1e-40": {"mdc"},
    "{plain}": {"plain"},
    "{plain} {burst}": {"plain", "burst"},
    "gid: {plain} .. {burst}": {"plain", "heavy", "burst"},
    "{test}": {"test"},
    "tid: {test}": {"test"},
    "eid: {alert}": {"alert"},
    "hid: {hardware}": {"hardware"},
    "{mdc}": {"mdc"},
    "gpstime: 1238166018 .. 1238166019": {"heavy"},
    "1042312876 .. 1238166018.5": {"heavy", "burst", "hardware", "alert"},
    "runid: O4": {"plain"},
    "O4b": {"plain"},
    "O3 O1": {"heavy", "hardware"},
    "created: yesterday .. now": REAL,
    "created: 3 days ago .. yesterday": set(),
    'submitter: "albert.einstein"': REAL,
    '"einstein" Burst': {"burst"},
    "H1,L1": {"plain", "heavy", "burst"},
    'instruments: "H1,V1"': {"hardware"},
    "ifos: L1,V1": {"heavy"},
    "nevents: 2": {"plain", "heavy"},
    "nevents: 3": set(),
    "hasfar": {"plain", "heavy", "burst"},
    "EM_READY": {"plain", "heavy"},
    "label: EM_READY & DQV": {"heavy"},
    "EM_READY & ~DQV": {"plain"},
    "DQV | NOT_GRB": {"heavy", "alert"},
    "~EM_READY CBC": {"hardware"},
    "in_superevent: true": {"plain", "heavy", "alert"},
    "in_superevent: false CBC": {"hardware"},
    "is_preferred_event: true": {"plain", "heavy"},
    "superevent: {s:plain}": {"plain", "alert"},
    "replay_id: run-7_b": {"plain"},
    "far < 1e-8": {"heavy"},
    "far >= 1e-4": {"burst"},
    "far in 1e-7, 1e-6": {"plain"},
    "ci.snr > 20": {"heavy"},
    "ci.snr > 5 & ci.mass in 1,10": {"plain"},
    'si.snr > 5 & si.ifo = "H1"': {"plain", "heavy"},
    "mb.central_freq > 1000 | grb.ra > 300": {"burst", "alert"},
    "grb.dec < -60, grb.error_radius > 8": {"alert"},
    "~far < 1e-8 CBC": {"plain", "hardware"},
    "gstlal far < 1e-6 EM_READY O4b H1,L1 nevents: 2 hasfar in_superevent: true": {"plain"},
}
SUPEREVENTS: dict[str, set[str]] = {
    "": {"plain", "heavy", "test", "mdc"},
    "{s:plain}": {"plain"},
    "id: {s:test}": {"test"},
    "superevent_id: {s:mdc}": {"mdc"},
    "{gw}": {"heavy"},
    "category: Test": {"test"},
    "production": {"plain", "heavy"},
    "MDC far < 1e-40": {"mdc"},
    "is_gw: true": {"heavy"},
    "is_gw: false": {"plain"},
    "is_public: true": {"plain"},
    "is_exposed: false": {"heavy"},
    "public": {"plain"},
    "internal is_gw: True": {"heavy"},
    "public is_gw: True": set(),
    "status: internal": {"heavy"},
    "t_0: 1238166018": {"heavy"},
    "gpstime: 1400000000 .. 1400000001": {"plain"},
    "1238166018 .. 1400000001": {"plain", "heavy"},
    "t_start: 1238166017": {"heavy"},
    "t_end: 1400000000 .. 1400000002": {"plain"},
    "runid: O4b": {"plain"},
    "O3": {"heavy"},
    'submitter: "einstein"': {"plain", "heavy"},
    "preferred_event: {heavy}": {"heavy"},
    "preferred_event: {plain} .. {heavy}": {"plain", "heavy"},
    "event: {alert}": {"plain"},
    "events: {burst}": set(),
    "created: yesterday .. now": {"plain", "heavy"},
    "created: 3 days ago .. yesterday": set(),
    "far < 1e-8": {"heavy"},
    "far: 1e-7 .. 1e-6": {"plain"},
    "far in 1e-10, 1e-6": {"plain", "heavy"},
    "EM_READY": {"plain", "heavy"},
    "label: EM_READY & INJ": {"heavy"},
    "~INJ": {"plain"},
    "INJ internal far < 1e-8 O3": {"heavy"},
}
BAD = ["nonsense here", "far <", "label: NO_SUCH_LABEL", "created: soon", "EM_READY &"]


class Found:
    """The events and superevents of the tests, and the words for their ids."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.client = GraceDb(box.gracedb_url)
        create, self.events = self.client.create_event, dict[str, str]()
        for name, (group, pipeline, search, data, more) in MADE.items():
            made = create(group, pipeline, f"{name}.xml", search, filecontents=data, **more)
            assert made is not None
            self.events[name] = made.json()["graceid"]
        self.superevents = {
            "plain": self._superevent("plain", 1_400_000_000.5, "production", ["EM_READY"]),
            "heavy": self._superevent("heavy", 1_238_166_018, "production", ["EM_READY", "INJ"]),
            "test": self._superevent("test", 1_400_000_000, "test", []),
            "mdc": self._superevent("mdc", 1_400_000_000, "mdc", []),
        }
        self.client.add_event_to_superevent(self.superevents["plain"], self.events["alert"])
        self.client.modify_permissions(self.superevents["plain"], "expose")
        self.gw = self.client.confirm_superevent_as_gw(self.superevents["heavy"]).json()["gw_id"]

    def _superevent(self, event: str, time: float, category: str, labels: list[str]) -> str:
        made = self.client.create_superevent(time - 1, time, time + 1, self.events[event], category, labels=labels)
        return str(made.json()["superevent_id"])

    def text(self, query: str) -> str:
        for name, value in self.superevents.items():
            query = query.replace(f"{{s:{name}}}", value)
        return query.format(gw=self.gw, **self.events)

    def named(self, ids: list[str]) -> set[str]:
        """The names of those that the tests have made; the server has others, which are real and mock data."""
        assert len(ids) == len(set(ids))
        names = {value: name for made in (self.events, self.superevents) for name, value in made.items()}
        return {names[each] for each in ids if each in names}


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    with running(tmp_path_factory.mktemp("sandbox")) as box, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEARER_TOKEN_FILE", str(box.gracedb_token_file))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield Found(box)
    root_memory.forget()


@pytest.fixture
def found(_made: Found, _nothing_remembered: None, monkeypatch: pytest.MonkeyPatch) -> Found:
    monkeypatch.setenv("BEARER_TOKEN_FILE", str(_made.box.gracedb_token_file))
    return _made


@pytest.mark.parametrize("query", EVENTS)
def test_a_query_finds_other_events(found: Found, query: str) -> None:
    text = found.text(query) or None
    ids = [row["graceid"] for row in found.client.events(text)]
    assert found.named(ids) == EVENTS[query]
    assert found.client.num_events(text) == len(ids)


@pytest.mark.parametrize("query", SUPEREVENTS)
def test_a_query_finds_other_superevents(found: Found, query: str) -> None:
    text = found.text(query)
    ids = [row["superevent_id"] for row in found.client.superevents(text)]
    assert found.named(ids) == SUPEREVENTS[query]
    assert found.client.num_superevents(text) == len(ids)


@pytest.mark.parametrize("query", BAD)
def test_a_query_that_is_none_finds_something(found: Found, query: str) -> None:
    for search in (found.client.events, found.client.superevents):
        with pytest.raises(BadRequestError):
            list(search(query))


def test_an_order_or_a_page_loses_an_event(found: Found) -> None:
    query = "CBC Burst Test External"
    ordered = [row["graceid"] for row in found.client.events(query, orderby="gpstime")]
    assert found.named(ordered) == REAL | {"test"}
    assert [row["graceid"] for row in found.client.events(query, orderby="gpstime", count=2)] == ordered
    assert [row["graceid"] for row in found.client.events(query, orderby="gpstime", max_results=3)] == ordered[:3]
    assert ordered[:4] == [found.events[name] for name in ("burst", "hardware", "alert", "heavy")]
    back = [row["graceid"] for row in found.client.events(query, orderby=["-gpstime", "graceid"])]
    assert back[-4:] == ordered[:4][::-1]


def test_nobody_sees_what_is_not_exposed(found: Found) -> None:
    nobody = GraceDb(found.box.gracedb_url, force_noauth=True)
    assert found.named([row["superevent_id"] for row in nobody.superevents("production")]) == {"plain"}
    assert list(nobody.events("Burst")) == []


OFFICIAL = """
import json, sys
from ligo.gracedb.rest import GraceDb
client = GraceDb()
events, superevents = json.loads(sys.argv[1])
told = [
    [[row["graceid"] for row in client.events(query or None)] for query in events],
    [[row["superevent_id"] for row in client.superevents(query)] for query in superevents],
]
json.dump(told, open("told.json", "w"))
"""


@pytest.mark.interop
def test_the_official_client_finds_something_else(found: Found, tmp_path: Path) -> None:
    queries = [[found.text(query) for query in texts] for texts in (EVENTS, SUPEREVENTS)]
    official = Client("official", found.box, tmp_path)
    ran = official.program("-c", OFFICIAL, json.dumps(queries))
    assert (ran.code, ran.err) == (0, "")
    mine = [
        [[row["graceid"] for row in found.client.events(query or None)] for query in queries[0]],
        [[row["superevent_id"] for row in found.client.superevents(query)] for query in queries[1]],
    ]
    assert json.loads((tmp_path / "told.json").read_text()) == mine
