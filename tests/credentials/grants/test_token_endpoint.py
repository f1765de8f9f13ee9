"""A token endpoint's question in both encodings, and its answer in every form in which issuers give one."""

import base64
import json
import re
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.grants.posting import CAP
from skykey.credentials.grants.retries import Retries
from skykey.credentials.grants.token_endpoint import Encoding, Granted, TokenEndpoint, encoded
from skykey.credentials.held import Held
from skykey.credentials.lifetime import ASSUMED, LONGEST
from skykey.credentials.text import flaw
from skykey.testing.clock import FakeClock
from skykey.values.errors import Interrupted, OutOfReach, Redirected, ServiceError, SkykeyError, Unreadable
from skykey.values.life import Life
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
    in_turn,
    lost_before,
    lost_within,
    raised,
    refused,
)
from tests.wire.server import Answer, Handler, Seen, as_json, reply, serving

FIELDS: dict[str, str | Secret] = {"grant_type": "refresh_token", "client_id": "a b&c", "refresh_token": Secret(SECRET)}


def jwt(**claims: object) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".AA"


# -- the question


def test_the_fields_go_out_as_the_standards_form() -> None:
    with serving(lambda _: granted()) as server:
        endpoint(server).ask(FIELDS, asking(), headers={"X-More": "more"})
        (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/token")
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["x-more"] == "more"
    assert fields(seen) == {"grant_type": "refresh_token", "client_id": "a b&c", "refresh_token": SECRET}


def test_the_fields_go_out_as_json_where_the_issuer_wants_that() -> None:
    with serving(lambda _: granted()) as server:
        endpoint(server, encoding=Encoding.JSON).ask(FIELDS, asking())
        (seen,) = server.seen
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == {"grant_type": "refresh_token", "client_id": "a b&c", "refresh_token": SECRET}


texts = st.text(st.characters(codec="utf-8"))
anything = st.text() | st.sampled_from(["\udc80", "a\ud800b", "\udcff\udc00"])


@given(given=st.dictionaries(texts, texts))
def test_whatever_a_field_holds_arrives(given: dict[str, str]) -> None:
    secret = {name: Secret(value) for name, value in given.items()}
    assert dict(parse_qsl(encoded(secret, Encoding.FORM).reveal(), keep_blank_values=True)) == given
    assert json.loads(encoded(secret, Encoding.JSON).reveal()) == given


@given(value=anything, encoding=st.sampled_from(Encoding))
def test_a_secret_from_a_damaged_variable_breaks_nothing_that_would_show_it(value: str, encoding: Encoding) -> None:
    assert encoded({"refresh_token": Secret(value)}, encoding).reveal().encode().isascii()


# -- odd successes

BOMB = '{"access_token": ' + "[" * 100_000
ODD: dict[str, tuple[Answer, str]] = {
    "HTML": (reply(200, "<html>sign in</html>", Content_Type="text/html"), "not a JSON object"),
    "HTML that says it is JSON": (as_json("<html>sign in</html>"), "not a JSON object"),
    "empty": (reply(200, ""), "not a JSON object"),
    "list": (as_json(f'[{{"access_token": "{TOKEN}"}}]'), "not a JSON object"),
    "text": (as_json(f'"{TOKEN}"'), "not a JSON object"),
    "bare text": (reply(200, TOKEN, Content_Type="text/plain"), "not a JSON object"),
    "form": (reply(200, f"access_token={TOKEN}&expires_in=60"), "not a JSON object"),
    "null": (as_json("null"), "not a JSON object"),
    "cut": (as_json(f'{{"access_token": "{TOKEN}", '), "not a JSON object"),
    "bomb": (as_json(BOMB), "not a JSON object"),
    "not UTF-8": (as_json('{"access_token": "\xff"}').replace(b"\xc3\xbf", b"\xff\xfe"), "not a JSON object"),
    "a number of too many digits": (as_json(f'{{"access_token": "{TOKEN}", "n": {"9" * 5000}}}'), "not a JSON object"),
    "over the cap": (as_json(f'{{"access_token": "{TOKEN}", "more": "{"x" * 10_000_000}"}}'), "larger than 1,048,576"),
    "no token": (as_json('{"expires_in": 60}'), "gave no token"),
    "null token": (granted(None), "gave no token"),
    "null token with an ID token": (granted(None, id_token=jwt(sub="a")), "gave no token"),
    "number": (granted(7), "gave no token"),
    "true": (granted(True), "gave no token"),
    "list of tokens": (granted([TOKEN]), "gave no token"),
    "object": (granted({"token": TOKEN}), "gave no token"),
    "empty token": (granted(""), "gave no token: it is empty"),
    "blank token": (granted(" \n "), "gave no token: it is empty"),
    "two lines": (granted(f"{TOKEN}\n{OTHER}"), "gave no token: it has 2 lines"),
    "header injection": (granted(f"{TOKEN}\r\nX-Injected: 1"), "gave no token: it has 2 lines"),
    "a blank inside": (granted(f"{TOKEN} {OTHER}"), "gave no token: it holds blanks"),
    "a NUL": (granted(f"{TOKEN}\0{OTHER}"), "gave no token: it holds blanks"),
    "half a surrogate pair": (granted(f"{TOKEN}\ud800"), "gave no token: it holds blanks"),
    "other letters": (granted(f"{TOKEN}ü"), "gave no token: it holds blanks"),
    "201": (as_json(json.dumps({"access_token": TOKEN}), 201), r"gave no token \(status 201\)"),
    "202": (as_json("{}", 202), r"gave no token \(status 202\)"),
    "204": (reply(204), r"gave no token \(status 204\)"),
    "206": (as_json(json.dumps({"access_token": TOKEN}), 206), r"gave no token \(status 206\)"),
    "an error that calls itself a success": (as_json('{"error": "invalid_grant"}'), "gave no token"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_success_without_a_token_is_an_error_that_shows_nothing(name: str) -> None:
    answer, words = ODD[name]
    with serving(lambda _: answer) as server:
        problem = raised(lambda: endpoint(server).ask(FIELDS, asking()), Unreadable)
        assert len(server.seen) == 1, "it is not asked again: its answer is whole"
    assert re.search(words, problem.message)
    assert problem.url is None or problem.url == f"{server.url}/token"


def test_an_error_that_calls_itself_a_success_is_told_in_its_words() -> None:
    body = json.dumps({"error": "bad", "error_description": f"the refresh token {SECRET} has expired"})
    for status in (200, 201):
        with serving(lambda _, status=status: as_json(body, status)) as server:  # type: ignore[misc]
            problem = raised(lambda at=server: endpoint(at).ask(FIELDS, asking()), Unreadable)  # type: ignore[misc]
        assert problem.words == "the refresh token <secret> has expired"
        assert problem.status == status


FAILURES: dict[str, tuple[Handler, type[SkykeyError]]] = {
    "refused": (lambda _: refused(error_description=f"{SECRET} of {SECRET}"), SkykeyError),
    "broken": (lambda _: reply(500, f"Traceback: token={SECRET}", Content_Type="text/plain"), ServiceError),
    "redirected": (lambda _: reply(302, "", Location=f"https://x.example/?t={SECRET}"), Redirected),
    "lost before": (lost_before, Interrupted),
    "lost within": (lost_within, Interrupted),
    "encoded": (lambda _: reply(200, f'{{"access_token": "{TOKEN}"}}', Content_Encoding="br"), Unreadable),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("encoding", Encoding)
def test_no_failure_shows_what_was_sent_or_given(name: str, encoding: Encoding) -> None:
    answer, kind = FAILURES[name]
    with serving(answer) as server:
        asked = endpoint(server, encoding=encoding, retries=Retries(total=1))
        header = {"Authorization": Secret(f"Bearer {OTHER}")}
        raised(lambda: asked.ask(FIELDS, asking(), headers=header), kind)
        assert SECRET in server.seen[0].text or "rt-Kq8%2Fw" in server.seen[0].text, "it was there to be shown"


def test_what_stands_in_a_header_in_another_form_is_hidden_too() -> None:
    said = f"no such client: {OTHER}, {base64.b64encode(OTHER.encode()).decode()}"
    with serving(lambda _: refused(error_description=said)) as server:
        problem = raised(
            lambda: endpoint(server).ask({}, asking(), headers={"X": "y"}, hidden=(Secret(OTHER),)), SkykeyError
        )
    assert problem.words.startswith("no such client: <secret>, <secret>")


def test_plain_http_elsewhere_is_refused_unsent() -> None:
    carrier = Canned(granted())
    asked = TokenEndpoint(Url("http://issuer.example/token"), "the variable ISSUER_URL")
    problem = raised(lambda: asked.ask(FIELDS, asking(carrier=carrier)), OutOfReach)
    assert "the variable ISSUER_URL" in problem.message
    assert carrier.requests == []


# -- what was given


def ask(body: object, clock: FakeClock | None = None, **more: Any) -> Granted:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = TokenEndpoint(Url("https://issuer.example/token"), "a test", **more)
    return asked.ask(FIELDS, asking(clock, carrier=Canned(raw)))


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        ({"access_token": "a", "id_token": "i"}, "i"),
        ({"access_token": "a", "id_token": None}, "a"),
        ({"access_token": "a"}, "a"),
        ({"access_token": None, "id_token": "i"}, "i"),
    ],
)
def test_the_best_of_several_keys_counts_that_has_something(answer: object, given: str) -> None:
    assert ask(answer, tokens=("id_token", "access_token")).token.reveal() == given


def test_an_id_token_stands_in_where_the_access_token_is_null() -> None:
    answer = {"access_token": None, "id_token": "i"}
    assert ask(answer, tokens=("access_token", "id_token")).token.reveal() == "i"


def test_a_key_that_holds_no_text_does_not_make_place_for_the_next() -> None:
    problem = raised(lambda: ask({"access_token": 7, "id_token": "i"}, tokens=("access_token", "id_token")), Unreadable)
    assert "gave no token" in problem.message


@pytest.mark.parametrize("given", [" a ", "a\n", "\ufeffa", "\t a\r\n"])
def test_what_surrounds_a_token_does_not_belong_to_it(given: str) -> None:
    assert ask({"access_token": given}).token.reveal() == "a"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_each_of_its_encodings(codec: str) -> None:
    assert ask('{"access_token": "a"}'.encode(codec)).token.reveal() == "a"


@pytest.mark.parametrize("given", [None, "", 7, ["r"], {"r": 1}, False])
def test_what_is_no_renewal_secret_leaves_the_old_one_in_use(given: object) -> None:
    assert ask({"access_token": "a", "refresh_token": given}).renewal is None


def test_a_replaced_renewal_secret_is_taken_as_it_is() -> None:
    for new in ("r", " r ", "two\nlines", "\ud800", "ü"):
        assert ask({"access_token": "a", "refresh_token": new}).renewal == Secret(new)


@pytest.mark.parametrize(
    ("said", "lives"),
    [(600, 600), ("600", 600), (600.5, 600.5), ("6e2", 600), (10**12, LONGEST), (0, ASSUMED), (-1, ASSUMED),
     (None, ASSUMED), (True, ASSUMED), ("soon", ASSUMED), ([600], ASSUMED), ({}, ASSUMED), (10**400, ASSUMED)],
)  # fmt: skip
def test_a_life_counts_from_the_request_on_however_it_is_said(said: object, lives: float) -> None:
    clock = FakeClock(hasty=True)
    asked = clock.wall()

    def slowly(_: Seen) -> Answer:
        clock.advance(20)
        return granted(expires_in=said)

    with serving(slowly) as server:
        assert endpoint(server).ask(FIELDS, asking(clock)).life == Life(asked, asked + lives)


def test_a_life_counts_from_the_request_that_was_answered() -> None:
    clock = FakeClock(hasty=True)
    with serving(in_turn(reply(503), granted(expires_in=600))) as server:
        life = endpoint(server).ask(FIELDS, asking(clock)).life
    assert (life.born, life.ends) == (clock.wall(), clock.wall() + 600)
    assert clock.wall() > FakeClock().wall()


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
def test_an_end_on_the_issuers_clock_is_read_by_that_clock(ahead: int) -> None:
    clock = FakeClock(hasty=True)
    theirs = clock.wall() + ahead
    answer = as_json(
        json.dumps({"access_token": jwt(exp=theirs + 240, sub="ada")}), Date=formatdate(theirs, usegmt=True)
    )
    with serving(lambda _: answer) as server:
        found = endpoint(server).ask(FIELDS, asking(clock))
    remaining = found.life.remaining(clock.wall())
    assert remaining is not None
    assert abs(remaining - 240) <= 0.5
    assert found.claims is not None
    assert found.bearer(REACH, None).identity == "ada"


def test_the_same_token_again_is_as_old_as_it_was() -> None:
    """Or an issuer that repeats its token would look as if it gave ever newer ones."""
    clock = FakeClock(hasty=True)
    first = ask({"access_token": "a", "expires_in": 600}, clock).bearer(REACH, None)
    born = clock.wall()
    clock.advance(300)
    again = ask({"access_token": "a", "expires_in": 300}, clock).bearer(REACH, Held(first, "a test"))
    assert again.life == Life(born, born + 600)
    other = ask({"access_token": "b", "expires_in": 300}, clock).bearer(REACH, Held(first, "a test"))
    assert other.life == Life(born + 300, born + 600)
    assert other.reach is REACH


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["access_token", "id_token", "refresh_token", "expires_in", "error", "error_description"])
web_tokens = st.builds(lambda exp, sub: jwt(exp=exp, sub=sub), json_values, json_values)
bodies = st.dictionaries(names, json_values | web_tokens).map(lambda body: json.dumps(body).encode()) | st.binary()


@given(body=bodies, status=st.sampled_from([200, 200, 200, 201, 302, 400, 401, 418, 501]), date=st.text(max_size=40))
def test_any_answer_is_a_token_that_can_be_sent_or_an_error_of_ours(body: bytes, status: int, date: str) -> None:
    clock = FakeClock(hasty=True)
    carrier = Canned(body, status, {"date": date, "retry-after": date})
    asked = TokenEndpoint(Url("https://issuer.example/token"), "a test", tokens=("id_token", "access_token"))
    if status != 200:
        raised(lambda: asked.ask(FIELDS, asking(clock, carrier=carrier)), SkykeyError)
        return
    try:
        found = asked.ask(FIELDS, asking(clock, carrier=carrier))
    except Unreadable:
        return
    assert found.token
    assert flaw(found.token.reveal()) is None
    assert found.life.born is not None
    assert found.life.ends is not None
    assert found.life.ends <= found.life.born + LONGEST
    assert found.renewal is None or found.renewal


def test_what_an_issuer_may_say_at_most_is_far_more_than_any_says() -> None:
    assert CAP == 1_048_576
