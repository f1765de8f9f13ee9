"""A real PostgreSQL on loopback: a cluster of its own, with one owner who logs in with a password."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.parts._debian import fetch, version
from tools.parts._manifest import Part, PartError, load
from tools.parts._running import Berth, Running, berth, process, remember, running, stop

PATIENCE = 60.0
"""Seconds until the cluster is made, and again until the server must answer; each takes half a one as a rule."""

LOCALE = "C.UTF-8"
"""Text is sorted by its code points, and letters beyond ASCII have their cases."""

_TRIES = 5
_READY = "database system is ready to accept connections"
_TAKEN = "Address already in use"
# Loopback only, and no file to connect to. Nothing has to survive: the data goes with the server. All answers are made
# by one process, so that rows without an order come in one that does not depend on chance. GMT is the one time zone
# that needs no files of the machine.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "GMT",
    "log_timezone": "GMT",
}


@contextlib.contextmanager
def postgresql(
    *,
    port: int = 0,
    user: str = "postgres",
    password: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run a PostgreSQL for the time of a block, on data of its own.

    Parameters
    ----------
    port
        0 takes a free one.
    user
        The owner of everything.
    password
        The owner's; made up if not given.
    settings
        Further entries of its configuration.

    Raises
    ------
    PartError
        It could not be fetched, or did not come up; the message ends with its log. Also where root cannot become
        another user, because PostgreSQL does not run as root.
    """
    run = start(port=port, user=user, password=password, settings=settings, owner=os.getpid())
    try:
        yield run
    finally:
        stop(run)


def start(
    *,
    port: int = 0,
    user: str = "postgres",
    password: str | None = None,
    settings: Mapping[str, str] | None = None,
    owner: int | None = None,
) -> Running:
    """Start a PostgreSQL that lives until `stop`, or until its owner is gone and somebody looks."""
    part = load().part("postgresql")
    place = berth(part, fetch(part.name))
    list(running())  # ends what has lost its owner
    password = password or secrets.token_urlsafe(12)
    try:
        data = _cluster(part, place, user, password)
        child, chosen = _served(part, place, data, port, {**_SETTINGS, **(settings or {})})
    except BaseException:
        shutil.rmtree(place.folder, ignore_errors=True)
        raise
    pid, born = process(child.pid)
    run = Running(
        name=part.name,
        version=version(part.name),
        pid=pid,
        born=born,
        owner=process(owner) if owner else None,
        folder=str(place.folder),
        url=f"postgresql://127.0.0.1:{chosen}/postgres",
        user=user,
        password=password,
    )
    remember(run)
    child.returncode = 0  # `stop` reaps it, whoever calls that; Popen shall not warn about it
    return run


def _cluster(part: Part, place: Berth, user: str, password: str) -> Path:
    """Make the files of an empty server."""
    data, log, secret = place.folder / "data", place.folder / "initdb.log", place.folder / "password"
    secret.touch(mode=0o600)
    place.own(secret)
    secret.write_text(f"{password}\n")
    tool = str(Path(part.start[0]).with_name("initdb"))
    wanted = {"pgdata": data, "username": user, "pwfile": secret, "auth": "scram-sha-256", "encoding": "UTF8"}
    wanted["locale"] = LOCALE
    making = place.launch([tool, "--no-sync", *(f"--{name}={value}" for name, value in wanted.items())], log)
    try:
        ended = making.wait(PATIENCE)
    except BaseException:
        making.kill()
        making.wait()
        raise
    secret.unlink()
    if ended:
        raise PartError(f"initdb ended with {ended}:\n{log.read_text(errors='replace')[-2000:]}")
    return data


def _served(
    part: Part, place: Berth, data: Path, port: int, settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server and wait until it answers."""
    log = place.folder / "postgresql.log"
    entries = [f"--{name}={value}" for name, value in settings.items()]
    tries = 1 if port else _TRIES
    while True:
        tries -= 1
        chosen = port or _free_port()
        child = place.launch([*(word.format(data=data, port=chosen) for word in part.start), *entries], log)
        try:
            if _is_up(child, log, may_be_taken=tries > 0):
                return child, chosen
        except BaseException:
            child.kill()
            child.wait()
            raise


def _free_port() -> int:
    """Find a port; somebody else may take it before the server does."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def _is_up(child: subprocess.Popen[bytes], log: Path, *, may_be_taken: bool) -> bool:
    """Wait until the server has said in its log that it is ready; False if another one has its port."""
    give_up = time.monotonic() + PATIENCE
    while (ended := child.poll()) is None and time.monotonic() < give_up:
        if _READY in log.read_text(errors="replace"):
            return True
        time.sleep(0.01)
    said = log.read_text(errors="replace")
    if ended is not None and may_be_taken and _TAKEN in said:
        return False
    state = "did not come up" if ended is None else f"ended with {ended}"
    raise PartError(f"postgres {state}:\n{said[-2000:]}")
