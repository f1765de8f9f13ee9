"""A real influxd on loopback, with an administrator, speaking http or https."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.parts._debian import fetch, version
from tools.parts._manifest import PartError, load
from tools.parts._running import Running, berth, process, remember, running, stop

Settings = Mapping[str, Mapping[str, bool | int | str]]

PATIENCE = 30.0
"""Seconds until the server must answer; it takes 0.1 as a rule."""


@contextlib.contextmanager
def influxdb(
    *,
    port: int = 0,
    auth: bool = True,
    user: str = "admin",
    password: str | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
    settings: Settings | None = None,
) -> Iterator[Running]:
    """Run an influxd for the time of a block, on data of its own.

    Parameters
    ----------
    port
        0 lets the kernel choose.
    auth
        Whether logins are asked for; then `user` is the administrator.
    password
        The administrator's; made up if not given.
    certificate, key
        PEM files: the server then speaks https.
    settings
        Further entries of influxd's configuration, by section.

    Raises
    ------
    PartError
        It could not be fetched, or did not come up; the message ends with its log.
    """
    run = start(
        port=port,
        auth=auth,
        user=user,
        password=password,
        certificate=certificate,
        key=key,
        settings=settings,
        owner=os.getpid(),
    )
    try:
        yield run
    finally:
        stop(run)


def start(
    *,
    port: int = 0,
    auth: bool = True,
    user: str = "admin",
    password: str | None = None,
    certificate: str | Path | None = None,
    key: str | Path | None = None,
    settings: Settings | None = None,
    owner: int | None = None,
) -> Running:
    """Start an influxd that lives until `stop`, or until its owner is gone and somebody looks."""
    part = load().part("influxdb")
    place = berth(part, fetch(part.name))
    list(running())  # ends what has lost its owner
    password = password or secrets.token_urlsafe(12)
    sections = _sections(place.folder, port, auth=auth)
    if certificate:
        sections["http"] |= {
            "https-enabled": True,
            "https-certificate": str(place.keep(certificate, "certificate.pem")),
            "https-private-key": str(place.keep(key or certificate, "key.pem")),
        }
    for section, entries in (settings or {}).items():
        sections.setdefault(section, {}).update(entries)
    configuration = place.folder / "influxd.conf"
    configuration.write_text(_toml(sections))
    log = place.folder / "influxd.log"
    child = None
    try:
        child = place.launch([word.format(config=configuration) for word in part.start], log)
        address = _address(child, log)
        name, word = _quoted(user, '"'), _quoted(password, "'")
        _query(address, f"CREATE USER {name} WITH PASSWORD {word} WITH ALL PRIVILEGES")
        pid, born = process(child.pid)
    except BaseException:
        if child:
            child.kill()
            child.wait()
        shutil.rmtree(place.folder, ignore_errors=True)
        raise
    run = Running(
        name=part.name,
        version=version(part.name),
        pid=pid,
        born=born,
        owner=process(owner) if owner else None,
        folder=str(place.folder),
        url=address.geturl(),
        user=user if auth else "",
        password=password if auth else "",
    )
    remember(run)
    child.returncode = 0  # `stop` reaps it, whoever calls that; Popen shall not warn about it
    return run


def _sections(folder: Path, port: int, *, auth: bool) -> dict[str, dict[str, bool | int | str]]:
    """Make the configuration: loopback only, no reports to its maker, no database of its own doings."""
    return {
        "": {"reporting-disabled": True, "bind-address": "127.0.0.1:0"},  # or two collide on its RPC port
        "meta": {"dir": str(folder / "meta")},
        "data": {
            "dir": str(folder / "data"),
            "wal-dir": str(folder / "wal"),
            "query-log-enabled": False,
        },
        "monitor": {"store-enabled": False},
        "subscriber": {"enabled": False},
        "logging": {"format": "json"},
        "http": {"bind-address": f"127.0.0.1:{port}", "auth-enabled": auth, "log-enabled": False},
    }


def _toml(sections: Settings) -> str:
    lines = []
    for name, entries in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in entries.items()]
    return "\n".join(lines) + "\n"


def _address(child: subprocess.Popen[bytes], log: Path) -> urllib.parse.SplitResult:
    """Wait until the server has said in its log where it listens."""
    give_up = time.monotonic() + PATIENCE
    while child.poll() is None and time.monotonic() < give_up:
        for line in log.read_text(errors="replace").splitlines():
            if '"Listening on HTTP"' in line and line.endswith("}"):
                entry = json.loads(line)
                scheme = "https" if entry["https"] else "http"
                return urllib.parse.urlsplit(f"{scheme}://{entry['addr']}")
        time.sleep(0.01)
    state = "did not come up" if child.poll() is None else f"ended with {child.returncode}"
    raise PartError(f"influxd {state}:\n{log.read_text(errors='replace')[-2000:]}")


def _query(address: urllib.parse.SplitResult, statement: str) -> None:
    """Send one statement to the server that we have just started."""
    host, port = address.hostname or "", address.port
    connection: http.client.HTTPConnection
    if address.scheme == "https":
        trusting = ssl.create_default_context()  # its certificate names hosts, not this address; we started it
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, context=trusting, timeout=PATIENCE)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    with contextlib.closing(connection):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/query", urllib.parse.urlencode({"q": statement}), form)
        answer = connection.getresponse()
        words = answer.read().decode()
    if answer.status != http.HTTPStatus.OK or '"error"' in words:
        raise PartError(f"influxd refused {statement.partition(' WITH ')[0]}: {answer.status} {words.strip()}")


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
