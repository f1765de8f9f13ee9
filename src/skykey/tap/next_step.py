"""What to do next with a client of TAP: in Python's words, and as something that others can put in theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from typing import Self

Meaning: TypeAlias = Literal["as_job", "resume", "tables", "upload", "value"]


class NextStep(str):
    """The ``next`` of an error that names a call; a command names a command in its place.

    Parameters
    ----------
    lead
        How the sentence begins.
    call
        How it ends in Python.
    means
        What the call is for.
    of
        Which job, or which value.

    Examples
    --------
    >>> NextStep("start it: ", "client.job('7').run()", "resume", "7")
    "start it: client.job('7').run()"
    """

    __slots__ = ("lead", "means", "of")
    lead: str
    means: Meaning
    of: str

    def __new__(cls, lead: str, call: str, means: Meaning, of: str = "") -> Self:
        """Be the sentence."""
        made = super().__new__(cls, lead + call)
        made.lead, made.means, made.of = lead, means, of
        return made

    def __getnewargs__(self) -> tuple[str, str, Meaning, str]:  # type: ignore[override]  # errors are pickled
        return self.lead, self.removeprefix(self.lead), self.means, self.of
