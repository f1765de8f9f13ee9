"""What a flow asks its performer to do. Everything else about a call is decided by pure code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from skykey.calls.question import Question
    from skykey.credentials.kept import Kept
    from skykey.values.deadline import Deadline
    from skykey.wire.request import Request


@dataclass(frozen=True, slots=True)
class Need:
    """Get what a keeper holds. Answered with `Held`."""

    keeper: Kept[Any]
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Send:
    """Close the exchange that is open, if one is, and send this. Answered with `Head`."""

    request: Request
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Read:
    """Read on in the open exchange. Answered with bytes, or None at the end."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the open exchange. Answered with None."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait. Answered with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for what another caller asks. Answered with None; the question knows how it ended."""

    question: Question[Any]
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Gather:
    """Perform several flows side by side, so many at once. Answered with their results, in their order.

    The first failure is raised as soon as the others are called off. What they pass on as batches is dropped.
    """

    flows: Sequence[Generator[Step, Any, Any]]
    at_once: int


@dataclass(frozen=True, slots=True)
class Batches:
    """Pass batches on to whoever iterates; a performer that nobody iterates drops them. Answered with None."""

    items: Sequence[object]


@dataclass(frozen=True, slots=True)
class Farewell:
    """Remember what is to be done if the flow is called off: interrupted, cancelled, or closed before its end.

    The performer does it then, within two seconds, and whatever goes wrong with it is nobody's concern any more. When
    the flow returns or raises, it is not done. The latest counts; None takes it back. Answered with None.
    """

    flow: Generator[Step, Any, Any] | None


Step = Need | Send | Read | Close | Pause | Await | Gather | Batches | Farewell
