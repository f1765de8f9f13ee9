"""Real components for tests, benchmarks and `skykey sandbox up --real`: fetched, checked, started, stopped.

    from tools import parts

    with parts.influxdb() as database:      # a running influxd on loopback, gone after the block
        print(database.version, database.url, database.user, database.password)
    python = parts.guest("rubin-nights")    # the interpreter of an environment that holds only this package

From other programs: `python tools/parts start influxdb --json --attached`. The cache is `.cache/parts` in the
checkout, or where `SKYKEY_PARTS_CACHE` says.
"""

from tools.parts._debian import fetch, version
from tools.parts._guests import guest
from tools.parts._influxdb import influxdb
from tools.parts._manifest import Guest, Part, PartError, cache, load
from tools.parts._postgresql import postgresql
from tools.parts._running import Running, running, stop

__all__ = [
    "Guest",
    "Part",
    "PartError",
    "Running",
    "cache",
    "fetch",
    "guest",
    "influxdb",
    "load",
    "postgresql",
    "running",
    "stop",
    "version",
]
