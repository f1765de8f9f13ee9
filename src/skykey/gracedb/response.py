"""Answers of GraceDB as its users know them: those of ``requests``, which can also be read like files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast

from skykey.calls.response import Headers, NotJson, Responses
from skykey.calls.response import Response as Answer
from skykey.gracedb.exceptions import HTTPError, as_theirs

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path

    from skykey.values.url import Url
    from skykey.wire.request import Head, Request

_LINES: Final = 512
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Sent:
    """The request that an answer belongs to, without its credentials.

    Parameters
    ----------
    method, url
        As they were sent first.
    headers
        Without those that are secret.
    body
        None if there was none, or if it was read from files.
    """

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes | None = None

    @classmethod
    def of(cls, request: Request) -> Sent:
        """Of what went out."""
        headers = Headers({name: value for name, value in request.headers if isinstance(value, str)})
        return cls(request.method, request.url, headers, request.body if isinstance(request.body, bytes) else None)

    @property
    def path_url(self) -> str:
        """Path and query."""
        return f"{self.url.path}{'?' + self.url.query if self.url.query else ''}"

    def __repr__(self) -> str:
        return f"<Sent [{self.method}]>"


class Response(Answer):
    """One answer, whole.

    Parameters
    ----------
    head, content
        As in the base.

    Attributes
    ----------
    request
        What was asked.
    elapsed
        From sending to the end of the answer, repeats and waits included.
    history
        Always empty: redirects leave nothing behind.
    cookies
        Always empty: none are kept.
    """

    def __init__(self, head: Head, content: bytes) -> None:
        super().__init__(head, content)
        self._encoding: str | None = None
        self._file: io.BytesIO | None = None
        self._seconds = 0.0
        self.request: Sent | None = None
        self.history: list[Response] = []
        self.cookies: dict[str, str] = {}

    @property
    def elapsed(self) -> timedelta:
        """From sending to the end of the answer, repeats and waits included."""
        from datetime import timedelta

        return timedelta(seconds=self._seconds)

    @property
    def encoding(self) -> str:
        """What the text is encoded in, by the answer or by whoever set it; UTF-8 if nobody says."""
        return self._encoding or super().encoding

    @encoding.setter
    def encoding(self, name: str | None) -> None:
        self._encoding = name

    apparent_encoding = encoding

    def json(self, **options: Any) -> Any:
        """Parse the body.

        Parameters
        ----------
        **options
            As ``json.loads`` takes them.

        Raises
        ------
        NotJson
            Also for an empty body, such as that of a 204. A ``ValueError``; where ``requests`` is loaded, its
            ``JSONDecodeError``.
        """
        try:
            return super().json(**options)
        except NotJson as problem:
            where = self.url.without_query()
            if self.content:
                raise as_theirs(problem) from None
            empty = NotJson(
                f"{where} answered {self.status_code} {self.reason} without a body", status=self.status_code, url=where
            )
        raise as_theirs(empty)

    def raise_for_status(self) -> None:
        """Raise if it is a refusal.

        Raises
        ------
        HTTPError
            Of the class that fits the status.
        """
        if not self.ok:
            raise self.refusal()

    def refusal(self) -> HTTPError:
        """The error that `raise_for_status` raises."""
        return HTTPError(self)

    @property
    def is_redirect(self) -> bool:
        """Whether it points elsewhere."""
        return self.status_code in _REDIRECTS and "location" in self.headers

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """The body in pieces.

        Parameters
        ----------
        chunk_size
            Bytes; None for all at once.
        decode_unicode
            Whether to give text.

        Raises
        ------
        ValueError
            If a piece would have less than one byte.
        """
        pieces = super().iter_content(chunk_size)
        return self._decoded(pieces) if decode_unicode else pieces

    def _decoded(self, pieces: Iterator[bytes]) -> Iterator[str]:
        import codecs

        try:
            decoder = codecs.getincrementaldecoder(self.encoding)(errors="replace")
        except LookupError:
            decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for piece in pieces:
            if text := decoder.decode(piece):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def iter_lines(
        self,
        chunk_size: int = _LINES,
        decode_unicode: bool = False,
        delimiter: Any = None,
    ) -> Iterator[Any]:
        """The body line by line, without their ends.

        Parameters
        ----------
        chunk_size
            Without meaning here: the body is whole.
        decode_unicode
            Whether to give text.
        delimiter
            What ends a line; by default whatever ends one.
        """
        del chunk_size
        body: Any = self.text if decode_unicode else self.content
        if delimiter is None:
            return iter(body.splitlines())
        lines = body.split(delimiter)
        return iter(lines[:-1] if not lines[-1] else lines)

    # -- the other face: a file

    @property
    def raw(self) -> io.BytesIO:
        """The body as a file, read from where `read` stands."""
        if self._file is None:
            self._file = io.BytesIO(self.content)
        return self._file

    @property
    def data(self) -> bytes:
        """The body."""
        return self.content

    def read(self, amt: int | None = None, **_: Any) -> bytes:
        """Read on.

        Parameters
        ----------
        amt
            At most so many bytes; None for all that is left.
        """
        return self.raw.read(-1 if amt is None else amt)

    def readable(self) -> bool:
        """It is."""
        return True

    def stream(self, amt: int | None = 2**16, **_: Any) -> Iterator[bytes]:
        """What is left to read, in pieces of so many bytes; None for all at once."""
        while piece := self.read(amt):
            yield piece

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole body into a file, which has its name only when it is whole.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        OSError
            If it cannot be written; what was there before is still there.
        """
        from skykey.calls.target import Target

        with Target(path) as target:
            target.begin(self.url, None)
            target.write(self.content)
            return target.place()

    def close(self) -> None:
        """Nothing: the answer is whole, and its connection is back."""

    release_conn = close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"head": self._head, "content": self.content, **self.__dict__, "_file": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._head, self.content = state.pop("head"), state.pop("content")
        self.__dict__.update(state)

    def __reduce__(self) -> tuple[Any, ...]:
        return object.__new__, (type(self),), self.__getstate__()


def answers(kind: type[Response] = Response) -> Responses:
    """Make readers of answers for one call.

    Parameters
    ----------
    kind
        What to make of them.
    """
    return Responses(kind)


def finished(response: Answer, sent: Sent, seconds: float) -> Response:
    """Give an answer what it does not know by itself.

    Parameters
    ----------
    response
        One that a reader of `answers` made.
    sent
        What was asked.
    seconds
        How long that took.
    """
    made = cast("Response", response)
    made.request, made._seconds = sent, seconds  # noqa: SLF001 - own module
    return made
