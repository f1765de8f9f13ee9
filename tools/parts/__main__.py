"""`python -m tools.parts`, or `python tools/parts` from any folder."""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tools import parts
from tools.parts import _influxdb, _postgresql

Start = Callable[..., parts.Running]
Block = Callable[..., AbstractContextManager[parts.Running]]
# How each part is started, for good and for the time of a block; and which options it has.
STARTS: dict[str, tuple[Start, Block, tuple[str, ...]]] = {
    "influxdb": (_influxdb.start, parts.influxdb, ("port", "auth", "user", "certificate", "key")),
    "postgresql": (_postgresql.start, parts.postgresql, ("port", "user")),
}
OPTIONS = {"port": "--port", "auth": "--no-auth", "user": "--user", "certificate": "--certificate", "key": "--key"}


def main() -> int:
    """Read the command line and do what it says."""
    options = _parser().parse_args()
    try:
        return int(options.run(options))
    except parts.PartError as problem:
        print(f"parts: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parts", description="Real components: fetch, start, stop.")
    verbs = parser.add_subparsers(required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], about: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=about)
        added.set_defaults(run=run)
        return added

    verb("list", _list, "what there is, what is fetched, what runs")
    verb("fetch", _fetch, "bring parts into the cache").add_argument("name", nargs="+")
    verb("guest", _guest, "make a guest's environment, print its interpreter").add_argument("name")
    start = verb("start", _start, "start a part on loopback")
    start.add_argument("name", choices=STARTS)
    start.add_argument("--json", action="store_true", help="tell where it is, and its login, in one line of JSON")
    start.add_argument("--attached", action="store_true", help="stop it when stdin ends, at SIGTERM or Ctrl-C")
    start.add_argument("--port", type=int)
    start.add_argument("--no-auth", dest="auth", action="store_const", const=False)
    start.add_argument("--user", help="who may do everything")
    start.add_argument("--certificate", help="PEM file; the part then speaks https")
    start.add_argument("--key", help="PEM file, if it is not in the certificate's")
    verb("stop", _stop, "stop the parts of a name, or all").add_argument("name", nargs="?")
    return parser


def _list(_options: argparse.Namespace) -> int:
    manifest = parts.load()
    runs = list(parts.running())
    for part in manifest.parts.values():
        where = [run.url for run in runs if run.name == part.name] or [parts.version(part.name) or "not fetched"]
        print(f"{part.name:14} {part.version:8} {part.about}; {', '.join(where)}")
    for guest in manifest.guests.values():
        print(f"{guest.name:14} {guest.version:8} {guest.about}; guest")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    for name in options.name:
        print(parts.fetch(name), parts.version(name))
    return 0


def _guest(options: argparse.Namespace) -> int:
    print(parts.guest(options.name))
    return 0


def _start(options: argparse.Namespace) -> int:
    start, block, known = STARTS[options.name]
    chosen = {name: value for name in OPTIONS if (value := getattr(options, name)) is not None}
    if unknown := [OPTIONS[name] for name in chosen if name not in known]:
        raise parts.PartError(f"{options.name} has no {' and no '.join(unknown)}")
    if not options.attached:
        _tell(start(**chosen), as_json=options.json)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with block(**chosen) as run, contextlib.suppress(KeyboardInterrupt):
        _tell(run, as_json=options.json)
        sys.stdin.read()
    return 0


def _tell(run: parts.Running, *, as_json: bool) -> None:
    if as_json:
        shown = {key: value for key, value in asdict(run).items() if key not in ("born", "owner")}
        print(json.dumps(shown), flush=True)
    else:
        login = f" as {run.user} with {run.password}" if run.user else ""
        print(f"{run.name} {run.version} at {run.url}{login}, process {run.pid}", flush=True)


def _stop(options: argparse.Namespace) -> int:
    for run in parts.running():
        if options.name in (None, run.name):
            parts.stop(run)
            print(f"stopped {run.name} at {run.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
