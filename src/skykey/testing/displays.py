"""Every usual way in which a value ends up in front of somebody, so that a secret can be looked for in all of them."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def displays(value: Any) -> dict[str, str]:
    """Show a value in all of them.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    dict
        For each display what it gives, or what its refusal says.
    """
    out = io.StringIO()
    shown: dict[str, Callable[[], Any]] = {
        "repr": lambda: repr(value),
        "str": lambda: str(value),
        "ascii": lambda: ascii(value),
        "bytes": lambda: bytes(value),
        "format": lambda: f"{value} {value!s} {value!r} {value!a}",
        **{f"format {spec}": partial(format, value, spec) for spec in ("", ">60", ".3", "x", "s", "d", "%H", "🜚")},
        "%s": lambda: "%s" % (value,),  # noqa: UP031
        "%r": lambda: "%r" % (value,),  # noqa: UP031
        "%a": lambda: "%a" % (value,),  # noqa: UP031
        "%d": lambda: "%d" % (value,),  # noqa: UP031
        "%(name)s": lambda: "%(name)s" % {"name": value},  # noqa: UP031
        "join": lambda: "".join([value]),  # noqa: FLY002
        "plus": lambda: value + "",
        "template": lambda: "{0} {0!r} {0:>9}".format(value),  # noqa: UP032
        "print": lambda: (print(value, file=out), out.getvalue()),
        "logging": lambda: _logged(value),
        "traceback": lambda: _traced(value),
        "json": lambda: json.dumps(value),
        "json with default": lambda: json.dumps(value, default=str),
        "json in a container": lambda: json.dumps({"a": [value]}, default=repr),
        **{f"pickle {n}": partial(pickle.dumps, value, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
        "pickle in a container": lambda: pickle.dumps({"a": (value,)}),
        "copy": lambda: copy.copy(value),
        "deepcopy": lambda: copy.deepcopy([value]),
        "vars": lambda: vars(value),
        "dict": lambda: value.__dict__,
        "members": lambda: list(_members(value)),
        "slots": lambda: [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())],
        "reduce": lambda: value.__reduce_ex__(4),
        "state": lambda: value.__getstate__(),  # noqa: PLW0108
        "iter": lambda: list(value),
        "asdict": lambda: dataclasses.asdict(value),
        "astuple": lambda: dataclasses.astuple(value),
        "fields": lambda: [getattr(value, field.name) for field in dataclasses.fields(value)],
        "replace": lambda: dataclasses.replace(value),
        "list": lambda: [value],
        "tuple": lambda: (value,),
        "set": lambda: {value},
        "frozenset": lambda: frozenset({value}),
        "dict value": lambda: {"value": value},
        "dict key": lambda: {value: 1},
        "pprint": lambda: pprint.pformat({"value": [value]}, width=20),
        "exception": lambda: repr(ValueError(value)) + str(KeyError(value)),
    }
    return {name: _attempt(make) for name, make in shown.items()}


def _attempt(make: Callable[[], Any]) -> str:
    """What a display gives, or what its refusal says."""
    try:
        return str(make())
    except Exception as problem:  # noqa: BLE001 - a refusal is a display too
        return f"refused: {type(problem).__name__}: {problem} {problem.args!r}"


def _logged(value: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(given)s %(args)s"))
    logger = logging.Logger("displays", level=1)  # noqa: LOG001 - of its own, for one value
    logger.addHandler(handler)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(
            level, "%s %r %(value)s" if isinstance(value, dict) else "%s %r", value, value, extra={"given": value}
        )
    record = logger.makeRecord("displays", 10, "file", 1, "%s", (value,), None, extra={"given": value})
    return stream.getvalue() + str(vars(record)) + record.getMessage()


def _traced(value: object) -> str:
    """A traceback with local variables, and the frames themselves, as a debugger or a crash reporter shows them."""

    def raises(argument: object) -> None:
        local = argument
        container = {"local": local, "list": [local]}
        raise RuntimeError("made up", container)

    shown = ""
    try:
        raises(value)
    except RuntimeError as problem:
        shown = "".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format())
        for frame, _ in traceback.walk_tb(problem.__traceback__):
            shown += repr({name: local for name, local in frame.f_locals.items() if name not in {"problem", "shown"}})
    return shown + repr(sys._getframe().f_locals["value"])  # noqa: SLF001 - as a debugger does


def _members(value: object) -> Iterator[Any]:
    for name in dir(value):
        member = getattr(value, name, None)
        if name != "__doc__" and not callable(member):
            yield name, member
