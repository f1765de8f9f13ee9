"""The command and a naive one, run as processes against a scripted GraceDB: in pipes and on terminals."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.gracedb.scripted_gracedb import ScriptedGraceDb, scitoken
from tests.reliability.proof import ROOT

_FORGET = ("SCITOKEN", "SCITOKEN_FILE", "BEARER_TOKEN", "_CONDOR_CREDS", "COLUMNS", "LINES", "NO_COLOR")


class Skykey:
    """The real one."""

    command = (sys.executable, "-m", "skykey")


class Naive:
    """The other one."""

    command = (sys.executable, str(ROOT / "tests" / "reliability" / "naive_gracedb_command.py"))


@dataclass
class Shell:
    """Where a command runs: its server, its token, its environment."""

    server: ScriptedGraceDb
    folder: Path
    token: str = field(default_factory=scitoken)

    def __post_init__(self) -> None:
        self.file = self.folder / "token"
        self.file.write_text(f"{self.token}\n")
        self.file.chmod(0o600)

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _FORGET}
        own = {"GRACEDB_SERVICE_URL": self.server.api, "BEARER_TOKEN_FILE": str(self.file), "PYTHONUTF8": "0",
               "XDG_RUNTIME_DIR": str(self.folder / "none"), "XDG_CACHE_HOME": str(self.folder / "cache")}  # fmt: skip
        return {**kept, **own, **changes}

    def run(
        self,
        kind: type[Skykey | Naive],
        *arguments: str,
        stdin: bytes = b"",
        stdout: int = subprocess.PIPE,
        **changes: str,
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*kind.command, *arguments], input=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=60,
            env=self.environment(**changes), cwd=self.folder,
        )  # fmt: skip

    def on_terminal(self, kind: type[Skykey | Naive], *arguments: str, columns: int = 80) -> tuple[int, str]:
        """Run it where a person looks; its exit code, and what is on the screen."""
        main, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        try:
            with subprocess.Popen(
                [*kind.command, *arguments], stdin=inner, stdout=inner, stderr=inner, cwd=self.folder,
                env=self.environment(TERM="xterm"),
            ) as process:  # fmt: skip
                os.close(inner)
                shown = b""
                with contextlib.suppress(OSError):  # Linux: the other side is closed
                    while piece := os.read(main, 4096):
                        shown += piece
            return process.returncode, shown.decode(errors="replace")
        finally:
            os.close(main)


@contextlib.contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    with ScriptedGraceDb() as server:
        yield Shell(server, folder)
