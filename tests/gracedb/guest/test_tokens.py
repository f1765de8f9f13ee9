"""SciTokens with good and bad claims: what both clients and the server make of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.gracedb.guest.guests import Client

pytestmark = pytest.mark.interop

PROGRAM = Path(__file__).with_name("tokens_script.py")
ALBERT, NOBODY = "albert.einstein@ligo.org", "AnonymousUser"
#: What is special about a token, and for whom its bearer is taken.
TOKENS: dict[str, tuple[dict[str, Any], str]] = {
    "usual": ({}, ALBERT),
    "for this server": ({"aud": "https://gracedb.ligo.org"}, ALBERT),
    "for several servers": ({"aud": ["https://example.org", "https://gracedb.ligo.org"]}, ALBERT),
    "of more scopes": ({"scope": "gracedb.read read:/staging gwdatafind.read"}, ALBERT),
    "of somebody else": ({"subject": "marie.curie@ligo.org"}, "marie.curie@ligo.org"),
    "for another server": ({"aud": "https://gracedb-test.ligo.org"}, NOBODY),
    "for nobody": ({"aud": None}, NOBODY),
    "for another path": ({"scope": "gracedb.read:/x"}, NOBODY),
    "for another service": ({"scope": "gwdatafind.read"}, NOBODY),
    "over": ({"lifetime": -60}, NOBODY),
    "nearly over": ({"lifetime": 30}, NOBODY),
    "not yet": ({"nbf": 4_000_000_000}, NOBODY),
}
#: What the official client does not take, and the server does. Ours does.
MENDED: dict[str, dict[str, Any]] = {
    "for this host": {"aud": "gracedb.ligo.org"},
    "for this port": {"aud": "https://gracedb.ligo.org:443"},
}


def told(client: Client) -> dict[str, Any]:
    folder = client.folder / "tokens"
    folder.mkdir()
    for name, claims in ({name: claims for name, (claims, _) in TOKENS.items()} | MENDED).items():
        (folder / name).write_text(client.box.controls.gracedb_token(as_real=True, **claims))
    (folder / "no token").write_text("")
    ran = client.program(PROGRAM, folder, client.folder / "told.json")
    assert (ran.code, ran.err) == (0, "")
    found: dict[str, Any] = json.loads((client.folder / "told.json").read_text())
    return found


@pytest.fixture(scope="module")
def both(clients: tuple[Client, Client]) -> tuple[dict[str, Any], dict[str, Any]]:
    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(told, clients)
    return theirs, ours


@pytest.mark.parametrize("name", [*TOKENS, "no token"])
def test_a_token_is_judged_otherwise(both: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    theirs, ours = both
    username = TOKENS[name][1] if name in TOKENS else NOBODY
    refused = "IgwnAuthError" if username == NOBODY else None
    # Where the official one has nothing to show, it shows nothing; ours says that there is nothing.
    assert theirs[name] == [username, refused, [] if refused else ["scitoken"]]
    assert ours[name] == [username, refused, ["auth_type(s)"] if refused else ["scitoken"]]


@pytest.mark.parametrize("name", MENDED)
def test_a_token_that_the_server_takes_is_refused(both: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    theirs, ours = both
    assert theirs[name] == [NOBODY, "IgwnAuthError", []]
    assert ours[name] == [ALBERT, None, ["scitoken"]]
