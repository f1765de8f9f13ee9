"""The data that comes with the sandbox: a recorded sample and a generated night."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from skykey.sandbox.influxdb.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent.parent / "data"


def load(folder: Path = DATA) -> Store:
    store = Store()
    store.load_parquet(folder / "night.parquet")
    store.load_points("efd", (folder / "efd_sample.lp").read_text(encoding="utf-8"))
    store.lock()
    return store


@cache
def shared() -> Store:
    """Give the one that all services of a process read."""
    return load()


def databases() -> list[str]:
    return sorted(shared().databases)


def line_protocol(database: str) -> Iterator[str]:
    """Write a bundled database as line protocol, in batches, for a real InfluxDB to hold the same."""
    return shared().line_protocol(database)
