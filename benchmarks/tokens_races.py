"""The measured process of `tokens.py`: one client, which hears and answers in lines of JSON.

    python benchmarks/tokens_races.py CLIENT URL FOLDER

A line names a measurement, its lane and a number. Every client goes through the same code; what differs is in
`tokens_clients.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import signal
import sys
import threading
import time
import timeit
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokens_clients import CLIENTS, OVER, CountingClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokens_clients import Client

MARK = "/skykey-benchmark-mark"
_PATIENCE = 60  # seconds; what takes longer hangs, and is ended


def compiled(expression: str, names: dict[str, Any]) -> Callable[[], Any]:
    """An expression as a function without arguments."""
    return eval(f"lambda: {expression}", dict(names))  # type: ignore[no-any-return]  # noqa: S307 - from tokens_clients.py


class Races:
    """The measurements, by their names."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at_hand: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {}

    def warm(self, lane: str, _number: int) -> dict[str, Any]:
        """Import everything, and fetch once; tell the version."""
        self._ready(lane)
        return {"version": importlib.metadata.version(self._client.distribution), "call": self._client.call}

    def cost(self, lane: str, calls: int) -> dict[str, Any]:
        """Microseconds of processor time a call while the token is valid: none of these calls waits for anything.

        By the clock on the wall, other work on the machine would count, and more so for whoever takes longer.
        """
        names, call = self._ready(lane)
        call()
        seconds = timeit.timeit(self._client.call, number=calls, globals=dict(names), timer=time.process_time)
        return {"us": seconds / calls * 1e6}

    def threads(self, lane: str, number: int) -> dict[str, Any]:
        """One expired object for so many threads, all at once."""
        self._client.log_in(lane)
        names = self._client.made(lane)
        call, barrier = compiled(self._client.call, names), threading.Barrier(number)
        told: list[dict[str, Any]] = []

        def run() -> None:
            barrier.wait()
            told.append(self._timed(call, names))

        threads = [threading.Thread(target=run) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return summed(told)

    def tasks(self, lane: str, number: int) -> dict[str, Any]:
        """One expired object for so many tasks of one loop."""
        self._client.log_in(lane)
        return asyncio.run(self._tasks(lane, number))

    async def _tasks(self, lane: str, number: int) -> dict[str, Any]:
        names = self._client.made(lane, **self._client.for_tasks)
        ask = compiled(str(self._client.acall), names)
        began = time.monotonic()
        answers = await asyncio.gather(*(ask() for _ in range(number)), return_exceptions=True)
        wall = time.monotonic() - began
        errors = [repr(answer) for answer in answers if isinstance(answer, BaseException)]
        if "close" in names:
            await names["close"]()
        return {"seconds": wall, "failed": len(errors), "error": errors[0] if errors else None}

    def processes(self, lane: str, number: int) -> dict[str, Any]:
        """So many forks of this process, held at a gate; behind it each makes its object and asks."""
        self._client.log_in(lane)
        return self._forked(lane, number)

    def again(self, lane: str, number: int) -> dict[str, Any]:
        """Another wave of them while the first one's token is valid."""
        return self._forked(lane, number)

    def _forked(self, lane: str, number: int) -> dict[str, Any]:
        gate, results, ready = os.pipe(), os.pipe(), os.pipe()
        children = []
        for _ in range(number):
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    signal.alarm(_PATIENCE)  # not inherited
                    os.close(gate[1])
                    os.write(ready[1], b".")
                    os.read(gate[0], 1)  # ends when the parent closes its side
                    # One write of less than a page: the kernel does not mix it with another's.
                    os.write(results[1], json.dumps(self._once(lane)).encode() + b"\n")
                os._exit(0)
            children.append(child)
        for _ in children:
            os.read(ready[0], 1)
        for end in (gate[1], results[1]):
            os.close(end)
        with os.fdopen(results[0]) as told:
            summary = summed([json.loads(line) for line in told])
        for child in children:
            os.waitpid(child, 0)
        for end in (gate[0], *ready):
            os.close(end)
        return {**summary, "silent": number - summary["answers"]}

    def _once(self, lane: str) -> dict[str, Any]:
        began = time.monotonic()
        try:
            names = self._client.made(lane)
            call = compiled(self._client.call, names)
        except Exception as problem:  # noqa: BLE001 - told, whatever it is
            return {"began": began, "ended": time.monotonic(), "error": repr(problem)[:300]}
        return {**self._timed(call, names), "began": began}

    def _timed(self, call: Callable[[], Any], names: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        try:
            answer = call()
            ended = time.monotonic()
            token = compiled(self._client.token, {**names, "answer": answer})()
            if token == OVER:
                return {"began": began, "ended": ended, "error": "it gave the token that is over"}
        except Exception as problem:  # noqa: BLE001 - told, whatever it is
            return {"began": began, "ended": time.monotonic(), "error": repr(problem)[:300]}
        return {"began": began, "ended": ended, "token": token[-16:]}

    def quiet(self, lane: str, calls: int) -> dict[str, Any]:
        """Between two system calls that a tracer recognises, so many calls that should need none."""
        _, call = self._ready(lane)
        time.sleep(1.1)  # past the last look again: the next call decides, the others have a second
        call()
        turns = range(calls)
        mark()
        began = time.monotonic()
        for _ in turns:
            call()
        took = time.monotonic() - began
        mark()
        return {"seconds": took}

    def reads(self, lane: str, calls: int) -> dict[str, Any]:
        """How often so many calls read the clock. Only for Skykey, which takes a clock."""
        clock = CountingClock()
        self._client.log_in(lane)
        call = compiled(self._client.call, self._client.made(lane, clock=clock))
        call()
        call()
        before = clock.steadily, clock.walls
        for _ in range(calls):
            call()
        return {"steady": clock.steadily - before[0], "wall": clock.walls - before[1]}

    def _ready(self, lane: str) -> tuple[dict[str, Any], Callable[[], Any]]:
        """What is made once a lane, with a valid token."""
        if lane not in self._at_hand:
            self._client.log_in(lane)
            names = self._client.made(lane)
            call = compiled(self._client.call, names)
            told = self._timed(call, names)
            if "error" in told:
                raise RuntimeError(told["error"])
            self._at_hand[lane] = names, call
        return self._at_hand[lane]


def summed(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What a race came to. Seconds are those from the last start to the last end."""
    errors = [each["error"] for each in told if "error" in each]
    return {
        "answers": len(told),
        "tokens": len({each["token"] for each in told if "token" in each}),
        "failed": len(errors),
        "error": errors[0] if errors else None,
        "seconds": max(each["ended"] for each in told) - max(each["began"] for each in told) if told else None,
        "stagger": max(each["began"] for each in told) - min(each["began"] for each in told) if told else None,
    }


def mark() -> None:
    with contextlib.suppress(OSError):
        os.stat(MARK)


def main() -> None:
    name, url, folder = sys.argv[1:]
    races = Races(CLIENTS[name](url, Path(folder)))
    for line in sys.stdin:
        verb, lane, number = line.split()
        signal.alarm(2 * _PATIENCE)
        try:
            answer = getattr(races, verb)(lane, int(number))
        except Exception as problem:  # noqa: BLE001 - told, whatever it is
            traceback.print_exc()
            answer = {"unable": f"{type(problem).__name__}: {problem}"[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
