"""GraceDB from afar: Skykey and ligo-gracedb in turn, at a server that is 20 ms away.

    .venv/bin/python benchmarks/gracedb.py [--rounds 5] [--only calls uploads large start] [--latency 0.02]

Both ask the same server (`gracedb_endpoint.py`) over plain http on loopback. It has its answers ready, each request
waits 20 ms for one, and all carry a token of 600 characters. Each measurement is a fresh process; imports, the API
root, connections and a first call are outside the clock. A ratio is one round's; who goes first changes with each
round, and what is shown are medians.

- calls: so many `event()` at once, each answer parsed, again and again; beside as many of ligo-gracedb one after the
  other, which is how it is documented, and beside a pool of threads that share its client. A burst's time is the
  process's median; processor time is that of the whole process, divided by its calls.
- uploads: 200 event files of 1 kB.
- large: one file of 100 MB. Memory is the process's own high-water mark, less what it was before the upload.
- start: fresh interpreters, the best of many, over a bare one of the same environment.

ligo-gracedb 2.16.1 comes by itself, in an environment of its own. It is told to look for no credential, and gets the
token as a header: its own would ask the token's issuer for keys.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rounds
from gracedb_endpoint import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

HERE = Path(__file__).resolve()
OURS, THEIRS = "skykey", "ligo-gracedb"
PARTS = ("calls", "uploads", "large", "start")
# How the calls are made at once; the first of each client is how it is meant to be.
WAYS = {"tasks": (OURS,), "threads": (OURS, THEIRS)}
FASTER = {4: 3.4, 16: 12.0, 64: 25.0}
CPU_MS = 0.5
OVER_MB = 32
START_MS = {"import skykey": 15, "skykey gracedb --version": 100, "skykey gracedb --help": 100}
EVENT = "<?xml version='1.0'?><LIGO_LW><!-- {number} -->{filling}</LIGO_LW>"
SEARCH = ("CBC", "gstlal", "AllSky")

# -- in the measured process


def client_of(name: str, url: str) -> Any:
    """A blocking client."""
    if name == OURS:
        from skykey.gracedb.rest import GraceDb

        return GraceDb(url)
    from ligo.gracedb.rest import GraceDb as Official

    official = Official(url, force_noauth=True)
    token = Path(os.environ["BEARER_TOKEN_FILE"]).read_text(encoding="ascii")
    official.headers["Authorization"] = f"Bearer {token}"
    return official


def named(answer: Any) -> str:
    """What is read of an event."""
    found: str = answer.json()["graceid"]
    return found


class Watch:
    """Seconds of bursts of calls, and of the processor for a call."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._walls: list[float] = []
        self._used = time.process_time()

    def saw(self, began: float, found: list[str]) -> None:
        """One burst is over."""
        self._walls.append(time.perf_counter() - began)
        if len(set(found)) != self._calls:
            raise RuntimeError(f"{len(set(found))} of {self._calls} calls were answered")

    def told(self) -> dict[str, float]:
        """The median burst, and the mean call."""
        cpu = (time.process_time() - self._used) / len(self._walls) / self._calls
        return {"wall": statistics.median(self._walls), "cpu": cpu}


def calls_in_threads(name: str, url: str, at_once: Iterable[int], times: int) -> dict[str, Any]:
    """One after the other, and several at once in threads."""
    client = client_of(name, url)

    def call(number: int) -> str:
        return named(client.event(f"G{number}"))

    call(0)
    watch = Watch(1)
    for number in range(8 * times):
        watch.saw(time.perf_counter(), [call(number)])
    taken: dict[str, Any] = {"1": watch.told()}
    for many in at_once:
        with ThreadPoolExecutor(many) as threads:
            list(threads.map(call, range(many)))
            watch = Watch(many)
            for _ in range(times):
                watch.saw(time.perf_counter(), list(threads.map(call, range(many))))
            taken[str(many)] = watch.told()
    return taken


async def calls_in_tasks(url: str, at_once: Iterable[int], times: int) -> dict[str, Any]:
    """Several at once in tasks of one event loop."""
    from skykey.gracedb.rest import AsyncGraceDb

    client = AsyncGraceDb(url)

    async def call(number: int) -> str:
        return named(await client.event(f"G{number}"))

    taken: dict[str, Any] = {}
    for many in at_once:
        await asyncio.gather(*map(call, range(many)))
        watch = Watch(many)
        for _ in range(times):
            watch.saw(time.perf_counter(), await asyncio.gather(*map(call, range(many))))
        taken[str(many)] = watch.told()
    return taken


def uploads(name: str, url: str, folder: Path, at_once: int) -> None:
    """Every file of a folder as an event."""
    client = client_of(name, url)
    group, pipeline, search = SEARCH
    files = sorted(folder.glob("*.xml"))
    named(client.create_event(group, pipeline, str(files[0]), search=search))

    def ask() -> list[str]:
        if name == THEIRS:
            return [named(client.create_event(group, pipeline, str(path), search=search)) for path in files]
        from skykey.gracedb.bulk import NewEvent

        events = [NewEvent(group, pipeline, path, search) for path in files]
        return [outcome.result["graceid"] for outcome in client.upload_many(events, at_once=at_once).check()]

    rounds.measured(ask, lambda found: [len(found), len(set(found))])


def large(name: str, url: str, path: Path) -> None:
    """One large file with a log entry."""
    size = path.stat().st_size
    if name == "skykey, async":
        from skykey.gracedb.rest import AsyncGraceDb

        async def ask() -> Any:
            client = AsyncGraceDb(url)
            await client.event("G1")
            return (await client.write_log("G1", "all of it", filename=str(path))).json()["received"]

        asyncio.run(ask_once(ask, size))
        return
    client = client_of(name, url)
    client.event("G1")
    rounds.measured(
        lambda: client.write_log("G1", "all of it", filename=str(path)).json()["received"],
        lambda received: [received >= size],
    )


async def ask_once(ask: Callable[[], Awaitable[Any]], size: int) -> None:
    """As `rounds.measured`, on the running loop."""
    base, used, began = rounds.peak(), time.process_time(), time.perf_counter()
    received = await ask()
    wall, cpu, top = time.perf_counter() - began, time.process_time() - used, rounds.peak()
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": top, "over": top - base, "checks": [received >= size]}))


# -- around it


class Bench:
    """Both interpreters, the server, and what processes find around them."""

    def __init__(self, options: argparse.Namespace, url: str, folder: Path) -> None:
        from tools import parts

        self.options, self.url, self.folder = options, url, folder
        self.pythons = {OURS: Path(sys.executable), THEIRS: parts.guest(THEIRS)}
        token = folder / "token"
        token.write_text(made_up_token(), encoding="ascii")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "BEARER_TOKEN_FILE": str(token)}

    def measured(self, client: str, way: str, *more: object) -> dict[str, Any]:
        """What a fresh process says of itself."""
        python = self.pythons[THEIRS if client == THEIRS else OURS]
        arguments = ["--way", way, "--url", self.url, *map(str, more)]
        return rounds.process(python, str(HERE), client, *arguments, environment=self.environment)

    def turns(self, makers: Mapping[str, Callable[[], dict[str, Any]]], title: str) -> dict[str, list[dict[str, Any]]]:
        """All in turn, who is first changes."""
        taken: dict[str, list[dict[str, Any]]] = {name: [] for name in makers}
        print(f"\n{title}; round", end="", flush=True)
        for number in range(1, self.options.rounds + 1):
            print(f" {number}", end="", flush=True)
            for name in sorted(makers, reverse=bool(number % 2)):
                taken[name].append(makers[name]())
        print(f" (load {os.getloadavg()[0]:.1f})")
        checks = {json.dumps(one.get("checks")) for each in taken.values() for one in each}
        if len(checks) > 1:
            sys.exit(f"they do not agree: {checks}")
        return taken

    def calls(self) -> None:
        """So many small calls at once."""
        at_once = self.options.at_once
        more = ("--bursts", self.options.bursts, "--at-once", *at_once)
        makers = {
            f"{client}, {way}": partial(self.measured, client, way, *more)
            for way, clients in WAYS.items()
            for client in clients
        }
        taken = self.turns(makers, f"calls, {self.options.latency * 1000:.0f} ms away")
        serial = [one["1"]["wall"] for one in taken[f"{THEIRS}, threads"]]
        for name in makers:
            if "1" in taken[name][0]:
                own = statistics.median(one["1"]["wall"] for one in taken[name])
                cpu = statistics.median(one["1"]["cpu"] for one in taken[name])
                print(
                    f"{name.partition(',')[0]} one after the other: {own * 1e3:.1f} ms a call, {cpu * 1e3:.2f} of CPU"
                )
        shown(("", "at once", "ms", "x theirs serial", "wanted", "CPU ms a call", "wanted"))
        for many in at_once:
            for name, each in taken.items():
                wall, cpu = (statistics.median(one[str(many)][key] for one in each) for key in ("wall", "cpu"))
                ratio = statistics.median(
                    theirs * many / one[str(many)]["wall"] for theirs, one in zip(serial, each, strict=True)
                )
                wanted = (FASTER.get(many, ""), CPU_MS) if name.startswith(OURS) else ("", "")
                shown((name, many, f"{wall * 1e3:.1f}", f"{ratio:.1f}", wanted[0], f"{cpu * 1e3:.2f}", wanted[1]))

    def uploads(self) -> None:
        """Many small files."""
        folder = self.folder / "events"
        folder.mkdir()
        for number in range(self.options.files):
            text = EVENT.format(number=number, filling="x" * 1000)
            (folder / f"event{number:04}.xml").write_text(text, encoding="ascii")
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            f"{OURS}, {many} at once": partial(self.measured, OURS, "uploads", "--path", folder, "--at-once", many)
            for many in (8, 16)
        }
        makers[THEIRS] = partial(self.measured, THEIRS, "uploads", "--path", folder)
        taken = self.turns(makers, f"{self.options.files} uploads")
        self.compared(taken)

    def large(self) -> None:
        """A large file."""
        path = self.folder / "large.fits"
        with path.open("wb") as file:
            for _ in range(self.options.megabytes):
                file.write(os.urandom(10**6))
        clients = (OURS, "skykey, async", THEIRS)
        makers = {name: partial(self.measured, name, "large", "--path", path) for name in clients}
        taken = self.turns(makers, f"a file of {self.options.megabytes} MB")
        self.compared(taken, OVER_MB)

    def compared(self, taken: dict[str, list[dict[str, Any]]], over: float | str = "") -> None:
        """One line a client."""
        shown(("", "s", "theirs / its", "CPU s", "over base MB", "wanted"))
        for name, each in taken.items():
            pairs = zip(taken[THEIRS], each, strict=True)
            ratio = statistics.median(theirs["wall"] / one["wall"] for theirs, one in pairs)
            wall, cpu, top = (statistics.median(one[key] for one in each) for key in ("wall", "cpu", "over"))
            wanted = over if name != THEIRS else ""
            shown((name, f"{wall:.2f}", f"{ratio:.1f}", f"{cpu:.2f}", f"{top:.0f}", wanted))

    def start(self) -> None:
        """How long it takes before anything is asked."""
        ours, theirs = map(str, self.pythons.values())
        official = str(self.pythons[THEIRS].with_name("gracedb"))
        made = "from {} import GraceDb; GraceDb('{}', force_noauth=True)"
        cases = {
            "a bare interpreter": [ours, "-c", "pass"],
            "import skykey": [ours, "-c", "import skykey"],
            "skykey.gracedb.rest": [ours, "-c", "from skykey.gracedb.rest import GraceDb"],
            "its GraceDb()": [ours, "-c", made.format("skykey.gracedb.rest", self.url)],
            "skykey gracedb --version": [ours, "-m", "skykey", "gracedb", "--version"],
            "skykey gracedb --help": [ours, "-m", "skykey", "gracedb", "--help"],
            "dropin gracedb --version": [ours, "-m", "skykey.dropin", "gracedb", "--version"],
            "its bare interpreter": [theirs, "-c", "pass"],
            "ligo.gracedb.rest": [theirs, "-c", "from ligo.gracedb.rest import GraceDb"],
            "its own GraceDb()": [theirs, "-c", made.format("ligo.gracedb.rest", self.url)],
            "gracedb --version": [theirs, official, "--version"],
            "gracedb --help": [theirs, official, "--help"],
        }
        best = dict.fromkeys(cases, float("inf"))
        for _ in range(self.options.rounds * 4):
            for name, command in cases.items():
                began = time.perf_counter()
                subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, check=True)
                best[name] = min(best[name], time.perf_counter() - began)
        print(f"\nstart, best of {self.options.rounds * 4} (load {os.getloadavg()[0]:.1f})")
        shown(("", "ms", "over bare", "wanted"))
        for name, command in cases.items():
            bare = best["a bare interpreter" if command[0] == ours else "its bare interpreter"]
            shown((name, f"{best[name] * 1e3:.0f}", f"{(best[name] - bare) * 1e3:.0f}", START_MS.get(name, "")))


def shown(cells: tuple[object, ...]) -> None:
    """One line of a table."""
    first, *others = map(str, cells)
    print(f"{first:<24}" + "".join(f"{cell:>16}" for cell in others))


def made_up_token() -> str:
    """What looks like a SciToken; nobody issued it."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "http://127.0.0.1:9/",
        "sub": "albert.einstein@ligo.org",
        "aud": "ANY",
        "ver": "scitoken:2.0",
    }
    claims |= {"scope": "gracedb.read", "iat": now - 60, "exp": now + 86400}
    texts = [json.dumps(one).encode() for one in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in texts), "A" * 342])


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds")
    parser.add_argument("--at-once", type=int, nargs="+", default=list(FASTER))
    parser.add_argument("--bursts", type=int, default=10, help="of calls, in each process")
    parser.add_argument("--files", type=int, default=200, help="to be uploaded")
    parser.add_argument("--megabytes", type=int, default=100, help="of the large file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(options: argparse.Namespace) -> None:
    """Measure in this process, and print it as JSON."""
    match options.way:
        case "tasks":
            print(json.dumps(asyncio.run(calls_in_tasks(options.url, options.at_once, options.bursts))))
        case "threads":
            print(json.dumps(calls_in_threads(options.measure, options.url, options.at_once, options.bursts)))
        case "uploads":
            uploads(options.measure, options.url, options.path, options.at_once[0])
        case _:
            large(options.measure, options.url, options.path)


def main() -> None:
    """Measure, or be measured."""
    options = parsed()
    if options.measure:
        measured(options)
        return
    sys.path.insert(0, str(HERE.parents[1]))
    with serving(options.latency) as url, tempfile.TemporaryDirectory(prefix="skykey-") as folder:
        bench = Bench(options, url, Path(folder))
        for part in options.only:
            getattr(bench, part)()


if __name__ == "__main__":
    main()
