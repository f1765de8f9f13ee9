"""What stands in a token's place: told apart before anything is sent, named, and never shown."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.explanation import explain
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.function import Function
from skykey.rubin import tokens
from skykey.rubin.connections import get_access_token, get_clients
from skykey.rubin.consdb_query import ConsDbFastAPI
from skykey.rubin.influx_query import InfluxQueryClient
from skykey.rubin.service import keeper_for
from skykey.rubin.sites import find_site
from skykey.rubin.token_shape import LOOKS, NotAToken, check, has_shape
from skykey.rubin.tokens import Checked, token_chain
from skykey.sandbox import Box
from skykey.sandbox.tokens import is_token
from skykey.testing import Canary
from skykey.values.errors import CredentialError, Failed, SkykeyError, Unavailable
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.wire import fixtures
from tests.wire.server import World

authority, world, shared_box, box = fixtures.authority, fixtures.world, fixtures.shared_box, fixtures.box
PAGE = "https://usdf-rsp.slac.stanford.edu/auth/tokens"
TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2ln"

# What no site takes.
NOWHERE = {
    "quoted": (f'"{TOKEN}"', "in quotes"),
    "quoted by one side": (f"'{TOKEN}", "in quotes"),
    "in backticks": (f"`{TOKEN}`", "in quotes"),
    "page": (f"<!doctype-html><input-value={TOKEN}>", "a web page"),
    "object": (f'{{"token":"{TOKEN}"}}', "JSON"),
    "list": (f"[{TOKEN}]", "JSON"),
    "url": (f"https://site.example/?token={TOKEN}", "a URL"),
    "file url": ("file:///home/ada/.lsst/usdf_rsp", "a URL"),
    "path at home": ("~/.lsst/usdf_rsp", "the path of a file"),
    "path of a user": ("~ada/.lsst/usdf_rsp", "the path of a file"),
    "path": ("/home/ada/.lsst/usdf_rsp", "the path of a file"),
    "path below": ("../usdf_rsp", "the path of a file"),
    "path on windows": ("C:\\Users\\ada\\usdf_rsp", "the path of a file"),
    "assignment": (f"ACCESS_TOKEN={TOKEN}", "before or behind it"),
    "header": (f"Authorization:{TOKEN}", "before or behind it"),
    "pair": (f"x-oauth-basic:{TOKEN}", "before or behind it"),
    "comma": (f"{TOKEN},", "before or behind it"),
    "two of them": (f"{TOKEN};{TOKEN}", "before or behind it"),
    "twice": (TOKEN * 2, "several tokens"),
    "the key alone": (TOKEN[:25], "cut off"),
    "up to the dot": (TOKEN[:26], "cut off"),
    "without the last": (TOKEN[:-1], "cut off"),
}
# What another installation may take, and Gafaelfawr does not.
NOT_HERE = {
    "web token": (JWT, "a JSON Web Token"),
    "web token that was cut": (JWT[:30], "a JSON Web Token"),
    "encrypted web token": ("eyJhbGciOiJkaXIifQ..a.b.c", "a JSON Web Token"),
    "user and password": ("ada:correct-horse", "a user name and a password"),
    "path from the root": ("/data/usdf_rsp", "the path of a file"),
}
# What may be a token, as far as anybody can tell.
SENT = (TOKEN, "gt-short", "gt-" + "a" * 45, f"{TOKEN}b", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "hunter2", "x")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(tokens, "NUBLADO_SECRET", str(tmp_path / "etc" / "token"))
    monkeypatch.setattr(tokens, "OLD_MOUNTS", str(tmp_path / "opt"))
    return tmp_path


def looked_at(text: str, *, is_known: bool) -> NotAToken | None:
    try:
        check(Secret(text), "a source", PAGE, is_known=is_known)
    except NotAToken as refused:
        return refused
    return None


# -- telling apart


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("kind", NOWHERE)
def test_what_no_site_takes_is_named_for_every_site(kind: str, is_known: bool) -> None:
    text, words = NOWHERE[kind]
    refused = looked_at(text, is_known=is_known)
    assert refused is not None
    assert refused.message.startswith("a source holds no token: it looks like ")
    assert words in refused.message
    assert text not in str(refused)
    assert refused.next


@pytest.mark.parametrize("kind", NOT_HERE)
def test_another_kind_of_token_is_refused_only_where_it_is_known_what_stands_in_front(kind: str) -> None:
    text, words = NOT_HERE[kind]
    assert looked_at(text, is_known=False) is None
    refused = looked_at(text, is_known=True)
    assert refused is not None
    assert words in refused.message
    assert refused.next is not None
    assert PAGE in refused.next
    assert text not in str(refused)


@pytest.mark.parametrize("text", SENT)
def test_what_may_be_a_token_is_sent(text: str) -> None:
    """Sites may issue others one day: only the site knows."""
    assert looked_at(text, is_known=True) is None
    assert has_shape(Secret(text)) == (text == TOKEN)


def test_each_look_is_needed() -> None:
    """And the first one that fits is the one whose words are shown."""
    texts = [text for text, _ in (*NOWHERE.values(), *NOT_HERE.values())]
    first = {next(number for number, look in enumerate(LOOKS) if look.fits(Secret(text))) for text in texts}
    assert first == set(range(len(LOOKS)))


@given(st.from_regex(r"gt-[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{22}", fullmatch=True))
def test_every_token_is_sent_and_every_cut_of_its_second_half_is_not(token: str) -> None:
    assert is_token(token)  # as the sandbox reads the contract
    assert has_shape(Secret(token))
    assert looked_at(token, is_known=True) is None
    for length in range(25, 48):
        refused = looked_at(token[:length], is_known=False)
        assert refused is not None
        assert "cut off" in refused.message


@given(
    st.text(max_size=80)
    | st.text("gt-.aA0_/:\"'{<[ ey=~", max_size=80)
    | st.builds("{}{}{}".format, st.text(max_size=9), st.just(TOKEN), st.text(max_size=9)),
    st.booleans(),
)
def test_no_text_raises_anything_else(text: str, is_known: bool) -> None:
    refused = looked_at(text, is_known=is_known)
    if refused is not None:
        known = {look.words for look in LOOKS}
        assert refused.message.removeprefix("a source holds no token: it looks like ") in known


@pytest.mark.parametrize("text", ["gt-" * 20_000, "a" * 60_000, "eyJ" + "." * 60_000, f"{TOKEN}." * 1200, '"' * 60_000])
def test_a_long_text_is_looked_at_in_no_time(text: str, ceiling: Callable[[float], float]) -> None:
    import time

    begin = time.perf_counter()
    looked_at(text, is_known=True)
    assert time.perf_counter() - begin <= ceiling(0.5)


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
