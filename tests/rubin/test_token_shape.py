"""What stands in a token's place in a source: refused by whoever was to use it, unsent and unshown."""

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from skykey.credentials.explanation import explain
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.function import Function
from skykey.repertoire.token_shape import NotAToken, has_shape
from skykey.rubin import tokens
from skykey.rubin.connections import get_access_token, get_clients
from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.rubin.service import keeper_for
from skykey.rubin.sites import find_site
from skykey.rubin.tokens import Checked, token_chain
from skykey.sandbox import Box
from skykey.testing import Canary
from skykey.values.errors import CredentialError, Failed, SkykeyError, Unavailable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.wire import fixtures
from tests.wire.server import World

if TYPE_CHECKING:
    from collections.abc import Callable

authority, world, shared_box, box = fixtures.authority, fixtures.world, fixtures.shared_box, fixtures.box
TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2ln"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tokens, "NUBLADO_SECRET", str(tmp_path / "etc" / "token"))
    monkeypatch.setattr(tokens, "OLD_MOUNTS", str(tmp_path / "opt"))
    return tmp_path


# -- nothing of it is shown


def spoiled(canary: Canary) -> dict[str, str]:
    pair = base64.b64encode(f"user:{canary.opaque}".encode()).decode()
    return {
        "quoted": f'"{canary.opaque}"',
        "page": f"<html>{canary.opaque}</html>",
        "json": json.dumps({"token": canary.opaque}, separators=(",", ":")),
        "url": f"https://user:{canary.opaque}@site.example/",
        "path": f"/home/{canary.opaque}",
        "around": f"token={canary.opaque};",
        "twice": canary.opaque * 2,
        "cut": canary.opaque[:-1],
        "web token": canary.jwt,
        "pair": f"ada:{canary.refresh}",
        "header": f"Basic:{pair}",
    }


@pytest.mark.parametrize("kind", list(spoiled(Canary())))
@pytest.mark.parametrize("source", ["ACCESS_TOKEN", "ACCESS_TOKEN_FILE", "tokenfile", "auth_token"])
def test_no_source_shows_or_sends_what_it_refuses(
    kind: str, source: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No socket is opened: the tests refuse any but loopback."""
    canary = Canary()
    text = spoiled(canary)[kind]
    file = home / "token"
    file.write_text(text)
    use: dict[str, Callable[[], object]] = {
        "ACCESS_TOKEN": get_clients,
        "ACCESS_TOKEN_FILE": get_access_token,
        "tokenfile": lambda: get_access_token(file),
        "auth_token": lambda: get_clients(auth_token=text),
    }
    if source.startswith("ACCESS"):
        monkeypatch.setenv(source, str(file) if source == "ACCESS_TOKEN_FILE" else text)
    with canary, pytest.raises(NotAToken) as caught:
        use[source]()
    canary.note_error("the error", caught.value, inside="src/skykey")
    canary.check()
    assert source in caught.value.message
    assert isinstance(caught.value, Failed)
    assert isinstance(caught.value, ValueError)


def test_a_client_with_a_token_of_its_own_refuses_it_too() -> None:
    canary = Canary()
    for text in spoiled(canary).values():
        client = ConsDbFastAPI("https://usdf-rsp.slac.stanford.edu", ("user", text))
        with pytest.raises(NotAToken, match="the argument auth holds no token") as caught:
            client._keeper.get()
        canary.note_error("the error", caught.value, inside="src/skykey")
    canary.check()


def test_a_telemetry_client_asks_nobody_anything_with_such_a_token(world: World) -> None:
    canary = Canary()
    for text in spoiled(canary).values():
        with canary, pytest.raises(NotAToken, match="the argument auth_token holds no token") as caught:
            InfluxQueryClient(auth=("user", text)).query("SHOW DATABASES")
        canary.note_error("the error", caught.value, inside="src/skykey")
    canary.check()
    assert world.seen == []


@pytest.mark.parametrize(
    ("root", "is_known"),
    [
        ("https://usdf-rsp.slac.stanford.edu", True),
        ("https://usdf-rsp.slac.stanford.edu:443/", True),
        ("https://usdf-rsp.slac.stanford.edu:8443", False),
        ("https://rsp.example.org", False),
        ("http://127.0.0.1:8080", False),
    ],
)
def test_a_client_knows_a_built_in_site_by_its_origin(root: str, is_known: bool) -> None:
    keeper = keeper_for(root, Secret(JWT))
    if is_known:
        with pytest.raises(NotAToken, match="a JSON Web Token"):
            keeper.get()
    else:
        assert keeper.get().credential.token == Secret(JWT)


# -- in the search


def test_the_search_stops_there_and_why_shows_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody slides on to a token of somebody else unseen."""
    (home / ".lsst").mkdir()
    (home / ".lsst" / "usdf_rsp").write_text(TOKEN)
    monkeypatch.setenv("ACCESS_TOKEN", JWT)
    chain = token_chain(find_site())
    with pytest.raises(NotAToken):
        chain.obtain(None, Ask())
    explanation = explain(chain)
    assert explanation.failed is not None
    assert explanation.failed.source == "the variable ACCESS_TOKEN"
    assert explanation.failed.reason == "the variable ACCESS_TOKEN holds no token: it looks like a JSON Web Token"
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    assert get_access_token() == TOKEN


def test_a_site_of_the_users_own_may_take_other_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYKEY_RUBIN_SITES", "mine=https://rsp.example.org")
    monkeypatch.setenv("ACCESS_TOKEN", JWT)
    assert Keeper(token_chain(find_site("mine"))).get().credential.token == Secret(JWT)
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN[:-1])
    with pytest.raises(NotAToken, match="cut off"):
        Keeper(token_chain(find_site("mine"))).get()


def test_a_mended_file_is_read_again(home: Path) -> None:
    file = home / "token"
    file.write_text(TOKEN[:-1])
    keeper = Keeper(token_chain(find_site(), tokenfile=file))
    with pytest.raises(NotAToken):
        keeper.get()
    file.write_text(TOKEN)
    again = Keeper(token_chain(find_site(), tokenfile=file))
    assert again.get().credential.token == Secret(TOKEN)
    held = again.get()
    assert not again.provider.changed(held)


def test_the_sandboxs_own_tokens_go_through(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", box.site_url)
    for token in (box.token, box.controls.mint(), box.token_file.read_text()):
        chain = token_chain(find_site(), auth_token=token)
        assert has_shape(chain.obtain(None, Ask()).credential.token)


# -- the platform's own token, in another place (D14)

DEV, PROD = "https://usdf-rsp-dev.slac.stanford.edu", "https://usdf-rsp.slac.stanford.edu"


@pytest.fixture
def on_dev(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook of the development site; where its token is mounted."""
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", DEV)
    monkeypatch.setenv("NUBLADO_RUNTIME_MOUNTS_DIR", str(home / "mounts"))
    mounted = home / "mounts" / "environment" / "ACCESS_TOKEN"
    mounted.parent.mkdir(parents=True)
    mounted.write_text(f"{TOKEN}\n")
    return mounted


def found(site: str, **arguments: object) -> str | None:
    try:
        return Keeper(token_chain(find_site(site), **arguments)).get().source  # type: ignore[arg-type]
    except CredentialError:
        return None


def test_d14_a_variable_that_repeats_the_platforms_token_is_not_for_another_site(
    on_dev: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform sets the variable for everything that it starts."""
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    assert found("usdf-dev") == f"the platform's $NUBLADO_RUNTIME_MOUNTS_DIR/{on_dev.relative_to(home / 'mounts')}"
    assert found("usdf") is None
    rows = {row.source: row for row in explain(token_chain(find_site("usdf"))).rows}
    assert rows["the variable ACCESS_TOKEN"].reason == (
        f"its token belongs to the platform at {DEV}, and {PROD} was asked for"
    )
    # The search goes on: the user's own token for the other site may lie behind it.
    (home / "mine").write_text(TOKEN.replace("a", "c"))
    monkeypatch.setenv("ACCESS_TOKEN_FILE", str(home / "mine"))
    assert found("usdf") == "the file named by ACCESS_TOKEN_FILE"


@pytest.mark.parametrize("way", ["file", "home", "tokenfile", "auth_token"])
def test_d14_nor_is_it_in_a_file_or_argument(
    way: str, on_dev: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, object] = {}
    match way:
        case "file":
            monkeypatch.setenv("ACCESS_TOKEN_FILE", str(on_dev))
        case "home":
            arguments["default"] = str(on_dev)
        case "tokenfile":
            arguments["tokenfile"] = on_dev
        case _:
            arguments["auth_token"] = TOKEN
    assert found("usdf", **arguments) is None
    assert found("usdf-dev", **arguments) is not None
    if way in {"tokenfile", "auth_token"}:
        with pytest.raises(Failed, match=re.escape(DEV)) as caught:
            token_chain(find_site("usdf"), **arguments).obtain(None, Ask())  # type: ignore[arg-type]
        assert caught.value.next == f"create a token at {PROD}/auth/tokens"
        assert TOKEN not in str(caught.value)


def test_d14_another_token_in_the_variable_is_the_users_business(on_dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell from an opaque token whose it is."""
    assert on_dev.exists()
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN.replace("a", "c"))
    assert found("usdf") == "the variable ACCESS_TOKEN"
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    monkeypatch.delenv("EXTERNAL_INSTANCE_URL")
    assert found("usdf") == "the variable ACCESS_TOKEN", "without a platform nothing is known"


def test_a_mounted_token_is_for_no_sandbox_wherever_it_is_repeated(
    on_dev: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_dev.exists()
    monkeypatch.setenv("EXTERNAL_INSTANCE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ACCESS_TOKEN", TOKEN)
    with pytest.raises(SkykeyError, match="belongs to the platform that this is"):
        token_chain(find_site()).obtain(None, Ask())


def test_a_checked_source_is_the_source_in_every_other_way() -> None:
    reach = Reach.named(Url(PROD), said_by="a test")
    inner = Argument(Secret(TOKEN), reach)
    checked = Checked(inner, find_site("usdf"))
    assert (checked.name, checked.keeping) == (inner.name, inner.keeping)
    assert checked.obtain(None, Ask()) == inner.obtain(None, Ask())

    with pytest.raises(Unavailable, match="it finds none"):
        Checked(Function(lambda: None, reach, "a function"), find_site("usdf")).obtain(None, Ask())
