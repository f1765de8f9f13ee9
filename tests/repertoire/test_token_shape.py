"""What stands in a token's place: told apart before anything is sent, named, and never shown."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.repertoire.token_shape import LOOKS, NotAToken, check, has_shape
from skykey.sandbox.tokens import is_token
from skykey.values.secret import Secret

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


def looked_at(text: str, *, is_known: bool) -> NotAToken | None:
    try:
        check(Secret(text), "a source", PAGE, is_known=is_known)
    except NotAToken as refused:
        return refused
    return None


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
