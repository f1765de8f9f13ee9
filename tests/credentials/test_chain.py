"""Unavailable goes on, failed stops, the winner stays, and everything is written down (rows D4, D11, D12)."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from skykey.credentials.chain import Chain
from skykey.credentials.credential import Bearer
from skykey.credentials.explanation import explain
from skykey.credentials.held import Held
from skykey.credentials.keeper import Keeper
from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.trace import Attempt, Outcome
from skykey.testing.clock import FakeClock
from skykey.values.errors import Ambiguous, Failed, NoCredential, Overloaded, SourcesAway, Unavailable, Unreachable
from skykey.values.life import Life
from tests.credentials.fakes import CANARY, bearer, text_of

FOUND, SHADOWED, UNAVAILABLE, FAILED, NOT_ASKED = Outcome


@dataclass
class Source:
    """Gives a token, or raises."""

    name: str
    gives: str | BaseException
    keeping: Keeping = Keeping.NOT_AT_ALL
    asked: int = 0
    is_changed: bool = False

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        self.asked += 1
        self.held = held
        if isinstance(self.gives, BaseException):
            raise self.gives
        return bearer(self.gives, Life(look_again=1.0))

    def changed(self, held: Held[Bearer], /) -> bool:
        return self.is_changed


def nothing(name: str, reason: str = "it is not set") -> Source:
    return Source(name, Unavailable(reason))


def chain(*sources: Source) -> Chain[Bearer]:
    return Chain("a token for the site usdf", sources, remedy="create a token at https://site.example/auth/tokens")


def outcomes(trace: Any) -> list[tuple[str, Outcome]]:
    return [(attempt.source, attempt.outcome) for attempt in trace.attempts]


@pytest.mark.parametrize("cause", [Unreachable("no connection"), Overloaded("503"), ValueError("broken"), None])
def test_a_service_that_is_away_is_not_passed_off_as_a_login_that_is_missing(cause: Exception | None) -> None:
    """A pipeline that is told to log in does so in vain; told that it is temporary, it comes back."""
    away = Unavailable("the site does not answer")
    away.__cause__ = cause
    with pytest.raises(NoCredential, match="the site does not answer") as caught:
        chain(nothing("one"), Source("two", away), nothing("three")).obtain(None, Ask())
    is_away = isinstance(cause, Unreachable | Overloaded)
    assert isinstance(caught.value, SourcesAway) == is_away
    assert caught.value.exit_code == (8 if is_away else 4)


def test_an_unavailable_source_does_not_end_the_search() -> None:
    ask = Ask()
    held = chain(nothing("one"), nothing("two"), Source("three", "t3"), Source("four", "t4")).obtain(None, ask)
    assert (text_of(held), held.source) == ("t3", "three")
    assert outcomes(ask.trace) == [("one", UNAVAILABLE), ("two", UNAVAILABLE), ("three", FOUND), ("four", NOT_ASKED)]
    assert ask.trace.attempts[0].reason == "it is not set"
    assert ask.trace.attempts[3].reason == "three comes first"


def test_d11_a_source_that_is_there_and_unusable_is_not_passed_over() -> None:
    other, ask = Source("somebody else", "t2"), Ask()
    broken = Source("the file", Failed("the file holds two lines", next="mend it"))
    with pytest.raises(Failed, match="the file holds two lines"):
        chain(nothing("one"), broken, other).obtain(None, ask)
    assert other.asked == 0
    assert outcomes(ask.trace) == [("one", UNAVAILABLE), ("the file", FAILED)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unreachable("no connection to the issuer"), "no connection to the issuer"),
        (RuntimeError(CANARY), "RuntimeError"),
    ],
)
def test_an_error_of_any_kind_stops_and_is_written_down_without_its_words(error: Exception, reason: str) -> None:
    ask = Ask()
    with pytest.raises(type(error)):
        chain(Source("one", error), Source("two", "t2")).obtain(None, ask)
    assert ask.trace.attempts == (Attempt("one", FAILED, reason),)


def test_the_trace_shows_no_secret() -> None:
    ask = Ask()
    chain(nothing("one"), Source("two", CANARY), Source("three", CANARY)).obtain(None, ask)
    assert CANARY not in repr(ask.trace.attempts) + "".join(map(str, ask.trace.attempts))


def test_an_identity_does_not_change_unseen_while_a_program_runs() -> None:
    first, second, ask = nothing("one"), Source("two", "t2"), Ask()
    sources = chain(first, second, Source("three", "t3"))
    held = sources.obtain(None, Ask())
    first.gives = "t1"  # somebody sets a variable that comes before
    again = sources.obtain(held, ask)
    assert text_of(again) == "t2"
    assert second.held is held
    assert first.asked == 1
    assert outcomes(ask.trace) == [("two", FOUND), ("one", NOT_ASKED), ("three", NOT_ASKED)]
    assert ask.trace.attempts[1].reason == "two won before, and stays"


def test_the_search_starts_again_when_the_winner_has_nothing_any_more() -> None:
    first, second, third = nothing("one"), Source("two", "t2"), Source("three", "t3")
    sources, ask = chain(first, second, third), Ask()
    held = sources.obtain(None, Ask())
    second.gives = Unavailable("it is gone")
    first.gives = "t1"
    assert text_of(sources.obtain(held, ask)) == "t1"
    assert first.held is None, "another source's credential is nobody's business"
    assert outcomes(ask.trace) == [("two", UNAVAILABLE), ("one", FOUND), ("three", NOT_ASKED)]


def test_a_winner_that_became_unusable_stops_the_search() -> None:
    first, second = nothing("one"), Source("two", "t2")
    sources = chain(first, second, Source("three", "t3"))
    held = sources.obtain(None, Ask())
    second.gives = Failed("two lines")
    with pytest.raises(Failed, match="two lines"):
        sources.obtain(held, Ask())


def test_a_change_is_the_winners_business() -> None:
    first, second = Source("one", "t1"), Source("two", "t2")
    sources = chain(first, second)
    held = sources.obtain(None, Ask())
    second.is_changed = True
    assert not sources.changed(held)
    first.is_changed = True
    assert sources.changed(held)
    assert sources.changed(bearer("from a source that is no longer there"))


def test_d12_no_source_at_all_is_an_error_that_lists_them_and_the_next_command() -> None:
    names = [f"the source {n}" for n in range(9)]
    with pytest.raises(NoCredential) as caught:
        chain(*(nothing(name, f"reason {name[-1]}") for name in names)).obtain(None, Ask())
    lines = str(caught.value).splitlines()
    assert lines[0] == "a token for the site usdf was not found; the sources, in order:"
    assert lines[1:-1] == [f"  {name}: unavailable (reason {name[-1]})" for name in names]
    assert lines[-1] == "Next: create a token at https://site.example/auth/tokens"
    assert len(lines) <= 20


def test_a_chain_without_sources_says_so() -> None:
    with pytest.raises(NoCredential, match="not found"):
        chain().obtain(None, Ask())


def test_a_survey_asks_everybody_and_shows_what_is_shadowed() -> None:
    rows = chain(nothing("one"), Source("two", "t2"), Source("three", "t3"), nothing("four")).survey()
    assert [(attempt.source, attempt.outcome) for attempt, _ in rows] == [
        ("one", UNAVAILABLE),
        ("two", FOUND),
        ("three", SHADOWED),
        ("four", UNAVAILABLE),
    ]
    assert [held and text_of(held) for _, held in rows] == [None, "t2", "t3", None]


def test_what_lies_behind_an_unusable_source_is_not_called_the_winner() -> None:
    explanation = explain(chain(nothing("one"), Source("two", Failed("two lines")), Source("three", "t3")))
    assert explanation.winner is None
    assert explanation.failed is not None
    assert explanation.failed.source == "two"
    assert [row.outcome for row in explanation.rows] == [UNAVAILABLE, FAILED, SHADOWED]
    assert explanation.remedy is not None


def test_d13_a_source_that_is_broken_does_not_hide_what_the_others_have() -> None:
    explanation = explain(chain(nothing("one"), Source("two", RuntimeError(CANARY)), Source("three", "t3")))
    assert [(row.outcome, row.reason) for row in explanation.rows][1:] == [(FAILED, "RuntimeError"), (SHADOWED, "")]
    assert CANARY not in repr(explanation)


def test_d5_a_shadowed_source_with_another_token_is_told_apart() -> None:
    explanation = explain(chain(Source("one", "t1"), Source("two", "t1"), Source("three", "t3"), nothing("four")))
    assert [row.same_as_winner for row in explanation.rows] == [True, True, False, None]
    assert explanation.reach == ("https://site.example",)
    assert "t1" not in repr(explanation)


def test_through_a_keeper_the_winner_stays_and_is_lost_and_found() -> None:
    clock = FakeClock()
    first, second = nothing("one"), Source("two", "t2")
    keeper = Keeper(chain(first, second), clock=clock)
    assert text_of(keeper.get()) == "t2"
    first.gives, second.is_changed, second.gives = "t1", True, "t2 anew"
    clock.advance(1)
    assert text_of(keeper.get()) == "t2 anew"
    second.gives = Unavailable("it is gone")
    clock.advance(1)
    assert text_of(keeper.get()) == "t1"
    assert [held.source for held in [keeper.get()]] == ["one"]
    assert outcomes(keeper.trace()) == [("two", UNAVAILABLE), ("one", FOUND)]


# -- what lies behind the winner


@dataclass
class Owned(Source):
    """Says whose it is, and when it ends."""

    whose: str | None = None
    ends: float | None = None

    def obtain(self, held: Held[Bearer] | None, ask: Ask, /) -> Held[Bearer]:
        found = super().obtain(held, ask)
        return replace(found, credential=replace(found.credential, identity=self.whose, life=Life(ends=self.ends)))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "skykey.credentials"]


def test_two_peoples_credentials_are_an_error_where_strictness_was_asked_for() -> None:
    ada, bob, ask = Owned("one", CANARY, whose="ada"), Owned("two", "t2", whose="bob"), Ask()
    with pytest.raises(Ambiguous) as caught:
        replace(chain(ada, bob), strict=True).obtain(None, ask)
    assert str(caught.value) == (
        "one and two hold credentials of different people\n"
        "Next: take one of them away; create a token at https://site.example/auth/tokens"
    )
    with pytest.raises(Ambiguous):
        Keeper(replace(chain(ada, bob), strict=True), clock=FakeClock()).get()


def test_two_peoples_credentials_are_said_once_and_the_first_is_used(caplog: pytest.LogCaptureFixture) -> None:
    sources = chain(Owned("one", CANARY, whose="ada"), Owned("two", "t2", whose="bob"))
    held = sources.obtain(None, Ask())
    for _ in range(3):
        held = sources.obtain(held, Ask())
        assert held.source == "one"
    assert warnings(caplog) == ["one and two hold credentials of different people; the first one is used"]
    assert CANARY not in caplog.text


def test_each_conflict_is_said_however_long_the_names_are(caplog: pytest.LogCaptureFixture) -> None:
    name = "the file /a/folder/whose/name/is/longer/than/anybody/would/type/and/goes/on/and/on/and/on/token-"
    people = [Owned(f"{name}{who}", who, whose=who) for who in ("ada", "bob", "eve")]
    chain(*people).obtain(None, Ask())
    said = warnings(caplog)
    assert len(said) == 2
    assert "bob" in said[0]
    assert "eve" in said[1]


@pytest.mark.parametrize(("mine", "theirs"), [("ada", "ada"), ("ada", None), (None, "bob"), (None, None)])
@pytest.mark.parametrize("strict", [False, True])
def test_who_may_be_the_same_person_is_no_conflict(
    mine: str | None, theirs: str | None, strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sources = replace(chain(Owned("one", "t1", whose=mine), Owned("two", "t2", whose=theirs)), strict=strict)
    assert text_of(sources.obtain(None, Ask())) == "t1"
    assert warnings(caplog) == []


def test_nobody_looks_behind_a_winner_that_says_nothing() -> None:
    behind = Owned("two", "t2", whose="bob")
    chain(Owned("one", "t1"), behind).obtain(None, Ask())
    assert behind.asked == 0


@pytest.mark.parametrize("keeping", [Keeping.IN_PROCESS, Keeping.STORED])
def test_a_comparison_costs_no_request(keeping: Keeping) -> None:
    issuer = Owned("two", "t2", whose="bob", keeping=keeping)
    replace(chain(Owned("one", "t1", whose="ada"), issuer), strict=True).obtain(None, Ask())
    assert issuer.asked == 0


@pytest.mark.parametrize("error", [Unavailable("not set"), Failed("two lines"), RuntimeError(CANARY)])
def test_what_is_not_used_may_be_broken_and_leaves_no_trace(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    ask = Ask()
    sources = replace(chain(Owned("one", "t1", whose="ada"), Source("two", error)), strict=True)
    assert text_of(sources.obtain(None, ask)) == "t1"
    assert outcomes(ask.trace) == [("one", FOUND), ("two", NOT_ASKED)]
    assert CANARY not in caplog.text


def test_a_conflict_behind_a_broken_source_is_seen() -> None:
    sources = chain(Owned("one", "t1", whose="ada"), Source("two", Failed("x")), Owned("three", "t3", whose="bob"))
    with pytest.raises(Ambiguous, match="one and three"):
        replace(sources, strict=True).obtain(None, Ask())


def test_an_ended_token_that_hides_a_fresh_one_is_said_once_while_the_seconds_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock(wall=1000.0)
    sources = chain(Owned("one", CANARY, ends=900.0), Owned("two", CANARY, ends=4600.0))
    for _ in range(5):
        assert sources.obtain(None, Ask(clock)).source == "one"
        clock.advance(7)
    assert warnings(caplog) == [
        "what one holds ended 100 s ago, and hides what two holds, which lives for 3600 s more; take the old one away"
    ]
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [(1001.0, 4600.0), (None, 4600.0), (900.0, None), (900.0, 1000.0), (900.0, 950.0)],
    ids=["alive", "says no end", "other says no end", "other ends now", "both ended"],
)
def test_a_token_that_hides_nothing_better_is_not_complained_about(
    mine: float | None, theirs: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    sources = chain(Owned("one", "t1", whose="ada", ends=mine), Owned("two", "t2", whose="ada", ends=theirs))
    sources.obtain(None, Ask(FakeClock(wall=1000.0)))
    assert warnings(caplog) == []


def test_an_ended_token_of_somebody_else_is_both(caplog: pytest.LogCaptureFixture) -> None:
    sources = chain(Owned("one", "t1", whose="ada", ends=900.0), Owned("two", "t2", whose="bob", ends=4600.0))
    sources.obtain(None, Ask(FakeClock(wall=1000.0)))
    assert len(warnings(caplog)) == 2
