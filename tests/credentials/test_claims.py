"""A token's claims are read without believing them, and whatever is no token is none (rows A9, A10, G10, H1)."""

import base64
import json
import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.credentials.claims import LARGEST, Claims, claims_of
from skykey.values.secret import Secret

HEADER = {"alg": "RS256", "kid": "k1", "typ": "JWT"}


def part(value: object, *, padded: bool = False) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    text = base64.urlsafe_b64encode(raw).decode()
    return text if padded else text.rstrip("=")


def jwt(payload: object, header: object = HEADER, signature: str = "c2lnbmF0dXJl", *, padded: bool = False) -> Secret:
    return Secret(f"{part(header, padded=padded)}.{part(payload, padded=padded)}.{signature}")


def read(payload: object, **options: Any) -> Claims:
    claims = claims_of(jwt(payload, **options))
    assert claims is not None
    return claims


def test_claims_are_read_as_the_token_has_them() -> None:
    claims = read({"sub": "ada", "iss": "https://idp.example", "aud": "tap", "scope": "read:tap read:image",
                   "iat": 1_700_000_000, "exp": 1_700_003_600.5, "own": {"a": [1]}})  # fmt: skip
    assert claims.header == HEADER
    assert (claims.subject, claims.issuer) == ("ada", "https://idp.example")
    assert (claims.begins, claims.ends) == (1_700_000_000.0, 1_700_003_600.5)
    assert (claims.audiences, claims.scopes) == (("tap",), ("read:tap", "read:image"))
    assert claims.payload["own"] == {"a": [1]}


def test_lists_are_read_like_texts() -> None:
    claims = read({"aud": ["tap", 5, "sia", None], "scope": ["read:tap", "", True, "read:image"]})
    assert claims.audiences == ("tap", "sia")
    assert claims.scopes == ("read:tap", "", "read:image")


def test_what_is_not_there_is_none_or_empty() -> None:
    claims = read({})
    assert (claims.subject, claims.issuer, claims.begins, claims.ends) == (None, None, None, None)
    assert (claims.audiences, claims.scopes) == ((), ())


def test_nbf_stands_in_for_a_missing_iat() -> None:
    assert read({"nbf": 5}).begins == 5.0
    assert read({"nbf": 5, "iat": 7}).begins == 7.0


@pytest.mark.parametrize("value", [True, False, "1700000000", None, [], {}, 10**400, -(10**400)])
def test_a10_what_is_no_number_is_no_time(value: object) -> None:
    """A bool is an int to Python, and would end in 1970."""
    assert read({"exp": value, "iat": value}).ends is None
    assert read({"exp": value, "iat": value}).begins is None


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_a10_what_json_cannot_say_is_no_token(literal: str) -> None:
    assert claims_of(jwt(b'{"exp": ' + literal.encode() + b"}")) is None


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("length", range(5))
def test_padding_is_optional(length: int, *, padded: bool) -> None:
    assert read({"sub": "a" * length}, padded=padded).subject == "a" * length


def test_an_unsigned_token_says_what_it_claims_too() -> None:
    assert read({"sub": "ada"}, header={"alg": "none"}, signature="").subject == "ada"


def test_the_last_of_two_equal_names_counts() -> None:
    assert read(b'{"sub": "a", "sub": "b"}').subject == "b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "gt-abc.def",
        "a.b.c",
        f"{part(HEADER)}.{part({})}",
        f"{part(HEADER)}.{part({})}.a.b.c",  # encrypted: five parts
        f" {part(HEADER)}.{part({})}.c2ln",
        f"{part(HEADER)}.{part({})}.c2ln\n",
        f"Bearer {part(HEADER)}.{part({})}.c2ln",
        f"{part(HEADER)}.{part([1])}.c2ln",
        f"{part(HEADER)}.{part('text')}.c2ln",
        f"{part(HEADER)}.{part(None)}.c2ln",
        f"{part([])}.{part({})}.c2ln",
        f"{part(HEADER)}.{part(b'')}.c2ln",
        f"{part(HEADER)}.{part(bytes([0xFF, 0xFE]))}.c2ln",
        f"{part(HEADER)}.{part(b'{')}.c2ln",
        f"{part(HEADER)}.{part(chr(0xFEFF).encode() + b'{}')}.c2ln",
        f"{part(HEADER)}.{part({})}.c",  # six bits are no byte
        f"{part(HEADER)}.e30===.c2ln",
        f"{part(HEADER)}.e30==.c2ln",
        f"{part(HEADER)}.e3+/.c2ln",
        f"{part(HEADER)}.{part({})[:2]} {part({})[2:]}.c2ln",
        f"{part(HEADER)}.\N{FULLWIDTH LATIN SMALL LETTER E}30.c2ln",
        f"{part(HEADER)}.{part(b'[' * 40_000)}.c2ln",
        f"{part(HEADER)}.{part({})}.\udcff",
    ],
)
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert claims_of(Secret(text)) is None


def test_g10_a_huge_token_is_not_taken_apart() -> None:
    large = {"sub": "a" * (LARGEST // 4 * 3 - 200)}
    assert read(large).subject == large["sub"]
    assert claims_of(jwt({"sub": "a" * LARGEST})) is None
    assert claims_of(Secret("." * 100_000_000)) is None


def test_claims_cannot_be_changed() -> None:
    claims: Any = read({"sub": "ada"})
    with pytest.raises(TypeError):
        claims.payload["sub"] = "eve"
    with pytest.raises(AttributeError):
        claims.payload = {}


def test_h1_neither_claims_nor_frames_hold_the_token() -> None:
    signature = "c1gNaTuRe-cAnArY-0"
    token = jwt({"sub": "ada"}, signature=signature)
    claims = claims_of(token)
    assert signature not in repr(claims)
    assert signature not in json.dumps(frames_of(lambda: claims_of(jwt(b"{", signature=signature))))


def frames_of(work: Callable[[], object]) -> list[str]:
    """The local variables of every frame of the module that is entered, at its end."""
    seen: list[str] = []

    def watch(frame: FrameType, event: str, _: object) -> Any:
        if event == "return" and frame.f_code.co_name == "claims_of":
            seen.append(repr(frame.f_locals))
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        work()
    finally:
        sys.settrace(before)
    assert seen
    return seen


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["exp", "iat", "nbf", "sub", "iss", "aud", "scope"])


@given(st.text(max_size=200) | st.text(alphabet="aA0-_=.e3", max_size=60))
def test_garbage_never_raises(text: str) -> None:
    claims_of(Secret(text))


@given(st.binary(max_size=60), st.binary(max_size=60), st.text(alphabet="aB0-_=", max_size=9))
def test_garbage_in_the_shape_of_a_token_never_raises(header: bytes, payload: bytes, signature: str) -> None:
    claims_of(Secret(f"{part(header)}.{part(payload)}.{signature}"))


@given(st.dictionaries(NAMES, JSON))
def test_whatever_the_claims_are_their_readings_have_their_types(payload: dict[str, Any]) -> None:
    claims = claims_of(jwt(payload))
    if claims is None:  # NaN and the infinities, which Python writes and JSON does not have
        assert "NaN" in json.dumps(payload) or "Infinity" in json.dumps(payload)
        return
    for seconds in (claims.ends, claims.begins):
        assert seconds is None or (type(seconds) is float and math.isfinite(seconds))
    for text in (claims.subject, claims.issuer):
        assert text is None or type(text) is str
    for texts in (claims.audiences, claims.scopes):
        assert all(type(text) is str for text in texts)
    json.dumps(dict(claims.payload), allow_nan=False)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=20) | st.integers() | st.booleans()))
def test_what_was_written_is_what_is_read(payload: dict[str, Any]) -> None:
    assert read(payload).payload == payload
