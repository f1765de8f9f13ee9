"""``ligo.gracedb.alias``: methods under older names, for programs that use the release's decorators."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["alias", "aliased"]

F = TypeVar("F", bound="Callable[..., Any]")
C = TypeVar("C", bound=type)

_NAMES: Final = "_aliases"


def alias(*aliases: str) -> Callable[[F], F]:
    """Note older names of a method; `aliased` makes them.

    Parameters
    ----------
    aliases
        The names.
    """

    def note(method: F) -> F:
        vars(method)[_NAMES] = {*vars(method).get(_NAMES, ()), *aliases}
        return method

    return note


def aliased(aliased_class: C) -> C:
    """Make the older names of a class's methods; whoever calls one is warned.

    Parameters
    ----------
    aliased_class
        It is changed in place. A name that it has already stays what it is.
    """
    for method in [*vars(aliased_class).values()]:
        for name in getattr(method, _NAMES, ()):
            if not hasattr(aliased_class, name):
                setattr(aliased_class, name, _older(name, method))
    return aliased_class


def _older(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    words = f"Method {name} has been replaced by {method.__name__}, and will be deprecated in a future release"

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(words, DeprecationWarning, stacklevel=2)
        return method(*args, **kwargs)

    return call
