"""Servers repeat requests in their errors: no spelling of a secret gets through, and nothing else is touched."""

import base64
import json
import re
from collections.abc import Callable
from random import Random
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from skykey.credentials.conceal import conceal_in, concealed, concealed_body, concealed_head
from skykey.credentials.credential import Basic
from skykey.credentials.held import Held
from skykey.testing import Canary
from skykey.values.errors import ServiceError, Unreachable
from skykey.values.secret import Secret
from skykey.values.url import Url
from skykey.wire.request import Head
from tests.credentials.fakes import CANARY, REACH, bearer

# Of any kind, but for the signs of the placeholder itself.
letters = st.characters(codec="utf-8", exclude_characters="<>")
secrets = st.text(letters, min_size=8, max_size=40)
around = st.text(letters, max_size=20)


def lower(text: str) -> str:
    return re.sub("%..", lambda escape: escape[0].lower(), text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded, slashes kept": quote,
    "percent-encoded by JavaScript": lambda text: quote(text, safe="!'()*"),
    "percent-encoded in lower case": lambda text: lower(quote(text, safe="")),
    "of a form": quote_plus,
    "of a form in lower case": lambda text: lower(quote_plus(text)),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with all letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON by PHP": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
}
ENCODERS = {"base64": base64.b64encode, "base64 for URLs": base64.urlsafe_b64encode}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=secrets, before=around, after=around)
@example(secret='p"ä/ss+w%o rd&', before="", after="")
def test_no_spelling_gets_through_whatever_stands_around_it(
    spelling: str, secret: str, before: str, after: str
) -> None:
    written = SPELLINGS[spelling](secret)
    shown = concealed(f"{before}{written}{after}{written}", [Secret(secret)])
    assert written not in shown
    assert "<secret>" in shown


@pytest.mark.parametrize("alphabet", ENCODERS)
@pytest.mark.parametrize("offset", range(3))
@given(secret=secrets, before=st.binary(max_size=9), after=st.binary(max_size=9))
@example(secret="00000000", before=b"000", after=b"0")
def test_no_base64_gets_through_wherever_in_it_the_secret_begins(
    alphabet: str, offset: int, secret: str, before: bytes, after: bytes
) -> None:
    raw, before = secret.encode(), (before + b"..")[: len(before) // 3 * 3 + offset]
    assume(len(before) % 3 == offset)
    text = ENCODERS[alphabet](before + raw + after).decode()
    # What the secret's bits alone make of it.
    core = text[-(-len(before) * 8 // 6) : (len(before) + len(raw)) * 8 // 6]
    shown = concealed(f"Authorization: Basic {text}", [Secret(secret)])
    assert core not in shown
    assert core[:-1] not in shown


@given(name=st.text(letters, max_size=10).map(lambda name: name.replace(":", "")), password=secrets)
def test_a_basic_header_stands_for_itself_its_pair_and_its_password(name: str, password: str) -> None:
    ((_, header),) = Basic(name, Secret(password), REACH).parts()
    said = [header.reveal(), header.reveal().partition(" ")[2], f"{name}:{password}", password, quote_plus(password)]
    for text in said:
        assert text not in concealed(f"({text})", [header])


def test_the_name_in_a_basic_header_is_no_secret() -> None:
    ((_, header),) = Basic("the-name-of-ada", Secret("open sesame"), REACH).parts()
    assert concealed("the-name-of-ada, open sesame", [header]) == "the-name-of-ada, <secret>"


def test_a_bearer_header_stands_for_its_token() -> None:
    ((_, header),) = bearer(CANARY).credential.parts()
    assert concealed(f"no {CANARY} no Bearer {CANARY}", [header]) == "no <secret> no <secret>"


@given(rest=st.text(letters, min_size=3, max_size=30), around=around)
@example(rest="x", around="")
@example(rest="ä", around="")
def test_a_secret_that_only_looks_like_a_header_is_taken_out_as_it_is(rest: str, around: str) -> None:
    for scheme in ("Basic", "Bearer"):
        assert f"{scheme} {rest}" not in concealed(f"{around}{scheme} {rest}{around}", [Secret(f"{scheme} {rest}")])


@given(parts=st.lists(secrets, min_size=2, max_size=3), order=st.randoms(use_true_random=False))
def test_a_secret_within_a_secret_leaves_no_rest(parts: list[str], order: Random) -> None:
    whole = "".join(parts)
    sent = [*parts, whole]
    order.shuffle(sent)
    assert concealed(f"a {whole} b", map(Secret, sent)) == "a <secret> b"


@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=5), before=around, after=around)
def test_a_short_secret_is_left_alone(secret: str, before: str, after: str) -> None:
    """It is a word of the language: without it, the sentence would say what it is."""
    text = f"{before} {secret} {after}"
    assert concealed(text, [Secret(secret)]) == text


@given(text=st.text(" .,:;!?[]{}#$^|~`\n\0"), secret=st.text("abcXYZ019/+=", min_size=8))
def test_a_text_without_the_secret_stays_as_it_is(text: str, secret: str) -> None:
    assert concealed(text, [Secret(secret)]) == text
    assert concealed(text, []) == text


def test_a_sentence_stays_as_it_is() -> None:
    text = "The refresh token is unknown or has expired (invalid_grant): c2VjcmV0, %2Fetc, \\u00e9"
    assert concealed(text, [Secret(CANARY), Secret(""), Secret("grant"), Secret(f"Basic {CANARY}")]) == text


@pytest.mark.parametrize("secret", ["\udc80" * 8, "a\ud800bcdefgh", "\0" * 8])
def test_a_damaged_secret_raises_nothing_that_would_show_it(secret: str) -> None:
    assert concealed(f"x {secret} y", [Secret(secret)]) == "x <secret> y"


@given(before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_body_keeps_every_byte_that_is_not_secret(before: bytes, after: bytes) -> None:
    assert concealed_body(before + CANARY.encode() + after, [bearer(CANARY)]) == before + b"<secret>" + after
    assert concealed_body(before + after, [bearer(CANARY)]) == before + after
    assert concealed_body(before, []) == before


def test_an_error_is_mended_in_every_part() -> None:
    canary, helds = Canary.of(CANARY), [bearer("another-token"), bearer(CANARY)]
    problem = ServiceError(f"no row for {CANARY}", words=f"Bearer {CANARY} ended", next="look", status=200)
    conceal_in(problem, helds)
    assert (problem.message, problem.words) == ("no row for <secret>", "<secret> ended")
    assert canary.hits(f"{problem} {problem!r} {problem.args}") == []
    assert (problem.next, problem.status) == ("look", 200)
    silent = ServiceError("no")
    conceal_in(silent, helds)
    assert (silent.message, silent.words) == ("no", None)


def test_an_error_that_no_server_said_stays_as_it_is() -> None:
    problem = Unreachable("no connection", words="none")
    conceal_in(problem, [bearer("connection")])
    assert str(problem) == "no connection\nThe server said: none"


def test_a_head_is_mended_in_its_values() -> None:
    headers = {"www-authenticate": f'Bearer error="{CANARY}"', "date": "today"}
    head = concealed_head(Head(401, headers, Url("https://site.example/")), [Held(bearer(CANARY).credential, "x")])
    assert head.headers == {"www-authenticate": 'Bearer error="<secret>"', "date": "today"}
    assert head.status == 401
    assert headers["www-authenticate"] != head.headers["www-authenticate"], "the answer itself stays"
