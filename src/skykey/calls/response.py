"""Whole answers as users of ``requests`` expect them, refused ones too.

::

    responses = Responses()
    try:
        response = yield from ask(Call(request, responses, ...))
    except ServiceError as problem:
        if (refused := responses.refused_with(problem)) is not None: ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from skykey.calls.json_reader import JsonReader
from skykey.calls.refusals import refusal, shortened
from skykey.values.errors import SkykeyError, Unreadable

if TYPE_CHECKING:
    from skykey.values.errors import ServiceError
    from skykey.values.url import Url
    from skykey.wire.request import Head

_ERRORS: Final = 400
_LONGEST_LINKS: Final = 8192  # far longer than any, and short enough for a pattern
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_LINK: Final = re.compile(rf"\s*<([^<>]*)>((?:[^,\"<]|{_QUOTED})*)(?:,|$)")
_PARAMETER: Final = re.compile(rf";\s*([^\s=;,\"]+)\s*(?:=\s*({_QUOTED}|[^\s;,\"]*))?")


class Headers(Mapping[str, str]):
    """Headers, whose names may be written in any case.

    Parameters
    ----------
    headers
        Name to value.
    """

    __slots__ = ("_values",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str, /) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values)}>"  # a value may be a cookie


class NotJson(json.JSONDecodeError, Unreadable):
    """An answer that is not JSON; also what programs catch that used ``requests`` or the standard library."""

    code = Unreadable.code

    def __init__(self, message: str, **more: Any) -> None:
        Unreadable.__init__(self, message, **more)
        # Of the standard library's class; without the document, which may hold a password.
        self.msg, self.doc, self.pos, self.lineno, self.colno = message, "", 0, 1, 1

    __str__ = SkykeyError.__str__

    def __reduce__(self) -> Any:
        return type(self), self.args, self.__dict__


class Response:
    """One answer, whole.

    Parameters
    ----------
    head
        Status and headers.
    content
        The decoded body. Of a refusal, its first 64 KiB.
    """

    __slots__ = ("_head", "content")

    def __init__(self, head: Head, content: bytes) -> None:
        self._head = head
        self.content = content

    @property
    def status_code(self) -> int:
        """The status."""
        return self._head.status

    status = status_code

    @property
    def reason(self) -> str:
        """What the standard calls the status; empty for one that it does not know."""
        from http import HTTPStatus

        try:
            return HTTPStatus(self.status_code).phrase
        except ValueError:
            return ""

    @property
    def ok(self) -> bool:
        """Whether it is no refusal. So is the truth value."""
        return self.status_code < _ERRORS

    @property
    def url(self) -> Url:
        """Where the answer came from, after redirects; a ``str``."""
        return self._head.url

    @property
    def headers(self) -> Headers:
        """The headers."""
        return Headers(self._head.headers)

    @property
    def encoding(self) -> str:
        """What the answer says its text is encoded in; UTF-8 if it does not."""
        named = re.search(r"charset\s*=\s*[\"']?([\w.:+-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return named[1] if named else "utf-8"

    @property
    def text(self) -> str:
        """The body as text; bytes that are none become replacement characters."""
        try:
            return self.content.decode(self.encoding, "replace")
        except (LookupError, ValueError):  # no such encoding, or one that knows no replacement
            return self.content.decode("utf-8", "replace")

    def json(self, **options: Any) -> Any:
        """Parse the body.

        Parameters
        ----------
        **options
            As ``json.loads`` takes them.

        Raises
        ------
        NotJson
            A ``ValueError``, a ``json.JSONDecodeError``. The body is not quoted.
        """
        parsed = self._parsed(options)
        if parsed is None:
            where = self.url.without_query()
            raise NotJson(f"{where} answered with something that is not JSON", status=self.status_code, url=where)
        return parsed[0]

    def _parsed(self, options: Mapping[str, Any]) -> tuple[Any] | None:
        try:
            # RecursionError: a small body of brackets nests deeper than any real document.
            return (json.loads(self.content, **options),)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            return None  # it carries the body: nothing may have it as its context

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The ``Link`` header (RFC 8288): relation to its URL (as it is written) and parameters."""
        return _links(self.headers.get("link", ""))

    def raise_for_status(self) -> None:
        """Raise if it is a refusal.

        Raises
        ------
        ServiceError
            Of the class that fits the status.
        """
        if not self.ok:
            raise self.refusal()

    def refusal(self) -> ServiceError:
        """The error that `raise_for_status` raises."""
        return refusal(self._head, words_in(self._head, self.content), remedy=None)

    def iter_content(self, chunk_size: int | None = 1) -> Iterator[bytes]:
        """The body in pieces.

        Parameters
        ----------
        chunk_size
            Bytes; None for all at once.

        Raises
        ------
        ValueError
            If it is less than 1.
        """
        size = max(1, len(self.content)) if chunk_size is None else chunk_size
        if size < 1:
            raise ValueError(f"a piece has at least one byte, not {size}")
        return (self.content[begin : begin + size] for begin in range(0, len(self.content), size))

    def iter_lines(self) -> Iterator[bytes]:
        """The body line by line, without their ends."""
        return iter(self.content.splitlines())

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_content(128)

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"


class ResponseReader:
    """Collect an answer (see `skykey.calls.call.Reader`).

    Parameters
    ----------
    kept_by
        Where a refused one is kept.
    """

    def __init__(self, kept_by: Responses) -> None:
        self._kept_by = kept_by
        self._body = bytearray()
        self._head: Head | None = None

    def head(self, head: Head, /) -> None:
        """Keep it."""
        self._head = self._kept_by.begun = head

    def feed(self, chunk: bytes, /) -> tuple[()]:
        """Collect."""
        self._body += chunk
        return ()

    def finish(self) -> Response:
        """Give the answer, whatever is in it."""
        if self._head is None:
            raise Unreadable("there is no answer")
        return self._kept_by.kind(self._head, bytes(self._body))

    def words(self, head: Head, body: bytes, /) -> str:
        """Find the error text; keep the whole refusal for who asks `Responses` for it."""
        self._kept_by.refused = self._kept_by.kind(head, body)
        return words_in(head, body)


class Responses:
    """Make readers for one call, and keep what was refused: an answer that raises is an answer too.

    Parameters
    ----------
    kind
        What to make of answers.

    Attributes
    ----------
    begun
        The head of the latest success, also of one whose body was lost.
    """

    def __init__(self, kind: type[Response] = Response) -> None:
        self.kind = kind
        self.refused: Response | None = None
        self.begun: Head | None = None

    def __call__(self) -> ResponseReader:
        """Make a reader."""
        return ResponseReader(self)

    def refused_with(self, problem: ServiceError) -> Response | None:
        """The answer that an error of this call was made of; None if it was made of something else."""
        refused = self.refused
        if refused is None or (refused.status_code, refused.url.without_query()) != (problem.status, problem.url):
            return None
        return refused


def words_in(head: Head, body: bytes) -> str:
    """The error text in an answer: where services put it in JSON, else the beginning of the body; no page."""
    found = JsonReader(lambda document: document).words(head, body)
    if found or head.media_type == "text/html":
        return found
    return shortened(body.decode("utf-8", "replace"))


def _links(text: str) -> dict[str, dict[str, str]]:
    links: dict[str, dict[str, str]] = {}
    for url, parameters in _LINK.findall(text[:_LONGEST_LINKS]):
        link = {"url": url}
        for name, value in _PARAMETER.findall(parameters):
            plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
            key = name.lower().removesuffix("*")
            link[key] = _extended(plain) if name.endswith("*") else plain
        for relation in link["rel"].split() if "rel" in link else [url]:
            links.setdefault(relation, link)
    return links


def _extended(value: str) -> str:
    """Read ``UTF-8'en'r%C3%A9sum%C3%A9`` (RFC 8187)."""
    return unquote(value.split("'", 2)[-1])
