"""What a token costs, and how often its issuer is asked: Skykey and six libraries against one endpoint.

    .venv/bin/python benchmarks/tokens.py [--only skykey google-auth] [--json]

The endpoint (`tokens_endpoint.py`) speaks https on loopback and takes 100 ms. Each library runs in a process of its own
(`tokens_races.py`), and is driven as its documentation shows (`tokens_clients.py`):

- a valid token: microseconds of processor time a call, median of 7 rounds of 2,000 calls; the rounds of all libraries
  take turns, and a ratio is one round's;
- requests to the endpoint when 64 threads, 64 tasks, 64 forked processes ask at once and the token is over; and when
  64 more processes ask while it is valid. Threads and tasks share one object. Processes are forked from one that has
  imported everything and has fetched a token of another login; behind a gate each makes its own object and asks;
- seconds from the last process's start to the last one's end;
- of Skykey's valid token, how often it reads the clock (counted by a clock that was handed in), and the system calls of
  all threads meanwhile (counted by strace, if it is there).

The libraries come by themselves, in environments of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from tokens_clients import CLIENTS
from tokens_endpoint import serving
from tokens_races import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokens_endpoint import Endpoint

HERE = Path(__file__).resolve().parent
BASE = "skykey"
OURS = ("skykey", "skykey-auth")
# The environments; what is not named here is in the first one.
PEERS, GUESTS = "azure-identity", {"descarteslabs": "descarteslabs"}
RACES = ("processes", "again", "threads", "tasks")
GOAL_US, GOAL_OVER = 2.0, 0.5


class Unable(Exception):
    """A measurement that cannot be made here; says why."""


class Measured:
    """One library in its process.

    Parameters
    ----------
    name
        In `CLIENTS`.
    python
        Of its environment.
    endpoint
        What it asks.
    folder
        Where it keeps what it keeps.
    before
        A program to run it under.
    """

    def __init__(self, name: str, python: Path, endpoint: Endpoint, folder: Path, before: tuple[str, ...] = ()) -> None:
        self.name, self._endpoint = name, endpoint
        home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C.UTF-8"}
        environment |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(endpoint.authority))
        self._log = home / "stderr"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*before, str(python), str(HERE / "tokens_races.py"), name, endpoint.url, str(home)],
                env=environment,
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._questions = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)

    def ask(self, verb: str, number: int, lane: str = "") -> dict[str, Any]:
        """Have one measurement made.

        Raises
        ------
        Unable
            If it cannot be.
        """
        with contextlib.suppress(BrokenPipeError):
            self._questions.write(f"{verb} {self.name}-{lane or verb} {number}\n")
            self._questions.flush()
        line = self._answers.readline()
        if not line:
            words = self._log.read_text(errors="replace").strip().splitlines()
            raise Unable(words[-1] if words else "its process ended without a word")
        answer: dict[str, Any] = json.loads(line)
        if "unable" in answer:
            raise Unable(answer["unable"])
        return answer

    def race(self, verb: str, number: int, lane: str) -> dict[str, Any]:
        """Have a race made, and count what the endpoint got."""
        before = self._endpoint.hits[f"{self.name}-{lane}"]
        told = self.ask(verb, number, lane)
        return {**told, "hits": self._endpoint.hits[f"{self.name}-{lane}"] - before}

    def end(self) -> None:
        """Let it end, and wait for that."""
        for pipe in (self._questions, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def measured(
    names: list[str], endpoint: Endpoint, folder: Path, skipped: dict[str, str]
) -> Iterator[dict[str, tuple[Measured, dict[str, Any]]]]:
    """Start the libraries, and have each fetch a token. Those that cannot be had are skipped, with the reason."""
    sys.path.insert(0, str(HERE.parent))
    from tools import parts

    started: dict[str, tuple[Measured, dict[str, Any]]] = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            try:
                python = Path(sys.executable) if name in OURS else parts.guest(GUESTS.get(name, PEERS))
                one = Measured(name, python, endpoint, folder)
                stack.callback(one.end)
                started[name] = one, one.ask("warm", 0)
            except (parts.PartError, Unable) as problem:
                skipped[name] = str(problem)
        yield started


def quiet(name: str, endpoint: Endpoint, folder: Path, calls: int) -> dict[str, Any]:
    """Count what a valid token of Skykey costs beside time: readings of the clock, and system calls of all threads."""
    plain = Measured(name, Path(sys.executable), endpoint, folder)
    try:
        reads = plain.ask("reads", calls)
    finally:
        plain.end()
    found: dict[str, Any] = {"calls": calls, "steady": reads["steady"] / calls, "wall": reads["wall"] / calls}
    if shutil.which("strace") is None:
        return {**found, "system": None, "why": "there is no strace here"}
    log = folder / f"{name}.strace"
    traced = Measured(name, Path(sys.executable), endpoint, folder, ("strace", "-f", "-qq", "-o", str(log)))
    try:
        took = traced.ask("quiet", calls)["seconds"]
    except Unable as problem:
        return {**found, "system": None, "why": f"strace cannot trace here ({problem})"}
    finally:
        traced.end()
    lines = log.read_text(errors="replace").splitlines()
    marks = [number for number, line in enumerate(lines) if f'"{MARK}"' in line]
    if len(marks) != 2:  # noqa: PLR2004 - before and behind
        return {**found, "system": None, "why": "strace did not see the calls"}
    between = lines[marks[0] + 1 : marks[1]]
    return {**found, "system": len(between), "seconds": took, "first": between[:10]}


def costs(clients: dict[str, Measured], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Take turns: microseconds a call, and the ratio to Skykey's keeper in the same round."""
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(options.rounds):
        names = list(clients)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            taken[name].append(clients[name].ask("cost", options.calls)["us"])
    base = taken.get(BASE)
    found = {}
    for name, each in taken.items():
        found[name] = {"us": statistics.median(each)}
        if base:
            found[name]["ratio"] = statistics.median(one / ours for one, ours in zip(each, base, strict=True))
    return found


def races(one: Measured, turns: int, number: int) -> dict[str, dict[str, Any]]:
    """Have each race made a few times, always with another login; the second wave has that of the first."""
    client = CLIENTS[one.name]
    found: dict[str, dict[str, Any]] = {}
    for verb in RACES if client.fetches else ():
        if verb == "tasks" and client.acall is None:
            continue
        lane = "processes" if verb == "again" else verb
        try:
            told = [one.race(verb, number, f"{lane}{turn}") for turn in range(turns)]
        except Unable as problem:
            found[verb] = {"unable": str(problem)}
            continue
        errors = [each["error"] for each in told if each["error"]]
        found[verb] = {
            "hits": [each["hits"] for each in told],
            "seconds": [each["seconds"] for each in told],
            "failed": sum(each["failed"] + each.get("silent", 0) for each in told),
            "error": errors[0] if errors else None,
        }
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Do it all."""
    names = [name for name in CLIENTS if not options.only or name in options.only]
    skipped: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    began = time.monotonic()
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skykey-benchmark-")))
        endpoint = stack.enter_context(serving(folder, options.latency))
        started = stack.enter_context(measured(names, endpoint, folder, skipped))
        for name, (one, told) in started.items():
            say(f"{name}: races")
            rows[name] = {**told, "races": races(one, options.races, options.at_once)}
        say(f"{options.rounds} rounds of {options.calls:,} calls each")
        for name, found in costs({name: one for name, (one, _) in started.items()}, options).items():
            rows[name].update(found)
        for name in OURS:
            if name in started:
                say(f"{name}: clock and system calls")
                rows[name]["quiet"] = quiet(name, endpoint, folder, 10 * options.calls)
    asked = {name: getattr(options, name) for name in ("latency", "at_once", "races", "rounds", "calls")}
    result = {**asked, **machine, "seconds": time.monotonic() - began, "rows": rows, "skipped": skipped}
    return {**result, "goals": {name: goals(rows[name], options.latency) for name in OURS if name in rows}}


def goals(row: dict[str, Any], latency: float) -> dict[str, bool]:
    """What was aimed at, and whether it was met."""
    ran, silent = row["races"], row["quiet"]
    wanted = {"threads": 1, "tasks": 1, "processes": 1, "again": 0}
    cold = ran["processes"]
    return {
        f"a valid token takes {GOAL_US:.0f} µs at most": row["us"] <= GOAL_US,
        "it reads the steady clock once, and the wall clock not at all": (silent["steady"], silent["wall"]) == (1, 0),
        **({} if silent["system"] is None else {"it makes no system call": silent["system"] == 0}),
        "one request for threads, for tasks, for processes; none in the second wave": all(
            set(ran[verb].get("hits", [])) == {hits} and not ran[verb]["failed"] for verb, hits in wanted.items()
        ),
        f"processes end within {latency * 1e3:.0f} ms (the endpoint's) + {GOAL_OVER} s": bool(
            cold.get("seconds") and not cold["failed"] and statistics.median(cold["seconds"]) <= latency + GOAL_OVER
        ),
    }


# -- showing it


def show(result: dict[str, Any]) -> None:
    """Print tables and goals."""
    shown = f"{result['cores']} cores, load {result['load']:.1f}, Python {result['python']}"
    print(f"endpoint: https on loopback, {result['latency'] * 1e3:.0f} ms an answer; {shown}\n")
    print(f"valid token, processor time, median of {result['rounds']} x {result['calls']:,}")
    print(f"{'library':<16} {'version':<10} {'µs a call':>9} {'ratio':>7}  call")
    for name, row in result["rows"].items():
        ratio = f"{row['ratio']:>7.1f}" if "ratio" in row else f"{'-':>7}"
        print(f"{name:<16} {row['version']:<10} {row['us']:>9.2f} {ratio}  {row['call']}")
    number, times = result["at_once"], result["races"]
    print(
        f"\nrequests to the endpoint, {number} at once, {times} times; s: from the last start to the last end, median"
    )
    print(f"{'library':<16} {'threads':>8} {'tasks':>8} {'processes':>10} {'s':>6} {'again':>8} {'s':>6}")
    for name, row in result["rows"].items():
        cells = [_hits(row, "threads", 8), _hits(row, "tasks", 8)]
        cells += [
            _hits(row, "processes", 10),
            _seconds(row, "processes"),
            _hits(row, "again", 8),
            _seconds(row, "again"),
        ]
        print(f"{name:<16} {' '.join(cells)}")
    print()
    for name, reason in result["skipped"].items():
        print(f"{name} is left out: {reason}")
    for name, row in result["rows"].items():
        print(*(f"{note}\n" for note in _notes(name, row)), sep="", end="")
    for name, reached in result["goals"].items():
        print()
        for goal, met in reached.items():
            print(f"{name:<12} {'met' if met else 'NOT MET':<8} {goal}")
    print(f"\n{result['seconds']:.0f} s in all")


def _hits(row: dict[str, Any], verb: str, width: int) -> str:
    """The least and the most."""
    hits = row["races"].get(verb, {}).get("hits")
    return f"{'-' if not hits else '-'.join(map(str, sorted({min(hits), max(hits)}))):>{width}}"


def _seconds(row: dict[str, Any], verb: str) -> str:
    """The median."""
    seconds = row["races"].get(verb, {}).get("seconds")
    return f"{statistics.median(seconds):>6.2f}" if seconds else f"{'-':>6}"


def _notes(name: str, row: dict[str, Any]) -> Iterator[str]:
    if not row["races"]:
        yield f"{name} fetches no token by itself"
    for verb, race in row["races"].items():
        if "unable" in race:
            yield f"{name}, {verb}: {race['unable']}"
        elif race["failed"]:
            yield f"{name}, {verb}: {race['failed']} failed ({race['error']})"
    if "quiet" in row:
        found = row["quiet"]
        clocks = f"the steady clock is read {found['steady']:g} times a call, the wall clock {found['wall']:g} times"
        system = (
            "not counted: " + found["why"]
            if found["system"] is None
            else f"{found['system']} in {found['seconds']:.3f} s"
        )
        yield f"{name}, {found['calls']:,} calls with a valid token: {clocks}; system calls of all threads: {system}"


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(CLIENTS), metavar="LIBRARY", help=", ".join(CLIENTS))
    parser.add_argument("--races", type=int, default=3, help="times that each race is run")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2_000, help="in a round")
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, help="of the endpoint, in seconds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
