"""Which parts of a line are words: a number below zero, a comment with a dash, and nothing that is an option."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skykey.cli.gracedb.words import Grammar

OPTIONS = [
    click.Option(["-d", "--display"]),
    click.Option(["--ra"], type=float),
    click.Option(["-n", "--noauth"], is_flag=True),
    click.Option(["-h", "--help"], is_flag=True),
]
GRAMMAR = Grammar([*OPTIONS, click.Argument(["word"])])


@pytest.mark.parametrize(
    ("line", "options", "words"),
    [
        (["G1", "-5"], [], ["G1", "-5"]),
        (["-.5", "-3,-4", "-1e5"], [], ["-.5", "-3,-4", "-1e5"]),
        (["--ra", "-5", "x"], ["--ra", "-5"], ["x"]),
        (["--ra=-5", "x"], ["--ra=-5"], ["x"]),
        (["-n", "x", "-dfoo"], ["-n", "-dfoo"], ["x"]),
        (["-nd", "foo", "x"], ["-nd", "foo"], ["x"]),
        (["-nh", "x"], ["-nh"], ["x"]),
        (["-d", "-n", "x"], ["-d", "-n"], ["x"]),
        (["- is good", "-n is good", "-- is good", "--- is"], [], ["- is good", "-n is good", "-- is good", "--- is"]),
        (["-da b", "x"], ["-da b"], ["x"]),
        (["-", "x"], [], ["-", "x"]),
        (["x", "--", "-n", "--"], [], ["x", "-n", "--"]),
        (["--nope", "x"], ["--nope"], ["x"]),
        (["-z", "x"], ["-z"], ["x"]),
        (["x", "--ra"], ["--ra"], []),  # click says that its value is missing, and takes no word for it
        (["--ra", "--", "x"], ["--ra"], []),
        (["--noauth=5 x", "y"], ["--noauth=5 x"], ["y"]),
        (["", "x"], [], ["", "x"]),
    ],
)
def test_words_and_options(line: list[str], options: list[str], words: list[str]) -> None:
    assert GRAMMAR.split(line) == (options, words)


PARTS = st.sampled_from(["-n", "--noauth", "-5", "-3,-4", "G1", "a b", "- x", "-", "--ra=1", "--display=x y", "é"])


@given(st.lists(PARTS, max_size=8), st.lists(st.text(max_size=5), max_size=3))
def test_nothing_is_lost_and_the_order_stays(parts: list[str], behind: list[str]) -> None:
    options, words = GRAMMAR.split([*parts, "--", *behind])
    known = [part for part in parts if part in {"-n", "--noauth", "--ra=1", "--display=x y"}]
    assert options == known
    assert words == [*(part for part in parts if part not in known), *behind]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (["event"], 0),
        (["-n", "event"], 1),
        (["-d", "x", "event"], 2),
        (["--", "event"], None),
        (["-n"], None),
        ([], None),
    ],
)
def test_the_first_word_is_the_command(line: list[str], at: int | None) -> None:
    assert GRAMMAR.first_word(line) == at
