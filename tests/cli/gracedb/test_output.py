"""What `skykey gracedb` prints: answers of every kind, errors, files, and nothing that a terminal would obey."""

import csv
import io
import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skykey.cli.gracedb.columns import cell
from skykey.cli.gracedb.shapes import table
from skykey.cli.root import skykey
from tests.cli.gracedb.scripted_gracedb import EVENT, LOGS, SUPEREVENT, ScriptedGraceDb
from tests.cli.test_failures import HOSTILE
from tests.wire.server import as_json, reply

Run = Callable[..., Result]


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("output", "grid", "gracedb.answers", "gracedb.file"):
        monkeypatch.setattr(f"skykey.cli.{name}.on_terminal", lambda: True)


# -- answers


def test_json_is_the_default_indented_by_four(run: Run, gracedb: ScriptedGraceDb) -> None:
    for more in ([], ["--output-type", "json"], ["--json"]):
        result = run("gracedb", "get", "event", "G1", *more)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == json.dumps(EVENT, indent=4) + "\n"


@pytest.mark.parametrize(
    ("line", "status"),
    [("get event G1", 200), ("add label S1 INJ", 201), ("update event G1 {file}", 202), ("remove label G1 INJ", 204)],
)
def test_each_success_is_one(run: Run, gracedb: ScriptedGraceDb, tmp_path: Path, line: str, status: int) -> None:
    """The release ends with 1 after 202 and 204, though all went well."""
    (tmp_path / "x.xml").write_text("x")
    arguments = line.replace("{file}", str(tmp_path / "x.xml")).split()
    result = run("gracedb", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) or status in {202, 204}
    told = run("gracedb", "--output-type", "status", *arguments)
    assert (told.exit_code, told.stdout) == (0, f"Server returned {status}: {HTTPStatus(status).phrase}\n")


def test_words_of_the_server_are_a_json_string(run: Run, gracedb: ScriptedGraceDb) -> None:
    result = run("gracedb", "add", "tag", "G1", "1", "pe")
    assert (result.exit_code, json.loads(result.stdout)) == (0, "Tag created.")


@pytest.mark.parametrize("page", [reply(200, "Log in", Content_Type="text/html"), reply(200, "\n<html>")])
def test_a_web_page_is_no_answer(run: Run, gracedb: ScriptedGraceDb, page: bytes) -> None:
    gracedb.says["events/G1"] = page
    result = run("gracedb", "get", "event", "G1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error [unreadable]" in result.stderr


def test_an_error_is_said_on_stderr_with_the_server_s_words(run: Run, gracedb: ScriptedGraceDb) -> None:
    gracedb.says["events/G404"] = as_json('"Event not found."', 404)
    result = run("gracedb", "get", "event", "G404")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error [not-found]: ")
    assert f"{gracedb.api}events/G404 answered 404" in result.stderr
    assert "The server said: Event not found.\n" in result.stderr
    error = json.loads(run("gracedb", "get", "event", "G404", "--json").stdout)["error"]
    assert (error["code"], error["words"]) == ("not-found", "Event not found.")
    assert "404" in error["message"]


# -- tables


def test_a_table_of_a_list_and_of_a_thing(run: Run, gracedb: ScriptedGraceDb) -> None:
    result = run("gracedb", "list", "logs", "G1", "--output-type", "table")
    rows = list(csv.reader(io.StringIO(result.stdout), delimiter="\t"))
    assert rows == [["N", "comment", "filename", "self"], ["1", "first", "", "https://gracedb.invalid/1"],
                    ["2", "a\\tb", "x", ""]]  # fmt: skip
    thing = dict(
        line.split("\t") for line in run("gracedb", "--output-type", "table", "get", "event", "G1").stdout.splitlines()
    )
    assert (thing["name"], thing["graceid"], thing["labels"], thing["far"]) == ("value", "G1", "INJ,DQV", "None")
    found = run("gracedb", "search", "events", "x", "--output-type", "table").stdout.splitlines()
    assert found[0].split("\t")[:2] == ["graceid", "labels"]
    assert found[1].split("\t")[:2] == ["G1", "INJ,DQV"]
    assert run("gracedb", "remove", "label", "G1", "INJ", "--output-type", "table").exit_code == 0


@pytest.mark.parametrize(
    ("document", "names", "rows"),
    [
        ({"files": [{"filename": "x", "self": "u"}], "links": {}}, ["filename", "self"], [["x", "u"]]),
        ({"x.txt": "u", "x.txt,0": "v"}, ["name", "value"], [["x.txt", "u"], ["x.txt,0", "v"]]),
        ([{"group": "public", "permission": "view"}], ["group", "permission"], [["public", "view"]]),
        (["4", "5"], ["value"], [["4"], ["5"]]),
        ([{"number": "4", "schema": {"a": 1}}], ["number", "schema"], [["4", '{"a": 1}']]),
        ({}, ["name", "value"], []),
        ([], [], []),
        ("words", ["name", "value"], [["answer", "words"]]),
        ({"labels": [{"name": "INJ"}], "links": [{}]}, ["name"], [["INJ"]]),
    ],
)
def test_both_generations_are_tables(document: Any, names: list[str], rows: list[list[str]]) -> None:
    assert table(document) == (names, rows)


# -- searches


def test_a_search_is_rows_under_names(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "search", "events", "x").stdout == (
        "#graceid\tlabels\tgroup\tpipeline\tfar\tgpstime\tcreated\n"
        "G1\tINJ,DQV\tCBC\tgstlal\tNone\t1458003741.25\t2026-03-20 01:02:03 UTC\n"
    )
    assert run("gracedb", "search", "events", "x", "--delimiter", ",", "--columns",
               "graceid,extra_attributes.CoincInspiral.snr,offline,a").exit_code == 2  # fmt: skip
    assert run("gracedb", "search", "events", "x", "--delimiter", ";", "--columns",
               "graceid,extra_attributes.CoincInspiral.snr,extra_attributes.SingleInspiral.1.ifo,offline").stdout == (
        "#graceid;extra_attributes.CoincInspiral.snr;extra_attributes.SingleInspiral.1.ifo;offline\nG1;9.5;L1;False\n"
    )  # fmt: skip


def test_what_a_row_does_not_have_at_a_path_is_none() -> None:
    row = {"a": [{"b": 1}], "c": None, "d": "text"}
    assert [cell(row, path) for path in ("a.0.b", "a.1.b", "a.x", "a.b", "c.d", "d.0", "nothing", "")] == [
        1,
        *[None] * 7,
    ]


def test_default_columns_that_anonymous_users_lack_are_no_error(run: Run, gracedb: ScriptedGraceDb) -> None:
    assert run("gracedb", "search", "superevents", "x").stdout == (
        "#superevent_id\tpreferred_event\tgw_events\tlabels\tfar\tlinks.files\n"
        "S260320a\tNone\tNone\t\t1.5e-09\thttps://gracedb.invalid/files/\n"
    )
    result = run("gracedb", "search", "superevents", "x", "--columns", "superevent_id,preferred_event")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error [unknown-name]: no row has preferred_event" in result.stderr
    assert "did you mean gpstime?" in run("gracedb", "search", "events", "x", "--columns", "gpstim").stderr


def test_a_search_in_json_has_all_of_each_row(run: Run, gracedb: ScriptedGraceDb) -> None:
    document = json.loads(run("gracedb", "search", "superevents", "x", "--json").stdout)
    assert document == {"query": "x", "row_count": 1, "rows": [SUPEREVENT]}
    chosen = json.loads(run("gracedb", "search", "events", "x", "--json", "--columns", "graceid,labels").stdout)
    assert chosen["rows"] == [{"graceid": "G1", "labels": ["INJ", "DQV"]}]


def test_nothing_found_is_no_row(run: Run, gracedb: ScriptedGraceDb) -> None:
    gracedb.says["events/"] = as_json('{"numRows": 0, "events": [], "links": {"next": null}}')
    result = run("gracedb", "search", "events", "x", "--columns", "what,ever")
    assert (result.exit_code, result.stdout) == (0, "#what\tever\n")
    assert json.loads(run("gracedb", "search", "events", "x", "--json").stdout)["rows"] == []


def test_a_search_that_breaks_off_prints_nothing(run: Run, gracedb: ScriptedGraceDb) -> None:
    page = {"numRows": 2, "events": [EVENT], "links": {"next": f"{gracedb.api}events/?start=1"}}
    gracedb.says["events/"] = lambda seen: as_json("{}", 500) if "start=1" in seen.target else as_json(json.dumps(page))
    result = run("gracedb", "search", "events", "x")
    assert (result.exit_code, result.stdout) == (1, "")


# -- files


def test_a_file_is_binary_on_stdout(gracedb: ScriptedGraceDb) -> None:
    result = CliRunner().invoke(skykey, ["gracedb", "get", "file", "G1", "x.gz"])
    assert (result.exit_code, result.stdout_bytes) == (0, b"\x1f\x8b\x00\xff\xfe\r\n")


def test_a_file_is_saved_and_said(run: Run, gracedb: ScriptedGraceDb, tmp_path: Path) -> None:
    path = tmp_path / "y.gz"
    result = run("gracedb", "get", "file", "G1", "x.gz", str(path))
    assert (result.exit_code, result.stdout) == (0, f"File 'x.gz' for G1 saved at {path}\n")
    assert path.read_bytes() == b"\x1f\x8b\x00\xff\xfe\r\n"
    document = json.loads(run("gracedb", "get", "file", "G1", "x.gz,0", str(tmp_path), "--json").stdout)
    assert document == {"object_id": "G1", "filename": "x.gz,0", "written": str(tmp_path / "x.gz"), "bytes": 7}
    assert run("gracedb", "get", "file", "G1", "x.gz", "--json").exit_code == 2


def test_a_place_that_cannot_be_written_is_a_sentence(run: Run, gracedb: ScriptedGraceDb, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    result = run("gracedb", "get", "file", "G1", "x.gz", str(place / "x.gz"))
    assert (result.exit_code != 0, result.stdout) == (True, "")
    assert str(place) in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there_leaves_nothing(run: Run, gracedb: ScriptedGraceDb, tmp_path: Path) -> None:
    gracedb.says["events/G1/files/x"] = as_json('"File x not found"', 404)
    result = run("gracedb", "get", "file", "G1", "x", str(tmp_path / "x"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "File x not found" in result.stderr
    assert not (tmp_path / "x").exists()
    assert run("gracedb", "get", "file", "G1", "x").stdout == ""


def test_a_terminal_gets_texts_only(run: Run, gracedb: ScriptedGraceDb, on_terminal: None) -> None:
    result = run("gracedb", "get", "file", "G1", "x.gz")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not a text" in result.stderr
    gracedb.says["events/G1/files/x.txt"] = reply(200, f"first\x1b[2J\nsecond{HOSTILE}\n")
    shown = run("gracedb", "get", "file", "G1", "x.txt").stdout
    assert shown.startswith("first\N{REPLACEMENT CHARACTER}[2J\nsecond")
    assert [letter for letter in shown if letter in HOSTILE] == []


# -- terminals


@pytest.mark.parametrize(
    "line",
    [
        "get event G1", "get event G1 --output-type status", "get event G1 --output-type table", "list logs G1",
        "list logs G1 --output-type table", "search events x", "search events x --output-type table", "info groups",
        "info server_version", "info instruments", "credentials server", "gwtc numbers", "ping",
    ],
)  # fmt: skip
def test_no_answer_commands_the_terminal(run: Run, gracedb: ScriptedGraceDb, on_terminal: None, line: str) -> None:
    from tests.cli.gracedb.scripted_gracedb import root_of

    evil = json.dumps(f"x{HOSTILE}", ensure_ascii=False)
    one = f'{{"graceid": {evil}, "labels": [{evil}], {evil}: {evil}}}'.encode()
    rows = b'{"numRows": 1, "events": [%s], "links": {"next": null}}' % one
    gracedb.says = {
        "events/G1": as_json(one.decode()),
        "events/": as_json(rows.decode()),
        "events/G1/log/": as_json(f'{{"logs": [{one.decode()}]}}'),
        "user-info/": as_json(one.decode()),
        "gwtc/": as_json(f'{{"next": null, "results": [{{"number": {evil}}}]}}'),
    }
    gracedb.root = {**root_of(gracedb.api), "groups": [f"x{HOSTILE}"], "server-version": f"x{HOSTILE}",
                    "instruments": {f"x{HOSTILE}": f"y{HOSTILE}"}}  # fmt: skip
    result = run("gracedb", *line.split())
    assert result.exit_code == 0, result.stderr
    assert [letter for letter in result.output if letter in HOSTILE] == []


def test_lists_of_a_shared_name_are_read(run: Run, gracedb: ScriptedGraceDb) -> None:
    gracedb.says["events/G1/log/"] = as_json(json.dumps({"start": 0, "numRows": 2, "log": LOGS, "links": {}}))
    assert run("gracedb", "list", "logs", "G1", "--output-type", "table").stdout.startswith("N\tcomment")
