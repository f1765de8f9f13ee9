"""Real programs in the place of counterparts (``--real``), fetched and started by tools/parts."""

import base64
import contextlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from skykey.sandbox.databases import DATABASES, Influx
from skykey.sandbox.errors import SandboxError

_PATIENCE = 60.0


def _tool() -> Path:
    for folder in Path(__file__).resolve().parents:
        if (folder / "tools" / "parts" / "__main__.py").is_file():
            return folder / "tools" / "parts"
    raise SandboxError(
        "Real parts need a checkout of Skykey, installed in place: the tool that fetches them, tools/parts, "
        "is not part of the package. In a checkout: pip install -e '.[sandbox]'"
    )


@contextlib.contextmanager
def influxd(papers: Path, authority: Path, username: str) -> Iterator[Influx]:
    """Run a real influxd that speaks https and holds the sandbox's data.

    Parameters
    ----------
    papers
        The PEM file of its certificate and key.
    authority
        The certificate that vouches for it.
    username
        The account that may read.
    """
    # It ends when its stdin does, so it cannot outlive us, however we end.
    command = [sys.executable, str(_tool()), "start", "influxdb", "--json", "--attached"]
    with subprocess.Popen(  # noqa: S603 (our own interpreter, our own tool)
        [*command, "--certificate", str(papers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to pass on
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                words = process.stderr.read().strip() if process.stderr else ""
                raise SandboxError(f"The real influxdb did not start: {words}")
            started = json.loads(line)
            server = RealInflux(username, started["url"].rstrip("/") + "/", path="/")
            server.administer((started["user"], started["password"]), authority)
            server.fill()
            yield server
        finally:
            if process.stdin:
                process.stdin.close()


class RealInflux(Influx):
    """An influxd as the sandbox's controls see it."""

    def administer(self, login: tuple[str, str], authority: Path) -> None:
        """Take charge of it with the administrator's login."""
        self._login = base64.b64encode(":".join(login).encode()).decode()
        self._context = ssl.create_default_context(cafile=authority)

    def fill(self) -> None:
        """Give it the sandbox's databases and data, and the account that reads them."""
        from skykey.sandbox.influxdb import databases, line_protocol

        names = {database.name for database in DATABASES.values()} | set(databases())
        self._query(f"CREATE USER \"{self.username}\" WITH PASSWORD '{self.password}'")
        for name in sorted(names):
            self._query(f'CREATE DATABASE "{name}"')
            self._query(f'GRANT READ ON "{name}" TO "{self.username}"')
        for name in databases():
            for batch in line_protocol(name):
                self._post(f"/write?{urlencode({'db': name, 'precision': 'ns'})}", batch)

    def change_password(self) -> None:
        super().change_password()
        self._query(f"SET PASSWORD FOR \"{self.username}\" = '{self.password}'")

    def _query(self, statement: str) -> None:
        self._post("/query", urlencode({"q": statement}))

    def _post(self, path: str, body: str) -> None:
        address = urlsplit(self.url or "").netloc
        connection = http.client.HTTPSConnection(address, context=self._context, timeout=_PATIENCE)
        headers = {
            "Authorization": f"Basic {self._login}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        with contextlib.closing(connection):
            connection.request("POST", path, body.encode(), headers)
            with connection.getresponse() as response:
                words = response.read().decode(errors="replace")
        if response.status >= http.HTTPStatus.BAD_REQUEST or '"error"' in words:
            raise SandboxError(f"The real influxdb answered {response.status}: {words.strip()}")
