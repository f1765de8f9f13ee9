"""What the benchmarks beside other clients share: one measurement a process, all clients in turn, ratios by round."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
HERE = Path(__file__).resolve().parent


def peak() -> float:
    """The high-water mark of this process's memory in MB; getrusage would count that of its parent too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def measured(ask: Callable[[], T], checks: Callable[[T], list[Any]]) -> None:
    """Ask once, and print what it took as JSON, with what is to be equal for all clients."""
    base, before = peak(), resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    found = ask()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    top = peak()
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": top, "over": top - base, "checks": checks(found)}))


def process(python: Path, script: str, client: str, *arguments: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """One measurement, in a process of its own."""
    command = [str(python), script, "--measure", client, *arguments]
    bare = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=bare, cwd=os.path.dirname(HERE), capture_output=True, text=True)  # noqa: PLW1510
    if done.returncode:
        sys.exit(f"{client} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(title: str, rows: int, rounds: int, clients: Mapping[str, Callable[[], dict[str, Any]]]) -> None:
    """All in turn, who is first changes; a ratio is one round's, of the first one's time to each other's."""
    ours, *others = clients
    taken: dict[str, list[dict[str, Any]]] = {client: [] for client in clients}
    print(f"\n{title}, N = {rows:,}: rows a second, and how many times as long as {ours}")
    width = max(map(len, clients)) + 2
    print(f"{'round':>6} " + " ".join(f"{client:>{width}}" for client in clients) + "   " + " ".join(others))
    for number in range(1, rounds + 1):
        for client in sorted(clients, reverse=bool(number % 2)):
            taken[client].append(clients[client]())
        latest = {client: each[-1] for client, each in taken.items()}
        if len({json.dumps(each["checks"]) for each in latest.values()}) > 1:
            sys.exit("they do not agree: " + "; ".join(f"{name} {each['checks']}" for name, each in latest.items()))
        print(f"{number:>6} " + _line([rows / each["wall"] for each in latest.values()], width), end="   ")
        print(" ".join(f"{latest[other]['wall'] / latest[ours]['wall']:.2f}" for other in others), flush=True)
    speeds = [statistics.median(rows / each["wall"] for each in taken[client]) for client in clients]
    print("median " + _line(speeds, width), end="   ")
    print(" ".join(f"{_ratio(taken[ours], taken[other]):.2f}" for other in others))
    for key, what in (("wall", "wall s"), ("cpu", "client CPU s"), ("peak", "peak MB"), ("over", "over base MB")):
        digits = 3 if key in {"wall", "cpu"} else 0
        medians = {client: statistics.median(each[key] for each in taken[client]) for client in clients}
        print(f"{what:>14}: " + ", ".join(f"{client} {value:.{digits}f}" for client, value in medians.items()))


def _line(values: Sequence[float], width: int) -> str:
    return " ".join(f"{value:>{width},.0f}" for value in values)


def _ratio(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> float:
    return statistics.median(other["wall"] / one["wall"] for one, other in zip(ours, theirs, strict=True))
