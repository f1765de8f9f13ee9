"""The event files that the official distribution ships, read as the real server is known to read them."""

from __future__ import annotations

from typing import Any

import pytest

from skykey.sandbox.gracedb import event_files
from tests.gracedb.guest.guests import samples

pytestmark = pytest.mark.interop

COINC = {"gpstime": 971609248.151741, "CoincInspiral.snr": 9.31793628458239, "far": 0.0003680075621499241, "nevents": 3}
SPIIR = {"far": 3.27e-07, "CoincInspiral.mass": 3.98, "instruments": "H1"}
KNOWN: dict[tuple[str, str], dict[str, Any]] = {
    ("gstlal", "cbc-lm.xml"): COINC
    | {"instruments": "H1,L1,V1", "SingleInspiral.snr": [5.169538, 5.5163355, 5.4470043]},
    ("gstlal", "cbc-lm2.xml"): COINC | {"gpstime": 971609249.151741},
    ("gstlal", "cbc-lm-no-ilwdchar.xml"): COINC,
    ("gstlal", "cbc-lm-missing-entry.xml"): COINC | {"SingleInspiral.snr": [None] * 3},
    ("MBTAOnline", "cbc-mbta.xml"): {"gpstime": 1078903329.421037, "CoincInspiral.mass": 2.963776448988085},
    ("MBTA", "cbc-mbta.gwf"): {"gpstime": None},
    ("spiir", "spiir-test.xml"): SPIIR,
    ("spiir", "spiir-test-no-ilwdchar.xml"): SPIIR,
    ("CWB", "burst-cwb.txt"): {"far": 0.00019265, "MultiBurst.amplitude": 5.017162, "instruments": "H1,L1"},
    ("CWB", "burst-cwb-old-format.txt"): {"far": None, "gpstime": 1042312876.4313, "instruments": "H1,L1,V1"},
    ("CWB", "burst-cwb-old-old-format.txt"): {"gpstime": 1012125588.9392},
    ("Fermi", "fermi-test.xml"): {"GRB.ra": 345.99, "GRB.error_radius": 8.8374, "gpstime": 1238065339.32},
    ("HardwareInjection", "sim-inj.xml"): {"gpstime": 1118462078.105883, "SimInspiral.mchirp": 1.216172},
}


@pytest.mark.parametrize(("pipeline", "name"), KNOWN)
def test_a_sample_is_read_otherwise(pipeline: str, name: str) -> None:
    found = event_files.read("Test", pipeline, None, name, (samples() / name).read_bytes())
    for what, value in KNOWN[pipeline, name].items():
        table, _, column = what.rpartition(".")
        if not table:
            assert getattr(found, column) == value, what
        elif table == "SingleInspiral":
            assert [single.get(column) for single in found.extra_attributes[table]] == value, what
        else:
            assert found.extra_attributes[table][column] == value, what


def test_a_sample_was_left_out() -> None:
    others = {"big.data", "test_file.txt", "test_file2.txt", "upload.data", "upload.data.gz", "upload2.data"}
    assert {path.name for path in samples().iterdir()} == others | {name for _, name in KNOWN}
