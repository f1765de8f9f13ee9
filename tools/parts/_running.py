"""Starting and stopping: who a part runs as, where it keeps its data, and that nothing outlives its owner.

Each running part has a folder for its data and a note in the cache. The note names its owner; whoever starts
a part next, or lists or stops them, ends those whose owner is gone (killed before it could tidy up).
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.parts._manifest import Part, PartError, cache, load

NOBODY = 65534


@dataclass(frozen=True, kw_only=True)
class Running:
    """A part that runs on loopback. `user` is empty where no login is asked for."""

    name: str
    version: str
    pid: int
    born: int
    owner: tuple[int, int] | None
    folder: str
    url: str
    user: str
    password: str = field(repr=False)


def running() -> Iterator[Running]:
    """Go through the parts that run, ending those that nobody owns any more."""
    for note in sorted((cache() / "runs").glob("*.json")):
        entry = json.loads(note.read_text())
        run = Running(**{**entry, "owner": entry["owner"] and tuple(entry["owner"])})
        if _birth(run.pid) != run.born or (run.owner and _birth(run.owner[0]) != run.owner[1]):
            stop(run)
        else:
            yield run


def remember(run: Running) -> None:
    """Write the note of a run."""
    notes = cache() / "runs"
    notes.mkdir(parents=True, exist_ok=True)
    new = notes / f"{run.name}-{run.pid}.new"
    with open(new, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump(asdict(run), file)
    new.rename(new.with_suffix(".json"))


def stop(run: Running) -> None:
    """End a part, gently for five seconds; its data and its note go too."""
    wanted = getattr(signal, f"SIG{load().part(run.name).stop}")
    for number, patience in ((wanted, 5.0), (signal.SIGKILL, 5.0)):
        if _birth(run.pid) == run.born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(run.pid, number)
            give_up = time.monotonic() + patience
            while _birth(run.pid) == run.born and time.monotonic() < give_up:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(run.pid, os.WNOHANG)
                time.sleep(0.01)
    with contextlib.suppress(ChildProcessError):  # it may have ended between two looks
        os.waitpid(run.pid, os.WNOHANG)
    shutil.rmtree(run.folder, ignore_errors=True)
    (cache() / "runs" / f"{run.name}-{run.pid}.json").unlink(missing_ok=True)


@dataclass(frozen=True)
class Berth:
    """Where a part is about to run: its files, a folder for its data, and the user it runs as."""

    root: Path
    folder: Path
    user: int | None

    def keep(self, source: str | Path, name: str) -> Path:
        """Copy a file (a certificate's key) to where the part may read it."""
        target = self.folder / name
        target.touch(mode=0o600)
        shutil.copyfile(source, target)
        self.own(target)
        return target

    def own(self, path: Path) -> None:
        """Give a file to the user that the part runs as."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def launch(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start the program in a session of its own, so that Ctrl-C reaches its owner first."""
        with log.open("wb") as out:
            return subprocess.Popen(
                [str(self.root / command[0]), *command[1:]],
                cwd=self.folder,
                env={"PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **self._libraries()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )

    def _libraries(self) -> dict[str, str]:
        """Name the folders of the libraries that were fetched with it, for machines that lack them."""
        found = {str(path) for lib in ("lib", "usr/lib") for path in (self.root / lib).glob("*-linux-gnu*")}
        return {"LD_LIBRARY_PATH": ":".join(sorted(found))} if found else {}


def berth(part: Part, root: Path) -> Berth:
    """Prepare a place to run in; root gives way to nobody where the machine lets it."""
    folder = Path(tempfile.mkdtemp(prefix=f"skykey-{part.name}-"))
    if os.geteuid() != 0:
        return Berth(root, folder, None)
    if _is_open_to_all(folder.parent):
        with contextlib.suppress(OSError):  # a container may know no other user
            os.chown(folder, NOBODY, NOBODY)
            if not _is_open_to_all(root):  # as in a checkout below root's home
                shutil.copytree(root, folder / "root", symlinks=True)
                root = folder / "root"
            return Berth(root, folder, NOBODY)
    if part.refuses_root:
        shutil.rmtree(folder)
        raise PartError(f"{part.name} refuses to run as root, and root cannot become another user here")
    return Berth(root, folder, None)


def process(pid: int) -> tuple[int, int]:
    """Name a process beyond doubt: its id and its time of birth."""
    born = _birth(pid)
    if born is None:
        raise PartError(f"process {pid} ended at once")
    return pid, born


def _is_open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _birth(pid: int) -> int | None:
    """When a process began, in ticks since boot; None if there is none, or only its remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])
