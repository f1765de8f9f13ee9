"""What happens between a store's calls of the operating system: look, fail, swap, die at any of them."""

import builtins
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

NAMES = (
    "chmod", "close", "fsync", "link", "listdir", "lstat", "mkdir", "open", "read", "rename", "replace", "stat",
    "unlink", "write",
)  # fmt: skip


@dataclass
class Step:
    """One moment: before or after the n-th call."""

    number: int
    moment: str
    name: str
    arguments: tuple[Any, ...]


@contextlib.contextmanager
def watched(act: Callable[[Step], None], names: tuple[str, ...] = NAMES) -> Iterator[None]:
    """Act before and after each call of `os` (and of the built-in `open`) in the block; an exception replaces the call.

    What the action itself calls is not watched.
    """
    counted, busy = 0, False

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal counted, busy
            if busy:
                return real(*arguments, **named)
            counted += 1
            number = counted

            def moment(when: str) -> None:
                nonlocal busy
                busy = True
                try:
                    act(Step(number, when, name, arguments))
                finally:
                    busy = False

            moment("before")
            result = real(*arguments, **named)
            moment("after")
            return result

        return call

    real = {name: getattr(os, name) for name in names}
    real_open = builtins.open
    try:
        for name in names:
            setattr(os, name, wrapped(name, real[name]))
        if "open" in names:
            builtins.open = wrapped("open", real_open)
        yield
    finally:
        builtins.open = real_open
        for name in names:
            setattr(os, name, real[name])


def counted(work: Callable[[], object]) -> int:
    """How many moments a piece of work has."""
    seen: list[Step] = []
    with watched(seen.append):
        work()
    return len(seen)


@contextlib.contextmanager
def at(position: int, act: Callable[[], None]) -> Iterator[None]:
    """Act once, at the n-th moment, counted from zero."""
    seen = 0

    def step(_: Step) -> None:
        nonlocal seen
        if seen == position:
            act()
        seen += 1

    with watched(step):
        yield


@contextlib.contextmanager
def failing(name: str, number: int, *, when: Callable[[Step], bool] = lambda _: True) -> Iterator[None]:
    """Let a call fail with an error number, as a full or read-only disk does; a write puts half of it down first."""
    real_write = os.write

    def step(moment: Step) -> None:
        if moment.moment == "before" and moment.name == name and when(moment):
            if name == "write":
                descriptor, data = moment.arguments
                real_write(descriptor, data[: len(data) // 2])
            raise OSError(number, os.strerror(number))

    with watched(step, (name,)):
        yield
