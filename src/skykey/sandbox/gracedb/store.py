"""What is kept: events, superevents and catalogs, in memory, and in one SQLite file before anybody is told."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skykey.sandbox.gracedb.blobs import Blobs

_TABLES = """
create table if not exists things (key text primary key, facts text not null) without rowid;
create table if not exists logs (key text, n integer, entry text not null, primary key (key, n)) without rowid;
"""


@dataclass(eq=False)
class Thing:
    """An event, a superevent or a catalog: facts, and log entries, of which the n-th has the number n."""

    kind: str
    name: str
    facts: dict[str, Any]
    logs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_event(self) -> bool:
        return self.kind == "event"

    @property
    def labels(self) -> list[str]:
        return [label["name"] for label in self.facts["labels"]]

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return its rows of a kind that not every thing has, to which one may be added."""
        rows: list[dict[str, Any]] = self.facts.setdefault(kind, [])
        return rows


class Store:
    """The database. What is altered within `change` is on disk behind it, or was never altered.

    On disk means: there for the next process, however this one ends. The machine itself must not fail.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.blobs = Blobs(folder / "files")
        self.blobs.clean()
        self._db = sqlite3.connect(folder / "gracedb.sqlite", isolation_level=None, check_same_thread=False)
        self._db.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _TABLES)
        self._things: dict[str, dict[str, Thing]] = {"event": {}, "superevent": {}, "catalog": {}}
        self._altered: dict[Thing, set[int]] = {}  # things, and the numbers of their log entries
        for key, facts in self._db.execute("select key, facts from things"):
            kind, _, name = key.partition(" ")
            self._things[kind][name] = Thing(kind, name, json.loads(facts))
        for key, entry in self._db.execute("select key, entry from logs order by key, n"):
            kind, _, name = key.partition(" ")
            self._things[kind][name].logs.append(json.loads(entry))

    def close(self) -> None:
        self._db.close()

    # -- things

    @property
    def is_empty(self) -> bool:
        return not any(self._things.values())

    def get(self, kind: str, name: object) -> Thing | None:
        return self._things[kind].get(str(name))

    def all(self, kind: str) -> list[Thing]:
        return list(self._things[kind].values())

    def add(self, kind: str, name: object, facts: dict[str, Any]) -> Thing:
        thing = self._things[kind][str(name)] = Thing(kind, str(name), facts)
        self.touch(thing)
        return thing

    # -- changes

    def touch(self, thing: Thing, *numbers: int) -> None:
        """Note that the facts of a thing, and these log entries of it, are to be written."""
        self._altered.setdefault(thing, set()).update(numbers)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Write what the block has altered, all of it or nothing. Nothing is awaited within."""
        try:
            yield
            self._db.execute("begin immediate")
            for thing, numbers in self._altered.items():
                self._save(thing, numbers)
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            for thing in self._altered:
                self._restore(thing)
            raise
        finally:
            self._altered.clear()

    def _save(self, thing: Thing, numbers: set[int]) -> None:
        key = f"{thing.kind} {thing.name}"
        self._db.execute("replace into things values (?, ?)", [key, json.dumps(thing.facts)])
        entries = [(key, n, json.dumps(thing.logs[n - 1])) for n in numbers]
        self._db.executemany("replace into logs values (?, ?, ?)", entries)

    def _restore(self, thing: Thing) -> None:
        """Make a thing what it is on disk; it stays the same object, for requests that wait with it in hand."""
        key = f"{thing.kind} {thing.name}"
        found = self._db.execute("select facts from things where key = ?", [key]).fetchone()
        if found is None:
            del self._things[thing.kind][thing.name]
            return
        thing.facts = json.loads(found[0])
        entries = self._db.execute("select entry from logs where key = ? order by n", [key])
        thing.logs = [json.loads(entry) for (entry,) in entries]
