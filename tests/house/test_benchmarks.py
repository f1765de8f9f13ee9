"""Benchmarks still run, and compare what they say. How fast anything is stands in benchmarks/, never here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _tokens(*options: str) -> dict[str, Any]:
    few = ["--races", "1", "--rounds", "1", "--calls", "50", "--at-once", "4", "--latency", "0.02", "--json"]
    command = [sys.executable, str(BENCHMARKS / "tokens.py"), *few, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_no_benchmark_takes_the_name_of_a_standard_module() -> None:
    """A script's folder goes before the standard library: `token.py` would stand where `tokenize` looks for its own."""
    assert {path.stem for path in BENCHMARKS.glob("*.py")} & set(sys.stdlib_module_names) == set()


def test_every_benchmark_can_be_imported() -> None:
    names = ", ".join(sorted(path.stem for path in BENCHMARKS.glob("*.py")))
    done = subprocess.run(
        [sys.executable, "-c", f"import {names}"], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_tokens_counts_one_request_for_whoever_asks_at_once() -> None:
    row = _tokens("--only", "skykey")["rows"]["skykey"]
    assert {verb: (race["hits"], race["failed"]) for verb, race in row["races"].items()} == {
        "threads": ([1], 0),
        "tasks": ([1], 0),
        "processes": ([1], 0),
        "again": ([0], 0),
    }
    assert (row["quiet"]["steady"], row["quiet"]["wall"]) == (1, 0)


@pytest.mark.interop
def test_tokens_drives_every_library() -> None:
    result = _tokens()
    assert result["skipped"] == {}
    assert len(result["rows"]) == 9
    assert {
        name: race for name, row in result["rows"].items() for race in row["races"].values() if race["failed"]
    } == {}
    # What has no lock and no store asks once for each: the endpoint does count.
    assert result["rows"]["google-auth"]["races"]["threads"]["hits"] == [4]
    assert result["rows"]["google-auth"]["races"]["again"]["hits"] == [4]


@pytest.mark.interop
@pytest.mark.parametrize(("script", "clients"), [("consdb", 2), ("tap", 6)])
def test_the_clients_agree_about_one_answer(script: str, clients: int) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), "--rounds", "1", "--rows", "50"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # it ends with an error where they do not
    assert len(done.stdout.split("medians")[1].splitlines()) == 1 + clients


@pytest.mark.interop
def test_gracedb_s_clients_go_through_the_whole_run() -> None:
    few = ["--rounds", "1", "--bursts", "2", "--files", "5", "--megabytes", "1", "--at-once", "4"]
    command = [sys.executable, str(BENCHMARKS / "gracedb.py"), *few]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr  # each says how many calls and bytes came back right
    assert "ligo-gracedb" in done.stdout
