"""Errors that are also another library's, where a program has loaded it: its ``except`` clauses go on working."""

from __future__ import annotations

import sys
from typing import Any, Final, TypeVar, cast

T = TypeVar("T", bound=Exception)

_made: Final[dict[tuple[type[Any], type[Any]], type[Any]]] = {}


def theirs_too(ours: type[T], module: str, name: str) -> type[T]:
    """Make a class of errors that is also theirs, if their module is loaded.

    Parameters
    ----------
    ours
        What is to be raised.
    module, name
        Where their class is. It is looked for among loaded modules: whoever catches it has imported it.

    Returns
    -------
    type
        A subclass of both; ours, where there is no other.
    """
    theirs: object = getattr(sys.modules.get(module), name, None)
    if not isinstance(theirs, type) or not issubclass(theirs, Exception):
        return ours
    made: Any = _made.get((ours, theirs))
    if made is None:
        try:
            made = type(ours.__name__, (ours, theirs), {"__module__": ours.__module__, "__doc__": ours.__doc__})
        except TypeError:  # it is ours, served under their name; or a class that does not go together with ours
            made = ours
        _made[ours, theirs] = made
    return cast("type[T]", made)
