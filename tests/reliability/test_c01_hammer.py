"""C1: four processes write one entry without a pause, others read it: every read gives a whole one."""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.stores.file import FileStore
from tests.credentials.stores.actors import line_of, started
from tests.credentials.stores.making import held, number_of
from tests.credentials.stores.proof import proven
from tests.reliability.naive_credentials import NaiveStore

WRITERS = 4


def hammered(kind: str, folder: Path, seconds: float, readers: int, least: int) -> tuple[int, int, int]:
    """How many reads there were, how many of them were broken, and how many writes there were meanwhile."""
    with contextlib.ExitStack() as stack:
        writing = [
            stack.enter_context(started("write", kind, folder, 1 + number * 1_000_000)) for number in range(WRITERS)
        ]
        for actor in writing:
            line_of(actor)
        reading = [
            stack.enter_context(started("read", kind, folder, seconds, least // readers)) for _ in range(readers)
        ]
        counts = [tuple(map(int, line_of(actor).split())) for actor in reading]
        for actor in writing:
            assert actor.stdin
            actor.stdin.close()
        writes = sum(int(line_of(actor)) for actor in writing)
    return sum(reads for reads, _ in counts), sum(broken for _, broken in counts), writes


def check(make: Any, folder: Path, seconds: float, readers: int, least: int) -> None:
    make(folder).write("k", held(1))
    os.chmod(folder, 0o700)
    start = time.monotonic()
    reads, broken, writes = hammered(make.__name__, folder, seconds, readers, least)
    took = time.monotonic() - start
    print(f"C1: {broken} unreadable of {reads} reads in {took:.1f} s, beside {writes} writes by {WRITERS} processes")
    assert broken == 0, f"{broken} of {reads} reads were unreadable"
    assert reads >= least
    assert writes > 100 * seconds
    assert number_of(make(folder).read("k"))
    assert [name for name in os.listdir(folder) if name.endswith("new")] == []


@proven(FileStore, NaiveStore)
def test_c1_no_read_is_torn_by_writers(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "store", seconds=1.0, readers=1, least=5_000)


@pytest.mark.long
@proven(FileStore, NaiveStore)
def test_c1_no_read_of_a_hundred_thousand_is_torn_by_writers(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "store", seconds=4.0, readers=4, least=100_000)
