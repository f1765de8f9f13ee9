"""Data of one's own in the sandbox: who may write it, on both kinds of server."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from skykey.sandbox import Box, running

LINES = b"skykey.mine f=1.5 10\nskykey.mine f=2.5 20\n"


@pytest.fixture(
    scope="module", params=[(), pytest.param(("influxdb",), marks=pytest.mark.interop)], ids=["sandbox", "influxdb"]
)
def own_box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with running(tmp_path_factory.mktemp("sandbox"), real=request.param) as box:
        yield box


class Server:
    """The site's InfluxDB, with the login that it hands out."""

    def __init__(self, ask: Any, box: Box) -> None:
        entry = ask(f"{box.site_url}/repertoire/discovery/influxdb/usdf_efd", box.token).json
        self._ask, self._bundle, self._url = ask, box.bundle_file, entry["url"]
        self.username, self.password = entry["username"], entry["password"]

    def write(self, username: str, password: str | None = None, database: str = "efd") -> int:
        login = username, password or self.password
        address = f"{self._url}write?db={database}&precision=s"
        return int(self._ask(address, method="POST", body=LINES, basic=login, bundle=self._bundle).status)

    def rows(self, username: str) -> list[Any]:
        statement = quote('SELECT f FROM "skykey.mine"')
        address, login = f"{self._url}query?db=efd&epoch=s&q={statement}", (username, self.password)
        result = self._ask(address, basic=login, bundle=self._bundle).json["results"][0]
        found: list[Any] = result["series"][0]["values"] if "series" in result else []
        return found


def test_the_login_that_is_handed_out_only_reads_and_the_one_beside_it_writes(ask: Any, own_box: Box) -> None:
    server = Server(ask, own_box)
    assert server.username == "efdreader"
    assert server.write("efdreader") == 403
    assert server.rows("efdreader") == []
    assert server.write("efdwriter") == 204
    assert server.rows("efdreader") == server.rows("efdwriter") == [[10, 1.5], [20, 2.5]]
    assert server.write("efdwriter", database="nowhere") in {403, 404}


def test_nobody_else_writes(ask: Any, own_box: Box) -> None:
    server = Server(ask, own_box)
    for login in (("efdwriter", "wrong"), ("writer", server.password), ("nobody", "x"), ("efdwriterwriter", "x")):
        assert server.write(*login) == 401, login


def test_a_new_password_is_that_of_both(ask: Any, own_box: Box) -> None:
    before = Server(ask, own_box)
    own_box.controls.change_password()
    after = Server(ask, own_box)
    assert after.password != before.password
    assert [server.write("efdwriter") for server in (before, after)] == [401, 204]
    assert [server.write("efdreader") for server in (before, after)] == [401, 403]
