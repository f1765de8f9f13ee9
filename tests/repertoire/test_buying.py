"""Buying logins: what is checked before a token is sent, what the errors say, what is remembered and for whom."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skykey.repertoire import DiscoveryClient, RepertoireError, RepertoireWebError, SyncDiscoveryClient, fallback
from skykey.repertoire.exceptions import RepertoireBadToken, RepertoireUnknownName
from skykey.repertoire.token_shape import NotAToken
from skykey.sandbox import Box
from skykey.testing import Canary
from skykey.values.errors import Forbidden, NotAuthenticated, RateLimited, Redirected, Unreadable
from skykey.values.secret import Secret
from tests.repertoire.documents import DOCUMENT, FACES
from tests.wire.askers import FastClock
from tests.wire.server import Answer, Seen, as_json, reply, serving

TOKEN = "gt-aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbb"
ENTRY = DOCUMENT["influxdb_databases"]["site_efd"]
NAMES = ("influxdb_credentials", "get_influxdb_connection_info", "require_influxdb_credentials")
NO_TOKENS = [
    "", " \n", f"{TOKEN}\nX-Evil: 1", f"{TOKEN}\r\n{TOKEN}", "gt a", "gt-ä", "gt-\x00",
    f"Bearer {TOKEN}", f'"{TOKEN}"', TOKEN[:-1], TOKEN * 2, f'{{"token":"{TOKEN}"}}', f"<html>{TOKEN}</html>",
    "~/.lsst/usdf_rsp", f"ACCESS_TOKEN={TOKEN}",
]  # fmt: skip


def selling(answer: Callable[[Seen], Answer], *labels: str) -> Callable[[Seen], Answer]:
    """A site whose document names itself, and whose guarded routes answer as the test says."""

    def handler(seen: Seen) -> Answer:
        if not seen.path.endswith("/discovery"):
            return answer(seen)
        here = f"http://{seen.headers['host']}"
        entries = {label: ENTRY | {"credentials_url": f"{here}/discovery/influxdb/{label}"} for label in labels}
        return as_json(json.dumps({"influxdb_databases": entries}))

    return handler


def login(**changes: Any) -> str:
    return json.dumps({**ENTRY, "username": "u", "password": "secret-canary", **changes})


@pytest.fixture(params=FACES)
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return FACES[request.param]


# -- before anything is sent


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("token", NO_TOKENS)
def test_a_text_that_cannot_be_a_token_is_refused_unsent_unshown_and_in_the_documented_class(
    ask: Callable[..., Any], name: str, token: str
) -> None:
    """Upstream's error shows it."""
    with serving(selling(lambda _: as_json(login()), "x")) as server:
        for wrapped in (token, Secret(token)):
            with pytest.raises(RepertoireBadToken) as caught:
                ask(server.url, name, "x", wrapped)
            assert isinstance(caught.value, RepertoireError)
            assert isinstance(caught.value, NotAToken)
            assert TOKEN not in str(caught.value)
            assert caught.value.message.startswith("the argument token holds no token: it ")
            assert caught.value.next
        assert server.seen == []


@pytest.mark.parametrize("token", [f'"{TOKEN}"', TOKEN[:-1], f"Bearer {TOKEN}"])
def test_nor_is_it_sent_for_the_list_or_looked_at_less_where_there_is_only_a_file(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(selling(lambda _: as_json("{}"))) as server:
        with pytest.raises(RepertoireBadToken):
            SyncDiscoveryClient(base_url=server.url).list_influxdb_credentials(token)
        assert server.seen == []
    monkeypatch.setattr(fallback, "NOTEBOOK_FILE", str(tmp_path / "v1.json"))
    (tmp_path / "v1.json").write_text("{}")
    with pytest.raises(RepertoireBadToken):
        SyncDiscoveryClient().influxdb_credentials("x", token)


def test_no_frame_shows_what_was_refused() -> None:
    canary = Canary()
    client = SyncDiscoveryClient(base_url="https://rsp.example.org/repertoire")
    calls: list[Callable[[str], Any]] = [
        client.list_influxdb_credentials,
        *(partial(getattr(client, name), "x") for name in NAMES),
    ]
    for call in calls:
        for text in (f'"{canary.opaque}"', canary.opaque[:-1], f"Bearer {canary.opaque}"):
            with canary, pytest.raises(RepertoireBadToken) as caught:
                call(text)
            canary.note_error("the error", caught.value, inside="src/skykey")
    canary.check()


def test_the_page_is_the_sites() -> None:
    with pytest.raises(RepertoireBadToken) as caught:
        FACES["sync"]("https://rsp.example.org/repertoire", "list_influxdb_credentials", "~/.lsst/usdf_rsp")
    assert caught.value.message == "the argument token holds no token: it looks like the path of a file"
    assert caught.value.next is not None
    assert "https://rsp.example.org/auth/tokens" in caught.value.next


@pytest.mark.parametrize("around", ["{}\n", "  {}", "\ufeff{}\r\n"])
def test_what_editors_put_around_a_token_is_taken_away(ask: Callable[..., Any], around: str) -> None:
    with serving(selling(lambda _: as_json(login()), "x")) as server:
        ask(server.url, "influxdb_credentials", "x", around.format(TOKEN))
        assert [seen.headers.get("authorization") for seen in server.seen] == [None, f"Bearer {TOKEN}"]


def test_a_strict_purchase_names_what_comes_near(ask: Callable[..., Any]) -> None:
    with serving(selling(lambda _: as_json(login()), "usdf_efd")) as server:
        with pytest.raises(RepertoireUnknownName, match="did you mean usdf_efd"):
            ask(server.url, "require_influxdb_credentials", "usdf_edf", TOKEN)
        found = ask(server.url, "require_influxdb_credentials", "usdf_efd", TOKEN)
        assert found.username == "u"
        assert len([seen for seen in server.seen if "authorization" in seen.headers]) == 1


# -- what the errors say


def challenge(kind: str) -> Answer:
    match kind:
        case "no token":
            return reply(401, "", WWW_Authenticate='Bearer realm="h"')
        case "bad token":
            text = 'Bearer realm="h", error="invalid_token", error_description="Token is not valid"'
            return reply(401, "<html>", Content_Type="text/html", WWW_Authenticate=text)
        case "scope":
            text = (
                'Bearer realm="h", error="insufficient_scope", error_description="Missing", scope="read:sasquatch x:y"'
            )
            return reply(403, "<html>", Content_Type="text/html", WWW_Authenticate=text)
        case "limit":
            now = datetime.now(UTC).replace(microsecond=0)
            later = format_datetime(now + timedelta(seconds=90), usegmt=True)
            body = '{"detail": [{"msg": "Rate limit (1/minute) exceeded", "type": "rate_limited"}]}'
            return as_json(body, 429, Date=format_datetime(now, usegmt=True), Retry_After=later)
        case "login":
            return reply(302, Location="/login?rd=x")
        case "elsewhere":
            return reply(302, Location="https://idp.example/authorize?client=x")
        case "page":
            return reply(200, "<html>Sign in</html>", Content_Type="text/html; charset=utf-8")
    raise AssertionError(kind)


ERRORS: dict[str, tuple[type[RepertoireWebError], type[Exception], str]] = {
    "no token": (RepertoireWebError, NotAuthenticated, "asks for a credential"),
    "bad token": (RepertoireWebError, NotAuthenticated, "Token is not valid"),
    "scope": (RepertoireWebError, Forbidden, "lacks the scope read:sasquatch x:y"),
    "limit": (RepertoireWebError, RateLimited, "Rate limit (1/minute) exceeded"),
    "login": (RepertoireWebError, Redirected, "wants a person to log in"),
    "elsewhere": (RepertoireWebError, Redirected, "https://idp.example"),
    "page": (RepertoireWebError, Unreadable, "a login page?"),
}


@pytest.mark.parametrize("name", ["influxdb_credentials", "list_influxdb_credentials"])
@pytest.mark.parametrize("kind", ERRORS)
def test_each_answer_of_the_gatekeeper_is_an_error_that_helps(ask: Callable[..., Any], kind: str, name: str) -> None:
    documented, precise, words = ERRORS[kind]
    with serving(selling(lambda _: challenge(kind), "x")) as server:
        args = ("x", TOKEN) if name == "influxdb_credentials" else (TOKEN,)
        with pytest.raises(documented) as caught:
            ask(server.url, name, *args)
        problem, text = caught.value, str(caught.value)
        assert isinstance(problem, precise)
        assert words in text
        assert TOKEN not in text
        assert "idp.example/authorize" not in text
        assert problem.required_scopes == (("read:sasquatch", "x:y") if kind == "scope" else ())
        assert problem.retry_after == (90.0 if kind == "limit" else None)
        assert problem.status == {"login": 302, "elsewhere": 302, "page": 200}.get(kind, problem.status)
        assert datetime.now(UTC) - problem.failed_at < timedelta(minutes=1)
        if kind in {"no token", "bad token", "scope", "login", "page"}:
            wanted = "scopes read:sasquatch x:y" if kind == "scope" else "scope read:sasquatch"
            assert f"create a token with the {wanted} at {server.url}/auth/tokens" in text
            assert "skykey why rubin" in text
        # A token that was refused is not sent again, and one that hits a limit is not used to hammer.
        assert len([seen for seen in server.seen if "authorization" in seen.headers]) == 1


@pytest.mark.parametrize("token", ["gt-short", "eyJhbGciOi.J9.x", "hunter2", f"{TOKEN}b"])
def test_a_refused_token_that_does_not_look_like_one_is_told_so_without_showing_it(token: str) -> None:
    with serving(selling(lambda _: challenge("bad token"), "x")) as server:
        with pytest.raises(NotAuthenticated, match="does not look like one") as caught:
            FACES["sync"](server.url, "influxdb_credentials", "x", token)
        assert token not in str(caught.value)


def test_documented_errors_travel(ask: Callable[..., Any]) -> None:
    import pickle

    with serving(selling(lambda _: challenge("scope"), "x")) as server, pytest.raises(RepertoireWebError) as caught:
        ask(server.url, "influxdb_credentials", "x", TOKEN)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert (again.status, again.required_scopes, str(again)) == (403, ("read:sasquatch", "x:y"), str(caught.value))
    assert again.failed_at == caught.value.failed_at


# -- the list


def test_a_list_that_fails_as_a_whole_is_asked_for_one_by_one(
    ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def answer(seen: Seen) -> Answer:
        match seen.path.rpartition("/")[2]:
            case "influxdb" | "broken":
                return reply(500, "Internal Server Error", Content_Type="text/plain")
            case "gone":
                return reply(404)
            case "odd":
                return as_json(login(url="nonsense"))
        return as_json(login())

    labels = ("good", "broken", "gone", "odd", "fine")
    with serving(selling(answer, *labels)) as server, caplog.at_level(logging.WARNING):
        found = ask(server.url, "list_influxdb_credentials", TOKEN)
        assert list(found) == ["good", "fine"]
        assert found["fine"].username == "u"
        assert set(found.failed) == {"broken", "gone", "odd"}
        assert all(isinstance(problem, RepertoireError) for problem in found.failed.values())
        assert {record.getMessage().partition(" for ")[2].partition(",")[0] for record in caplog.records} == {
            "broken",
            "gone",
            "odd",
        }
        assert "canary" not in caplog.text


@pytest.mark.parametrize("status", [401, 403, 429])
def test_one_by_one_ends_with_the_first_word_about_the_token(ask: Callable[..., Any], status: int) -> None:
    def answer(seen: Seen) -> Answer:
        return reply(500) if seen.path.endswith("/influxdb") else reply(status, Retry_After="900")

    with serving(selling(answer, *"abcdefgh")) as server:
        with pytest.raises(RepertoireWebError) as caught:
            ask(server.url, "list_influxdb_credentials", TOKEN)
        assert caught.value.status == status
        assert len(server.seen) == 3


def test_a_list_of_which_nothing_is_to_be_had_is_the_first_error(ask: Callable[..., Any]) -> None:
    with serving(selling(lambda _: reply(500, "no file"), "a", "b")) as server:
        with pytest.raises(RepertoireWebError, match="no file") as caught:
            ask(server.url, "list_influxdb_credentials", TOKEN)
        assert caught.value.url == f"{server.url}/discovery/influxdb"


def test_a_token_that_goes_bad_in_between_ends_the_questions_for_each_label(
    ask: Callable[..., Any], tmp_path: Path
) -> None:
    """It is no fault of a label."""
    file = tmp_path / "token"
    file.write_text(TOKEN)

    def answer(seen: Seen) -> Answer:
        if seen.path.endswith("/influxdb"):
            return reply(500)
        if seen.path.endswith("/b"):
            file.write_text(TOKEN[:-1])
            return challenge("bad token")
        return as_json(login())

    with serving(selling(answer, *"abcd")) as server:
        with pytest.raises((RepertoireBadToken, NotAuthenticated)):
            ask(server.url, "list_influxdb_credentials", file)
        assert [seen.path.rpartition("/")[2] for seen in server.seen[-2:]] == ["a", "b"]


def test_one_entry_of_the_list_that_does_not_fit_is_reported_and_the_others_are_sold(ask: Callable[..., Any]) -> None:
    entries = {"good": json.loads(login()), "odd": {"url": "secret-canary"}}
    with serving(selling(lambda _: as_json(json.dumps(entries)))) as server:
        found = ask(server.url, "list_influxdb_credentials", TOKEN)
        assert list(found) == ["good"]
        assert "canary" not in str(found.failed["odd"])


def test_a_login_for_an_address_that_the_site_must_not_name_is_refused() -> None:
    with serving(selling(lambda _: as_json(login(url="https://169.254.169.254/")), "x")) as server:
        with pytest.raises(RepertoireError, match="an address that no service has") as caught:
            FACES["sync"](server.url, "influxdb_credentials", "x", TOKEN)
        assert "canary" not in str(caught.value)


# -- memory


def test_a_login_is_bought_each_time_unless_memory_is_asked_for(box: Box) -> None:
    def bought(**options: Any) -> int:
        box.controls.forget()
        client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire", **options)
        for _ in range(4):
            client.influxdb_credentials("usdf_efd", box.token)
        return len([seen for seen in box.controls.requests("repertoire") if seen.credential])

    assert bought() == 4
    assert bought(credentials_timeout=timedelta(minutes=1)) == 1


def test_memory_belongs_to_the_token_and_the_label(box: Box) -> None:
    ada, bob = box.controls.mint(username="ada"), box.controls.mint(["read:tap"], username="bob")
    client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire", credentials_timeout=timedelta(minutes=1))
    client.influxdb_credentials("usdf_efd", ada)
    client.influxdb_credentials("usdf_efd", Secret(ada))
    client.influxdb_credentials("summit_efd", ada)
    for _ in range(2):  # a refusal is not remembered
        with pytest.raises(Forbidden):
            client.influxdb_credentials("usdf_efd", bob)
    assert client.influxdb_credentials("nowhere", ada) is None
    assert len([seen for seen in box.controls.requests("repertoire") if seen.credential]) == 4
    assert ada not in repr(vars(client))


def test_forgetting_is_what_to_do_after_a_401_from_the_database(box: Box) -> None:
    client = SyncDiscoveryClient(base_url=f"{box.site_url}/repertoire", credentials_timeout=timedelta(minutes=1))
    before = client.influxdb_credentials("usdf_efd", box.token)
    box.controls.change_password()
    assert client.influxdb_credentials("usdf_efd", box.token) == before
    client.forget()
    assert client.influxdb_credentials("usdf_efd", box.token) != before


def test_remembered_logins_are_limited_in_number_and_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("skykey.repertoire.buying._MOST_LOGINS", 3)
    with serving(selling(lambda _: as_json(login()), "x")) as server:
        client = SyncDiscoveryClient(base_url=server.url, credentials_timeout=timedelta(seconds=0.05))
        for number in range(10):
            client.influxdb_credentials("x", f"{TOKEN}{number}")
        assert len(client._logins) <= 3
        before = len(server.seen)
        time.sleep(0.1)
        client.influxdb_credentials("x", f"{TOKEN}9")
        assert len(server.seen) == before + 1


def test_twenty_tasks_with_one_token_buy_one_login_where_memory_is_on(box: Box) -> None:
    async def main() -> None:
        options: dict[str, Any] = {"credentials_timeout": timedelta(minutes=1)}
        async with DiscoveryClient(base_url=f"{box.site_url}/repertoire", **options) as client:
            client._clock = FastClock()
            found = await asyncio.gather(*(client.influxdb_credentials("usdf_efd", box.token) for _ in range(20)))
            assert len({login.password.get_secret_value() for login in found}) == 1  # type: ignore[union-attr]

    box.controls.latency(0.2)
    asyncio.run(main())
    assert len([seen for seen in box.controls.requests("repertoire") if seen.credential]) == 1


def test_the_text_of_a_remedy_can_be_typed() -> None:
    with serving(selling(lambda _: challenge("scope"), "x")) as server, pytest.raises(Forbidden) as caught:
        FACES["sync"](server.url, "influxdb_credentials", "x", TOKEN)
    assert caught.value.next is not None
    assert re.search(r"skykey why rubin$", caught.value.next)
