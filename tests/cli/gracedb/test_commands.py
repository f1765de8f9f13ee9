"""`skykey gracedb`: what each command asks the server, field by field."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from skykey.cli.gracedb.system import GROUP
from skykey.cli.root import skykey
from tests.cli.gracedb.scripted_gracedb import EVENT, LOGS, ScriptedGraceDb, query, sent

Run = Callable[..., Result]
S = "S260320a"
EVENT_ID = "ba7816bf-8f01-cfea-4141-40de5dae2223"  # of the bytes abc

_VOEVENT = (
    "--external --open-alert --hardware-inj --coinc-comment --raven-coinc --skymap-type x --skymap-filename a.fits "
    "--combined-skymap-filename b.fits --prob-has-ns 0 --prob-has-remnant 0.25 --bns 1 --nsbh 0.5 --bbh 0 "
    "--terrestrial 0 --mass-gap 0.125"
)
_UPDATE = "--t-start 1 --t-0 0 --t-end 3 --preferred-event G2 --em-type E3 --time-coinc-far 0 --space-coinc-far 1e-9"

COMMANDS: list[tuple[str, str, dict[str, Any]]] = [
    # reading
    ("get event G1", "GET events/G1", {}),
    (f"get superevent {S}", f"GET superevents/{S}/", {}),
    ("get log G1 3", "GET events/G1/log/3", {}),
    (f"get log {S} 3", f"GET superevents/{S}/logs/3/", {}),
    (f"get label {S} INJ", f"GET superevents/{S}/labels/INJ/", {}),
    (f"get signoff {S} operator H1", f"GET superevents/{S}/signoffs/OPH1/", {}),
    (f"get signoff {S} ADV", f"GET superevents/{S}/signoffs/ADV/", {}),
    (f"get notice {S} 2", f"GET superevents/{S}/notices/2/", {}),
    (f"get voevent {S} 2", f"GET superevents/{S}/voevents/2/", {}),
    ("get emobservation G1 2", "GET events/G1/emobservation/2", {}),
    ("list files G1", "GET events/G1/files/", {}),
    (f"list logs {S}", f"GET superevents/{S}/logs/", {}),
    ("list labels G1", "GET events/G1/labels/", {}),
    ("list tags G1 4", "GET events/G1/log/4/tag/", {}),
    (f"list signoffs {S}", f"GET superevents/{S}/signoffs/", {}),
    (f"list permissions {S}", f"GET superevents/{S}/permissions/", {}),
    (f"list notices {S}", f"GET superevents/{S}/notices/", {}),
    (f"list voevents {S}", f"GET superevents/{S}/voevents/", {}),
    ("list emobservations G1", "GET events/G1/emobservation/", {}),
    ("credentials server", "GET user-info/", {}),
    ("gwtc get 4 2", "GET gwtc/4/2/", {}),
    ("gwtc get 4", "GET gwtc/4/latest/", {}),
    # writing
    ("add label G1 INJ", "PUT events/G1/labels/INJ", {}),
    (f"add label {S} INJ", f"POST superevents/{S}/labels/", {"name": "INJ"}),
    ("add tag G1 3 pe -d Parameters", "PUT events/G1/log/3/tag/pe", {"displayName": "Parameters"}),
    (f"add tag {S} 3 pe", f"POST superevents/{S}/logs/3/tags/", {"name": "pe"}),
    (f"add event {S} G2", f"POST superevents/{S}/events/", {"event": "G2"}),
    (f"add preferred-event {S} G2", f"POST superevents/{S}/pipeline_preferred_events/", {"event": "G2"}),
    ("remove label G1 INJ", "DELETE events/G1/labels/INJ", {}),
    ("remove tag G1 3 pe", "DELETE events/G1/log/3/tag/pe", {}),
    (f"remove event {S} G2", f"DELETE superevents/{S}/events/G2/", {}),
    (f"remove preferred-event {S} G2", f"DELETE superevents/{S}/pipeline_preferred_events/G2/", {}),
    (f"delete signoff {S} OP H1", f"DELETE superevents/{S}/signoffs/OPH1/", {}),
    (f"expose {S}", f"POST superevents/{S}/permissions/modify/", {"action": "expose"}),
    (f"hide {S}", f"POST superevents/{S}/permissions/modify/", {"action": "hide"}),
    (f"confirm_as_gw {S}", f"POST superevents/{S}/confirm-as-gw/", {}),
    (f"confirm_as_gw {S} GW260320", f"POST superevents/{S}/confirm-as-gw/", {"gw_id": "GW260320"}),
    ("create event CBC gstlal abc.xml",
     "POST events/", {"group": "CBC", "pipeline": "gstlal", "offline": "False", "content_id": EVENT_ID,
                      "eventFile": ("abc.xml", b"abc")}),
    ("create event CBC gstlal AllSky abc.xml --offline --labels INJ,DQV --replay-id r1",
     "POST events/", {"group": "CBC", "pipeline": "gstlal", "offline": "True", "content_id": EVENT_ID,
                      "search": "AllSky", "labels": ["INJ", "DQV"], "replay_id": "r1",
                      "eventFile": ("abc.xml", b"abc")}),
    ("create log G1 seen", "POST events/G1/log/", {"comment": "seen"}),
    (f"create log {S} seen abc.xml -t pe,em_follow -d Parameters,Follow --label INJ",
     f"POST superevents/{S}/logs/", {"comment": "seen", "tagname": ["pe", "em_follow"], "label": "INJ",
                                     "displayName": ["Parameters", "Follow"], "upload": ("abc.xml", b"abc")}),
    (f"create notice {S} abc.xml", f"POST superevents/{S}/notices/", {"upload": ("abc.xml", b"abc")}),
    (f"create signoff {S} operator OK fine H1",
     f"POST superevents/{S}/signoffs/",
     {"signoff_type": "OP", "status": "OK", "comment": "fine", "instrument": "H1"}),
    ("create superevent 1 2.5 3 G1 --category test --events G2,G3 --labels INJ",
     "POST superevents/", {"t_start": "1.0", "t_0": "2.5", "t_end": "3.0", "preferred_event": "G1", "category": "T",
                           "events": ["G2", "G3"], "labels": "INJ"}),
    (f"create voevent {S} IN {_VOEVENT}",
     f"POST superevents/{S}/voevents/",
     {"voevent_type": "IN", "internal": "False", "open_alert": "True", "hardware_inj": "True", "CoincComment": "True",
      "raven_coinc": "True", "skymap_type": "x", "skymap_filename": "a.fits", "combined_skymap_filename": "b.fits",
      "ProbHasNS": "0.0", "ProbHasRemnant": "0.25", "BNS": "1.0", "NSBH": "0.5", "BBH": "0.0", "Terrestrial": "0.0",
      "HasMassGap": "0.125"}),
    ("create voevent G1 preliminary --has-mass-gap 0",
     "POST events/G1/voevent/", {"voevent_type": "PR", "internal": "True", "open_alert": "False", "HasMassGap": "0.0",
                                 "hardware_inj": "False", "CoincComment": "False", "raven_coinc": "False"}),
    ("create emobservation G1 ZTF 1,2 0.5 -3,-4 0.25 2026-03-20T00:00:00,2026-03-20T00:01:00 30 --comment x",
     "POST events/G1/emobservation/",
     {"group": "ZTF", "ra_list": [1.0, 2.0], "ra_width_list": [0.5, 0.5], "dec_list": [-3.0, -4.0],
      "dec_width_list": [0.25, 0.25], "start_time_list": ["2026-03-20T00:00:00", "2026-03-20T00:01:00"],
      "duration_list": [30.0, 30.0], "comment": "x"}),
    ("create emobservation G1 ZTF 1 0.5 -3 0.25 2026-03-20T00:00:00 30",
     "POST events/G1/emobservation/",
     {"group": "ZTF", "ra_list": [1.0], "ra_width_list": [0.5], "dec_list": [-3.0], "dec_width_list": [0.25],
      "start_time_list": ["2026-03-20T00:00:00"], "duration_list": [30.0], "comment": None}),
    ("update event G1 abc.xml", "PUT events/G1", {"eventFile": ("abc.xml", b"abc")}),
    ("update grbevent E1 --ra 0 --dec -5.5 --error-radius 1 --t90 2 --redshift 0.1 --designation GRB260320",
     "PATCH events/E1/update-grbevent/",
     {"ra": "0.0", "dec": "-5.5", "error_radius": "1.0", "t90": "2.0", "redshift": "0.1", "designation": "GRB260320"}),
    (f"update superevent {S} {_UPDATE}",
     f"PATCH superevents/{S}/",
     {"t_start": "1.0", "t_0": "0.0", "t_end": "3.0", "preferred_event": "G2", "em_type": "E3",
      "time_coinc_far": "0.0", "space_coinc_far": "1e-09"}),
    (f"update signoff {S} operator H1 --status NO --comment no",
     f"PATCH superevents/{S}/signoffs/OPH1/", {"status": "NO", "comment": "no"}),
    ("gwtc create map.json 4 --comment new",
     "POST gwtc/", {"number": "4", "smap": {"S1": {"far": 1}}, "comment": "new"}),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "abc.xml").write_bytes(b"abc")
    (tmp_path / "map.json").write_text('{"S1": {"far": 1}}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("line", "asks", "fields"), COMMANDS, ids=[line[:60] for line, _, _ in COMMANDS])
def test_a_command_asks_what_it_says(
    *, run: Run, gracedb: ScriptedGraceDb, folder: Path, line: str, asks: str, fields: dict[str, Any]
) -> None:
    result = run("gracedb", *line.split())
    assert (result.exit_code, result.stderr) == (0, "")
    json.loads(result.stdout)
    (seen,) = gracedb.asked
    assert f"{seen.method} {seen.path.removeprefix('/api/')}" == asks
    assert sent(seen) == fields
    assert "authorization" not in seen.headers


def leaves(group: click.Group, context: click.Context, path: str = "") -> list[str]:
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += leaves(command, context, f"{path}{name} ")
        else:
            found.append(f"{path}{name}")
    return found


def test_no_command_is_left_out_of_the_tests() -> None:
    tried = {line for line, _, _ in COMMANDS}
    elsewhere = {"search events", "search superevents", "count events", "count superevents", "get file", "info", "ping",
                 "credentials client", "gwtc list", "gwtc numbers", "gwtc versions", "upload",
                 "download"}  # fmt: skip
    for name in leaves(GROUP, click.Context(GROUP)):
        assert name in elsewhere or any(line == name or line.startswith(f"{name} ") for line in tried), name


@pytest.mark.parametrize(
    ("line", "name", "field"),
    [
        ("create event CBC gstlal -", "initial.data", "eventFile"),
        ("create log G1 words -", "stdin", "upload"),
        ("create notice S260320a -", "stdin", "upload"),
        ("create event CBC gstlal AllSky -", "initial.data", "eventFile"),
    ],
)
def test_stdin_arrives_byte_by_byte(gracedb: ScriptedGraceDb, line: str, name: str, field: str) -> None:
    """Compressed files are no text, and a line's end stays what it is."""
    content = b"\x1f\x8b\x00\xff\r\n\n"
    result = CliRunner().invoke(skykey, ["gracedb", *line.split()], input=io.BytesIO(content))
    assert result.exit_code == 0, result.stderr
    assert sent(gracedb.asked[0])[field] == (name, content)


def test_a_catalogue_may_come_from_stdin(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "gwtc", "create", "-", "4", text='{"S1": {}}').exit_code == 0
    assert sent(gracedb.asked[0])["smap"] == {"S1": {}}
    for text in ("{", "[]"):
        assert run("gracedb", "gwtc", "create", "-", "4", text=text).exit_code == 2


def test_names_are_quoted(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "get", "file", "G1", "a b#c?d%,1").exit_code == 0
    assert gracedb.asked[0].target == "/api/events/G1/files/a%20b%23c%3Fd%25,1"


def test_a_search_sends_the_query_and_no_more(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "search", "events", "far < 1e-7 & x", "--max-results", "1").exit_code == 0
    assert query(gracedb.asked[0])["query"] == "far < 1e-7 & x"
    assert run("gracedb", "search", "superevents", "is_gw: true").exit_code == 0
    assert query(gracedb.asked[-1])["query"] == "is_gw: true"
    assert len(gracedb.asked) == 2


@pytest.mark.parametrize("what", ["events", "superevents"])
def test_counts_ask_for_one_row(run: Run, gracedb: ScriptedGraceDb, what: str) -> None:
    gracedb.says[f"{what}/"] = _json({"numRows": 7, what: [EVENT], "links": {"next": "http://x.invalid/"}})
    result = run("gracedb", "count", what, "far < 1")
    assert (result.exit_code, result.stdout) == (0, "7\n")
    assert query(gracedb.asked[0]) == {"query": "far < 1", "count": "1"}
    assert run("gracedb", "count", what).stdout == "7\n"
    document = json.loads(run("gracedb", "count", what, "--json").stdout)
    assert document == {"query": "", "count": 7}


def test_catalogues_are_listed_whole(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert [row["number"] for row in json.loads(run("gracedb", "gwtc", "list").stdout)] == ["4", "5"]
    assert gracedb.asked[-1].path == "/api/gwtc/"
    assert run("gracedb", "gwtc", "list", "5").exit_code == 0
    assert gracedb.asked[-1].path == "/api/gwtc/5/"
    assert json.loads(run("gracedb", "gwtc", "numbers").stdout) == ["4", "5"]
    assert json.loads(run("gracedb", "gwtc", "versions").stdout) == [1, 1]
    assert gracedb.asked[-1].path == "/api/gwtc/4/"
    assert run("gracedb", "gwtc", "get", "4", "0").exit_code == 2


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("groups", "Burst, CBC, Test"),
        ("labels", "ADVREQ, DQV, INJ"),
        ("pipelines", "gstlal, pycbc"),
        ("searches", "AllSky, MDC"),
        ("emgroups", "DES, ZTF"),
        ("server_version", "2.36.1"),
        ("instruments", "H1 (LHO), L1 (LLO), V1 (Virgo)"),
        ("signoff_types", "ADV (advocate), OP (operator)"),
        ("signoff_statuses", "NO (NOT OKAY), OK (OKAY)"),
        ("superevent_categories", "M (MDC), P (Production), T (Test)"),
        ("voevent_types", "IN (initial), PR (preliminary)"),
    ],
)
def test_info_reads_as_it_always_did(run: Run, gracedb: ScriptedGraceDb, item: str, words: str) -> None:
    assert run("gracedb", "info", item).stdout == f"{words}\n"
    assert run("gracedb", "show", item).stdout == f"{words}\n"  # its older name
    assert list(json.loads(run("gracedb", "info", item, "--json").stdout)) == [item]
    assert gracedb.asked == []


def test_what_the_server_does_not_have_is_said(run: Run, gracedb: ScriptedGraceDb) -> None:
    from tests.cli.gracedb.scripted_gracedb import root_of

    gracedb.root = {name: value for name, value in root_of(gracedb.api).items() if name != "em-groups"}
    result = run("gracedb", "info", "emgroups")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Data not found on server" in result.stderr
    assert json.loads(run("gracedb", "info", "emgroups", "--json").stdout) == {"emgroups": None}


def test_logs_of_any_generation_are_printed_as_they_are(run: Run, gracedb: ScriptedGraceDb) -> None:
    for key in ("log", "logs"):
        document = {"start": 0, "numRows": 2, key: LOGS}
        gracedb.says["events/G1/log/"] = b"".join([_json(document)])
        assert json.loads(run("gracedb", "list", "logs", "G1").stdout) == document


def _json(document: Any) -> bytes:
    from tests.wire.server import as_json

    return as_json(json.dumps(document))


def test_ping(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "ping").stdout == f"Response from {gracedb.api}: 200 OK\n"
    document = json.loads(run("gracedb", "ping", "--json").stdout)
    assert document == {"url": gracedb.api, "status": 200, "reason": "OK"}
