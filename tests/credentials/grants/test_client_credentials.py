"""A program's own name and secret: how they are sent, so that every issuer reads the same, and nobody else does."""

import base64
import json
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.grants.client_credentials import ClientCredentials
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import Encoding, TokenEndpoint
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Keeping
from skykey.testing import Canary
from skykey.testing.clock import FakeClock
from skykey.values.errors import GrantRefused, OutOfReach, Redirected, ServiceError, SkykeyError
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.credentials.grants.asking import (
    OTHER,
    REACH,
    SECRET,
    TOKEN,
    Canned,
    asking,
    endpoint,
    fields,
    granted,
    lost_within,
    raised,
    refused,
)
from tests.wire.server import Seen, Server, reply, serving

ODD = "robot:1+2%3 ü"


def robot(server: Server, **more: Any) -> ClientCredentials:
    asked = endpoint(server, retries=Retries(total=0), encoding=more.pop("encoding", Encoding.FORM))
    return ClientCredentials(asked, more.pop("client_id", ODD), Secret(more.pop("secret", SECRET)), REACH, **more)


def pair(header: str) -> tuple[str, str]:
    """Name and secret as RFC 6749, 2.3.1 wants an issuer to read them."""
    scheme, _, coded = header.partition(" ")
    assert scheme == "Basic"
    name, _, secret = base64.b64decode(coded, validate=True).decode("ascii").partition(":")
    return unquote_plus(name), unquote_plus(secret)


def test_name_and_secret_go_into_the_header_and_nowhere_else() -> None:
    with serving(lambda _: granted()) as server:
        found = robot(server, scopes=("read:a", "read:b")).obtain(None, asking())
        (seen,) = server.seen
    assert fields(seen) == {"grant_type": "client_credentials", "scope": "read:a read:b"}
    assert pair(seen.headers["authorization"]) == (ODD, SECRET)
    assert found.credential.token == Secret(TOKEN)
    assert found.renewal is None, "there is none: the secret buys each one"
    assert found.source == f"the client {ODD} at {server.url}"


def test_no_scope_is_the_clients_default_and_not_an_empty_one() -> None:
    with serving(lambda _: granted()) as server:
        robot(server).obtain(None, asking())
        assert fields(server.seen[0]) == {"grant_type": "client_credentials"}


@pytest.mark.parametrize("encoding", Encoding)
def test_name_and_secret_go_into_the_body_where_the_issuer_wants_that(encoding: Encoding) -> None:
    with serving(lambda _: granted()) as server:
        robot(server, in_body=True, encoding=encoding).obtain(None, asking())
        (seen,) = server.seen
    assert "authorization" not in seen.headers
    read = fields(seen) if encoding is Encoding.FORM else json.loads(seen.body)
    assert read == {"grant_type": "client_credentials", "client_id": ODD, "client_secret": SECRET}


texts = st.text(st.characters(codec="utf-8"))


@given(name=texts, secret=texts)
def test_whatever_they_hold_both_halves_arrive_as_they_are(name: str, secret: str) -> None:
    """Without the form encoding a colon in the name would move a part of it into the secret."""
    carrier = Canned(granted()[granted().index(b"{") :])
    asked = TokenEndpoint(Url("https://issuer.example/token"), "a test")
    ClientCredentials(asked, name, Secret(secret), REACH).obtain(None, asking(carrier=carrier))
    (request,) = carrier.requests
    header = dict(request.headers)["Authorization"]
    assert isinstance(header, Secret)
    assert pair(header.reveal()) == (name, secret)


def test_a_secret_from_a_damaged_variable_breaks_nothing_that_would_show_it() -> None:
    damaged = f"{SECRET}\udc80"
    for in_body in (False, True):
        with serving(lambda _: refused()) as server:
            asked = robot(server, secret=damaged, in_body=in_body)
            raised(lambda asked=asked: asked.obtain(None, asking()), GrantRefused)  # type: ignore[misc]


def echoed(seen: Seen) -> list[str]:
    header = seen.headers.get("authorization", "")
    opened = base64.b64decode(header.partition(" ")[2]).decode()
    return [header, opened, opened.partition(":")[2], SECRET, seen.body.decode(), header.partition(" ")[2], seen.text]


@pytest.mark.parametrize("which", range(7))
@pytest.mark.parametrize("in_body", [False, True])
def test_an_issuer_that_repeats_the_request_is_not_repeated(which: int, in_body: bool) -> None:
    with serving(lambda seen: refused(error_description=f"bad: {echoed(seen)[which]}")) as server:
        problem = raised(lambda: robot(server, in_body=in_body).obtain(None, asking()), GrantRefused)
    assert problem.words.startswith("bad:")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda seen: reply(500, seen.text, Content_Type="text/plain"), ServiceError),
        (lambda _: reply(307, "", Location="/"), Redirected),
        (lost_within, SkykeyError),
        (lambda _: reply(200, "<html>"), ServiceError),
    ],
)
@pytest.mark.parametrize("in_body", [False, True])
def test_no_failure_shows_the_secret(answer: Any, kind: type[SkykeyError], in_body: bool) -> None:
    with serving(answer) as server:
        raised(lambda: robot(server, in_body=in_body).obtain(None, asking()), kind)
        assert len(server.seen) == 1


def test_plain_http_elsewhere_is_refused_unsent() -> None:
    carrier = Canned(b"{}")
    asked = ClientCredentials(
        TokenEndpoint(Url("http://issuer.example/"), "a test"), "robot", Secret(SECRET), REACH, in_body=False
    )
    raised(lambda: asked.obtain(None, asking(carrier=carrier)), OutOfReach)
    assert carrier.requests == []


def test_a_keeper_buys_the_next_one_with_the_same_secret() -> None:
    clock, count = FakeClock(hasty=True), iter(range(1, 10))
    with serving(lambda _: granted(f"token-{next(count)}", refresh_token=OTHER)) as server:
        keeper = Keeper(robot(server), clock=clock)
        tokens = []
        for _ in range(2):
            tokens.append(keeper.get().credential.token.reveal())
            clock.advance(3600)
        assert [pair(seen.headers["authorization"]) for seen in server.seen] == [(ODD, SECRET)] * 2
    assert tokens == ["token-1", "token-2"]
    held = keeper.at_hand
    assert held is not None
    assert held.renewal is None


def test_nothing_local_says_that_it_changed_and_it_does_not_print() -> None:
    with serving(lambda _: granted()) as server:
        asked = robot(server)
        assert not asked.changed(asked.obtain(None, asking()))
    assert asked.keeping is Keeping.IN_PROCESS
    assert Canary.of(SECRET).shown_by(asked) == []
