"""Tokens from arguments, variables and functions: trimmed, checked, never shown (rows D2, D3, D4, D11)."""

import os
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.argument import Argument
from skykey.credentials.sources.environment import Variable
from skykey.credentials.sources.function import Function
from skykey.credentials.sources.platform import PlatformSecret
from skykey.testing.clock import FakeClock
from skykey.values.errors import Failed, Unavailable
from skykey.values.secret import Secret
from skykey.values.url import Url
from tests.credentials.fakes import HERE, REACH, text_of
from tests.credentials.sources.checks import unseen
from tests.values.canary import CANARY

NAME = "SOME_TOKEN"
MALFORMED = [f"{CANARY}\n{CANARY}", f"{CANARY}\rX", f"{CANARY} X", f"{CANARY}\x07", f"{CANARY}ä", f"{CANARY}\udcff"]


def argument(text: str) -> Argument:
    return Argument(Secret(text), REACH)


def variable(text: str) -> Variable:
    os.environ[NAME] = text
    return Variable(NAME, REACH)


def function(text: str) -> Function:
    return Function(lambda: text, REACH, "somebody's function")


SOURCES: dict[str, Callable[[str], Any]] = {"argument": argument, "variable": variable, "function": function}


@pytest.fixture(autouse=True)
def _variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "")  # put back at the end, whatever a test sets


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    return SOURCES[request.param]


@pytest.mark.parametrize("around", ["{}", "  {} \n", "{}\r\n", "\ufeff{}", "\ufeff {}\t", "\u00a0{}\u00a0"])
def test_d2_what_surrounds_a_token_is_taken_away(source: Callable[[str], Any], around: str) -> None:
    assert text_of(source(around.format("gt-tok")).obtain(None, Ask())) == "gt-tok"


@pytest.mark.parametrize("text", MALFORMED)
def test_d11_a_malformed_token_stops_the_search_and_is_not_shown(source: Callable[[str], Any], text: str) -> None:
    with pytest.raises(Failed) as caught:
        source(text).obtain(None, Ask())
    unseen(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "\n", "\ufeff", "\ufeff \r\n"])
def test_d4_an_empty_variable_or_answer_is_absent_and_an_empty_argument_is_a_mistake(text: str) -> None:
    with pytest.raises(Unavailable, match=r"^it is set, and empty$"):
        variable(text).obtain(None, Ask())
    with pytest.raises(Unavailable, match=r"^it finds none$"):
        function(text).obtain(None, Ask())
    with pytest.raises(Failed, match="auth_token holds no token: it is empty"):
        argument(text).obtain(None, Ask())


def test_a_variable_that_is_not_set_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME)
    with pytest.raises(Unavailable, match=r"^it is not set$"):
        Variable(NAME, REACH).obtain(None, Ask())


def test_d1_a_variable_that_changes_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    keeper = Keeper(variable("gt-1"), clock=clock)
    held = keeper.get()
    assert not keeper.reject(held, "revoked")
    monkeypatch.setenv(NAME, "gt-2")
    clock.advance(1)
    assert text_of(keeper.get()) == "gt-2"
    monkeypatch.delenv(NAME)
    clock.advance(1)
    with pytest.raises(Unavailable):
        keeper.get()


def test_a_malformed_variable_is_named_with_the_command_that_helps() -> None:
    with pytest.raises(Failed, match=f"the variable {NAME} holds no token: it has 2 lines\nNext: unset {NAME}"):
        variable("a\nb").obtain(None, Ask())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"<html>\n<body>{CANARY}", "it looks like a web page"),
        (f"<!DOCTYPE html>{CANARY}", "it looks like a web page"),
        (f'{{\n  "token": "{CANARY}"\n}}', "it looks like JSON"),
        (f"Bearer {CANARY}", "it begins with a header's words"),
        (f"bearer\t{CANARY}", "it begins with a header's words"),
        (f"Basic {CANARY}", "it begins with a header's words"),
        (f"Authorization: Bearer {CANARY}", "it begins with a header's words"),
        (f"AUTHORIZATION : {CANARY}\nHost: x", "it begins with a header's words"),
        (f"bearers {CANARY}", "it holds blanks or characters that no token has"),
        (f"{CANARY} Bearer", "it holds blanks or characters that no token has"),
        (f"a\rb\n{CANARY}", "it has 3 lines"),
    ],
)
def test_what_was_saved_in_a_tokens_place_is_named(source: Callable[[str], Any], text: str, words: str) -> None:
    with pytest.raises(Failed, match=words) as caught:
        source(text).obtain(None, Ask())
    unseen(caught.value)


@pytest.mark.parametrize("text", ["<html>", "{}", "Bearer", "bearer:x", "Authorization:x"])
def test_what_could_stand_in_a_header_is_not_judged_here(source: Callable[[str], Any], text: str) -> None:
    """One word of visible ASCII may be a token of somebody's; those who know the kind look closer."""
    assert text_of(source(text).obtain(None, Ask())) == text


def test_a_function_that_finds_nothing_new_is_not_worth_a_replay() -> None:
    clock, gives = FakeClock(), ["gt-1"]
    keeper = Keeper(Function(lambda: gives[0], REACH, "f"), clock=clock)
    assert not keeper.reject(keeper.get(), "revoked")
    gives[0] = "gt-2"
    assert keeper.reject(keeper.get(), "revoked")
    assert text_of(keeper.get()) == "gt-2"


def test_d13_what_a_function_raises_is_reported_without_its_words() -> None:
    def raises() -> str:
        raise LookupError(CANARY)

    source = Function(raises, REACH, "somebody's function")
    with pytest.raises(Failed, match=r"^somebody's function raised LookupError$") as caught:
        source.obtain(None, Ask())
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert source.changed(Function(lambda: "gt-1", REACH, "f").obtain(None, Ask()))


def test_a_function_may_say_why_it_has_nothing() -> None:
    def raises() -> str:
        raise Unavailable("not on this machine")

    with pytest.raises(Unavailable, match=r"^not on this machine$"):
        Function(raises, REACH, "f").obtain(None, Ask())


@pytest.mark.parametrize("given", [CANARY.encode(), [CANARY], 5])
def test_d3_what_is_not_text_is_refused_by_its_kind(given: Any) -> None:
    with pytest.raises(Failed, match=rf"f gives {type(given).__name__}, not text$") as caught:
        Function(lambda: given, REACH, "f").obtain(None, Ask())
    unseen(caught.value)


def test_none_from_a_function_is_nothing() -> None:
    with pytest.raises(Unavailable):
        Function(lambda: None, REACH, "f").obtain(None, Ask())


def test_local_sources_are_looked_up_and_not_kept(source: Callable[[str], Any]) -> None:
    assert source("gt-1").keeping is Keeping.NOT_AT_ALL


# -- what a platform mounts belongs to that platform


OTHER = Url("https://other.example").origin


def test_d14_a_platforms_token_is_not_for_another_site() -> None:
    with pytest.raises(Unavailable, match=r"^it belongs to the platform at https://other\.example, and https://site"):
        PlatformSecret(function("gt-1"), lambda: OTHER, HERE.origin).obtain(None, Ask())
    with pytest.raises(Unavailable, match=r"^nothing says to which site it belongs"):
        PlatformSecret(function("gt-1"), lambda: None, HERE.origin).obtain(None, Ask())
    assert text_of(PlatformSecret(function("gt-1"), lambda: HERE.origin, HERE.origin).obtain(None, Ask())) == "gt-1"


def test_a_platform_without_a_token_says_that_and_not_whose_it_is() -> None:
    with pytest.raises(Unavailable, match=r"^it finds none$"):
        PlatformSecret(function(""), lambda: OTHER, HERE.origin).obtain(None, Ask())


def test_an_unusable_token_of_another_site_does_not_stop_the_search() -> None:
    with pytest.raises(Unavailable, match="belongs to"):
        PlatformSecret(function("a\nb"), lambda: OTHER, HERE.origin).obtain(None, Ask())
    with pytest.raises(Failed):
        PlatformSecret(function("a\nb"), lambda: HERE.origin, HERE.origin).obtain(None, Ask())


def test_a_platform_that_becomes_another_one_takes_its_token_along() -> None:
    at = [HERE.origin]
    source = PlatformSecret(function("gt-1"), lambda: at[0], HERE.origin)
    held = source.obtain(None, Ask())
    assert not source.changed(held)
    at[0] = OTHER
    assert source.changed(held)
