"""A12: a writer is killed at each step of a write: what is there then is the old entry or the new one."""

import os
from pathlib import Path
from typing import Any

import pytest

from skykey.credentials.stores.file import FileStore
from tests.credentials.stores.actors import line_of, started
from tests.credentials.stores.making import held, number_of
from tests.credentials.stores.proof import proven
from tests.reliability.naive_credentials import NaiveStore


def check(make: Any, folder: Path, rounds: int) -> None:
    make(folder).write("k", held(1))
    os.chmod(folder, 0o700)
    with started("killed", make.__name__, folder, rounds) as actor:
        broken, kills, moments = map(int, line_of(actor).split())
    print(f"A12: {broken} broken of {rounds}, killed {kills} times at {moments} moments of a write")
    assert broken == 0, f"{broken} of {rounds} are broken"
    assert kills == rounds
    assert moments >= 20
    make(folder).write("k", held(3))
    assert number_of(make(folder).read("k")) == 3


@proven(FileStore, NaiveStore)
def test_a12_a_writer_killed_at_any_step_leaves_the_old_or_the_new(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "store", 100)


@pytest.mark.long
@proven(FileStore, NaiveStore)
def test_a12_a_writer_killed_a_thousand_times_leaves_the_old_or_the_new(make: Any, tmp_path: Path) -> None:
    check(make, tmp_path / "store", 1000)
