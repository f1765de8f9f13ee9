"""Telemetry from a real InfluxDB to a DataFrame: Skykey and rubin_nights in turn.

    .venv/bin/python benchmarks/efd.py [--rounds 5] [--rows 10000 100000] [--long]

One topic of 16 fields (12 floats, 2 integers, 2 strings), all of them, N rows by time range. Both speak https with the
same server and find their login in the same site; each measurement is a fresh process, in which imports, login,
connection and a small first question are outside the clock. `select_time_series` is what is timed. Beyond the rows the
peak memory is compared: the process's own high-water mark, less what it was before the question.

The parts come by themselves: InfluxDB 1.6.7 from Debian, rubin_nights 0.18.2 in an environment of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import ssl
import sys
import tempfile
import urllib.request
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skykey.sandbox import Box

HERE = Path(__file__).resolve()
TOPIC = "lsst.sal.Benchmark.telemetry"
BEGIN = 1_790_000_000 * 10**9
STEP = 50_000_000  # 20 Hz
FLOATS, INTEGERS = 12, 2
_BATCH = 10_000

# -- in the measured process: no more than the client and what it needs


def measured(client: str, rows: int) -> None:
    """Ask once, and print what it took as JSON."""
    from astropy.time import Time

    connections = importlib.import_module(f"{'skykey.rubin' if client == 'skykey' else 'rubin_nights'}.connections")
    efd = connections.get_clients()["efd"]
    begin, end = (Time(each // 10**9, each % 10**9 / 1e9, format="unix", scale="utc") for each in span(rows))
    warm = efd.select_time_series(TOPIC, "*", begin, begin)  # imports, login, connection, the list of topics
    rounds.measured(
        lambda: efd.select_time_series(TOPIC, "*", begin, end),
        lambda frame: [len(warm), *frame.shape, *(float(frame[name].sum()) for name in ("float00", "integer0"))],
    )


def span(rows: int) -> tuple[int, int]:
    """The bounds of so many rows, both inclusive."""
    return BEGIN, BEGIN + (rows - 1) * STEP


# -- around it


def lines(first: int, count: int) -> str:
    """Generated telemetry: slow drifts with noise, as encoders give it."""
    import numpy as np

    chance = np.random.default_rng([20260320, first])
    noise = chance.normal(scale=1e-3, size=(count, FLOATS))
    drift = np.sin(np.arange(first, first + count)[:, None] / np.arange(2_000, 2_000 + FLOATS) + np.arange(FLOATS))
    states = ("TRACKING", "SLEWING", "PARKED")
    written = []
    for number, values in enumerate((drift * 45 + 45 + noise).tolist(), first):
        floats = ",".join(f"float{n:02}={value!r}" for n, value in enumerate(values))
        integers = f"integer0={number}i,integer1={number % 3}i"
        strings = f'string0="{states[number // 400 % 3]}",string1="2026-09-21 {number % 86_400}"'
        written.append(f"{TOPIC} {floats},{integers},{strings} {BEGIN + number * STEP}")
    return "\n".join(written)


@contextlib.contextmanager
def site(rows: int) -> Iterator[Box]:
    """A site whose telemetry is a real InfluxDB with the generated topic in it."""
    from skykey.repertoire import SyncDiscoveryClient
    from skykey.sandbox import running
    from tools import parts

    with tempfile.TemporaryDirectory(prefix="skykey-benchmark-") as state, running(state, real=["influxdb"]) as box:
        info = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire").influxdb_connection_info("usdf_efd")
        (server,) = (run for run in parts.running() if info and run.url.rstrip("/") == info.url.rstrip("/"))
        print(f"InfluxDB {server.version}; writing {rows:,} rows x {FLOATS + INTEGERS + 2} fields", flush=True)
        login = urllib.request.HTTPPasswordMgrWithPriorAuth()
        login.add_password(None, server.url, server.user, server.password, is_authenticated=True)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=box.ca_file)),
            urllib.request.HTTPBasicAuthHandler(login),
        )
        write = f"{server.url.rstrip('/')}/write?db=efd&precision=ns"
        for first in range(0, rows, _BATCH):
            with opener.open(write, lines(first, min(_BATCH, rows - first)).encode()) as response:
                response.read()
        yield box


def compare(rows: int, number: int, pythons: dict[str, Path], box: Box) -> None:
    """Both in turn."""
    environment = box.environment(as_real=True)

    def one(client: str, python: Path) -> dict[str, Any]:
        found = rounds.process(python, str(HERE), client, "--rows", str(rows), environment=environment)
        if found["checks"][:3] != [1, rows, FLOATS + INTEGERS + 2]:
            sys.exit(f"{client} did not get what was asked for: {found['checks']}")
        return found

    rounds.compare(
        "select_time_series", rows, number, {name: partial(one, name, python) for name, python in pythons.items()}
    )


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--long", action="store_true", help="1,000,000 rows too (a minute to write them)")
    parser.add_argument("--measure", choices=["skykey", "rubin-nights"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measured(options.measure, options.rows[0])
        return
    sys.path.insert(0, str(HERE.parents[1]))
    from tools import parts

    numbers = [*options.rows, *([1_000_000] if options.long else [])]
    pythons = {"skykey": Path(sys.executable), "rubin-nights": parts.guest("rubin-nights")}
    with site(max(numbers)) as box:
        for rows in numbers:
            compare(rows, options.rounds, pythons, box)


if __name__ == "__main__":
    main()
