"""One sandbox for all tests of this folder, put back in order before each, and a bare HTTP client."""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from skykey.sandbox import Box, running


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Answer]


def ask(
    url: str,
    token: str | None = None,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    body: bytes | None = None,
    bundle: Any = None,
    timeout: float = 10,
) -> Answer:
    """One request on one connection; http.client reads no proxy, netrc or CA variable."""
    parts = urlsplit(url)
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if basic is not None:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
    connection: http.client.HTTPConnection
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=bundle)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(method, target, body, sent)
        response = connection.getresponse()
        with response:
            return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.fixture(name="ask")
def _ask() -> Ask:
    return ask


@pytest.fixture(name="post")
def _post() -> Ask:
    """Send parameters: as JSON, or with ``form=True`` as a form."""

    def post(url: str, sent: Any, *, form: bool = False, **more: Any) -> Answer:
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        text = urlencode(sent) if form else json.dumps(sent)
        return ask(url, method="POST", headers={"Content-Type": kind}, body=text.encode(), **more)

    return post


@pytest.fixture(scope="session")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    begin = time.monotonic()
    with running(tmp_path_factory.mktemp("sandbox")) as box:
        print(f"sandbox ready in {time.monotonic() - begin:.2f} s")
        yield box


@pytest.fixture
def box(shared_box: Box) -> Box:
    shared_box.controls.reset()
    shared_box.controls.rotate()
    shared_box.controls.forget()
    return shared_box
