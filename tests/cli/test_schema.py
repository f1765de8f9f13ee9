"""`skykey rubin schema`: what fields mean, and what to type where nobody says so."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import Result

from skykey.cli import grid
from skykey.sandbox import Box

Run = Callable[..., Result]
Promised = Callable[[str, str], Any]
TEMPERATURE = "lsst.sal.ESS.temperature"


def test_units_and_arrays_in_a_pipe(box: Box, run: Run) -> None:
    result = run("rubin", "schema", TEMPERATURE)
    lines = result.stdout.splitlines()
    assert lines[0] == "field\ttype\tunits\tdescription"
    assert "temperatureItem\tdouble[]\tdeg_C\tTemperature of each sensor" in lines
    assert "salIndex\tlong\t\tIndex of the component" in lines  # no unit is nothing, and not a word
    assert result.stderr == f"4 fields in {TEMPERATURE}\n"


def test_as_json(box: Box, run: Run, promised: Promised) -> None:
    document = promised("schema", run("rubin", "schema", TEMPERATURE, "--json").stdout)
    assert document["topic"] == TEMPERATURE
    assert document["fields"][-1] == {
        "name": "temperatureItem",
        "type": "double",
        "units": "deg_C",
        "description": "Temperature of each sensor",
        "is_array": True,
    }
    assert document["fields"][0]["units"] is None


def test_into_a_file(box: Box, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert run("rubin", "schema", TEMPERATURE, "--out", str(out)).stdout == ""
    assert pyarrow.parquet.read_table(out).column_names == ["name", "type", "units", "description", "is_array"]


@pytest.mark.parametrize(
    ("topic", "remedy"), [("lsst.sal.ESS.temperatur", f"did you mean {TEMPERATURE}"), ("zzz", "skykey rubin topics")]
)
def test_an_unknown_topic_names_the_next_step(box: Box, run: Run, topic: str, remedy: str) -> None:
    result = run("rubin", "schema", topic)
    assert result.exit_code == 2
    assert f"Next: {remedy}" in result.stderr


def test_a_registry_out_of_reach_names_what_works_without_it(
    box: Box, run: Run, promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKYKEY_SCHEMA_REGISTRY", "http://127.0.0.1:9")
    result = run("rubin", "schema", TEMPERATURE, "--json")
    assert result.exit_code == 8
    assert promised("error", result.stdout)["error"]["code"] == "unreachable"
    assert f"skykey rubin fields {TEMPERATURE}" in result.stderr


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_descriptions_are_folded_and_not_cut(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"word{number}" for number in range(40)]
    monkeypatch.setattr(grid, "on_terminal", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((columns, 24)))
    rows = [("name", "double[]", "deg_C", " ".join(words)), ("other", "long", "", "short")]
    grid.show(("field", "type", "units", "description"), rows, folded="description")
    shown = capsys.readouterr().out
    assert re.findall(r"word\d+", shown) == words
    assert max(map(len, shown.splitlines())) <= columns
    assert "\u2026" not in shown
