"""A source with many candidates: none hides another, the winner stays, and what changed is noticed."""

from dataclasses import replace
from typing import Any

import pytest

from skykey.credentials.provider import Ask, Keeping
from skykey.credentials.sources.several import Several
from skykey.values.errors import Failed, Unavailable
from tests.credentials.fakes import Fake, text_of


def fakes(*names: str) -> list[Fake]:
    return [Fake(name=name, then=f"{name}-{{}}".format, keeping=Keeping.NOT_AT_ALL) for name in names]


def several(found: list[Fake]) -> Several[Any]:
    return Several("the folder", lambda: found)


def test_the_first_that_has_something_wins_and_is_named_after_the_whole() -> None:
    found = fakes("a", "b", "c")
    found[0].error = Unavailable("it is over")
    held = several(found).obtain(None, Ask())
    assert (text_of(held), held.source) == ("b-1", "the folder")
    assert found[2].asked == 0


def test_the_winner_stays_while_it_has_something() -> None:
    found = fakes("a", "b")
    found[0].error = Unavailable("nothing")
    held = several(found).obtain(None, Ask())
    found[0].error = None
    assert text_of(several(found).obtain(held, Ask())) == "b-2"
    assert found[1].seen[-1] is not None
    found[1].error = Unavailable("gone")
    assert text_of(several(found).obtain(held, Ask())) == "a-2"
    assert found[0].seen[-1] is None


def test_if_none_has_anything_each_reason_is_told() -> None:
    found = fakes("a", "b")
    for one in found:
        one.error = Unavailable(f"{one.name} is over")
    with pytest.raises(Unavailable, match="a: a is over; b: b is over"):
        several(found).obtain(None, Ask())
    with pytest.raises(Unavailable, match="there are none"):
        several([]).obtain(None, Ask())


def test_an_unusable_candidate_stops_the_search() -> None:
    found = fakes("a", "b")
    found[0].error = Failed("broken")
    with pytest.raises(Failed, match="broken"):
        several(found).obtain(None, Ask())


def test_only_the_winners_change_counts() -> None:
    found = fakes("a", "b")
    source = several(found)
    held = source.obtain(None, Ask())
    assert not source.changed(held)
    found[1].is_changed = True
    assert not source.changed(held)
    found[0].is_changed = True
    assert source.changed(held)


def test_a_winner_that_is_gone_counts_as_changed() -> None:
    found = fakes("a", "b")
    source = several(found)
    held = source.obtain(None, Ask())
    assert source.changed(replace(held, mark=None))
    del found[0]
    assert source.changed(held)

    def none() -> list[Fake]:
        raise Unavailable("the folder is gone")

    assert Several("the folder", none).changed(held)
    with pytest.raises(Unavailable, match="the folder is gone"):
        Several("the folder", none).obtain(held, Ask())
