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
    from collections.abc import Callable, Mapping

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
    """All in turn, who is first changes; a ratio is one round's, of a client's time to that of the first one."""
    ours = next(iter(clients))
    taken: dict[str, list[dict[str, Any]]] = {client: [] for client in clients}
    print(f"\n{title}, N = {rows:,}; round", end="", flush=True)
    for number in range(1, rounds + 1):
        print(f" {number}", end="", flush=True)
        for client in sorted(clients, reverse=bool(number % 2)):
            taken[client].append(clients[client]())
        latest = {client: each[-1]["checks"] for client, each in taken.items()}
        if len({json.dumps(each) for each in latest.values()}) > 1:
            sys.exit(f"\nthey do not agree: {latest}")
    width = max(map(len, clients))
    heads = ("    rows/s", f"s / {ours}'s", "wall s", "client CPU s", "peak MB", "over base MB")
    print(f"\n{'medians':<{width}}  " + "  ".join(heads))
    for client, each in taken.items():
        ratio = statistics.median(one["wall"] / base["wall"] for one, base in zip(each, taken[ours], strict=True))
        wall, cpu, top, over = (statistics.median(one[key] for one in each) for key in ("wall", "cpu", "peak", "over"))
        shown = (f"{rows / wall:,.0f}", f"{ratio:.2f}", f"{wall:.3f}", f"{cpu:.3f}", f"{top:.0f}", f"{over:.0f}")
        cells = (f"{cell:>{len(head)}}" for cell, head in zip(shown, heads, strict=True))
        print(f"{client:<{width}}  " + "  ".join(cells))
