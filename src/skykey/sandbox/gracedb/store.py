"""What is kept: events, superevents and catalogs, in memory, and in one SQLite file before anybody is told."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skykey.sandbox.gracedb.blobs import Blobs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = """
create table if not exists things (key text primary key, facts text not null) without rowid;
create table if not exists logs (key text, n integer, entry text not null, primary key (key, n)) without rowid;
"""


@dataclass(eq=False)
class Thing:
    """An event, a superevent or a catalog: facts, and log entries, of which the n-th has the number n."""

    key: str
    facts: dict[str, Any]
    logs: list[dict[str, Any]] = field(default_factory=list)


class Store:
    """The database. What is altered within `change` is on disk behind it, or was never altered."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.blobs = Blobs(folder / "files")
        self.blobs.clean()
        self._db = sqlite3.connect(folder / "gracedb.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _TABLES)
        self._things: dict[str, Thing] = {}
        self._altered: dict[str, set[int]] = {}  # things, and the numbers of their log entries
        for (key,) in self._db.execute("select key from things").fetchall():
            self._load(key)

    def close(self) -> None:
        self._db.close()

    # -- things

    @property
    def is_empty(self) -> bool:
        return not self._things

    def get(self, kind: str, name: object) -> Thing | None:
        return self._things.get(f"{kind} {name}")

    def all(self, kind: str) -> list[Thing]:
        return [thing for key, thing in self._things.items() if key.startswith(kind + " ")]

    def add(self, kind: str, name: object, facts: dict[str, Any]) -> Thing:
        thing = Thing(f"{kind} {name}", facts)
        self._things[thing.key] = thing
        self.touch(thing)
        return thing

    def drop(self, thing: Thing) -> None:
        del self._things[thing.key]
        self.touch(thing)

    # -- changes

    def touch(self, thing: Thing, *numbers: int) -> None:
        """Note that the facts of a thing, and these log entries of it, are to be written."""
        self._altered.setdefault(thing.key, set()).update(numbers)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Write what the block has altered, all of it or nothing. Nothing is awaited within."""
        try:
            yield
            self._db.execute("begin immediate")
            for key, numbers in self._altered.items():
                self._save(key, numbers)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            for key in self._altered:
                self._load(key)
            raise
        finally:
            self._altered.clear()

    def _save(self, key: str, numbers: set[int]) -> None:
        thing = self._things.get(key)
        if thing is None:
            self._db.execute("delete from things where key = ?", [key])
            return
        self._db.execute("replace into things values (?, ?)", [key, json.dumps(thing.facts)])
        entries = [(key, n, json.dumps(thing.logs[n - 1])) for n in numbers]
        self._db.executemany("replace into logs values (?, ?, ?)", entries)

    def _load(self, key: str) -> None:
        found = self._db.execute("select facts from things where key = ?", [key]).fetchone()
        if found is None:
            self._things.pop(key, None)
            return
        entries = self._db.execute("select entry from logs where key = ? order by n", [key])
        self._things[key] = Thing(key, json.loads(found[0]), [json.loads(entry) for (entry,) in entries])
