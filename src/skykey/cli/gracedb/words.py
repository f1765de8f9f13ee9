"""Which parts of a command line are words, and which are options with what belongs to them.

A declination of -5 and a comment that begins with a dash are words, also where no ``--`` stands before them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBERS: Final = re.compile(r"-[.\d]")


class Grammar:
    """What the options of a command are called, and which of them take a value.

    Parameters
    ----------
    params
        Of the command, with those that it gets of itself.
    """

    def __init__(self, params: Iterable[click.Parameter]) -> None:
        options = [param for param in params if isinstance(param, click.Option)]
        self._takes = {
            name: not option.is_flag for option in options for name in [*option.opts, *option.secondary_opts]
        }

    def split(self, args: Sequence[str]) -> tuple[list[str], list[str]]:
        """Part a command line into its options, with their values, and its words, each in their order.

        An option whose value is missing comes last, without any words: nothing must be taken for its value.

        Examples
        --------
        >>> Grammar([click.Option(["--ra"]), click.Option(["-n"], is_flag=True)]).split(
        ...     ["G1", "--ra", "-5", "-n", "-3,-4", "- why?"]
        ... )
        (['--ra', '-5', '-n'], ['G1', '-3,-4', '- why?'])
        """
        options: list[str] = []
        words: list[str] = []
        left = list(args)
        while left:
            first = left.pop(0)
            if first == "--":
                words += left
                break
            if self._is_word(first):
                words.append(first)
                continue
            options.append(first)
            if self._wants_more(first):
                if not left or left[0] == "--":
                    return options, []
                options.append(left.pop(0))
        return options, words

    def first_word(self, args: Sequence[str]) -> int | None:
        """Where the first word stands, if there is one before ``--``."""
        at = 0
        while at < len(args) and args[at] != "--":
            if self._is_word(args[at]):
                return at
            at += 2 if self._wants_more(args[at]) else 1
        return None

    def _is_word(self, text: str) -> bool:
        if text == "-" or not text.startswith("-"):  # a dash alone is stdin
            return True
        if text.partition("=")[0] in self._takes or (text[1] != "-" and self._short(text) is not None):
            return False
        return " " in text or _NUMBERS.match(text) is not None

    def _wants_more(self, option: str) -> bool:
        """Whether the option's value is the next part."""
        if option.startswith("--"):
            return self._takes.get(option, False)
        return self._short(option) == ""

    def _short(self, text: str) -> str | None:
        """What stands behind the letters of short options; None if there is one that the command does not know.

        It is empty where the last one takes a value, which comes next, and ``-`` where none of them takes one.
        """
        for at, letter in enumerate(text[1:], start=2):
            takes = self._takes.get(f"-{letter}")
            if takes is None:
                return None
            if takes:
                return text[at:]
        return "-"
