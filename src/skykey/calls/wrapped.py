"""A reader around another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skykey.calls.call import Reader
    from skykey.wire.request import Head

T = TypeVar("T")


class Wrapped(Generic[T]):
    """Leaves everything to the reader inside; whoever has something of its own to look at overrides that.

    Parameters
    ----------
    reader
        The one inside.
    """

    def __init__(self, reader: Reader[T]) -> None:
        self._reader = reader

    def head(self, head: Head, /) -> None:
        """See `Reader.head`."""
        self._reader.head(head)

    def feed(self, chunk: bytes, /) -> Sequence[object]:
        """See `Reader.feed`."""
        return self._reader.feed(chunk)

    def finish(self) -> T:
        """See `Reader.finish`."""
        return self._reader.finish()

    def words(self, head: Head, body: bytes, /) -> str:
        """See `Reader.words`."""
        return self._reader.words(head, body)
