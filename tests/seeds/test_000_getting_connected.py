"""The examples of seed 000, "Getting Connected", word for word; what stands below a line of dashes is ours."""

from collections.abc import Callable
from pathlib import Path

from skykey.sandbox import Box

Play = Callable[..., str]

ON_A_PLATFORM = """\
import os
from rubin_nights import connections

# On an RSP — token and site are detected automatically
endpoints = connections.get_clients()
"""

OUTSIDE = """\
import os
from rubin_nights import connections

# Outside an RSP — point at your token file
site = "usdf"
tokenfile = os.path.join(os.path.expanduser("~"), ".lsst/usdf_rsp")
endpoints = connections.get_clients(site=site, tokenfile=tokenfile)
"""

ANOTHER_SITE = """\
# Connect to the USDF development environment instead
endpoints_dev = connections.get_clients(tokenfile=tokenfile, site="usdf-dev")
"""

INDIVIDUAL = """\
from rubin_nights.connections import get_access_token
from rubin_nights.consdb_query import ConsDbTap
from rubin_nights.reference_values import API_ENDPOINTS

token = get_access_token()
api_base = API_ENDPOINTS["usdf"]
consdb_tap = ConsDbTap(api_base=api_base, token=token)
"""

THE_DICTIONARY = """
# ---
documented = {
    "consdb": "ConsDbFastAPI",
    "consdb_tap": "ConsDbTap",
    "efd": "InfluxQueryClient",
    "obsenv": "InfluxQueryClient",
    "pp": "InfluxQueryClient",
    "narrative_log": "NarrativeLogClient",
    "exposure_log": "ExposureLogClient",
    "night_report": "NightReportClient",
}
for name, kind in documented.items():
    assert type(endpoints[name]).__name__ == kind, (name, endpoints[name])
assert endpoints["api_base"] == "https://usdf-rsp.slac.stanford.edu"
"""

TELEMETRY = """
frame = endpoints["efd"].query('SELECT "actualPosition" FROM "lsst.sal.MTMount.elevation" LIMIT 5')
assert frame.shape == (5, 1) and frame["actualPosition"].between(20, 90).all(), frame
assert "lsst.obsenv.summary" in endpoints["obsenv"].get_topics()
assert "lsst.prompt.prod.numDiaSourcesGood" in endpoints["pp"].get_topics()
print(frame.index[0])
"""


def test_on_a_platform_token_and_site_are_found(play: Play, box: Box) -> None:
    assert play(ON_A_PLATFORM + THE_DICTIONARY + TELEMETRY) == "2026-03-20 22:53:00.130000114+00:00\n"
    assert {seen.host for seen in box.controls.requests("repertoire")} == {"usdf-rsp.slac.stanford.edu"}
    logins = [seen for seen in box.controls.requests("repertoire") if seen.credential]
    assert [seen.status for seen in logins] == [200, 200, 200]
    assert box.controls.requests("segwarides") == []


def test_connecting_makes_no_request(play: Play, box: Box) -> None:
    play(ON_A_PLATFORM + THE_DICTIONARY)
    assert box.controls.requests() == []


def test_outside_a_platform_the_token_file_is_used(play: Play, box: Box, laptop: Path) -> None:
    found = play(OUTSIDE + THE_DICTIONARY + TELEMETRY, home=laptop, on_a_platform=False)
    assert found == "2026-03-20 22:53:00.130000114+00:00\n"
    assert {seen.host for seen in box.controls.requests()} == {"usdf-rsp.slac.stanford.edu"}


def test_choosing_a_site(play: Play, box: Box, laptop: Path) -> None:
    check = """
# ---
assert endpoints_dev["api_base"] == "https://usdf-rsp-dev.slac.stanford.edu"
print(endpoints_dev["efd"].query('SELECT "salIndex" FROM "lsst.sal.MTMount.elevation" LIMIT 5').shape)
"""
    shown = play(OUTSIDE + ANOTHER_SITE + check, home=laptop, on_a_platform=False)
    assert shown == "(5, 1)\n"
    # The token of one site is not shown to another.
    with_token = {seen.host for seen in box.controls.requests("repertoire") if seen.credential}
    assert with_token == {"usdf-rsp-dev.slac.stanford.edu"}


def test_every_documented_site_can_be_chosen(play: Play, box: Box, laptop: Path) -> None:
    check = """
# ---
for site in ("summit", "base", "usdf", "usdf-dev", "usdf-int"):
    endpoints = connections.get_clients(tokenfile=tokenfile, site=site)
    print(site, len(endpoints["efd"].select_top_n("lsst.sal.MTMount.elevation", ["actualPosition"], 3)))
try:
    connections.get_clients(tokenfile=tokenfile, site="tucson")
except ValueError as problem:
    assert all(site in str(problem) for site in ("summit", "base", "usdf", "usdf-dev", "usdf-int")), problem
else:
    raise AssertionError
"""
    shown = play(OUTSIDE + check, home=laptop, on_a_platform=False)
    assert shown == "summit 3\nbase 3\nusdf 3\nusdf-dev 3\nusdf-int 3\n"


def test_individual_services(play: Play, box: Box, laptop: Path) -> None:
    check = """
# ---
assert type(token) is str and token.startswith("gt-")
assert type(consdb_tap).__name__ == "ConsDbTap"
assert token not in repr(consdb_tap)
"""
    play(INDIVIDUAL + check)
    play(INDIVIDUAL + check, home=laptop, on_a_platform=False)
    assert box.controls.requests() == []


def test_the_order_of_the_token_sources(play: Play, laptop: Path) -> None:
    """The seed's list: the argument, (the platform), the variable, the file that one names, the default file."""
    check = """
# ---
import pathlib
from rubin_nights.connections import get_access_token
default = pathlib.Path(tokenfile).read_text().strip()
for name in ("named", "given"):
    pathlib.Path(name).write_text(f"  gt-{name}\\n")
assert get_access_token() == default
os.environ["ACCESS_TOKEN_FILE"] = "named"
assert get_access_token() == "gt-named"
os.environ["ACCESS_TOKEN"] = "gt-variable"
assert get_access_token() == "gt-variable"
assert get_access_token("given") == get_access_token(tokenfile="given") == "gt-given"
"""
    play(OUTSIDE + check, home=laptop, on_a_platform=False)
