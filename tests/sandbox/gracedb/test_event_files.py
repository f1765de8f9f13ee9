"""Event files of each pipeline, small ones of the tests' own; those of the official distribution are in guest/."""

from __future__ import annotations

import gzip
import json
import math
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.sandbox.gracedb import documents, event_files
from skykey.sandbox.gracedb.event_files import BadEventFile, EventFile

DTD = '<!DOCTYPE LIGO_LW SYSTEM "http://ldas-sw.ligo.caltech.edu/doc/ligolwAPI/html/ligolw_dtd.txt">'
COINC_EVENT = {"coinc_event_id": ("int_8s", "1"), "nevents": ("int_4u", "2"), "likelihood": ("real_8", "54.5")}
COINC = {
    "end_time": ("int_4s", "1400000000"),
    "end_time_ns": ("int_4s", "151740542"),
    "ifos": ("lstring", '"H1,L1"'),
    "snr": ("real_8", "9.317936284582389"),
    "mass": ("real_8", "3.5"),
    "combined_far": ("real_8", "3.27e-07"),
}
SINGLE = {
    "ifo": ("lstring", '"H1"'),
    "event_id": ("ilwd:char", '"sngl_inspiral:event_id:7"'),
    "snr": ("real_4", "5.25"),
    "chisq": ("real_4", ""),
}
BURST = """\
nevent:     1
name:
rho:        5.017162
likelihood: 4.9e+01
ifo:        L1 H1
phi:        355.982147 0.000000 201.224625 355.982147
theta:      20.577454 0.000000 69.422546 20.577454
start:      1042312876.5000 1042312876.5000
time:       1042312876.5090 1042312876.5073
duration:   0.023438 0.023438
frequency:  1392.169556 1392.169556
bandwidth:  256.000000 256.000000
#skyID  theta   DEC
6381   20.6   69.4
time: 5
#significance based on the last 24*6 processed jobs, 4000-1 time shifts
318 5.0e-03 1026099328
#significance based on the last day
318 1.9265e-04 1026099328
#significance based on all the processed livetime
318 7.0e-03 1026099328
https://example.org/ced
"""
ALERT = """<?xml version = '1.0' encoding = 'UTF-8'?>
<voe:VOEvent ivorn="ivo://nasa.gsfc.gcn/Fermi#1" version="2.0" xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0">
  <Who><AuthorIVORN>ivo://nasa.gsfc.tan/gcn</AuthorIVORN><Author><shortName>Fermi</shortName></Author></Who>
  <What>
    <Param name="TrigID" value="575829671"/><Param name="Data_Integ" value="{duration}"/>{more}
    <Group name="Trigger_ID"><Param name="FAR" value="5"/></Group>
  </What>
  <WhereWhen><ObsDataLocation><ObservatoryLocation id="GEOLUN"/><ObservationLocation>
    <AstroCoordSystem id="UTC-FK5-GEO"/>
    <AstroCoords coord_system_id="UTC-FK5-GEO">
      <Time unit="s"><TimeInstant><ISOTime>{time}</ISOTime></TimeInstant></Time>
      <Position2D unit="deg"><Value2><C1>345.99</C1><C2>-67.8274</C2></Value2>
        <Error2Radius>8.8374</Error2Radius></Position2D>
    </AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen>
  <How><Description>Fermi Satellite</Description><Reference uri="http://gcn.gsfc.nasa.gov/fermi.html"/></How>
</voe:VOEvent>
"""


def table(name: str, *rows: dict[str, tuple[str, str]], old: bool = True, end: str = "") -> str:
    columns = "".join(
        f'<Column Type="{kind}" Name="{f"{name}:" if old else ""}{column}"/>' for column, (kind, _) in rows[0].items()
    )
    cells = ",\n".join(",".join(cell for _, cell in row.values()) for row in rows)
    return f'<Table Name="{name}:table">{columns}<Stream Delimiter="," Type="Local">\n{cells}{end}\n</Stream></Table>'


def ligolw(*tables: str, head: str = DTD) -> bytes:
    return f"<?xml version='1.0' encoding='utf-8'?>\n{head}\n<LIGO_LW>{''.join(tables)}</LIGO_LW>".encode()


def coincidence(**changes: tuple[str, str]) -> bytes:
    whole = COINC | changes
    return ligolw(table("sngl_inspiral", SINGLE), table("coinc_event", COINC_EVENT), table("coinc_inspiral", whole))


def alert(time: str = "2019-03-31T11:02:01.32", duration: str = "0.000", more: str = "") -> bytes:
    return ALERT.format(time=time, duration=duration, more=more).encode()


def read(pipeline: str, data: bytes, filename: str = "coinc.xml") -> EventFile:
    return event_files.read("Test", pipeline, None, filename, data)


@pytest.mark.parametrize("pipeline", ["gstlal", "spiir", "pycbc", "MBTA", "MBTAOnline"])
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("end", ["", ",", ",\n"])
def test_a_coincidence_loses_a_number(pipeline: str, *, old: bool, end: str) -> None:
    second = SINGLE | {"ifo": ("lstring", '"L1"'), "snr": ("real_4", "")}
    data = ligolw(
        table("sngl_inspiral", SINGLE, second, old=old, end=end),
        table("coinc_event", COINC_EVENT, old=old, end=end),
        table("coinc_inspiral", COINC, old=old, end=end),
    )
    found = read(pipeline, data)
    assert (found.gpstime, found.far, found.instruments) == (1400000000.151741, 3.27e-07, "H1,L1")
    assert (found.nevents, found.likelihood, found.far_is_upper_limit) == (2, 54.5, False)
    extra = found.extra_attributes
    assert extra["CoincInspiral"] == {
        "ifos": "H1,L1", "end_time": 1400000000, "end_time_ns": 151740542, "mass": 3.5, "mchirp": None,
        "minimum_duration": None, "snr": 9.317936284582389, "false_alarm_rate": None, "combined_far": 3.27e-07,
    }  # fmt: skip
    assert extra["SingleInspiral"] == [
        {"ifo": "H1", "snr": 5.25, "chisq": None},
        {"ifo": "L1", "snr": None, "chisq": None},
    ]


def test_a_packed_file_is_not_read() -> None:
    assert read("gstlal", gzip.compress(coincidence()), "coinc.xml.gz") == read("gstlal", coincidence())


def test_a_comma_or_a_quotation_mark_in_a_text_ends_it() -> None:
    quoted = read("gstlal", coincidence(ifos=("lstring", r'"H1,\"L1\", \\"')))
    assert quoted.instruments == 'H1,"L1", \\'


@pytest.mark.parametrize("value", ["inf", "nan", "-inf", "1e999"])
def test_a_number_that_json_cannot_write_reaches_an_answer(value: str) -> None:
    assert read("gstlal", coincidence(combined_far=("real_8", value))).far is None


def test_an_event_without_single_detectors_is_refused() -> None:
    found = read("spiir", ligolw(table("coinc_event", COINC_EVENT), table("coinc_inspiral", COINC)))
    assert found.extra_attributes["SingleInspiral"] == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello world", "Could not read data"),
        (b"", "Could not read data"),
        (ligolw(table("coinc_event", COINC_EVENT)), "Could not extract coinc inspiral table."),
        (ligolw(table("coinc_inspiral", COINC)), "Could not extract coinc event table."),
        (coincidence(end_time=("int_4s", "")), "There is no end_time."),
        (coincidence(end_time=("int_4s", "soon")), "'soon' is not of type int_4s"),
        (coincidence(ifos=("lstring", '"H1')), "stray quotation mark"),
        (coincidence(ifos=("lstring", "1,2")), "do not fit"),
        (gzip.compress(coincidence())[:-20], "Could not read data"),
        (b"\x1f\x8bnot packed", "Could not read data"),
    ],
)
def test_a_file_of_which_no_event_can_be_made_is_taken(data: bytes, message: str) -> None:
    with pytest.raises(BadEventFile) as refused:
        read("gstlal", data)
    assert len(refused.value.messages) == 1
    assert message in refused.value.messages[0]


ENTITY = '<!DOCTYPE LIGO_LW [<!ENTITY a "HHHHHHHHHH"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        ligolw(table("coinc_inspiral", COINC | {"ifos": ("lstring", '"&b;"')}), head=ENTITY),
        ligolw(head='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        coincidence().decode().replace(DTD, ENTITY).replace("utf-8", "utf-16").encode("utf-16"),
    ],
)
def test_an_entity_is_expanded(data: bytes) -> None:
    with pytest.raises(BadEventFile, match="declares entities"):
        read("gstlal", data)


def test_a_small_file_unpacks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_LIMIT", 10_000)
    bomb = gzip.compress(coincidence() + b" " * 1_000_000)
    tracemalloc.start()
    for data in (bomb, coincidence() + b" " * 10_000):
        with pytest.raises(BadEventFile, match="more than 10000 bytes"):
            read("gstlal", data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


def test_what_cannot_be_cells_takes_for_ever(ceiling: Any) -> None:
    begin = time.monotonic()
    for cells in (" " * 400_000 + "x x", '"' + "\\" * 400_001, "," * 400_000 + '"'):
        with pytest.raises(BadEventFile):
            read("gstlal", coincidence(ifos=("lstring", cells)))
    assert time.monotonic() - begin <= ceiling(3)


def test_a_frame_file_of_mbta_is_refused() -> None:
    assert read("MBTA", b"IGWD\0\0binary", "cbc.gwf") == EventFile()


def test_a_pipeline_whose_files_are_not_known_is_refused() -> None:
    assert read("aframe", b"\0\1\2") == EventFile()
    assert [event_files.is_known(pipeline) for pipeline in ("aframe", "MLy", "MBTA", "IceCube")] == [False] * 2 + [
        True
    ] * 2


def test_a_burst_loses_a_number_or_mixes_its_detectors_up() -> None:
    found = read("CWB", BURST.encode(), "trigger.txt")
    assert (found.gpstime, found.far, found.likelihood) == (1042312876.509, 1.9265e-04, 49.0)
    assert (found.instruments, found.nevents) == ("H1,L1", None)
    burst = found.extra_attributes["MultiBurst"]
    assert burst == dict.fromkeys(burst) | {
        "ifos": "H1,L1", "single_ifo_times": "1042312876.5073,1042312876.5090", "start_time": 1042312876,
        "start_time_ns": 500_000_000, "duration": 0.023438, "central_freq": 1392.169556, "bandwidth": 256.0,
        "amplitude": 5.017162, "snr": 7.0, "ligo_axis_ra": 201.224625, "ligo_axis_dec": 69.422546,
    }  # fmt: skip


def test_a_burst_without_a_significance_has_one_made_up() -> None:
    head = BURST.partition("#sky")[0]
    assert read("CWB2G", head.encode()).far is None
    assert read("CWB2G", (head + "far: 2e-7\n").encode()).far == 2e-7


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"hello world", b"rho: 5\n", b"time: soon\n", b"time:\nifo: H1\n"])
def test_a_burst_without_a_time_is_taken(data: bytes) -> None:
    if data == b"time:\nifo: H1\n":
        assert read("CWB", data).gpstime is None
        return
    with pytest.raises(BadEventFile):
        read("CWB", data)


@pytest.mark.parametrize("pipeline", ["Fermi", "Swift", "SNEWS", "INTEGRAL", "AGILE", "CHIME", "SVOM"])
def test_an_alert_loses_a_number(pipeline: str) -> None:
    found = read(pipeline, alert())
    assert (found.gpstime, found.far, found.instruments) == (1238065339.32, None, "")
    assert found.extra_attributes["GRB"] == {
        "ivorn": "ivo://nasa.gsfc.gcn/Fermi#1", "author_ivorn": "ivo://nasa.gsfc.tan/gcn", "author_shortname": "Fermi",
        "observatory_location_id": "GEOLUN", "coord_system": "UTC-FK5-GEO", "ra": 345.99, "dec": -67.8274,
        "error_radius": 8.8374, "how_description": "Fermi Satellite",
        "how_reference_url": "http://gcn.gsfc.nasa.gov/fermi.html", "T90": None, "trigger_duration": None,
        "designation": None, "redshift": None, "trigger_id": "575829671",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("time", "gps"),
    [
        ("2016-12-31T23:59:58", 1167264015.0),
        ("2017-01-01T00:00:00", 1167264018.0),
        ("2015-09-14T09:50:45.4", 1126259462.4),
        ("2015-09-14T09:50:45.4Z", 1126259462.4),
        ("1998-12-31T12:00:00", 599140812.0),
    ],
)
def test_leap_seconds_are_counted_wrongly(time: str, gps: float) -> None:
    assert read("Swift", alert(time)).gpstime == gps


def test_the_duration_or_rate_of_an_alert_is_lost() -> None:
    found = read("Swift", alert(duration="0.256", more='<Param name="FAR" value="1e-7"/>'))
    assert found.far == 1e-7
    assert found.extra_attributes["GRB"]["trigger_duration"] == 0.256


@pytest.mark.parametrize("data", [b"<VOEvent/>", alert("yesterday"), alert("2019-02-30T00:00:00"), coincidence()])
def test_an_alert_without_a_time_is_taken(data: bytes) -> None:
    with pytest.raises(BadEventFile):
        read("Fermi", data)


def test_a_neutrino_is_a_burst_of_gamma_rays() -> None:
    assert read("IceCube", alert()).extra_attributes["NeutrinoEvent"]["ra"] == 345.99


def test_an_injection_loses_its_time() -> None:
    row = {"geocent_end_time": ("int_4s", "1118462078"), "geocent_end_time_ns": ("int_4s", "105882943")}
    data = ligolw(table("sim_inspiral", row | {"mass1": ("real_4", "1.39"), "process_id": ("int_8s", "5")}))
    found = read("HardwareInjection", data)
    assert found.gpstime == 1118462078.105883
    extra = found.extra_attributes["SimInspiral"]
    assert (extra["mass1"], extra["mass2"]) == (1.39, None)
    assert "process_id" not in extra
    with pytest.raises(BadEventFile, match="sim inspiral"):
        read("HardwareInjection", coincidence())


PARTS = [coincidence(), alert(), BURST.encode(), ligolw(), b"time: 1\nstart: 5\n"]


@given(
    st.sampled_from(["gstlal", "Fermi", "CWB", "HardwareInjection", "IceCube"]),
    st.sampled_from(PARTS),
    st.integers(0, 2000),
    st.binary(max_size=6),
)
def test_a_damaged_file_raises_something_else(pipeline: str, data: bytes, at: int, damage: bytes) -> None:
    try:
        found = read(pipeline, data[:at] + damage + data[at + len(damage) :])
    except BadEventFile:
        return
    assert found.gpstime is None or math.isfinite(found.gpstime)
    json.dumps(found.extra_attributes, allow_nan=False)
