"""What a failed renewal says beside the failure: whose, since when, and whether a clock is wrong (rows A6, B1)."""

import logging

import pytest

from skykey.credentials.circumstances import WRONG_CLOCK, note_clock, note_failure, with_circumstances
from skykey.values.errors import Failed, SkykeyError, Unreachable
from tests.credentials.fakes import CANARY


def told(since: float | None = None, offset: float | None = None) -> str:
    error = with_circumstances(Unreachable("the issuer is away", next="look"), "the login", since, offset)
    assert isinstance(error, Unreachable)
    assert error.next == "look"
    return error.message


@pytest.mark.parametrize(
    ("since", "offset", "added"),
    [
        (None, None, ""),
        (0.0, None, "; the last renewal of the login succeeded 0 s ago"),
        (3599.9, None, "; the last renewal of the login succeeded 3599 s ago"),
        (None, WRONG_CLOCK, ""),
        (None, -WRONG_CLOCK, ""),
        (None, 600.4, "; this machine's clock is 600 s behind the issuer's"),
        (None, -599.6, "; this machine's clock is 600 s ahead of the issuer's"),
        (
            5.0,
            61.0,
            "; the last renewal of the login succeeded 5 s ago; this machine's clock is 61 s behind the issuer's",
        ),
    ],
)
def test_each_circumstance_is_added_if_there_is_one(since: float | None, offset: float | None, added: str) -> None:
    assert told(since, offset) == f"the issuer is away{added}"


def test_the_error_itself_stays_as_it_was() -> None:
    error = Unreachable("the issuer is away", words="no", next="look")
    twin = with_circumstances(error, "the login", 5.0, None)
    assert error.message == "the issuer is away"
    assert twin is not error
    assert isinstance(twin, SkykeyError)
    assert (twin.words, twin.next, twin.renewal) == ("no", "look", "the login")  # type: ignore[attr-defined]
    assert str(twin) == (
        "the issuer is away; the last renewal of the login succeeded 5 s ago\nThe server said: no\nNext: look"
    )


def test_a_renewal_inside_a_renewal_has_said_it_already() -> None:
    inner = with_circumstances(Failed("revoked"), "the token", 5.0, None)
    assert with_circumstances(inner, "the login", 9.0, 600.0) is inner


@pytest.mark.parametrize("error", [RuntimeError("x"), OSError(28, "full"), SystemExit(), KeyboardInterrupt()])
def test_an_error_that_is_not_ours_stays_what_it_is(error: BaseException) -> None:
    assert with_circumstances(error, "the login", 5.0, 600.0) is error


def test_an_error_that_cannot_be_copied_stays_what_it_is() -> None:
    class Stubborn(Failed):
        def __init__(self) -> None:
            super().__init__("no copies")

        def __copy__(self) -> "Stubborn":
            raise TypeError

    error = Stubborn()
    told = with_circumstances(error, "the login", 5.0, None)
    assert isinstance(told, Failed)
    assert "no copies" in told.message


def test_notes_are_logged_without_the_words_of_other_peoples_errors(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        note_failure(Unreachable("the issuer is away"))
        note_failure(RuntimeError(CANARY))
        note_clock(-90.0)
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("skykey.credentials", "the issuer is away; what is held is still valid and stays in use"),
        ("skykey.credentials", "RuntimeError; what is held is still valid and stays in use"),
        (
            "skykey.credentials",
            "this machine's clock is 90 s ahead of the issuer's; lives are counted by the issuer's clock",
        ),
    ]
