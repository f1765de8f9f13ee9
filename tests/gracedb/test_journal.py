"""A journal of uploads says what was done, whatever ended the run that wrote it."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from skykey.gracedb.journal import Journal, keys
from skykey.values.errors import UsageError


def test_the_next_run_knows_what_was_done_begun_and_not_done(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as first:
        for key in ("done", "begun", "not"):
            first.begin(key, 1.0)
        first.finish("done", 2.0, {"graceid": "T0001"})
        first.undo("not", 2.0)
    with Journal(path) as second:
        assert second.is_done("done")
        assert second.state("done")["answer"] == {"graceid": "T0001"}
        assert (second.is_unknown("begun"), second.state("begun")["time"]) == (True, 1.0)
        assert not second.is_done("not")
        assert not second.is_unknown("not")
        assert second.state("never") == {}
        assert second.answers() == [{"graceid": "T0001"}]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_by_a_kill_is_forgotten_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.begin("a", 1.0)
    whole = path.read_bytes()
    for cut in range(1, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        with Journal(path) as journal:
            journal.finish("a", 2.0, None)
        with Journal(path) as journal:
            assert journal.is_done("a"), cut


@pytest.mark.parametrize(
    "text", ["hello\n", "hello", '{"key": 1, "state": "done"}\n', '{"key": "a", "state": "?"}\n', "[]\n"]
)
def test_a_file_that_is_none_is_not_written_to(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thesis.tex"
    path.write_text(text)
    with pytest.raises(UsageError, match="no journal"):
        Journal(path)
    assert path.read_text() == text


def _opens(path: str, answer: "multiprocessing.queues.Queue[str]") -> None:
    try:
        Journal(path)
        answer.put("opened")
    except UsageError as problem:
        answer.put(problem.message)


def test_two_processes_do_not_work_through_the_same_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    path = os.fspath(tmp_path / "journal")
    with Journal(path):
        other = context.Process(target=_opens, args=(path, answer))
        other.start()
        said = answer.get(timeout=30)
        other.join()
    assert "another process" in said
    with Journal(path):
        pass


def test_two_uploads_that_are_alike_are_two() -> None:
    same = ["server", "G1", "text", "a.png", (), (), None, "content"]
    first, second, third = keys([same, same, [*same[:-1], "other content"]])
    assert len({first, second, third}) == 3
    assert keys([same])[0] == first
    assert json.dumps(first)
