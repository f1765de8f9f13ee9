"""The fault matrix: each fault against each client, as a table that is printed and compared.

Each cell puts a proxy that misbehaves between a client and the sandbox. "full 2" is the unfaulted result with two
requests, "interrupted 4" an error of that code after four, "flagged 2" less than the whole that says so, "-" a fault
that means nothing there. After each cell the
same client is asked again without the fault, and must have everything.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from skykey.sandbox import Box
from skykey.tables.table import Table
from skykey.testing.faults import (
    Bomb,
    Drip,
    Fault,
    Latency,
    Reply,
    Reset,
    Rewrite,
    Stall,
    Truncate,
    WrongLength,
    page,
    redirect,
)
from skykey.testing.faults_proxy import FaultProxy
from skykey.values.deadline import within
from skykey.values.errors import SkykeyError

HANG = 0.8  # seconds beyond its time limit
PATIENT, IMPATIENT = 8.0, 0.4
BEGINNING, LATER = 150, 8000  # bytes: before any row, and behind the first chunk of rows

Ask = Callable[[], Any]
Column = Callable[[str, str], Ask]
"""From a site's address and token to a question."""


@dataclass(frozen=True)
class Row:
    """One fault, as often as it comes; and the client's time limit."""

    fault: Fault
    times: int | None = 1
    limit: float = PATIENT


# What any answer over HTTP may meet. A service's own faults go between.
ON_THE_WAY = {
    "500 once": Row(Reply(500)),
    "503 + Retry-After 1, once": Row(Reply(503, retry_after=1)),
    "503 without, once": Row(Reply(503)),
    "429 + Retry-After 1, once": Row(Reply(429, retry_after=1)),
    "401 once": Row(Reply(401)),
    "403 once": Row(Reply(403)),
    "cut before the answer, once": Row(Reset()),
    "reset in mid-body, once": Row(Reset(BEGINNING)),
    "reset behind some rows, once": Row(Reset(LATER)),
    "end in mid-body, length, once": Row(Truncate(BEGINNING, "length")),
    "end in mid-body, chunked, once": Row(Truncate(BEGINNING, "chunked")),
    "end in mid-body, untold, once": Row(Truncate(BEGINNING, "close")),
    "end in mid-body, always": Row(Truncate(BEGINNING), None),
    "silence before the head": Row(Stall(), None, IMPATIENT),
    "silence in mid-body": Row(Stall(BEGINNING), None, IMPATIENT),
    "50 bytes a second": Row(Drip(50), None, IMPATIENT),
    "0.2 s late": Row(Latency(0.2), None),
    "half of it, in valid HTTP": Row(Rewrite(lambda body: body[: len(body) // 2]), None),
    "nothing, in valid HTTP": Row(Rewrite(lambda _: b""), None),
    "Content-Length too large": Row(WrongLength(10)),
    "Content-Length too small": Row(WrongLength(-10)),
    "login page with 200": Row(page(), None),
    "302 to a login page": Row(redirect("https://login.example/login"), None),
    "302 to another host": Row(redirect("https://other.example/"), None),
}
OF_THE_SERVER = {
    "204": Row(Reply(204), None),
    "64 MB in 65 kB": Row(Bomb(64 * 2**20), None),
    "500 always": Row(Reply(500), None),
    "503 always": Row(Reply(503), None),
    "504 once": Row(Reply(504)),
    "504 always": Row(Reply(504), None),
}
AT_LAST = {"429 + Retry-After 1e10, always": Row(Reply(429, retry_after=9_999_999_999), None)}


@dataclass(frozen=True)
class Matrix:
    """What is played to whom.

    Parameters
    ----------
    rows
        The faults.
    path
        Whose answers they spoil, as a pattern.
    paths
        The same for single columns.
    without
        Faults that mean nothing in a column.
    counts
        Which requests of a column are counted, as ``POST */query``; all of them else.
    """

    rows: Mapping[str, Row]
    path: str
    paths: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, Iterable[str]] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)

    def table(self, box: Box, columns: Mapping[str, Column]) -> "Cells":
        """All clients side by side, each through all faults."""
        with ThreadPoolExecutor(len(columns)) as pool:
            running = {name: pool.submit(self._cells, box, name, column) for name, column in columns.items()}
            return {name: future.result() for name, future in running.items()}

    def _cells(self, box: Box, name: str, column: Column) -> "dict[str, Cell]":
        """One client through all faults, one after the other."""
        found: dict[str, Cell] = {}
        with FaultProxy(box.site_url) as proxy:
            ask = column(proxy.url, box.token)
            whole = ask()  # with the login and the schema, which are not what fails here
            assert same(ask(), whole)
            for title, row in self.rows.items():
                if title in self.without.get(name, ()):
                    found[title] = Cell("-")
                    continue
                proxy.forget()
                proxy.fault(row.fault, path=self.paths.get(name, self.path), times=row.times)
                begin = time.monotonic()  # before the guard's own clock: whoever is cut off by it took longer
                guard = threading.Timer(row.limit + HANG, proxy.hang_up)
                guard.start()
                with within(row.limit):
                    cell = Cell(outcome(ask, whole))
                cell.took = time.monotonic() - begin
                method, _, path = self.counts.get(name, "* *").partition(" ")
                cell.requests = sum(method in {"*", seen.method} for seen in proxy.requests(path))
                guard.cancel()
                guard.join()
                if cell.took > row.limit + HANG:
                    cell.outcome = "HANG"
                proxy.reset()
                cell.after = outcome(ask, whole)
                found[title] = cell
        return found

    def printed(self, found: "Cells", columns: Iterable[str] | None = None) -> str:
        """Rows are faults, columns clients."""
        names = list(columns or found)
        lines = [["", *names], *([title, *(str(found[name][title]) for name in names)] for title in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        return "\n".join(
            " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def check(self, found: "Cells", ceiling: Callable[[float], float]) -> None:
        """Print the figures; fail for any silent loss, any hang, any error that is none of ours, any lasting harm."""
        every = [(name, title, cell) for name in found for title, cell in found[name].items()]
        losses = [(name, title) for name, title, cell in every if "LOSS" in {cell.outcome, cell.after}]
        hangs = [(name, title) for name, title, cell in every if cell.took > self.rows[title].limit + ceiling(0.5)]
        print(f"{len(every)} cells, {len(losses)} silent losses, {len(hangs)} hangs")
        assert (losses, hangs) == ([], [])
        assert [(name, title) for name, title, cell in every if "!" in cell.outcome or cell.after != "full"] == []


@dataclass
class Cell:
    """What came of one fault with one client."""

    outcome: str
    requests: int = 0
    took: float = 0.0
    after: str = "full"

    def __str__(self) -> str:
        return f"{self.outcome} {self.requests}" + ("" if self.after == "full" else f", then {self.after}")


Cells = dict[str, dict[str, Cell]]


def outcome(ask: Ask, whole: Any) -> str:
    try:
        found = ask()
    except SkykeyError as problem:
        return problem.code
    except Exception as problem:  # noqa: BLE001 - that is the finding
        return f"!{type(problem).__name__}"
    return "full" if same(found, whole) else "flagged" if is_flagged(found) else "LOSS"


def same(found: Any, whole: Any) -> bool:
    if isinstance(whole, Table):
        return isinstance(found, Table) and same(found.arrow, whole.arrow)
    if isinstance(whole, pd.DataFrame | pa.Table):
        return bool(whole.equals(found)) and len(whole) > 0
    return bool(found == whole)


def is_flagged(found: Any) -> bool:
    """Whether it says itself that there is more."""
    return bool(getattr(found, "truncated", False) or getattr(found, "attrs", {}).get("truncated", False))


def blocking(make: Callable[[str, str], Any], ask: Callable[[Any], Any]) -> Column:
    """A column of a client that blocks."""

    def column(url: str, token: str) -> Ask:
        client = make(url, token)
        return lambda: ask(client)

    return column


def asynchronous(make: Callable[[str, str], Any], ask: Callable[[Any], Any]) -> Column:
    """A column of a client whose questions are coroutines; each has an event loop of its own."""

    def column(url: str, token: str) -> Ask:
        client = make(url, token)
        return lambda: asyncio.run(ask(client))

    return column
