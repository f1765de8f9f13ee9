"""A credential that was written down and read again is the same one; whatever else is there is said, never raised."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skykey.credentials.credential import Basic, Bearer, Certificate
from skykey.credentials.held import Held
from skykey.credentials.stores.content import Content, sealed
from skykey.credentials.stores.document import MOST, VERSION, Unreadable, decode, encode
from skykey.values.errors import UsageError
from skykey.values.life import Life
from skykey.values.origin import Origin
from skykey.values.reach import Reach
from skykey.values.secret import Secret
from skykey.wire.request import TlsIdentity
from tests.credentials.stores.making import CANARY, REACH, held, login

TEXTS = st.text() | st.just("\ud800") | st.just("a\0b")
SECRETS = TEXTS.map(Secret)
SECONDS = st.none() | st.floats(min_value=-1e12, max_value=1e12)
LIVES = st.builds(Life, SECONDS, SECONDS, SECONDS)
HOSTS = st.sampled_from(["site.example", "10.0.0.1", "::1", "xn--bcher-kva.example", "localhost"])
ORIGINS = st.builds(Origin, st.just("https"), HOSTS, st.integers(1, 65535)) | st.just(Origin("http", "127.0.0.1", 8080))
REACHES = st.builds(Reach, st.frozensets(ORIGINS), TEXTS)
CREDENTIALS = st.builds(Bearer, SECRETS, REACHES, LIVES, st.none() | TEXTS) | st.builds(
    Basic, TEXTS, SECRETS, REACHES, LIVES
)
HELD: st.SearchStrategy[Held[Any]] = st.builds(
    Held,
    CREDENTIALS,
    TEXTS,
    renewal=st.none() | SECRETS,
    generation=st.integers(0, 10**30),
    mark=st.none() | st.integers(),
    facts=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def as_object(content: Content) -> dict[str, Any]:
    found = json.loads(content())
    assert isinstance(found, dict)
    return found


def as_content(document: object) -> Content:
    return sealed(json.dumps(document).encode())


@settings(deadline=None)
@given(HELD)
def test_what_was_written_down_is_read_again(given_one: Held[Any]) -> None:
    assert decode(encode(given_one)) == replace(given_one, mark=None)


@settings(deadline=None)
@given(HELD, HELD)
def test_nothing_of_what_was_there_before_gets_into_the_next_one(before: Held[Any], after: Held[Any]) -> None:
    assert encode(after, encode(before))() == encode(after)()


@settings(deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda given: json.dumps(given).encode()))
def test_garbage_is_unreadable_and_raises_nothing(raw: bytes) -> None:
    assert isinstance(decode(sealed(raw)), Unreadable)
    assert decode(encode(held(), sealed(raw))) == held()


@settings(deadline=None)
@given(st.sampled_from(sorted(as_object(encode(held())))), JSON)
def test_a_field_of_another_type_is_unreadable_or_a_credential_and_raises_nothing(name: str, value: object) -> None:
    found = decode(as_content(as_object(encode(held())) | {name: value}))
    assert isinstance(found, (Unreadable, Held))
    if isinstance(found, Held):
        assert decode(encode(found)) == found


@pytest.mark.parametrize("one", [held(), login()], ids=["bearer", "basic"])
def test_every_field_that_is_missing_is_noticed(one: Held[Any]) -> None:
    whole = as_object(encode(one))
    optional = {"identity", "renewal"}
    for name in set(whole) - optional:
        found = decode(as_content({key: value for key, value in whole.items() if key != name}))
        assert isinstance(found, Unreadable), name
        assert CANARY not in found.reason


BROKEN: dict[str, dict[str, Any]] = {
    "another kind": {"kind": "aws"},
    "a newer version": {"skykey": VERSION + 1},
    "no version": {"skykey": "1"},
    "true as version": {"skykey": True},
    "a negative generation": {"generation": -1},
    "true as generation": {"generation": True},
    "half a generation": {"generation": 1.5},
    "a generation that cannot be counted up": {"generation": int("9" * 4300)},
    "facts that are no text": {"facts": {"a": 1}},
    "plain http elsewhere": {"reach": {"origins": ["http://site.example"], "said_by": "x"}},
    "an origin with a path": {"reach": {"origins": ["https://site.example/a"], "said_by": "x"}},
    "an origin in capitals": {"reach": {"origins": ["HTTPS://site.example"], "said_by": "x"}},
    "no origin at all": {"reach": {"origins": ["site.example"], "said_by": "x"}},
    "a look-alike": {"reach": {"origins": ["https://site.example@evil.test"], "said_by": "x"}},
    "one origin that is no list": {"reach": {"origins": "https://site.example", "said_by": "x"}},
    "an end that is text": {"life": {"ends": "soon"}},
    "an end beyond all numbers": {"life": {"ends": 10**400}},
    "a token that is a list": {"token": ["a"]},
    "no token": {"token": None},
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_as_it_should_be_is_unreadable_and_says_no_secret(case: str) -> None:
    found = decode(as_content(as_object(encode(held())) | BROKEN[case]))
    assert isinstance(found, Unreadable), case
    assert found.reason
    assert CANARY not in found.reason


def test_numbers_that_json_does_not_know_are_refused() -> None:
    raw = encode(held())()
    for place in (b'"born": null', b'"look_again": null', b'"identity": '):
        spoiled = raw.replace(place, b'"another": NaN, ' + place)
        assert spoiled != raw
        assert isinstance(decode(sealed(spoiled)), Unreadable)
        assert decode(encode(held(2), sealed(spoiled))) == held(2)


def test_an_end_that_never_comes_is_no_end() -> None:
    never = held()
    never = replace(never, credential=replace(never.credential, life=Life(float("nan"), float("inf"))))
    back = decode(encode(never))
    assert isinstance(back, Held)
    assert back.credential.life == Life()


def test_a_newer_version_is_named_as_that() -> None:
    found = decode(as_content({"skykey": VERSION + 1}))
    assert isinstance(found, Unreadable)
    assert "newer version" in found.reason


def test_the_secrets_of_another_kind_do_not_outlive_a_rewrite() -> None:
    before = encode(login())
    after = as_object(encode(held(), before))
    assert "password" in as_object(before)
    assert {"password", "username"} & set(after) == set()


def test_what_an_unreadable_document_says_is_not_carried_over() -> None:
    before = as_content(as_object(encode(held())) | {"skykey": VERSION + 1, "device": "x"})
    assert "device" not in as_object(encode(held(), before))


def test_a_kind_that_is_not_written_down_is_refused(tmp_path: Any) -> None:
    certificate = Certificate(TlsIdentity(tmp_path / "a.pem", tmp_path / "b.pem"), REACH)
    with pytest.raises(UsageError, match="Certificate is not kept in a store"):
        encode(Held(certificate, "a test"))


def test_facts_that_are_no_text_are_refused_without_showing_the_token() -> None:
    facts: Any = {"number": 5}
    with pytest.raises(UsageError, match="facts are not text"):
        encode(replace(held(), facts=facts))


def test_what_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(UsageError, match="too large"):
        encode(held(size=MOST))
    assert isinstance(decode(encode(held(size=MOST - 1000))), Held)
