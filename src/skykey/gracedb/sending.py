"""What goes out, written down: queries, forms, forms with files, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from skykey.values.errors import UsageError
from skykey.values.url import Url

if TYPE_CHECKING:
    from pathlib import Path

    from skykey.wire.request import Body

    FieldValue = str | int | float | bool | Iterable[Any] | None
    Fields = Mapping[str, FieldValue]
    Params = str | bytes | Mapping[str, Any] | Iterable[tuple[str, Any]] | None

_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a form.

    Parameters
    ----------
    name
        Of its field.
    filename
        What the server is to call it.
    content
        Bytes; the path of a file, which is read while it is sent; or an open file, which is read whole at once.
    media_type
        What is in it; None to say nothing.
    """

    name: str
    filename: str
    content: bytes | str | Path | IO[bytes] | IO[str]
    media_type: str | None = None


def with_query(url: str, params: Params) -> Url:
    """A URL with more in its query.

    Parameters
    ----------
    url
        Perhaps with a query of its own; a fragment is dropped.
    params
        Names and values, or text that is a query already. None and empty lists vanish, lists repeat their name.

    Raises
    ------
    BadUrl
        If it is not a URL.
    UsageError
        If the parameters are no pairs.
    """
    if params is None and isinstance(url, Url):
        return url
    match params:
        case bytes():
            query = params.decode("ascii", "replace")
        case str():
            query = params.removeprefix("?")
        case _:
            query = urlencode(_pairs(params or ()))
    plain = url.partition("#")[0].replace(" ", "%20")
    joint = "" if plain.endswith(("?", "&")) else "&" if "?" in plain else "?"
    return Url(f"{plain}{joint}{query}" if query else plain)


def body_of(
    fields: Fields | None = None, files: Iterable[FilePart] = (), document: Any = None
) -> tuple[bytes | Body, str | None]:
    """What to send, and what to call it.

    Parameters
    ----------
    fields
        Names and values of a form; with files they become parts of their own, in front of them.
    files
        Files in the form.
    document
        What to send as JSON in place of a form; None for none.

    Raises
    ------
    UsageError
        If it cannot be written down.
    """
    if document is not None:
        try:
            return json.dumps(document, allow_nan=False).encode(), "application/json"
        except (TypeError, ValueError, RecursionError) as problem:
            raise UsageError(f"this cannot be written as JSON ({problem})") from None
    files = list(files)
    if files:
        return _multipart(_pairs(fields or {}), files)
    if fields is None:
        return b"", None
    return urlencode(_pairs(fields)).encode(), _FORM


def given_body(data: Any, files: Any = None, document: Any = None) -> tuple[bytes | Body, str | None]:
    """What to send, of what users of ``requests`` pass.

    Parameters
    ----------
    data
        Bytes, text, an open file, or names and values of a form.
    files
        Of a form: name to an open file, its content, or a tuple of file name, content and media type; or such pairs.
    document
        What to send as JSON, if there is nothing else.

    Raises
    ------
    UsageError
        If it cannot be written down.
    """
    if files:
        given = files.items() if isinstance(files, Mapping) else files
        return body_of({} if data is None else dict(data), [_file(name, file) for name, file in given])
    if hasattr(data, "read"):
        data = data.read()
    match data:
        case None | b"" | "" | [] | ():
            return body_of(document=document)
        case Mapping() if not data:
            return body_of(document=document)
        case bytes() | bytearray():
            return bytes(data), None
        case str():
            return data.encode(), _FORM
        case _:
            return urlencode(_pairs(data)).encode(), _FORM


def _file(name: str, given: Any) -> FilePart:
    match given:
        case (filename, content):
            return FilePart(name, str(filename or name), content)
        case (filename, content, media_type, *_):
            return FilePart(name, str(filename or name), content, media_type)
        case _:
            path = getattr(given, "name", None)
            return FilePart(name, os.path.basename(path) if isinstance(path, str) else name, given)


def _multipart(pairs: list[tuple[str, str]], files: list[FilePart]) -> tuple[Body, str]:
    from skykey.calls.multipart import Multipart, Part

    parts = [Part(name, value) for name, value in pairs]
    parts += [Part(file.name, _content(file.content), file.filename, file.media_type) for file in files]
    body = Multipart(parts)
    return body, body.media_type


def _content(content: Any) -> bytes | str | Path:
    if hasattr(content, "read"):
        content = content.read()
    return bytes(content) if isinstance(content, bytearray | memoryview) else content


def _pairs(values: Any) -> list[tuple[str, str]]:
    """Names and values as text; without what is None, by itself or in a list."""
    try:
        given = [(name, value) for name, value in (values.items() if isinstance(values, Mapping) else values)]
    except (TypeError, ValueError):
        raise UsageError(
            f"a {type(values).__name__} holds no pairs of names and values", next="pass a mapping"
        ) from None
    pairs: list[tuple[str, str]] = []
    for name, value in given:
        several = value if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else [value]
        pairs += [(_text(name), _text(one)) for one in several if one is not None]
    return pairs


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
