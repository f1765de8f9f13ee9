"""Official clients, each in an environment of its own."""

import json
import os
import shutil
import sys
from pathlib import Path

from tools import bootstrap
from tools.parts._manifest import PartError, cache, load


def guest(name: str) -> Path:
    """Make the environment of a guest, once.

    Returns
    -------
    Path
        Its interpreter.

    Raises
    ------
    PartError
        The environment could not be made; the installer's words are on stderr.
    """
    entry = load().guest(name)
    home = cache() / "guests" / f"{name}-{entry.version}-py{sys.version_info.major}.{sys.version_info.minor}"
    python = home / "bin" / "python"
    stamp = home / "skykey-guest.json"
    content = json.dumps({"requirements": entry.requirements, "place": str(home)})
    if not _is_ready(stamp, content, python):
        with bootstrap.locked(f"{home}.lock") as lock:
            if not _is_ready(stamp, content, python):
                bootstrap.say(f"making an environment for {name} {entry.version}")
                shutil.rmtree(home, ignore_errors=True)
                uv = bootstrap.find_uv()
                try:
                    base = bootstrap.find_python(with_pip=not uv)
                    bootstrap.make_venv(str(home), base, with_pip=not uv, lock=lock)
                    bootstrap.install(str(python), entry.requirements, constraints=None, uv=uv, lock=lock)
                except bootstrap.SetupError as problem:
                    raise PartError(f"guest {name}: {problem}") from problem
                stamp.write_text(content)
    return python


def _is_ready(stamp: Path, content: str, python: Path) -> bool:
    try:
        return stamp.read_text() == content and os.access(python, os.X_OK)
    except FileNotFoundError:
        return False
