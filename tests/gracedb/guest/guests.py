"""Programs and commands written for ligo-gracedb, run with the official client and with ours, each on its own sandbox.

Both sandboxes begin with the same database, under the real host names over TLS, so that what one client gets the
other one has to get too: but for times, which `same` takes out.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools import parts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skykey.sandbox import Box

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?")
# One warning a request: the official client looks for an X.509 certificate each time.
_QUIET = ("-W", "ignore::DeprecationWarning")


@dataclass
class Ran:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Client:
    """One of the two clients, at its sandbox, in a folder of its own."""

    name: str
    box: Box
    folder: Path

    @property
    def is_official(self) -> bool:
        return self.name == "official"

    @property
    def environment(self) -> dict[str, str]:
        """What a child gets. The home is its own: what the official one remembers of keys lies there."""
        home = {"HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache")}
        environment = self.box.environment(as_real=True) | home
        # Each command of the official client ends at a proxy with a port, which it would not use.
        return {name: value for name, value in environment.items() if name != "HTTP_PROXY"}

    def program(self, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> Ran:
        """Run a Python program: its path, or ``-m`` and its name, and its arguments."""
        start = [str(official()), *_QUIET] if self.is_official else [sys.executable, "-m", "skykey.dropin"]
        return self._run([*start, *map(str, arguments)], variables=variables)

    def command(self, *arguments: str, stdin: bytes | None = None) -> Ran:
        """Run the ``gracedb`` command."""
        theirs = [str(official()), *_QUIET, str(official().with_name("gracedb"))]
        start = theirs if self.is_official else [sys.executable, "-m", "skykey.dropin", "gracedb"]
        return self._run([*start, *arguments], stdin)

    def _run(self, command: list[str], stdin: bytes | None = None, variables: Mapping[str, str] | None = None) -> Ran:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | dict(variables or {}),
            input=stdin or b"",
            check=False,
            capture_output=True,
            timeout=180,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def official() -> Path:
    """Return the interpreter that has the official client."""
    return parts.guest("ligo-gracedb")


def package() -> Path:
    """Return the folder of the official package, with its own tests."""
    (found,) = official().parent.parent.glob("lib/python*/site-packages/ligo/gracedb")
    return found


def samples() -> Path:
    """Return the event files that the official distribution ships."""
    return package() / "test" / "integration" / "data"


def same(told: Any) -> Any:
    """Return what was told without what no two runs have in common."""
    text = _TIME.sub("<time>", json.dumps(told, sort_keys=True))
    return json.loads(re.sub(r'"reporting_latency": [\d.e-]+', '"reporting_latency": 0', text))
