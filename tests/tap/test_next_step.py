"""What to do next is a sentence wherever an error goes, and its parts go along."""

import copy
import pickle

import pytest

from skykey.tap.next_step import NextStep
from skykey.values.errors import UsageError


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])
def test_a_copy_means_the_same(again: object) -> None:
    step = NextStep("start it: ", "client.job('7').run()", "resume", "7")
    assert callable(again)
    other = again(step)
    assert (other, type(other)) == ("start it: client.job('7').run()", NextStep)
    assert (other.lead, other.means, other.of) == ("start it: ", "resume", "7")


def test_in_an_error_it_is_the_sentence() -> None:
    problem = UsageError("there is no value for :a", next=NextStep("give one: ", "values={'a': …}", "value", "a"))
    assert str(problem) == "there is no value for :a\nNext: give one: values={'a': …}"
