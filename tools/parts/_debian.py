"""Debian packages without installing them: apt fetches and checks them, dpkg unpacks them into the cache."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools import bootstrap
from tools.parts._manifest import Part, PartError, cache, load


def fetch(name: str) -> Path:
    """Bring a part into the cache, once.

    Returns
    -------
    Path
        The folder that stands for the root of the part's files.

    Raises
    ------
    PartError
        No apt here, the archive cannot be reached, or it holds another version.
    """
    part = load().part(name)
    home = cache() / f"{part.name}-{part.version}"
    if not _is_there(home, part):
        with bootstrap.locked(str(cache() / f"{part.name}.lock")):
            if not _is_there(home, part):
                _fetch(part, home)
    return home / "root"


def version(name: str) -> str:
    """Tell the whole version of a part that has been fetched, as the archive has it."""
    part = load().part(name)
    versions = _contents(cache() / f"{part.name}-{part.version}")
    return versions.get(part.packages[0], "")


def _contents(home: Path) -> dict[str, str]:
    try:
        return dict(json.loads((home / "contents.json").read_text()))
    except FileNotFoundError:
        return {}


def _is_there(home: Path, part: Part) -> bool:
    return list(_contents(home)) == list(part.packages)


def _fetch(part: Part, home: Path) -> None:
    """Fetch into a folder beside, then move it into place in one step."""
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            raise PartError(f"{part.name} comes from Debian's archive, and {tool} is not on this machine")
    bootstrap.say(f"fetching {part.name} {part.version} from the Debian archive")
    for left in cache().glob(f"{part.name}-*.part"):  # by one that was killed; we hold the lock
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(
        dir=cache(), prefix=f"{part.name}-", suffix=".part", ignore_cleanup_errors=True
    ) as temporary:
        work = Path(temporary)
        work.chmod(0o755)
        debs = _download(part.packages, work)
        versions = {}
        for package, deb in debs.items():
            versions[package] = _run(["dpkg-deb", "--field", deb, "Version"], work).strip()
            _run(["dpkg-deb", "--extract", deb, work / "new" / "root"], work)
        found = versions[part.packages[0]]
        if not found.startswith(part.version):
            raise PartError(f"the archive has {part.name} {found}, the manifest wants {part.version}")
        (work / "new" / "contents.json").write_text(json.dumps(versions))
        if home.exists():
            shutil.rmtree(home)
        (work / "new").rename(home)
    bootstrap.say(f"{part.name} {found}: checked against apt's signed index")


def _download(packages: Sequence[str], work: Path) -> dict[str, Path]:
    """Let apt fetch packages, with lists of our own: the machine's may be absent, or not ours to touch."""
    for folder in ("state/lists/partial", "cache/archives/partial", "debs", "new/root"):
        (work / folder).mkdir(parents=True)
    settings = {
        "Dir::State": work / "state",
        "Dir::Cache": work / "cache",
        "Dir::State::status": "/var/lib/dpkg/status",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "60",
        "Acquire::https::Timeout": "60",
        "Debug::NoLocking": "true",
    }
    apt = ["apt-get", "--quiet", *(f"--option={key}={value}" for key, value in settings.items())]
    # An unrelated source that is down fails the update; what counts is whether the download works.
    told = _run([*apt, "update"], work, check=False)
    debs = {}
    for package in packages:
        try:
            _run([*apt, "download", package], work / "debs")
        except PartError as problem:
            raise PartError(f"{problem}\nBefore that, apt-get update said:\n{told.strip()}") from None
        (debs[package],) = (work / "debs").glob(f"{package}_*.deb")
    return debs


def _run(command: Sequence[str | Path], folder: Path, *, check: bool = True) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=600,
        check=False,
    )
    if check and done.returncode:
        raise PartError(f"{command[0]} ended with {done.returncode}:\n{done.stdout.strip()}")
    return done.stdout
