"""The documented helpers of ``ligo.gracedb.utils``."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from skykey.gracedb.exceptions import HTTPError, WrongType
from skykey.gracedb.ids import is_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

__all__ = [
    "EVENT_PREFIXES",
    "content_id",
    "dict_to_form_encoded",
    "event_or_superevent",
    "event_prefix_regex",
    "get_mimetype",
    "handle_str_or_list_arg",
    "hook_response",
    "raise_status_exception",
]

T = TypeVar("T")

EVENT_PREFIXES: Final = ["G", "E", "H", "M", "T"]
"""What the ids of events begin with."""

event_prefix_regex: Final = re.compile(rf"^({'|'.join(EVENT_PREFIXES)})\d+")
"""Matches them, and not those of superevents (``MS…``, ``TS…``, ``GW…``)."""


def content_id(filecontents: bytes | str) -> UUID:
    """The id of a file's content: a UUID of the first 16 bytes of its SHA-256.

    Parameters
    ----------
    filecontents
        All of it; text stands for its UTF-8.

    Examples
    --------
    >>> content_id(b"abc")
    UUID('ba7816bf-8f01-cfea-4141-40de5dae2223')
    """
    from uuid import UUID

    from skykey.gracedb import uploads

    return UUID(uploads.content_id(filecontents.encode() if isinstance(filecontents, str) else filecontents))


def event_or_superevent(func: Callable[..., T]) -> Callable[..., T]:
    """Tell a method by ``is_superevent`` which kind of object its first argument names.

    Parameters
    ----------
    func
        A method that takes an id, and the keyword ``is_superevent``.
    """

    @functools.wraps(func)
    def told(self: object, object_id: str, *args: Any, **kwargs: Any) -> T:
        return func(self, object_id, *args, is_superevent=not is_event(object_id), **kwargs)

    return told


def handle_str_or_list_arg(arg: Any, arg_name: str) -> Any:
    """Make a list of a text; a list, and what is empty, stays.

    Parameters
    ----------
    arg
        Of a method.
    arg_name
        What the method calls it.

    Raises
    ------
    WrongType
        A ``TypeError``, for anything else.
    """
    if not arg:
        return arg
    if isinstance(arg, str):
        return [arg]
    if isinstance(arg, list):
        return arg
    raise WrongType(f"{arg_name} arg is {type(arg)}, should be str or list")


def dict_to_form_encoded(body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values of a form; a list repeats its name.

    Parameters
    ----------
    body
        Name to value.

    Examples
    --------
    >>> dict_to_form_encoded({"a": 1, "b": ["x", "y"]})
    [('a', 1), ('b', 'x'), ('b', 'y')]
    """
    pairs: list[tuple[str, Any]] = []
    for name, value in body.items():
        several: Iterable[Any] = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, one) for one in several]
    return pairs


def get_mimetype(file_to_send: str) -> str:
    """What a file's name says that is in it; ``application/octet-stream`` if it says nothing.

    Parameters
    ----------
    file_to_send
        Its name.
    """
    from mimetypes import guess_type

    return guess_type(file_to_send)[0] or "application/octet-stream"


def hook_response(r: Any, *_: Any, **__: Any) -> None:
    """Give a response of ``requests`` the attribute ``status``: a hook for sessions of that library."""
    r.status = r.status_code


def raise_status_exception(r: Any, *_: Any, **__: Any) -> None:
    """Raise for a refusal: a hook for sessions of ``requests``.

    Raises
    ------
    HTTPError
        For 400 and above.
    """
    if r.status_code >= _REFUSALS:
        raise HTTPError(r)


_REFUSALS: Final = 400
